import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, connected, MODES } from '../support/clients.mjs';
import { sharedTestbed } from '../support/testbed.mjs';
import { collect, happens } from '../support/waiting.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };

const server = sharedTestbed(CALM);

const VALUES = {
    nothing: [],
    null: [null],
    booleans: [true, false],
    integers: [0, 1, -1, 42, 2 ** 53 - 1, -(2 ** 53)],
    fractions: [0.1, -1.5, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 123456789.123],
    strings: ['', ' ', 'a', '"\\/\b\f\n\r\t', '\u0000\u001f\u007f', '\u2028\u2029'],
    planes: ['éß', 'Яжя', 'てすと', '漢字', '😀👩‍👩‍👧', '𐍈', '\u{1F600}', '\u{2070E}', '\u{E0100}', '\u{10FFFF}', '\ufffd\uffff\ufeff'],
    'lone surrogates': ['\ud800', 'a\udfffb', '\udc00\ud800'],
    arrays: [[], [[]], [1, [2, [3, [4]]]], [null, null]],
    objects: [{}, { '': '' }, { a: { b: { c: [{}] } } }, { 1: 1, ü: 'ü', 'a b': 2 }],
    'own __proto__ keys': [JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":1}}')],
    'a placeholder that is none': [{ _placeholder: false, num: 0 }, { _placeholder: 'true', num: 0 }],
    'many arguments': Array.from({ length: 100 }, (_, i) => i),
    'many keys': [Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key${i}`, i]))],
};

/* What JSON makes of values that it has no form for. */
const CONVERTED = {
    dates: [[new Date(0), { at: new Date(86400000.5) }], ['1970-01-01T00:00:00.000Z', { at: '1970-01-02T00:00:00.000Z' }]],
    'not numbers': [
        [NaN, Infinity, -0],
        [null, null, 0],
    ],
    undefined: [
        [undefined, { a: undefined, b: 1 }],
        [null, { b: 1 }],
    ],
};

const bytes = (length) => Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 255));

const BINARY = {
    'one buffer': [bytes(3)],
    'an empty buffer': [bytes(0)],
    'ten buffers': Array.from({ length: 10 }, (_, i) => bytes(i)),
    'nested buffers': [{ a: [bytes(5), { b: bytes(6), text: 'x' }] }, 'y', [[[bytes(1)]]]],
    'all byte values': [Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
    'buffers beside an object like a placeholder': [bytes(2), { _placeholder: false, num: 0 }],
    'a large buffer': [bytes(100_000)],
};

/* Prototypes differ between what is sent and what JSON gives back; only content counts. */
function assertSame(actual, expected) {
    assert.equal(JSON.stringify(actual), JSON.stringify(expected));
}

async function assertEchoes(socket, sent, expected = sent) {
    const back = happens(socket, 'message-back');

    socket.emit('message', ...sent);
    assertSame(await back, expected);
    assertSame(await ask(socket, 'message-with-ack', ...sent), expected);
}

for (const [mode, options] of Object.entries(MODES)) {
    describe(`events over ${mode}`, () => {
        for (const [what, values] of Object.entries(VALUES)) {
            test(`carry ${what}`, async (t) => {
                await assertEchoes(await connected(t, server.url, options), values);
            });
        }

        for (const [what, [sent, expected]] of Object.entries(CONVERTED)) {
            test(`carry ${what} as JSON does`, async (t) => {
                await assertEchoes(await connected(t, server.url, options), sent, expected);
            });
        }

        for (const [what, values] of Object.entries(BINARY)) {
            test(`carry ${what}`, async (t) => {
                await assertEchoes(await connected(t, server.url, options), values);
            });
        }

        test('bring buffers as buffers', async (t) => {
            const socket = await connected(t, server.url, options);
            const back = happens(socket, 'message-back');

            socket.emit('message', new Uint8Array([1, 2, 3]), { b: new Uint16Array([1]).buffer });
            const [first, second] = await back;

            assert.ok(Buffer.isBuffer(first) && Buffer.isBuffer(second.b));
            assert.deepEqual([...first, ...second.b], [1, 2, 3, 1, 0]);
        });

        for (const size of [0, 1, 125, 126, 65_535, 65_536, 250_000, 999_900]) {
            test(`carry ${size} characters`, async (t) => {
                const socket = await connected(t, server.url, options);
                const text = 'x'.repeat(size);
                const [back] = await ask(socket, 'message-with-ack', text);

                assert.ok(back === text, `${back.length} of ${size}`);
            });
        }

        test('carry a megabyte of binary', async (t) => {
            const socket = await connected(t, server.url, options);
            const size = mode === 'websocket' ? 1_000_000 : 740_000; /* a third more as base64, one POST */
            const data = bytes(size);
            const [back] = await ask(socket, 'message-with-ack', data);

            assert.ok(data.equals(back));
        });

        test('arrive once and in order, text and binary mixed', async (t) => {
            const socket = await connected(t, server.url, options);
            const back = collect(socket, 'message-back', 200);

            for (let i = 0; i < 200; i++) socket.emit('message', i, i % 3 ? `text ${i}` : Buffer.from([i]));
            assert.deepEqual((await back).map(([i]) => i), Array.from({ length: 200 }, (_, i) => i));
        });

        test('may have any name that is not reserved', async (t) => {
            const socket = await connected(t, server.url, options);

            for (const name of ['', 'error', '__proto__', 'constructor', 'toString', 'connection', 'ü😀', 'x'.repeat(1000)]) {
                socket.emit(name, 1);
            }
            assert.deepEqual(await ask(socket, 'message-with-ack', 'after'), ['after']);
        });

        test('may be acknowledged out of turn and at once', async (t) => {
            const socket = await connected(t, server.url, options);
            const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(socket, 'message-with-ack', i)));

            assert.deepEqual(answers, Array.from({ length: 100 }, (_, i) => [i]));
        });

        test('that nobody acknowledges time out, those that are acknowledged do not', async (t) => {
            const socket = await connected(t, server.url, options);

            await assert.rejects(socket.timeout(50).emitWithAck('nobody knows this'), /operation has timed out/);
            assert.equal(await socket.timeout(5000).emitWithAck('message-with-ack', 'x'), 'x');
        });

        test('of a burst come complete and in order, before its acknowledgement', async (t) => {
            const socket = await connected(t, server.url, options);
            const blobs = [];

            socket.on('blob', (index, blob) => blobs.push([index, blob.length]));
            assert.deepEqual(await ask(socket, 'burst', 300, 1000), [300, 1000]);
            assert.deepEqual(blobs, Array.from({ length: 300 }, (_, i) => [i, 1000]));
        });

        test('sent volatile on an open connection arrive, on a closed one do not', async (t) => {
            const socket = await connected(t, server.url, { ...options });
            const back = happens(socket, 'message-back');

            socket.volatile.emit('message', 'now');
            assert.deepEqual(await back, ['now']);
            socket.disconnect();
            socket.volatile.emit('message', 'lost');
            socket.emit('message', 'kept');
            const after = happens(socket, 'message-back');

            socket.connect();
            assert.deepEqual(await after, ['kept']);
        });
    });
}
