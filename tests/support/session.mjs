/* Engine.IO sessions by hand. */
import assert from 'node:assert/strict';
import { ownerOf } from './testbed.mjs';
import { eventually } from './waiting.mjs';
import { request } from './wire.mjs';
import { RawWebSocket } from './websocket.mjs';

export const SEPARATOR = '\x1e';
export const UNKNOWN_SESSION = '{"code":1,"message":"Session ID unknown"}';

export const POLLING = 'EIO=4&transport=polling';
export const WEBSOCKET = 'EIO=4&transport=websocket';

export class PollingSession {
    constructor(port, path, handshake) {
        this.port = port;
        this.path = path;
        this.handshake = handshake;
        this.sid = handshake.sid;
        this.inbox = [];
    }

    static async open(port, { path = '/engine.io/', query = '', headers } = {}) {
        const response = await request(ownerOf(port), `${path}?${POLLING}${query}`, { headers });

        assert.equal(response.status, 200, response.body);
        assert.equal(response.body[0], '0');
        return new PollingSession(port, path, JSON.parse(response.body.slice(1)));
    }

    get target() {
        return `${this.path}?${POLLING}&sid=${this.sid}`;
    }

    get websocketTarget() {
        return `${this.path}?${WEBSOCKET}&sid=${this.sid}`;
    }

    get(options) {
        return request(this.port, this.target, options);
    }

    post(body, options) {
        return request(this.port, this.target, { method: 'POST', body, ...options });
    }

    async send(body) {
        const response = await this.post(body);

        assert.deepEqual([response.status, response.body], [200, 'ok']);
    }

    /* The next packet, over as many polls as it takes. */
    async next() {
        while (this.inbox.length === 0) {
            const response = await this.get();

            assert.equal(response.status, 200, response.body);
            this.inbox.push(...response.body.split(SEPARATOR));
        }
        return this.inbox.shift();
    }

    /* A noop changes nothing in an open session, and is refused once there is none. */
    async isGone() {
        const response = await this.post('6');

        return response.status === 400 && response.body === UNKNOWN_SESSION;
    }

    gone(limit = 2000) {
        return eventually(() => this.isGone(), 'the session to be gone', limit);
    }

    async alive() {
        await this.send('4still here');
        assert.equal(await this.next(), '4still here');
    }

    probe() {
        return RawWebSocket.open(this.port, this.websocketTarget);
    }

    /* The whole upgrade, as a client does it. */
    async upgrade() {
        const socket = await this.probe();

        socket.sendText('2probe');
        assert.equal(await socket.nextText(), '3probe');
        socket.sendText('5');
        return socket;
    }
}

/* An Engine.IO session on a websocket; the open packet is read. */
export async function openWebSocketSession(port, { path = '/engine.io/', query = '', headers } = {}) {
    const socket = await RawWebSocket.open(port, `${path}?${WEBSOCKET}${query}`, headers);
    const open = await socket.nextText();

    assert.equal(open[0], '0');
    socket.handshake = JSON.parse(open.slice(1));
    return socket;
}

/* The same on /socket.io/, connected to the main namespace, what it is greeted with read. */
export async function openSocketSession(port, { greeting = 1 } = {}) {
    const socket = await openWebSocketSession(port, { path: '/socket.io/' });

    socket.sendText('40');
    socket.connected = JSON.parse((await socket.nextText()).slice(2));
    for (let i = 0; i < greeting; i++) await socket.nextText();
    return socket;
}
