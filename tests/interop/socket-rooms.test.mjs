import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, connected, MODES } from '../support/clients.mjs';
import { sharedTestbed } from '../support/testbed.mjs';
import { happens } from '../support/waiting.mjs';

const server = sharedTestbed({ contract: 'load' });

/* Three clients that keep what they are told, in order, in `seen`. */
async function openThree(t, options) {
    const sockets = await Promise.all([1, 2, 3].map(() => connected(t, server.url, options)));

    for (const socket of sockets) {
        socket.seen = [];
        socket.onAny((event, ...args) => socket.seen.push([event, ...args]));
    }
    return sockets;
}

/* One broadcast to all, after which everything said before has arrived; what each was told until then. */
async function settle(sockets, speaker = sockets[0]) {
    const isSettled = (socket) => socket.seen.some(([event, x]) => event === 'bcast' && x === 'settled');

    speaker.emit('bcast', 'settled');
    for (const socket of sockets) while (!isSettled(socket)) await happens(socket, 'bcast');
    return sockets.map((socket) => socket.seen.splice(0).slice(0, -1));
}

for (const [mode, options] of Object.entries(MODES)) {
    describe(`rooms over ${mode}`, () => {
        test('a broadcast reaches everybody once, binary too', async (t) => {
            const sockets = await openThree(t, options);
            const said = [[7], [{ a: [1, null] }], [Buffer.from([1, 2])], ['ü😀']];

            for (const [x] of said) sockets[0].emit('bcast', x);
            const seen = await settle(sockets);
            const expected = JSON.stringify(said.map(([x]) => ['bcast', x]));

            assert.deepEqual(seen.map((events) => JSON.stringify(events)), [expected, expected, expected]);
        });

        test('a room reaches its members alone, who says it or not', async (t) => {
            const sockets = await openThree(t, options);
            const [a, b, c] = sockets;

            await Promise.all([ask(a, 'join', 'red'), ask(b, 'join', 'red'), ask(c, 'join', 'blue')]);
            a.emit('room', 'red', 1);
            a.emit('room', 'blue', 2);
            a.emit('room', 'empty', 3);
            assert.deepEqual(await settle(sockets), [[['room', 1]], [['room', 1]], [['room', 2]]]);
        });

        test('who left hears no more, who joins twice hears once', async (t) => {
            const sockets = await openThree(t, options);
            const [a, b] = sockets;

            await ask(a, 'join', 'r');
            await ask(b, 'join', 'r');
            await ask(b, 'join', 'r');
            const heard = happens(b, 'room');

            a.emit('room', 'r', 'first');
            await heard;
            await ask(b, 'leave', 'r');
            await ask(b, 'leave', 'r');
            await ask(b, 'leave', 'never joined');
            b.emit('room', 'r', 'second');
            const [seenByA, seenByB, seenByC] = await settle(sockets, b);

            assert.deepEqual(seenByA, [['room', 'first'], ['room', 'second']]);
            assert.deepEqual(seenByB, [['room', 'first']]);
            assert.deepEqual(seenByC, []);
        });

        test('any event with any arguments goes to a room', async (t) => {
            const sockets = await openThree(t, options);
            const [a, b] = sockets;
            const heard = happens(b, 'news');

            await ask(b, 'join', 'r');
            a.emit('broadcast', 'r', 'news', 1, null, { deep: Buffer.from([9]) }, [Buffer.alloc(0)]);
            assert.equal(JSON.stringify(await heard), JSON.stringify([1, null, { deep: Buffer.from([9]) }, [Buffer.alloc(0)]]));
        });

        test('a socket’s id is its room', async (t) => {
            const sockets = await openThree(t, options);
            const [a, b, c] = sockets;

            a.emit('room', b.id, 'private');
            assert.deepEqual(await settle(sockets), [[], [['room', 'private']], []]);
            await ask(c, 'leave', c.id);
            a.emit('room', c.id, 'nobody');
            assert.deepEqual(await settle(sockets), [[], [], []]);
        });

        test('names are any string', async (t) => {
            const sockets = await openThree(t, options);
            const [a, b] = sockets;
            const names = ['', ' ', '__proto__', 'constructor', 'ü😀', 'a\u0000b', 'x'.repeat(2000), '/', ','];

            for (const name of names) await ask(b, 'join', name);
            for (const name of names) a.emit('room', name, name);
            a.emit('room', 'a', 'cut at a NUL');
            const [, seen] = await settle(sockets);

            assert.deepEqual(seen, names.map((name) => ['room', name]));
        });

        test('a room is empty once its members are gone', async (t) => {
            const sockets = await openThree(t, options);
            const [a, b] = sockets;

            await ask(b, 'join', 'r');
            b.disconnect();
            b.connect();
            await happens(b, 'connect');
            a.emit('room', 'r', 'nobody');
            assert.deepEqual(await settle(sockets), [[], [], []]);
        });

        test('a thousand rooms are as good as one', async (t) => {
            const sockets = await openThree(t, options);
            const [a, b] = sockets;
            const names = Array.from({ length: 1000 }, (_, i) => `room ${i}`);

            await Promise.all(names.map((name) => ask(b, 'join', name)));
            for (const name of names) a.emit('room', name, name);
            const [, seen] = await settle(sockets);

            assert.deepEqual(seen, names.map((name) => ['room', name]));
        });

        test('echo and ack are answered', async (t) => {
            const socket = await connected(t, server.url, options);
            const back = happens(socket, 'echo');

            socket.emit('echo', { a: 1 });
            assert.deepEqual(await back, [{ a: 1 }]);
            assert.deepEqual(await ask(socket, 'ack', 'x'), ['x']);
        });
    });
}

test('clients of every transport hear the same', async (t) => {
    const sockets = await Promise.all(Object.values(MODES).map((options) => connected(t, server.url, options)));
    const expected = Array.from({ length: 100 }, (_, i) => i);
    const heard = sockets.map((socket) => {
        const seen = [];

        socket.on('bcast', (i) => seen.push(i));
        return { seen, complete: happens(socket, 'end') };
    });

    await Promise.all(sockets.map((socket) => ask(socket, 'join', 'all')));
    for (const i of expected) sockets[0].emit('bcast', i);
    sockets[0].emit('broadcast', 'all', 'end');
    for (const { seen, complete } of heard) {
        await complete;
        assert.deepEqual(seen, expected);
    }
});
