/*
 * Messages of the sharded and the streams adapter that were captured between Node's servers: published by hand, a client of
 * ours gets what a client of Node's got; what must be passed over harms nobody; what ours writes is the same.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { member, sockets, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { RedisServer } from '../../support/redis.mjs';
import { ROOMS, attachments, payload, texts, vectorsOf } from '../../support/vectors.mjs';
import { eventually, happens } from '../../support/waiting.mjs';

const require = createRequire(import.meta.url);
const from = (name, owner) => require(require.resolve(name, { paths: [require.resolve(owner)] }));
const notepack = from('notepack.io', '@socket.io/redis-adapter');
const msgpack = from('@msgpack/msgpack', '@socket.io/redis-streams-adapter');

const EVERYBODY = { rooms: [], except: [], flags: {} };
const last = { packet: { type: 2, data: ['last'] }, opts: EVERYBODY };
const COMMON = 'socket.io#/#';

/* The whole message of a pub/sub vector. */
const read = (bytes) => (bytes[0] === 0x7b ? JSON.parse(bytes) : notepack.decode(bytes));

const KINDS = {
    'redis-sharded': {
        name: 'sharded',
        tellLast: (redis) => redis.call('SPUBLISH', COMMON, JSON.stringify({ type: 3, data: last, uid: 'tester', nsp: '/' })),
        subscribe: 'ssubscribe',
        event: 'smessageBuffer',
    },
    'redis-streams': {
        name: 'streams',
        tellLast: (redis) => redis.xadd('socket.io', '*', 'uid', 'tester', 'nsp', '/', 'type', '3', 'data', JSON.stringify(last)),
        subscribe: 'subscribe',
        event: 'messageBuffer',
    },
};

function tell(redis, vector) {
    if (vector.command === 'XADD') return redis.xadd('socket.io', '*', ...vector.fields.flat());
    return redis.call(vector.command, vector.channel, payload(vector));
}

for (const [adapter, kind] of Object.entries(KINDS)) {
    describe(`vectors of the ${kind.name} adapter`, () => {
        const vectors = vectorsOf(kind.name);
        const redis = new RedisServer();
        const cleanUp = [];
        const t = { after: (work) => cleanUp.push(work) };
        let server;
        let client;
        let publisher;

        before(async () => {
            await redis.start();
            server = await member(t, redis, { adapter });
            client = await connected(t, server.url, websocket);
            for (const room of ROOMS) await ask(client, 'join', room);
            publisher = redis.connect();
        });
        after(async () => {
            for (const work of cleanUp.reverse()) await work();
            publisher.disconnect();
            await redis.stop();
        });

        /* All packets up to a last one that shows that what was told before is done. */
        async function heard(vector) {
            const packets = [];
            const note = (packet) => packets.push(packet);

            client.io.engine.on('data', note);
            const end = happens(client, 'last');
            await tell(publisher, vector);
            await kind.tellLast(publisher);
            await end;
            client.io.engine.off('data', note);
            return packets.filter((packet) => typeof packet !== 'string' || !packet.includes('"last"'));
        }

        for (const vector of vectors.filter(({ expect, remote_client_packets: packets }) => expect || packets)) {
            test(`${vector.name}: ${vector.expect === 'drop' ? 'is passed over' : 'reaches the client'}`, async () => {
                const packets = await heard(vector);
                const wanted = vector.remote_client_packets ?? [];
                const { rooms = [] } = vector.decoded?.data?.opts ?? {};

                if (rooms.length > 0 && !rooms.some((room) => ROOMS.includes(room))) return assert.deepEqual(packets, []);
                assert.deepEqual(texts(packets), texts(wanted));
                return assert.deepEqual(attachments(packets), attachments(wanted));
            });
        }

        test('all other messages harm nobody', async () => {
            for (const vector of vectors.filter(({ command }) => command && command !== 'SET')) {
                await tell(publisher, vector);
                await publisher.call('PUBLISH', COMMON, payload(vector));
                await publisher.call('SPUBLISH', COMMON, payload(vector));
            }
            const again = await connected(t, server.url, websocket);

            assert.deepEqual(await ask(again, 'ack', 1), [1]);
            assert.equal((await sockets(again, again.id)).length, 1);
        });

        /* What ours publishes, as [channel, bytes]. */
        async function published(action) {
            const listener = redis.connect();
            const messages = [];

            await listener[kind.subscribe](COMMON);
            listener.on(kind.event, (channel, bytes) => messages.push([channel.toString(), bytes]));
            await action();
            await eventually(() => messages.length > 0, 'the message');
            listener.disconnect();
            return messages[0];
        }

        async function added(action) {
            const before = await publisher.xlen('socket.io');

            await action();
            await eventually(async () => (await publisher.xlen('socket.io')) > before, 'the entry');
            return (await publisher.xrevrange('socket.io', '+', '-', 'COUNT', 1))[0][1];
        }

        if (kind.name === 'sharded') {
            test('events and operations are written as Node writes them', async () => {
                const one = await connected(t, server.url, websocket);
                const cases = {
                    'sharded-broadcast-all.json': () => one.emit('everybody', 'hello', 1, 'x'),
                    'sharded-sockets-join.json': () => one.emit('move', 'room1', 'j1'),
                    'sharded-sockets-leave.json': () => one.emit('unmove', 'room1', 'j1'),
                    'sharded-disconnect-sockets.json': () => one.emit('kick', 'nobody'),
                };

                for (const [name, send] of Object.entries(cases)) {
                    const node = read(payload(vectors.find((vector) => vector.name === name)));
                    const [channel, bytes] = await published(send);
                    const ours = read(bytes);

                    assert.equal(channel, COMMON);
                    assert.match(ours.uid, /^[0-9a-f]{16}$/);
                    assert.deepEqual(Object.keys(ours), Object.keys(node));
                    assert.deepEqual(Object.keys(ours.data), Object.keys(node.data));
                    assert.deepEqual(Object.keys(ours.data.opts), Object.keys(node.data.opts));
                    assert.equal(bytes.toString(), JSON.stringify(ours), `${name} is plain JSON`);
                    if (name === 'sharded-broadcast-all.json') assert.deepEqual({ ...ours, uid: '' }, { ...node, uid: '' });
                }
                const [, binary] = await published(() => one.emit('everybody', 'bin', Buffer.from([1, 2, 3])));
                const decoded = notepack.decode(binary);
                assert.deepEqual([decoded.type, [...decoded.data.packet.data[1]]], [3, [1, 2, 3]]);
            });
        } else {
            test('entries are written as Node writes them, and requests are msgpack', async () => {
                const one = await connected(t, server.url, websocket);
                const node = vectors.find(({ name }) => name === 'streams-broadcast-all.json');
                const fields = await added(() => one.emit('everybody', 'hello', 1, 'x'));

                assert.match(fields[1], /^[0-9a-f]{16}$/);
                assert.deepEqual(fields.slice(2), node.fields.flat().slice(2));
                assert.equal(fields[0], 'uid');
                const binary = await added(() => one.emit('everybody', 'bin', Buffer.from([1, 2, 3])));
                const data = msgpack.decode(Buffer.from(binary[7], 'base64'));
                assert.deepEqual([...data.packet.data[1]], [1, 2, 3]);
                assert.equal(binary[7], Buffer.from(binary[7], 'base64').toString('base64'), 'with padding');
                const [, bytes] = await published(() => one.emit('bcast-ack', 'nobody', 'who', 1, 500, () => {}));
                const request = msgpack.decode(bytes);
                assert.deepEqual(Object.keys(request), ['type', 'data', 'uid', 'nsp']);
                assert.deepEqual(Object.keys(request.data), ['packet', 'requestId', 'opts']);
            });
        }
    });
}
