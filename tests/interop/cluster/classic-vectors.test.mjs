/*
 * Messages that were captured between Node's servers (tests/vectors/redis): published by hand, a client of ours gets
 * what a client of Node's got; what must be passed over harms nobody; and what ours publishes is the same, byte by byte.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRequire } from 'node:module';
import { RedisServer, redisFor } from '../../support/redis.mjs';
import { member, pair, sockets, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { ROOMS, attachments, payload, texts, vectorsOf } from '../../support/vectors.mjs';
import { eventually, happens } from '../../support/waiting.mjs';

const require = createRequire(import.meta.url);
const msgpack = require(require.resolve('notepack.io', { paths: [require.resolve('@socket.io/redis-adapter')] }));
const vectors = vectorsOf('classic');
const rooms = ROOMS;

describe('vectors of the classic adapter', () => {
    const redis = new RedisServer();
    const cleanUp = [];
    const t = { after: (work) => cleanUp.push(work) };
    let server;
    let client;
    let publisher;

    before(async () => {
        await redis.start();
        server = await member(t, redis, { adapter: 'redis' });
        client = await connected(t, server.url, websocket);
        for (const room of rooms) await ask(client, 'join', room);
        publisher = redis.connect();
    });
    after(async () => {
        for (const work of cleanUp.reverse()) await work();
        publisher.disconnect();
        await redis.stop();
    });

    /* All packets up to a last one that shows that what was published before is done. */
    async function heard(channel, bytes) {
        const packets = [];
        const note = (packet) => packets.push(packet);

        client.io.engine.on('data', note);
        const last = happens(client, 'last');
        await publisher.publish(channel, bytes);
        await publisher.publish('socket.io#/#', msgpack.encode(['tester', { type: 2, data: ['last'], nsp: '/' }, { rooms: [] }]));
        await last;
        client.io.engine.off('data', note);
        return packets.filter((packet) => typeof packet !== 'string' || !packet.includes('"last"'));
    }

    const broadcasts = vectors.filter(({ channel, command, remote_client_packets: packets, decoded, expect }) =>
        command === 'PUBLISH' && channel.startsWith('socket.io#/#') && (packets || expect) && Array.isArray(decoded ?? []));

    for (const vector of broadcasts) {
        test(`${vector.name}: ${vector.expect === 'drop' ? 'is passed over' : 'reaches the client'}`, async () => {
            const packets = await heard(vector.channel, payload(vector));

            if (vector.expect === 'drop') {
                assert.deepEqual(packets, []);
                return;
            }
            const wanted = vector.remote_client_packets;
            const wasForUs = vector.decoded[2]?.rooms?.every?.((room) => rooms.includes(String(room))) ?? true;

            if (wasForUs) {
                assert.deepEqual(texts(packets), texts(wanted));
                assert.deepEqual(attachments(packets), attachments(wanted));
            }
        });
    }

    test('all other messages harm nobody', async () => {
        for (const vector of vectors.filter(({ command }) => command === 'PUBLISH')) {
            await publisher.publish(vector.channel, payload(vector));
            await publisher.publish('socket.io-request#/#', payload(vector));
            await publisher.publish('socket.io-response#/#', payload(vector));
            await publisher.publish('socket.io#/#', payload(vector));
        }
        await eventually(() => client.connected || client.connect(), 'the client to be there');
        const again = await connected(t, server.url, websocket);
        assert.deepEqual(await ask(again, 'ack', 1), [1]);
    });

    /* Ours, as Redis sees it. */
    async function published(action, count = 1) {
        const listener = redis.connect();
        const messages = [];

        await listener.psubscribe('socket.io*');
        listener.on('pmessageBuffer', (pattern, channel, bytes) => messages.push({ channel: channel.toString(), bytes }));
        await action();
        await eventually(() => messages.length >= count, 'the message');
        listener.disconnect();
        return messages;
    }

    test('an event is written as Node writes it, byte by byte', async () => {
        const one = await connected(t, server.url, websocket);
        const cases = {
            'classic-broadcast-all.json': null,
            'classic-broadcast-room.json': null,
            'classic-types-ints.json': null,
            'classic-types-floats.json': null,
            'classic-types-strings.json': null,
            'classic-types-collections.json': null,
        };

        for (const name of Object.keys(cases)) {
            const vector = vectors.find((each) => each.name === name);
            const [uid, packet, opts] = msgpack.decode(payload(vector));
            const send = () => opts.rooms.length === 1
                ? one.emit('broadcast', opts.rooms[0], ...packet.data)
                : one.emit('everybody', ...packet.data);
            const [{ channel, bytes }] = await published(send);
            const own = msgpack.decode(bytes)[0];
            const again = Buffer.from(msgpack.encode([own, JSON.parse(JSON.stringify(packet)), opts]));

            assert.equal(own.length, uid.length);
            assert.equal(channel, vector.channel);
            assert.equal(bytes.toString('hex'), again.toString('hex'), name);
        }
    });

    test('requests are written as Node writes them, byte by byte', async () => {
        const one = await connected(t, server.url, websocket);
        const [join] = await published(() => one.emit('move', 'room1', 'j1'));
        const [leave] = await published(() => one.emit('unmove', 'room1', 'j1'));
        const [kick] = await published(() => one.emit('kick', 'nobody'));
        const uid = JSON.parse(join.bytes).uid;

        assert.match(uid, /^[A-Za-z0-9_-]{6}$/);
        assert.equal(join.channel, 'socket.io-request#/#');
        assert.equal(join.bytes.toString(), `{"uid":"${uid}","type":2,"opts":{"rooms":["room1"],"except":[]},"rooms":["j1"]}`);
        assert.equal(leave.bytes.toString(), `{"uid":"${uid}","type":3,"opts":{"rooms":["room1"],"except":[]},"rooms":["j1"]}`);
        assert.equal(kick.bytes.toString(), `{"uid":"${uid}","type":4,"opts":{"rooms":["nobody"],"except":[]},"close":true}`);
    });

    test('each kind of question is answered as Node answers it', async () => {
        const question = (request, count = 1) => published(() => publisher.publish('socket.io-request#/#', request), 1 + count);
        const one = await connected(t, server.url, { ...websocket, auth: { token: 'abc' }, query: { a: 'b c' } });
        await ask(one, 'join', 'asked');
        const json = (messages) => JSON.parse(messages.at(-1).bytes);

        const ids = json(await question('{"uid":"abcdef","requestId":"q0","type":0,"rooms":["asked"]}'));
        assert.deepEqual(ids, { requestId: 'q0', sockets: [one.id] });
        const number = { requestId: 'q8', sockets: [], count: 1 };
        assert.deepEqual(json(await question('{"uid":"abcdef","requestId":"q8","type":0,"rooms":["asked"],"count":true}')), number);
        assert.deepEqual(json(await question(
            '{"uid":"abcdef","requestId":"q8","type":5,"opts":{"rooms":["asked"],"except":[]},"count":true}')), number);
        const all = json(await question('{"uid":"abcdef","requestId":"q1","type":1}'));
        assert.equal(all.requestId, 'q1');
        assert.ok(all.rooms.includes('asked') && all.rooms.includes(one.id));
        const found = json(await question('{"uid":"abcdef","requestId":"q5","type":5,"opts":{"rooms":["asked"],"except":[]}}'));
        const [socket] = found.sockets;
        assert.deepEqual(Object.keys(socket), ['id', 'handshake', 'rooms', 'data']);
        assert.deepEqual(Object.keys(socket.handshake),
            ['headers', 'time', 'address', 'xdomain', 'secure', 'issued', 'url', 'query', 'auth']);
        assert.deepEqual(socket.handshake.auth, { token: 'abc' });
        assert.equal(socket.handshake.query.a, 'b c');
        assert.match(socket.handshake.time, /^\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d GMT\+0000 \(Coordinated Universal Time\)$/);
        assert.ok(Math.abs(socket.handshake.issued - Date.now()) < 60000);
        const reply = json(await question('{"uid":"abcdef","requestId":"q6","type":6,"data":["whoami",1]}'));
        assert.deepEqual(reply, { type: 6, requestId: 'q6', data: server.child.pid });
        const old = json(await question(`{"uid":"abcdef","requestId":"old","type":2,"sid":"${one.id}","room":"by-name"}`));
        assert.deepEqual(old, { requestId: 'old' });
        const none = json(await question('{"uid":"abcdef","requestId":"q7","type":7,"packet":{"type":2,"data":["h"]},"opts":{"rooms":["nobody"]}}'));
        assert.deepEqual(none, { type: 8, requestId: 'q7', clientCount: 0 });
        one.on('h', (ack) => ack());
        const acks = await question('{"uid":"abcdef","requestId":"q8","type":7,"packet":{"type":2,"data":["h"]},"opts":{"rooms":["asked"]}}', 2);
        assert.equal(acks.at(-1).bytes.toString('latin1'), '\x82\xa4type\x09\xa9requestId\xa2q8');
    });
});

for (const [name, kinds] of Object.entries({ 'two of ours': [false, false], "ours beside Node's": [false, true] })) {
    test(`${name} answer on private channels, under a key of their own`, async (t) => {
        const redis = await redisFor(t);
        const options = { privateAnswers: true, redisKey: 'other*key' };
        const { servers, clients: [near, far] } = await pair(t, redis, 'redis', kinds, options);
        const listener = redis.connect();
        const channels = new Set();

        t.after(() => listener.disconnect());
        await listener.psubscribe('*');
        listener.on('pmessage', (pattern, channel) => channels.add(channel.replace(/#[\w-]{6}#$/, '#UID#')));
        assert.equal((await sockets(near, 'room')).length, 2);
        assert.equal((await sockets(far, 'room')).length, 2);
        const heard = happens(far, 'bcast');
        near.emit('bcast', 1);
        await heard;
        assert.deepEqual(await ask(near, 'sse', 'whoami', 1), [[servers[1].child.pid]]);
        await eventually(() => channels.size === 4, 'all channels');
        assert.deepEqual([...channels].sort(),
            ['other*key#/#', 'other*key-request#/#', 'other*key-response#/#', 'other*key-response#/#UID#']);
    });
}
