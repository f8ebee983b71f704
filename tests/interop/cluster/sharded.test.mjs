/* What only the sharded adapter promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { member, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { redisFor } from '../../support/redis.mjs';
import { eventually } from '../../support/waiting.mjs';

test('a room has a channel while somebody is in it, and a socket alone has none', async (t) => {
    const redis = await redisFor(t);
    const server = await member(t, redis, { adapter: 'redis-sharded' });
    const admin = redis.connect();
    const clients = await Promise.all([1, 2, 3].map(() => connected(t, server.url, websocket)));
    const rooms = async () => (await admin.call('PUBSUB', 'SHARDCHANNELS'))
        .filter((channel) => !/^socket\.io#\/#([0-9a-f]{16}#)?$/.test(channel)).sort();

    t.after(() => admin.quit());
    for (const client of clients) await ask(client, 'join', 'room');
    await ask(clients[0], 'join', clients[1].id);
    await eventually(async () => (await rooms()).length === 1, 'the channel');
    assert.deepEqual(await rooms(), ['socket.io#/#room#']);
    for (const client of clients) await ask(client, 'leave', 'room');
    await eventually(async () => (await rooms()).length === 0, 'the channel to go');
});
