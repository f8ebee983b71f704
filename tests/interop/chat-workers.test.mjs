/* chatd --workers: clients of one chat on several threads. The kernel chooses whose each is: there are enough of them for all. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Client, atEnd, makeFolder, runChatd, startChatd, startRedis, stores, until, within } from '../support/chatd.mjs';
import { Person, homes, person, startDemo } from '../support/demo.mjs';
import { Talker } from '../support/talker.mjs';

const WORKERS = ['--workers', '2'];
const CROWD = 10;
const numbers = [...Array(CROWD).keys()];

/* chatd rooms on one of the stores, every worker ready. */
async function startOn(t, store, ...more) {
    const chatd = await startChatd(t, [...(await stores[store](t)).args, ...WORKERS, ...more]);

    await allReady(chatd);
    return chatd;
}

const probe = (chatd) => Promise.all(numbers.map(async () => (await fetch(`${chatd.url}/readyz`, { headers: { connection: 'close' } })).status));
const allReady = (chatd, status = 200) => until(async () => (await probe(chatd)).every((one) => one === status), () => `readiness ${status} of all workers: ${chatd.said().join(' | ')}`);

const several = (connect) => Promise.all(numbers.map(connect));

for (const store of ['memory', 'sqlite', 'redis']) {
    describe(`rooms on ${store}, two workers`, { concurrency: 2 }, () => {
        /* The first makes the room; all are in it, and have heard of all who came after them. */
        async function fill(t, chatd) {
            const clients = await several((i) => Client.connect(t, chatd.url, { transports: [i % 2 ? 'websocket' : 'polling'] }));

            await clients[0].creates('den', 'name 0');
            for (const i of numbers.slice(1)) {
                await clients[i].joins('den', `name ${i}`);
                for (const other of clients.slice(0, i)) await other.takes(['add:member:success', { roomId: 'den', username: `name ${i}` }]);
            }
            return clients;
        }

        test('everybody hears everybody once, and the history has it all', async (t) => {
            const chatd = await startOn(t, store);
            const clients = await fill(t, chatd);

            clients.forEach((client, i) => client.say('create:chat', { roomId: 'den', username: `name ${i}`, message: `${i}` }));
            for (const client of clients) {
                const heard = [];
                for (const _ of numbers) heard.push((await client.take())[1].message);
                assert.deepEqual(heard.sort(), numbers.map(String));
                await client.heardNothing();
            }
            const kept = await clients[CROWD - 1].history('den', 1000);
            assert.deepEqual(kept.map(({ message }) => message).sort(), numbers.map(String));
        });

        test('a name is held once in all workers, whoever is kicked is out, and who has gone leaves it to anybody', async (t) => {
            const chatd = await startOn(t, store, '--name-grace', '10000');
            const clients = await fill(t, chatd);
            const others = await several(() => Client.connect(t, chatd.url));
            const first = { roomId: 'den', username: 'name 0' };

            for (const other of others) {
                other.say('add:member', first);
                await other.refused('Username already exists, please choose another username.');
                other.say('remove:member', first);
                await other.refused('Only members of the room may remove a member who is there.');
            }
            clients[CROWD - 1].say('remove:member', first);
            for (const client of clients) await client.takes(['remove:member:success', first]);
            clients[0].say('create:chat', { ...first, message: 'still there?' });
            await clients[0].refused('You are not in this room under this name.');
            clients[1].socket.disconnect();
            await until(async () => {
                others[0].say('add:member', { roomId: 'den', username: 'name 1' });
                const event = await others[0].take();
                return event[0] === 'add:member:success';
            }, 'the name of one who has gone');
            await clients[2].takes(['add:member:success', { roomId: 'den', username: 'name 1' }]);
        });

        test('a stop sends all away, counts them once and ends in order', async (t) => {
            const chatd = await startOn(t, store);
            const clients = await fill(t, chatd);
            const ends = clients.map((client) => client.ended());

            assert.deepEqual(await chatd.stop(), { code: 0, signal: null });
            await Promise.all(ends);
            const stops = chatd.said().filter((line) => / info stop /.test(line));
            assert.equal(stops.length, 1);
            assert.match(stops[0], new RegExp(`signal=SIGTERM clients=${CROWD}$`));
            assert.match(chatd.said().at(-1), / info stopped in_order=yes$/);
            for (const line of chatd.said('stdout').slice(3)) assert.match(line, /^(Redis connected$|\d{4}-\d\d-\d\dT\S+Z (debug|info|warn|error) \S+)/);
        });
    });
}

test('what was said to SQLite by a process that is gone is there for both workers of the next one', async (t) => {
    const file = `sqlite:${join(makeFolder(t), 'rooms.db')}`;
    const first = await startChatd(t, ['--store', file, ...WORKERS]);
    const ada = await Client.connect(t, first.url);

    await ada.creates('den', 'Ada');
    await ada.writes('den', 'Ada', 'kept');
    await first.kill();
    const second = await startChatd(t, ['--store', file, ...WORKERS]);
    const clients = await several(() => Client.connect(t, second.url));

    /* Her name was left over: she may come back at once, to either worker. */
    await clients[0].joins('den', 'Ada');
    for (const client of clients.slice(1)) {
        client.say('add:member', { roomId: 'den', username: 'Ada' });
        await client.refused();
    }
    assert.deepEqual(await clients[0].history('den'), [{ username: 'Ada', message: 'kept' }]);
});

for (const home of Object.keys(homes)) {
    describe(`demo on ${home}, two workers`, { concurrency: 2 }, () => {
        const start = async (t, ...args) => {
            const chatd = await startDemo(t, [...(await homes[home](t)).args, ...WORKERS, ...args]);

            await allReady(chatd);
            return chatd;
        };

        test('messages, presence and private rooms cross the workers, each once', async (t) => {
            const chatd = await start(t);
            const people = await Promise.all(['Pablo', 'Joe', 'Mary', 'Alex'].map((name) => person(t, chatd, name)));

            /* Each comes with several sockets, and is told of once. */
            const watcher = people[0];
            await watcher.open();
            for (const one of people.slice(1)) {
                await one.open();
                one.more = await Promise.all([1, 2, 3].map(() => Client.connect(t, chatd.url, { extraHeaders: { cookie: `connect.sid=${one.cookie}` } })));
                assert.equal(Number((await watcher.hears('user.connected')).id), one.id);
            }
            people[3].say('0', 'to all');
            for (const one of people) assert.equal((await one.hears()).message, 'to all');
            for (const one of people.slice(1)) for (const more of one.more) await until(async () => (await more.take())[1].message === 'to all', 'the message');
            const [alex, joe] = [people[3], people[1]];
            const room = `${Math.min(alex.id, joe.id)}:${Math.max(alex.id, joe.id)}`;
            alex.say(room, 'private');
            for (const one of [alex, joe]) assert.equal((await one.hears('message')).message, 'private');
            await people[2].heardNothing().catch((error) => assert.ok(/user\./.test(error.message), error.message));
            joe.client.socket.disconnect();
            for (const more of joe.more) more.socket.disconnect();
            assert.equal(Number((await watcher.hears('user.disconnected')).id), joe.id);
            const { body } = await watcher.call('/users/online');
            assert.deepEqual(Object.keys(body).map(Number).sort(), people.filter((one) => one !== joe).map((one) => one.id).sort());
        });

        test('a logout ends the sockets of the session at the other worker as well', async (t) => {
            const chatd = await start(t);
            const ada = await person(t, chatd, 'Ada', 'secret');
            const sockets = await several(() => Client.connect(t, chatd.url, { extraHeaders: { cookie: `connect.sid=${ada.cookie}` } }));
            const ends = sockets.map((one) => one.ended());

            assert.equal((await ada.post('/logout')).text, 'OK');
            await Promise.all(ends);
        });

        test('failed logins are counted for the whole process', async (t) => {
            const chatd = await start(t, '--login-failures', '4');
            const statuses = [];

            for (let i = 0; i < 12; i += 1) {
                const { status } = await new Person(t, chatd.url).call('/login', {
                    method: 'POST', json: { username: 'Pablo', password: 'wrong' }, headers: { connection: 'close' },
                });
                statuses.push(status);
            }
            assert.deepEqual(statuses, [404, 404, 404, 404, ...Array(8).fill(429)]);
        });
    });
}

for (const store of ['memory', 'redis']) {
    describe(`pubsub on ${store}, two workers`, { concurrency: 2 }, () => {
        async function start(t) {
            const args = store === 'redis' ? ['--redis', (await startRedis(t)).url] : ['--store', 'memory'];
            const chatd = await startChatd(t, [...args, ...WORKERS], { profile: 'pubsub' });

            await allReady(chatd);
            return chatd;
        }

        async function enter(t, chatd, userId, roomId) {
            const talker = await Talker.connect(t, chatd.url);

            await talker.take('connected');
            talker.say({ type: 'auth', userId });
            await talker.take('authenticated');
            talker.say({ type: 'join', roomId });
            await talker.take('user_joined');
            talker.history = (await talker.take('room_history')).messages;
            return talker;
        }

        async function taken(talker, type, count) {
            const heard = [];

            for (let i = 0; i < count; i += 1) heard.push(await talker.take(type));
            return heard;
        }

        test('joins, messages, typing and departures are told once to everybody in the room', async (t) => {
            const chatd = await start(t);
            const talkers = [];

            for (const i of numbers) {
                talkers.push(await enter(t, chatd, `user ${i}`, 'den'));
                for (const other of talkers.slice(0, i)) assert.equal((await other.take('user_joined')).userId, `user ${i}`);
            }
            talkers.forEach((talker, i) => talker.say({ type: 'message', roomId: 'den', content: i }));
            for (const [i, talker] of talkers.entries()) {
                const heard = (await taken(talker, 'message', CROWD - 1)).map(({ content }) => content);
                assert.deepEqual(heard.sort(), numbers.filter((k) => k !== i));
            }
            talkers[0].say({ type: 'typing', roomId: 'den', isTyping: true });
            for (const talker of talkers.slice(1)) assert.equal((await talker.take('typing')).userId, 'user 0');
            talkers[0].ws.close();
            for (const talker of talkers.slice(1)) assert.equal((await talker.take('user_left')).userId, 'user 0');
            const { members } = await (await fetch(`${chatd.url}/api/rooms/den/members`)).json();
            assert.deepEqual(members.sort(), numbers.slice(1).map((i) => `user ${i}`));
            const late = await enter(t, chatd, 'late', 'den');
            assert.deepEqual(late.history.map(({ content }) => content).sort(), numbers);
        });

        test('a user of several connections is there from the first to the last', async (t) => {
            const chatd = await start(t);
            const watcher = await enter(t, chatd, 'watcher', 'den');
            const tabs = await several(() => enter(t, chatd, 'ada', 'den'));

            assert.equal((await watcher.take('user_joined')).userId, 'ada');
            for (const tab of tabs) tab.ws.close();
            await Promise.all(tabs.map((tab) => tab.closed()));
            assert.equal((await watcher.take('user_left')).userId, 'ada');
        });
    });
}

for (const link of ['alone', 'over Redis']) {
    test(`broadcast ${link}, two workers: everybody hears everything once, in the order of its sender`, async (t) => {
        const redis = link === 'alone' ? undefined : await startRedis(t);
        const start = () => startChatd(t, WORKERS, { profile: 'broadcast', env: redis ? { REDIS_URL: redis.url } : {} });
        const servers = redis ? [await start(), await start()] : [await start()];

        for (const server of servers) await allReady(server);
        const talkers = (await Promise.all(servers.map((server) => several(() => Talker.connect(t, server.url))))).flat();
        const large = Buffer.alloc(1000 * 1000, 7);

        for (let k = 0; k < 20; k += 1) talkers.forEach((talker, i) => talker.say(`${i} ${k}`));
        for (const talker of talkers) {
            const heard = talkers.map(() => []);
            for (let n = 0; n < 20 * talkers.length; n += 1) {
                const [i, k] = (await talker.takeText()).split(' ').map(Number);
                heard[i].push(k);
            }
            for (const order of heard) assert.deepEqual(order, [...Array(20).keys()]);
        }
        talkers[1].say(large);
        for (const talker of talkers) assert.ok(large.equals(await talker.takeText()));
        for (const server of servers) assert.deepEqual(await server.stop(), { code: 0, signal: null });
    });
}

test('broadcast: the link is one of the process, and all workers say whether it is there', async (t) => {
    const redis = await startRedis(t);
    const chatd = await startChatd(t, WORKERS, { profile: 'broadcast', env: { REDIS_URL: redis.url } });

    await allReady(chatd);
    assert.deepEqual(await redis.run('PUBSUB', 'NUMSUB', 'chat:broadcast:0'), ['chat:broadcast:0', 1]);
    await redis.kill();
    await allReady(chatd, 503);
});

test('sockets that are passed are shared by the workers', async (t) => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    const path = join(makeFolder(t), 'chatd.sock');
    const local = net.createServer().listen(path);
    await once(local, 'listening');
    const child = spawn('sh', ['-c', `LISTEN_PID=$$ LISTEN_FDS=2 exec ${process.env.CHATD || 'build/chat/chatd'} --store memory --workers 2`],
        { stdio: ['ignore', 'pipe', 'inherit', server._handle.fd, local._handle.fd], env: { PATH: process.env.PATH, HOME: makeFolder(t) } });
    const ended = once(child, 'close');
    atEnd(t, async () => {
        local.close();
        child.kill('SIGTERM');
        assert.deepEqual(await ended, [0, null]);
    });
    await within(once(child.stdout, 'data'), 'the first line');
    server.close();
    child.stdout.resume();
    const clients = await several((i) => Client.connect(t, `http://127.0.0.1:${port}`, { transports: [i % 2 ? 'websocket' : 'polling'] }));
    await clients[0].creates('den', 'Ada');
    for (const client of clients.slice(1)) {
        client.say('add:member', { roomId: 'den', username: 'Ada' });
        await client.refused();
    }
    const answers = await several(() => new Promise((resolve, reject) => {
        request({ socketPath: path, path: '/healthz', agent: false }, (response) => {
            response.resume().on('end', () => resolve(response.statusCode));
        }).on('error', reject).end();
    }));
    assert.ok(answers.every((status) => status === 200), answers.join());
});

test('/metrics of chatd counts for all workers, in every profile', async (t) => {
    const figure = async (chatd, name) => Number(new RegExp(`^socketio_${name} (\\d+)$`, 'm').exec(await (await fetch(`${chatd.url}/metrics`)).text())[1]);
    const rooms = await startOn(t, 'redis');
    const clients = await several(() => Client.connect(t, rooms.url));

    await clients[0].creates('den', 'Ada');
    assert.equal(await figure(rooms, 'workers'), 2);
    assert.equal(await figure(rooms, 'sessions'), CROWD);
    assert.ok(await figure(rooms, 'redis_published_total') > 0);
    for (const profile of ['broadcast', 'pubsub']) {
        const chatd = await startChatd(t, [...(profile === 'pubsub' ? ['--store', 'memory'] : []), ...WORKERS], { profile });
        await several(() => Talker.connect(t, chatd.url));
        assert.ok(await figure(chatd, 'connections') > CROWD, profile);
    }
    const demo = await startDemo(t, ['--store', 'memory', ...WORKERS]);
    assert.equal(await figure(demo, 'workers'), 2);
});

test('--workers takes a number or auto, and a port that is taken is said in one line', async (t) => {
    const chatd = await startChatd(t, ['--store', 'memory', '--workers', 'auto']);
    const refused = async (...args) => {
        const other = runChatd(t, ['--store', 'memory', ...args]);
        const { code } = await other.exit();
        return [code, ...other.said('stderr')];
    };

    await chatd.line(/ info config .*workers=0/);
    assert.match((await refused('--workers', '65')).join(' '), /^1 --workers: 65 is not from 0 to 64$/);
    assert.match((await refused('--workers', 'many')).join(' '), /^1 --workers: "many" is not a number from 0 to 64$/);
    assert.match((await refused('--workers', '3', '--port', String(chatd.port))).join(' '), new RegExp(`^1 .*port ${chatd.port}: address already in use$`));
});

test('--max-connections holds for all workers together', async (t) => {
    const chatd = await startChatd(t, ['--store', 'memory', '--max-connections', '8', ...WORKERS]);
    const sockets = [];

    atEnd(t, () => sockets.forEach((socket) => socket.destroy()));
    await Promise.all([...Array(40).keys()].map(async () => {
        const socket = net.connect(chatd.port, '127.0.0.1');
        sockets.push(socket);
        socket.on('error', () => {}).resume();
        await once(socket, 'connect');
    }));
    await until(() => sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length <= 8, 'the rest to be closed');
});
