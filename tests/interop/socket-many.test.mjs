import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, connected } from '../support/clients.mjs';
import { oursOnly, sharedTestbed } from '../support/testbed.mjs';
import { happens } from '../support/waiting.mjs';

const server = sharedTestbed({ contract: 'load' });

async function openThree(t, room) {
    const sockets = await Promise.all([1, 2, 3].map(() => connected(t, server.url, { transports: ['websocket'] })));

    await Promise.all(sockets.map((socket) => ask(socket, 'join', room)));
    return sockets;
}

test('a broadcast gathers the acknowledgements of all', async (t) => {
    const sockets = await openThree(t, 'all');

    sockets.forEach((socket, i) => socket.on('who', (x, ack) => ack({ i, x }, 'not this')));
    const [error, replies] = await ask(sockets[0], 'bcast-ack', 'all', 'who', 'x', 2000);

    assert.equal(error, null);
    assert.deepEqual(replies.sort((a, b) => a.i - b.i), [0, 1, 2].map((i) => ({ i, x: 'x' })));
});

test('a client that never answers makes it time out, with what the others said', async (t) => {
    const sockets = await openThree(t, 'silent');

    sockets.slice(1).forEach((socket) => socket.on('who', (x, ack) => ack(x)));
    const [error, replies] = await ask(sockets[0], 'bcast-ack', 'silent', 'who', 'x', 200);

    assert.equal(error, 'operation has timed out');
    assert.deepEqual(replies, ['x', 'x']);
});

test('a broadcast to nobody is acknowledged at once', async (t) => {
    const [socket] = await openThree(t, 'some');

    assert.deepEqual(await ask(socket, 'bcast-ack', 'nobody', 'who', 'x', 5000), [null, []]);
});

test('sockets are fetched, moved and kicked by their room', async (t) => {
    const sockets = await openThree(t, 'from');
    const ids = sockets.map(({ id }) => id).sort();
    const roomsOf = async (room) => (await ask(sockets[0], 'fetch', room))[0].sort((a, b) => (a.id < b.id ? -1 : 1));

    sockets[0].emit('move', 'from', 'to');
    assert.deepEqual((await roomsOf('to')).map(({ id, rooms }) => [id, rooms.sort()]),
        ids.map((id) => [id, [id, 'from', 'to'].sort()]));
    await ask(sockets[0], 'leave', 'to');
    const reasons = sockets.slice(1).map((socket) => happens(socket, 'disconnect'));
    sockets[0].emit('kick', 'to');
    assert.deepEqual((await Promise.all(reasons)).map(([reason]) => reason), ['io server disconnect', 'io server disconnect']);
    assert.deepEqual(await roomsOf('to'), []);
});

/* Node's memory adapter warns on its console, and never answers. */
test('alone, a server has no others to tell', oursOnly, async (t) => {
    const [socket] = await openThree(t, 'alone');

    assert.deepEqual(await ask(socket, 'sse', 'whoami', 1), [[]]);
});
