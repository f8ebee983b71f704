/* What the Node originals have written (tests/vectors/chat) is read by ours, and what ours have written by them. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Client, isReady, startChatd, startRedis } from '../support/chatd.mjs';
import { Person, person, startDemo, startDemoOn } from '../support/demo.mjs';
import { startDemoOriginal } from '../support/demo_original.mjs';
import { startOriginal } from '../support/pubsub_original.mjs';
import { startRoomsOriginal } from '../support/rooms_original.mjs';
import { Talker } from '../support/talker.mjs';

const WRITERS = {
    string: (key, value) => ['SET', key, value],
    set: (key, value) => ['SADD', key, ...value],
    hash: (key, value) => ['HSET', key, ...Object.entries(value).flat()],
    list: (key, value) => ['RPUSH', key, ...value],
    zset: (key, value) => ['ZADD', key, ...value.flatMap(([member, score]) => [String(score), member])],
};

/** A Redis as an original has left it when it was killed. */
async function startRecorded(t, name) {
    const recorded = JSON.parse(readFileSync(new URL(`../vectors/chat/${name}.json`, import.meta.url)));
    const redis = await startRedis(t);
    for (const [key, { type, ttl, value }] of Object.entries(recorded.keys)) {
        await redis.run(...WRITERS[type](key, value));
        if (ttl > 0) await redis.run('EXPIRE', key, String(ttl));
    }
    const text = (key) => recorded.keys[key].value.map(([member]) => JSON.parse(member));
    return { redis, ...recorded, messages: text };
}

test('sessions, users, rooms and history of the original demo are those of ours', async (t) => {
    const { redis, cookies, messages } = await startRecorded(t, 'demo');
    const chatd = await startDemo(t, ['--redis', redis.url]);
    for (const [username, id, password] of [['Ada', 1, 'secret of Ada'], ['Bén ✓', 2, 'secret of Ben'], ['Idle', 3, 'secret of Idle']]) {
        if (cookies[username]) {
            const cookie = cookies[username];
            const me = await Object.assign(new Person(t, chatd.url), { cookie }).call('/me');
            assert.deepEqual([me.body, me.headers.get('set-cookie')], [{ id, username }, null]);
        }
        const one = new Person(t, chatd.url);
        assert.equal((await one.post('/login', { username, password: 'wrong' })).status, 404);
        assert.deepEqual((await one.post('/login', { username, password })).body, { id: String(id), username });
    }
    const [ada, idle] = [await person(t, chatd, 'Ada', 'secret of Ada'), await person(t, chatd, 'Idle', 'secret of Idle')];
    for (const room of ['0', '1:2']) assert.deepEqual((await ada.history(room)).body, messages(`room:${room}`).reverse());
    assert.deepEqual((await ada.call('/rooms/1')).body.sort((a, b) => (a.id < b.id ? -1 : 1)),
        [{ id: '0', names: ['General'] }, { id: '1:2', names: [['Ada'], ['Bén ✓']] }]);
    assert.equal((await idle.history('1:2')).status, 403);
    await ada.open();
    ada.say('1:2', 'and on it goes');
    assert.equal((await ada.hears('message')).message, 'and on it goes', 'no show.room: it is not the first one');
    assert.deepEqual((await new Person(t, chatd.url).post('/login', { username: 'New', password: 'x' })).body, { id: 4, username: 'New' });
});

test('sessions, users, rooms and history of our demo are those of the original', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    const ada = await person(t, chatd, 'Ada', 'of ours');
    await ada.open();
    const { id } = (await ada.post('/room', { user1: ada.id, user2: 1 })).body;
    for (const room of ['0', id]) ada.say(room, 'written by <ours>');
    for (const room of ['0', id]) assert.equal((await ada.hears('message')).roomId, room);
    const rooms = (await ada.call('/rooms/5')).body;
    const histories = [(await ada.history('0')).body, (await ada.history(id)).body];
    await chatd.kill();
    const original = await startDemoOriginal(t, chatd.redis);
    const there = Object.assign(new Person(t, original.url), { cookie: ada.cookie });
    const me = await there.call('/me');
    assert.deepEqual([me.body, me.headers.get('set-cookie')], [{ id: 5, username: 'Ada' }, null]);
    assert.deepEqual((await there.call('/rooms/5')).body, rooms);
    assert.deepEqual([(await there.history('0')).body, (await there.history(id)).body], histories);
    assert.deepEqual((await person(t, original, 'Ada', 'of ours')).user, { id: '5', username: 'Ada' });
    assert.deepEqual((await person(t, original, 'Pablo')).user, { id: '1', username: 'Pablo' });
    assert.deepEqual((await person(t, original, 'New', 'x')).user, { id: 6, username: 'New' });
});

test('rooms, members and texts of the original are those of ours', async (t) => {
    const { redis, keys } = await startRecorded(t, 'rooms');
    const chatd = await startChatd(t, ['--redis', redis.url]);
    await isReady(chatd);
    const client = await Client.connect(t, chatd.url);
    for (const roomId of ['den', 'a b/名']) {
        await client.does('create:room', { roomId, username: 'x' }, ['error', { message: 'Room already exist.' }]);
        await client.joins(roomId, 'Carol');
    }
    const texts = keys['chat::den'].value.map((entry) => entry.slice('Ada::'.length)).reverse();
    assert.deepEqual(await client.history('den'), texts.map((message) => ({ username: 'Ada', message })));
    /* Their names are taken; as no connection here holds them, anybody may clear them. */
    const gone = { roomId: 'den', username: 'Bén' };
    await client.does('add:member', gone, ['error', { message: 'Username already exists, please choose another username.' }]);
    await client.does('remove:member', gone, ['remove:member:success', gone]);
    await client.joins('den', 'Bén');
    assert.deepEqual((await redis.run('SMEMBERS', 'members')).sort(), ['a b/名::Bén', 'a b/名::Carol', 'den::Ada', 'den::Bén', 'den::Carol']);
});

test('rooms, members and texts of ours are those of the original', async (t) => {
    const redis = await startRedis(t);
    const chatd = await startChatd(t, ['--redis', redis.url]);
    await isReady(chatd);
    const ada = await Client.connect(t, chatd.url);
    await ada.creates('den', 'Ada');
    await ada.writes('den', 'Ada', 'of ours');
    const original = await startRoomsOriginal(t, redis);
    const ben = await Client.connect(t, original.url);
    await ben.does('create:room', { roomId: 'den', username: 'Ben' }, ['error', { message: 'Room already exist.' }]);
    await ben.does('add:member', { roomId: 'den', username: 'Ada' }, ['error', { message: 'Username already exists, please choose another username.' }]);
    await ben.joins('den', 'Ben');
    await ben.writes('den', 'Ben', 'of theirs');
    assert.deepEqual(await redis.run('LRANGE', 'chat::den', '0', '-1'), ['Ben::of theirs', 'Ada::of ours']);
    await ada.does('add:member', { roomId: 'den', username: 'x' }, ['add:member:success', { roomId: 'den', username: 'x' }]);
    assert.deepEqual(await ada.history('den'), [{ username: 'Ada', message: 'of ours' }, { username: 'Ben', message: 'of theirs' }]);
});

const ROOM = 'den / 1';

async function enter(t, server, userId) {
    const talker = await Talker.connect(t, server.url);
    talker.say({ type: 'auth', userId });
    talker.say({ type: 'join', roomId: ROOM });
    for (const type of ['connected', 'authenticated', 'user_joined']) await talker.take(type);
    talker.history = (await talker.take('room_history')).messages;
    return talker;
}
const lists = async (server) => Promise.all(['online-users', `rooms/${encodeURIComponent(ROOM)}/members`].map(async (path) => {
    const { count, ...list } = await (await fetch(`${server.url}/api/${path}`)).json();
    const [found] = Object.values(list);
    assert.equal(count, found.length);
    return found.sort().join();
}));

test('keys and history of the original pubsub are those of ours', async (t) => {
    const { redis, messages } = await startRecorded(t, 'pubsub');
    const chatd = await startChatd(t, ['--redis', redis.url], { profile: 'pubsub' });
    await isReady(chatd);
    assert.deepEqual(await lists(chatd), ['7,ada', '7,ada'], 'who its servers hold is theirs to release');
    const carol = await enter(t, chatd, 'carol');
    assert.deepEqual(carol.history, messages(`room:${ROOM}:messages`));
    assert.deepEqual(await lists(chatd), ['7,ada,carol', '7,ada,carol']);
});

test('keys and history of our pubsub are those of the original', async (t) => {
    const redis = await startRedis(t);
    const chatd = await startChatd(t, ['--redis', redis.url], { profile: 'pubsub' });
    await isReady(chatd);
    const carol = await enter(t, chatd, 'carol');
    for (let n = 0; n < 60; n++) carol.say({ type: 'message', roomId: ROOM, content: { n } });
    carol.say({ type: 'no such thing' });
    await carol.take('error');
    const original = await startOriginal(t, redis.url);
    const theirs = await enter(t, original, 'node');
    assert.deepEqual(theirs.history.map((one) => one.content.n), Array.from({ length: 50 }, (_, i) => 10 + i));
    for (const server of [chatd, original]) assert.deepEqual(await lists(server), ['carol,node', 'carol,node']);
});
