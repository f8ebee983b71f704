import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openWebSocketSession, PollingSession } from '../support/session.mjs';
import { sharedTestbed } from '../support/testbed.mjs';
import { pause } from '../support/waiting.mjs';

const INTERVAL = 400;
const TIMEOUT = 300;
/* Our clock starts a little after the server's; and the machine may be busy. */
const EARLY = 60;
const LATE = 700;

const server = sharedTestbed({ pingInterval: INTERVAL, pingTimeout: TIMEOUT, connectTimeout: 45000 });

/* Tells how long ago it was called; each reading must lie at the expected time. */
function stopwatch() {
    let start = performance.now();

    return {
        restart: () => (start = performance.now()),
        expect: (ms) => {
            const passed = performance.now() - start;

            assert.ok(passed > ms - EARLY && passed < ms + LATE, `${passed} ms instead of ${ms}`);
        },
    };
}

async function open(t) {
    const socket = await openWebSocketSession(server.port);

    t.after(() => socket.destroy());
    return socket;
}

describe('the heartbeat over websocket', { concurrency: true }, () => {
    test('pings after the interval, and closes after the time-out', async (t) => {
        const socket = await open(t);
        const clock = stopwatch();

        assert.equal((await socket.next()).bytes.toString('hex'), '810132');
        clock.expect(INTERVAL);
        clock.restart();
        assert.equal((await socket.next()).bytes.toString('hex'), '8800');
        clock.expect(TIMEOUT);
    });

    test('pings again an interval after the pong', async (t) => {
        const socket = await open(t);

        for (let i = 0; i < 3; i++) {
            assert.equal(await socket.nextText(), '2');
            await pause(100);
            socket.sendText('3');
            const clock = stopwatch();

            if (i < 2) continue;
            assert.equal(await socket.nextText(), '2');
            clock.expect(INTERVAL);
        }
    });

    test('pings a busy connection as well', async (t) => {
        const socket = await open(t);
        const clock = stopwatch();
        let text;

        do {
            socket.sendText('4busy');
            text = await socket.nextText();
        } while (text === '4busy');
        assert.equal(text, '2');
        clock.expect(INTERVAL);
    });

    test('begins anew with a pong that nobody asked for', async (t) => {
        const socket = await open(t);

        await pause(INTERVAL / 2);
        socket.sendText('3');
        const clock = stopwatch();

        assert.equal(await socket.nextText(), '2');
        clock.expect(INTERVAL);
    });

    test('waits once more for the pong when another packet comes, and only once', async (t) => {
        const socket = await open(t);

        assert.equal(await socket.nextText(), '2');
        await pause(TIMEOUT / 2);
        socket.sendText('6');
        const clock = stopwatch();
        const more = setInterval(() => socket.sendText('6'), TIMEOUT / 6);

        t.after(() => clearInterval(more));
        assert.equal(await socket.closeFrame(), '');
        clock.expect(TIMEOUT);
    });

    test('is content with a pong that carries data', async (t) => {
        const socket = await open(t);

        assert.equal(await socket.nextText(), '2');
        socket.sendText('3data');
        assert.equal(await socket.nextText(), '2');
    });
});

describe('the heartbeat over polling', { concurrency: true }, () => {
    test('pings in a GET, and closes with a GET after the time-out', async () => {
        const session = await PollingSession.open(server.port);
        const clock = stopwatch();

        assert.equal((await session.get()).body, '2');
        clock.expect(INTERVAL);
        clock.restart();
        assert.equal((await session.get()).body, '1');
        clock.expect(TIMEOUT);
        await session.gone();
    });

    test('closes without a GET', async () => {
        const session = await PollingSession.open(server.port);

        await pause(INTERVAL + TIMEOUT + LATE);
        assert.ok(await session.isGone());
    });

    test('goes on with each pong', async () => {
        const session = await PollingSession.open(server.port);

        for (let i = 0; i < 3; i++) {
            assert.equal((await session.get()).body, '2');
            await session.send('3');
        }
    });

    test('keeps a session that was upgraded while a pong was due', async (t) => {
        const session = await PollingSession.open(server.port);

        assert.equal((await session.get()).body, '2');
        const socket = await session.upgrade();

        t.after(() => socket.destroy());
        socket.sendText('3');
        for (let i = 0; i < 2; i++) {
            assert.equal(await socket.nextText(), '2');
            socket.sendText('3');
        }
    });

    test('pings on polling while a probe is under way', async (t) => {
        const session = await PollingSession.open(server.port);
        const probe = await session.probe();

        t.after(() => probe.destroy());
        probe.sendText('2probe');
        assert.equal(await probe.nextText(), '3probe');
        let packet;

        do packet = await session.next();
        while (packet === '6');
        assert.equal(packet, '2');
        assert.equal(probe.wire.pending.length, 0);
    });
});
