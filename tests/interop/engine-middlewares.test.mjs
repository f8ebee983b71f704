/* engine.use(): what a middleware does to a request, and what the client gets. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, connected } from '../support/clients.mjs';
import { openWebSocketSession, POLLING, PollingSession, WEBSOCKET } from '../support/session.mjs';
import { oursOnly, sharedTestbed } from '../support/testbed.mjs';
import { eventually } from '../support/waiting.mjs';
import { RawWebSocket } from '../support/websocket.mjs';
import { request, Wire } from '../support/wire.mjs';

const server = sharedTestbed({ contract: 'api' });
const FAILURE = '{"code":3,"message":"Bad request"}';
const hello = (step) => request(server.port, `/engine.io/?${POLLING}&step=${step}`);

const marks = ({ headers }) => [headers['x-first'], headers['x-last']];

test('headers of middlewares are in the handshake, GET, POST and refusals', async () => {
    const session = await PollingSession.open(server.port);
    const posted = await session.post('4x');
    const polled = await session.get();
    const handshake = await hello('none');
    const refused = await request(server.port, '/engine.io/?EIO=4&transport=abc');

    for (const response of [handshake, posted, polled, refused]) assert.deepEqual(marks(response), ['1', '1']);
    assert.deepEqual([posted.body, polled.body, refused.status], ['ok', '4x', 400]);
});

test('headers of middlewares are in the 101', async () => {
    const socket = await openWebSocketSession(server.port);

    assert.deepEqual(marks(socket.response), ['1', '1']);
    socket.destroy();
});

for (const step of ['fail', 'fail-later']) {
    test(`a middleware that fails (${step}) is a bad request, and later ones do not run`, async (t) => {
        const witness = await connected(t, server.url, { transports: ['websocket'] });
        await ask(witness, 'refusals');
        const response = await hello(step);

        assert.deepEqual([response.status, response.body], [400, FAILURE]);
        assert.equal(response.headers['content-type'], 'application/json');
        assert.deepEqual(marks(response), ['1', undefined]);
        assert.deepEqual(await ask(witness, 'refusals'), [[['3', 'name: MIDDLEWARE_FAILURE']]]);
    });

    test(`an upgrade with a middleware that fails (${step}) is refused`, async () => {
        const { response } = await RawWebSocket.attempt(server.port, `/engine.io/?${WEBSOCKET}&step=${step}`);

        assert.equal(response.status, 400);
        assert.equal(response.body, 'Bad request');
    });
}

for (const step of ['answer', 'answer-later']) {
    test(`a middleware may answer by itself (${step})`, async () => {
        const response = await hello(step);

        assert.deepEqual([response.status, response.body], [418, 'a teapot']);
        assert.deepEqual(marks(response), ['1', undefined]);
    });

    test(`an upgrade that a middleware answers by itself (${step}) is none`, async () => {
        const wire = await Wire.connect(server.port);

        wire.write(`GET /engine.io/?${WEBSOCKET}&step=${step} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n` +
            'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
        assert.doesNotMatch(String(await wire.readToEnd()), /101/);
        wire.destroy();
    });
}

describe('a middleware that goes on later', () => {
    test('lets handshake, POST and GET through, bodies and all', async () => {
        const session = await PollingSession.open(server.port, { query: '&step=later' });
        const target = `${session.target}&step=later`;
        const posted = await request(server.port, target, { method: 'POST', body: `4${'x'.repeat(100_000)}` });
        const polled = await request(server.port, target);

        assert.equal(posted.body, 'ok');
        assert.equal(polled.body.length, 100_001);
    });

    test('lets a websocket through, with what was sent behind its head', async () => {
        const socket = await RawWebSocket.open(server.port, `/engine.io/?${WEBSOCKET}&step=later`);

        assert.equal((await socket.nextText())[0], '0');
        socket.sendText('4x');
        assert.equal(await socket.nextText(), '4x');
        socket.destroy();
    });

    test('does not matter to clients that leave meanwhile', async () => {
        for (const step of ['later', 'fail-later', 'answer-later']) {
            const wire = await Wire.connect(server.port);

            wire.write(`GET /engine.io/?${POLLING}&step=${step} HTTP/1.1\r\nHost: x\r\n\r\n`);
            wire.reset();
        }
        await eventually(async () => (await hello('later')).status === 200, 'a handshake');
    });
});

test('requests beside the path do not pass the middlewares', oursOnly, async () => {
    assert.deepEqual(marks(await request(server.port, '/healthz')), [undefined, undefined]);
    assert.deepEqual(marks(await request(server.port, `/socket.io/?${POLLING}`)), [undefined, undefined]);
});

test('a server that stops does not wait for its middlewares', oursOnly, async () => {
    const wire = await Wire.connect(server.port);

    wire.write(`GET /engine.io/?${POLLING}&step=later HTTP/1.1\r\nHost: x\r\n\r\n`);
    await server.server.stop();
    wire.destroy();
});
