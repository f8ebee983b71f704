import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connected, MODES } from '../support/clients.mjs';
import { openSocketSession, openWebSocketSession, POLLING, PollingSession } from '../support/session.mjs';
import { oursOnly, startTestbed } from '../support/testbed.mjs';
import { happens } from '../support/waiting.mjs';
import { Wire } from '../support/wire.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };

/* In every state a connection can be in when the server is told to stop. */
const states = {
    'nobody': async () => {},
    'a silent connection': (port) => Wire.connect(port),
    'half a head': async (port) => (await Wire.connect(port)).write('GET / HT'),
    'half a body': async (port) => {
        const session = await PollingSession.open(port);

        (await Wire.connect(port)).write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4`);
    },
    'an idle connection': async (port) => {
        const wire = await Wire.connect(port);

        wire.write(`GET /engine.io/?${POLLING} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await wire.readResponse();
    },
    'a poll that waits': async (port) => {
        const session = await PollingSession.open(port);

        (await Wire.connect(port)).write(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    },
    'a session without a poll': (port) => PollingSession.open(port),
    'a websocket': (port) => openWebSocketSession(port),
    'a socket': (port) => openSocketSession(port),
    'half a frame': async (port) => (await openWebSocketSession(port)).wire.write(Buffer.from('81', 'hex')),
    'a probe': async (port) => (await PollingSession.open(port)).probe(),
    'an attachment that is due': async (port) => (await openSocketSession(port)).sendText('451-["a"]'),
};

describe('SIGTERM', { concurrency: true }, () => {
    for (const [what, arrange] of Object.entries(states)) {
        test(`with ${what} ends with 0`, async () => {
            const server = await startTestbed(CALM);

            await arrange(server.port);
            await server.stop();
        });
    }

    test('twice ends with 0 too', async () => {
        const server = await startTestbed(CALM);

        await openSocketSession(server.port);
        server.child.kill('SIGTERM');
        await server.stop();
    });

    test('tells every client, and lets nobody in', async (t) => {
        const server = await startTestbed(CALM);
        const sockets = await Promise.all(Array.from({ length: 20 }, () => connected(t, server.url, MODES.websocket)));
        const reasons = sockets.map((socket) => happens(socket, 'disconnect'));

        await server.stop();
        for (const reason of reasons) assert.equal((await reason)[0], 'transport close');
        await assert.rejects(Wire.connect(server.port));
    });

    test('on SIGINT it is the same', async () => {
        const server = await startTestbed(CALM);

        await openSocketSession(server.port);
        server.child.kill('SIGINT');
        assert.deepEqual(await server.exited, { code: 0, signal: null });
    });
});

describe('the start', oursOnly, () => {
    test('on a busy port says so and fails', async (t) => {
        const server = await startTestbed(CALM);

        t.after(() => server.stop());
        await assert.rejects(startTestbed({ ...CALM, port: server.port }), /address already in use/i);
    });

    test('with an option that is not there fails', async () => {
        await assert.rejects(startTestbed({ nonsense: 1 }), /ended/);
    });
});
