/* Clients of Socket.IO 2 (Engine.IO v3, protocol 4) and 3, against one server that lets them in. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import connect2 from 'socket.io-client-2';
import { io as connect3 } from 'socket.io-client-3';
import { connected as connect4 } from '../support/clients.mjs';
import { sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { happens, within } from '../support/waiting.mjs';
import { request, Wire } from '../support/wire.mjs';
import { RawWebSocket } from '../support/websocket.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, allowEio3: true };
const MODES = { polling: { transports: ['polling'] }, websocket: { transports: ['websocket'] }, upgrade: {} };
const LIBRARIES = { 2: connect2, 3: connect3 };

const server = sharedTestbed(CALM);

function open(t, version, path, options) {
    const socket = LIBRARIES[version](`${server.url}${path}`, { forceNew: true, reconnection: false, ...options });

    t.after(() => socket.close());
    return socket;
}

async function connected(t, version, path, options) {
    const socket = open(t, version, path, options);

    await within(
        new Promise((resolve, reject) => {
            socket.on('connect', resolve);
            socket.on('connect_error', reject);
            if (version === '2') socket.on('error', reject);
        }),
        'the connection',
    );
    return socket;
}

const ask = (socket, ...event) =>
    within(new Promise((resolve) => socket.emit(...event, (...answer) => resolve(answer))), 'the acknowledgement');

for (const version of Object.keys(LIBRARIES)) {
    for (const [mode, options] of Object.entries(MODES)) {
        describe(`the client of Socket.IO ${version} over ${mode}`, () => {
            test('sends and gets texts, values and bytes', async (t) => {
                const socket = await connected(t, version, '/', options);
                const args = [1, 'é😀\u2028', { a: [null, true] }, Buffer.from([0, 255, 7]), ''];
                const back = happens(socket, 'message-back');

                socket.emit('message', ...args);
                assert.deepEqual(await back, args);
                assert.deepEqual(await ask(socket, 'message-with-ack', 'x', Buffer.from('q')), ['x', Buffer.from('q')]);
            });

            test('joins a namespace beside the main one', async (t) => {
                const socket = await connected(t, version, '/custom', options);

                assert.equal(socket.connected, true);
            });

            test('is refused in the same words', async (t) => {
                const socket = open(t, version, '/nowhere', options);
                const [error] = await happens(socket, version === '2' ? 'error' : 'connect_error');

                assert.equal(error.message, 'Invalid namespace');
            });

            test('gets the broadcasts of others', async (t) => {
                const socket = await connected(t, version, '/', options);
                const other = await connect4(t, server.url, MODES.websocket);
                const heard = happens(socket, 'blob');

                await ask(other, 'burst', 1, 10);
                assert.deepEqual(await heard, [0, 'xxxxxxxxxx']);
            });
        });
    }
}

describe('Socket.IO protocol 4', () => {
    test('the id of the main socket is the session’s, others have the namespace in front', async (t) => {
        const main = await connected(t, '2', '/', {});
        const custom = await connected(t, '2', '/custom', {});

        assert.equal(main.id, main.io.engine.id);
        assert.equal(custom.id, `/custom#${custom.io.engine.id}`);
    });

    test('the query of a namespace is its auth', async (t) => {
        const socket = open(t, '2', '/custom', { query: { token: 'a b', n: 1 } });
        const [auth] = await happens(socket, 'auth');

        assert.deepEqual(auth, { token: 'a b', n: '1' });
    });

    test('the server connects `/` by itself, and a CONNECT for it ends the connection', async () => {
        const { body } = await request(server.port, '/socket.io/?EIO=3&transport=polling&b64=1');
        const sid = /"sid":"([^"]+)"/.exec(body)[1];
        const target = `/socket.io/?EIO=3&transport=polling&b64=1&sid=${sid}`;

        assert.equal((await request(server.port, target)).body, '2:4013:42["auth",{}]');
        assert.equal((await request(server.port, target, { method: 'POST', body: '2:40' })).body, 'ok');
        assert.equal((await request(server.port, target)).body, '1:61:1');
        assert.equal((await request(server.port, target)).status, 400);
    });
});

describe('Engine.IO v3', () => {
    /* A GET that has reached the server when this returns. */
    const beginRequest = async (t, target) => {
        const wire = await Wire.connect(server.port);

        t.after(() => wire.destroy());
        wire.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await request(server.port, '/healthz');
        return wire;
    };
    const open3 = async (query = '') => {
        const { body } = await request(server.port, `/engine.io/?EIO=3&transport=polling${query}`);

        return /\\?"sid\\?":\\?"([^"\\]+)\\?"/.exec(body)[1];
    };

    test('is refused where it is not allowed', async (t) => {
        const strict = await testbedFor(t, { contract: 'protocol' });
        const { status, body } = await request(strict.port, '/engine.io/?EIO=3&transport=polling');

        assert.equal(status, 400);
        assert.equal(body, '{"code":5,"message":"Unsupported protocol version"}');
    });

    test('bytes make a payload of bytes', async () => {
        const sid = await open3();
        const target = `/engine.io/?EIO=3&transport=polling&sid=${sid}`;
        const sent = Buffer.from('0004ff34e282ac0105ff0401020304', 'hex');
        const headers = { 'Content-Type': 'application/octet-stream' };

        assert.equal((await request(server.port, target, { method: 'POST', body: sent, headers })).body, 'ok');
        const answer = await request(server.port, target);
        assert.equal(answer.headers['content-type'], 'application/octet-stream');
        assert.equal(answer.bytes.toString('hex'), '0004ff34e282ac0105ff0401020304');
    });

    test('a client that cannot take bytes gets base64', async () => {
        const sid = await open3('&b64=1');
        const target = `/engine.io/?EIO=3&transport=polling&b64=1&sid=${sid}`;

        assert.equal((await request(server.port, target, { method: 'POST', body: '2:4€10:b4AQIDBA==' })).body, 'ok');
        const answer = await request(server.port, target);
        assert.equal(answer.headers['content-type'], 'text/plain; charset=UTF-8');
        assert.equal(answer.body, '2:4€10:b4AQIDBA==');
    });

    test('JSONP answers with a script, and takes a form', async () => {
        const sid = await open3('&j=a1b2)x');
        const target = `/engine.io/?EIO=3&transport=polling&j=0&sid=${sid}`;
        const form = `d=${encodeURIComponent('5:4a"b€')}`;
        const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };

        assert.equal((await request(server.port, target, { method: 'POST', body: form, headers })).body, 'ok');
        const answer = await request(server.port, target);
        assert.equal(answer.headers['content-type'], 'text/plain; charset=UTF-8');
        assert.equal(answer.body, '___eio[12]("5:4a\\"b€");');
    });

    test('closing answers the waiting GET with a noop', async (t) => {
        const target = `/engine.io/?EIO=3&transport=polling&b64=1&sid=${await open3('&b64=1')}`;
        const poll = await beginRequest(t, target);

        assert.equal((await request(server.port, target, { method: 'POST', body: '1:1' })).body, 'ok');
        assert.equal((await poll.readResponse()).body, '1:6');
    });

    test('a second GET closes the session: 1:1 for the first, 400 for itself and what follows', async (t) => {
        const target = `/engine.io/?EIO=3&transport=polling&b64=1&sid=${await open3('&b64=1')}`;
        const poll = await beginRequest(t, target);

        assert.equal((await request(server.port, target)).status, 400);
        assert.equal((await poll.readResponse()).body, '1:1');
        assert.equal((await request(server.port, target)).status, 400);
    });

    test('the client pings, the server answers', async (t) => {
        const socket = await RawWebSocket.open(server.port, '/engine.io/?EIO=3&transport=websocket');

        t.after(() => socket.destroy());
        await socket.nextText();
        socket.sendText('2');
        assert.equal(await socket.nextText(), '3');
    });

    test('a client that does not ping is gone after both times, upgraded or not', async (t) => {
        const hasty = await testbedFor(t, { contract: 'protocol', allowEio3: true, pingInterval: 150, pingTimeout: 100 });
        const socket = connect2(hasty.url, { forceNew: true, reconnection: false });

        t.after(() => socket.close());
        await happens(socket.io.engine, 'upgrade');
        clearTimeout(socket.io.engine.pingIntervalTimer); /* it falls silent */
        const [reason] = await happens(socket, 'disconnect');

        assert.match(reason, /transport close|ping timeout/);
    });

    test('a session keeps its protocol', async () => {
        const sid = await open3();
        const { status, body } = await request(server.port, `/engine.io/?EIO=4&transport=polling&sid=${sid}`);

        assert.equal(status, 400);
        assert.equal(body, '{"code":3,"message":"Bad request"}');
    });
});
