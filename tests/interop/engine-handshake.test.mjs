import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openWebSocketSession, POLLING, PollingSession, WEBSOCKET } from '../support/session.mjs';
import { oursOnly, reference, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { acceptOf, RawWebSocket, upgradeRequest } from '../support/websocket.mjs';
import { request, Wire } from '../support/wire.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000 };

const ERRORS = [
    'Transport unknown',
    'Session ID unknown',
    'Bad handshake method',
    'Bad request',
    'Forbidden',
    'Unsupported protocol version',
];

const server = sharedTestbed(CALM);

async function refusal(code, target, method = 'GET', port = server.port) {
    const response = await request(port, target, { method });
    const body = JSON.stringify({ code, message: ERRORS[code] });

    assert.equal(response.body, method === 'HEAD' ? '' : body, `${method} ${target}`);
    assert.equal(response.status, code === 4 ? 403 : 400);
    assert.equal(response.headers['content-type'], 'application/json');
    assert.equal(response.headers['cache-control'], undefined);
}

async function accepted(target) {
    const response = await request(server.port, target);

    assert.equal(response.status, 200, `${target}: ${response.body}`);
    assert.equal(response.body[0], '0');
}

describe('the handshake over polling', () => {
    test('answers five keys in Node’s order, compact, and nothing else', async () => {
        const { body } = await request(server.port, `/engine.io/?${POLLING}`);

        assert.match(
            body,
            /^0\{"sid":"[A-Za-z0-9_-]{20}","upgrades":\["websocket"\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000\}$/,
        );
    });

    test('is text, measured and not to be cached', async () => {
        const { headers, bytes } = await request(server.port, `/engine.io/?${POLLING}`);

        assert.equal(headers['content-type'], 'text/plain; charset=UTF-8');
        assert.equal(headers['content-length'], String(bytes.length));
        assert.equal(headers['cache-control'], 'no-store');
        assert.equal(headers['set-cookie'], undefined);
    });

    test('announces the options of the server', async (t) => {
        const other = await testbedFor(t, { pingInterval: 1234, pingTimeout: 567, maxPayload: 4321, transports: 'polling' });
        const { handshake } = await PollingSession.open(other.port);

        assert.deepEqual(
            { ...handshake, sid: '' },
            { sid: '', upgrades: [], pingInterval: 1234, pingTimeout: 567, maxPayload: 4321 },
        );
    });

    test('gives every session an id of its own', async () => {
        const sessions = await Promise.all(Array.from({ length: 60 }, () => PollingSession.open(server.port)));

        assert.equal(new Set(sessions.map((session) => session.sid)).size, 60);
    });

    test('does not mind headers that are named like properties of objects', async () => {
        const headers = { ['__proto__']: 'a', constructor: 'b', 'has-own-property': 'c', tostring: 'd' };
        const response = await request(server.port, `/engine.io/?${POLLING}`, { headers });

        assert.deepEqual([response.status, response.body[0]], [200, '0']);
    });

    test('holds only the open packet on /socket.io/ too', async () => {
        const { body } = await request(server.port, `/socket.io/?${POLLING}`);

        assert.match(body, /^0\{[^\x1e]*\}$/);
    });
});

describe('the handshake over websocket', () => {
    test('answers 101 and then the open packet without upgrades', async () => {
        const socket = await RawWebSocket.open(server.port, `/engine.io/?${WEBSOCKET}`);
        const frame = await socket.next();

        assert.equal(socket.response.statusLine, 'HTTP/1.1 101 Switching Protocols');
        assert.equal(socket.response.headers.upgrade, 'websocket');
        assert.equal(socket.response.headers.connection, 'Upgrade');
        assert.equal(socket.response.headers['sec-websocket-accept'], acceptOf('dGhlIHNhbXBsZSBub25jZQ=='));
        assert.equal(socket.response.headers['set-cookie'], undefined);
        assert.match(
            frame.text,
            /^0\{"sid":"[A-Za-z0-9_-]{20}","upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000\}$/,
        );
        socket.destroy();
    });

    test('never negotiates an extension that is switched off', async () => {
        const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' };
        const socket = await RawWebSocket.open(server.port, `/engine.io/?${WEBSOCKET}`, offer);

        assert.equal(socket.response.headers['sec-websocket-extensions'], undefined);
        socket.destroy();
    });

    test('echoes the first of the offered subprotocols', async () => {
        const offer = { 'Sec-WebSocket-Protocol': 'first, second' };
        const socket = await RawWebSocket.open(server.port, `/engine.io/?${WEBSOCKET}`, offer);

        assert.equal(socket.response.headers['sec-websocket-protocol'], 'first');
        socket.destroy();
    });

    test('accepts version 8', async () => {
        const socket = await RawWebSocket.open(server.port, `/engine.io/?${WEBSOCKET}`, { 'Sec-WebSocket-Version': '8' });

        assert.equal((await socket.nextText())[0], '0');
        socket.destroy();
    });

    const faults = [
        ['no key', { 'Sec-WebSocket-Key': null }, 'Missing or invalid Sec-WebSocket-Key header'],
        ['a short key', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZQ==' }, 'Missing or invalid Sec-WebSocket-Key header'],
        ['a key that is no base64', { 'Sec-WebSocket-Key': 'dGhlIHNhb*BsZSBub25jZQ==' }, 'Missing or invalid Sec-WebSocket-Key header'],
        ['no version', { 'Sec-WebSocket-Version': null }, 'Missing or invalid Sec-WebSocket-Version header'],
        ['version 12', { 'Sec-WebSocket-Version': '12' }, 'Missing or invalid Sec-WebSocket-Version header'],
        ['another protocol', { Upgrade: 'h2c' }, 'Invalid Upgrade header'],
        ['a bad subprotocol', { 'Sec-WebSocket-Protocol': 'a,,b' }, 'Invalid Sec-WebSocket-Protocol header'],
        ['a repeated subprotocol', { 'Sec-WebSocket-Protocol': 'a,a' }, 'Invalid Sec-WebSocket-Protocol header'],
    ];

    for (const [what, headers, message] of faults) {
        test(`refuses ${what}`, async () => {
            const { response, wire } = await RawWebSocket.attempt(server.port, `/engine.io/?${WEBSOCKET}`, headers);

            assert.equal(response.status, 400);
            assert.equal(response.body, message);
            assert.equal(response.headers.connection.toLowerCase(), 'close');
            assert.equal(response.headers['content-type'], 'text/html');
            if (message.includes('Version')) assert.equal(response.headers['sec-websocket-version'], '13, 8');
            assert.equal((await wire.readToEnd()).length, 0);
            wire.destroy();
        });
    }

    test('is refused before 101 for a protocol that is not served', oursOnly, async () => {
        const { response, wire } = await RawWebSocket.attempt(server.port, '/engine.io/?EIO=3&transport=websocket');

        assert.deepEqual([response.status, response.body], [400, 'Unsupported protocol version']);
        wire.destroy();
    });
});

describe('errors over HTTP', () => {
    const unknown = 'sid=AAAAAAAAAAAAAAAAAAAA';
    const cases = [
        [0, 'GET', 'EIO=4'],
        [0, 'GET', 'EIO=4&transport='],
        [0, 'GET', 'EIO=4&transport=carrier-pigeon'],
        [0, 'GET', 'EIO=4&transport=webtransport'],
        [0, 'GET', 'EIO=4&transport=Polling'],
        [0, 'GET', 'EIO=4&transport=constructor'],
        [0, 'GET', 'EIO=4&transport=__proto__'],
        [0, 'GET', 'EIO=4&transport=toString'],
        [0, 'POST', `EIO=4&transport=abc&${unknown}`],
        [1, 'GET', `${POLLING}&${unknown}`],
        [1, 'POST', `${POLLING}&${unknown}`],
        [1, 'DELETE', `${POLLING}&${unknown}`],
        [1, 'GET', `${POLLING}&sid=__proto__`],
        [1, 'GET', `${POLLING}&sid=constructor`],
        [1, 'GET', `${POLLING}&sid=${'A'.repeat(4000)}`],
        [1, 'GET', `${POLLING}&sid=%00`],
        [1, 'GET', `${WEBSOCKET}&${unknown}`],
        [2, 'POST', POLLING],
        [2, 'PUT', POLLING],
        [2, 'HEAD', POLLING],
        [2, 'POST', WEBSOCKET],
        [2, 'POST', 'EIO=3&transport=polling'],
        [3, 'GET', WEBSOCKET],
        [3, 'GET', 'EIO=3&transport=websocket'],
        [5, 'GET', 'EIO=3&transport=polling'],
        [5, 'GET', 'transport=polling'],
        [5, 'GET', 'EIO=abc&transport=polling'],
        [5, 'GET', 'EIO=04&transport=polling'],
        [5, 'GET', 'EIO=&transport=polling'],
    ];

    for (const [code, method, query] of cases) {
        test(`${method} ?${query.slice(0, 60)} has code ${code}`, () => refusal(code, `/engine.io/?${query}`, method));
    }

    test('OPTIONS without CORS is a bad handshake method', async (t) => {
        const plain = await testbedFor(t, { contract: 'load' });

        await refusal(2, `/socket.io/?${POLLING}`, 'OPTIONS', plain.port);
    });

    test('a session is bound to its transport and to its protocol', async () => {
        const session = await PollingSession.open(server.port);

        await refusal(3, `/engine.io/?${WEBSOCKET}&sid=${session.sid}`);
        await refusal(3, `/engine.io/?EIO=3&transport=polling&sid=${session.sid}`);
        await refusal(3, `/engine.io/?transport=polling&sid=${session.sid}`);
        await session.alive();
    });

    test('the sessions of the two servers are apart', async () => {
        const session = await PollingSession.open(server.port);

        await refusal(1, `/socket.io/?${POLLING}&sid=${session.sid}`);
    });

    test('an Origin with a control character is refused', async () => {
        const wire = await Wire.connect(server.port);

        wire.write(`GET /engine.io/?${POLLING} HTTP/1.1\r\nHost: a\r\nOrigin: http://a\x7f\r\n\r\n`);
        assert.equal((await wire.readHead()).status, 400);
        wire.destroy();
    });

    test('without websocket an upgrade request is a plain GET', async (t) => {
        const polling = await testbedFor(t, { transports: 'polling' });
        const headers = { Connection: 'Upgrade', Upgrade: 'websocket' };
        const response = await request(polling.port, `/engine.io/?${WEBSOCKET}`, { headers });

        assert.deepEqual([response.status, response.body], [400, '{"code":0,"message":"Transport unknown"}']);
    });

    test('without polling a GET has code 0', async (t) => {
        const websocket = await testbedFor(t, { transports: 'websocket' });

        await refusal(0, `/engine.io/?${POLLING}`, 'GET', websocket.port);
        (await openWebSocketSession(websocket.port)).destroy();
    });
});

describe('errors on an upgrade request', () => {
    const cases = [
        ['EIO=4&transport=abc', 'Transport unknown'],
        ['EIO=4&transport=constructor', 'Transport unknown'],
        [`${WEBSOCKET}&sid=AAAAAAAAAAAAAAAAAAAA`, 'Session ID unknown'],
        [`${WEBSOCKET}&sid=__proto__`, 'Session ID unknown'],
    ];

    for (const [query, message] of cases) {
        test(`?${query} gets the message alone and the end`, async () => {
            const wire = await Wire.connect(server.port);

            wire.write(upgradeRequest(`/engine.io/?${query}`));
            const head = await wire.readHead();

            assert.equal(head.statusLine, 'HTTP/1.1 400 Bad Request');
            assert.equal(head.headers.connection, 'close');
            assert.equal(head.headers['content-type'], 'text/html');
            assert.equal(head.headers['content-length'], String(message.length));
            assert.equal((await wire.readToEnd()).toString(), message);
            wire.destroy();
        });
    }

    test('another method than GET is not upgraded', async () => {
        const wire = await Wire.connect(server.port);

        wire.write(upgradeRequest(`/engine.io/?${WEBSOCKET}`).replace('GET', 'PUT'));
        assert.equal((await wire.readHead()).status, 400);
        wire.destroy();
    });

    test('a session is not upgraded under another protocol', async () => {
        const session = await PollingSession.open(server.port);
        const { response, wire } = await RawWebSocket.attempt(
            server.port,
            `/engine.io/?EIO=3&transport=websocket&sid=${session.sid}`,
        );

        assert.deepEqual([response.status, response.body], [400, 'Bad request']);
        wire.destroy();
        await session.alive();
    });

    test('transport=polling is upgraded and closed at once', async () => {
        const socket = await RawWebSocket.open(server.port, `/engine.io/?${POLLING}`);

        assert.equal(await socket.closeFrame(), '');
        socket.destroy();
    });
});

describe('the query', () => {
    const accepts = [
        'EIO=3&EIO=4&transport=polling',
        'EIO=4&transport=abc&transport=polling',
        '%45IO=%34&transp%6frt=%70olling',
        `${POLLING}&sid=`,
        `${POLLING}&sid=abc&sid=`,
        `${POLLING}&t=PxY3k0a.1&x=%zz&y=%&=&&z`,
        `${POLLING}&x=%ff%fe&y=%F0%9F%98%80`,
        `&${POLLING}`,
    ];

    for (const query of accepts) test(`?${query} is a handshake`, () => accepted(`/engine.io/?${query}`));

    const unknown = ['EIO=4&transport=poll+ing', 'EIO=4&transport=polling%20', 'EIO=4&transport=polling&transport=', 'EIO=4&Transport=polling'];

    for (const query of unknown) test(`?${query} names no transport`, () => refusal(0, `/engine.io/?${query}`));
});

describe('the path', () => {
    const within = ['/engine.io/', '/engine.io/default/', '/engine.io/anything/else', '/socket.io/', '/socket.io/default/'];

    for (const path of within) test(`${path} belongs to an engine`, () => accepted(`${path}?${POLLING}`));

    const outside = ['/engine.io', '/socket.io', '/engine.iox/', '/', '/other', '/Engine.IO/', '/x/engine.io/'];

    for (const path of outside) {
        test(`${path} does not`, async () => {
            const response = await request(server.port, `${path}?${POLLING}`);

            assert.deepEqual([response.status, response.body], [404, '']);
        });
    }

    for (const option of ['/custom', '/custom/']) {
        test(`--path ${option} is served with a slash at its end`, async (t) => {
            const custom = await testbedFor(t, { path: option });
            const inside = await request(custom.port, `/custom/?${POLLING}`);
            const bare = await request(custom.port, `/custom?${POLLING}`);
            const usual = await request(custom.port, `/socket.io/?${POLLING}`);

            assert.deepEqual([inside.status, bare.status, usual.status], [200, 404, 404]);
        });
    }

    test('an upgrade that nobody serves is ended, after a second without a word as in Node, or refused', async () => {
        const wire = await Wire.connect(server.port);
        const start = performance.now();

        wire.write(upgradeRequest('/elsewhere'));
        if (reference) {
            assert.equal((await wire.readToEnd()).length, 0);
            assert.ok(performance.now() - start > 900);
        } else {
            assert.equal((await wire.readHead()).status, 404);
        }
        wire.destroy();
    });

    test('GET /healthz is answered beside the engines', async () => {
        const response = await request(server.port, '/healthz');

        assert.deepEqual([response.status, response.body], [200, 'ok']);
    });
});
