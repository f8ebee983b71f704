import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { POLLING, PollingSession, SEPARATOR, UNKNOWN_SESSION, WEBSOCKET } from '../support/session.mjs';
import { oursOnly, reference, sharedTestbed } from '../support/testbed.mjs';
import { pause } from '../support/waiting.mjs';
import { upgradeRequest } from '../support/websocket.mjs';
import { Wire } from '../support/wire.mjs';
import { undisturbed } from '../support/witness.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const HASTY = { headersTimeout: 300, requestTimeout: 300 };

const server = sharedTestbed({ ...CALM, ...HASTY, isMeasured: true });
const HANDSHAKE = `GET /engine.io/?${POLLING} HTTP/1.1\r\nHost: a\r\n`;

async function connect(t) {
    const wire = await Wire.connect(server.port);

    t.after(() => wire.destroy());
    return wire;
}

/* Writes the pieces with a little time between them until the server has had enough. */
async function trickle(wire, start, piece) {
    wire.write(start);
    while (!wire.ended) {
        wire.write(piece);
        await pause(20);
    }
}

async function statusOf(t, head) {
    const wire = await connect(t);

    wire.write(head);
    return (await wire.readHead()).status;
}

describe('a client that takes its time', { concurrency: true }, () => {
    test('over the head is cut off', (t) =>
        undisturbed(t, server, async () => trickle(await connect(t), HANDSHAKE, 'X: y\r\n')));

    test('over the first line is cut off', (t) =>
        undisturbed(t, server, async () => trickle(await connect(t), 'GET /', 'a')));

    test('over its very first byte is cut off', (t) =>
        undisturbed(t, server, async () => {
            await (await connect(t)).readToEnd();
        }));

    test('over the head of an upgrade is cut off', (t) =>
        undisturbed(t, server, async () => {
            const head = upgradeRequest(`/engine.io/?${WEBSOCKET}`).slice(0, -2);

            await trickle(await connect(t), head, 'X: y\r\n');
        }));

    test('over a body is cut off', (t) =>
        undisturbed(t, server, async () => {
            const session = await PollingSession.open(server.port);
            const head = `POST ${session.target} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n4`;

            await trickle(await connect(t), head, 'x');
        }));

    test('over a chunked body is cut off', (t) =>
        undisturbed(t, server, async () => {
            const session = await PollingSession.open(server.port);
            const head = `POST ${session.target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n4\r\n`;

            await trickle(await connect(t), head, '1\r\nx\r\n');
        }));

    test('over a second request on its connection is cut off', (t) =>
        undisturbed(t, server, async () => {
            const wire = await connect(t);

            wire.write(`${HANDSHAKE}\r\n`);
            await wire.readResponse();
            await trickle(wire, HANDSHAKE, 'X: y\r\n');
        }));

    test('but a poll that waits is not', async (t) => {
        const session = await PollingSession.open(server.port);
        const wire = await connect(t);

        wire.write(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await pause(HASTY.requestTimeout * 3);
        await session.send('4after all');
        assert.equal((await wire.readResponse()).body, '4after all');
    });
});

describe('a head', () => {
    test('of more than 16 KB is refused', async (t) => {
        assert.equal(await statusOf(t, `${HANDSHAKE}X: ${'y'.repeat(17 * 1024)}\r\n\r\n`), 431);
    });

    test('that never ends is refused without being kept', (t) =>
        undisturbed(t, server, async () => {
            const wire = await connect(t);
            const before = server.memory();

            wire.write(HANDSHAKE);
            for (let i = 0; i < 200 && !wire.ended; i++) {
                wire.write(`X: ${'y'.repeat(100_000)}`);
                await new Promise(setImmediate);
            }
            assert.match((await wire.readToEnd()).toString(), /^(HTTP\/1\.1 431 |$)/);
            if (!reference) assert.ok(server.memory() - before < 4 * 2 ** 20);
        }));

    test('of 100 headers is accepted, of 101 refused', oursOnly, async (t) => {
        const head = (count) => `${HANDSHAKE}${'X: y\r\n'.repeat(count - 1)}\r\n`;

        assert.equal(await statusOf(t, head(100)), 200);
        assert.equal(await statusOf(t, head(101)), 431);
    });

    test('of 101 headers makes no upgrade either', oursOnly, async (t) => {
        const head = upgradeRequest(`/engine.io/?${WEBSOCKET}`).slice(0, -2);

        assert.equal(await statusOf(t, `${head}${'X: y\r\n'.repeat(101)}\r\n`), 431);
    });

    test('with a target of 8 KB is accepted, with a longer one refused', oursOnly, async (t) => {
        const target = (length) => `/engine.io/?${POLLING}&x=`.padEnd(length, 'y');

        assert.equal(await statusOf(t, `GET ${target(8192)} HTTP/1.1\r\nHost: a\r\n\r\n`), 200);
        assert.equal(await statusOf(t, `GET ${target(8193)} HTTP/1.1\r\nHost: a\r\n\r\n`), 414);
    });

    test('without a Host is refused', async (t) => {
        assert.equal(await statusOf(t, HANDSHAKE.replace('Host: a\r\n', '\r\n')), 400);
    });

    test('without a Host makes no upgrade either', oursOnly, async (t) => {
        assert.equal(await statusOf(t, upgradeRequest(`/engine.io/?${WEBSOCKET}`, { Host: null })), 400);
    });

    test('with two Hosts is refused, on an upgrade too', oursOnly, async (t) => {
        assert.equal(await statusOf(t, `${HANDSHAKE}Host: b\r\n\r\n`), 400);
        assert.equal(await statusOf(t, upgradeRequest(`/engine.io/?${WEBSOCKET}`, { host: 'b' })), 400);
    });

    for (const [what, head] of [
        ['that is no HTTP', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n'],
        ['with a blank before the colon', `${HANDSHAKE}Content-Length : 5\r\n\r\n`],
        ['with a length and chunks', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`],
        ['with two lengths', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n`],
        ['with a negative length', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n`],
        ['with a length of 2^64', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n`],
    ]) {
        test(`${what} is refused`, async (t) => {
            assert.equal(await statusOf(t, head), 400);
        });
    }
});

describe('a body', () => {
    test('with chunk extensions without end is cut off', (t) =>
        undisturbed(t, server, async () => {
            const session = await PollingSession.open(server.port);
            const wire = await connect(t);

            wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;`);
            for (let i = 0; i < 40 && !wire.ended; i++) wire.write('x'.repeat(1024));
            assert.match((await wire.readToEnd()).toString(), /^(HTTP\/1\.1 4\d\d |$)/);
        }));

    test('with a little extension on each of many chunks is cut off', (t) =>
        undisturbed(t, server, async () => {
            const session = await PollingSession.open(server.port);
            const wire = await connect(t);

            wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
            for (let i = 0; i < 40 && !wire.ended; i++) wire.write(`1;${'x'.repeat(1020)}\r\nx\r\n`);
            assert.match((await wire.readToEnd()).toString(), /^(HTTP\/1\.1 4\d\d |$)/);
        }));

    test('of 10 000 packets is accepted, of one more closes the session', oursOnly, async () => {
        const session = await PollingSession.open(server.port);
        const noops = (count) => Array(count).fill('6').join(SEPARATOR);

        await session.send(noops(10_000));
        await session.alive();
        await session.post(noops(10_001));
        assert.equal((await session.get()).body, UNKNOWN_SESSION);
    });

    test('of nothing but separators closes its session only', (t) =>
        undisturbed(t, server, async () => {
            const session = await PollingSession.open(server.port);

            await session.post(SEPARATOR.repeat(900_000));
            await session.gone();
        }));
});

test('pipelined requests are answered one after the other, and cost little', oursOnly, (t) =>
    undisturbed(t, server, async () => {
        const wire = await connect(t);
        const before = server.memory();
        const count = 2000;

        for (let i = 0; i < count; i++) wire.write(`GET /engine.io/?${POLLING}&sid=${String(i).padStart(20, 'A')} HTTP/1.1\r\nHost: a\r\n\r\n`);
        for (let i = 0; i < count; i++) {
            const { status, body } = await wire.readResponse();

            assert.deepEqual([status, body], [400, UNKNOWN_SESSION]);
        }
        assert.ok(server.memory() - before < 4 * 2 ** 20);
    }));
