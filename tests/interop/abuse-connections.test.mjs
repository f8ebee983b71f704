import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ask, connected, MODES } from '../support/clients.mjs';
import { openSocketSession, openWebSocketSession, POLLING, PollingSession, UNKNOWN_SESSION, WEBSOCKET } from '../support/session.mjs';
import { oursOnly, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { eventually, pause } from '../support/waiting.mjs';
import { upgradeRequest } from '../support/websocket.mjs';
import { request, Wire } from '../support/wire.mjs';
import { alone, undisturbed } from '../support/witness.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const QUICK = { pingInterval: 300, pingTimeout: 800, connectTimeout: 600, upgradeTimeout: 600 };

describe('a connection dropped', () => {
    const server = sharedTestbed(QUICK);
    const path = '/socket.io/';
    const bytes = async (text) => {
        const wire = await Wire.connect(server.port);

        if (text) wire.write(text);
        return wire;
    };
    const stages = {
        'before its first byte': () => bytes(''),
        'inside its first line': () => bytes('GET /socket.io/?EI'),
        'inside its head': () => bytes(`GET ${path}?${POLLING} HTTP/1.1\r\nHost: a\r\nX-Wh`),
        'before its handshake was answered': () => bytes(`GET ${path}?${POLLING} HTTP/1.1\r\nHost: a\r\n\r\n`),
        'before its upgrade was answered': () => bytes(upgradeRequest(`${path}?${WEBSOCKET}`)),
        'right after its upgrade': async () => (await openWebSocketSession(server.port, { path })).wire,
        'inside a frame': async () => {
            const socket = await openWebSocketSession(server.port, { path });

            socket.wire.write(Buffer.from('8185', 'hex'));
            return socket.wire;
        },
        'before it was connected': async () => {
            const socket = await openWebSocketSession(server.port, { path });

            socket.sendText('40');
            return socket.wire;
        },
        'once it was connected': async () => (await openSocketSession(server.port)).wire,
        'between a header and its attachment': async () => {
            const socket = await openSocketSession(server.port);

            socket.sendText('451-["message",{"_placeholder":true,"num":0}]');
            return socket.wire;
        },
        'while it polls': async () => {
            const session = await PollingSession.open(server.port, { path });

            return bytes(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
        },
        'while it posts': async () => {
            const session = await PollingSession.open(server.port, { path });

            return bytes(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n4`);
        },
        'before it probes': async () => (await (await PollingSession.open(server.port, { path })).probe()).wire,
        'while it probes': async () => {
            const probe = await (await PollingSession.open(server.port, { path })).probe();

            probe.sendText('2probe');
            await probe.nextText();
            return probe.wire;
        },
        'after its upgrade': async () => (await (await PollingSession.open(server.port, { path })).upgrade()).wire,
        'after 5 and before the answer to its poll': async () => {
            const session = await PollingSession.open(server.port, { path });
            const poll = await bytes(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);

            (await session.upgrade()).wire.destroy();
            return poll;
        },
    };

    for (const [when, reach] of Object.entries(stages)) {
        for (const how of ['reset', 'destroy', 'end']) {
            test(`${when} (${how}), thirty times, leaves nothing behind`, (t) =>
                undisturbed(t, server, async (witness) => {
                    const wires = await Promise.all(Array.from({ length: 30 }, reach));

                    for (const wire of wires) wire[how]();
                    await alone(witness, 5000);
                    for (const wire of wires) wire.destroy();
                }));
        }
    }

    test('at any stage gives its descriptor back', oursOnly, async () => {
        const descriptors = () => readdirSync(`/proc/${server.server.child.pid}/fd`).length;
        const before = descriptors();

        for (const reach of Object.values(stages)) (await reach()).destroy();
        await eventually(() => descriptors() <= before, 'the descriptors to be closed');
    });
});

describe('session ids', () => {
    const server = sharedTestbed(CALM);

    test('cannot be told from one another', async (t) => {
        const ids = [];

        for (let i = 0; i < 100; i++) {
            const socket = await openSocketSession(server.port);

            ids.push(socket.handshake.sid, socket.connected.sid);
            socket.destroy();
        }
        for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{20}$/);
        assert.equal(new Set(ids).size, 200);
        assert.equal(new Set(ids.map((id) => id.slice(0, 6))).size, 200);
        t.diagnostic(`such as ${ids[0]}`);
    });

    test('are random in every place', oursOnly, async () => {
        const sessions = await Promise.all(Array.from({ length: 200 }, () => PollingSession.open(server.port)));

        for (let place = 0; place < 20; place++) {
            const letters = new Set(sessions.map(({ sid }) => sid[place]));

            assert.ok(letters.size > 40, `${letters.size} letters at ${place}`);
        }
    });

    test('that do not exist are refused as fast as they come', (t) =>
        undisturbed(t, server, async () => {
            const wire = await Wire.connect(server.port);
            const count = 1000;

            t.after(() => wire.destroy());
            for (let i = 0; i < count; i++) {
                wire.write(`GET /engine.io/?${POLLING}&sid=${i.toString(36).padStart(20, '_')} HTTP/1.1\r\nHost: a\r\n\r\n`);
            }
            const refusals = [];

            while (refusals.length < count) refusals.push(await wire.readThrough(UNKNOWN_SESSION));
        }));

    test('of thousands of sessions are all found', oursOnly, (t) =>
        undisturbed(t, server, async () => {
            const sessions = [];

            for (let i = 0; i < 20; i++) {
                sessions.push(...(await Promise.all(Array.from({ length: 100 }, () => PollingSession.open(server.port)))));
            }
            for (let i = 0; i < sessions.length; i += 100) {
                await Promise.all(sessions.slice(i, i + 100).map((session) => session.alive()));
            }
        }));
});

describe('more connections than fit', oursOnly, () => {
    async function openMany(t, port, count) {
        const wires = await Promise.all(
            Array.from({ length: count }, () => Wire.connect(port).catch(() => null)), /* some may be refused */
        );

        t.after(() => wires.forEach((wire) => wire?.destroy()));
        return wires.filter(Boolean);
    }

    test('in descriptors do not make it spin, and it accepts again when some are gone', async (t) => {
        const server = await testbedFor(t, { ...CALM, descriptors: 64, headersTimeout: 60000 });
        const witness = await connected(t, server.url, MODES.websocket);
        const wires = await openMany(t, server.port, 120);
        const before = server.processorTime();

        await pause(600);
        const spent = server.processorTime() - before;

        assert.ok(spent < 200, `${spent} ms of processor time in 600 ms`);
        assert.deepEqual(await ask(witness, 'message-with-ack', 'still here'), ['still here']);
        wires.forEach((wire) => wire.destroy());
        await eventually(
            () => request(server.port, '/healthz', { limit: 1000 }).then(({ status }) => status === 200, () => false),
            'a new connection to be accepted',
        );
        assert.ok(witness.connected);
    });

    test('in the limit are closed, and it accepts again when some are gone', async (t) => {
        const server = await testbedFor(t, { ...CALM, maxConnections: 10, headersTimeout: 60000 });
        const witness = await connected(t, server.url, MODES.websocket);
        const wires = await openMany(t, server.port, 9);

        await ask(witness, 'clients');
        const [extra] = await openMany(t, server.port, 1);

        assert.equal((await extra.readToEnd()).length, 0);
        wires.forEach((wire) => wire.destroy());
        await eventually(
            () => request(server.port, '/healthz', { limit: 1000 }).then(({ status }) => status === 200, () => false),
            'a new connection to be accepted',
        );
        assert.ok(witness.connected);
    });
});
