/* chatd demo on Redis: the keys of the original, several servers, and servers of the original beside ours. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createClient } from 'redis';
import { isReady, startRedis, until } from '../support/chatd.mjs';
import { Person, person, startDemo, startDemoOn } from '../support/demo.mjs';

/** Publish what a Node server would, and count who listens. */
const publish = (redis, type, data, serverId = '10.0.0.9:4000') =>
    redis.run('PUBLISH', 'MESSAGES', JSON.stringify({ serverId, type, data }));

async function startTwo(t, args = []) {
    const redis = await startRedis(t);
    const servers = [];
    for (let i = 0; i < 2; i++) servers.push(await startDemo(t, ['--redis', redis.url, ...args]));
    return { redis, servers };
}

test('each step leaves the keys of the original', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    const { redis } = chatd;
    assert.equal(await redis.run('GET', 'total_users'), '4');
    assert.equal(await redis.run('GET', 'room:0:name'), 'General');
    assert.equal(await redis.run('GET', 'username:Alex'), 'user:4');
    assert.match((await redis.run('HGET', 'user:4', 'password')), /^\$2b\$10\$/);
    assert.deepEqual((await redis.run('SMEMBERS', 'user:2:rooms')).sort(), ['0', '1:2', '2:3', '2:4']);
    assert.equal(await redis.run('ZCARD', 'room:0'), 5);
    assert.equal(await redis.run('ZCARD', 'room:3:4'), 2);
    const ada = await person(t, chatd, 'Ada', 'pw');
    assert.deepEqual(await redis.run('HKEYS', 'user:5'), ['username', 'password']);
    assert.deepEqual(await redis.run('SMEMBERS', 'user:5:rooms'), ['0']);
    const sid = decodeURIComponent(ada.cookie).slice(2).split('.')[0];
    assert.deepEqual(JSON.parse(await redis.run('GET', `sess:${sid}`)), {
        cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, user: { id: 5, username: 'Ada' } });
    assert.ok((await redis.run('TTL', `sess:${sid}`)) > 86000);
    await ada.open();
    await until(async () => (await redis.run('SMEMBERS', 'online_users')).includes('5'), 'online');
    ada.say('0', 'hello');
    const heard = await ada.hears();
    const [[member, score]] = await redis.run('ZREVRANGE', 'room:0', '0', '0', 'WITHSCORES');
    assert.deepEqual(JSON.parse(member), heard);
    assert.equal(Number(score), heard.date);
    await ada.post('/logout');
    assert.equal(await redis.run('EXISTS', `sess:${sid}`), 0);
    await until(async () => (await redis.run('SCARD', 'online_users')) === 0, 'offline');
});

test('a session that Node has written is honoured, and what else is in it is kept', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    const sid = 'abcdefghijklmnopqrstuvwxyz_-0123';
    const signature = createHmac('sha256', 'keyboard cat').update(sid).digest('base64').replace(/=+$/, '');
    const session = { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, cart: [1.5, { a: null }], user: { id: 2, username: 'Joe' } };
    await chatd.redis.run('SET', `sess:${sid}`, JSON.stringify(session), 'EX', '100');
    const joe = new Person(t, chatd.url);
    joe.cookie = encodeURIComponent(`s:${sid}.${signature}`);
    const me = await joe.call('/me');
    assert.deepEqual([me.body, me.headers.get('set-cookie')], [{ id: 2, username: 'Joe' }, null]);
    assert.ok((await chatd.redis.run('TTL', `sess:${sid}`)) > 86000);
    assert.deepEqual(JSON.parse(await chatd.redis.run('GET', `sess:${sid}`)), session);
    await joe.logIn('Mary');
    const now = decodeURIComponent(joe.cookie).slice(2).split('.')[0];
    assert.deepEqual(JSON.parse(await chatd.redis.run('GET', `sess:${now}`)).cart, session.cart);
    for (const broken of ['not json', '[]', '{"user":{"id":1}}', '{"cookie":{},"user":7}', '{"cookie":{},"user":{"id":"1:2","username":"x"}}']) {
        await chatd.redis.run('SET', `sess:${sid}`, broken);
        joe.cookie = encodeURIComponent(`s:${sid}.${signature}`);
        assert.equal((await joe.call('/me')).body, null, broken);
    }
});

test('ten thousand messages are paged through, and what is no JSON is passed over', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    await chatd.redis.run('EVAL', `for i = 1, 10000 do
        redis.call('ZADD', 'room:0', 1000000 + i, '{"from":1,"date":' .. (1000000 + i) .. ',"message":"m' .. i .. '","roomId":"0"}') end
        redis.call('ZADD', 'room:0', 99999999999, 'rubbish')`, '0');
    const joe = await person(t, chatd, 'Joe');
    const newest = (await joe.history('0', '?offset=0&size=5')).body;
    assert.equal(newest.length, 5, 'the rubbish is left out');
    assert.equal((await joe.history('0', '?offset=10&size=9999')).body.length, 201, 'no more at once');
    const seen = [];
    for (let offset = 6; ; offset += 201) {
        const page = (await joe.history('0', `?offset=${offset}&size=200`)).body;
        seen.push(...page.map((one) => one.message));
        assert.ok(page.length <= 201);
        if (page.length < 201) break;
    }
    assert.deepEqual(seen, Array.from({ length: 10000 }, (_, i) => `m${10000 - i}`));
});

test('ids that lead nowhere and keys of another type are no end', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    const joe = await person(t, chatd, 'Joe');
    await chatd.redis.run('SADD', 'online_users', '77', '', 'x', '1');
    await chatd.redis.run('SADD', 'user:2:rooms', '1:2:name', '', '9:8', 'x');
    await chatd.redis.run('SET', 'user:3:rooms', 'text');
    await chatd.redis.run('LPUSH', 'user:88', 'list');
    assert.deepEqual(Object.keys((await joe.call('/users/online')).body), ['1', '2']);
    assert.deepEqual(Object.keys((await joe.call('/users?ids[]=88&ids[]=77&ids[]=1')).body), ['1']);
    assert.deepEqual((await joe.call('/rooms/2')).body.map((one) => one.id).sort(), ['0', '1:2', '2:3', '2:4']);
    assert.equal((await joe.post('/room', { user1: 2, user2: 3 })).status, 503);
    await chatd.redis.run('DEL', 'room:1:2');
    await chatd.redis.run('SET', 'room:1:2', 'text');
    await joe.open();
    joe.say('1:2', 'lost');
    await joe.heardNothing();
});

test('two servers are one chat', async (t) => {
    const { servers: [one, two] } = await startTwo(t);
    const [ada, ben] = [await person(t, one, 'Ada'), await person(t, two, 'Ben')];
    await ada.open();
    await ben.open();
    assert.deepEqual(await ada.hears('user.connected'), { id: 6, username: 'Ben', online: true });
    for (let i = 0; i < 50; i++) ada.say('0', `a${i}`);
    for (let i = 0; i < 50; i++) assert.equal((await ben.hears()).message, `a${i}`);
    for (let i = 0; i < 50; i++) assert.equal((await ada.hears()).message, `a${i}`);
    const room = (await ada.post('/room', { user1: ada.id, user2: ben.id })).body.id;
    ada.client.say('room.join', room);
    ada.say(room, 'psst');
    assert.deepEqual(await ben.hears(), { id: '5:6', names: [['Ada'], ['Ben']] });
    assert.equal((await ben.hears()).message, 'psst');
    await ada.hears();
    const tab = new Person(t, one.url);
    Object.assign(tab, { cookie: ben.cookie, user: ben.user });
    await tab.open();
    ben.client.socket.disconnect();
    await ada.heardNothing();
    const ended = tab.client.ended();
    await ben.post('/logout');
    await ended;
    assert.deepEqual((await ada.hears('user.disconnected')).id, 6);
});

test('who was on a server that was killed goes offline', async (t) => {
    const { redis, servers: [one, two] } = await startTwo(t, ['--lease', '2000']);
    const [ada, ben] = [await person(t, one, 'Ada'), await person(t, two, 'Ben')];
    await ada.open();
    await ben.open();
    await ada.hears('user.connected');
    await two.kill();
    assert.equal((await ada.hears('user.disconnected')).username, 'Ben');
    assert.deepEqual(await redis.run('SMEMBERS', 'online_users'), ['5']);
});

test('of three servers two are killed at once: all who were there go offline, once, within twenty seconds', async (t) => {
    const { redis, servers: [one, two] } = await startTwo(t);
    const three = await startDemo(t, ['--redis', redis.url]);
    const [ada, ben, eve] = [await person(t, one, 'Ada'), await person(t, two, 'Ben'), await person(t, three, 'Eve')];
    for (const who of [ada, ben, eve]) await who.open();
    const tab = Object.assign(new Person(t, three.url), { cookie: ben.cookie, user: ben.user });
    await tab.open();
    await until(async () => (await redis.run('SMEMBERS', `chat:demo:servers`)).length === 3 && (await redis.run('SCARD', 'online_users')) === 3, 'all online');
    await Promise.all([two.kill(), three.kill()]);
    const left = [];
    while (left.length < 2) left.push((await ada.hears('user.disconnected')).username);
    assert.deepEqual(left.sort(), ['Ben', 'Eve']);
    assert.deepEqual(await redis.run('SMEMBERS', 'online_users'), [String(ada.id)]);
    await ada.heardNothing();
});

test('a server whose lease was lost holds its users again', async (t) => {
    const chatd = await startDemoOn(t, 'redis', ['--lease', '400']);
    const { redis } = chatd;
    const joe = await person(t, chatd, 'Joe');
    await joe.open();
    await until(async () => (await redis.run('SCARD', 'online_users')) === 1, 'Joe online');
    const [server] = await redis.run('SMEMBERS', 'chat:demo:servers');
    await redis.run('DEL', `chat:demo:server:${server}`, `chat:demo:server:${server}:held`, 'online_users');
    await until(async () => (await redis.run('SMEMBERS', 'online_users')).join() === '2', 'Joe online again');
    assert.deepEqual(await redis.run('SMEMBERS', `chat:demo:server:${server}:held`), ['2']);
});

test('of ten sockets of one user at two servers that come and go at once others hear one come and one go', async (t) => {
    const { redis, servers } = await startTwo(t);
    const [ada, ben] = [await person(t, servers[0], 'Ada'), await person(t, servers[0], 'Ben')];
    await ada.open();
    const tabs = Array.from({ length: 10 }, (_, i) => Object.assign(new Person(t, servers[i % 2].url), { cookie: ben.cookie, user: ben.user }));
    await Promise.all(tabs.map((tab) => tab.open()));
    assert.equal((await ada.hears('user.connected')).username, 'Ben');
    await Promise.all(tabs.map((tab) => tab.post('/room', { user1: ada.id, user2: ben.id })));
    tabs.forEach((tab, i) => tab.say('5:6', `racing ${i}`));
    assert.equal((await ada.hears()).id, '5:6', 'shown once');
    const texts = [];
    for (let i = 0; i < 10; i++) texts.push((await ada.hears('message')).message);
    assert.deepEqual(texts.sort(), Array.from({ length: 10 }, (_, i) => `racing ${i}`));
    await ada.heardNothing();
    for (const tab of tabs) tab.client.socket.disconnect();
    assert.equal((await ada.hears('user.disconnected')).username, 'Ben');
    await ada.heardNothing();
    assert.deepEqual(await redis.run('SMEMBERS', 'online_users'), ['5']);
});

test('what is published is what a Node server understands, under an id that no other server has', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    const heard = [];
    const listener = await createClient({ url: chatd.redis.url }).connect();
    await listener.subscribe('MESSAGES', (text) => heard.push(JSON.parse(text)));
    const [ada, ben] = [await person(t, chatd, 'Ada'), await person(t, chatd, 'Ben')];
    await ada.open();
    await ada.post('/room', { user1: 5, user2: 6 });
    ada.say('5:6', 'psst');
    const message = await ada.hears('message');
    ada.client.socket.disconnect();
    await until(() => heard.length === 4, 'four envelopes');
    listener.destroy();
    const [{ serverId }] = heard;
    assert.match(serverId, /^[0-9a-f]{16,}$/);
    assert.deepEqual(heard, [['user.connected', { id: 5, username: 'Ada', online: true }], ['show.room', { id: '5:6', names: [['Ada'], ['Ben']] }], ['message', message],
        ['user.disconnected', { id: 5, username: 'Ada', online: false }]].map(([type, data]) => ({ serverId, type, data })));
    assert.equal(ben.id, 6);
});

test('a server in order leaves nobody online behind', async (t) => {
    const { redis, servers: [one, two] } = await startTwo(t);
    const [ada, ben] = [await person(t, one, 'Ada'), await person(t, two, 'Ben')];
    await ada.open();
    await ben.open();
    await ada.hears('user.connected');
    assert.deepEqual(await two.stop(), { code: 0, signal: null });
    assert.equal((await ada.hears('user.disconnected')).username, 'Ben');
    await one.stop();
    assert.deepEqual(await redis.run('KEYS', 'chat:*'), []);
    assert.equal(await redis.run('EXISTS', 'online_users'), 0);
});

test('envelopes of a Node server reach those they concern, and rubbish nobody', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    const { redis } = chatd;
    const [pablo, joe, mary] = [await person(t, chatd, 'Pablo'), await person(t, chatd, 'Joe'), await person(t, chatd, 'Mary')];
    for (const one of [pablo, joe, mary]) await one.open();
    await mary.heardNothing();
    for (const rubbish of ['', 'x', '7', 'null', '[]', '{}', '{"serverId":1}', '{"serverId":"x","type":"message"}', '{"serverId":"x","type":"message","data":7}',
        '{"serverId":"x","type":"message","data":{}}', '{"serverId":"x","type":"show.room","data":{"id":7}}', '{"serverId":"x","type":"show.room","data":{"id":"0:name"}}',
        '{"serverId":"x","type":"user.connected","data":{"id":[1]}}', '{"serverId":"x","type":"disconnect","data":{"id":"1"}}', '{"serverId":"x","type":{},"data":{}}']) {
        await redis.run('PUBLISH', 'MESSAGES', rubbish);
    }
    const raw = await createClient({ url: redis.url }).connect();
    for (const bytes of ['ff', 'c328']) await raw.publish('MESSAGES', Buffer.from(`{"serverId":"x","type":"message","data":{"roomId":"0","message":"${Buffer.from(bytes, 'hex').toString('latin1')}"}}`, 'latin1'));
    for (const rubbish of ['', 'x', 'x ', `x ${'y'.repeat(10_000)}`]) await raw.publish('chat:demo:0:sessions', rubbish);
    raw.destroy();
    await publish(redis, 'message', { from: 1, date: 1, message: 'private', roomId: '1:2', more: [1] });
    await publish(redis, 'show.room', { id: '1:2', names: [['Pablo'], ['Joe']] });
    await publish(redis, 'user.connected', { id: 4, username: 'Alex', online: true });
    await publish(redis, 'message', { from: 4, date: 2, message: 'public', roomId: '0' });
    for (const one of [pablo, joe]) {
        assert.deepEqual(await one.hears('message').then(async (first) => (/^mark/.test(first.message) ? one.hears('message') : first)),
            { from: 1, date: 1, message: 'private', roomId: '1:2', more: [1] });
        assert.deepEqual(await one.hears('show.room'), { id: '1:2', names: [['Pablo'], ['Joe']] });
    }
    for (const one of [pablo, joe, mary]) {
        assert.deepEqual(await one.hears('user.connected'), { id: 4, username: 'Alex', online: true });
        assert.equal((await one.hears('message')).message, 'public');
    }
    await publish(redis, 'user.disconnected', { id: '1', username: 'Pablo', online: false });
    await until(async () => (await redis.run('SMEMBERS', 'online_users')).includes('1'), 'Pablo is online again');
    await mary.heardNothing();
});

test('Redis away is an error, not an end, and what is online is put right afterwards', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    const joe = await person(t, chatd, 'Joe');
    await joe.open();
    await chatd.redis.kill();
    await isReady(chatd, 503);
    assert.equal((await joe.call('/me')).status, 503);
    await chatd.redis.start();
    await isReady(chatd);
    joe.say('0', 'back');
    assert.equal((await joe.hears()).message, 'back');
    await until(async () => (await publish(chatd.redis, 'user.connected', { id: 9, username: 'marker' })) === 1, 'the subscription to be back');
    assert.deepEqual(await joe.hears('user.connected'), { id: 9, username: 'marker' });
    assert.ok((await chatd.redis.run('SMEMBERS', 'online_users')).includes('2'));
});

test('two servers that start on an empty database make the demo data once', async (t) => {
    const redis = await startRedis(t);
    await Promise.all([1, 2, 3].map(() => startDemo(t, ['--redis', redis.url])));
    assert.equal(await redis.run('GET', 'total_users'), '4');
    assert.equal(await redis.run('ZCARD', 'room:0'), 5);
    assert.equal(await redis.run('ZCARD', 'room:1:2'), 2);
});

test('the environment of the tutorial names the Redis', async (t) => {
    const redis = await startRedis(t, { conf: ['requirepass p@ss:w/rd'], cliArgs: ['-a', 'p@ss:w/rd', '--no-auth-warning'] });
    await startDemo(t, [], { env: { REDIS_ENDPOINT_URL: `127.0.0.1:${redis.port}`, REDIS_PASSWORD: 'p@ss:w/rd' } });
    assert.equal(await redis.run('GET', 'total_users'), '4');
    await startDemo(t, [], { env: { REDIS_ENDPOINT_URI: `redis://:p%40ss%3Aw%2Frd@127.0.0.1:${redis.port}` } });
    assert.equal(await redis.run('GET', 'total_users'), '4');
});
