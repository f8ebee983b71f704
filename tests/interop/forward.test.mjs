/*
 * Servers that forward: what is theirs alone. A session is opened on one server, the `owner`, and spoken with through
 * the other, the `near` one. That all rules of a session hold on this way is in forward-rules.test.mjs.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { describe, test } from 'node:test';
import { ask, connected, MODES } from '../support/clients.mjs';
import { member } from '../support/cluster.mjs';
import { redisFor } from '../support/redis.mjs';
import { POLLING, PollingSession, UNKNOWN_SESSION } from '../support/session.mjs';
import { reference } from '../support/testbed.mjs';
import { eventually, within } from '../support/waiting.mjs';
import { OPCODE } from '../support/websocket.mjs';
import { request, Wire } from '../support/wire.mjs';

const CALM = { contract: 'protocol', pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };

async function twoServers(t, options) {
    const redis = await redisFor(t);
    const [owner, near] = await Promise.all([0, 1].map(() => member(t, redis, { ...CALM, forward: true, ...options })));

    return { redis, owner, near };
}

/* A session of the owner's, spoken with through the other. */
async function openThrough(near, owner, options) {
    const session = await PollingSession.open(owner.port, options);

    session.port = near.port;
    return session;
}

/* A poll that is known to wait at the owner, since a POST went the same way after it. */
async function beginPoll(session) {
    const wire = await Wire.connect(session.port);

    wire.write(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await request(session.port, '/healthz');
    await session.send('6');
    return wire;
}

/* A Socket.IO session by hand over polling, connected, and its socket's id. */
async function openSocket(near, owner) {
    const session = await openThrough(near, owner, { path: '/socket.io/' });
    let packet;

    await session.send('40');
    do {
        packet = await session.next();
        if (packet.startsWith('40')) session.id = JSON.parse(packet.slice(2)).sid;
    } while (!packet.startsWith('42["auth"'));
    return session;
}

async function reasonOf(witness, id) {
    let found;

    await eventually(async () => {
        found = (await ask(witness, 'reasons'))[0].find(([other]) => other === id);
        return found;
    }, 'the reason');
    return found[1];
}

/* Everything that is published, as one text. */
async function listen(t, redis) {
    const ear = redis.connect();
    const heard = { text: '', bytes: 0 };

    t.after(() => ear.disconnect());
    ear.on('pmessageBuffer', (_, channel, message) => {
        heard.text += `${channel} ${message.toString('latin1')}\n`;
        heard.bytes += message.length;
    });
    await ear.psubscribe('*');
    return heard;
}

const open = reference ? describe.skip : describe;

open('forwarding', () => {
    test('a session that nobody has is unknown, after a second', async (t) => {
        const { near } = await twoServers(t);

        for (const method of ['GET', 'POST']) {
            const body = method === 'POST' ? '6' : undefined;
            const start = performance.now();
            const response = await request(near.port, `/engine.io/?${POLLING}&sid=AAAAAAAAAAAAAAAAAAAA`, { method, body });

            assert.deepEqual([response.status, response.body], [400, UNKNOWN_SESSION]);
            assert.ok(performance.now() - start > 900);
        }
    });

    test('an owner that dies makes a waiting poll fail in time, and the client comes back', async (t) => {
        const { owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);
        const poll = await beginPoll(session);

        await owner.kill();
        const response = await poll.readResponse();

        assert.deepEqual([response.status, response.body], [400, UNKNOWN_SESSION]);
        poll.destroy();
    });

    test('a server that dies takes the polls that wait there with it: transport error', async (t) => {
        const { owner, near } = await twoServers(t);
        const session = await openSocket(near, owner);
        const poll = await beginPoll(session);
        const witness = await connected(t, owner.url, MODES.websocket);

        await near.kill();
        assert.equal(await reasonOf(witness, session.id), 'transport error');
        poll.destroy();
    });

    test('a Redis that dies refuses what waits and what comes, says so, and all goes on when it is back', async (t) => {
        const { redis, owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);
        const poll = await beginPoll(session);

        await redis.kill();
        assert.equal((await poll.readResponse()).body, UNKNOWN_SESSION);
        poll.destroy();
        const refused = await request(near.port, `/engine.io/?${POLLING}&sid=AAAAAAAAAAAAAAAAAAAA`);

        assert.deepEqual([refused.status, refused.body], [400, UNKNOWN_SESSION]);
        await redis.start();
        for (const { url } of [owner, near]) await eventually(async () => (await fetch(`${url}/readyz`)).ok, 'the link to Redis');
        const next = await openThrough(near, owner);

        /* The names of the servers are new, and have to be heard. */
        await eventually(async () => (await next.post('6')).status === 200, 'the servers to hear each other');
        await next.alive();
    });

    test('what makes no sense is passed over', async (t) => {
        const { redis, owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);
        const heard = await listen(t, redis);
        const voice = redis.connect();

        t.after(() => voice.disconnect());
        await session.alive();
        const channels = [...new Set(heard.text.match(/socket\.io-forward#\/engine\.io\/#[\w-]*/g))];
        assert.equal(channels.length, 3); /* all, and each server's own */
        for (const channel of channels) {
            for (let i = 0; i < 200; i++) {
                const bytes = randomBytes(i);

                if (i > 2) bytes.set([1, i % 11, i % 32]); /* so that some get past the first look */
                if (i > 47) bytes.fill('A', 7, 47);
                await voice.publish(channel, bytes);
            }
        }
        await session.alive();
    });

    test("a client's secrets stay where it is", async (t) => {
        const { redis, owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);
        const heard = await listen(t, redis);
        const headers = { Cookie: 'c=secret1', Authorization: 'Bearer secret2', 'Proxy-Authorization': 'secret3', 'X-Mine': 'open' };

        await session.post('4x', { headers });
        await session.get({ headers });
        assert.ok(heard.text.includes('X-Mine: open'));
        assert.ok(!heard.text.includes('secret'));
    });

    test('a body that is too long is refused where it comes', async (t) => {
        const { redis, owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);
        const heard = await listen(t, redis);

        assert.equal((await session.post(`4${'x'.repeat(1_000_000)}`)).status, 413);
        assert.ok(heard.bytes < 10_000, `${heard.bytes} bytes were published`);
        await session.alive();
    });

    test('sessions of both servers share a connection, as behind a proxy that keeps them', async (t) => {
        const { owner, near } = await twoServers(t);
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        const here = await PollingSession.open(near.port);
        const there = await openThrough(near, owner);

        for (let i = 0; i < 5; i++) {
            for (const session of [here, there]) {
                assert.equal((await session.post(`4${i}`, { agent })).body, 'ok');
                assert.equal((await session.get({ agent })).body, `4${i}`);
            }
        }
        agent.destroy();
    });

    test('each request of a session may come to another server', async (t) => {
        const { owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);

        for (let i = 0; i < 10; i++) {
            session.port = i % 2 === 0 ? near.port : owner.port;
            const poll = session.get();

            session.port = i % 3 === 0 ? near.port : owner.port;
            await session.send(`4${i}`);
            assert.equal((await poll).body, `4${i}`);
        }
    });

    test('volatile events reach a poll that waits elsewhere, and are dropped without one', async (t) => {
        const { owner, near } = await twoServers(t);
        const session = await openSocket(near, owner);
        const poll = await beginPoll(session);

        await session.send('42["volatile","v"]');
        assert.equal((await poll.readResponse()).body, '42["told",0]');
        poll.destroy();
        await session.send('42["volatile","vr"]');
        assert.equal(await session.next(), '42["told",1]');
    });
});

open('an upgraded connection elsewhere', () => {
    test('carries much of both kinds, both ways and in order', async (t) => {
        const { owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);
        const socket = await session.upgrade();
        const blocks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(90_000, i));

        t.after(() => socket.destroy());
        for (const [i, block] of blocks.entries()) {
            socket.send(OPCODE.binary, block);
            socket.sendText(`4${i}`);
        }
        for (const [i, block] of blocks.entries()) {
            const frame = await socket.next();

            assert.ok(frame.opcode === OPCODE.binary && frame.payload.equals(block));
            assert.equal(await socket.nextText(), `4${i}`);
        }
    });

    test('that takes nothing is closed like any other, and the others go on', async (t) => {
        const { owner, near } = await twoServers(t, { maxBuffered: 2 ** 20 });
        const witness = await connected(t, owner.url, MODES.websocket);
        const session = await openSocket(near, owner);
        const deaf = await session.upgrade();

        await deaf.barrier();
        deaf.wire.socket.pause();
        t.after(() => deaf.destroy());
        for (let i = 0; i < 60; i++) await ask(witness, 'burst', 5, 100_000);
        assert.equal(await reasonOf(witness, session.id), 'transport error');
        await (await openThrough(near, owner)).alive();
    });

    test('is closed in order when its server stops', async (t) => {
        const { owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);
        const socket = await session.upgrade();

        await socket.barrier();
        const stopped = owner.stop();

        assert.equal(await socket.closeFrame(), '');
        socket.send(OPCODE.close);
        await socket.wire.readToEnd();
        socket.wire.end();
        await stopped;
    });

    for (const act of ['stop', 'kill']) {
        test(`ends when the server that it comes through is gone (${act})`, async (t) => {
            const { owner, near } = await twoServers(t);
            const witness = await connected(t, owner.url, MODES.websocket);
            const session = await openSocket(near, owner);
            const socket = await session.upgrade();

            await socket.barrier();
            await near[act]();
            await socket.wire.readToEnd();
            assert.equal(await reasonOf(witness, session.id), 'transport close');
            socket.destroy();
        });
    }

    test('ends when its server dies', async (t) => {
        const { owner, near } = await twoServers(t);
        const session = await openThrough(near, owner);
        const socket = await session.upgrade();

        await socket.barrier();
        await owner.kill();
        await socket.wire.readToEnd();
        socket.destroy();
    });
});

open('servers that do not forward', () => {
    test('refuse at once', async (t) => {
        const redis = await redisFor(t);
        const [owner, near] = await Promise.all([0, 1].map(() => member(t, redis, CALM)));
        const session = await openThrough(near, owner);
        const response = await within(session.get(), 'the refusal', 500);

        assert.deepEqual([response.status, response.body], [400, UNKNOWN_SESSION]);
    });
});

open('forwarding on several workers', () => {
    test('finds a session on whichever worker it is', async (t) => {
        const { owner, near } = await twoServers(t, { workers: 2 });
        const sessions = await Promise.all(Array.from({ length: 8 }, () => openThrough(near, owner)));

        for (let round = 0; round < 3; round++) {
            await Promise.all(
                sessions.map(async (session, i) => {
                    const poll = session.get();

                    await session.send(`4${i}`);
                    assert.equal((await poll).body, `4${i}`);
                }),
            );
        }
        const upgraded = await Promise.all(sessions.map((session) => session.upgrade()));

        for (const [i, socket] of upgraded.entries()) {
            socket.sendText(`4${i}`);
            assert.equal(await socket.nextText(), `4${i}`);
            socket.destroy();
        }
    });
});
