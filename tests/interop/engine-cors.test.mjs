import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { POLLING, PollingSession, WEBSOCKET } from '../support/session.mjs';
import { sharedTestbed } from '../support/testbed.mjs';
import { RawWebSocket } from '../support/websocket.mjs';
import { request } from '../support/wire.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000 };
const FOREIGN = { headers: { Origin: 'http://foreign.example' } };
const PREFLIGHT = {
    method: 'OPTIONS',
    headers: {
        Origin: 'http://foreign.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'x-one, x-two',
    },
};
const METHODS = 'GET,HEAD,PUT,PATCH,POST,DELETE';

describe('CORS for everybody', () => {
    const server = sharedTestbed(CALM);

    test('answers a preflight with 204', async () => {
        const { status, headers, body } = await request(server.port, `/engine.io/?${POLLING}`, PREFLIGHT);

        assert.deepEqual([status, body], [204, '']);
        assert.equal(headers['content-length'], '0');
        assert.equal(headers['access-control-allow-origin'], '*');
        assert.equal(headers['access-control-allow-methods'], METHODS);
        assert.equal(headers['access-control-allow-headers'], 'x-one, x-two');
        assert.match(headers.vary, /Access-Control-Request-Headers/i);
        assert.equal(headers['access-control-allow-credentials'], undefined);
    });

    test('answers a preflight for a session, even for one that is not there', async () => {
        const response = await request(server.port, `/socket.io/?${POLLING}&sid=nobody`, PREFLIGHT);

        assert.equal(response.status, 204);
    });

    test('marks the handshake, GET, POST and errors', async () => {
        const handshake = await request(server.port, `/engine.io/?${POLLING}`, FOREIGN);
        const session = await PollingSession.open(server.port);
        const posted = await session.post('4x', FOREIGN);
        const polled = await session.get(FOREIGN);
        const refused = await request(server.port, '/engine.io/?EIO=4&transport=abc', FOREIGN);

        for (const { headers } of [handshake, posted, polled, refused]) {
            assert.equal(headers['access-control-allow-origin'], '*');
        }
        assert.equal(refused.status, 400);
    });

    test('marks the 101 too, and restricts no websocket', async () => {
        const socket = await RawWebSocket.open(server.port, `/engine.io/?${WEBSOCKET}`, FOREIGN.headers);

        assert.equal(socket.response.headers['access-control-allow-origin'], '*');
        socket.destroy();
    });

    test('is for the engines only', async () => {
        const { headers } = await request(server.port, '/healthz', FOREIGN);

        assert.equal(headers['access-control-allow-origin'], undefined);
    });
});

describe('CORS for one origin', () => {
    const server = sharedTestbed({ ...CALM, cors: 'http://friend.example' });

    for (const origin of ['http://friend.example', 'http://foreign.example', 'http://friend.example.foreign.example']) {
        test(`names that origin to ${origin}, and varies`, async () => {
            const { status, headers } = await request(server.port, `/engine.io/?${POLLING}`, { headers: { Origin: origin } });

            assert.equal(status, 200);
            assert.equal(headers['access-control-allow-origin'], 'http://friend.example');
            assert.match(headers.vary, /\bOrigin\b/);
        });
    }

    test('names that origin in a preflight', async () => {
        const { status, headers } = await request(server.port, `/engine.io/?${POLLING}`, PREFLIGHT);

        assert.equal(status, 204);
        assert.equal(headers['access-control-allow-origin'], 'http://friend.example');
        assert.match(headers.vary, /\bOrigin\b/);
    });
});

describe('without CORS', () => {
    const server = sharedTestbed({ contract: 'load' });

    test('no header speaks of it', async () => {
        const response = await request(server.port, `/socket.io/?${POLLING}`, FOREIGN);
        const words = Object.keys(response.headers).filter((name) => name.startsWith('access-control') || name === 'vary');

        assert.deepEqual([response.status, words], [200, []]);
    });

    test('a preflight is a bad handshake', async () => {
        const { status, body } = await request(server.port, `/socket.io/?${POLLING}`, PREFLIGHT);

        assert.deepEqual([status, body], [400, '{"code":2,"message":"Bad handshake method"}']);
    });
});

describe('CORS for those whom a function allows', () => {
    const server = sharedTestbed({ contract: 'api' });
    const ask = (method, origin) =>
        request(server.port, `/engine.io/?${POLLING}`, { method, headers: origin ? { Origin: origin } : {} });
    const of = ({ headers }) =>
        Object.fromEntries(Object.entries(headers).filter(([name]) => /^(access-control-|vary)/.test(name)));

    test('has every header that was asked for in a preflight', async () => {
        const response = await ask('OPTIONS', 'https://a.friend.example');

        assert.deepEqual([response.status, response.body], [200, '']);
        assert.deepEqual(of(response), {
            'access-control-allow-origin': 'https://a.friend.example',
            'access-control-allow-credentials': 'true',
            'access-control-allow-methods': 'GET,POST',
            'access-control-allow-headers': 'x-one',
            'access-control-expose-headers': 'x-two',
            'access-control-max-age': '5',
            vary: 'Origin',
        });
    });

    test('has those for all responses in a handshake', async () => {
        const response = await ask('GET', 'https://a.friend.example');

        assert.deepEqual([response.status, of(response)], [200, {
            'access-control-allow-origin': 'https://a.friend.example',
            'access-control-allow-credentials': 'true',
            'access-control-expose-headers': 'x-two',
            vary: 'Origin',
        }]);
    });

    for (const origin of ['https://a.friend.example.evil', undefined]) {
        test(`is not spoken of to ${origin ?? 'who has no origin'}, whose preflight is a bad handshake`, async () => {
            const handshake = await ask('GET', origin);
            const preflight = await ask('OPTIONS', origin);

            assert.deepEqual([handshake.status, of(handshake)], [200, {}]);
            assert.deepEqual([preflight.status, of(preflight)], [400, {}]);
            assert.equal(preflight.body, '{"code":2,"message":"Bad handshake method"}');
        });
    }
});
