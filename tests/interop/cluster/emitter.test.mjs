/* A process that is no server speaks to the clients of ours: @socket.io/redis-emitter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '@socket.io/redis-emitter';
import { member, sockets, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { redisFor } from '../../support/redis.mjs';
import { eventually, happens } from '../../support/waiting.mjs';

test('every call of the emitter', async (t) => {
    const redis = await redisFor(t);
    const connection = redis.connect();
    const server = await member(t, redis, { adapter: 'redis' });
    const [one, two] = await Promise.all([1, 2].map(() => connected(t, server.url, websocket)));
    const emitter = new Emitter(connection);

    t.after(() => connection.disconnect());
    await ask(one, 'join', 'room');
    await t.test('an event to all', async () => {
        const heard = [one, two].map((client) => happens(client, 'news'));

        emitter.emit('news', { a: 1 }, Buffer.from('x'));
        for (const [value, bytes] of await Promise.all(heard)) assert.deepEqual([value, bytes.toString()], [{ a: 1 }, 'x']);
    });
    await t.test('an event to a room, and to all but a room', async () => {
        const seen = [];

        one.on('some', (x) => seen.push(['one', x]));
        two.on('some', (x) => seen.push(['two', x]));
        emitter.to('room').emit('some', 1);
        emitter.except('room').emit('some', 2);
        await eventually(() => seen.length === 2, 'both of them');
        assert.deepEqual(seen.sort(), [['one', 1], ['two', 2]]);
        /* A volatile one is dropped when something else is on its way. */
        await eventually(() => emitter.to(two.id).volatile.emit('some', 3) && seen.length > 2, 'a volatile one');
        assert.deepEqual(seen[2], ['two', 3]);
    });
    await t.test('sockets join and leave', async () => {
        emitter.in('room').socketsJoin('other');
        await eventually(async () => (await sockets(one, 'other')).length === 1, 'it to join');
        emitter.socketsLeave('other');
        await eventually(async () => (await sockets(one, 'other')).length === 0, 'it to leave');
    });
    await t.test('an event to the servers, and one to a namespace that is not there', async () => {
        emitter.serverSideEmit('whoami', 1);
        emitter.of('/nowhere').emit('x');
        assert.deepEqual(await ask(one, 'ack', 1), [1]);
    });
    await t.test('sockets are disconnected', async () => {
        const gone = happens(one, 'disconnect');

        emitter.in('room').disconnectSockets(true);
        assert.equal((await gone)[0], 'io server disconnect');
    });
});
