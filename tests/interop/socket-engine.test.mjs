/* What the engine below tells the application of its sessions: io.engine.on("drain"), socket.conn.on("upgrade"). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, client, connected, ready, upgraded } from '../support/clients.mjs';
import { testbedFor } from '../support/testbed.mjs';

/* An answer is noted before what is sent with it has left: so the second one tells of the first. */
async function seen(socket) {
    const [before] = await ask(socket, 'sessions');
    const [after] = await ask(socket, 'sessions');

    return [...before, ...after].map((words) => words.join(' '));
}

for (const transport of ['polling', 'websocket']) {
    test(`what was queued has left: told of ${transport}`, async (t) => {
        const server = await testbedFor(t, { contract: 'api' });
        const socket = await connected(t, server.url, { transports: [transport] });

        assert.ok((await seen(socket)).includes(`drain ${transport}`));
    });
}

test('an upgrade is told once', async (t) => {
    const server = await testbedFor(t, { contract: 'api' });
    const socket = client(t, server.url);

    await ready(socket);
    await upgraded(socket);
    const told = [...(await seen(socket)), ...(await seen(socket))];

    assert.deepEqual(told.filter((line) => line.startsWith('upgrade')), ['upgrade websocket']);
});
