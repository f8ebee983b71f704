/* Several Socket.IO servers on one listener. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, client, connected } from '../support/clients.mjs';
import { POLLING } from '../support/session.mjs';
import { sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { happens, within } from '../support/waiting.mjs';
import { request } from '../support/wire.mjs';

const server = sharedTestbed({ contract: 'api' });
const WEBSOCKET = { transports: ['websocket'] };
const OTHER = { ...WEBSOCKET, path: '/other/' };

test('each has rooms and events of its own', async (t) => {
    const [one, two, second] = await Promise.all([
        connected(t, server.url, WEBSOCKET), connected(t, server.url, OTHER), connected(t, server.url, OTHER),
    ]);
    const heard = [];

    await Promise.all([ask(one, 'join', 'a'), ask(two, 'join', 'a')]);
    one.on('told', () => assert.fail('it was said on the other server'));
    two.on('told', (what) => heard.push(what));
    second.emit('other', 'a', 1);
    await happens(two, 'told');
    one.emit('other', 'a', 2); /* nobody hears that here */
    one.emit('said', 3);
    await happens(one, 'said');
    assert.deepEqual(heard, [1]);
});

test('each has options of its own', async () => {
    assert.equal((await request(server.port, `/socket.io/?${POLLING}`)).status, 200);
    const refused = await request(server.port, `/other/?${POLLING}`);
    assert.deepEqual([refused.status, refused.body], [400, '{"code":0,"message":"Transport unknown"}']);
});

test('a session of one is unknown to the other', async () => {
    const { body } = await request(server.port, `/socket.io/?${POLLING}`);
    const { sid } = JSON.parse(body.slice(1));

    for (const path of ['/other/', '/engine.io/']) {
        const response = await request(server.port, `${path}?EIO=4&transport=${path === '/other/' ? 'websocket' : 'polling'}&sid=${sid}`);
        assert.deepEqual([response.status, response.body], [400, '{"code":1,"message":"Session ID unknown"}']);
    }
});

test('all are closed in the end, and say so', async (t) => {
    const own = await testbedFor(t, { contract: 'api' });
    const sockets = [client(t, own.url, WEBSOCKET), client(t, own.url, OTHER)];

    await Promise.all(sockets.map((socket) => happens(socket, 'connect')));
    const gone = sockets.map((socket) => happens(socket, 'disconnect'));
    await own.stop();
    assert.equal((await within(Promise.all(gone), 'both to be closed')).length, 2);
});
