/* Redis with sentinels: the master dies, another server is the master, and the cluster goes on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isReady, startChatd } from '../../support/chatd.mjs';
import { ADAPTERS, pair, sockets } from '../../support/cluster.mjs';
import { RedisServer, Sentinel, freePort } from '../../support/redis.mjs';
import { startTestbed } from '../../support/testbed.mjs';
import { eventually } from '../../support/waiting.mjs';

const FAILOVER_MS = 15000; /* for the sentinels to agree, which is not ours */
const BACK_MS = 5000;

/* Two servers, one of them the other's replica, and three sentinels that know each other and them. */
async function replicated(t, password) {
    const master = new RedisServer([], await freePort());
    const replica = new RedisServer(['--replicaof', '127.0.0.1', String(master.port)], await freePort());
    const servers = new Map([master, replica].map((server) => [server.port, server]));
    const sentinels = [];

    t.after(() => Promise.all([...servers.values(), ...sentinels].map((server) => server.stop())));
    await Promise.all([master.start(), replica.start()]);
    const words = password ? ['--requirepass', password] : [];
    for (let i = 0; i < 3; i++) sentinels.push(await new Sentinel(await freePort(), master, 2, words).start());
    const watcher = sentinels[0].connect({ password });
    t.after(() => watcher.disconnect());
    const known = async () => Object.fromEntries((await watcher.call('SENTINEL', 'master', 'mymaster'))
        .reduce((pairs, word, i, all) => (i % 2 ? [...pairs, [all[i - 1], word]] : pairs), []));
    const isWhole = async () => {
        const { 'num-slaves': replicas, 'num-other-sentinels': others } = await known();

        return replicas === '1' && others === '2';
    };

    if (!password) await eventually(isWhole, 'the sentinels to know each other', FAILOVER_MS);
    return {
        sentinels,
        url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/mymaster`,
        watcher,
        isWhole,
        servers,
        master: async () => servers.get(Number((await watcher.call('SENTINEL', 'get-master-addr-by-name', 'mymaster'))[1])),
    };
}

/* The dead one comes back as a replica of who has its place. */
async function revive(cluster, dead, master) {
    dead.words = ['--replicaof', '127.0.0.1', String(master.port)];
    await dead.start();
    const redis = dead.connect();
    await eventually(async () => /master_link_status:up/.test(await redis.info('replication')), 'the replica to follow',
        FAILOVER_MS);
    redis.disconnect();
    await eventually(cluster.isWhole, 'the sentinels to see it', FAILOVER_MS);
}

const isRising = (numbers) => numbers.every((number, i) => i === 0 || number > numbers[i - 1]);

for (const adapter of ADAPTERS) {
    describe(`adapter ${adapter}, with sentinels`, () => {
        test('messages flow to the new master within seconds, failover after failover', async (t) => {
            const cluster = await replicated(t);
            const { clients: [near, far] } = await pair(t, cluster, adapter, [false, false]);
            const heard = [];
            let sent = 0;
            const timer = setInterval(() => near.emit('broadcast', 'room', 'n', sent++), 5);

            t.after(() => clearInterval(timer));
            far.on('n', (n) => heard.push(n));
            await eventually(() => heard.length > 10, 'numbers to flow');
            for (const way of ['killed', 'asked', 'killed']) {
                const old = await cluster.master();

                if (way === 'killed') await old.kill();
                else await cluster.watcher.call('SENTINEL', 'failover', 'mymaster');
                await eventually(async () => (await cluster.master()) !== old, 'another master', FAILOVER_MS);
                const count = heard.length;
                await eventually(() => heard.length > count + 10, `numbers to flow (${way})`, BACK_MS);
                if (way === 'killed') await revive(cluster, old, await cluster.master());
            }
            assert.ok(isRising(heard), 'in order, and none twice');
            await eventually(async () => (await sockets(near, 'room')).length === 2, 'both to be found');
        });
    });
}

test('sentinels that are away are passed over', async (t) => {
    const cluster = await replicated(t);
    const gone = cluster.sentinels[0];

    cluster.watcher.disconnect();
    await gone.kill();
    const { clients: [near] } = await pair(t, cluster, ADAPTERS[0], [false, false]);
    assert.equal((await sockets(near, 'room')).length, 2);
});

test('chatd takes the same URL, and is ready again after a failover', async (t) => {
    const cluster = await replicated(t);
    const chatd = await startChatd(t, ['--redis', cluster.url]);

    await isReady(chatd);
    await (await cluster.master()).kill();
    await eventually(async () => !(await fetch(`${chatd.url}/readyz`)).ok, 'chatd to notice');
    await eventually(async () => (await fetch(`${chatd.url}/readyz`)).ok, 'chatd to be ready', FAILOVER_MS);
});

test('a master that no sentinel knows, and a sentinel that wants a password, are told', async (t) => {
    const cluster = await replicated(t, 'sesame');
    const why = async (url, expected) => {
        const server = await startTestbed({ contract: 'load', redis: url, adapter: ADAPTERS[0] });

        t.after(() => server.stop());
        await eventually(async () => expected.test(await (await fetch(`${server.url}/readyz`)).text()), String(expected));
    };

    await why(cluster.url, /wants a password/);
    await why(`${cluster.url.replace('/mymaster', '/another')}?sentinel_password=sesame`, /knows no master of that name/);
    const server = await startTestbed({
        contract: 'load', redis: `${cluster.url}?sentinel_password=sesame`, adapter: ADAPTERS[0],
    });
    t.after(() => server.stop());
    await eventually(async () => (await fetch(`${server.url}/readyz`)).status === 200, 'the server to be ready');
});

test('a server that sentinels name, and that is a replica, is not taken', async (t) => {
    const master = new RedisServer([], await freePort());
    const replica = new RedisServer(['--replicaof', '127.0.0.1', String(master.port)], await freePort());
    t.after(() => Promise.all([master, replica].map((server) => server.stop())));
    await Promise.all([master.start(), replica.start()]);
    /* It names whom it is told to watch, until it has looked twice. */
    const sentinel = await new Sentinel(await freePort(), replica, 1).start();
    t.after(() => sentinel.stop());
    const server = await startTestbed({
        contract: 'load', redis: `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster`, adapter: ADAPTERS[0],
    });

    t.after(() => server.stop());
    await eventually(() => /not the master/.test(server.messages), 'the replica to be refused');
});
