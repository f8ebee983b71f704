/* What holds for every profile of chatd: start, settings, the log, broken frames, slow and dead peers, Redis. */
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Client, freePort, isReady, runChatd, startRedis, until, within } from '../support/chatd.mjs';
import { Person } from '../support/demo.mjs';
import { OPCODE, RawWebSocket, encodeFrame } from '../support/websocket.mjs';
import { Talker } from '../support/talker.mjs';

const SOCKETIO = '/socket.io/?EIO=4&transport=websocket';
const own = (redis) => ({ REDIS_URL: redis.url });

/* As the documents of the originals have it; `env` names a Redis as the original would. */
const PROFILES = {
    rooms: { port: 3000, line: 'Server running on port', path: SOCKETIO, env: own },
    demo: { port: 4000, line: 'Listening on', path: SOCKETIO, env: ({ port }) => ({ REDIS_ENDPOINT_URL: `127.0.0.1:${port}` }) },
    broadcast: { port: 8080, line: 'Server started on port', path: '/', env: own },
    pubsub: { port: 3000, line: 'Server running on port', path: '/', env: ({ port }) => ({ REDIS_HOST: '127.0.0.1', REDIS_PORT: String(port) }) },
};
const names = Object.keys(PROFILES);
const plain = ['broadcast', 'pubsub'];
const keepers = names.filter((name) => name !== 'broadcast');
const alone = (profile) => (profile === 'broadcast' ? [] : ['--store', 'memory']);

async function start(t, profile, args = [], env = {}) {
    const chatd = runChatd(t, [profile, ...(env.PORT ? [] : ['--port', '0']), ...args], env);
    const [, port] = await chatd.line(new RegExp(`^${PROFILES[profile].line} (\\d+)`));
    Object.assign(chatd, { port: Number(port), url: `http://127.0.0.1:${port}` });
    await isReady(chatd);
    return chatd;
}

const pair = { roomId: 'den', username: 'Ada' };

/* A client of each profile that is in a room, with what it says there and how its own words or an error come back. */
const PEOPLE = {
    async rooms(t, chatd) {
        const client = await Client.connect(t, chatd.url);
        await client.creates('den', 'Ada');
        return { say: (message) => client.say('create:chat', { ...pair, message }), next: async () => (await client.take())[1].message, fails: 'Service unavailable.' };
    },
    async demo(t, chatd) {
        const ada = new Person(t, chatd.url);
        await ada.logIn('Ada', 'S3CRET password');
        await ada.open();
        return { say: (text) => ada.say('0', text), next: async () => (await ada.hears('message')).message, ada };
    },
    async broadcast(t, chatd) {
        const talker = await Talker.connect(t, chatd.url);
        return { say: (text) => talker.say(text), next: () => talker.takeText() };
    },
    async pubsub(t, chatd) {
        const [one, other] = [await Talker.connect(t, chatd.url), await Talker.connect(t, chatd.url)];
        for (const talker of [one, other]) {
            talker.say({ type: 'auth', userId: talker === one ? 'Ada' : 'Ben' });
            talker.say({ type: 'join', roomId: 'den' });
            for (const type of ['connected', 'authenticated', 'user_joined', 'room_history']) await talker.take(type);
        }
        await one.take('user_joined');
        const hears = (message) => message.content ?? message.error;
        return {
            say: (content) => one.say({ type: 'message', roomId: 'den', content }),
            next: async () => hears(JSON.parse(await Promise.race([other, one].map((talker) => talker.takeText())))), fails: 'Service unavailable', one, other,
        };
    },
};

for (const profile of names) {
    const { port, path, env } = PROFILES[profile];

    describe(profile, { concurrency: 2 }, () => {
        test('starts with the environment of its original and PORT', async (t) => {
            const redis = await startRedis(t);
            const free = await freePort();
            const chatd = await start(t, profile, [], { PORT: String(free), ...env(redis) });
            assert.equal(chatd.port, free);
            await chatd.line(/^Redis connected$/);
            await PEOPLE[profile](t, chatd);
            assert.deepEqual(chatd.said('stderr'), []);
        });

        test('what keeps it from starting is one line and status 1', async (t) => {
            const first = await start(t, profile, alone(profile));
            for (const [args, more] of [[['--port', String(first.port), ...alone(profile)]], [['--port', '70000']], [['--no-such-option']], [['--port', '0'], { REDIS_URL: 'nonsense' }],
                [['--port', '0', '--tls-cert', '/nowhere']]]) {
                const chatd = runChatd(t, [profile, ...args], more);
                assert.deepEqual(await chatd.exit(), { code: 1, signal: null }, args.join(' '));
                assert.equal(chatd.said('stderr').length, 1, chatd.said('stderr').join(' | '));
            }
        });

        test('--help has its port, its settings and examples', async (t) => {
            const chatd = runChatd(t, [profile, '--help']);
            assert.deepEqual(await chatd.exit(), { code: 0, signal: null });
            const help = chatd.said('stdout').join('\n');
            for (const word of [`chatd ${profile} `, `(default: ${port}) [PORT]`, 'Examples:', ...Object.keys(env({ port, url: '' }))]) assert.ok(help.includes(word), word);
            for (const line of chatd.said('stdout')) assert.ok(line.length <= 100, line);
        });

        test('texts and passwords are never in the log, not even at debug', async (t) => {
            const redis = await startRedis(t, { conf: ['requirepass S3CRET'], cliArgs: ['-a', 'S3CRET', '--no-auth-warning'] });
            const chatd = await start(t, profile, ['--log-level', 'debug', '--redis', `redis://:S3CRET@127.0.0.1:${redis.port}`], { SESSION_SECRET: 'S3CRET of cookies' });
            const { say, next, ada } = await PEOPLE[profile](t, chatd);
            say('S3CRET text');
            assert.equal(await next(), 'S3CRET text');
            for (const text of ['42["message","S3CRET"]', '42["create:chat",["S3CRET"]]', '{"type":"auth","userId":{"a":"S3CRET"}}', '["S3CRET"']) (await Talker.connect(t, chatd.url + path)).say(text);
            if (ada) {
                await ada.post('/login', { username: 'Ada', password: 'S3CRET wrong' });
                await ada.post('/logout');
            }
            await chatd.stop();
            assert.doesNotMatch(chatd.said().join('\n'), /S3CRET/);
        });

        test('a broken frame closes its sender alone, with its code and within a second', async (t) => {
            const chatd = await start(t, profile, alone(profile));
            const { say, next } = await PEOPLE[profile](t, chatd);
            const frames = [
                [1002, encodeFrame(OPCODE.text, 'unmasked', { mask: false })], [1002, encodeFrame(3, 'reserved opcode')],
                [1002, encodeFrame(OPCODE.text, 'reserved bit', { rsv: 2 })], [1002, encodeFrame(OPCODE.continuation, 'of nothing')],
                [1002, encodeFrame(OPCODE.ping, 'x'.repeat(126))], [1002, encodeFrame(OPCODE.ping, 'in parts', { fin: false })],
                [1002, encodeFrame(OPCODE.close, Buffer.from([0x03, 0xed]))], [1002, encodeFrame(OPCODE.close, Buffer.from([0x03]))],
                [1007, encodeFrame(OPCODE.text, Buffer.from([0xc3, 0x28]))], [1009, encodeFrame(OPCODE.text, 'x', { announced: 2 ** 40 })],
            ];
            for (const [code, bytes] of frames) {
                const raw = await RawWebSocket.open(chatd.port, path);
                raw.wire.write(bytes);
                assert.equal(await raw.closeCode(), code, bytes.toString('hex').slice(0, 40));
                await within(raw.wire.readToEnd(), 'the end of TCP', 1500);
                raw.destroy();
            }
            say('still here');
            assert.equal(await next(), 'still here');
        });
    });
}

for (const profile of plain) {
    test(`${profile}: who reads too slowly is closed with 1013, and nobody else notices`, async (t) => {
        const chatd = await start(t, profile, [...alone(profile), '--max-buffered', '1000000']);
        const { say, next } = await PEOPLE[profile](t, chatd);
        const slow = await Talker.connect(t, chatd.url);
        slow.say({ type: 'auth', userId: 'slow' });
        slow.say({ type: 'join', roomId: 'den' });
        if (profile === 'pubsub') assert.equal(await next(), undefined, 'slow has joined');
        else for (let i = 0; i < 2; i++) await next();
        slow.ws.pause();
        const gone = chatd.line(/isconnect.*code=1013/);
        const text = 'x'.repeat(500_000);
        for (let i = 0; i < 60; i++) {
            say(`${text}${i}`);
            let heard = await next();
            while (heard === undefined) heard = await next(); /* the slow one has left */
            assert.equal(heard, `${text}${i}`);
        }
        await gone;
        say('still here');
        assert.equal(await next(), 'still here');
    });

    test(`${profile}: who sends nothing for two intervals is dropped, who answers pings stays`, async (t) => {
        const chatd = await start(t, profile, [...alone(profile), '--ping-interval', '300']);
        const { say, next } = await PEOPLE[profile](t, chatd);
        const dead = await Talker.connect(t, chatd.url, { autoPong: false });
        let pings = 0;
        dead.ws.on('ping', () => pings++);
        await dead.closed();
        assert.ok(pings >= 1);
        say('still here');
        assert.equal(await next(), 'still here');
    });
}

test('a Redis that does not answer: errors within 5 s, and all goes on when it does', async (t) => {
    await Promise.all(names.map(async (profile) => {
        const redis = await startRedis(t);
        const chatd = await start(t, profile, [], { ...PROFILES[profile].env(redis) });
        const { say, next, fails, ada } = await PEOPLE[profile](t, chatd);
        redis.program.signal('SIGSTOP');
        say('while it is silent');
        if (fails) assert.equal(await within(next(), `an error of ${profile}`, 7000), fails);
        if (ada) assert.equal((await within(ada.call('/me'), 'an error of demo', 7000)).status, 503);
        if (profile === 'pubsub') {
            const health = await within(fetch(`${chatd.url}/health`), '/health', 4000);
            assert.equal(health.status, 500);
            assert.equal((await health.json()).status, 'unhealthy');
        }
        if (profile === 'broadcast') assert.equal(await next(), 'while it is silent');
        redis.program.signal('SIGCONT');
        await isReady(chatd);
        say('and again');
        await until(async () => (await next()) === 'and again', `${profile} to go on`);
    }));
});

test('leases, keys and channels of our own are where no original looks', async (t) => {
    for (const profile of keepers) {
        const redis = await startRedis(t);
        const chatd = await start(t, profile, ['--redis', redis.url]);
        await PEOPLE[profile](t, chatd);
        const [id] = await redis.run('SMEMBERS', `chat:${profile}:servers`);
        assert.match(id, /^[0-9a-f]{16,}$/);
        const life = await redis.run('PTTL', `chat:${profile}:server:${id}`);
        assert.ok(life > 9000 && life <= 15000, `a lease of ${life} ms`);
        for (const channel of await redis.run('PUBSUB', 'CHANNELS')) {
            const original = { demo: 'MESSAGES' }[profile];
            if (channel !== original) assert.doesNotMatch(channel, /^(MESSAGES$|chat:room:|(?!chat:))/);
        }
        assert.equal(await redis.run('PUBSUB', 'NUMPAT'), profile === 'demo' ? 0 : 1);
        await chatd.stop();
        assert.deepEqual((await redis.run('KEYS', 'chat:*')).filter((key) => !key.startsWith('chat::')), []);
    }
});

test('a database has one profile, unless keys have a prefix, but rooms and broadcast share one', async (t) => {
    const redis = await startRedis(t);
    const rooms = await start(t, 'rooms', [], own(redis));
    await start(t, 'broadcast', [], own(redis));
    const refused = async (profile, other, url = redis.url) => {
        const chatd = runChatd(t, [profile, '--port', '0', '--redis', url]);
        assert.deepEqual(await chatd.exit(), { code: 1, signal: null });
        assert.equal(chatd.said('stderr').length, 1);
        assert.match(chatd.said('stderr')[0], new RegExp(`\\b${other}\\b.*--key-prefix`));
    };
    for (const profile of ['demo', 'pubsub']) {
        await refused(profile, 'rooms');
        await start(t, profile, ['--key-prefix', `${profile}/`], own(redis));
        await start(t, profile, [], { REDIS_URL: `${redis.url}/${profile === 'demo' ? 1 : 2}` });
    }
    await refused('rooms', 'demo', `${redis.url}/1`);
    await refused('pubsub', 'demo', `${redis.url}/1`);
    await refused('rooms', 'pubsub', `${redis.url}/2`);
    await refused('demo', 'pubsub', `${redis.url}/2`);
    await isReady(rooms);
});
