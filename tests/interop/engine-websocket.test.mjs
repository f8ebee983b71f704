import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openSocketSession, openWebSocketSession } from '../support/session.mjs';
import { oursOnly, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { OPCODE } from '../support/websocket.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const LIMIT = 1_000_000;

const server = sharedTestbed(CALM);

/* A session of its own for each test, dropped when it ends. */
async function open(t, options) {
    const socket = await openWebSocketSession(server.port, options);

    t.after(() => socket.destroy());
    return socket;
}

async function assertAlive(socket) {
    socket.sendText('4alive');
    assert.equal(await socket.nextText(), '4alive');
}

describe('frames of the server', () => {
    test('are unmasked, whole and as short as they can be', async (t) => {
        const socket = await open(t);

        socket.sendText('4hi');
        assert.equal((await socket.next()).bytes.toString('hex'), '8103346869');
        socket.send(OPCODE.binary, Buffer.from([1, 2, 3]));
        assert.equal((await socket.next()).bytes.toString('hex'), '8203010203');
        socket.sendText('4');
        assert.equal((await socket.next()).bytes.toString('hex'), '810134');
        socket.send(OPCODE.binary, '');
        assert.equal((await socket.next()).bytes.toString('hex'), '8200');
    });

    for (const [length, head] of [
        [125, '817d'],
        [126, '817e007e'],
        [127, '817e007f'],
        [65535, '817effff'],
        [65536, '817f0000000000010000'],
        [LIMIT, '817f00000000000f4240'],
    ]) {
        test(`have the right length at ${length} bytes`, async (t) => {
            const socket = await open(t);
            const text = `4${'x'.repeat(length - 1)}`;

            socket.sendText(text);
            const frame = await socket.next();

            assert.equal(frame.bytes.subarray(0, head.length / 2).toString('hex'), head);
            assert.ok(frame.text === text);
        });
    }

    test('are texts in base64 for a client that asked for b64', async (t) => {
        const socket = await open(t, { query: '&b64=1' });

        socket.send(OPCODE.binary, Buffer.from([1, 2, 3]));
        assert.equal((await socket.next()).bytes.toString('hex'), '8105' + Buffer.from('bAQID').toString('hex'));
    });

    test('keep the order of a hundred messages written at once', async (t) => {
        const socket = await open(t);

        for (let i = 0; i < 100; i++) socket.sendText(`4${i}`);
        for (let i = 0; i < 100; i++) assert.equal(await socket.nextText(), `4${i}`);
    });
});

describe('frames of the client', () => {
    test('may carry binary as base64 text', async (t) => {
        const socket = await open(t);

        socket.sendText('bAQID');
        assert.equal((await socket.next()).bytes.toString('hex'), '8203010203');
    });

    test('may be fragments, cut inside a character', async (t) => {
        const socket = await open(t);
        const bytes = Buffer.from('4тест😀');

        socket.send(OPCODE.text, bytes.subarray(0, 2), { fin: false });
        socket.send(OPCODE.continuation, bytes.subarray(2, 11), { fin: false });
        socket.send(OPCODE.continuation, '', { fin: false });
        socket.send(OPCODE.continuation, bytes.subarray(11));
        assert.equal(await socket.nextText(), '4тест😀');
    });

    test('may be pings between fragments, answered at once', async (t) => {
        const socket = await open(t);

        socket.send(OPCODE.text, '4he', { fin: false });
        socket.send(OPCODE.ping, 'now?');
        const pong = await socket.next();

        assert.deepEqual([pong.opcode, pong.text], [OPCODE.pong, 'now?']);
        socket.send(OPCODE.continuation, 'llo');
        assert.equal(await socket.nextText(), '4hello');
    });

    test('may be pings with nothing, with 125 bytes, and pongs nobody asked for', async (t) => {
        const socket = await open(t);

        socket.send(OPCODE.ping);
        assert.equal((await socket.next()).bytes.toString('hex'), '8a00');
        socket.send(OPCODE.ping, 'p'.repeat(125));
        assert.equal((await socket.next()).payload.length, 125);
        socket.send(OPCODE.pong, 'unasked');
        await assertAlive(socket);
    });

    test('may come byte by byte', async (t) => {
        const socket = await open(t);

        socket.wire.socket.cork();
        for (const byte of Buffer.from('81 82 37 fa 21 3d 03 ca'.replaceAll(' ', ''), 'hex')) {
            socket.wire.write(Buffer.from([byte]));
            socket.wire.socket.uncork();
        }
        assert.equal(await socket.nextText(), '40');
    });

    test('that mean nothing in an open session are passed over', async (t) => {
        const socket = await open(t);

        for (const packet of ['0', '5', '6', '6x', '3', '3x']) socket.sendText(packet);
        await assertAlive(socket);
    });

    for (const [what, text] of [
        ['empty', ''],
        ['of an unknown type', '7'],
        ['a letter', 'x'],
        ['a ping', '2'],
    ]) {
        test(`that are ${what} close the session without a status`, async (t) => {
            const socket = await open(t);

            socket.sendText(text);
            assert.equal((await socket.next()).bytes.toString('hex'), '8800');
        });
    }
});

describe('faults close with their code', () => {
    const bytes = (hex) => Buffer.from(hex, 'hex');
    const faults = [
        [1002, 'an unmasked frame', (s) => s.send(OPCODE.text, '4x', { mask: false })],
        [1002, 'RSV1 without deflate', (s) => s.send(OPCODE.text, '4x', { rsv: 4 })],
        [1002, 'RSV2', (s) => s.send(OPCODE.text, '4x', { rsv: 2 })],
        [1002, 'RSV3', (s) => s.send(OPCODE.text, '4x', { rsv: 1 })],
        [1002, 'opcode 3', (s) => s.send(3, '4x')],
        [1002, 'opcode 11', (s) => s.send(11, '')],
        [1002, 'opcode 15', (s) => s.send(15, '')],
        [1002, 'a fragmented ping', (s) => s.send(OPCODE.ping, 'x', { fin: false })],
        [1002, 'a ping of 126 bytes', (s) => s.send(OPCODE.ping, 'x'.repeat(126))],
        [1002, 'a continuation of nothing', (s) => s.send(OPCODE.continuation, 'x')],
        [
            1002,
            'a new message inside another',
            (s) => {
                s.send(OPCODE.text, '4x', { fin: false });
                s.send(OPCODE.text, '4y');
            },
        ],
        [1002, 'a close of one byte', (s) => s.send(OPCODE.close, bytes('03'))],
        [1002, 'close code 999', (s) => s.send(OPCODE.close, bytes('03e7'))],
        [1002, 'close code 1004', (s) => s.send(OPCODE.close, bytes('03ec'))],
        [1002, 'close code 1005', (s) => s.send(OPCODE.close, bytes('03ed'))],
        [1002, 'close code 1006', (s) => s.send(OPCODE.close, bytes('03ee'))],
        [1002, 'close code 1015', (s) => s.send(OPCODE.close, bytes('03f7'))],
        [1002, 'close code 5000', (s) => s.send(OPCODE.close, bytes('1388'))],
        [1007, 'a close reason that is no UTF-8', (s) => s.send(OPCODE.close, bytes('03e8ff'))],
        [1007, 'text that is no UTF-8', (s) => s.send(OPCODE.text, bytes('34ff'))],
        [1007, 'a surrogate in text', (s) => s.send(OPCODE.text, bytes('34eda080'))],
        [1007, 'an overlong slash in text', (s) => s.send(OPCODE.text, bytes('34c0af'))],
        [1007, 'text that ends inside a character', (s) => s.send(OPCODE.text, bytes('34e282'))],
        [1007, 'text beyond U+10FFFF', (s) => s.send(OPCODE.text, bytes('34f4908080'))],
        [1009, 'a length over the limit, before the payload', (s) => s.send(OPCODE.text, '', { announced: LIMIT + 1 })],
        [
            1009,
            'fragments that sum up to more than the limit',
            (s) => {
                s.send(OPCODE.binary, Buffer.alloc(LIMIT), { fin: false });
                s.send(OPCODE.continuation, 'x');
            },
        ],
        [
            1008,
            'more than 16384 fragments',
            (s) => {
                s.send(OPCODE.binary, '', { fin: false });
                for (let i = 0; i < 16384; i++) s.send(OPCODE.continuation, '', { fin: false });
            },
        ],
    ];

    for (const [code, what, act] of faults) {
        test(`${code}: ${what}`, async (t) => {
            const socket = await open(t);

            act(socket);
            assert.equal(await socket.closeCode(), code);
        });
    }

    test('a length beyond 2^63 is refused', async (t) => {
        const socket = await open(t);

        socket.wire.write(bytes('82ffffffffffffffffff00000000'));
        assert.ok([1002, 1009].includes(await socket.closeCode()));
    });

    test('text that can no longer become UTF-8 is refused before its end', oursOnly, async (t) => {
        const socket = await open(t);

        socket.send(OPCODE.text, bytes('34ff'), { announced: 1000 });
        assert.equal(await socket.closeCode(), 1007);
    });

    test('garbage in the first frame is answered and disturbs nobody', async (t) => {
        const other = await open(t);
        const socket = await open(t);

        socket.wire.write(Buffer.from('f1aabbccddeeff001122334455', 'hex'));
        assert.equal(await socket.closeCode(), 1002);
        await assertAlive(other);
    });
});

describe('closing', () => {
    for (const [what, payload] of [
        ['1000', '03e8'],
        ['1001 and a reason', '03e9627965'],
        ['3000', '0bb8'],
        ['4999', '1387'],
    ]) {
        test(`by the client with ${what} is answered with its code`, async (t) => {
            const socket = await open(t);

            socket.send(OPCODE.close, Buffer.from(payload, 'hex'));
            assert.equal((await socket.closeFrame()).slice(0, 4), payload.slice(0, 4));
            await socket.wire.readToEnd();
        });
    }

    test('by the client without a status is answered without one', async (t) => {
        const socket = await open(t);

        socket.send(OPCODE.close);
        assert.equal(await socket.closeFrame(), '');
        await socket.wire.readToEnd();
    });

    test('by the server has no status, and ends the connection once it is answered', async (t) => {
        const socket = await openSocketSession(server.port);

        t.after(() => socket.destroy());
        socket.sendText('4broken');
        assert.equal((await socket.next()).bytes.toString('hex'), '8800');
        socket.send(OPCODE.close);
        assert.equal((await socket.wire.readToEnd()).length, 0);
    });

    test('of the whole server has no status', async (t) => {
        const other = await testbedFor(t, CALM);
        const socket = await openWebSocketSession(other.port);
        const stopped = other.stop();

        assert.equal((await socket.next()).bytes.toString('hex'), '8800');
        socket.destroy();
        await stopped;
    });

    for (const how of ['reset', 'end', 'destroy']) {
        test(`without a close frame (${how}) leaves nothing behind`, async (t) => {
            const witness = await openSocketSession(server.port);
            const sessions = async () => {
                witness.sendText('427["clients"]');
                return Number(/\[(\d+)\]/.exec(await witness.nextText())[1]);
            };

            t.after(() => witness.destroy());
            const before = await sessions();
            const socket = await openWebSocketSession(server.port, { path: '/socket.io/' });

            assert.equal(await sessions(), before + 1);
            socket.wire[how]();
            while ((await sessions()) !== before) continue;
            socket.destroy();
        });
    }
});
