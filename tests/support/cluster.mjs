/* Two servers on one Redis, and clients on each: what the tests of all adapters share. */
import { ask, connected } from './clients.mjs';
import { startTestbed } from './testbed.mjs';
import { eventually } from './waiting.mjs';

/* TESTED_ADAPTERS names others than those that are there. */
export const ADAPTERS = (process.env.TESTED_ADAPTERS ?? 'redis,redis-sharded,redis-streams').split(',');

/* Who the two servers are, by the order of the names. */
export const PAIRS = {
    'two of ours': [false, false],
    "ours beside Node's": [false, true],
    "Node's beside ours": [true, false],
};

const isReady = async (server) => (await fetch(`${server.url}/readyz`)).status === 200;

/* One server of a cluster, that hears the others. It is stopped at the end of the test. */
export async function member(t, redis, options) {
    const server = await startTestbed({ contract: 'load', redis: redis.url, ...options });

    t.after(() => (server.killed || options.node ? server.kill() : server.stop()));
    await eventually(() => isReady(server), 'the server to be ready');
    return server;
}

export const websocket = { transports: ['websocket'] };

/* Two servers, and a client on each that is in `room`. They know each other when this returns. */
export async function pair(t, redis, adapter, kinds, options) {
    const servers = await Promise.all(kinds.map((node) => member(t, redis, { adapter, node, ...options })));
    const clients = await Promise.all(servers.map((server) => connected(t, server.url, websocket)));

    await Promise.all(clients.map((client) => ask(client, 'join', 'room')));
    await eventually(async () => (await sockets(clients[0], 'room')).length === 2, 'the servers to find each other');
    await eventually(async () => (await sockets(clients[1], 'room')).length === 2, 'the servers to find each other');
    return { servers, clients };
}

/*
 * What one says in `room` all of them hear: a channel of the room's own may be subscribed to later than its server is
 * found.
 */
export async function hearEachOther(clients) {
    const heard = clients.map(() => new Set());
    const notes = heard.map((senders) => (i) => senders.add(i));

    clients.forEach((client, i) => client.on('probe', notes[i]));
    await eventually(() => {
        clients.forEach((client, i) => client.emit('broadcast', 'room', 'probe', i));
        return heard.every((senders) => senders.size === clients.length);
    }, 'all to hear each other');
    clients.forEach((client, i) => client.off('probe', notes[i]));
}

export const sockets = async (client, room) => (await ask(client, 'fetch', room))[0];
