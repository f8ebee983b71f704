/* Starts chatd, redis-server and clients for a test, waits for what they say, and ends them with it. */
import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import assert from 'node:assert/strict';
import { io } from 'socket.io-client';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const CHATD = process.env.CHATD || join(ROOT, 'build', 'chat', 'chatd');
const PATIENCE_MS = Number(process.env.PATIENCE_MS) || 15000;

/** A promise that fails, saying what was waited for, instead of hanging. */
export function within(promise, what, ms = PATIENCE_MS) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = globalThis.setTimeout(() => {
            const more = typeof what === 'function' ? what() : what;
            reject(new Error(`waited ${ms} ms in vain for ${more}`));
        }, ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const endings = new WeakMap();

/**
 * Do this when the test ends: the latest first, and all of it, whatever fails. (A hook of t.after that throws
 * keeps the later ones from running, and they run in the order of their registration.)
 */
export function atEnd(t, step) {
    if (!endings.has(t)) {
        endings.set(t, []);
        t.after(async () => {
            const errors = [];
            for (const last of endings.get(t).reverse()) {
                try {
                    await last();
                } catch (error) {
                    errors.push(error);
                }
            }
            if (errors.length) throw errors[0];
        });
    }
    endings.get(t).push(step);
}

export function makeFolder(t) {
    const folder = mkdtempSync(join(tmpdir(), 'chatd-'));
    atEnd(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    return folder;
}

/** A child process whose lines can be waited for. */
class Program {
    constructor(t, command, args, env) {
        this.lines = [];
        this.waiters = new Set();
        this.signals = new Set();
        this.name = command.split('/').pop();
        this.child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
        this.ended = new Promise((resolve) => {
            this.child.once('error', (error) => this.#end({ error }, resolve));
            this.child.once('close', (code, signal) => this.#end({ code, signal }, resolve));
        });
        this.#read('stdout');
        this.#read('stderr');
        atEnd(t, async () => {
            await this.kill();
            this.#mustBeSound();
        });
    }

    /* A crash, or what a sanitizer found, fails the test that it happened in, even if no client noticed. */
    #mustBeSound() {
        const { signal = null } = this.result;
        const findings = this.said().filter((line) => /Sanitizer|runtime error:|Assertion|==\d+==/.test(line));
        if ((signal && !this.signals.has(signal)) || findings.length) {
            throw new Error(`${this.name} ended with ${JSON.stringify(this.result)}: ${this.said().join('\n')}`);
        }
    }

    #end(result, resolve) {
        this.result = result;
        for (const look of this.waiters) look();
        resolve(result);
    }

    #read(name) {
        let rest = '';
        this.child[name].setEncoding('utf8').on('data', (text) => {
            const parts = (rest + text).split('\n');
            rest = parts.pop();
            for (const line of parts) this.lines.push({ from: name, line });
            for (const look of [...this.waiters]) look();
        });
        this.child[name].on('end', () => rest && this.lines.push({ from: name, line: rest }));
    }

    /** What it said so far, or on one stream only. */
    said(from) {
        return this.lines.filter((one) => !from || one.from === from).map((one) => one.line);
    }

    /** The match of the first line, from line number `since` on, that fits. */
    line(pattern, since = 0) {
        const search = new Promise((resolve, reject) => {
            const look = () => {
                const hit = this.said().slice(since).map((line) => pattern.exec(line)).find(Boolean);
                if (hit) resolve(hit);
                else if (this.result) reject(new Error(`${this.name} ended (${JSON.stringify(this.result)}) without ${pattern}: ${this.said().join(' | ')}`));
                else return;
                this.waiters.delete(look);
            };
            this.waiters.add(look);
            look();
        });
        return within(search, () => `${pattern} from ${this.name}, which said: ${this.said().join(' | ')}`);
    }

    signal(name) {
        this.signals.add(name);
        this.child.kill(name);
    }

    exit() {
        return within(this.ended, () => `the end of ${this.name}, which said: ${this.said().join(' | ')}`);
    }

    async stop() {
        this.signal('SIGTERM');
        return this.exit();
    }

    async kill() {
        if (!this.result && this.child.pid) this.signal('SIGKILL');
        await this.ended;
    }
}

/** The environment of a test's chatd: nothing of the caller's that chatd would heed. */
function cleanEnv(t, extra) {
    const env = { PATH: process.env.PATH, HOME: makeFolder(t) };
    for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'LD_LIBRARY_PATH']) {
        if (process.env[name]) env[name] = process.env[name];
    }
    return { ...env, ...extra };
}

/** Run chatd without waiting for anything. */
export function runChatd(t, args, env = {}) {
    return new Program(t, CHATD, args, cleanEnv(t, env));
}

/** Run `chatd rooms`, or another profile, on a free port (or the one given) and wait until it listens. */
export async function startChatd(t, args = [], { env = {}, port = 0, profile = 'rooms' } = {}) {
    const chatd = runChatd(t, [profile, '--port', String(port), ...args], env);
    const [, listening] = await chatd.line(/^Server (?:running|started) on port (\d+)$/);
    chatd.port = Number(listening);
    chatd.url = `http://127.0.0.1:${listening}`;
    return chatd;
}

/** Wait until it is so, asking again and again. */
export async function until(is, what, ms = PATIENCE_MS) {
    let over = false;
    const wait = async () => {
        while (!over && !(await is())) await setTimeout(10);
    };
    await within(wait(), what, ms).finally(() => (over = true));
}

export async function freePort() {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

/**
 * A redis-server in a folder of its own that writes every command down, so that it can be killed and come
 * back. `conf` is more lines of its configuration, `cliArgs` what redis-cli needs to log in.
 */
export async function startRedis(t, { conf = [], cliArgs = [] } = {}) {
    const folder = makeFolder(t);
    const port = await freePort();
    const socket = join(folder, 'redis.sock');
    const file = join(folder, 'redis.conf');
    const lines = [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `unixsocket ${socket}`, 'save ""',
        'appendonly yes', 'appendfsync always', ...conf];
    writeFileSync(file, lines.join('\n') + '\n');
    const redis = { port, socket, url: `redis://127.0.0.1:${port}` };
    redis.start = async () => {
        redis.program = new Program(t, 'redis-server', [file], { PATH: process.env.PATH });
        await redis.program.line(/[Rr]eady to accept connections/);
    };
    redis.kill = () => redis.program.kill();
    redis.run = async (...args) => {
        const { stdout } = await promisify(execFile)('redis-cli', ['-p', String(port), ...cliArgs, '--json', ...args]);
        return JSON.parse(stdout);
    };
    /* What an original would find there: keys of our own begin with chat: (never chat::). */
    redis.content = async (database = '0') => {
        const content = {};
        const readers = { set: ['SMEMBERS'], list: ['LRANGE', '0', '-1'], string: ['GET'] };
        for (const key of await redis.run('-n', database, 'KEYS', '*')) {
            if (/^chat:(?!:)/.test(key)) continue;
            const type = await redis.run('-n', database, 'TYPE', key);
            const [command, ...range] = readers[type] || ['TYPE'];
            const value = await redis.run('-n', database, command, key, ...range);
            content[key] = type === 'set' ? value.sort() : value;
        }
        return content;
    };
    await redis.start();
    return redis;
}

/** A real client that keeps every event in the order of arrival, to be taken one by one. */
export class Client {
    constructor(t, url, options = {}) {
        this.heard = [];
        this.wake = () => {};
        this.socket = io(url, { forceNew: true, reconnection: false, transports: ['websocket'], ...options });
        this.socket.onAny((...event) => {
            this.heard.push(event);
            this.wake();
        });
        atEnd(t, () => this.socket.disconnect());
    }

    static async connect(t, url, options) {
        const client = new Client(t, url, options);
        await client.connected();
        return client;
    }

    async connected() {
        if (this.socket.connected) return;
        const settled = new Promise((resolve, reject) => {
            this.socket.once('connect', resolve);
            if (!this.socket.io.opts.reconnection) this.socket.once('connect_error', reject);
        });
        await within(settled, 'a connection');
    }

    say(...event) {
        this.socket.emit(...event);
    }

    /** The next event, as [name, ...arguments]. */
    async take(ms) {
        const next = (async () => {
            while (this.heard.length === 0) await new Promise((resolve) => (this.wake = resolve));
        })();
        await within(next, 'an event', ms);
        return this.heard.shift();
    }

    /** The next events are these. */
    async takes(...expected) {
        for (const event of expected) assert.deepEqual(await this.take(), event);
    }

    /** Say it, and these are the next events. */
    async does(event, payload, ...expected) {
        this.say(event, payload);
        await this.takes(...expected);
    }

    /** The next event is an error; its text. */
    async refused(text) {
        const event = await this.take();
        assert.equal(event[0], 'error', `an error was due, not ${JSON.stringify(event).slice(0, 200)}`);
        assert.equal(event.length, 2);
        assert.equal(typeof event[1].message, 'string');
        assert.notEqual(event[1].message, '');
        if (text !== undefined) assert.deepEqual(event[1], { message: text });
        return event[1].message;
    }

    /**
     * Nothing was told to this client up to now: what a connection asks is answered in order, so the
     * answer to a question asked now must be the next event.
     */
    async heardNothing() {
        this.say('list:chat', { roomId: 'a room that nobody made' });
        await this.refused();
    }

    /** In a room under a name, with the announcements taken. */
    async creates(roomId, username) {
        const pair = { roomId, username };
        await this.does('create:room', pair, ['create:room:success', pair], ['add:member:success', pair]);
    }
    async joins(roomId, username) {
        const pair = { roomId, username };
        await this.does('add:member', pair, ['add:member:success', pair]);
    }
    async writes(roomId, username, message) {
        const chat = { roomId, username, message };
        await this.does('create:chat', chat, ['create:chat:success', chat]);
    }
    async history(roomId, limit) {
        this.say('list:chat', limit === undefined ? { roomId } : { roomId, limit });
        const [name, answer] = await this.take();
        assert.equal(name, 'list:chat:success', JSON.stringify(answer));
        assert.deepEqual(Object.keys(answer).sort(), ['chats', 'roomId']);
        assert.deepEqual(answer.roomId, roomId);
        return answer.chats;
    }

    /** The reason given when the connection ends. */
    ended() {
        return within(new Promise((resolve) => this.socket.once('disconnect', resolve)), 'a disconnect');
    }
}

/** The stores that contract (a) holds on; `args` are chatd's arguments for it, `redis` is set on Redis. */
export const stores = {
    memory: async () => ({ args: ['--store', 'memory'] }),
    sqlite: async (t) => ({ args: ['--store', `sqlite:${join(makeFolder(t), 'rooms.db')}`] }),
    redis: async (t) => {
        const redis = await startRedis(t);
        return { args: ['--redis', redis.url], redis };
    },
};

/** Wait until the server says that it can reach its store, or that it cannot. */
export async function isReady(chatd, status = 200) {
    await until(async () => (await fetch(`${chatd.url}/readyz`)).status === status,
        () => `readiness ${status} of a server that said: ${chatd.said().join(' | ')}`);
}

/** chatd on one of the stores, ready. */
export async function startOn(t, store, options) {
    const { args, redis } = await stores[store](t);
    const chatd = await startChatd(t, args, options);
    if (redis) await chatd.line(/^Redis connected$/);
    await isReady(chatd);
    chatd.args = args;
    chatd.redis = redis;
    return chatd;
}
