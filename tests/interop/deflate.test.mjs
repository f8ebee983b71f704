import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { Socket as EngineSocket } from 'engine.io-client';
import WebSocket from 'ws';
import { ask, connected } from '../support/clients.mjs';
import { openWebSocketSession, WEBSOCKET } from '../support/session.mjs';
import { oursOnly, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { collect, happens, within } from '../support/waiting.mjs';
import { OPCODE, RawWebSocket } from '../support/websocket.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const LIMIT = 1_000_000;
const RSV1 = { rsv: 4 };
const REFUSAL = 'Invalid or unacceptable Sec-WebSocket-Extensions header';
/* With what makes Node keep to its threshold, too. */
const OFFER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const TARGET = `/engine.io/?${WEBSOCKET}`;

const server = sharedTestbed({ ...CALM, deflate: true });

/* One message as a client sends it: without its tail. */
function deflate(message, options) {
    const bytes = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH, ...options });

    return bytes.subarray(0, -4);
}

const inflate = (payload) => inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]), { finishFlush: constants.Z_SYNC_FLUSH });

async function attempt(port, offer) {
    const headers = offer === undefined ? {} : { 'Sec-WebSocket-Extensions': offer };
    const socket = await RawWebSocket.attempt(port, TARGET, headers);

    socket.destroy();
    return socket.response;
}

async function open(t, offer = OFFER) {
    const socket = await openWebSocketSession(server.port, { headers: { 'Sec-WebSocket-Extensions': offer } });

    t.after(() => socket.destroy());
    return socket;
}

async function openClient(t, url, perMessageDeflate) {
    const socket = new WebSocket(url, { perMessageDeflate });

    t.after(() => socket.terminate());
    socket.on('error', () => {}); /* what follows fails, and says so */
    await happens(socket, 'message'); /* the open packet */
    return socket;
}

async function echo(socket, message, options = { compress: true }) {
    const binary = Buffer.isBuffer(message);
    const [[answer, isBinary]] = await Promise.all([happens(socket, 'message'), socket.send(message, options)]);

    assert.equal(isBinary, binary);
    assert.ok(binary ? answer.equals(message) : answer.toString() === message, `${message.length} bytes came back otherwise`);
}

describe('permessage-deflate is agreed on', () => {
    for (const [offer, answer] of [
        [undefined, undefined],
        ['permessage-deflate', 'permessage-deflate'],
        ['permessage-deflate; client_max_window_bits', 'permessage-deflate'],
        [
            'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
            'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
        ],
        ['permessage-deflate; server_max_window_bits=9', 'permessage-deflate; server_max_window_bits=9'],
        ['permessage-deflate; client_max_window_bits=9', 'permessage-deflate; client_max_window_bits=9'],
        ['permessage-deflate; server_max_window_bits=9, permessage-deflate', 'permessage-deflate; server_max_window_bits=9'],
        ['x-webkit-deflate-frame', undefined],
        ['x-webkit-deflate-frame, permessage-deflate', 'permessage-deflate'],
    ]) {
        test(`${offer} -> ${answer}`, async () => {
            const response = await attempt(server.port, offer);

            assert.equal(response.status, 101);
            assert.equal(response.headers['sec-websocket-extensions'], answer);
        });
    }

    for (const offer of [
        '',
        'permessage-deflate; unknown',
        'permessage-deflate; server_max_window_bits=7',
        'permessage-deflate; server_max_window_bits',
        'permessage-deflate; server_no_context_takeover=1',
        'permessage-deflate; server_max_window_bits=9; server_max_window_bits=9',
        'permessage-deflate,',
        'permessage-deflate; __proto__',
    ]) {
        test(`and refused for "${offer}"`, async () => {
            const response = await attempt(server.port, offer);

            assert.deepEqual([response.status, response.body], [400, REFUSAL]);
        });
    }

    test('only where it is on: else nothing of the header matters', async (t) => {
        const plain = await testbedFor(t, CALM);

        for (const offer of ['permessage-deflate', 'permessage-deflate; unknown', ';;']) {
            const response = await attempt(plain.port, offer);

            assert.equal(response.status, 101);
            assert.equal(response.headers['sec-websocket-extensions'], undefined);
        }
    });

    test('for an upgrade as for a direct WebSocket', async (t) => {
        const socket = await connected(t, server.url, { perMessageDeflate: { threshold: 0 } });

        if (socket.io.engine.transport.name !== 'websocket') await happens(socket.io.engine, 'upgrade');
        assert.equal(socket.io.engine.transport.ws.extensions, 'permessage-deflate');
        assert.deepEqual(await ask(socket, 'echo', 'x'.repeat(5000)), ['x'.repeat(5000)]);
    });
});

describe('frames of the server', () => {
    for (const [size, isCompressed] of [
        [1, false],
        [1023, false],
        [1024, true],
        [70000, true],
    ]) {
        test(`of ${size} bytes are ${isCompressed ? '' : 'not '}compressed`, async (t) => {
            const socket = await open(t);
            const text = `4${'x'.repeat(size - 1)}`;

            socket.sendText(text);
            const frame = await socket.next();

            assert.equal(frame.bytes[0], isCompressed ? 0xc1 : 0x81);
            assert.equal((isCompressed ? inflate(frame.payload) : frame.payload).toString(), text);
            if (isCompressed) assert.ok(frame.payload.length < size / 2);
        });
    }

    test('never refer to an earlier one', oursOnly, async (t) => {
        const socket = await open(t, 'permessage-deflate');
        const text = `4${randomBytes(1000).toString('hex')}`;

        for (let i = 0; i < 3; i++) {
            socket.sendText(text);
            assert.equal(inflate((await socket.next()).payload).toString(), text);
        }
    });

    test('go as they are when that is shorter', oursOnly, async (t) => {
        const socket = await open(t);
        const bytes = randomBytes(5000);

        socket.send(OPCODE.binary, bytes);
        const frame = await socket.next();

        assert.equal(frame.bytes[0], 0x82);
        assert.ok(frame.payload.equals(bytes));
    });

    test('that answer pings are never compressed', async (t) => {
        const socket = await open(t);

        socket.send(OPCODE.ping, 'x'.repeat(125));
        assert.equal((await socket.next()).bytes[0], 0x8a);
    });

    test('serve clients with and without compression, and every window, in one broadcast', async (t) => {
        const offers = [false, true, { serverMaxWindowBits: 9 }, { serverMaxWindowBits: 12 }, { serverNoContextTakeover: true }];
        const sockets = await Promise.all([
            connected(t, server.url, { transports: ['polling'] }),
            ...offers.map((perMessageDeflate) => connected(t, server.url, { transports: ['websocket'], perMessageDeflate })),
        ]);
        const heard = sockets.map((socket) => collect(socket, 'blob', 20));

        await ask(sockets[0], 'burst', 20, 3000);
        for (const blobs of await Promise.all(heard)) {
            assert.deepEqual(blobs.map(([index]) => index), [...Array(20).keys()]);
            assert.ok(blobs.every(([, text]) => text === 'x'.repeat(3000)));
        }
    });
});

describe("Node's ws client", () => {
    const bits = [undefined, 8, 9, 12, 15];

    for (const serverNoContextTakeover of [false, true]) {
        for (const clientNoContextTakeover of [false, true]) {
            test(`speaks with windows of every size${serverNoContextTakeover ? ', server_no_context_takeover' : ''}${clientNoContextTakeover ? ', client_no_context_takeover' : ''}`, async (t) => {
                const noise = randomBytes(40000);
                const text = `4${noise.toString('base64')}`;

                for (const serverMaxWindowBits of bits) {
                    for (const clientMaxWindowBits of [...bits, true]) {
                        const options = { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, threshold: 0 };

                        if (clientMaxWindowBits !== true) options.clientMaxWindowBits = clientMaxWindowBits;
                        const socket = await openClient(t, `ws://127.0.0.1:${server.port}${TARGET}`, options);

                        assert.match(socket.extensions, /^permessage-deflate/);
                        for (const message of ['4', text, text, `4${'жук '.repeat(3000)}`, noise, noise, Buffer.alloc(0), '4short', Buffer.alloc(LIMIT, 'ab')]) {
                            await echo(socket, message);
                        }
                        socket.terminate();
                    }
                }
            });
        }
    }

    test('refers to what it said before, and is understood', async (t) => {
        const socket = await openClient(t, `ws://127.0.0.1:${server.port}${TARGET}`, { threshold: 0 });
        const noise = randomBytes(30000);

        await echo(socket, noise);
        const before = socket._socket.bytesWritten;
        await echo(socket, noise);
        assert.ok(socket._socket.bytesWritten - before < 1000);
    });

    test('may send fragments, compressed or not, around pings', async (t) => {
        const socket = await openClient(t, `ws://127.0.0.1:${server.port}${TARGET}`, { threshold: 0 });
        const pieces = ['4', 'жук '.repeat(500), '', 'y'.repeat(5000), 'end'];

        for (const compress of [true, false, true]) {
            const answer = happens(socket, 'message');

            pieces.forEach((piece, i) => {
                socket.send(piece, { compress, fin: i === pieces.length - 1 });
                socket.ping();
            });
            assert.equal((await answer)[0].toString(), pieces.join(''));
        }
    });

    test('may mix compressed messages with others', async (t) => {
        const socket = await openClient(t, `ws://127.0.0.1:${server.port}${TARGET}`, { threshold: 0 });

        for (let i = 0; i < 10; i++) await echo(socket, `4${i}${'abc'.repeat(1000)}`, { compress: i % 3 !== 0 });
    });

    test('keeps the order of a hundred messages written at once', async (t) => {
        const socket = await openClient(t, `ws://127.0.0.1:${server.port}${TARGET}`, true);
        const answers = collect(socket, 'message', 100);

        for (let i = 0; i < 100; i++) socket.send(`4${i}${'x'.repeat((i % 2) * 3000)}`);
        assert.deepEqual((await answers).map(([data]) => parseInt(data.toString().slice(1), 10)), [...Array(100).keys()]);
    });
});

test('engine.io-client says and hears compressed messages', async (t) => {
    const client = new EngineSocket(server.url, { transports: ['websocket'], perMessageDeflate: { threshold: 0 } });

    t.after(() => client.close());
    await happens(client, 'open');
    assert.equal(client.transport.ws.extensions, 'permessage-deflate');
    for (const message of ['short', 'long '.repeat(2000), 'жук']) {
        const answer = happens(client, 'message');

        client.send(message);
        assert.deepEqual(await answer, [message]);
    }
});

describe('what a client gets wrong', () => {
    for (const [what, send, code] of [
        ['data that is not compressed', (socket) => socket.send(OPCODE.text, 'hello', RSV1), 1007],
        ['a block of no known kind', (socket) => socket.send(OPCODE.binary, Buffer.from([6, 0]), RSV1), 1007],
        ['a reference behind its window', (socket) => socket.send(OPCODE.text, Buffer.from('f200110000', 'hex'), RSV1), 1007],
        ['text that is not UTF-8', (socket) => socket.send(OPCODE.text, deflate(Buffer.from([0x34, 0xff])), RSV1), 1007],
        ['RSV1 on a ping', (socket) => socket.send(OPCODE.ping, '', RSV1), 1002],
        ['RSV1 on a close frame', (socket) => socket.send(OPCODE.close, '', RSV1), 1002],
        ['RSV2', (socket) => socket.send(OPCODE.text, deflate('4'), { rsv: 6 }), 1002],
        [
            'RSV1 on a continuation',
            (socket) => {
                socket.send(OPCODE.text, deflate('4').subarray(0, 1), { ...RSV1, fin: false });
                socket.send(OPCODE.continuation, deflate('4').subarray(1), RSV1);
            },
            1002,
        ],
        ['one byte more than the limit', (socket) => socket.send(OPCODE.binary, deflate(Buffer.alloc(LIMIT + 1)), RSV1), 1009],
    ]) {
        test(`${what} closes with ${code}, and nobody else notices`, async (t) => {
            const [socket, witness] = await Promise.all([open(t), open(t)]);

            send(socket);
            assert.equal(await socket.closeCode(), code);
            witness.send(OPCODE.text, deflate(`4${'still here'.repeat(200)}`), RSV1);
            assert.equal(inflate((await witness.next()).payload).toString(), `4${'still here'.repeat(200)}`);
        });
    }

    test('RSV1 where nothing was agreed on closes with 1002', async (t) => {
        const plain = await openWebSocketSession(server.port);

        t.after(() => plain.destroy());
        plain.send(OPCODE.text, deflate('4hello'), RSV1);
        assert.equal(await plain.closeCode(), 1002);
    });

    test('a message of the limit is no fault', async (t) => {
        const socket = await open(t);

        socket.send(OPCODE.binary, deflate(Buffer.alloc(LIMIT)), RSV1);
        assert.ok(inflate((await socket.next()).payload).equals(Buffer.alloc(LIMIT)));
    });

    test('a compressed empty message is one, whether it has its byte or not', async (t) => {
        const socket = await open(t);

        for (const payload of [Buffer.from([0]), Buffer.alloc(0)]) {
            socket.send(OPCODE.binary, payload, RSV1);
            assert.equal((await socket.next()).bytes.toString('hex'), '8200');
        }
    });
});

describe('a bomb', () => {
    const MEGABYTE = 1 << 20;
    const piece = deflateRawSync(Buffer.alloc(MEGABYTE), { finishFlush: constants.Z_FULL_FLUSH, level: 9 });

    for (const [what, megabytes] of [
        ['of a gigabyte, too long even compressed', 1024],
        ['of 900 MB within the limit when compressed', 900],
    ]) {
        test(`${what}, dies within the memory of the payload limit`, async (t) => {
            const own = await testbedFor(t, { ...CALM, deflate: true });
            const headers = { 'Sec-WebSocket-Extensions': OFFER };
            const bomb = Buffer.concat(Array(megabytes).fill(piece));
            const socket = await openWebSocketSession(own.port, { headers });

            t.after(() => socket.destroy());
            assert.equal(bomb.length > LIMIT, megabytes === 1024);
            const before = own.memory();

            socket.send(OPCODE.binary, bomb, RSV1);
            assert.equal(await within(socket.closeCode(), 'the close frame', 5000), 1009);
            assert.ok(own.memory() - before < 16 * LIMIT, `${own.memory() - before} bytes more`);
        });
    }

    test('in fragments dies as well', async (t) => {
        const socket = await open(t);

        socket.send(OPCODE.binary, piece, { ...RSV1, fin: false });
        for (let i = 0; i < 100; i++) socket.send(OPCODE.continuation, piece, { fin: i === 99 });
        assert.equal(await socket.closeCode(), 1009);
    });
});
