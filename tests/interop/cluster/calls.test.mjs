/* Each call that reaches all servers, with real clients on both, in both directions and with each adapter. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADAPTERS, PAIRS, member, pair, sockets, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { redisFor } from '../../support/redis.mjs';
import { collect, eventually, happens } from '../../support/waiting.mjs';

async function everyCall(t, { servers, clients: [near, far] }) {
    await t.test('an event to all, with all kinds of values', async () => {
        const value = { text: 'grüße 🙂', list: [1, -1, 1.5, null, true, 2 ** 40], empty: {}, nested: [[[]]] };
        const heard = [near, far].map((client) => happens(client, 'bcast'));

        near.emit('bcast', value);
        assert.deepEqual(await Promise.all(heard), [[value], [value]]);
    });

    await t.test('an event to a room, with binary', async () => {
        const heard = [near, far].map((client) => happens(client, 'bin'));

        near.emit('broadcast', 'room', 'bin', Buffer.from([1, 2]), { deep: [Buffer.from('x')] }, 'end');
        for (const [bytes, deep, end] of await Promise.all(heard)) {
            assert.deepEqual([...bytes], [1, 2]);
            assert.equal(deep.deep[0].toString(), 'x');
            assert.equal(end, 'end');
        }
    });

    await t.test('an event to the socket of another server, and to all but the sender', async () => {
        const got = happens(far, 'direct');

        near.emit('broadcast', far.id, 'direct', 1);
        assert.deepEqual(await got, [1]);
        const seen = [];
        near.on('not-me', () => seen.push('near'));
        far.on('not-me', () => seen.push('far'));
        near.emit('others', 'room', 'not-me');
        const last = [near, far].map((client) => happens(client, 'bcast'));
        near.emit('bcast', 'last');
        await Promise.all(last);
        assert.deepEqual(seen, ['far']);
    });

    await t.test('many events arrive in order, once each', async () => {
        const heard = [near, far].map((client) => collect(client, 'n', 200));

        for (let i = 0; i < 200; i++) near.emit('broadcast', 'room', 'n', i);
        for (const list of await Promise.all(heard)) assert.deepEqual(list, list.map((_, i) => [i]));
    });

    await t.test('sockets of both servers are found', async () => {
        const found = await sockets(near, 'room');

        assert.deepEqual(found.map(({ id }) => id).sort(), [near.id, far.id].sort());
        for (const { id, rooms } of found) assert.deepEqual([...rooms].sort(), [id, 'room'].sort());
        assert.deepEqual(await sockets(near, 'nobody'), []);
    });

    await t.test('sockets of both servers are counted', async () => {
        const count = async (...args) => (await ask(near, 'count', ...args))[0];

        assert.equal(await count('room', ''), 2);
        assert.equal(await count('', ''), 2);
        assert.equal(await count('room', far.id), 1);
        assert.equal(await count(far.id, ''), 1);
        assert.equal(await count('nobody', ''), 0);
    });

    await t.test('sockets join and leave from afar', async () => {
        near.emit('move', far.id, 'new');
        await eventually(async () => (await sockets(near, 'new')).length === 1, 'it to join');
        assert.equal((await sockets(far, 'new'))[0].id, far.id);
        near.emit('unmove', 'room', 'new');
        await eventually(async () => (await sockets(near, 'new')).length === 0, 'it to leave');
    });

    await t.test('acknowledgements of the clients of both servers', async () => {
        for (const [i, client] of [near, far].entries()) client.on('who', (x, ack) => ack({ i, x }, 'not this'));
        const [error, replies] = await ask(near, 'bcast-ack', 'room', 'who', 'x', 5000);

        assert.equal(error, null);
        assert.deepEqual(replies.sort((a, b) => a.i - b.i), [{ i: 0, x: 'x' }, { i: 1, x: 'x' }]);
        assert.deepEqual(await ask(near, 'bcast-ack', 'nobody', 'who', 'x', 5000), [null, []]);
    });

    await t.test('acknowledgements with binary, with nothing, and too late', async () => {
        for (const client of [near, far]) client.on('bytes', (x, ack) => ack(x));
        for (const client of [near, far]) client.on('nothing', (x, ack) => ack());
        near.on('half', (x, ack) => ack(x));
        const [, bytes] = await ask(near, 'bcast-ack', far.id, 'bytes', Buffer.from([7]), 5000);

        assert.deepEqual([...bytes[0]], [7]);
        const [error, nothing] = await ask(near, 'bcast-ack', 'room', 'nothing', 1, 5000);
        assert.deepEqual([error, nothing.length], [null, 2]);
        assert.deepEqual(await ask(near, 'bcast-ack', 'room', 'half', 1, 300), ['operation has timed out', [1]]);
    });

    await t.test('the other server replies to an event between servers', async () => {
        assert.deepEqual(await ask(near, 'sse', 'whoami', 1), [[servers[1].child.pid]]);
    });

    await t.test('a socket is disconnected from afar', async () => {
        const third = await connected(t, servers[1].url, websocket);
        await ask(third, 'join', 'out');
        const gone = happens(third, 'disconnect');

        near.emit('kick', 'out');
        assert.equal((await gone)[0], 'io server disconnect');
    });
}

for (const adapter of ADAPTERS) {
    describe(`adapter ${adapter}`, () => {
        for (const [name, kinds] of Object.entries(PAIRS)) {
            test(name, async (t) => everyCall(t, await pair(t, await redisFor(t), adapter, kinds)));
        }

        test('alone, a server has no others to ask', async (t) => {
            const server = await member(t, await redisFor(t), { adapter });
            const client = await connected(t, server.url, websocket);

            assert.deepEqual(await ask(client, 'sse', 'whoami', 1), [[]]);
            assert.deepEqual((await sockets(client, client.id)).map(({ id }) => id), [client.id]);
        });

        test('a server that is killed is not waited for', async (t) => {
            const { servers, clients: [near] } = await pair(t, await redisFor(t), adapter, [false, false]);

            await servers[1].kill();
            await eventually(async () => (await sockets(near, 'room')).length === 1, 'it to be alone');
            assert.deepEqual(await ask(near, 'bcast-ack', 'nobody', 'who', 'x', 5000), [null, []]);
            assert.deepEqual(await ask(near, 'sse', 'whoami', 1), [[]]);
        });
    });
}
