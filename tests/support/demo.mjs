/* Starts `chatd demo` for a test, and people with a cookie each who use it as the demo's page does. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Client, isReady, makeFolder, runChatd, startRedis } from './chatd.mjs';

/** Run `chatd demo` on a free port and wait until it is ready. */
export async function startDemo(t, args = [], { env = {} } = {}) {
    const chatd = runChatd(t, ['demo', '--port', '0', ...args], env);
    const [, port] = await chatd.line(/^Listening on (\d+)\.\.\.$/);
    chatd.port = Number(port);
    chatd.url = `http://127.0.0.1:${port}`;
    await isReady(chatd);
    return chatd;
}

/** The stores that the contract holds on. */
export const homes = {
    sqlite: async (t) => ({ args: ['--store', `sqlite:${join(makeFolder(t), 'demo.db')}`] }),
    redis: async (t) => {
        const redis = await startRedis(t);
        return { args: ['--redis', redis.url], redis };
    },
};

/** A server on one of them. */
export async function startDemoOn(t, home, args = []) {
    const { args: store, redis } = await homes[home](t);
    const chatd = await startDemo(t, [...store, ...args]);
    return Object.assign(chatd, { redis, store });
}

/** Somebody with a browser: a cookie, calls, and at most one socket. */
export class Person {
    constructor(t, url) {
        this.t = t;
        this.url = url;
        this.cookie = undefined;
    }

    async call(path, { method = 'GET', json, body, headers = {} } = {}) {
        const sent = { ...headers };
        if (this.cookie) sent.cookie = `connect.sid=${this.cookie}`;
        if (json !== undefined) sent['content-type'] = 'application/json';
        const answer = await fetch(this.url + path, {
            method, headers: sent, body: json === undefined ? body : JSON.stringify(json), redirect: 'manual',
        });
        const cookie = /^connect\.sid=([^;]*)/.exec(answer.headers.get('set-cookie') || '');
        if (cookie) this.cookie = cookie[1];
        const text = await answer.text();
        const isJson = (answer.headers.get('content-type') || '').startsWith('application/json');
        return { status: answer.status, text, headers: answer.headers, body: isJson && text ? JSON.parse(text) : text };
    }

    post(path, json) {
        return this.call(path, { method: 'POST', json });
    }

    async logIn(username, password = 'password123') {
        const answer = await this.post('/login', { username, password });
        assert.ok(answer.status === 200 || answer.status === 201, answer.text);
        this.user = answer.body;
        this.id = Number(answer.body.id);
        return answer;
    }

    /** Its page's socket: connected, and able to hear. */
    async open(options = {}) {
        this.client = await Client.connect(this.t, this.url,
            { extraHeaders: { cookie: `connect.sid=${this.cookie}` }, ...options });
        return this.client;
    }

    say(roomId, message) {
        this.client.say('message', { roomId, message, from: this.user.id, date: Math.floor(Date.now() / 1000) });
    }

    /** The next event; presence is passed over unless it is asked for. */
    async hears(name) {
        for (;;) {
            const event = await this.client.take();
            if (name ? event[0] === name : !event[0].startsWith('user.')) return event[1];
        }
    }

    /** Nothing but what was taken was told to it before now: its own words in General come back in order. */
    async heardNothing() {
        const text = `mark ${Math.random()}`;
        this.say('0', text);
        const event = await this.client.take();
        assert.deepEqual([event[0], event[1].message], ['message', text]);
    }

    history(roomId, query = '?offset=0&size=50') {
        return this.call(`/room/${encodeURIComponent(roomId)}/messages${query}`);
    }
}

/** Somebody who is logged in. */
export async function person(t, chatd, username, password) {
    const one = new Person(t, chatd.url);
    await one.logIn(username, password);
    return one;
}
