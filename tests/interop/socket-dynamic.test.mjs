/* Namespaces that are made when a client asks for them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, beside, client, connected, ready } from '../support/clients.mjs';
import { oursOnly, sharedTestbed } from '../support/testbed.mjs';
import { eventually, happens } from '../support/waiting.mjs';

const WEBSOCKET = { transports: ['websocket'] };
const server = sharedTestbed({ contract: 'api' });

const open = (t, name = '', options = {}) => connected(t, `${server.url}${name}`, { ...WEBSOCKET, ...options });

/* Connected, and greeted with its namespace's name. */
async function guest(t, name, options) {
    const socket = client(t, `${server.url}${name}`, { ...WEBSOCKET, ...options });

    assert.deepEqual(await happens(socket, 'hello'), [name]);
    return socket;
}

async function refused(t, name, options) {
    const [error] = await happens(client(t, `${server.url}${name}`, { ...WEBSOCKET, ...options }), 'connect_error');

    return error.message;
}

test('a name that fits a pattern is a namespace, with the handlers of its parent', async (t) => {
    const socket = await guest(t, '/room-1');

    socket.emit('said', 1);
    assert.deepEqual(await happens(socket, 'said'), [1]);
});

test('a name that fits nothing is refused', async (t) => {
    assert.equal(await refused(t, '/rooms-1'), 'Invalid namespace');
    assert.equal(await refused(t, '/xroom-1'), 'Invalid namespace');
    assert.equal(await refused(t, '/asked-1'), 'Invalid namespace');
    assert.equal(await refused(t, '/asked-1', { auth: { token: 'please' } }), 'Invalid namespace');
});

test('a function decides by name and auth, and may take its time', async (t) => {
    const auth = { token: 'let me in' };
    const [first, second] = await Promise.all([guest(t, '/asked-2', { auth }), guest(t, '/asked-2', { auth })]);

    assert.notEqual(first.id, second.id);
    assert.equal(await refused(t, '/else-2', { auth }), 'Invalid namespace');
});

test('the middlewares of the parent hold for its children', async (t) => {
    assert.equal(await refused(t, '/room-2', { auth: { enemy: true } }), 'no enemies');
});

test('several children are apart, on one connection too', async (t) => {
    const one = await guest(t, '/room-3');
    const other = beside(one, '/room-4');

    assert.deepEqual(await happens(other, 'hello'), ['/room-4']);
    other.on('said', () => assert.fail('it was said in another one'));
    one.emit('said', 1);
    await happens(one, 'said');
});

test('what is said to the parent is heard in all children, in a room of them only there', async (t) => {
    const sockets = await Promise.all(['/room-5', '/room-6', '/room-6'].map((name) => guest(t, name)));
    const speaker = await open(t);
    const heard = [];

    sockets.forEach((socket, i) => socket.on('told', (what) => heard.push([i, what])));
    await ask(sockets[0], 'join', 'corner');
    await ask(sockets[2], 'join', 'corner');
    speaker.emit('tell-room', 'corner', 'a');
    speaker.emit('tell', 'b');
    await eventually(() => heard.length >= 5, 'all to hear');
    assert.deepEqual(heard.sort(), [[0, 'a'], [0, 'b'], [1, 'b'], [2, 'a'], [2, 'b']]);
});

describe('cleaning up', () => {
    test('a child goes with its last socket, and is made anew for the next', async (t) => {
        const witness = await open(t);
        const news = async () => (await ask(witness, 'namespaces'))[0].flat();
        const [one, two] = await Promise.all([guest(t, '/room-7'), guest(t, '/room-7')]);

        assert.deepEqual((await news()).filter((name) => name === '/room-7'), ['/room-7']);
        one.disconnect();
        await guest(t, '/room-7').then((socket) => socket.disconnect());
        assert.deepEqual(await news(), []); /* two is still there */
        two.disconnect();
        await eventually(async () => {
            (await guest(t, '/room-7')).disconnect();
            return (await news()).length > 0;
        }, 'the namespace to be made anew');
    });

    test('a child whose only candidate was refused goes, too', async (t) => {
        const witness = await open(t);
        const news = async () => (await ask(witness, 'namespaces'))[0].flat();

        await news();
        assert.equal(await refused(t, '/room-8', { auth: { enemy: true } }), 'no enemies');
        await eventually(async () => {
            (await guest(t, '/room-8')).disconnect();
            return (await news()).filter((name) => name === '/room-8').length >= 2;
        }, 'the namespace to be made anew');
    });
});

describe('with recovery', () => {
    const recovering = sharedTestbed({ contract: 'api', recovery: 60_000 });

    /* Node's server forgets a child with its last socket, whoever may come back. */
    test('a client comes back to a child that nobody else is in', oursOnly, async (t) => {
        const name = '/room-9';
        const speaker = await connected(t, recovering.url, WEBSOCKET);
        const socket = client(t, `${recovering.url}${name}`, { ...WEBSOCKET, reconnection: true, reconnectionDelay: 10 });

        await happens(socket, 'hello');
        const { id } = socket;
        const gone = happens(socket, 'disconnect');
        socket.io.engine.transport.ws._socket.destroy();
        await gone;
        speaker.emit('tell', 'meanwhile');
        const told = happens(socket, 'told');
        await ready(socket);

        assert.deepEqual([socket.recovered, socket.id], [true, id]);
        assert.deepEqual((await told)[0], 'meanwhile');
    });

    test('a client comes back to a child that others are in', async (t) => {
        const name = '/room-10';
        const connect = () => client(t, `${recovering.url}${name}`, { ...WEBSOCKET, reconnection: true, reconnectionDelay: 10 });
        const speaker = await connected(t, recovering.url, WEBSOCKET);
        const [socket, other] = [connect(), connect()];

        await Promise.all([happens(socket, 'hello'), happens(other, 'hello')]);
        speaker.emit('tell-room', socket.id, 'before');
        await happens(socket, 'told');
        const { id } = socket;
        const gone = happens(socket, 'disconnect');
        socket.io.engine.transport.ws._socket.destroy();
        await gone;
        await ready(socket);

        assert.deepEqual([socket.recovered, socket.id], [true, id]);
    });
});
