/* A plain WebSocket client that keeps what it hears in the order of arrival, to be taken one by one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { atEnd, within } from './chatd.mjs';

export class Talker {
    constructor(t, url, options) {
        this.heard = [];
        this.wake = () => {};
        this.ws = new WebSocket(url.replace(/^http/, 'ws'), options);
        this.ended = new Promise((resolve) => this.ws.once('close', (code, reason) => resolve({ code, reason: String(reason) })));
        this.ws.on('message', (data, binary) => {
            this.heard.push(binary ? data : data.toString());
            this.wake();
        });
        this.ws.on('error', () => {});
        atEnd(t, () => this.ws.terminate());
    }

    static async connect(t, url, options) {
        const talker = new Talker(t, url, options);
        await within(once(talker.ws, 'open'), 'an open WebSocket');
        return talker;
    }

    say(what) {
        this.ws.send(typeof what === 'string' || Buffer.isBuffer(what) ? what : JSON.stringify(what));
    }

    /** The next message, as it came. */
    async takeText() {
        const next = (async () => {
            while (this.heard.length === 0) await new Promise((resolve) => (this.wake = resolve));
        })();
        await within(next, () => 'a message');
        return this.heard.shift();
    }

    /** The next message, of JSON. */
    async take(type) {
        const message = JSON.parse(await this.takeText());
        if (type !== undefined) assert.equal(message.type, type, JSON.stringify(message).slice(0, 300));
        return message;
    }

    closed() {
        return within(this.ended, 'the end of a WebSocket');
    }
}
