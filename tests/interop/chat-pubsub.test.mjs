import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { isReady, makeFolder, runChatd, startChatd, startRedis, until, within } from '../support/chatd.mjs';
import { startOriginal } from '../support/pubsub_original.mjs';
import { Talker } from '../support/talker.mjs';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function startOn(t, store, args = []) {
    if (store === 'redis') {
        const redis = await startRedis(t);
        const chatd = await start(t, redis, args);
        return chatd;
    }
    return startChatd(t, ['--store', store === 'sqlite' ? `sqlite:${join(makeFolder(t), 'pubsub.db')}` : store, ...args], { profile: 'pubsub' });
}

async function start(t, redis, args = []) {
    const chatd = await startChatd(t, args, { profile: 'pubsub', env: { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) } });
    chatd.redis = redis;
    await isReady(chatd);
    return chatd;
}

async function connect(t, server, userId, ...roomIds) {
    const talker = await Talker.connect(t, server.url);
    talker.hello = await talker.take('connected');
    if (userId !== undefined) {
        talker.say({ type: 'auth', userId });
        assert.deepEqual(await talker.take(), { type: 'authenticated', userId });
    }
    for (const roomId of roomIds) {
        talker.say({ type: 'join', roomId });
        assert.equal((await talker.take('user_joined')).userId, userId);
        talker.history = (await talker.take('room_history')).messages;
    }
    return talker;
}

async function refused(talker, message, error) {
    talker.say(message);
    assert.deepEqual(await talker.take(), { type: 'error', error });
}

const get = async (server, path) => {
    const response = await fetch(server.url + path);
    return { status: response.status, body: response.headers.get('content-type')?.includes('json') ? await response.json() : await response.text() };
};
const members = async (server, roomId) => (await get(server, `/api/rooms/${encodeURIComponent(roomId)}/members`)).body.members.sort();
const online = async (server) => (await get(server, '/api/online-users')).body.users.sort();

/* What a connection asks is answered in order: the error that is asked for now must be the next thing heard. */
const heardNothing = (talker) => refused(talker, { type: 'no such thing' }, 'Unknown message type');

for (const store of ['memory', 'sqlite', 'redis']) {
    describe(`one server on ${store}`, { concurrency: 2 }, () => {
        test('a client is greeted, authenticated, joined and heard', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await connect(t, chatd);
            assert.deepEqual(Object.keys(ada.hello), ['type', 'connectionId', 'serverId']);
            assert.match(ada.hello.connectionId, UUID);
            assert.match(ada.hello.serverId, /^[0-9a-f]{8}$/);
            await chatd.line(new RegExp(`^Server ID: ${ada.hello.serverId}$`));
            /* All in one go, on any path, in a binary frame too. */
            ada.say({ type: 'auth', userId: 'ada' });
            ada.say(Buffer.from(JSON.stringify({ type: 'join', roomId: 'a / b:*' })));
            ada.say({ type: 'message', roomId: 'a / b:*', content: { n: 1 } });
            await ada.take('authenticated');
            const joined = await ada.take('user_joined');
            assert.deepEqual(Object.keys(joined), ['type', 'roomId', 'userId', 'timestamp', 'serverId']);
            assert.deepEqual(await ada.take(), { type: 'room_history', roomId: 'a / b:*', messages: [] });
            const bob = await connect(t, { url: `${chatd.url}/any/path?at=all` }, 'bob', 'a / b:*');
            assert.equal((await ada.take('user_joined')).userId, 'bob');
            assert.equal(bob.history.length, 1);
            const [message] = bob.history;
            assert.deepEqual(Object.keys(message), ['type', 'id', 'roomId', 'userId', 'content', 'timestamp', 'serverId']);
            assert.match(message.id, UUID);
            assert.deepEqual(message.content, { n: 1 });
            assert.ok(Number.isInteger(message.timestamp));
            bob.say({ type: 'typing', roomId: 'a / b:*', isTyping: true });
            assert.deepEqual(await ada.take(), { type: 'typing', roomId: 'a / b:*', userId: 'bob', isTyping: true, serverId: ada.hello.serverId });
            bob.say('{"type":"message","roomId":"a / b:*","content":1.50,"more":0}');
            assert.match(await ada.takeText(), /"content":1\.50,/);
            await heardNothing(bob);
            bob.say({ type: 'leave', roomId: 'a / b:*' });
            assert.deepEqual(Object.keys(await ada.take('user_left')), ['type', 'roomId', 'userId', 'timestamp', 'serverId']);
            await heardNothing(bob);
            await refused(bob, { type: 'message', roomId: 'a / b:*', content: 1 }, 'Not in room');
        });

        test('what is wrong gets its error, and nobody else notices', async (t) => {
            const chatd = await startOn(t, store);
            const [ada, eve] = [await connect(t, chatd, 'ada', 'den'), await connect(t, chatd)];
            for (const text of ['', '{', 'x', '{"type":"auth"', '\u0000']) await refused(eve, text, 'Invalid JSON');
            for (const text of ['null', '1', '[]', '"auth"', 'true', '{}', '{"type":7}', '{"type":null}', '{"type":"__proto__"}']) {
                await refused(eve, text, 'Unknown message type');
            }
            for (const type of ['join', 'leave', 'message', 'typing']) await refused(eve, { type, roomId: 'den' }, 'Not authenticated');
            for (const userId of [undefined, null, '', {}, [], true, 'x'.repeat(257)]) await refused(eve, { type: 'auth', userId }, 'Invalid userId');
            eve.say({ type: 'auth', userId: 'eve' });
            await eve.take('authenticated');
            for (const roomId of [undefined, null, '', {}, ['den'], 'x'.repeat(257)]) {
                for (const type of ['join', 'leave', 'message', 'typing']) await refused(eve, { type, roomId, content: 1 }, 'Invalid roomId');
            }
            for (const type of ['leave', 'message', 'typing']) await refused(eve, { type, roomId: 'den', content: 1 }, 'Not in room');
            await refused(ada, { type: 'message', roomId: 'den' }, 'Invalid content');
            await heardNothing(ada);
            assert.deepEqual(await members(chatd, 'den'), ['ada']);
            assert.deepEqual(await members(chatd, 'undefined'), []);
            assert.deepEqual(await online(chatd), ['ada', 'eve']);
        });

        test('any content is passed on as it is, a number names the same room as its text', async (t) => {
            const chatd = await startOn(t, store);
            const [ada, bob] = [await connect(t, chatd, 7, 'r'), await connect(t, chatd, 'bob', 'r')];
            await ada.take('user_joined');
            const contents = ['', 0, null, false, [], {}, { a: { b: ['"', '\\', '\u2028', '💬'] } }];
            for (const content of contents) ada.say({ type: 'message', roomId: 'r', content });
            for (const content of contents) assert.deepEqual((await bob.take('message')).content, content);
            ada.say('{"type":"join","roomId":7.0}');
            assert.deepEqual((await ada.take('user_joined')).userId, 7);
            assert.equal((await ada.take('room_history')).roomId, 7);
            bob.say({ type: 'join', roomId: '7' });
            await bob.take('user_joined');
            await bob.take('room_history');
            await ada.take('user_joined');
            bob.say({ type: 'message', roomId: '7', content: 'same' });
            assert.equal((await ada.take('message')).content, 'same');
            assert.deepEqual(await members(chatd, '7'), ['7', 'bob']);
        });

        test('a user is there from the first connection to the last', async (t) => {
            const chatd = await startOn(t, store);
            const bob = await connect(t, chatd, 'bob', 'den');
            const one = await connect(t, chatd, 'ada', 'den');
            await bob.take('user_joined');
            const two = await connect(t, chatd, 'ada', 'den');
            one.say({ type: 'join', roomId: 'den' });
            await one.take('room_history');
            two.say({ type: 'message', roomId: 'den', content: 'to the other tab as well' });
            await one.take('message');
            await bob.take('message');
            one.ws.terminate();
            await until(async () => (await get(chatd, '/health')).body.connections === 2, 'one connection less');
            two.say({ type: 'message', roomId: 'den', content: 'still here' });
            assert.equal((await bob.take()).content, 'still here');
            assert.deepEqual(await members(chatd, 'den'), ['ada', 'bob']);
            two.ws.close();
            assert.equal((await bob.take('user_left')).userId, 'ada');
            assert.deepEqual(await members(chatd, 'den'), ['bob']);
            await until(async () => (await online(chatd)).join() === 'bob', 'ada offline');
            await heardNothing(bob);
        });

        test('typing is told to other connections of the user and to the room, so many times a second', async (t) => {
            const chatd = await startOn(t, store);
            const [bob, ada, tab] = [await connect(t, chatd, 'bob', 'den'), await connect(t, chatd, 'ada', 'den'), await connect(t, chatd, 'ada', 'den')];
            await bob.take('user_joined');
            for (let n = 0; n < 500; n++) ada.say({ type: 'typing', roomId: 'den', isTyping: n % 2 === 0 });
            ada.say({ type: 'message', roomId: 'den', content: 'typed' });
            for (const talker of [bob, tab]) {
                let told = 0;
                while ((await talker.take()).type === 'typing') told++;
                assert.ok(told >= 10 && told <= 200, `${told} were told`);
            }
            await heardNothing(ada);
        });

        test('names of every script and kind are names, and name but themselves', async (t) => {
            const chatd = await startOn(t, store);
            const names = ['__proto__', 'constructor', "'; DROP TABLE members; --", '"\\', '\r\n*1\r\n$8\r\nFLUSHALL\r\n', '*', '?[a-z]', '%00%s', '${x}', 'a:b', 'x:members',
                ' ', '\u0000', '\u2028', 'Zoë 名前 👩‍👩‍👧 שם', 'é'.repeat(128), 'x'.repeat(256)];
            const [ada, bob] = [await connect(t, chatd, 'ada'), await connect(t, chatd, 'bob')];
            for (const name of names) {
                const user = await connect(t, chatd, name, name);
                assert.deepEqual(user.history, []);
                for (const talker of [ada, bob]) {
                    talker.say({ type: 'join', roomId: name });
                    assert.deepEqual((await talker.take('user_joined')).roomId, name);
                    await talker.take('room_history');
                }
                await ada.take('user_joined');
                bob.say({ type: 'message', roomId: name, content: name });
                assert.deepEqual([(await ada.take('message')).content, (await user.take('user_joined')).userId, (await user.take('user_joined')).userId, (await user.take('message')).content],
                    [name, 'ada', 'bob', name]);
                if (!name.includes('\u0000')) assert.deepEqual(await members(chatd, name), ['ada', 'bob', name].sort());
                user.ws.close();
                for (const talker of [ada, bob]) assert.equal((await talker.take('user_left')).userId, name);
            }
            await until(async () => (await online(chatd)).join() === 'ada,bob', 'the others offline');
            for (const name of ['x'.repeat(257), 'x'.repeat(1_000_000), 'é'.repeat(500_000)]) {
                await refused(ada, { type: 'auth', userId: name }, 'Invalid userId');
                await refused(ada, { type: 'join', roomId: name }, 'Invalid roomId');
            }
        });

        test('of ten connections of one user that join, talk and leave at once others hear one come and one go', async (t) => {
            const chatd = await startOn(t, store);
            const bob = await connect(t, chatd, 'bob', 'den');
            const tabs = await Promise.all(Array.from({ length: 10 }, () => connect(t, chatd, 'ada')));
            for (const tab of tabs) tab.say({ type: 'join', roomId: 'den' });
            for (const tab of tabs) await tab.take('room_history').catch(() => tab.take('room_history'));
            assert.equal((await bob.take('user_joined')).userId, 'ada');
            assert.deepEqual(await members(chatd, 'den'), ['ada', 'bob']);
            for (const [i, tab] of tabs.entries()) if (i % 2) tab.say({ type: 'leave', roomId: 'den' });
            for (const [i, tab] of tabs.entries()) if (i % 2 === 0) tab.ws.close();
            assert.equal((await bob.take('user_left')).userId, 'ada');
            await heardNothing(bob);
            assert.deepEqual(await members(chatd, 'den'), ['bob']);
        });

        test('who authenticates under another name leaves as the first', async (t) => {
            const chatd = await startOn(t, store);
            const bob = await connect(t, chatd, 'bob', 'den');
            const eve = await connect(t, chatd, 'ada', 'den');
            await bob.take('user_joined');
            eve.say({ type: 'auth', userId: 'eve' });
            await eve.take('authenticated');
            assert.equal((await bob.take('user_left')).userId, 'ada');
            assert.deepEqual(await online(chatd), ['bob', 'eve']);
            await refused(eve, { type: 'message', roomId: 'den', content: 1 }, 'Not in room');
        });

        test('history is the newest fifty in the order in which they were sent', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await connect(t, chatd, 'ada', 'den');
            for (let n = 0; n < 1200; n++) ada.say({ type: 'message', roomId: 'den', content: n });
            ada.say({ type: 'join', roomId: 'den' });
            const { messages } = await ada.take('room_history');
            assert.deepEqual(messages.map((one) => one.content), Array.from({ length: 50 }, (_, i) => 1150 + i));
            if (store === 'redis') {
                assert.equal(await chatd.redis.run('ZCARD', 'room:den:messages'), 1000);
                assert.ok(await chatd.redis.run('TTL', 'room:den:messages') > 2591000);
            }
        });

        test('REST tells who is there', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await connect(t, chatd, 'ä"da', 'x/y');
            assert.deepEqual(await get(chatd, '/health'), { status: 200, body: { status: 'healthy', connections: 1, rooms: 1, serverId: ada.hello.serverId } });
            assert.deepEqual(await get(chatd, '/api/online-users'), { status: 200, body: { users: ['ä"da'], count: 1 } });
            assert.deepEqual(await get(chatd, '/api/rooms/x%2Fy/members'), { status: 200, body: { members: ['ä"da'], count: 1 } });
            for (const path of ['/', '/api/rooms', '/nowhere']) assert.equal((await get(chatd, path)).status, 404);
            const allowed = async (server, origin) => (await fetch(`${server.url}/health`, { headers: { Origin: origin } })).headers.get('access-control-allow-origin');
            assert.equal(await allowed(chatd, 'https://example.org'), null);
            const open = await startChatd(t, ['--store', 'memory', '--cors-origin', 'https://example.org'], { profile: 'pubsub' });
            assert.equal(await allowed(open, 'https://example.org'), 'https://example.org');
            assert.notEqual(await allowed(open, 'https://evil.example'), 'https://evil.example');
        });

        test('a large message ends its sender alone', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await connect(t, chatd, 'ada', 'den');
            const big = await connect(t, chatd, 'big', 'den');
            await ada.take('user_joined');
            big.say('x'.repeat(1024 * 1024 + 1));
            assert.equal((await big.closed()).code, 1009);
            await ada.take('user_left');
            await heardNothing(ada);
        });

        test('SIGTERM closes with 1001, and ends with status 0', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await connect(t, chatd, 'ada', 'den');
            chatd.signal('SIGTERM');
            assert.equal((await ada.closed()).code, 1001);
            assert.deepEqual(await chatd.exit(), { code: 0, signal: null });
            if (store === 'redis') assert.deepEqual(await chatd.redis.run('KEYS', '*'), []);
        });
    });
}

describe('Redis', { concurrency: 2 }, () => {
    test('keys are those of the original after each step', async (t) => {
        const chatd = await startOn(t, 'redis');
        const { redis } = chatd;
        const ada = await connect(t, chatd, 'ada');
        assert.deepEqual(await redis.run('HGETALL', 'user:ada:connections'), { [ada.hello.connectionId]: ada.hello.serverId });
        assert.deepEqual(await redis.run('SMEMBERS', 'online_users'), ['ada']);
        ada.say({ type: 'join', roomId: 'den' });
        await ada.take('user_joined');
        await ada.take('room_history');
        assert.deepEqual(await redis.run('SMEMBERS', 'room:den:members'), ['ada']);
        ada.say({ type: 'message', roomId: 'den', content: 'x' });
        await heardNothing(ada);
        const [json, score] = (await redis.run('ZRANGE', 'room:den:messages', '0', '-1', 'WITHSCORES')).flat();
        assert.equal(JSON.parse(json).content, 'x');
        assert.equal(JSON.parse(json).timestamp, Math.floor(Number(score)));
        ada.ws.close();
        await until(async () => (await redis.run('KEYS', '*')).filter((key) => !/^chat:pubsub:server/.test(key)).join() === 'room:den:messages', 'all released');
    });

    test('foreign entries in the history are passed over, and so is rubbish on a channel', async (t) => {
        const chatd = await startOn(t, 'redis');
        const { redis } = chatd;
        await redis.run('ZADD', 'room:den:messages', '1', 'no json', '2', '7', '3', '{"type":"message","content":"kept"}', '4', '{"a":');
        const ada = await connect(t, chatd, 'ada', 'den');
        assert.deepEqual(ada.history, [{ type: 'message', content: 'kept' }]);
        for (const text of ['no json', 'null', '[]', '7', '{"a":', '{"serverId":"' + ada.hello.serverId + '"}']) await redis.run('PUBLISH', 'chat:room:den', text);
        await redis.run('PUBLISH', 'chat:room:den', '{"type":"anything",  "serverId":"other"}');
        assert.equal(await ada.takeText(), '{"type":"anything",  "serverId":"other"}');
        await heardNothing(ada);
    });

    test('a key of another type is an error to who asks, and to nobody else', async (t) => {
        const chatd = await startOn(t, 'redis');
        await chatd.redis.run('SET', 'room:bad:members', 'x');
        const ada = await connect(t, chatd, 'ada', 'den');
        await refused(ada, { type: 'join', roomId: 'bad' }, 'Service unavailable');
        assert.equal((await get(chatd, '/api/rooms/bad/members')).status, 500);
        await heardNothing(ada);
    });

    test('two servers hear each other once each, in order', async (t) => {
        const one = await startOn(t, 'redis');
        const two = await start(t, one.redis);
        const [ada, bob] = [await connect(t, one, 'ada', 'den'), await connect(t, two, 'bob', 'den')];
        assert.equal((await ada.take('user_joined')).userId, 'bob');
        for (let n = 0; n < 300; n++) {
            ada.say({ type: 'message', roomId: 'den', content: n });
            bob.say({ type: 'message', roomId: 'den', content: n });
        }
        for (let n = 0; n < 300; n++) {
            assert.equal((await ada.take('message')).content, n);
            assert.equal((await bob.take('message')).content, n);
        }
        const tab = await connect(t, two, 'ada', 'den');
        ada.ws.close();
        tab.say({ type: 'typing', roomId: 'den', isTyping: false });
        await bob.take('typing');
        await heardNothing(bob);
        assert.deepEqual(await members(one, 'den'), ['ada', 'bob']);
        tab.ws.close();
        assert.equal((await bob.take('user_left')).userId, 'ada');
        assert.deepEqual(await members(one, 'den'), ['bob']);
    });

    test('users of a server that was killed leave, each room is told once', async (t) => {
        const one = await startOn(t, 'redis', ['--lease', '400']);
        const two = await start(t, one.redis, ['--lease', '400']);
        const bob = await connect(t, one, 'bob', 'den');
        await connect(t, two, 'ada', 'den', 'other');
        await connect(t, two, 'ada', 'den');
        await bob.take('user_joined');
        await two.kill();
        const left = await bob.take('user_left');
        assert.equal(left.userId, 'ada');
        assert.equal(left.serverId, bob.hello.serverId);
        await until(async () => (await online(one)).join() === 'bob', 'ada offline');
        assert.deepEqual(await members(one, 'den'), ['bob']);
        assert.deepEqual(await members(one, 'other'), []);
        await heardNothing(bob);
        assert.deepEqual((await one.redis.run('KEYS', '*')).filter((key) => /ada/.test(key)), []);
    });

    test('of three servers two are killed at once: the third tells of all who were there, once', async (t) => {
        const one = await startOn(t, 'redis');
        const [two, three] = [await start(t, one.redis), await start(t, one.redis)];
        const bob = await connect(t, one, 'bob', 'den');
        await connect(t, two, 'ada', 'den');
        await connect(t, three, 'ada', 'den');
        await connect(t, three, 'eve', 'den');
        for (let i = 0; i < 2; i++) await bob.take('user_joined');
        await Promise.all([two.kill(), three.kill()]);
        const left = [await within(bob.take('user_left'), 'one', 20000), await bob.take('user_left')];
        assert.deepEqual(left.map((one) => one.userId).sort(), ['ada', 'eve']);
        await until(async () => (await online(one)).join() === 'bob', 'both offline');
        await heardNothing(bob);
    });

    test('a user at two servers is one to the room, which hears of the last leave alone', async (t) => {
        const one = await startOn(t, 'redis');
        const two = await start(t, one.redis);
        const [bob, eve] = [await connect(t, one, 'bob', 'den'), await connect(t, two, 'eve', 'den')];
        await bob.take('user_joined');
        const tabs = await Promise.all(Array.from({ length: 10 }, (_, i) => connect(t, i % 2 ? one : two, 'ada')));
        for (const tab of tabs) tab.say({ type: 'join', roomId: 'den' });
        for (const talker of [bob, eve]) assert.equal((await talker.take('user_joined')).userId, 'ada');
        for (const tab of tabs) while ((await tab.take()).type !== 'room_history');
        tabs[0].say({ type: 'message', roomId: 'den', content: 'to all but me' });
        for (const talker of [bob, eve, ...tabs.slice(1)]) {
            const heard = await talker.take();
            assert.equal((heard.type === 'user_joined' ? await talker.take() : heard).content, 'to all but me');
        }
        for (const tab of tabs.slice(1)) tab.say({ type: 'leave', roomId: 'den' });
        await until(async () => (await one.redis.run('SCARD', 'chat:pubsub:joined:3:den:ada')) === 1, 'nine to leave');
        assert.deepEqual(await members(one, 'den'), ['ada', 'bob', 'eve']);
        for (const talker of [bob, eve]) await heardNothing(talker);
        tabs[0].say({ type: 'leave', roomId: 'den' });
        for (const talker of [bob, eve]) assert.equal((await talker.take('user_left')).userId, 'ada');
        assert.deepEqual(await members(two, 'den'), ['bob', 'eve']);
        await refused(tabs[0], { type: 'message', roomId: 'den', content: 1 }, 'Not in room');
    });

    test('who joins while others talk misses no message and hears none twice', async (t) => {
        const one = await startOn(t, 'redis');
        const two = await start(t, one.redis, ['--rate', '100000', '--burst', '5000']);
        const bob = await connect(t, two, 'bob', 'den');
        let sent = 0;
        const reader = await connect(t, one, 'reader', 'den');
        const talking = setInterval(() => {
            for (let i = 0; i < 5 && reader.heard.length > sent - 200; i++) bob.say({ type: 'message', roomId: 'den', content: sent++ });
        }, 1);
        t.after(() => clearInterval(talking));
        for (let round = 0; round < 40; round++) {
            const ada = await connect(t, one, `ada ${round}`);
            ada.say({ type: 'join', roomId: 'den' });
            const numbers = [];
            while (numbers.length < 70) {
                const heard = await ada.take();
                if (heard.type === 'room_history') numbers.push(...heard.messages.map((message) => message.content));
                if (heard.type === 'message') numbers.push(heard.content);
            }
            assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i), `round ${round}`);
            ada.ws.terminate();
        }
        clearInterval(talking);
        const heard = reader.history.map((message) => message.content);
        while (heard.at(-1) !== sent - 1) {
            const { type, content } = await reader.take();
            if (type === 'message') heard.push(content);
        }
        assert.deepEqual(heard, heard.map((_, i) => heard[0] + i), 'nor does who was there before');
    });

    test('ten thousand messages of an original: the newest fifty are shown, and the next one leaves a thousand', async (t) => {
        const chatd = await startOn(t, 'redis');
        await chatd.redis.run('EVAL', `for i = 1, 10000 do
            redis.call('ZADD', 'room:den:messages', 1000000 + i, '{"type":"message","id":"' .. i .. '","roomId":"den","userId":"x","content":' .. i .. ',"timestamp":' .. 1000000 + i .. ',"serverId":"ffffffff"}') end`, '0');
        const ada = await connect(t, chatd, 'ada', 'den');
        assert.deepEqual(ada.history.map((one) => one.content), Array.from({ length: 50 }, (_, i) => 9951 + i));
        ada.say({ type: 'message', roomId: 'den', content: 'newest' });
        await heardNothing(ada);
        assert.equal(await chatd.redis.run('ZCARD', 'room:den:messages'), 1000);
    });

    test('a server that slept past its lease registers again', async (t) => {
        const one = await startOn(t, 'redis', ['--lease', '400']);
        const ada = await connect(t, one, 'ada', 'den');
        const { redis } = one;
        const [server] = await redis.run('SMEMBERS', 'chat:pubsub:servers');
        /* As if another server had found it dead and released all that it held. */
        await redis.run('DEL', `chat:pubsub:server:${server}`, `chat:pubsub:server:${server}:held`, 'user:ada:connections', 'online_users', 'room:den:members', 'chat:pubsub:joined:3:den:ada');
        await one.line(/it was lost/);
        await until(async () => (await online(one)).join() === 'ada', 'ada online');
        await until(async () => (await members(one, 'den')).join() === 'ada', 'ada in the room');
        assert.equal((await ada.take('user_joined')).userId, 'ada');
    });

    test('Redis killed and back: errors in time, then all goes on, and what was missed is told once', async (t) => {
        const one = await startOn(t, 'redis');
        const [ada, bob] = [await connect(t, one, 'ada', 'den'), await connect(t, one, 'bob', 'den')];
        await ada.take('user_joined');
        await one.redis.kill();
        await refused(ada, { type: 'message', roomId: 'den', content: 'lost' }, 'Service unavailable');
        const health = await get(one, '/health');
        assert.equal(health.status, 500);
        assert.equal(health.body.status, 'unhealthy');
        bob.ws.close();
        await one.redis.start();
        await isReady(one);
        assert.equal((await ada.take('user_left')).userId, 'bob');
        await until(async () => (await online(one)).join() === 'ada', 'bob offline');
        ada.say({ type: 'message', roomId: 'den', content: 'again' });
        await heardNothing(ada);
    });

    test('what others said while the subscription was down is told when it is back, once', async (t) => {
        const one = await startOn(t, 'redis');
        const { redis } = one;
        const ada = await connect(t, one, 'ada', 'den');
        const message = (n) => JSON.stringify({ type: 'message', id: `00000000-0000-4000-8000-00000000000${n}`, roomId: 'den', userId: 'x', content: n, timestamp: Date.now(), serverId: 'ffffffff' });
        const first = message(1);
        await redis.run('ZADD', 'room:den:messages', String(Date.now()), first);
        await redis.run('PUBLISH', 'chat:room:den', first);
        assert.equal((await ada.take('message')).content, 1);
        await redis.run('ZADD', 'room:den:messages', String(Date.now()), message(2));
        await redis.run('CLIENT', 'KILL', 'TYPE', 'pubsub');
        assert.equal((await ada.take('message')).content, 2);
        await heardNothing(ada);
    });

    test('another profile on the database is refused, unless there is a prefix', async (t) => {
        const one = await startOn(t, 'redis');
        const { redis } = one;
        await redis.run('SADD', 'chat:rooms:servers', 'someone');
        await redis.run('SET', 'chat:rooms:server:someone', 'alive');
        const env = { REDIS_URL: redis.url };
        const second = runChatd(t, ['pubsub', '--port', '0'], env);
        assert.equal((await second.exit()).code, 1);
        assert.match(second.said('stderr').join(), /^servers of chatd rooms use this database/);
        const third = await startChatd(t, ['--key-prefix', 'mine:'], { profile: 'pubsub', env });
        await isReady(third);
        await connect(t, third, 'ada', 'den');
        assert.deepEqual(await redis.run('SMEMBERS', 'mine:room:den:members'), ['ada']);
    });
});

describe('beside a Node original on the same Redis', () => {
    test('rooms, messages, typing, presence and history cross in both directions', async (t) => {
        const chatd = await startOn(t, 'redis');
        const original = await startOriginal(t, chatd.redis.url);
        const theirs = await connect(t, original, 'node', 'den/1');
        const ours = await connect(t, chatd, 'c', 'den/1');
        assert.equal((await theirs.take('user_joined')).userId, 'c');
        assert.deepEqual(await members(chatd, 'den/1'), ['c', 'node']);
        for (let n = 0; n < 50; n++) {
            ours.say({ type: 'message', roomId: 'den/1', content: { n } });
            theirs.say({ type: 'message', roomId: 'den/1', content: { n } });
        }
        for (let n = 0; n < 50; n++) {
            const [there, here] = [await theirs.take('message'), await ours.take('message')];
            assert.deepEqual([there.content.n, there.serverId], [n, ours.hello.serverId]);
            assert.deepEqual([here.content.n, here.serverId], [n, original.serverId]);
        }
        ours.say({ type: 'typing', roomId: 'den/1', isTyping: true });
        assert.equal((await theirs.take('typing')).userId, 'c');
        for (const server of [chatd, original]) {
            const late = await connect(t, server, `late at ${server === chatd ? 'ours' : 'theirs'}`, 'den/1');
            assert.equal(late.history.length, 50);
            for (const one of [ours, theirs]) await one.take('user_joined');
            late.ws.close();
            await ours.take('user_left');
            if (server === chatd) await theirs.take('user_left');
        }
        assert.deepEqual(await online(chatd), ['c', 'node']);
        theirs.ws.close();
        assert.equal((await ours.take('user_left')).userId, 'node');
        await until(async () => (await online(chatd)).join() === 'c', 'node offline');
    });
});
