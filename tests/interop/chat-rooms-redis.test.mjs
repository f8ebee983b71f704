/* Profile rooms on Redis: the keys an original finds there, and a Redis that fails or wants a password. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createClient } from 'redis';
import { Client, isReady, startChatd, startOn, startRedis, within } from '../support/chatd.mjs';

const UNAVAILABLE = { message: 'Service unavailable.' };

test('each step leaves exactly the keys and values of the original', async (t) => {
    const { redis, ...chatd } = await startOn(t, 'redis');
    const ada = await Client.connect(t, chatd.url);
    const bob = await Client.connect(t, chatd.url);
    const holds = async (content) => assert.deepEqual(await redis.content(), content);
    await holds({});
    await ada.creates('den', 'Ada');
    await holds({ rooms: ['den'], members: ['den::Ada'] });
    await bob.joins('den', 'Bob');
    await ada.take();
    await holds({ rooms: ['den'], members: ['den::Ada', 'den::Bob'] });
    await ada.writes('den', 'Ada', 'first');
    await bob.take();
    await bob.writes('den', 'Bob', 'second :: with ::');
    await ada.take();
    const list = ['Bob::second :: with ::', 'Ada::first'];
    await holds({ rooms: ['den'], members: ['den::Ada', 'den::Bob'], 'chat::den': list });
    await bob.does('remove:member', { roomId: 'den', username: 'Bob' }, ['remove:member:success', { roomId: 'den', username: 'Bob' }]);
    await ada.take();
    await holds({ rooms: ['den'], members: ['den::Ada'], 'chat::den': list });
    for (const event of ['create:room', 'create:chat', 'add:member', 'remove:member']) {
        bob.say(event, { roomId: event === 'create:room' ? 'den' : 'nowhere', username: 'Bob', message: 'x' });
        await bob.refused();
    }
    await holds({ rooms: ['den'], members: ['den::Ada'], 'chat::den': list });
    await ada.creates(7, 8);
    await ada.writes(7, 8, 'numbers');
    await holds({ rooms: ['7', 'den'], members: ['7::8', 'den::Ada'], 'chat::den': list, 'chat::7': ['8::numbers'] });
});

test('a member left over from a room that is gone does not keep the room from being made', async (t) => {
    const chatd = await startOn(t, 'redis');
    await chatd.redis.run('SADD', 'members', 'den::Ada');
    const ada = await Client.connect(t, chatd.url);
    await ada.creates('den', 'Ada');
    assert.deepEqual(await chatd.redis.content(), { rooms: ['den'], members: ['den::Ada'] });
});

test('a list of ten thousand texts is cut to its newest thousand', async (t) => {
    const chatd = await startOn(t, 'redis');
    const ada = await Client.connect(t, chatd.url);
    await ada.creates('den', 'Ada');
    await chatd.redis.run('EVAL', "for i = 1, 10000 do redis.call('LPUSH', 'chat::den', 'Ada::' .. i) end", '0');
    await ada.writes('den', 'Ada', 'newest');
    const list = await chatd.redis.run('LRANGE', 'chat::den', '0', '-1');
    assert.equal(list.length, 1000);
    assert.equal(list[0], 'Ada::newest');
    assert.equal(list[999], 'Ada::9002');
    assert.equal((await ada.history('den', 1000)).length, 1000);
});

test('keys of another type and entries of another form are errors, not ends', async (t) => {
    const chatd = await startOn(t, 'redis');
    const { redis } = chatd;
    const ada = await Client.connect(t, chatd.url);
    await ada.creates('den', 'Ada');
    await redis.run('SET', 'chat::den', 'not a list');
    for (const event of ['create:chat', 'list:chat']) {
        ada.say(event, { roomId: 'den', username: 'Ada', message: 'x' });
        await ada.refused();
    }
    await redis.run('DEL', 'chat::den');
    await redis.run('LPUSH', 'chat::den', 'no separator', 'Ada::fine');
    const raw = await createClient({ url: redis.url }).connect();
    await raw.lPush('chat::den', Buffer.from([...Buffer.from('Ada::'), 0xff]));
    raw.destroy();
    await redis.run('LPUSH', 'chat::den', 'Ada::finer');
    assert.deepEqual(await ada.history('den'), [{ username: 'Ada', message: 'fine' }, { username: 'Ada', message: 'finer' }]);
    await redis.run('RENAME', 'rooms', 'kept');
    await redis.run('SET', 'rooms', 'not a set');
    for (const event of ['create:room', 'add:member', 'remove:member']) {
        ada.say(event, { roomId: 'den', username: 'Bob' });
        await ada.refused();
    }
    await redis.run('RENAME', 'kept', 'rooms');
    await ada.joins('den', 'Bob');
});

test('a Redis killed and started again under load costs answers, and no connection', async (t) => {
    const chatd = await startOn(t, 'redis');
    const clients = [];
    for (let i = 0; i < 4; i++) {
        const client = await Client.connect(t, chatd.url);
        await client.creates(`room ${i}`, 'Ada');
        clients.push(client);
    }
    let over = false;
    const asked = clients.map(() => 0);
    const results = clients.map(async (client, i) => {
        let failed = 0;
        let texts = [];
        /* Ten under way at all times; every one is answered, in the order asked. */
        const next = () => client.say('create:chat', { roomId: `room ${i}`, username: 'Ada', message: `${asked[i]++}` });
        for (let k = 0; k < 10; k++) next();
        for (let answered = 0; answered < asked[i]; answered++) {
            const [name, answer] = await client.take();
            if (name === 'error') {
                assert.deepEqual(answer, UNAVAILABLE);
                failed++;
            } else {
                assert.equal(name, 'create:chat:success');
                texts.push(Number(answer.message));
            }
            if (!over) next();
        }
        return { failed, texts };
    });
    const progress = async (count) => {
        const goals = asked.map((number) => number + count);
        while (asked.some((number, i) => number < goals[i])) await new Promise((resolve) => setImmediate(resolve));
    };
    await within(progress(100), 'a hundred texts each');
    await chatd.redis.kill();
    await within(progress(20), 'answers while Redis is away', 30000);
    assert.equal((await fetch(`${chatd.url}/healthz`)).status, 200);
    assert.equal((await fetch(`${chatd.url}/readyz`)).status, 503);
    await chatd.redis.start();
    await isReady(chatd);
    await within(progress(50), 'texts after Redis came back');
    over = true;
    for (const [i, { failed, texts }] of (await Promise.all(results)).entries()) {
        assert.ok(failed > 0, 'nothing failed: Redis was not away');
        assert.deepEqual(texts, [...texts].sort((a, b) => a - b));
        assert.equal(clients[i].socket.connected, true);
        const kept = (await clients[i].history(`room ${i}`, 1000)).map((chat) => Number(chat.message));
        const told = texts.slice(-kept.length).filter((number) => number >= kept[0]);
        assert.ok(told.every((number) => kept.includes(number)), 'a text was told but not kept');
    }
});

test('while Redis is away every event is answered with an error in good time', async (t) => {
    const chatd = await startOn(t, 'redis');
    const ada = await Client.connect(t, chatd.url);
    await ada.creates('den', 'Ada');
    await chatd.redis.kill();
    for (const event of ['create:room', 'add:member', 'remove:member', 'create:chat', 'list:chat']) {
        const began = Date.now();
        ada.say(event, { roomId: event === 'create:room' ? 'hall' : 'den', username: 'Ada', message: 'x' });
        await ada.refused(UNAVAILABLE.message);
        assert.ok(Date.now() - began < 6000, `${event}: ${Date.now() - began} ms`);
    }
    await chatd.redis.start();
    await isReady(chatd);
    await ada.writes('den', 'Ada', 'again');
});

test('a server that starts before its Redis serves as soon as that is there', async (t) => {
    const redis = await startRedis(t);
    await redis.kill();
    const chatd = await startChatd(t, ['--redis', redis.url]);
    const ada = await Client.connect(t, chatd.url);
    await ada.does('create:room', { roomId: 'den', username: 'Ada' }, ['error', UNAVAILABLE]);
    assert.equal((await fetch(`${chatd.url}/readyz`)).status, 503);
    await redis.start();
    await chatd.line(/^Redis connected$/);
    await isReady(chatd);
    await ada.creates('den', 'Ada');
});

test('the end of the server gives names back and leaves the rooms', async (t) => {
    const chatd = await startOn(t, 'redis');
    const ada = await Client.connect(t, chatd.url);
    await ada.creates('den', 'Ada');
    await ada.writes('den', 'Ada', 'kept');
    assert.deepEqual(await chatd.stop(), { code: 0, signal: null });
    assert.deepEqual(await chatd.redis.content(), { rooms: ['den'], 'chat::den': ['Ada::kept'] });
});

const PASSWORD = 'p@ss/wo:rd %41';
const HIDDEN = encodeURIComponent(PASSWORD);
const works = async (t, url, redis, database) => {
    const chatd = await startChatd(t, ['--redis', url]);
    await isReady(chatd);
    const ada = await Client.connect(t, chatd.url);
    await ada.creates('den', 'Ada');
    await ada.writes('den', 'Ada', 'hello');
    assert.deepEqual(await redis.content(database), { rooms: ['den'], members: ['den::Ada'], 'chat::den': ['Ada::hello'] });
    assert.ok(!chatd.said().join('\n').includes(PASSWORD) && !chatd.said().join('\n').includes(HIDDEN), 'a password in the log');
};

test('a password without a user, percent-encoded in the URL', async (t) => {
    const redis = await startRedis(t, { conf: [`requirepass "${PASSWORD}"`], cliArgs: ['-a', PASSWORD, '--no-auth-warning'] });
    await works(t, `redis://:${HIDDEN}@127.0.0.1:${redis.port}`, redis);
});

test('a user of an access list with a password, and a database', async (t) => {
    const redis = await startRedis(t, { conf: ['user chat on ">s@c/r:t" ~* &* +@all'] });
    await works(t, `redis://chat:${encodeURIComponent('s@c/r:t')}@127.0.0.1:${redis.port}/3`, redis, '3');
    assert.deepEqual(await redis.content('0'), {});
});

test('a unix socket', async (t) => {
    const redis = await startRedis(t);
    await works(t, `unix://${redis.socket}`, redis);
});

test('a wrong password is told in the log, answers errors, and ends nothing', async (t) => {
    const redis = await startRedis(t, { conf: [`requirepass "${PASSWORD}"`], cliArgs: ['-a', PASSWORD, '--no-auth-warning'] });
    const chatd = await startChatd(t, ['--redis', `redis://:wrong-secret@127.0.0.1:${redis.port}`]);
    const ada = await Client.connect(t, chatd.url);
    await ada.does('create:room', { roomId: 'den', username: 'Ada' }, ['error', UNAVAILABLE]);
    assert.equal((await fetch(`${chatd.url}/readyz`)).status, 503);
    await chatd.line(/WRONGPASS|password|auth/i);
    assert.ok(!chatd.said().join('\n').includes('wrong-secret'));
    assert.ok(!chatd.said().includes('Redis connected'));
    await redis.run('CONFIG', 'SET', 'requirepass', 'wrong-secret');
    await isReady(chatd);
    await ada.creates('den', 'Ada');
});

test('REDIS_URL names the store, and --redis wins over it', async (t) => {
    const named = await startRedis(t);
    const other = await startRedis(t);
    const first = await startChatd(t, [], { env: { REDIS_URL: named.url } });
    await first.line(/^Redis connected$/);
    const ada = await Client.connect(t, first.url);
    await ada.creates('den', 'Ada');
    assert.deepEqual((await named.content()).rooms, ['den']);

    const second = await startChatd(t, ['--redis', other.url], { env: { REDIS_URL: named.url } });
    await second.line(/^Redis connected$/);
    const bob = await Client.connect(t, second.url);
    await bob.creates('hall', 'Bob');
    assert.deepEqual((await other.content()).rooms, ['hall']);
    assert.deepEqual((await named.content()).rooms, ['den']);
});
