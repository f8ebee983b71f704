import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask, client, connected, upgraded } from '../support/clients.mjs';
import { startProxy } from '../support/proxy.mjs';
import { reference, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { collect, happens } from '../support/waiting.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const COUNT = 500;
const notOfReference = { skip: reference && 'a contract that the reference does not have' };

const NUMBERS = Array.from({ length: COUNT }, (_, i) => i);

/* One message each millisecond or so from the connection on; returns the transports they left on. */
async function sendAll(socket, message) {
    const transports = [];

    for (let i = 0; i < COUNT; i++) {
        transports.push(socket.io.engine.transport.name);
        socket.emit('message', ...message(i));
        await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return transports;
}

describe('across the upgrade', () => {
    const server = sharedTestbed(CALM);
    let port;
    let proxy;

    /* Late enough that a good part of the messages leaves before the upgrade, and a good part after it. */
    before(async () => {
        proxy = await startProxy(server.port, { upgradeDelay: 200 });
        port = proxy.address().port;
    });
    after(() => proxy.close());

    const url = () => `http://127.0.0.1:${port}`;

    const kinds = {
        texts: (i) => [i],
        'texts and binary': (i) => (i % 5 ? [i] : [i, Buffer.from([i & 255])]),
        'long texts': (i) => [i, 'x'.repeat(2000)],
    };

    for (const [what, message] of Object.entries(kinds)) {
        test(`${COUNT} ${what} arrive once and in order, both ways`, async (t) => {
            const socket = await connected(t, url());
            const back = collect(socket, 'message-back', COUNT);
            const extra = [];
            const transports = await sendAll(socket, message);
            const seen = (await back).map(([i]) => i);

            socket.on('message-back', (i) => extra.push(i));
            await ask(socket, 'clients');
            assert.deepEqual(seen, NUMBERS);
            assert.deepEqual(extra, []);
            assert.deepEqual([transports[0], transports.at(-1)], ['polling', 'websocket']);
        });
    }

    test('messages that a burst sends meanwhile arrive once and in order', async (t) => {
        const socket = await connected(t, url());
        const seen = [];
        let bursts = 0;

        socket.on('blob', (index) => seen.push(index));
        const isUpgraded = upgraded(socket).then(() => 'upgraded');

        do {
            await ask(socket, 'burst', 50, 100);
            bursts++;
        } while ((await Promise.race([isUpgraded, 'not yet'])) === 'not yet');
        await ask(socket, 'burst', 50, 100);
        assert.deepEqual(seen, Array.from({ length: (bursts + 1) * 50 }, (_, i) => i % 50));
    });

    test('twenty clients at a time keep their order', async (t) => {
        const sockets = Array.from({ length: 20 }, () => client(t, url()));
        const orders = await Promise.all(
            sockets.map(async (socket) => {
                await happens(socket, 'connect');
                const back = collect(socket, 'message-back', 100);

                for (let i = 0; i < 100; i++) {
                    socket.emit('message', i);
                    await new Promise((resolve) => setTimeout(resolve, 3));
                }
                return (await back).flat();
            }),
        );

        for (const order of orders) assert.deepEqual(order, NUMBERS.slice(0, 100));
    });
});

test('the request of the handshake stays that of the poll', notOfReference, async (t) => {
    const other = await testbedFor(t, { contract: 'client' });
    const socket = await connected(t, other.url);

    await upgraded(socket);
    const [{ query }] = await ask(socket, 'getHandshake');

    assert.equal(query.transport, 'polling');
});
