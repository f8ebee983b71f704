import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, beside, client, connected, MODES, ready, upgraded } from '../support/clients.mjs';
import { openSocketSession } from '../support/session.mjs';
import { sharedTestbed, startTestbed, testbedFor } from '../support/testbed.mjs';
import { collect, happens, within } from '../support/waiting.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const AGAIN = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100, timeout: 2000 };

const server = sharedTestbed(CALM);

/* Connected, and on its last transport, so that nothing is under way when the connection is cut. */
async function settled(t, url, options) {
    const socket = await connected(t, url, options);

    if (options.transports.length > 1) await upgraded(socket);
    return socket;
}

for (const [mode, options] of Object.entries(MODES)) {
    describe(`the client over ${mode}`, { concurrency: true }, () => {
        test('that leaves sees `io client disconnect`', async (t) => {
            const socket = await settled(t, server.url, options);
            const gone = happens(socket, 'disconnect');

            socket.disconnect();
            assert.equal((await gone)[0], 'io client disconnect');
        });

        test('that breaks the protocol sees `transport close`', async (t) => {
            const socket = await settled(t, server.url, options);
            const custom = beside(socket, '/custom');

            await ready(custom);
            const gone = [happens(socket, 'disconnect'), happens(custom, 'disconnect')];

            socket.io.engine.write('4{"an":"error"}');
            for (const promise of gone) assert.equal((await promise)[0], 'transport close');
        });

        test('that sends too much is cut off', async (t) => {
            const socket = await settled(t, server.url, options);
            const gone = happens(socket, 'disconnect');

            socket.emit('message', 'x'.repeat(1_000_001));
            assert.equal((await gone)[0], mode === 'polling' ? 'transport error' : 'transport close');
        });

        test('that sends eleven attachments is cut off, ten were fine', async (t) => {
            const socket = await settled(t, server.url, options);
            const gone = happens(socket, 'disconnect');

            socket.emit('message', ...Array.from({ length: 11 }, () => Buffer.from([1])));
            assert.equal((await gone)[0], 'transport close');
        });

        test('of a server that stops sees `transport close`', async (t) => {
            const other = await testbedFor(t, CALM);
            const socket = await settled(t, other.url, options);
            const gone = happens(socket, 'disconnect');

            await other.stop();
            const [reason] = await gone;

            /* Between two polls it finds nobody to ask. */
            assert.ok(reason === 'transport close' || (mode === 'polling' && reason === 'transport error'), reason);
        });

        test('of a server that dies sees it at once', async (t) => {
            const other = await startTestbed(CALM);
            const socket = await settled(t, other.url, options);
            const gone = happens(socket, 'disconnect');

            await other.kill();
            assert.equal((await gone)[0], mode === 'polling' ? 'transport error' : 'transport close');
        });

        test('of a server that froze sees `ping timeout`', async (t) => {
            const other = await startTestbed({ pingInterval: 300, pingTimeout: 500 });
            const socket = await settled(t, other.url, options);
            const gone = happens(socket, 'disconnect');

            other.child.kill('SIGSTOP');
            assert.equal((await gone)[0], 'ping timeout');
            await other.kill();
        });

        test('connects again to a server that was killed and started on its port', async (t) => {
            const first = await startTestbed(CALM);
            const socket = await settled(t, first.url, { ...options, ...AGAIN });
            const { id } = socket;
            const gone = happens(socket, 'disconnect');

            await first.kill();
            await gone;
            for (let i = 0; i < 20; i++) socket.emit('message', i);
            const back = collect(socket, 'message-back', 20);
            const second = await testbedFor(t, { ...CALM, port: first.port });

            if (!socket.connected) await happens(socket, 'connect'); /* attempts may fail before */
            assert.equal(second.port, first.port);
            assert.notEqual(socket.id, id);
            assert.deepEqual((await back).flat(), Array.from({ length: 20 }, (_, i) => i));
        });

        test('connects again with all its namespaces', async (t) => {
            const first = await startTestbed(CALM);
            const socket = await settled(t, first.url, { ...options, ...AGAIN, auth: { who: 'main' } });
            const custom = beside(socket, '/custom', { auth: { who: 'custom' } });

            await ready(custom);
            await first.kill();
            const greetings = [happens(socket, 'auth'), happens(custom, 'auth')];

            await testbedFor(t, { ...CALM, port: first.port });
            assert.deepEqual(await Promise.all(greetings), [[{ who: 'main' }], [{ who: 'custom' }]]);
        });

        test('is not lost while it is idle, ping after ping', async (t) => {
            const quick = await testbedFor(t, { pingInterval: 50, pingTimeout: 2000 });
            const socket = await settled(t, quick.url, options);

            await within(
                new Promise((resolve) => {
                    let pings = 0;

                    socket.io.on('ping', () => ++pings === 10 && resolve());
                }),
                'ten pings',
            );
            assert.ok(socket.connected);
        });
    });

    describe(`the server, of a client over ${mode},`, () => {
        test('forgets it when it leaves', async (t) => {
            const witness = await connected(t, server.url, MODES.websocket);
            const socket = await settled(t, server.url, options);

            await ask(socket, 'clients');
            socket.disconnect();
            while ((await ask(witness, 'clients'))[0] > 1) continue;
        });

        test('forgets it when its connection breaks', async (t) => {
            const witness = await connected(t, server.url, MODES.websocket);
            const socket = await settled(t, server.url, options);

            socket.io.engine.close();
            while ((await ask(witness, 'clients'))[0] > 1) continue;
        });
    });
}

test('the server forgets who no longer answers its pings', async (t) => {
    const quick = await testbedFor(t, { pingInterval: 100, pingTimeout: 800 });
    const witness = await connected(t, quick.url, MODES.websocket);
    const silent = await openSocketSession(quick.port);

    t.after(() => silent.destroy());
    assert.deepEqual(await ask(witness, 'clients'), [2]);
    while ((await ask(witness, 'clients'))[0] > 1) continue;
});

test('a client gives up on a server that is not there', async (t) => {
    const other = await startTestbed(CALM);

    await other.kill();
    const socket = client(t, other.url, { timeout: 1000 });
    const [error] = await happens(socket, 'connect_error');

    assert.ok(error instanceof Error);
});
