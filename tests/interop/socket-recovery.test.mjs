import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, connected, ready } from '../support/clients.mjs';
import { PollingSession, SEPARATOR } from '../support/session.mjs';
import { oursOnly, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { eventually, happens, pause } from '../support/waiting.mjs';

const server = sharedTestbed({ contract: 'load', recovery: 600 });
const MODES = { websocket: { transports: ['websocket'] }, polling: { transports: ['polling'] } };
const AWAY_MS = 1000;

/* A client that comes back when it is told to, and keeps what it hears. */
async function visitor(t, options) {
    const socket = await connected(t, server.url, options);

    socket.seen = [];
    socket.onAny((event, ...args) => socket.seen.push([event, args[0]]));
    return socket;
}

/* Cut the connection under it, without a word of goodbye. */
async function cut(socket) {
    const { transport } = socket.io.engine;
    const gone = happens(socket, 'disconnect');

    if (transport.name === 'websocket') transport.ws._socket.destroy();
    else socket.io.engine.close();
    await gone;
}

/* Once the server has noticed: nobody is in the socket's room any more. */
async function isGone(witness, id) {
    await eventually(async () => (await ask(witness, 'fetch', id))[0].length === 0, 'the server to notice');
}

for (const [mode, options] of Object.entries(MODES)) {
    describe(`recovery over ${mode}`, () => {
        test('a client that was cut off hears what it missed, and is who it was', async (t) => {
            const [socket, witness] = await Promise.all([visitor(t, options), visitor(t, options)]);
            const { id } = socket;

            await ask(socket, 'join', 'red');
            witness.emit('bcast', 1);
            await happens(socket, 'bcast');
            await cut(socket);
            await isGone(witness, id);
            witness.emit('bcast', 2);
            witness.emit('room', 'red', 3);
            witness.emit('room', 'blue', 4);
            witness.emit('room', 'red', Buffer.from([5]));
            await ask(witness, 'ack', 'said');
            socket.connect();
            await ready(socket);

            assert.equal(socket.recovered, true);
            assert.equal(socket.id, id);
            assert.deepEqual(socket.seen, [['bcast', 1], ['bcast', 2], ['room', 3], ['room', Buffer.from([5])]]);
            assert.deepEqual((await ask(witness, 'fetch', 'red'))[0].map((one) => one.id), [id]);
        });

        /* Node's client has no offset to give, and Node's server wants one. */
        test('a client that had heard nothing gets all that was said since it came', oursOnly, async (t) => {
            const [socket, witness] = await Promise.all([visitor(t, options), visitor(t, options)]);
            const { id } = socket;

            await cut(socket);
            await isGone(witness, id);
            witness.emit('bcast', 'first');
            await ask(witness, 'ack', 'said');
            socket.connect();
            await ready(socket);

            assert.equal(socket.recovered, true);
            assert.deepEqual(socket.seen, [['bcast', 'first']]);
        });

        test('a client that was away too long is a new one', async (t) => {
            const socket = await visitor(t, options);
            const { id } = socket;

            await cut(socket);
            await pause(AWAY_MS);
            socket.connect();
            await ready(socket);

            assert.equal(socket.recovered, false);
            assert.notEqual(socket.id, id);
        });

        test('a client that left on purpose is a new one', async (t) => {
            const socket = await visitor(t, options);
            const { id } = socket;

            socket.disconnect();
            socket.connect();
            await ready(socket);

            assert.equal(socket.recovered, false);
            assert.notEqual(socket.id, id);
        });
    });
}

/* By hand over polling. */
const openPolling = (port) => PollingSession.open(port, { path: '/socket.io/' });

test('one poll brings what was missed, record by record, and then the answer to the CONNECT', async (t) => {
    const witness = await visitor(t, MODES.websocket);
    const first = await openPolling(server.port);

    await first.send('40');
    const { sid, pid } = JSON.parse((await first.next()).slice(2));

    witness.emit('bcast', 'heard');
    const [, , offset] = JSON.parse((await first.next()).slice(2));

    await first.send('1');
    await isGone(witness, sid);
    for (const word of ['hello1', 'hello2', 'hello3']) witness.emit('bcast', word);
    await ask(witness, 'ack', 'said');
    const second = await openPolling(server.port);

    await second.send(`40${JSON.stringify({ pid, offset })}`);
    const records = (await second.get()).body.split(SEPARATOR);

    assert.equal(records.length, 4);
    for (const [i, record] of records.slice(0, 3).entries()) {
        assert.match(record, new RegExp(`^42\\["bcast","hello${i + 1}","[^"]+"\\]$`));
    }
    assert.equal(records[3], `40${JSON.stringify({ sid, pid })}`);
});

test('where it is off nothing is kept, numbered or restored', async (t) => {
    const other = await testbedFor(t, { contract: 'load' });
    const session = await openPolling(other.port);

    await session.send('40{"pid":"AAAAAAAAAAAAAAAAAAAA","offset":"AAAAAAA"}');
    assert.match(await session.next(), /^40\{"sid":"[\w-]{20}"\}$/);
    await session.send('42["bcast","x"]');
    assert.equal(await session.next(), '42["bcast","x"]');
});
