/* A Redis Cluster of three nodes under each adapter: slots that move, nodes that die, and Node's servers beside ours. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ADAPTERS, PAIRS, member, pair, sockets, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { RedisCluster } from '../../support/redis.mjs';
import { collect, eventually, happens } from '../../support/waiting.mjs';

const BACK_MS = 15000; /* for the cluster itself to agree on a new master */
const FLOWING_MS = 5000; /* after that: what the servers need to find it */
const isRising = (numbers) => numbers.every((number, i) => i === 0 || number > numbers[i - 1]);
const rooms = Array.from({ length: 12 }, (_, i) => `room-${i}`);
const channelOf = (room) => `socket.io#/#${room}#`;

async function redisCluster(t) {
    const cluster = await new RedisCluster().start();

    t.after(() => cluster.stop());
    return cluster;
}

/* Emits numbers to each of the rooms in turn, until it is stopped. */
function chatter(client) {
    let sent = 0;
    const timer = setInterval(() => {
        const n = sent++;

        client.emit('broadcast', rooms[n % rooms.length], 'n', rooms[n % rooms.length], n);
    }, 4);

    return () => {
        clearInterval(timer);
        return sent;
    };
}

/* What one hears of each room. */
function hearing(client) {
    const heard = Object.fromEntries(rooms.map((room) => [room, []]));

    client.on('n', (room, n) => heard[room].push(n));
    return heard;
}

for (const adapter of ADAPTERS) {
    describe(`adapter ${adapter}, on a Redis Cluster`, () => {
        const cluster = new RedisCluster();

        before(() => cluster.start({ replicas: 3 }));
        after(() => cluster.stop());
        for (const [name, kinds] of Object.entries(PAIRS)) {
            test(`${name}: rooms on all nodes, and all calls`, async (t) => {
                const { servers, clients: [near, far] } = await pair(t, cluster, adapter, kinds);

                for (const room of rooms) await ask(far, 'join', room);
                for (const room of rooms) {
                    await eventually(async () => (await sockets(near, room)).length === 1, `${room} to be found`);
                    const got = happens(far, room);
                    /* Node does not wait for its subscription. */
                    await eventually(async () => {
                        near.emit('broadcast', room, room, 1);
                        return Promise.race([got, new Promise((resolve) => setTimeout(resolve, 200))]);
                    }, `${room} to be heard`);
                }
                assert.equal((await sockets(near, 'room')).length, 2);
                near.emit('move', far.id, 'moved');
                await eventually(async () => (await sockets(near, 'moved')).length === 1, 'it to join');
                for (const client of [near, far]) client.on('who', (x, ack) => ack(x));
                assert.deepEqual(await ask(near, 'bcast-ack', 'room', 'who', 7, 5000), [null, [7, 7]]);
                assert.deepEqual(await ask(near, 'sse', 'whoami', 1), [[servers[1].child.pid]]);
            });
        }

        test('slots move under load, and nothing is lost, doubled or out of order', async (t) => {
            const { clients: [near, far] } = await pair(t, cluster, adapter, [false, false]);

            for (const room of rooms) await ask(far, 'join', room);
            const heard = hearing(far);
            const stop = chatter(near);
            t.after(stop);
            await eventually(() => rooms.every((room) => heard[room].length > 2), 'all rooms to be heard');
            for (const key of [...rooms.map(channelOf), 'socket.io#/#']) await cluster.move(await cluster.slotOf(key));
            const before = rooms.map((room) => heard[room].length);
            await eventually(() => rooms.every((room, i) => heard[room].length > before[i] + 5), 'all rooms to be heard again');
            const sent = stop();
            await eventually(() => rooms.some((room) => heard[room].at(-1) === sent - 1), 'the last number');
            for (const room of rooms) assert.ok(isRising(heard[room]), `${room} in order, and none twice`);
            const total = rooms.reduce((sum, room) => sum + heard[room].length, 0);
            /* While a room's channel moves nobody is subscribed to it: that gap is lost with pub/sub. */
            if (adapter === 'redis-sharded') assert.ok(total > sent * 0.8, `${total} of ${sent}`);
            else assert.equal(total, sent);
        });

        test('a master is killed under load: its replica takes over, and all rooms are heard again', async (t) => {
            const { servers, clients: [near, far] } = await pair(t, cluster, adapter, [false, false]);

            for (const room of rooms) await ask(far, 'join', room);
            const heard = hearing(far);
            const stop = chatter(near);
            t.after(stop);
            await eventually(() => rooms.every((room) => heard[room].length > 2), 'all rooms to be heard');
            const slot = await cluster.slotOf(adapter === 'redis-streams' ? 'socket.io' : channelOf(rooms[0]));
            const dead = await cluster.masterOf(slot);
            await cluster.kill(dead);
            await eventually(async () => (await cluster.masterOf(slot)) !== dead, 'another master', BACK_MS);
            const before = rooms.map((room) => heard[room].length);
            await eventually(() => rooms.every((room, i) => heard[room].length > before[i] + 5), 'all rooms to be heard again',
                FLOWING_MS);
            stop();
            for (const room of rooms) assert.ok(isRising(heard[room]), `${room} in order, and none twice`);
            for (const { url } of servers) await eventually(async () => (await fetch(`${url}/readyz`)).ok, 'all to be ready', BACK_MS);
            await eventually(async () => (await sockets(near, 'room')).length === 2, 'both to be found');
        });
    });
}

test('sharded: a server is linked to the nodes that serve its rooms, and one node says of another where they are', async (t) => {
    const cluster = await redisCluster(t);
    const server = await member(t, cluster, { adapter: 'redis-sharded' });
    const client = await connected(t, server.url, websocket);

    for (const room of rooms) await ask(client, 'join', room);
    const channels = async (node) => (await cluster.link(node).call('PUBSUB', 'SHARDCHANNELS')).sort();
    for (const node of cluster.nodes) {
        const own = [];
        for (const channel of rooms.map(channelOf)) {
            if ((await cluster.masterOf(await cluster.slotOf(channel))) === node) own.push(channel);
        }
        assert.ok(own.length > 0);
        await eventually(async () => {
            const there = await channels(node);
            return own.every((channel) => there.includes(channel));
        }, 'the channels to be on their node');
    }
});

test('streams: several streams live on several nodes', async (t) => {
    const cluster = await redisCluster(t);
    const { clients: [near, far] } = await pair(t, cluster, 'redis-streams', [false, false], { streamCount: 3 });
    const heard = collect(far, 'n', 50);

    for (let i = 0; i < 50; i++) near.emit('broadcast', 'room', 'n', i);
    assert.deepEqual(await heard, Array.from({ length: 50 }, (_, i) => [i]));
    const homes = await Promise.all([0, 1, 2].map(async (i) => cluster.masterOf(await cluster.slotOf(`socket.io-${i}`))));
    assert.ok(new Set(homes).size > 1, 'on more than one node');
});
