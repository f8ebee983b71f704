import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Client, isReady, runChatd, startChatd, startRedis, until } from '../support/chatd.mjs';

/** Servers on one Redis that hear each other. */
async function startServers(t, count, args = []) {
    const redis = await startRedis(t);
    const servers = [];
    for (let i = 0; i < count; i++) {
        servers.push(await startChatd(t, ['--redis', redis.url, ...args]));
        await isReady(servers[i]);
    }
    await until(async () => Object.values(await redis.run('PUBSUB', 'NUMSUB', 'chat:rooms:0-request#/#')).flat().includes(count), 'all servers on the channels');
    return { redis, servers };
}

describe('rooms over two servers', { concurrency: 2 }, () => {
    test('events cross once each, in order', async (t) => {
        const { servers: [one, two] } = await startServers(t, 2);
        const [ada, bob] = [await Client.connect(t, one.url), await Client.connect(t, two.url)];
        await ada.creates('den', 'Ada');
        await bob.joins('den', 'Bob');
        await ada.takes(['add:member:success', { roomId: 'den', username: 'Bob' }]);
        const chat = (username, n) => ({ roomId: 'den', username, message: `${n}`, extra: { n } });
        for (let n = 0; n < 200; n++) ada.say('create:chat', chat('Ada', n));
        for (const client of [ada, bob]) for (let n = 0; n < 200; n++) await client.takes(['create:chat:success', chat('Ada', n)]);
        for (let n = 0; n < 200; n++) bob.say('create:chat', chat('Bob', n));
        for (const client of [ada, bob]) for (let n = 0; n < 200; n++) await client.takes(['create:chat:success', chat('Bob', n)]);
        const eve = await Client.connect(t, two.url);
        eve.say('add:member', { roomId: 'den', username: 'Ada' });
        await eve.refused('Username already exists, please choose another username.');
        await ada.heardNothing();
    });

    test('a kick reaches the holder at the other server, who then is out', async (t) => {
        const { redis, servers: [one, two] } = await startServers(t, 2);
        const [ada, bob, eve] = [await Client.connect(t, one.url), await Client.connect(t, two.url), await Client.connect(t, two.url)];
        await ada.creates('den', 'Ada');
        await bob.joins('den', 'Bob');
        await ada.take();
        const pair = { roomId: 'den', username: 'Ada' };
        eve.say('remove:member', pair);
        await eve.refused();
        await ada.heardNothing();
        await bob.does('remove:member', pair, ['remove:member:success', pair]);
        await ada.takes(['remove:member:success', pair]);
        await until(async () => {
            ada.say('create:chat', { ...pair, message: 'still here?' });
            return (await ada.take())[0] === 'error';
        }, 'Ada out of the room');
        bob.heard.length = 0;
        await bob.writes('den', 'Bob', 'we are alone');
        await ada.heardNothing();
        assert.deepEqual(await redis.run('SMEMBERS', 'members'), ['den::Bob']);
    });

    test('a name whose connection has ended can be taken at the other server, and stays', async (t) => {
        const { redis, servers: [one, two] } = await startServers(t, 2, ['--name-grace', '1500']);
        const [ada, bob] = [await Client.connect(t, one.url), await Client.connect(t, two.url)];
        await ada.creates('den', 'Ada');
        await bob.joins('den', 'Bob');
        ada.socket.disconnect();
        await until(async () => (await redis.run('HGET', 'chat:rooms:holders', 'den::Ada'))?.startsWith('free:'), 'the name to be free');
        const again = await Client.connect(t, two.url);
        await again.joins('den', 'Ada');
        await bob.takes(['add:member:success', { roomId: 'den', username: 'Ada' }]);
        /* The grace of a later one ends after that of the first: by then nothing was told of Ada. */
        const late = await Client.connect(t, one.url);
        await late.joins('den', 'Late');
        await bob.take();
        late.socket.disconnect();
        await bob.takes(['remove:member:success', { roomId: 'den', username: 'Late' }]);
        assert.deepEqual((await redis.run('SMEMBERS', 'members')).sort(), ['den::Ada', 'den::Bob']);
    });

    test('the names of a server that was killed are released and told', async (t) => {
        const { redis, servers: [one, two] } = await startServers(t, 2, ['--lease', '500', '--name-grace', '0']);
        const [ada, bob] = [await Client.connect(t, one.url), await Client.connect(t, two.url)];
        await ada.creates('den', 'Ada');
        await bob.joins('den', 'Bob');
        await one.kill();
        await bob.takes(['remove:member:success', { roomId: 'den', username: 'Ada' }]);
        assert.deepEqual(await redis.run('SMEMBERS', 'members'), ['den::Bob']);
        await bob.heardNothing();
    });

    test('of three servers two are killed at once: the third releases and tells all of their names, once', async (t) => {
        const { redis, servers: [one, two, three] } = await startServers(t, 3, ['--name-grace', '100']);
        const [ada, bob, eve] = [await Client.connect(t, one.url), await Client.connect(t, two.url), await Client.connect(t, three.url)];
        await ada.creates('den', 'Ada');
        await bob.joins('den', 'Bob');
        await eve.joins('den', 'Eve');
        await ada.takes(['add:member:success', { roomId: 'den', username: 'Bob' }], ['add:member:success', { roomId: 'den', username: 'Eve' }]);
        await Promise.all([two.kill(), three.kill()]);
        const told = [await ada.take(20000), await ada.take()];
        assert.deepEqual(told.map(([name, { roomId, username }]) => `${name} ${roomId} ${username}`).sort(), ['remove:member:success den Bob', 'remove:member:success den Eve']);
        assert.deepEqual(await redis.run('SMEMBERS', 'members'), ['den::Ada']);
        await ada.heardNothing();
    });

    test('servers hear each other again after their Redis was killed', async (t) => {
        const { redis, servers: [one, two] } = await startServers(t, 2);
        const [ada, bob] = [await Client.connect(t, one.url), await Client.connect(t, two.url)];
        await ada.creates('den', 'Ada');
        await bob.joins('den', 'Bob');
        await ada.take();
        await redis.kill();
        for (const server of [one, two]) await isReady(server, 503);
        await redis.start();
        for (const server of [one, two]) await isReady(server);
        await until(async () => Object.values(await redis.run('PUBSUB', 'NUMSUB', 'chat:rooms:0-request#/#')).flat().includes(2), 'both on the channels');
        for (const [client, username] of [[ada, 'Ada'], [bob, 'Bob']]) {
            const chat = { roomId: 'den', username, message: 'again' };
            client.say('create:chat', chat);
            for (const one of [ada, bob]) await one.takes(['create:chat:success', chat]);
        }
    });

    test('a server that stops tells the others of its names', async (t) => {
        const { redis, servers: [one, two] } = await startServers(t, 2);
        const [ada, bob] = [await Client.connect(t, one.url), await Client.connect(t, two.url)];
        await ada.creates('den', 'Ada');
        await bob.joins('den', 'Bob');
        assert.deepEqual(await one.stop(), { code: 0, signal: null });
        await bob.takes(['remove:member:success', { roomId: 'den', username: 'Ada' }]);
        assert.deepEqual(await redis.run('SMEMBERS', 'members'), ['den::Bob']);
    });

    test('a server whose lease was lost holds its names again', async (t) => {
        const { redis, servers: [one] } = await startServers(t, 1, ['--lease', '500']);
        const ada = await Client.connect(t, one.url);
        await ada.creates('den', 'Ada');
        const [server] = await redis.run('SMEMBERS', 'chat:rooms:servers');
        await redis.run('DEL', `chat:rooms:server:${server}`, `chat:rooms:server:${server}:held`, 'members', 'chat:rooms:holders');
        await one.line(/it was lost/);
        await until(async () => (await redis.run('SMEMBERS', 'members')).join() === 'den::Ada', 'the name');
        await ada.writes('den', 'Ada', 'still here');
    });

    for (const workers of ['1', '2']) {
        test(`a client that polls may reach any server, with --forward and --workers ${workers}`, async (t) => {
            const { servers: [one, two] } = await startServers(t, 2, ['--forward', '--workers', workers]);
            const open = await (await fetch(`${one.url}/socket.io/?EIO=4&transport=polling`)).text();
            const target = `/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(open.slice(1)).sid}`;
            const post = async (server, body) => (await fetch(server.url + target, { method: 'POST', body })).text();
            const poll = async (server) => (await fetch(server.url + target)).text();
            assert.equal(await post(two, '40'), 'ok');
            assert.match(await poll(two), /^40\{"sid":/);
            const waiting = poll(two);
            assert.equal(await post(one, '42["create:room",{"roomId":"den","username":"Ada"}]'), 'ok');
            assert.match(await waiting, /"create:room:success"/);
        });
    }

    test('--forward is refused without Redis', async (t) => {
        const chatd = runChatd(t, ['rooms', '--port', '0', '--store', 'memory', '--forward']);
        assert.equal((await chatd.exit()).code, 1);
        assert.match(chatd.said('stderr')[0], /--forward: only with --redis/);
    });
});
