/* A server of two workers in a cluster: one link, one member, that answers for both. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, connected } from '../../support/clients.mjs';
import { ADAPTERS, hearEachOther, member, sockets, websocket } from '../../support/cluster.mjs';
import { redisFor } from '../../support/redis.mjs';
import { oursOnly } from '../../support/testbed.mjs';
import { collect, eventually, happens } from '../../support/waiting.mjs';

const HERE = 8;
const THERE = 3;
const ALL = HERE + THERE;
const NEIGHBOURS = { 'another of ours with workers': { workers: 2 }, "Node's": { node: true } };

/* Clients on a server of two workers and on its neighbour, all of them in `room`, as soon as each finds all. */
async function neighbours(t, adapter, other) {
    const redis = await redisFor(t);
    const servers = await Promise.all([{ workers: 2 }, other].map((options) => member(t, redis, { adapter, ...options })));
    const connect = (server, count) => Promise.all(Array.from({ length: count }, () => connected(t, server.url, websocket)));
    const [here, there] = await Promise.all([connect(servers[0], HERE), connect(servers[1], THERE)]);
    const clients = [...here, ...there];

    await Promise.all(clients.map((client) => ask(client, 'join', 'room')));
    for (const client of clients) await eventually(async () => (await sockets(client, 'room')).length === ALL, 'the servers to find each other');
    await hearEachOther(clients);
    return { here, there, clients };
}

const ids = (clients) => clients.map(({ id }) => id).sort();

for (const adapter of ADAPTERS) {
    for (const [name, other] of Object.entries(NEIGHBOURS)) {
        describe(`two workers beside ${name}, ${adapter}`, oursOnly, () => {
            test('events reach everybody once, in the order of their sender', async (t) => {
                const { clients } = await neighbours(t, adapter, other);
                const heard = clients.map((client) => collect(client, 'n', 20 * ALL));

                for (let k = 0; k < 20; k += 1) clients.forEach((client, i) => client.emit('broadcast', 'room', 'n', i, k, Buffer.from([k])));
                for (const events of await Promise.all(heard)) {
                    clients.forEach((_, i) => assert.deepEqual(events.filter(([sender]) => sender === i).map(([, k]) => k), [...Array(20).keys()]));
                }
                const last = clients.map((client) => collect(client, 'bcast', ALL));
                const more = [];
                clients.forEach((client) => client.on('n', () => more.push(client.id)));
                clients.forEach((client, i) => client.emit('bcast', i));
                for (const events of await Promise.all(last)) assert.deepEqual(events.map(([i]) => i).sort((a, b) => a - b), [...clients.keys()]);
                assert.deepEqual(more, []);
            });

            test('a room that one worker has is heard from elsewhere, until its last member in any worker has left', async (t) => {
                const { here, there } = await neighbours(t, adapter, other);
                const heard = new Set();

                here.forEach((client, i) => client.on('alone', () => heard.add(i)));
                await Promise.all(here.map((client, i) => ask(client, 'join', `alone ${i}`)));
                await eventually(() => {
                    here.forEach((_, i) => there[0].emit('broadcast', `alone ${i}`, 'alone', i));
                    return heard.size === HERE;
                }, 'each to hear what is for its own room');
                await Promise.all(here.slice(1).map((client) => ask(client, 'leave', 'room')));
                await eventually(async () => (await sockets(there[0], 'room')).length === 1 + THERE, 'them to have left');
                there[0].emit('broadcast', 'room', 'still', 'here');
                assert.deepEqual(await happens(here[0], 'still'), ['here']);
            });

            test('what a client says to all it hears before the answer to what it says next', async (t) => {
                const { here } = await neighbours(t, adapter, other);

                await Promise.all(here.map(async (client) => {
                    const heard = [];
                    client.on('own', (i) => heard.push(i));
                    for (let i = 0; i < 10; i += 1) {
                        client.emit('broadcast', client.id, 'own', i);
                        await ask(client, 'ack', i);
                        assert.equal(heard.length, i + 1, 'the broadcast came first');
                    }
                }));
            });

            test('fetch, acknowledgements and server-side events count each worker and server once', async (t) => {
                const { here, there, clients } = await neighbours(t, adapter, other);

                clients.forEach((client, i) => client.on('who', (x, ack) => ack(i)));
                for (const client of [here[0], here[1], here[2], there[0]]) {
                    const found = await sockets(client, 'room');
                    assert.deepEqual(ids(found), ids(clients));
                    const [error, replies] = await ask(client, 'bcast-ack', 'room', 'who', 'x', 5000);
                    assert.deepEqual([error, replies.sort((a, b) => a - b)], [null, [...clients.keys()]]);
                }
                for (const client of here) assert.equal((await ask(client, 'sse', 'whoami', 'x'))[0].length, 2, 'the other worker, and one for the neighbour');
            });

            test('sockets are moved, found where they went, and sent away from any worker', async (t) => {
                const { here, there, clients } = await neighbours(t, adapter, other);
                const witness = here.at(-1);

                for (const [i, by] of [here[0], here[1], here[2], there[0]].entries()) {
                    by.emit('move', 'room', `to ${i}`);
                    await eventually(async () => (await sockets(witness, `to ${i}`)).length === ALL, 'all to arrive');
                    by.emit('unmove', 'room', `to ${i}`);
                    await eventually(async () => (await sockets(witness, `to ${i}`)).length === 0, 'all to leave');
                }
                await ask(witness, 'leave', 'room');
                const gone = clients.filter((client) => client !== witness).map((client) => happens(client, 'disconnect'));
                here[0].emit('kick', 'room');
                await Promise.all(gone);
                assert.ok(witness.connected);
            });
        });
    }
}
