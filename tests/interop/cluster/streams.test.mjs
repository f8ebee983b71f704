/* What only the adapter of streams promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pair } from '../../support/cluster.mjs';
import { redisFor } from '../../support/redis.mjs';
import { eventually, happens } from '../../support/waiting.mjs';

test('a server whose reader is cut off misses nothing, and hears nothing twice', async (t) => {
    const redis = await redisFor(t);
    const { clients: [near, far] } = await pair(t, redis, 'redis-streams', [false, false]);
    const admin = redis.connect();
    const heard = [];

    t.after(() => admin.quit());
    far.on('n', (n) => heard.push(n));
    for (let i = 0; i < 300; i++) {
        near.emit('broadcast', 'room', 'n', i);
        if (i % 100 !== 50) continue;
        await eventually(() => heard.length > i / 2, 'numbers to flow');
        const list = await admin.client('LIST');
        for (const [, id] of list.matchAll(/^id=(\d+) .*cmd=xread/gm)) await admin.client('KILL', 'ID', id);
    }
    await eventually(() => heard.length >= 300, 'all numbers');
    assert.deepEqual(heard, [...Array(300).keys()]);
});

test('entries that are no messages are passed over, once', async (t) => {
    const redis = await redisFor(t);
    const { clients: [near, far] } = await pair(t, redis, 'redis-streams', [false, false]);
    const admin = redis.connect();
    const bad = [['type', '3'], ['nsp', '/', 'type', '3'], ['nsp', '/', 'type', '3', 'data', '{}'],
        ['nsp', '/', 'type', '3', 'data', '!!!!'], ['nsp', '/', 'type', '7', 'data', '{"requestId":1}'],
        ['nsp', '/', 'type', '99', 'data', '{}'], ['nsp', '/nowhere', 'type', '3', 'data', '{}']];

    t.after(() => admin.quit());
    for (const fields of bad) await admin.xadd('socket.io', '*', ...fields);
    const heard = [near, far].map((client) => happens(client, 'n'));

    near.emit('broadcast', 'room', 'n', 1);
    assert.deepEqual(await Promise.all(heard), [[1], [1]]);
});
