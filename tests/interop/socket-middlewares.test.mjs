/* socket.use(), and the rooms' events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, connected } from '../support/clients.mjs';
import { sharedTestbed } from '../support/testbed.mjs';
import { happens, pause } from '../support/waiting.mjs';

const server = sharedTestbed({ contract: 'api' });
const open = (t) => connected(t, server.url, { transports: ['websocket'] });

/* All that comes until `last` does. */
async function until(socket, last) {
    const seen = [];

    socket.onAny((...event) => seen.push(event));
    await happens(socket, last);
    return seen;
}

test('an event middleware that waits holds up its own event only', async (t) => {
    const socket = await open(t);
    const seen = until(socket, 'later');

    socket.emit('later', 1, Buffer.from([1]));
    socket.emit('said', 2);
    assert.deepEqual(await seen, [['said', 2], ['later', 1, Buffer.from([1])]]);
});

test('an event that is refused reaches the error handler and nobody else', async (t) => {
    const socket = await open(t);
    const seen = until(socket, 'said');

    socket.emit('refused', 1);
    socket.emit('said', 2);
    assert.deepEqual(await seen, [['refusal', 'refused'], ['said', 2]]);
});

test('an event may be refused later', async (t) => {
    const socket = await open(t);
    const seen = until(socket, 'refusal');

    socket.emit('refused-later', 1);
    socket.emit('said', 2);
    assert.deepEqual(await seen, [['said', 2], ['refusal', 'refused later']]);
});

test('a middleware may change the arguments', async (t) => {
    const socket = await open(t);
    const seen = until(socket, 'signed');

    socket.emit('signed', { a: Buffer.from([7]) }, 2);
    assert.deepEqual(await seen, [['signed', { a: Buffer.from([7]) }, 2, 'signed']]);
});

test('an event whose socket has left meanwhile is heard by nobody', async (t) => {
    const [socket, witness] = await Promise.all([open(t), open(t)]);

    socket.emit('later', 1);
    socket.disconnect();
    await pause(50);
    assert.deepEqual(await ask(witness, 'refusals'), [[]]); /* the server is well */
});

test('rooms are told of, from the first who joins to the last who leaves', async (t) => {
    const [socket, witness] = await Promise.all([open(t), open(t)]);
    const mine = async () => (await ask(witness, 'rooms'))[0].filter(([, room, id]) => id !== witness.id && room !== witness.id);
    const { id } = socket;

    await ask(witness, 'rooms');
    await ask(socket, 'join', 'a');
    await ask(socket, 'join', 'a');
    await ask(witness, 'join', 'a');
    await ask(witness, 'leave', 'a');
    await ask(socket, 'leave', 'b');
    await ask(socket, 'leave', 'a');
    await ask(socket, 'join', 'c');
    assert.deepEqual(await mine(), [['create-room', 'a'], ['join-room', 'a', id], ['leave-room', 'a', id], ['delete-room', 'a'],
        ['create-room', 'c'], ['join-room', 'c', id]]);
    socket.disconnect();
    const left = [];
    while (left.length < 4) left.push(...(await mine()));
    assert.deepEqual(new Set(left.map(String)), new Set([`leave-room,${id},${id}`, `delete-room,${id}`, `leave-room,c,${id}`, 'delete-room,c']));
    assert.ok(left.findIndex(([change, room]) => change === 'leave-room' && room === 'c') <
        left.findIndex(([change, room]) => change === 'delete-room' && room === 'c'));
});

test('a socket that comes is in the room of its id', async (t) => {
    const witness = await open(t);

    await ask(witness, 'rooms');
    const { id } = await open(t);
    assert.deepEqual((await ask(witness, 'rooms'))[0], [['create-room', id], ['join-room', id, id]]);
});
