/* What a Redis that fails in part, or a server that hangs, does to a cluster: see outage.test.mjs for those that die. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADAPTERS, member, pair, sockets, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { RedisServer, freePort, redisFor } from '../../support/redis.mjs';
import { eventually, happens } from '../../support/waiting.mjs';

const HALF_OPEN_MS = 10000;
const isReady = async (server) => (await fetch(`${server.url}/readyz`)).status === 200;
const ready = (server) => eventually(() => isReady(server), 'the server to be ready');
const isRising = (numbers) => numbers.every((number, i) => i === 0 || number > numbers[i - 1]);

/* Sends numbers all the time, until it is stopped. */
function chatter(client) {
    let sent = 0;
    const timer = setInterval(() => client.emit('broadcast', 'room', 'n', sent++), 2);

    return () => {
        clearInterval(timer);
        return sent;
    };
}

function hearing(client) {
    const heard = [];

    client.on('n', (n) => heard.push(n));
    return heard;
}

for (const adapter of ADAPTERS) {
    describe(`adapter ${adapter}`, () => {
        test('links that are cut again and again come back, each with all that it listened to', async (t) => {
            const redis = await redisFor(t);
            const { servers, clients: [near, far] } = await pair(t, redis, adapter, [false, false]);
            const admin = redis.connect();
            const heard = hearing(far);
            const stop = chatter(near);

            t.after(() => admin.quit());
            for (let round = 0; round < 20; round++) {
                await admin.call('CLIENT', 'KILL', 'TYPE', round % 2 === 0 ? 'pubsub' : 'normal', 'SKIPME', 'yes');
                await Promise.all(servers.map(ready));
                const count = heard.length;
                await eventually(() => heard.length > count + 3, `numbers to flow (${round})`);
            }
            const sent = stop();
            assert.ok(isRising(heard), 'in order, and none twice');
            await eventually(() => heard.at(-1) === sent - 1, 'the last one');
            /* Each channel, not only that of events: requests, answers, private answers. */
            assert.equal((await sockets(near, 'room')).length, 2);
            assert.equal((await sockets(far, 'room')).length, 2);
            for (const client of [near, far]) client.on('who', (x, ack) => ack(x));
            assert.deepEqual(await ask(far, 'bcast-ack', 'room', 'who', 1, 5000), [null, [1, 1]]);
        });

        test('a Redis that stands still is noticed within ten seconds', async (t) => {
            const redis = await redisFor(t);
            const { servers } = await pair(t, redis, adapter, [false, false]);

            redis.child.kill('SIGSTOP');
            for (const server of servers) await eventually(async () => !(await isReady(server)), 'it to be noticed', HALF_OPEN_MS);
            redis.child.kill('SIGCONT');
            await Promise.all(servers.map(ready));
        });

        test('a server that hangs is waited for until the time is over, and what the others said is there', async (t) => {
            const redis = await redisFor(t);
            const { servers, clients: [near, far] } = await pair(t, redis, adapter, [false, false]);
            const third = await member(t, redis, { adapter });
            const last = await connected(t, third.url, websocket);

            await ask(last, 'join', 'room');
            await eventually(async () => (await sockets(near, 'room')).length === 3, 'all three to be found');
            for (const client of [near, far, last]) client.on('who', (x, ack) => ack(x));
            third.child.kill('SIGSTOP');
            t.after(() => third.child.kill('SIGCONT'));
            assert.deepEqual(await ask(near, 'bcast-ack', 'room', 'who', 1, 1000), ['operation has timed out', [1, 1]]);
            assert.deepEqual(await ask(near, 'sse', 'whoami', 1), [[servers[1].child.pid]]);
            third.child.kill('SIGCONT');
            await eventually(async () => (await sockets(near, 'room')).length === 3, 'all three to be found again');
        });

        test('a server that reads too slowly is cut off by Redis, and hears what comes later', async (t) => {
            const redis = await redisFor(t);
            const { servers, clients: [near, far] } = await pair(t, redis, adapter, [false, false]);
            const admin = redis.connect();
            const big = 'x'.repeat(100000);
            const listeners = async () => (await admin.client('LIST', 'TYPE', 'pubsub')).trim().split('\n').length;

            t.after(() => admin.quit());
            assert.equal(await listeners(), 2);
            await admin.config('SET', 'client-output-buffer-limit', 'pubsub 1mb 500kb 1');
            servers[1].child.kill('SIGSTOP');
            t.after(() => servers[1].child.kill('SIGCONT'));
            /* Questions go by pub/sub with each adapter. */
            for (let i = 0; i < 100; i++) near.emit('bcast-ack', 'nobody', 'big', big, 100, () => {});
            await eventually(async () => (await listeners()) === 1, 'Redis to cut it off');
            servers[1].child.kill('SIGCONT');
            await Promise.all(servers.map(ready));
            await eventually(async () => (await sockets(near, 'room')).length === 2, 'both to be found');
            const heard = happens(far, 'later');
            near.emit('broadcast', 'room', 'later', 1);
            assert.deepEqual(await heard, [1]);
        });

        test('a Redis that is paused holds nobody up', async (t) => {
            const redis = await redisFor(t);
            const { servers, clients: [near, far] } = await pair(t, redis, adapter, [false, false]);
            const admin = redis.connect();
            const heard = hearing(far);

            t.after(() => admin.disconnect());
            await admin.call('CLIENT', 'PAUSE', 1500, 'ALL');
            const begin = performance.now();
            const own = happens(near, 'n');
            near.emit('broadcast', 'room', 'n', 1);
            await own;
            assert.ok(performance.now() - begin < 1000, 'here it is delivered at once');
            assert.deepEqual(await ask(near, 'ack', 1), [1]);
            await eventually(() => heard.length === 1, 'the other one to hear of it');
            await Promise.all(servers.map(ready));
        });
    });
}

test('streams: a Redis without memory refuses entries; that is told once, and here they are delivered', async (t) => {
    const redis = await redisFor(t, ['--maxmemory-policy', 'noeviction']);
    const { servers, clients: [near, far] } = await pair(t, redis, 'redis-streams', [false, false]);
    const admin = redis.connect();
    const heard = [hearing(near), hearing(far)];

    t.after(() => admin.quit());
    await admin.config('SET', 'maxmemory', '1');
    for (let i = 0; i < 50; i++) near.emit('broadcast', 'room', 'n', i);
    await eventually(() => heard[0].length === 50, 'local delivery');
    await eventually(() => /dropped: OOM/.test(servers[0].messages), 'the loss to be told');
    assert.equal(servers[0].messages.match(/dropped/g).length, 1);
    assert.ok(await isReady(servers[0]), 'reading goes on');
    await admin.config('SET', 'maxmemory', '0');
    near.emit('broadcast', 'room', 'n', 50);
    await eventually(() => heard[1].length === 1, 'the other one to hear again');
    assert.deepEqual(heard[1], [50]);
});

test('each adapter over TCP', async (t) => {
    const redis = await new RedisServer([], await freePort()).start();

    t.after(() => redis.stop());
    assert.match(redis.url, /^redis:/);
    for (const adapter of ADAPTERS) {
        const { clients: [near] } = await pair(t, redis, adapter, [false, false], { redisKey: adapter });
        assert.equal((await sockets(near, 'room')).length, 2);
    }
});
