/* What becomes of a cluster when a server or Redis dies: nobody crashes, nothing comes twice, and it mends itself. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADAPTERS, PAIRS, member, pair, sockets, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { RedisServer, redisFor } from '../../support/redis.mjs';
import { startTestbed } from '../../support/testbed.mjs';
import { eventually, happens } from '../../support/waiting.mjs';

const readiness = async (server) => {
    const answer = await fetch(`${server.url}/readyz`);

    return { ready: answer.status === 200, why: await answer.text() };
};
const ready = (server) => eventually(async () => (await readiness(server)).ready, 'the server to be ready again');
const notReady = (server) => eventually(async () => !(await readiness(server)).ready, 'the server to notice');

/* Sends numbers all the time, until it is stopped. */
function chatter(client, room) {
    let sent = 0;
    const timer = setInterval(() => client.emit('broadcast', room, 'n', sent++), 2);

    return () => {
        clearInterval(timer);
        return sent;
    };
}

const isRising = (numbers) => numbers.every((number, i) => i === 0 || number > numbers[i - 1]);

for (const adapter of ADAPTERS) {
    describe(`adapter ${adapter}`, () => {
        test('Redis is killed and comes back: clients of the same server miss nothing, others get nothing twice', async (t) => {
            const redis = await redisFor(t);
            const { servers, clients: [near, far] } = await pair(t, redis, adapter, [false, false]);
            const heard = { near: [], far: [] };
            const stop = chatter(near, 'room');

            near.on('n', (n) => heard.near.push(n));
            far.on('n', (n) => heard.far.push(n));
            await eventually(() => heard.far.length > 20, 'numbers to flow');
            await redis.kill();
            await Promise.all(servers.map(notReady));
            const before = heard.near.length;
            await eventually(() => heard.near.length > before + 20, 'local delivery to go on');
            await redis.start();
            await Promise.all(servers.map(ready));
            const count = heard.far.length;
            await eventually(() => heard.far.length > count + 20, 'numbers to flow again');
            const sent = stop();

            await eventually(() => heard.near.length === sent, 'all numbers, here');
            assert.ok(isRising(heard.near) && isRising(heard.far), 'in order, and none twice');
            assert.equal((await sockets(near, 'room')).length, 2);
        });

        for (const [name, kinds] of Object.entries(PAIRS).filter(([, each]) => each.includes(true))) {
            test(`${name}: Redis is killed and comes back, and events flow again`, async (t) => {
                const redis = await redisFor(t);
                const { servers, clients: [near, far] } = await pair(t, redis, adapter, kinds);
                const ours = servers[kinds.indexOf(false)];
                const heard = { near: [], far: [] };
                const stop = chatter(near, 'room');

                near.on('n', (n) => heard.near.push(n));
                far.on('n', (n) => heard.far.push(n));
                await eventually(() => heard.far.length > 20, 'numbers to flow');
                await redis.kill();
                await notReady(ours);
                await redis.start();
                await ready(ours);
                const count = heard.far.length;
                await eventually(() => heard.far.length > count + 20, 'numbers to flow again');
                stop();
                /* ioredis sends again what it has no answer to: Node's events may come twice. */
                if (!kinds[0]) assert.ok(isRising(heard.near) && isRising(heard.far), 'in order, and none twice');
                await eventually(async () => (await sockets(near, 'room')).length === 2, 'both to be found');
            });

            test(`${name}: the other one is killed, and a new one takes its place`, async (t) => {
                const redis = await redisFor(t);
                const { servers, clients: [near] } = await pair(t, redis, adapter, kinds);

                await servers[1].kill();
                await eventually(async () => (await sockets(near, 'room')).length === 1, 'it to be alone');
                const next = await member(t, redis, { adapter, node: kinds[1] });
                const third = await connected(t, next.url, websocket);
                await ask(third, 'join', 'room');
                await eventually(async () => (await sockets(near, 'room')).length === 2, 'the new one to be found');
                const got = happens(third, 'hello');
                near.emit('broadcast', 'room', 'hello', 1);
                assert.deepEqual(await got, [1]);
            });
        }

        test('a server is killed in the middle: the other one goes on, and a new one joins', async (t) => {
            const redis = await redisFor(t);
            const { servers, clients: [near] } = await pair(t, redis, adapter, [false, false]);
            const heard = [];
            const stop = chatter(near, 'room');

            near.on('n', (n) => heard.push(n));
            await eventually(() => heard.length > 20, 'numbers to flow');
            await servers[1].kill();
            const next = await startTestbed({ contract: 'load', redis: redis.url, adapter });
            t.after(() => next.stop());
            await ready(next);
            const third = await connected(t, next.url, websocket);
            await ask(third, 'join', 'room');
            await happens(third, 'n');
            const sent = stop();
            await eventually(() => heard.length === sent, 'all numbers');
            assert.deepEqual(heard, heard.map((_, i) => i));
        });

        test('without Redis from the start a server serves its own clients, says so, and joins later', async (t) => {
            const redis = new RedisServer();
            t.after(() => redis.stop());
            const server = await startTestbed({ contract: 'load', redis: redis.url, adapter });
            t.after(() => server.stop());
            const client = await connected(t, server.url, websocket);
            const heard = happens(client, 'bcast');

            client.emit('bcast', 1);
            assert.deepEqual(await heard, [1]);
            assert.match((await readiness(server)).why, /Redis/);
            await redis.start();
            await ready(server);
        });

        test('a wrong password is told, without the password', async (t) => {
            const redis = await redisFor(t, ['--requirepass', 'right']);
            const url = `redis+unix://:wr0ng-word@${redis.path}`;
            const server = await startTestbed({ contract: 'load', redis: url, adapter });
            t.after(() => server.stop());

            await eventually(async () => /WRONGPASS/.test((await readiness(server)).why), 'the reason');
            assert.doesNotMatch((await readiness(server)).why + server.messages, /wr0ng-word/);
            const silent = await startTestbed({ contract: 'load', redis: redis.url, adapter });
            t.after(() => silent.stop());
            await eventually(async () => /NOAUTH|uthentication/.test((await readiness(silent)).why), 'the reason');
        });

        test('a Redis that hangs holds nobody up, and what waits for it is bounded', async (t) => {
            const redis = await redisFor(t);
            const { servers, clients: [near, far] } = await pair(t, redis, adapter, [false, false]);
            const big = 'x'.repeat(500000);
            let heard = 0;

            near.on('big', () => heard++);
            redis.child.kill('SIGSTOP');
            for (let i = 0; i < 60; i++) near.emit('broadcast', near.id, 'big', big);
            await eventually(() => heard === 60, 'local delivery');
            await eventually(() => /dropped/.test(servers[0].messages), 'the loss to be told');
            redis.child.kill('SIGCONT');
            await Promise.all(servers.map(ready));
            await eventually(async () => (await sockets(near, 'room')).length === 2, 'the cluster to be whole');
            const end = happens(far, 'end');
            near.emit('broadcast', 'room', 'end', 1);
            assert.deepEqual(await end, [1]);
        });
    });
}
