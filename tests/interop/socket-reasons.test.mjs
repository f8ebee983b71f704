/*
 * Why a client left, as the server's application is told. The testbed says it with the event `reasons`(ack) of contract
 * `protocol`: ack([[socket id, reason], …]) for those that left the main namespace since it was last asked.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, connected, MODES } from '../support/clients.mjs';
import { openSocketSession, PollingSession } from '../support/session.mjs';
import { oursOnly, ownerOf, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { eventually } from '../support/waiting.mjs';
import { OPCODE } from '../support/websocket.mjs';
import { request, Wire } from '../support/wire.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const FATAL = '4{"no":"packet"}';

/* Connected by hand over polling, nothing queued. */
async function openPolling(port) {
    const session = await PollingSession.open(port, { path: '/socket.io/' });
    let packet;

    await session.send('40');
    do {
        packet = await session.next();
        if (packet.startsWith('40')) session.connected = JSON.parse(packet.slice(2));
    } while (!packet.startsWith('42["auth"'));
    return session;
}

/* The same, and then upgraded. */
async function openUpgraded(port) {
    const session = await openPolling(port);
    const socket = await session.upgrade();

    await socket.barrier();
    return Object.assign(socket, { connected: session.connected });
}

async function beginPoll(session) {
    const wire = await Wire.connect(session.port);

    wire.write(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await request(session.port, '/healthz');
    return wire;
}

async function beginPost(session) {
    const wire = await Wire.connect(session.port);

    wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n4`);
    await request(session.port, '/healthz');
    return wire;
}

/* Node's server takes the end of the connection for the end, not the close frame. */
async function closeInOrder(socket, payload) {
    socket.send(OPCODE.close, payload);
    await socket.wire.readToEnd();
    socket.wire.end();
}

const over = {
    websocket: {
        'client namespace disconnect': {
            'leaves the namespace': (socket) => socket.sendText('41'),
        },
        'transport close': {
            'closes with 1000': (socket) => closeInOrder(socket, Buffer.from('03e8', 'hex')),
            'closes without a status': (socket) => closeInOrder(socket),
            'resets the connection': (socket) => socket.wire.reset(),
            'ends the connection': (socket) => socket.wire.end(),
        },
        'transport error': {
            'sends an unmasked frame': (socket) => socket.send(OPCODE.text, '4x', { mask: false }),
            'sends more than the limit': (socket) => socket.send(OPCODE.text, '', { announced: 1_000_001 }),
            'sends text that is no UTF-8': (socket) => socket.send(OPCODE.text, Buffer.from([0x34, 0xff])),
            'sends a ping of Engine.IO': (socket) => socket.sendText('2'),
        },
        'parse error': {
            'sends no packet of Engine.IO': (socket) => socket.sendText('9'),
        },
        'forced close': {
            'sends no packet of Socket.IO': (socket) => socket.sendText(FATAL),
            'connects twice': (socket) => socket.sendText('40'),
            'sends binary that nobody waits for': (socket) => socket.send(OPCODE.binary, 'x'),
        },
    },
    polling: {
        'client namespace disconnect': {
            'leaves the namespace': (session) => session.send('41'),
        },
        'transport close': {
            'closes': (session) => session.send('1'),
        },
        'transport error': {
            'drops its poll': async (session) => (await beginPoll(session)).reset(),
            'drops its post': async (session) => (await beginPost(session)).reset(),
            'polls twice': (session) => Promise.all([session.get(), session.get()]),
            'posts twice': async (session) => {
                const first = await beginPost(session);

                await session.post('4x');
                first.destroy();
            },
            'posts octets': (session) => session.post('x', { headers: { 'Content-Type': 'application/octet-stream' } }),
            'sends a ping of Engine.IO': (session) => session.send('2'),
        },
        'parse error': {
            'sends no packet of Engine.IO': (session) => session.send('9'),
        },
        'forced close': {
            'sends no packet of Socket.IO while it polls': async (session) => {
                const poll = await beginPoll(session);

                await session.send(FATAL);
                poll.destroy();
            },
            'sends no packet of Socket.IO, and polls twice after it': async (session) => {
                await session.send(FATAL);
                await session.get();
            },
        },
        'forced server close': {
            'connects twice while it does not poll': async (session) => {
                await session.send('40');
                await session.get();
            },
        },
    },
};

/* How a client of each transport comes, and which server has it. */
const ways = {
    websocket: { open: openSocketSession, at: (port) => port, reasons: over.websocket },
    'an upgraded connection': { open: openUpgraded, at: ownerOf, reasons: over.websocket },
    polling: { open: openPolling, at: ownerOf, reasons: over.polling },
};

describe('the server is told', () => {
    const server = sharedTestbed(CALM);

    for (const [transport, { open, at, reasons }] of Object.entries(ways)) {
        for (const [reason, acts] of Object.entries(reasons)) {
            for (const [what, act] of Object.entries(acts)) {
                test(`\`${reason}\` of a client on ${transport} that ${what}`, async (t) => {
                    const witness = await connected(t, `http://127.0.0.1:${at(server.port)}`, MODES.websocket);
                    const leaver = await open(server.port);
                    const id = leaver.connected.sid;

                    t.after(() => leaver.destroy?.());
                    await act(leaver);
                    assert.equal(await reasonOf(witness, id), reason);
                });
            }
        }
    }
});

/* What the server says why this socket left. */
async function reasonOf(witness, id) {
    let found;

    await eventually(async () => {
        const [reasons] = await ask(witness, 'reasons');

        found = reasons.find(([other]) => other === id);
        return found !== undefined;
    }, 'the reason');
    return found[1];
}

test('the server is told `ping timeout` of a client that does not answer', async (t) => {
    const other = await testbedFor(t, { pingInterval: 100, pingTimeout: 800 });
    const witness = await connected(t, other.url, MODES.websocket);
    const silent = await openSocketSession(other.port);

    t.after(() => silent.destroy());
    assert.equal(await reasonOf(witness, silent.connected.sid), 'ping timeout');
});

test('the server is told `ping timeout` of a client that does not even poll', async (t) => {
    const other = await testbedFor(t, { pingInterval: 100, pingTimeout: 800 });
    const witness = await connected(t, `http://127.0.0.1:${ownerOf(other.port)}`, MODES.websocket);
    const silent = await openPolling(other.port);

    assert.equal(await reasonOf(witness, silent.connected.sid), 'ping timeout');
});

test('the server is told `transport error` of a client that does not read', oursOnly, async (t) => {
    const other = await testbedFor(t, { ...CALM, maxBuffered: 2 ** 20 });
    const witness = await connected(t, other.url, MODES.websocket);
    const deaf = await openSocketSession(other.port);

    deaf.wire.socket.pause();
    t.after(() => deaf.destroy());
    for (let i = 0; i < 60; i++) await ask(witness, 'burst', 5, 100_000);
    assert.equal(await reasonOf(witness, deaf.connected.sid), 'transport error');
});
