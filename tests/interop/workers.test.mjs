/* Two workers and no balancer: one server to its clients. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Agent } from 'node:https';
import { connect as openTcp } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect as openTls } from 'node:tls';
import { Authority } from '../support/certificates.mjs';
import { MODES, ask, connected, upgraded } from '../support/clients.mjs';
import { oursOnly, sharedTestbed, startTestbed, testbedFor } from '../support/testbed.mjs';
import { PATIENCE_MS, collect, eventually, happens } from '../support/waiting.mjs';

const WORKERS = 2;
const CLIENTS = 200;
const ROOMS = 10;
const AT_A_TIME = 20;
const PATIENCE_FOR_ALL_MS = 5 * PATIENCE_MS;

async function arrive(t, url, i, options) {
    const modes = Object.values(MODES);
    const socket = await connected(t, url, { ...modes[i % modes.length], ...options });

    socket.left = 0;
    socket.on('disconnect', () => (socket.left += 1));
    if (i % modes.length === 2) await upgraded(socket);
    return socket;
}

/* Clients that come in a mixture of ways, a few at a time; each lands on the worker that the kernel chose. */
async function crowd(t, url, count, options = {}) {
    const sockets = [];

    while (sockets.length < count) {
        const next = Array.from({ length: Math.min(AT_A_TIME, count - sockets.length) }, (_, i) => sockets.length + i);

        sockets.push(...(await Promise.all(next.map((i) => arrive(t, url, i, options)))));
    }
    return sockets;
}

/* Each says its number to the room that it shares with others. */
async function speakInRooms(sockets) {
    await Promise.all(sockets.map((socket, i) => ask(socket, 'join', `room ${i % ROOMS}`)));
    const heard = sockets.map((socket) => collect(socket, 'room', sockets.length / ROOMS, PATIENCE_FOR_ALL_MS));

    sockets.forEach((socket, i) => socket.emit('room', `room ${i % ROOMS}`, i));
    const all = await Promise.all(heard);

    all.forEach((events, i) => {
        const expected = sockets.map((_, k) => k).filter((k) => k % ROOMS === i % ROOMS);

        assert.deepEqual(events.map(([x]) => x).sort((a, b) => a - b), expected, `client ${i}`);
    });
}

async function speakToAll(sockets) {
    const heard = sockets.map((socket) => collect(socket, 'bcast', 20, PATIENCE_FOR_ALL_MS));

    for (let i = 0; i < 20; i += 1) sockets[i].emit('bcast', i);
    for (const events of await Promise.all(heard)) assert.deepEqual(events.map(([x]) => x).sort((a, b) => a - b), [...Array(20).keys()]);
}

function nobodyLeft(sockets) {
    assert.deepEqual(sockets.filter((socket) => socket.left > 0 || !socket.connected).map((socket) => socket.id), []);
}

for (const transport of ['plain', 'TLS']) {
    describe(`${CLIENTS} clients on two workers, ${transport}`, oursOnly, () => {
        let authority;
        let server;
        let url;
        let options = {};

        before(async () => {
            const settings = { contract: 'load', workers: WORKERS };

            if (transport === 'TLS') {
                authority = new Authority();
                authority.issue('server', ['localhost', 'IP:127.0.0.1']);
                settings.tlsCert = authority.file('server.pem');
                settings.tlsKey = authority.file('server.key');
                options = { ca: authority.ca, agent: new Agent({ keepAlive: true, ca: authority.ca }) };
            }
            server = await startTestbed(settings);
            url = `${transport === 'TLS' ? 'https' : 'http'}://localhost:${server.port}`;
        });
        after(async () => {
            options.agent?.destroy();
            await server?.stop();
            authority?.remove();
        });

        test('polling, websocket and upgrade: nothing is lost, nobody is disconnected', async (t) => {
            const sockets = await crowd(t, url, CLIENTS, options);

            await speakInRooms(sockets);
            await speakToAll(sockets);
            await Promise.all(sockets.map(async (socket, i) => assert.deepEqual(await ask(socket, 'ack', i), [i])));
            nobodyLeft(sockets);
        });

        test('a request moves to its session with what came behind it, read and unread', async (t) => {
            const where = { host: 'localhost', port: server.port, ca: authority?.ca };
            const connect = async () => {
                const socket = transport === 'TLS' ? openTls(where) : openTcp(where);

                t.after(() => socket.destroy());
                socket.heard = '';
                socket.setEncoding('latin1').on('data', (text) => (socket.heard += text));
                await happens(socket, transport === 'TLS' ? 'secureConnect' : 'connect');
                return socket;
            };
            const target = '/socket.io/?EIO=4&transport=polling';
            const crowded = await crowd(t, url, 8, { ...options, ...MODES.websocket });

            for (let i = 0; i < 12; i += 1) {
                const [first, second] = [await connect(), await connect()];
                const body = `40\x1e42["bcast","${'x'.repeat(i % 2 ? 100000 : 30000)}"]`; /* more than is read at once, and less */

                first.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
                await eventually(() => /"sid":"[^"]+"/.test(first.heard), 'the handshake');
                const [, sid] = /"sid":"([^"]+)"/.exec(first.heard);
                const post = `POST ${target}&sid=${sid} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

                /* Nobody reads for a moment, so that all of it is there at once. */
                for (const one of crowded) one.emit('block', 20);
                second.write(`${post}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n`);
                await eventually(() => second.heard.split('HTTP/1.1 ').length === 4, 'three answers');
                assert.deepEqual(second.heard.split('HTTP/1.1 ').slice(1).map((one) => one.slice(0, 3)), ['200', '200', '404']);
            }
        });

        test('large and binary messages reach the clients of both workers', async (t) => {
            const sockets = await crowd(t, url, 12, options);
            const large = 'x'.repeat(200000);
            const binary = Buffer.alloc(50000, 7);

            for (const message of [large, binary, { deep: [binary, large] }]) {
                const heard = sockets.map((socket) => happens(socket, 'bcast'));

                sockets[0].emit('bcast', message);
                for (const [got] of await Promise.all(heard)) assert.deepEqual(got, message);
            }
            nobodyLeft(sockets);
        });
    });
}

describe('two workers are one server', oursOnly, () => {
    const server = sharedTestbed({ contract: 'load', workers: WORKERS });

    test('the sockets of both are counted', async (t) => {
        const sockets = await crowd(t, server.url, 10);

        await Promise.all(sockets.map((socket) => ask(socket, 'join', 'counted')));
        assert.deepEqual(await ask(sockets[0], 'count', 'counted', ''), [10]);
        assert.deepEqual(await ask(sockets[0], 'count', 'counted', sockets[1].id), [9]);
        assert.deepEqual(await ask(sockets[0], 'count', '', ''), [10]);
    });

    test('fetch finds the sockets of both', async (t) => {
        const sockets = await crowd(t, server.url, 24);

        await Promise.all(sockets.map((socket) => ask(socket, 'join', 'found')));
        const [found] = await ask(sockets[0], 'fetch', 'found');

        assert.deepEqual(found.map(({ id }) => id).sort(), sockets.map(({ id }) => id).sort());
        for (const one of found) assert.deepEqual(one.rooms.sort(), [one.id, 'found'].sort());
    });

    test('a broadcast gathers the acknowledgements of both', async (t) => {
        const sockets = await crowd(t, server.url, 24);

        sockets.forEach((socket, i) => socket.on('who', (x, ack) => ack(i)));
        await Promise.all(sockets.map((socket) => ask(socket, 'join', 'asked')));
        const [error, replies] = await ask(sockets[5], 'bcast-ack', 'asked', 'who', 'x', 5000);

        assert.equal(error, null);
        assert.deepEqual(replies.sort((a, b) => a - b), [...sockets.keys()]);
    });

    test('clients that never answer make it time out, with what those of both said', async (t) => {
        const sockets = await crowd(t, server.url, 24);

        sockets.slice(4).forEach((socket, i) => socket.on('who', (x, ack) => ack(i)));
        await Promise.all(sockets.map((socket) => ask(socket, 'join', 'silent')));
        const [error, replies] = await ask(sockets[5], 'bcast-ack', 'silent', 'who', 'x', 1000);

        assert.equal(error, 'operation has timed out');
        assert.deepEqual(replies.sort((a, b) => a - b), [...sockets.slice(4).keys()]);
    });

    test('sockets of both are moved to a room and out of the server', async (t) => {
        const sockets = await crowd(t, server.url, 24);
        const [witness] = await crowd(t, server.url, 1);

        await Promise.all(sockets.map((socket) => ask(socket, 'join', 'from')));
        witness.emit('move', 'from', 'to');
        await eventually(async () => (await ask(witness, 'fetch', 'to'))[0].length === sockets.length, 'the move');
        const gone = sockets.map((socket) => happens(socket, 'disconnect'));

        witness.emit('kick', 'to');
        await Promise.all(gone);
        assert.deepEqual(await ask(witness, 'fetch', 'to'), [[]]);
        nobodyLeft([witness]);
    });

    test('a server-side event is answered by the other worker, not by the one that asks', async (t) => {
        const sockets = await crowd(t, server.url, 8);
        const answers = await Promise.all(sockets.map((socket) => ask(socket, 'sse', 'whoami', 'x')));

        for (const [replies] of answers) assert.equal(replies.length, WORKERS - 1);
    });

    test('events of one client reach another in their order', async (t) => {
        const [speaker, ...listeners] = await crowd(t, server.url, 8);
        const heard = listeners.map((socket) => collect(socket, 'bcast', 100));

        for (let i = 0; i < 100; i += 1) speaker.emit('bcast', i);
        for (const events of await Promise.all(heard)) assert.deepEqual(events.map(([x]) => x), [...Array(100).keys()]);
    });
});

/* Whose a client is: of two workers the other one answers. */
const workerOf = async (socket) => 1 - ((await ask(socket, 'sse', 'whoami', 'x'))[0][0] % 64);

async function cut(socket, witness) {
    const gone = happens(socket, 'disconnect');
    const { id } = socket;

    socket.io.engine.transport.ws._socket.destroy();
    await gone;
    await eventually(async () => (await ask(witness, 'fetch', id))[0].length === 0, 'the server to notice');
}

async function comeBack(socket) {
    const back = happens(socket, 'connect');

    socket.connect();
    await back;
}

describe('recovery over workers', oursOnly, () => {
    const server = sharedTestbed({ contract: 'load', workers: WORKERS, recovery: 60000 });
    const three = sharedTestbed({ contract: 'load', workers: 3, recovery: 60000 });

    async function listener(t, url) {
        const socket = await connected(t, url, MODES.websocket);

        socket.seen = [];
        socket.onAny((event, x) => socket.seen.push([event, x]));
        return socket;
    }

    test('a client that comes back to the other worker is who it was, in its rooms, and hears what it missed', async (t) => {
        const [socket, ...witnesses] = await Promise.all(Array.from({ length: 9 }, () => listener(t, server.url)));
        const { id } = socket;
        const expected = [];
        let moves = 0;
        let n = 0;
        const say = async (...message) => {
            witnesses[n % 8].emit(...message);
            await ask(witnesses[n % 8], 'ack', n);
            if (message.at(1) !== 'blue') expected.push([message[0], message.at(-1)]);
            n += 1;
        };

        await ask(socket, 'join', 'red');
        for (let round = 0; round < 16; round += 1) {
            const before = await workerOf(socket);

            if (round % 3 > 0) await say('bcast', n);
            await eventually(() => socket.seen.length === expected.length, 'what was said before');
            await cut(socket, witnesses[0]);
            if (round % 4 > 0) for (const i of [1, 2, 3]) await say('bcast', `away ${round} ${i}`);
            await say('room', 'red', Buffer.from([n]));
            await say('room', 'blue', n);
            await comeBack(socket);
            assert.deepEqual([socket.recovered, socket.id], [true, id], `round ${round}`);
            assert.deepEqual(socket.seen, expected);
            assert.deepEqual((await ask(witnesses[0], 'fetch', 'red'))[0].map((one) => one.id), [id]);
            moves += (await workerOf(socket)) !== before;
        }
        assert.ok(moves > 0 && moves < 16, `${moves} of 16 came to the other worker`);
    });

    for (const [name, place] of Object.entries({ two: server, three })) {
        test(`nothing is lost or doubled while ${name} workers go on sending`, async (t) => {
            const [witness, ...speakers] = await Promise.all(Array.from({ length: 7 }, () => connected(t, place.url, MODES.websocket)));
            const listeners = await Promise.all(Array.from({ length: 6 }, () => listener(t, place.url)));
            const said = speakers.map(() => 0);
            let over = false;
            const talking = Promise.all(speakers.map(async (speaker, i) => {
                while (!over) {
                    speaker.emit('bcast', `${i} ${said[i]++}`);
                    await ask(speaker, 'ack', 'x');
                }
            }));
            const complete = [];

            await Promise.all(listeners.map(async (socket) => {
                let isWhole = true;
                for (let round = 0; round < 8 && isWhole; round += 1) {
                    await cut(socket, witness);
                    await comeBack(socket);
                    isWhole = socket.recovered;
                }
                if (isWhole) complete.push(socket);
            }));
            over = true;
            await talking;
            witness.emit('bcast', 'end');
            /* With three, one that is sent by the third worker just now may make a recovery fail, which is told. */
            assert.ok(complete.length >= (name === 'two' ? 6 : 1), `${complete.length} were restored each time`);
            for (const socket of complete) {
                await eventually(() => socket.seen.some(([, x]) => x === 'end'), 'the end');
                speakers.forEach((_, i) => {
                    const heard = socket.seen.map(([, x]) => x.split(' ')).filter(([who]) => who === String(i)).map(([, k]) => Number(k));

                    assert.deepEqual(heard, heard.map((_, k) => heard[0] + k), `sender ${i}`);
                    assert.equal(heard.at(-1), said[i] - 1);
                });
            }
        });
    }
});

describe('a worker that is slow', oursOnly, () => {
    test('keeps its own clients waiting, and nobody else', async (t) => {
        const server = await testbedFor(t, { contract: 'load', workers: WORKERS });
        const sockets = await crowd(t, server.url, 16, MODES.websocket);
        const owners = await Promise.all(sockets.map(workerOf));
        const slow = sockets[0];
        const [same, other] = [true, false].map((is) => sockets.filter((_, i) => i > 0 && (owners[i] === owners[0]) === is));
        const heard = sockets.map((socket) => happens(socket, 'bcast'));
        let blocked = true;

        slow.emit('block', 1500, () => (blocked = false));
        /* Those of the other worker go on meanwhile, sessions of both open and close there, and broadcasts are kept for the slow one. */
        await Promise.all(other.map(async (socket, i) => assert.deepEqual(await ask(socket, 'ack', i), [i])));
        other[0].emit('bcast', 'to all');
        await Promise.all(other.map((socket) => heard[sockets.indexOf(socket)]));
        assert.ok(blocked, 'all of that while it was blocked');
        await Promise.all(same.map(async (socket, i) => assert.deepEqual(await ask(socket, 'ack', i), [i])));
        for (const events of await Promise.all(heard)) assert.deepEqual(events, ['to all']);
        nobodyLeft(sockets);
    });
});

async function figures(url) {
    const response = await fetch(`${url}/metrics`, { headers: { connection: 'close' } });
    const text = await response.text();
    const found = {};

    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    for (const line of text.trimEnd().split('\n')) {
        const match = /^(?:# (?:HELP|TYPE) socketio_\w+ .+|socketio_(\w+(?:\{\w+="\w+"\})?) (\d+))$/.exec(line);

        assert.ok(match, line);
        if (match[1]) found[match[1]] = Number(match[2]);
    }
    return found;
}

for (const workers of [1, WORKERS]) {
    test(`/metrics counts for all of ${workers}`, oursOnly, async (t) => {
        const server = await testbedFor(t, { contract: 'load', workers, maxPayload: 10000, pingInterval: 60000 });
        const sockets = await crowd(t, server.url, 12, MODES.websocket);

        await Promise.all(sockets.map((socket, i) => ask(socket, 'ack', i)));
        const before = await figures(server.url);
        assert.deepEqual([before.workers, before.sessions, before.sessions_total, before.connected_total, before.events_received_total], [workers, 12, 12, 12, 12]);
        assert.ok(before.connections >= 12 && before.packets_sent_total >= 24, JSON.stringify(before));
        const gone = happens(sockets[0], 'disconnect');

        sockets[0].emit('echo', 'x'.repeat(20000));
        sockets[1].io.engine.write('no packet');
        await Promise.all([gone, happens(sockets[1], 'disconnect')]);
        await fetch(`${server.url}/socket.io/?EIO=4&transport=none`);
        await eventually(async () => (await figures(server.url)).sessions === 10, 'two sessions less');
        const after = await figures(server.url);
        assert.deepEqual([after['closed_total{reason="limit"}'], after['closed_total{reason="parse_error"}'], after['refused_total{what="handshake"}'],
            after.disconnected_total, after.queued_bytes, after.redis_gaps_total], [1, 1, 1, 2, 0, 0]);
    });
}

test('/metrics is answered by all workers, even one that asks while another is busy', oursOnly, async (t) => {
    const server = await testbedFor(t, { contract: 'load', workers: WORKERS });
    const [socket] = await crowd(t, server.url, 1, MODES.websocket);

    socket.emit('block', 500, () => {});
    const answers = await Promise.all(Array.from({ length: 8 }, () => figures(server.url)));
    for (const one of answers) assert.deepEqual([one.workers, one.sessions], [WORKERS, 1]);
});

test('connections spread over the workers', oursOnly, async (t) => {
    const server = await testbedFor(t, { contract: 'load', workers: WORKERS });
    const sockets = await crowd(t, server.url, 60, MODES.websocket);
    const answers = await Promise.all(sockets.map((socket) => ask(socket, 'sse', 'whoami', 'x')));
    const others = answers.map(([[id]]) => id % 64);
    const first = others.filter((index) => index === 0).length;

    assert.ok(first >= 12 && first <= 48, `${first} of 60 are on worker 1`);
});

test('a port that another server has is refused', oursOnly, async (t) => {
    const server = await testbedFor(t, { contract: 'load', workers: WORKERS });
    const { status, stderr } = spawnSync(server.child.spawnfile, ['--contract', 'load', '--workers', '2', '--port', String(server.port)], { encoding: 'utf8' });

    assert.equal(status, 1);
    assert.match(stderr, /^testbed: cannot listen on 0\.0\.0\.0 port \d+: address already in use\n$/);
});
