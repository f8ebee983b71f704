/* The msgpack parser: the client of the package socket.io-msgpack-parser, each packet one binary message. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, encode } from 'notepack.io';
import parser from 'socket.io-msgpack-parser';
import WebSocket from 'ws';
import { ask, beside, client, connected, MODES, ready } from '../support/clients.mjs';
import { oursOnly, reference, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { eventually, happens, within } from '../support/waiting.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };

const server = sharedTestbed({ parser: 'msgpack', ...CALM });
const load = sharedTestbed({ contract: 'load', parser: 'msgpack', recovery: 5000 });

const notOfReference = { skip: reference && 'a contract that the reference does not have' };

const VALUES = {
    nothing: [],
    scalars: [null, true, false, '', 'ü 😀 \u0000', 'x'.repeat(70_000)],
    integers: [0, 1, -1, 127, 128, -32, -33, 255, 256, 65535, 65536, 2 ** 32, 2 ** 53 - 1, -(2 ** 53)],
    fractions: [0.1, -1.5, 1e-7, 5e-324, 1234567.891], /* whole numbers beyond 2^64 are lost by the client itself */
    'arrays and objects': [[], {}, [1, [2, [3]]], { a: { b: [{}] }, '': 0, ü: 'ü' }],
    'many arguments': Array.from({ length: 100 }, (_, i) => i),
    'own __proto__ keys': [{ constructor: { prototype: 1 } }],
    bytes: [Buffer.from([1, 2, 3])],
    'an empty buffer': [Buffer.alloc(0)],
    'nested bytes': [{ a: [Buffer.from('one'), { b: Buffer.from('two') }] }, 'y', [[Buffer.alloc(300, 7)]]],
    'a large buffer': [Buffer.alloc(100_000, 5)],
    'what only looks like a placeholder': [{ _placeholder: false, num: 0 }],
};

for (const [mode, transports] of Object.entries(MODES)) {
    describe(`msgpack over ${mode}`, () => {
        const options = { ...transports, parser };

        for (const [name, values] of Object.entries(VALUES)) {
            test(`${name} come back as they went`, async (t) => {
                const socket = await connected(t, server.url, options);
                const back = happens(socket, 'message-back');

                socket.emit('message', ...values);
                assert.deepEqual(await back, values);
                assert.deepEqual(await ask(socket, 'message-with-ack', ...values), values);
            });
        }

        test('the auth of a CONNECT is heard', async (t) => {
            const socket = client(t, server.url, { ...options, auth: { token: 'abc', n: [1, 2.5] } });

            assert.deepEqual(await happens(socket, 'auth'), [{ token: 'abc', n: [1, 2.5] }]);
        });

        test('namespaces join and leave, each for itself', async (t) => {
            const socket = await connected(t, server.url, options);
            const custom = beside(socket, '/custom', { auth: { a: 1 } });

            assert.deepEqual(await happens(custom, 'auth'), [{ a: 1 }]);
            custom.disconnect();
            assert.deepEqual(await ask(socket, 'message-with-ack', 1), [1]);
        });

        test('an unknown namespace is refused with its error', async (t) => {
            const socket = await connected(t, server.url, options);
            const unknown = beside(socket, '/unknown');

            assert.equal((await happens(unknown, 'connect_error'))[0].message, 'Invalid namespace');
        });

        test('a broadcast reaches everybody, bytes and all', async (t) => {
            const [one, two] = await Promise.all([connected(t, load.url, options), connected(t, load.url, options)]);
            const heard = Promise.all([happens(one, 'bcast'), happens(two, 'bcast')]);
            const said = { text: 'hi', bytes: Buffer.from([9, 8, 7]) };

            one.emit('bcast', said);
            for (const [value] of await heard) assert.deepEqual([value.text, [...value.bytes]], ['hi', [9, 8, 7]]);
        });

        test('a broadcast with acknowledgement hears every client', async (t) => {
            const [one, two] = await Promise.all([connected(t, load.url, options), connected(t, load.url, options)]);

            for (const socket of [one, two]) socket.on('question', (x, ack) => ack({ x }));
            await Promise.all([ask(one, 'join', 'msgpack'), ask(two, 'join', 'msgpack')]);
            const [error, answers] = await ask(one, 'bcast-ack', 'msgpack', 'question', 3, 5000);
            assert.equal(error, null);
            assert.deepEqual(answers, [{ x: 3 }, { x: 3 }]);
        });

        test('a client that was cut off hears what it missed', async (t) => {
            const [socket, witness] = await Promise.all([connected(t, load.url, options), connected(t, load.url, options)]);
            const { id } = socket;
            const seen = [];

            socket.on('bcast', (value) => seen.push(value));
            witness.emit('bcast', 1);
            await happens(socket, 'bcast');
            const gone = happens(socket, 'disconnect');
            if (mode === 'websocket') socket.io.engine.transport.ws._socket.destroy();
            else socket.io.engine.close();
            await gone;
            await eventually(async () => (await ask(witness, 'fetch', id))[0].length === 0, 'the server to notice');
            witness.emit('bcast', 2);
            await ask(witness, 'ack', 'said');
            socket.connect();
            await ready(socket);
            assert.equal(socket.recovered, true);
            assert.deepEqual(seen, [1, 2]);
        });
    });
}

test('a middleware refuses with its error', notOfReference, async (t) => {
    const other = await testbedFor(t, { contract: 'client', parser: 'msgpack' });
    const refused = client(t, `${other.url}/no`, { parser });

    assert.equal((await happens(refused, 'connect_error'))[0].message, 'Auth failed (custom namespace)');
});

/* An Engine.IO session over WebSocket, whose messages this test makes itself. */
async function rawSession(t) {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);

    t.after(() => socket.terminate());
    await within(new Promise((resolve) => socket.once('message', resolve)), 'the open packet');
    return socket;
}

const BAD = {
    'text in place of msgpack': '40',
    'no map': encode([0]),
    'nothing at all': Buffer.alloc(0),
    'a cut packet': encode({ type: 0, nsp: '/' }).subarray(0, 5),
    'bytes behind the packet': Buffer.concat([encode({ type: 0, nsp: '/' }), Buffer.from([1])]),
    'an unknown type': encode({ type: 7, nsp: '/' }),
    'a type that is no number': encode({ type: '0', nsp: '/' }),
    'no namespace': encode({ type: 0 }),
    'an event without data': encode({ type: 2, nsp: '/' }),
    'an event without name': encode({ type: 2, nsp: '/', data: [] }),
    'nesting without end': Buffer.alloc(100_000, 0x91),
    'a string of four gigabytes': Buffer.from('dbffffffff', 'hex'),
};

describe('msgpack that is none', () => {
    for (const [name, bytes] of Object.entries(BAD)) {
        test(`${name} closes that client alone`, async (t) => {
            const [socket, neighbour] = await Promise.all([rawSession(t), connected(t, server.url, { parser })]);
            const closed = new Promise((resolve) => socket.once('close', resolve));

            socket.send(bytes);
            await within(closed, 'the end of the connection');
            assert.deepEqual(await ask(neighbour, 'message-with-ack', 1), [1]);
        });
    }
});

describe('a client of msgpack that was connected', () => {
    for (const [name, bytes] of Object.entries(BAD)) {
        /* Node's lets an event without a name pass, and none of its handlers hears it. */
        const options = name === 'an event without name' ? oursOnly : {};

        test(`and sends ${name} leaves by \`forced close\``, options, async (t) => {
            const [socket, neighbour] = await Promise.all([rawSession(t), connected(t, server.url, { parser })]);
            const answered = new Promise((resolve) => socket.once('message', resolve));

            socket.send(encode({ type: 0, nsp: '/' }));
            const { sid } = decode(await within(answered, 'the answer to CONNECT')).data;

            socket.send(bytes);
            await eventually(async () => {
                const [reasons] = await ask(neighbour, 'reasons');
                const found = reasons.find(([id]) => id === sid);

                if (found) assert.equal(found[1], 'forced close');
                return found !== undefined;
            }, 'the reason');
        });
    }
});
