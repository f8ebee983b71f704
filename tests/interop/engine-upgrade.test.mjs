import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { POLLING, PollingSession, SEPARATOR, UNKNOWN_SESSION } from '../support/session.mjs';
import { oursOnly, reference, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { OPCODE, RawWebSocket } from '../support/websocket.mjs';
import { request, Wire } from '../support/wire.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };

const server = sharedTestbed(CALM);
const open = (options) => PollingSession.open(server.port, options);

/* Opens a session and a probe that was answered. */
async function openProbe(t, options) {
    const session = await open(options);
    const probe = await session.probe();

    t.after(() => probe.destroy());
    probe.sendText('2probe');
    assert.equal((await probe.next()).bytes.toString('hex'), '8106' + Buffer.from('3probe').toString('hex'));
    return { session, probe };
}

async function assertEchoes(socket, text) {
    socket.sendText(text);
    assert.equal(await socket.nextText(), text);
}

describe('the upgrade', { concurrency: true }, () => {
    test('moves the session to the websocket', async (t) => {
        const { session, probe } = await openProbe(t);

        probe.sendText('5');
        await assertEchoes(probe, '4moved');
        for (const method of ['GET', 'POST']) {
            const response = await request(server.port, session.target, { method, body: method === 'POST' ? '4x' : undefined });

            assert.deepEqual([response.status, response.body], [400, '{"code":3,"message":"Bad request"}']);
        }
        await assertEchoes(probe, '4still');
    });

    test('answers each waiting GET with a noop while it is under way', async (t) => {
        const { session } = await openProbe(t);

        for (let i = 0; i < 4; i++) {
            const start = performance.now();

            assert.equal((await session.get()).body, '6');
            assert.ok(performance.now() - start < 1000);
        }
    });

    test('answers a GET that waited before the probe came', async (t) => {
        const session = await open();
        const poll = session.get();
        const probe = await session.probe();

        t.after(() => probe.destroy());
        probe.sendText('2probe');
        assert.equal((await poll).body, '6');
    });

    test('keeps what is queued for the websocket, in order', async (t) => {
        const { session, probe } = await openProbe(t);

        await session.send(['4a', 'bAQID', '4b'].join(SEPARATOR));
        probe.sendText('5');
        assert.equal(await probe.nextText(), '4a');
        assert.equal((await probe.next()).bytes.toString('hex'), '8203010203');
        assert.equal(await probe.nextText(), '4b');
    });

    test('leaves the session on polling until it is complete', async (t) => {
        const { session, probe } = await openProbe(t);

        await session.send('4x');
        assert.equal(await session.next(), '4x');
        assert.equal(probe.wire.pending.length, 0);
        probe.sendText('5');
        await assertEchoes(probe, '4y');
    });

    test('answers a second 2probe again', async (t) => {
        const { probe } = await openProbe(t);

        probe.sendText('2probe');
        assert.equal(await probe.nextText(), '3probe');
        probe.sendText('5');
        await assertEchoes(probe, '4x');
    });

    test('ends a GET that still waits when it completes', async (t) => {
        const { session, probe } = await openProbe(t);

        /* Just after a noop, so that the next one is 100 ms away. */
        await session.get();
        const poll = await Wire.connect(server.port);

        poll.write(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await request(server.port, '/healthz');
        probe.sendText('5');
        const { status, body } = await poll.readResponse();

        assert.equal(status, 200);
        assert.ok(body === '6' || (reference && body === '1'), body);
        poll.destroy();
        await assertEchoes(probe, '4x');
    });

    test('is served although the session began with b64', async (t) => {
        const { probe } = await openProbe(t, { query: '&b64=1' });

        probe.sendText('5');
        await assertEchoes(probe, '4x');
    });
});

describe('a probe', { concurrency: true }, () => {
    for (const packet of ['2', '2prob', '2probes', '4x', '3probe', '1', '6', 'x', '']) {
        test(`that says ${JSON.stringify(packet)} is closed, the session goes on`, async (t) => {
            const session = await open();
            const probe = await session.probe();

            t.after(() => probe.destroy());
            probe.sendText(packet);
            assert.equal(await probe.closeFrame(), '');
            await session.alive();
        });
    }

    test('that says something else after 2probe is closed, the session goes on', async (t) => {
        const { session, probe } = await openProbe(t);

        probe.sendText('4x');
        assert.equal(await probe.closeFrame(), '');
        await session.alive();
    });

    test('that says nothing is closed after the time-out, the session goes on and may try again', async (t) => {
        const hasty = await testbedFor(t, { ...CALM, upgradeTimeout: 200 });
        const session = await PollingSession.open(hasty.port);
        const probe = await session.probe();

        assert.equal(await probe.closeFrame(), '');
        probe.destroy();
        await session.alive();
        const second = await session.upgrade();

        await assertEchoes(second, '4x');
        second.destroy();
    });

    test('that was answered and then says nothing is closed after the time-out too', async (t) => {
        const hasty = await testbedFor(t, { ...CALM, upgradeTimeout: 200 });
        const session = await PollingSession.open(hasty.port);
        const probe = await session.probe();

        probe.sendText('2probe');
        assert.equal(await probe.nextText(), '3probe');
        assert.equal(await probe.closeFrame(), '');
        probe.destroy();
        await session.alive();
    });

    for (const how of ['reset', 'end', 'destroy']) {
        test(`that is dropped (${how}) leaves the session on polling, which may try again`, async (t) => {
            const { session, probe } = await openProbe(t);

            probe.wire[how]();
            await session.alive();
            probe.destroy();
            let second;

            do {
                /* Until the server noticed, a new probe is the second one, and is closed. */
                second?.destroy();
                second = await session.probe();
                second.sendText('2probe');
            } while ((await second.next()).opcode === OPCODE.close);
            second.sendText('5');
            await assertEchoes(second, '4x');
            second.destroy();
        });
    }

    test('that sends too much gets 1009, the session goes on', async (t) => {
        const { session, probe } = await openProbe(t);

        probe.send(OPCODE.text, '', { announced: 1_000_001 });
        assert.equal(await probe.closeCode(), 1009);
        await session.alive();
    });

    test('that breaks the framing gets 1002, the session goes on', async (t) => {
        const session = await open();
        const probe = await session.probe();

        t.after(() => probe.destroy());
        probe.send(OPCODE.text, '2probe', { rsv: 4 });
        assert.equal(await probe.closeCode(), 1002);
        await session.alive();
    });

    test('beside another is closed, the first goes on', async (t) => {
        const { session, probe } = await openProbe(t);
        const second = await session.probe();

        assert.equal(await second.closeFrame(), '');
        second.destroy();
        probe.sendText('5');
        await assertEchoes(probe, '4x');
    });

    test('after the upgrade is closed, the session goes on', async (t) => {
        const { session, probe } = await openProbe(t);

        probe.sendText('5');
        const second = await session.probe();

        assert.equal(await second.closeFrame(), '');
        second.destroy();
        await assertEchoes(probe, '4x');
    });

    test('is closed when its session is closed by the client', async (t) => {
        const { session, probe } = await openProbe(t);

        await session.send('1');
        assert.equal(await probe.closeFrame(), '');
        await session.gone();
    });

    test('is closed when its session breaks', async (t) => {
        const { session, probe } = await openProbe(t);

        await session.send('9');
        assert.equal(await probe.closeFrame(), '');
    });

    test('gets nothing of a session that is closing, and 5 ends both', async (t) => {
        const { session, probe } = await openProbe(t, { path: '/socket.io/' });

        await session.send('4broken');
        probe.sendText('5');
        assert.equal(await probe.closeFrame(), '');
        const response = await session.get();

        assert.deepEqual([response.status, response.body], [400, UNKNOWN_SESSION]);
    });

    test('may say 5 at once, as in Node', async (t) => {
        const session = await open();
        const probe = await session.probe();

        t.after(() => probe.destroy());
        probe.sendText('5');
        probe.sendText('4x');
        const frame = await probe.next();

        /* A stricter server closes the probe. */
        if (frame.opcode === OPCODE.close) await session.alive();
        else assert.equal(frame.text, '4x');
    });

    test('sent together with its request is not lost', oursOnly, async (t) => {
        const session = await open();
        const probe = await RawWebSocket.open(server.port, session.websocketTarget, {}, '2probe');

        t.after(() => probe.destroy());
        assert.equal(await probe.nextText(), '3probe');
    });
});

test('a server without upgrades says so', async (t) => {
    const polling = await testbedFor(t, { ...CALM, transports: 'polling' });
    const response = await request(polling.port, `/engine.io/?${POLLING}`);

    assert.deepEqual(JSON.parse(response.body.slice(1)).upgrades, []);
});
