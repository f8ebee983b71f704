/* Behind the balancers that people use, as examples/deploy sets them up. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';
import { balancer } from '../support/balancer.mjs';
import { ask, client, connected, MODES, ready, upgraded } from '../support/clients.mjs';
import { member } from '../support/cluster.mjs';
import { redisFor } from '../support/redis.mjs';
import { UNKNOWN_SESSION } from '../support/session.mjs';
import { testbedFor } from '../support/testbed.mjs';
import { collect, happens } from '../support/waiting.mjs';

const CLIENTS = 12;
const CROWD = 52;

async function twoServers(t, options) {
    return Promise.all([testbedFor(t, options), testbedFor(t, options)]);
}

for (const name of ['nginx-sticky.conf', 'haproxy-sticky.cfg']) {
    describe(name, () => {
        for (const [mode, transports] of Object.entries(MODES)) {
            test(`clients over ${mode} connect, speak and stay`, async (t) => {
                const url = await balancer(t, name, await twoServers(t, { contract: 'load' }));
                const options = { ...transports, withCredentials: true };
                const sockets = await Promise.all(Array.from({ length: CLIENTS }, () => connected(t, url, options)));
                const left = [];

                for (const socket of sockets) socket.on('disconnect', (reason) => left.push(reason));
                if (mode === 'upgrade') await Promise.all(sockets.map(upgraded));
                for (let round = 0; round < 5; round++) {
                    const answers = await Promise.all(sockets.map((socket, i) => ask(socket, 'ack', `${round} ${i}`)));
                    assert.deepEqual(answers, sockets.map((_, i) => [`${round} ${i}`]));
                }
                assert.deepEqual(left, []);
            });
        }
    });
}

for (const name of ['nginx-websocket.conf', 'haproxy-websocket.cfg']) {
    test(`${name}: clients over websocket connect to both servers`, async (t) => {
        const servers = await twoServers(t, { contract: 'load' });
        const url = await balancer(t, name, servers);
        const sockets = await Promise.all(Array.from({ length: CLIENTS }, () => connected(t, url, MODES.websocket)));

        await Promise.all(sockets.map((socket) => ask(socket, 'join', 'here')));
        const counts = await Promise.all(
            servers.map(async (server) => {
                const witness = await connected(t, server.url, MODES.websocket);

                return (await ask(witness, 'fetch', 'here'))[0].length;
            }),
        );
        assert.equal(counts[0] + counts[1], CLIENTS);
        assert.ok(counts[0] > 0 && counts[1] > 0, `${counts}`);
    });
}

/* Clients of both servers in turns, each in one of four rooms. */
async function crowd(t, url, mode) {
    const sockets = await Promise.all(Array.from({ length: CROWD }, () => connected(t, url, MODES[mode])));

    if (mode === 'upgrade') await Promise.all(sockets.map(upgraded));
    await Promise.all(sockets.map((socket, i) => ask(socket, 'join', `room ${i % 4}`)));
    return sockets;
}

for (const name of ['nginx-roundrobin.conf', 'haproxy-roundrobin.cfg']) {
    describe(`${name}: servers that forward`, () => {
        for (const mode of ['polling', 'upgrade']) {
            test(`serve clients over ${mode} wherever a request goes, rooms across servers included`, async (t) => {
                const redis = await redisFor(t);
                const servers = await Promise.all([0, 1].map(() => member(t, redis, { forward: true })));
                const url = await balancer(t, name, servers);
                const sockets = await crowd(t, url, mode);
                const left = [];

                for (const socket of sockets) socket.on('disconnect', (reason) => left.push(reason));
                for (let round = 0; round < 3; round++) {
                    const answers = await Promise.all(sockets.map((socket, i) => ask(socket, 'ack', `${round} ${i}`)));
                    assert.deepEqual(answers, sockets.map((_, i) => [`${round} ${i}`]));
                }
                const heard = sockets.map((socket) => collect(socket, 'room', CROWD / 4));

                sockets.forEach((socket, i) => socket.emit('room', `room ${i % 4}`, i));
                for (const [i, messages] of (await Promise.all(heard)).entries()) {
                    const numbers = messages.flat().sort((a, b) => a - b);
                    assert.deepEqual(numbers, sockets.map((_, j) => j).filter((j) => j % 4 === i % 4));
                }
                assert.deepEqual(left, []);
            });
        }
    });

    test(`${name}: servers that do not forward refuse a client that polls, and it is told why`, async (t) => {
        const redis = await redisFor(t);
        const url = await balancer(t, name, await Promise.all([0, 1].map(() => member(t, redis, {}))));
        const socket = client(t, url, MODES.polling);
        const told = {};

        socket.on('connect_error', ({ message, description, context }) =>
            Object.assign(told, { message, status: description, body: context.responseText }),
        );
        await happens(socket, 'connect_error');
        assert.match(told.message, /^xhr po(st|ll) error$/);
        assert.deepEqual([told.status, told.body], [400, UNKNOWN_SESSION]);
    });
}

/* The handshake of a client that comes from another address than the proxy, and lies about it. */
async function handshakeFrom(t, url, address) {
    const socket = client(t, url, {
        transports: ['polling'],
        withCredentials: true,
        agent: new http.Agent({ localAddress: address, keepAlive: true }),
        extraHeaders: { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'https' },
    });

    await ready(socket);
    return (await ask(socket, 'getHandshake'))[0];
}

for (const name of ['nginx-sticky.conf', 'haproxy-sticky.cfg']) {
    test(`${name}: a trusted proxy names the client, whatever the client says`, async (t) => {
        const url = await balancer(t, name, await twoServers(t, { contract: 'client', trustedProxies: '127.0.0.1,::1' }));
        const handshake = await handshakeFrom(t, url, '127.0.0.2');

        assert.equal(handshake.address, '127.0.0.2');
        assert.equal(handshake.secure, false);
    });

    test(`${name}: a proxy that is not trusted is the client`, async (t) => {
        const url = await balancer(t, name, await twoServers(t, { contract: 'client', trustedProxies: '10.0.0.0/8' }));
        const handshake = await handshakeFrom(t, url, '127.0.0.2');

        assert.equal(handshake.address, '127.0.0.1');
        assert.equal(handshake.secure, false);
    });
}

test('a trusted proxy says that a client came over TLS', async (t) => {
    const server = await testbedFor(t, { contract: 'client', trustedProxies: '127.0.0.1' });
    const handshake = await handshakeFrom(t, server.url, '127.0.0.1');

    assert.equal(handshake.address, '203.0.113.7');
    assert.equal(handshake.secure, true);
});
