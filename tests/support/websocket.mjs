/* A WebSocket client that can also do what no client should. */
import { createHash, randomBytes } from 'node:crypto';
import { Wire } from './wire.mjs';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export const acceptOf = (key) => createHash('sha1').update(key + GUID).digest('base64');

function encodeLength(length, maskBit) {
    if (length < 126) return Buffer.from([maskBit | length]);
    if (length < 65536) return Buffer.from([maskBit | 126, length >> 8, length & 255]);
    const bytes = Buffer.alloc(9);

    bytes[0] = maskBit | 127;
    bytes.writeBigUInt64BE(BigInt(length), 1);
    return bytes;
}

/* `announced` replaces the length in the header, for frames that promise more than they bring. */
export function encodeFrame(opcode, payload = '', { fin = true, rsv = 0, mask = true, announced } = {}) {
    const data = Buffer.from(payload);
    const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
    const length = encodeLength(announced ?? data.length, mask ? 0x80 : 0);

    if (!mask) return Buffer.concat([head, length, data]);
    const key = randomBytes(4);

    for (let i = 0; i < data.length; i++) data[i] ^= key[i & 3];
    return Buffer.concat([head, length, key, data]);
}

export function upgradeRequest(target, headers = {}) {
    const all = {
        Host: '127.0.0.1',
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== null);

    return `GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

export class RawWebSocket {
    constructor(wire, response) {
        this.wire = wire;
        this.response = response;
    }

    /* Sends the upgrade request, and a text in the same segment if one is given; the response is whatever came. */
    static async attempt(port, target, headers, text) {
        const wire = await Wire.connect(port);
        const early = text === undefined ? '' : encodeFrame(OPCODE.text, text);

        wire.write(Buffer.concat([Buffer.from(upgradeRequest(target, headers)), Buffer.from(early)]));
        const response = await wire.readHead();

        if (response.status !== 101) {
            response.body = (await wire.read(Number(response.headers['content-length'] ?? 0))).toString();
        }
        return new RawWebSocket(wire, response);
    }

    static async open(port, target, headers, text) {
        const socket = await RawWebSocket.attempt(port, target, headers, text);

        if (socket.response.status !== 101) {
            throw new Error(`no upgrade: ${socket.response.statusLine} ${socket.response.body}`);
        }
        return socket;
    }

    send(opcode, payload, how) {
        return this.wire.write(encodeFrame(opcode, payload, how));
    }

    sendText(text) {
        return this.send(OPCODE.text, text);
    }

    /* Everything sent before was handled when this returns, if no frame but the pong is due. */
    async barrier() {
        this.send(OPCODE.ping, 'barrier');
        const frame = await this.next();

        if (frame.opcode !== OPCODE.pong) throw new Error(`expected a pong, got ${frame.bytes.toString('hex')}`);
    }

    /* The next frame; `bytes` is the frame as it stood on the wire. */
    async next(limit) {
        const start = await this.wire.read(2, limit);
        let extra = Buffer.alloc(0);
        let length = start[1] & 127;

        if (length === 126) {
            extra = await this.wire.read(2, limit);
            length = extra.readUInt16BE();
        } else if (length === 127) {
            extra = await this.wire.read(8, limit);
            length = Number(extra.readBigUInt64BE());
        }
        const payload = await this.wire.read(length, limit);

        return {
            fin: start[0] >= 128,
            opcode: start[0] & 15,
            payload,
            text: payload.toString(),
            bytes: Buffer.concat([start, extra, payload]),
        };
    }

    async nextText(limit) {
        const frame = await this.next(limit);

        if (frame.opcode !== OPCODE.text) throw new Error(`expected text, got ${frame.bytes.toString('hex')}`);
        return frame.text;
    }

    /* The close frame's payload as hex: '' without a status. Frames before it are passed over. */
    async closeFrame(limit) {
        for (;;) {
            const frame = await this.next(limit);

            if (frame.opcode === OPCODE.close) return frame.payload.toString('hex');
        }
    }

    async closeCode(limit) {
        const payload = await this.closeFrame(limit);

        return payload === '' ? null : parseInt(payload.slice(0, 4), 16);
    }

    destroy() {
        this.wire.destroy();
    }
}
