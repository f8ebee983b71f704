/* Connection state recovery with the adapter of streams: who is cut off comes back to any server of the cluster. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode } from '@msgpack/msgpack';
import { ask, connected, ready } from '../../support/clients.mjs';
import { member, pair, websocket } from '../../support/cluster.mjs';
import { redisFor } from '../../support/redis.mjs';
import { eventually, happens } from '../../support/waiting.mjs';

const adapter = 'redis-streams';
const LONG_MS = 60000;
const WAYS = {
    'from ours to another of ours': [false, false],
    "from ours to Node's": [false, true],
    "from Node's to ours": [true, false],
};

const listen = (socket) => {
    socket.seen = [];
    socket.onAny((event, ...args) => socket.seen.push([event, ...args.slice(0, -1)]));
    return socket;
};

const cut = async (socket) => {
    const gone = happens(socket, 'disconnect');

    socket.io.engine.transport.ws._socket.destroy();
    await gone;
};

/* Two servers, a witness on the second, and a client that was on the first, has heard of `first` there, and was cut off. */
async function lost(t, kinds, recovery = LONG_MS) {
    const redis = await redisFor(t);
    const { servers, clients: [socket, witness] } = await pair(t, redis, adapter, kinds, { recovery });
    const admin = redis.connect();

    t.after(() => admin.quit());
    listen(socket);
    await ask(socket, 'join', 'red');
    witness.emit('bcast', 'first');
    await Promise.all([socket, witness].map((one) => happens(one, 'bcast')));
    const { id, _pid: pid, _lastOffset: offset } = socket;

    await cut(socket);
    await eventually(() => admin.exists(`sio:session:${pid}`), 'the session to be saved');
    return { redis, admin, servers, socket, witness, id, pid, offset };
}

/* The other server hears what was said before. */
async function said(witness, ...events) {
    for (const event of events) witness.emit(...event);
    const heard = happens(witness, 'last');

    witness.emit('broadcast', witness.id, 'last');
    await heard;
}

async function comeBack(socket, server) {
    socket.io.uri = server.url;
    socket.connect();
    await ready(socket);
}

for (const [name, kinds] of Object.entries(WAYS)) {
    describe(name, () => {
        test('a client that was cut off is who it was, and hears what it missed', async (t) => {
            const { servers, socket, witness, id } = await lost(t, kinds);

            await said(witness, ['bcast', 'second'], ['room', 'red', 3], ['room', 'blue', 4], ['room', 'red', Buffer.from([5])],
                ['broadcast', id, 'own', 6], ['others', 'red', 'from', 7]);
            await comeBack(socket, servers[1]);
            assert.equal(socket.recovered, true);
            assert.equal(socket.id, id);
            witness.emit('room', 'red', 'after');
            await happens(socket, 'room');
            assert.deepEqual(socket.seen, [['bcast', 'first'], ['bcast', 'second'], ['room', 3], ['room', Buffer.from([5])],
                ['own', 6], ['from', 7], ['room', 'after']]);
            assert.deepEqual((await ask(witness, 'fetch', 'red'))[0].map((one) => one.id), [id]);
        });

        test('with a wrong pid, a wrong offset, or none at all, it is a new one', async (t) => {
            const { servers, pid, offset } = await lost(t, kinds);
            const wrong = [{ pid: 'x'.repeat(20), offset }, { pid: `${pid}x`, offset }, { pid, offset: 'yesterday' }, { pid }, { pid: 1, offset: 2 },
                { pid, offset: '1-1' }];

            for (const auth of wrong) {
                const socket = await connected(t, servers[1].url, { ...websocket, auth });
                assert.equal(socket.recovered, false, JSON.stringify(auth));
            }
        });

        test('it comes back but once', async (t) => {
            const { servers, socket, pid, offset } = await lost(t, kinds);

            await comeBack(socket, servers[1]);
            const second = await connected(t, servers[1].url, { ...websocket, auth: { pid, offset } });
            assert.deepEqual([socket.recovered, second.recovered], [true, false]);
        });

        test('after too long it is a new one', async (t) => {
            const { servers, admin, socket, id, pid } = await lost(t, kinds, 300);

            await eventually(async () => !(await admin.exists(`sio:session:${pid}`)), 'the session to expire');
            await comeBack(socket, servers[1]);
            assert.equal(socket.recovered, false);
            assert.notEqual(socket.id, id);
        });
    });
}

/* Node's server does not promise that: its two readers of the stream do not wait for each other. */
for (const [name, kinds] of Object.entries(WAYS).filter(([, kinds]) => !kinds[1])) {
    test(`${name}: what is said while a client comes back it hears once, in order`, async (t) => {
        const { servers, socket, witness } = await lost(t, kinds);
        const speaker = await connected(t, servers[0].url, websocket);
        let sent = 0;
        const timer = setInterval(() => [speaker, witness].forEach((one) => one.emit('room', 'red', sent++)), 1);

        t.after(() => clearInterval(timer));
        await eventually(() => sent > 200, 'many to be said');
        await comeBack(socket, servers[1]);
        await eventually(() => sent > 600, 'more to be said');
        clearInterval(timer);
        await eventually(() => socket.seen.length === sent + 1, 'all to be heard');
        assert.equal(socket.recovered, true);
        const numbers = socket.seen.slice(1).map(([, n]) => n);
        for (const parity of [0, 1]) {
            assert.deepEqual(numbers.filter((n) => n % 2 === parity), [...Array(sent).keys()].filter((n) => n % 2 === parity));
        }
    });
}

test('a session is kept as Node keeps it', async (t) => {
    const ours = await lost(t, [false, true]);
    const nodes = await lost(t, [true, false]);

    for (const { admin, pid, id } of [ours, nodes]) {
        const key = `sio:session:${pid}`;
        const session = decode(Buffer.from(await admin.get(key), 'base64'));
        const left = await admin.pttl(key);

        assert.deepEqual(session, { sid: id, pid, rooms: [id, 'room', 'red'], data: {} });
        assert.deepEqual(Object.keys(session), ['sid', 'pid', 'rooms', 'data']);
        assert.ok(left > LONG_MS / 2 && left <= LONG_MS, `${left} ms`);
    }
});

test('the offset of an event is the id of its entry, for clients of all servers', async (t) => {
    const redis = await redisFor(t);
    const { clients } = await pair(t, redis, adapter, [false, true], { recovery: LONG_MS });
    const admin = redis.connect();

    t.after(() => admin.quit());
    for (const speaker of clients) {
        const heard = clients.map((client) => happens(client, 'bcast'));

        speaker.emit('bcast', 'x');
        const events = await Promise.all(heard);
        const [[id]] = await admin.xrevrange('socket.io', '+', '-', 'COUNT', 1);
        assert.deepEqual(events, [['x', id], ['x', id]]);
    }
});

test('while Redis is away a client is a new one at once, and hears what is said here', async (t) => {
    const { redis, servers, socket, witness } = await lost(t, [false, false]);

    await redis.kill();
    await eventually(async () => (await fetch(`${servers[1].url}/readyz`)).status !== 200, 'the server to notice');
    await comeBack(socket, servers[1]);
    assert.equal(socket.recovered, false);
    const heard = happens(socket, 'bcast');

    witness.emit('bcast', 'alone');
    assert.deepEqual(await heard, ['alone']);
});

test('a Redis that does not answer holds a client up for the time of a request, no longer', async (t) => {
    const { redis, servers, socket } = await lost(t, [false, false]);

    redis.child.kill('SIGSTOP');
    t.after(() => redis.child.kill('SIGCONT'));
    await comeBack(socket, servers[1]);
    assert.equal(socket.recovered, false);
});

test('a server that shuts down saves its sessions', async (t) => {
    const redis = await redisFor(t);
    const staying = await member(t, redis, { adapter, recovery: LONG_MS });
    const leaving = await member(t, redis, { adapter, recovery: LONG_MS });
    const socket = listen(await connected(t, leaving.url, websocket));
    const witness = await connected(t, staying.url, websocket);
    const { id } = socket;

    witness.emit('bcast', 1);
    await happens(socket, 'bcast');
    const gone = happens(socket, 'disconnect');
    await Promise.all([leaving.stop(), gone]);
    await said(witness, ['bcast', 2]);
    await comeBack(socket, staying);
    assert.equal(socket.id, id);
    assert.deepEqual(socket.seen, [['bcast', 1], ['bcast', 2]]);
});
