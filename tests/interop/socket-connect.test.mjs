import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { beside, client, connected, MODES, ready, upgraded, ask } from '../support/clients.mjs';
import { openSocketSession, openWebSocketSession, PollingSession } from '../support/session.mjs';
import { sharedTestbed } from '../support/testbed.mjs';
import { happens } from '../support/waiting.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };

const server = sharedTestbed(CALM);

for (const [mode, options] of Object.entries(MODES)) {
    describe(`connecting over ${mode}`, () => {
        test('gives an id of 20 characters that is not the session’s', async (t) => {
            const socket = await connected(t, server.url, options);

            assert.match(socket.id, /^[A-Za-z0-9_-]{20}$/);
            assert.match(socket.io.engine.id, /^[A-Za-z0-9_-]{20}$/);
            assert.notEqual(socket.id, socket.io.engine.id);
        });

        for (const auth of [{}, { token: '123' }, { deep: { list: [1, null, 'ü', { a: {} }] }, empty: '' }]) {
            test(`hands over the auth object ${JSON.stringify(auth)}`, async (t) => {
                const socket = client(t, server.url, { ...options, auth });
                const [seen] = await happens(socket, 'auth');

                assert.deepEqual(seen, auth);
            });
        }

        test('without an auth object hands over an empty one', async (t) => {
            const [seen] = await happens(client(t, server.url, options), 'auth');

            assert.deepEqual(seen, {});
        });

        test('to a namespace that is not there is refused in these words', async (t) => {
            const socket = client(t, `${server.url}/nowhere`, options);
            const [error] = await happens(socket, 'connect_error');

            assert.equal(error.message, 'Invalid namespace');
            assert.equal(error.data, undefined);
            assert.equal(socket.connected, false);
        });

        test('to several namespaces shares one connection, each with its id and auth', async (t) => {
            const main = await connected(t, server.url, { ...options, auth: { who: 'main' } });
            const custom = beside(main, '/custom', { auth: { who: 'custom' } });
            const nowhere = beside(main, '/nowhere');
            const greeted = happens(custom, 'auth');
            const refused = happens(nowhere, 'connect_error');

            const [auth] = await greeted;
            const [error] = await refused;

            assert.deepEqual(auth, { who: 'custom' });
            assert.equal(error.message, 'Invalid namespace');
            assert.notEqual(main.id, custom.id);
            assert.equal(main.io.engine, custom.io.engine);
            assert.deepEqual(await ask(main, 'message-with-ack', 'both'), ['both']);
        });

        test('to a namespace can be given up and done again, the other goes on', async (t) => {
            const main = await connected(t, server.url, options);
            const custom = beside(main, '/custom');

            await ready(custom);
            const first = custom.id;

            custom.disconnect();
            assert.deepEqual(await ask(main, 'message-with-ack', 1), [1]);
            custom.connect();
            await ready(custom);
            assert.notEqual(custom.id, first);
            main.disconnect();
            assert.equal(custom.connected, true);
        });

        test('counts in `clients`, and no more once it is over', async (t) => {
            const witness = await connected(t, server.url, MODES.websocket);
            const clients = async () => (await ask(witness, 'clients'))[0];

            while ((await clients()) > 1) continue; /* those of the tests before */
            const socket = await connected(t, server.url, options);

            if (mode === 'upgrade') await upgraded(socket);
            assert.equal(await clients(), 2);
            socket.disconnect();
            while ((await clients()) > 1) continue;
        });
    });
}

test('an upgrade happens, and the client says so', async (t) => {
    const socket = await connected(t, server.url);

    await upgraded(socket);
    assert.deepEqual(await ask(socket, 'message-with-ack', 'after'), ['after']);
    assert.equal(socket.io.engine.transport.name, 'websocket');
});

describe('on the wire', () => {
    test('connecting is answered with the id alone, then with what the application says', async (t) => {
        const socket = await openWebSocketSession(server.port, { path: '/socket.io/' });

        t.after(() => socket.destroy());
        socket.sendText('40{"token":"123"}');
        assert.match(await socket.nextText(), /^40\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
        assert.equal(await socket.nextText(), '42["auth",{"token":"123"}]');
        socket.sendText('40/custom,');
        assert.match(await socket.nextText(), /^40\/custom,\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
        assert.equal(await socket.nextText(), '42/custom,["auth",{}]');
        socket.sendText('40/random');
        assert.equal(await socket.nextText(), '44/random,{"message":"Invalid namespace"}');
        socket.sendText('40/random?x=1,{}');
        assert.equal(await socket.nextText(), '44/random?x=1,{"message":"Invalid namespace"}');
    });

    test('leaving a namespace has no answer and closes nothing', async (t) => {
        const socket = await openSocketSession(server.port);

        t.after(() => socket.destroy());
        socket.sendText('40/custom');
        await socket.nextText();
        await socket.nextText();
        socket.sendText('41/custom');
        socket.sendText('42["echo",1]');
        assert.equal(await socket.nextText(), '42["echo",1]');
        socket.sendText('41');
        await socket.barrier();
        socket.sendText('40');
        assert.match(await socket.nextText(), /^40\{"sid":/);
        assert.equal(await socket.nextText(), '42["auth",{}]');
    });

    test('acknowledgements carry the id as it came', async (t) => {
        const socket = await openSocketSession(server.port);

        t.after(() => socket.destroy());
        socket.sendText('420["message-with-ack"]');
        assert.equal(await socket.nextText(), '430[]');
        socket.sendText('42007["message-with-ack",{"a":[1]}]');
        assert.equal(await socket.nextText(), '437[{"a":[1]}]');
        socket.sendText('429007199254740991["message-with-ack",null,""]');
        assert.equal(await socket.nextText(), '439007199254740991[null,""]');
    });

    test('binary goes out as a header and its attachments', async (t) => {
        const socket = await openSocketSession(server.port);

        t.after(() => socket.destroy());
        socket.sendText('451-["message",{"_placeholder":true,"num":0}]');
        socket.send(2, Buffer.from([1, 2, 3]));
        assert.equal(await socket.nextText(), '451-["message-back",{"_placeholder":true,"num":0}]');
        assert.equal((await socket.next()).bytes.toString('hex'), '8203010203');
        socket.sendText('452-7["message-with-ack",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]');
        socket.send(2, Buffer.from([1]));
        socket.send(2, Buffer.from([2]));
        assert.equal(await socket.nextText(), '462-7[{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]');
        assert.equal((await socket.next()).bytes.toString('hex'), '820102');
        assert.equal((await socket.next()).bytes.toString('hex'), '820101');
    });

    test('binary on polling is base64 behind its header', async () => {
        const session = await PollingSession.open(server.port, { path: '/socket.io/' });

        await session.send('40');
        while (!(await session.next()).startsWith('42["auth"')) continue;
        await session.send('451-["message",{"_placeholder":true,"num":0}]\x1ebAQID\x1e42["message","c"]');
        assert.equal(await session.next(), '451-["message-back",{"_placeholder":true,"num":0}]');
        assert.equal(await session.next(), 'bAQID');
        assert.equal(await session.next(), '42["message-back","c"]');
    });
});

describe('who does not connect in time', { concurrency: true }, () => {
    const hasty = sharedTestbed({ ...CALM, connectTimeout: 300 });
    const openWebSocket = (t) =>
        openWebSocketSession(hasty.port, { path: '/socket.io/' }).then((socket) => {
            t.after(() => socket.destroy());
            return socket;
        });

    test('is closed on websocket', async (t) => {
        const socket = await openWebSocket(t);
        const start = performance.now();

        assert.equal((await socket.next()).bytes.toString('hex'), '8800');
        assert.ok(performance.now() - start > 200);
    });

    test('is closed on polling', async () => {
        const session = await PollingSession.open(hasty.port, { path: '/socket.io/' });

        assert.equal((await session.get()).body, '1');
        await session.gone();
    });

    test('is closed when all it asked for was refused', async (t) => {
        const socket = await openWebSocket(t);

        socket.sendText('40/nowhere');
        assert.equal(await socket.nextText(), '44/nowhere,{"message":"Invalid namespace"}');
        assert.equal((await socket.next()).bytes.toString('hex'), '8800');
    });

    test('is closed on websocket after an upgrade too', async (t) => {
        const session = await PollingSession.open(hasty.port, { path: '/socket.io/' });
        const socket = await session.upgrade();

        t.after(() => socket.destroy());
        assert.equal((await socket.next()).bytes.toString('hex'), '8800');
    });

    test('and who did, and left again, is not', async (t) => {
        const socket = await openWebSocket(t);
        const late = await openWebSocket(t);

        socket.sendText('40');
        await socket.nextText();
        await socket.nextText();
        socket.sendText('41');
        assert.equal(await late.closeFrame(), '');
        socket.sendText('40');
        assert.match(await socket.nextText(), /^40\{/);
    });
});
