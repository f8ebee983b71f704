/*
 * Headers that the application adds, by contract `engine-client`: four cookies to the first response of a session, and
 * `X-Response`, which counts all responses of the server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import { POLLING, PollingSession, WEBSOCKET } from '../support/session.mjs';
import { reference, testbedFor } from '../support/testbed.mjs';
import { happens } from '../support/waiting.mjs';
import { request } from '../support/wire.mjs';

const options = { skip: reference && 'a contract that the reference does not have' };

const cookieNames = ({ headers }) => (headers['set-cookie'] ?? []).map((cookie) => cookie.split('=')[0]);
const count = ({ headers }) => Number(headers['x-response']);

/* The 101. */
async function upgrade(t, port, target) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`);

    t.after(() => socket.terminate());
    return (await happens(socket, 'upgrade'))[0];
}

test('initial headers come once a session, the others with each response and the 101', options, async (t) => {
    const server = await testbedFor(t, { contract: 'engine-client' });
    const opened = await request(server.port, `/engine.io/?${POLLING}`);
    const session = new PollingSession(server.port, '/engine.io/', JSON.parse(opened.body.slice(1)));
    const responses = [opened, await session.get(), await session.post('4x'), await upgrade(t, server.port, session.websocketTarget)];

    assert.deepEqual(responses.map(cookieNames), [['1', '2', '3', '4'], [], [], []]);
    assert.deepEqual(responses.map(count), [1, 2, 3, 4]);
});

test('initial headers of a websocket come with its 101, without a cookie of ours', options, async (t) => {
    const server = await testbedFor(t, { contract: 'engine-client' });
    const response = await upgrade(t, server.port, `/engine.io/?${WEBSOCKET}`);

    assert.deepEqual(cookieNames(response), ['1', '2', '3', '4']);
    assert.equal(count(response), 1);
});

test('errors bear neither', options, async (t) => {
    const server = await testbedFor(t, { contract: 'engine-client' });
    const response = await request(server.port, `/engine.io/?${POLLING}&sid=nobody`);

    assert.deepEqual([response.status, cookieNames(response), response.headers['x-response']], [400, [], undefined]);
});

test('the cookie comes with the first response of a polling session, and with no other', async (t) => {
    const server = await testbedFor(t, { contract: 'api' });
    const opened = await request(server.port, `/engine.io/?${POLLING}`);
    const { sid } = JSON.parse(opened.body.slice(1));
    const session = new PollingSession(server.port, '/engine.io/', { sid });
    const others = [await session.post('4x'), await session.get(), await upgrade(t, server.port, `/engine.io/?${WEBSOCKET}`)];

    assert.deepEqual(opened.headers['set-cookie'], [
        `c=${sid}; Max-Age=60; Domain=d.example; Path=/p; Expires=Sun, 06 Nov 1994 08:49:37 GMT; HttpOnly; Secure; ` +
            'Partitioned; Priority=High; SameSite=Strict',
    ]);
    for (const { headers } of others) assert.equal(headers['set-cookie'], undefined);
});
