import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import amqp from 'amqplib';
import { createClient } from 'redis';
import { atEnd, freePort, isReady, makeFolder, runChatd, startChatd, startRedis, until } from '../support/chatd.mjs';
import { startRelay } from '../support/relay.mjs';
import { Talker } from '../support/talker.mjs';

const start = (t, env = {}, args = []) => startChatd(t, args, { profile: 'broadcast', env });

/** Nothing else was told up to now: what this client says itself is the next thing that it hears. */
async function heardNothing(talker) {
    talker.say('a mark of my own');
    assert.equal(await talker.takeText(), 'a mark of my own');
}

/** A real broker in a folder of its own, to be killed and started again. */
async function startRabbit(t) {
    const folder = makeFolder(t);
    const [port, distribution] = [await freePort(), await freePort()];
    const config = join(folder, 'rabbitmq.conf');
    writeFileSync(config, `listeners.tcp.default = 127.0.0.1:${port}\n`);
    writeFileSync(join(folder, 'plugins'), '[].\n');
    const env = {
        PATH: `/usr/lib/rabbitmq/bin:${process.env.PATH}`, HOME: folder, RABBITMQ_NODENAME: `chatd${port}@localhost`,
        RABBITMQ_CONFIG_FILE: config, RABBITMQ_MNESIA_BASE: folder, RABBITMQ_LOG_BASE: folder, RABBITMQ_PID_FILE: join(folder, 'pid'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'), RABBITMQ_DIST_PORT: String(distribution), RABBITMQ_CONF_ENV_FILE: '/dev/null',
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none', RABBITMQ_LOGS: '-',
    };
    const rabbit = { port, url: `amqp://guest:guest@127.0.0.1:${port}` };
    rabbit.start = async () => {
        const child = spawn('rabbitmq-server', [], { env, cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
        let said = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
        rabbit.child = child;
        rabbit.ended = once(child, 'close');
        await until(() => new Promise((resolve) => {
            const probe = net.connect(port, '127.0.0.1', () => {
                probe.destroy();
                resolve(true);
            }).on('error', () => setImmediate(resolve, false));
        }), () => `the broker, which said: ${said.slice(-2000)}`, 60000);
    };
    rabbit.kill = async () => {
        process.kill(-rabbit.child.pid, 'SIGKILL'); /* its own process group: shell and Erlang */
        await rabbit.ended;
    };
    atEnd(t, () => rabbit.kill().catch(() => {}));
    await rabbit.start();
    return rabbit;
}

describe('one server', { concurrency: 2 }, () => {
    test('everybody hears everything once, the sender too, as it was sent', async (t) => {
        const chatd = await start(t);
        const talkers = await Promise.all(['', '/any/path?q'].map((path) => Talker.connect(t, chatd.url + path, { origin: 'null' })));
        const said = ['', ' ', '\u0000\u0001\n', '{"a":1}', '💬', Buffer.from([0, 255, 254]), Buffer.alloc(0), 'x'.repeat(1024 * 1024)];
        for (const one of said) talkers[0].say(one);
        for (const talker of talkers) {
            for (const one of said) {
                const heard = await talker.takeText();
                assert.equal(typeof heard, typeof one);
                assert.ok(Buffer.isBuffer(one) ? one.equals(heard) : one === heard);
            }
        }
        talkers[0].ws.send('frag', { fin: false });
        talkers[0].ws.send('ment', { fin: true });
        for (const talker of talkers) assert.equal(await talker.takeText(), 'fragment');
        const late = await Talker.connect(t, chatd.url);
        await heardNothing(late);
        late.ws.close(4321, 'bye');
        assert.equal((await late.closed()).code, 4321);
        await chatd.line(/Client connected/);
        await chatd.line(/Client disconnected/);
        assert.doesNotMatch(chatd.said().join('\n'), /fragment/);
    });

    test('no subprotocol and no compression are agreed on, and plain HTTP is 404', async (t) => {
        const chatd = await start(t);
        const talker = await Talker.connect(t, chatd.url, { perMessageDeflate: true });
        assert.equal(talker.ws.extensions, '');
        assert.equal(talker.ws.protocol, '');
        for (const path of ['/', '/x', '/index.html']) assert.equal((await fetch(chatd.url + path)).status, 404, path);
    });

    test('a folder is served where one is given, and any path still upgrades', async (t) => {
        const folder = makeFolder(t);
        writeFileSync(join(folder, 'index.html'), '<p>chat</p>');
        const chatd = await start(t, {}, ['--web', folder]);
        assert.equal(await (await fetch(chatd.url)).text(), '<p>chat</p>');
        await heardNothing(await Talker.connect(t, chatd.url));
    });

    test('a message of more than 1 MiB ends its sender alone, with 1009', async (t) => {
        const chatd = await start(t);
        const ada = await Talker.connect(t, chatd.url);
        const big = await Talker.connect(t, chatd.url);
        big.say('x'.repeat(1024 * 1024 + 1));
        assert.equal((await big.closed()).code, 1009);
        await heardNothing(ada);
    });

    test('clients hear each other while the link has never been there', async (t) => {
        for (const env of [{ AMQP_URL: `amqp://127.0.0.1:${await freePort()}` }, { REDIS_URL: `redis://127.0.0.1:${await freePort()}` }]) {
            const chatd = await start(t, env);
            const [ada, bob] = [await Talker.connect(t, chatd.url), await Talker.connect(t, chatd.url)];
            for (let n = 0; n < 10_000; n++) ada.say(`${n}`);
            for (let n = 0; n < 10_000; n++) assert.equal(await bob.takeText(), `${n}`);
            await isReady(chatd, 503);
            assert.equal((await fetch(`${chatd.url}/healthz`)).status, 200);
            assert.deepEqual(await chatd.stop(), { code: 0, signal: null });
        }
    });

    test('SIGTERM closes with 1001, and ends with status 0', async (t) => {
        const chatd = await start(t);
        const ada = await Talker.connect(t, chatd.url);
        chatd.signal('SIGTERM');
        assert.equal((await ada.closed()).code, 1001);
        assert.deepEqual(await chatd.exit(), { code: 0, signal: null });
    });

    test('what is wrong with the link is told in one line', async (t) => {
        for (const env of [{ AMQP_URL: 'http://x' }, { AMQP_URL: 'amqp://x', REDIS_URL: 'redis://x' }, { REDIS_URL: 'nonsense' }]) {
            const chatd = runChatd(t, ['broadcast', '--port', '0'], env);
            assert.deepEqual(await chatd.exit(), { code: 1, signal: null });
            assert.equal(chatd.said('stderr').length, 1);
        }
    });
});

/* What travels between servers; `publish` is anybody's who can reach it, `bound` tells whether somebody listens. */
const kinds = {
    async redis(t) {
        const redis = await startRedis(t);
        const relay = await startRelay(t, redis.port);
        const client = await createClient({ url: redis.url }).on('error', () => {}).connect();
        atEnd(t, () => client.destroy());
        return {
            env: { REDIS_URL: `redis://127.0.0.1:${relay.port}` }, links: 2, relay, kill: redis.kill, start: redis.start,
            publish: (bytes, { appId = '0123456789abcdef', contentType } = {}) =>
                client.publish('chat:broadcast:0', Buffer.concat([Buffer.from(appId + (contentType?.startsWith('app') ? 'b' : 't')), bytes])),
            rubbish: ['', 'x', '0123456789abcdef', '0123456789abcdef?text'].map((text) => () => client.publish('chat:broadcast:0', text)),
            bound: async () => (await client.publish('chat:broadcast:0', '')) > 0,
        };
    },
    async rabbitmq(t) {
        const rabbit = await startRabbit(t);
        const relay = await startRelay(t, rabbit.port);
        const connection = await amqp.connect(rabbit.url);
        connection.on('error', () => {});
        const channel = await connection.createConfirmChannel();
        const unheard = [];
        channel.on('return', (message) => unheard.push(message)).on('error', () => {});
        const publish = async (bytes, options) => {
            channel.publish('chat.fanout', '', bytes, { mandatory: true, ...options });
            await channel.waitForConfirms();
        };
        return {
            env: { AMQP_URL: `amqp://guest:guest@127.0.0.1:${relay.port}` }, links: 1, relay, kill: rabbit.kill, start: rabbit.start,
            publish: (bytes, options) => publish(bytes, { appId: '0123456789abcdef', ...options }),
            rubbish: [() => publish(Buffer.from('from nobody'), {})],
            bound: async () => {
                await channel.assertExchange('chat.fanout', 'fanout', { durable: false });
                await publish(Buffer.alloc(0), {});
                return unheard.splice(0).length === 0;
            },
        };
    },
};

for (const [name, open] of Object.entries(kinds)) {
    test(`two servers over ${name}: once each, in order, and again after it was killed`, async (t) => {
        const link = await open(t);
        const servers = [await start(t, link.env), await start(t, link.env)];
        for (const server of servers) await isReady(server);
        const [ada, bob] = [await Talker.connect(t, servers[0].url), await Talker.connect(t, servers[1].url)];
        for (let n = 0; n < 500; n++) ada.say(n % 2 ? `a${n}` : Buffer.from(`a${n}`));
        for (const talker of [ada, bob]) {
            for (let n = 0; n < 500; n++) {
                const heard = await talker.takeText();
                assert.equal(String(heard), `a${n}`);
                assert.equal(Buffer.isBuffer(heard), n % 2 === 0);
            }
        }
        await link.kill();
        for (const server of servers) await isReady(server, 503);
        await heardNothing(ada);
        await heardNothing(bob);
        await link.start();
        for (const server of servers) await isReady(server);
        ada.say('back');
        assert.equal(await ada.takeText(), 'back');
        assert.equal(await bob.takeText(), 'back');
        await heardNothing(ada);
        assert.equal(await bob.takeText(), 'a mark of my own');
        const third = await start(t, link.env);
        await isReady(third);
        const late = await Talker.connect(t, third.url);
        await heardNothing(late);
        for (const server of servers) assert.deepEqual(await server.stop(), { code: 0, signal: null });
    });

    test(`${name}: a cut costs nobody a connection, and a server that was killed leaves nothing behind`, async (t) => {
        const link = await open(t);
        const [one, two] = [await start(t, link.env), await start(t, link.env)];
        for (const server of [one, two]) await isReady(server);
        const [ada, bob] = [await Talker.connect(t, one.url), await Talker.connect(t, two.url)];
        for (let round = 0; round < 3; round++) {
            assert.equal(link.relay.count(), 2 * link.links);
            link.relay.cut();
            for (const server of [one, two]) await isReady(server, 503).catch(() => {}); /* it may be back already */
            for (const server of [one, two]) await isReady(server);
            bob.say(`round ${round}`);
            for (const talker of [ada, bob]) assert.equal(await talker.takeText(), `round ${round}`);
        }
        await two.kill();
        await heardNothing(ada);
        assert.equal(await link.bound(), true);
        await one.kill();
        await until(async () => !(await link.bound()), 'all queues and subscriptions gone');
    });

    test(`${name}: what is none of our servers' messages is passed over, and no text is told that is none`, async (t) => {
        const link = await open(t);
        const chatd = await start(t, link.env);
        await isReady(chatd);
        const ada = await Talker.connect(t, chatd.url);
        for (const send of link.rubbish) await send();
        await link.publish(Buffer.from([0x61, 0xff, 0xfe]), { contentType: 'text/plain' });
        await link.publish(Buffer.from('x'.repeat(2 * 1024 * 1024)), { contentType: 'text/plain' });
        await link.publish(Buffer.from([0x61, 0xff]), { contentType: 'application/octet-stream' });
        await link.publish(Buffer.from('text'), { contentType: 'text/plain' });
        const large = await ada.takeText();
        assert.equal(large.length, 2 * 1024 * 1024);
        assert.deepEqual([await ada.takeText(), await ada.takeText()], [Buffer.from([0x61, 0xff]), 'text']);
        await heardNothing(ada);
    });
}
