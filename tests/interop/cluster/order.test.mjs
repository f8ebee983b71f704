/* What holds for all servers of a cluster together, whichever adapter joins them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADAPTERS, PAIRS, member, pair, sockets, websocket } from '../../support/cluster.mjs';
import { ask, connected } from '../../support/clients.mjs';
import { redisFor } from '../../support/redis.mjs';
import { eventually, happens } from '../../support/waiting.mjs';

for (const adapter of ADAPTERS) {
    describe(`adapter ${adapter}`, () => {
        test('the sockets of three servers are found on each', async (t) => {
            const redis = await redisFor(t);
            const servers = await Promise.all([1, 2, 3].map(() => member(t, redis, { adapter })));
            const clients = await Promise.all(servers.map((server) => connected(t, server.url, websocket)));
            const ids = clients.map(({ id }) => id).sort();

            await Promise.all(clients.map((client) => ask(client, 'join', 'room')));
            for (const client of clients) {
                await eventually(async () => (await sockets(client, 'room')).length === 3, 'all three to be found');
                assert.deepEqual((await sockets(client, 'room')).map(({ id }) => id).sort(), ids);
            }
        });

        for (const [name, kinds] of Object.entries(PAIRS)) {
            test(`${name}: an event arrives before the disconnection that follows it`, async (t) => {
                const { servers, clients: [near] } = await pair(t, await redisFor(t), adapter, kinds);
                const leavers = await Promise.all(servers.map((server) => connected(t, server.url, websocket)));
                const seen = leavers.map(() => []);
                const gone = leavers.map((leaver) => happens(leaver, 'disconnect'));

                for (const [i, leaver] of leavers.entries()) {
                    leaver.on('bye', (x) => seen[i].push(x));
                    leaver.on('disconnect', (reason) => seen[i].push(reason));
                    await ask(leaver, 'join', 'out');
                }
                await eventually(async () => (await sockets(near, 'out')).length === 2, 'both to be in the room');
                near.emit('broadcast', 'out', 'bye', 1);
                near.emit('kick', 'out');
                await Promise.all(gone);
                assert.deepEqual(seen, [[1, 'io server disconnect'], [1, 'io server disconnect']]);
            });
        }
    });
}
