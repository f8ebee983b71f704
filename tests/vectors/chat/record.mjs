/*
 * Records what the Node originals leave in Redis, for tests/interop/chat-data.test.mjs:
 *
 *     OFFICIAL=checkout-of-the-demo node --test tests/vectors/chat/record.mjs
 *
 * demo.json wants a checkout of basic-redis-chat-app-demo-nodejs with its packages installed; the two others are
 * written by tests/support/{rooms,pubsub}_original.mjs. All are as if the server had been killed: nothing was tidied up.
 */
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Client, startRedis } from '../../support/chatd.mjs';
import { person } from '../../support/demo.mjs';
import { startDemoOriginal } from '../../support/demo_original.mjs';
import { startOriginal } from '../../support/pubsub_original.mjs';
import { startRoomsOriginal } from '../../support/rooms_original.mjs';
import { Talker } from '../../support/talker.mjs';

const TEXTS = ['first', 'a <b>bold</b> one', 'Zoë 名前 👩‍👩‍👧 \\ "quoted" :: \u2028', ' spaces '];

async function keep(redis, name, more = {}) {
    const readers = { string: ['GET'], set: ['SMEMBERS'], hash: ['HGETALL'], list: ['LRANGE', '0', '-1'], zset: ['ZRANGE', '0', '-1', 'WITHSCORES'] };
    const keys = {};
    for (const key of (await redis.run('KEYS', '*')).sort()) {
        const type = await redis.run('TYPE', key);
        const [command, ...range] = readers[type];
        keys[key] = { type, ttl: await redis.run('TTL', key), value: await redis.run(command, key, ...range) };
    }
    writeFileSync(new URL(`${name}.json`, import.meta.url), `${JSON.stringify({ ...more, keys }, null, 1)}\n`);
}

test('demo', async (t) => {
    const redis = await startRedis(t);
    /* So that it makes no demo data: the texts in there are not ours. */
    await redis.run('SET', 'total_users', '0');
    await redis.run('SET', 'room:0:name', 'General');
    const original = await startDemoOriginal(t, redis);
    const [ada, ben] = [await person(t, original, 'Ada', 'secret of Ada'), await person(t, original, 'Bén ✓', 'secret of Ben')];
    await person(t, original, 'Idle', 'secret of Idle');
    await ada.open();
    await ben.open();
    await ada.hears('user.connected');
    for (const one of [ada, ben]) one.client.say('room.join', '0');
    const { id } = (await ada.post('/room', { user1: ada.id, user2: ben.id })).body;
    for (const text of TEXTS) {
        for (const room of ['0', id]) {
            ada.client.say('room.join', room);
            ada.say(room, text);
            await ada.hears('message');
        }
    }
    await keep(redis, 'demo', { cookies: { 'Ada': ada.cookie, 'Bén ✓': ben.cookie } });
});

test('rooms', async (t) => {
    const redis = await startRedis(t);
    const original = await startRoomsOriginal(t, redis);
    const [ada, ben] = [await Client.connect(t, original.url), await Client.connect(t, original.url)];
    await ada.creates('den', 'Ada');
    await ben.creates('a b/名', 'Bén');
    await ben.joins('den', 'Bén');
    for (const text of TEXTS) {
        ada.say('create:chat', { roomId: 'den', username: 'Ada', message: text });
        while ((await ada.take())[0] !== 'create:chat:success');
    }
    await keep(redis, 'rooms');
});

test('pubsub', async (t) => {
    const redis = await startRedis(t);
    const original = await startOriginal(t, redis.url);
    const [ada, ben] = [await Talker.connect(t, original.url), await Talker.connect(t, original.url)];
    for (const [talker, userId] of [[ada, 'ada'], [ben, 7]]) {
        talker.say({ type: 'auth', userId });
        talker.say({ type: 'join', roomId: 'den / 1' });
    }
    for (const content of [...TEXTS, { any: ['JSON', null, 1.5] }]) ada.say({ type: 'message', roomId: 'den / 1', content });
    ada.say({ type: 'typing', roomId: 'den / 1', isTyping: true });
    for (const talker of [ada, ben]) while (!(await talker.takeText()).includes('"typing"'));
    await keep(redis, 'pubsub');
});
