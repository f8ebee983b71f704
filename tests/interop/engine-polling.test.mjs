import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, test } from 'node:test';
import { POLLING, PollingSession, SEPARATOR, UNKNOWN_SESSION } from '../support/session.mjs';
import { oursOnly, reference, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { request, Wire } from '../support/wire.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };

const server = sharedTestbed(CALM);
const open = (options) => PollingSession.open(server.port, options);

/* A POST whose body is begun and not ended. */
async function beginPost(session, body = '4half', length = 100) {
    const wire = await Wire.connect(session.port);

    wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${body}`);
    return wire;
}

/* A GET on a wire of its own that is known to have arrived, since the server answered a request before it. */
async function beginPoll(session) {
    const wire = await Wire.connect(session.port);

    wire.write(`GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`);
    wire.write(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await readHealth(wire);
    await session.send('6');
    return wire;
}

/* Node answers this one chunked. */
async function readHealth(wire) {
    await wire.readHead();
    await wire.readThrough('ok');
    if (wire.pending.length > 0 || reference) await wire.readThrough('0\r\n\r\n');
}

function assertEmpty(response, status) {
    assert.deepEqual([response.status, response.body], [status, '']);
    assert.equal(response.headers['content-type'], undefined);
}

describe('a GET', () => {
    test('hangs until there is something to send', async () => {
        const session = await open();
        const poll = await beginPoll(session);

        assert.equal(poll.pending.length, 0);
        await session.send('4hello');
        assert.equal((await poll.readResponse()).body, '4hello');
        poll.destroy();
    });

    test('is text, measured and not to be cached', async () => {
        const session = await open();

        await session.send('4тест€😀');
        const { headers, bytes, body } = await session.get();

        assert.equal(body, '4тест€😀');
        assert.equal(headers['content-type'], 'text/plain; charset=UTF-8');
        assert.equal(headers['content-length'], String(bytes.length));
        assert.equal(headers['cache-control'], 'no-store');
    });

    test('takes everything queued, in order, joined by the separator', async () => {
        const session = await open();

        await session.send(['4a', 'bAQIDBA==', '4', '4€'].join(SEPARATOR));
        assert.equal((await session.get()).body, ['4a', 'bAQIDBA==', '4', '4€'].join(SEPARATOR));
    });

    test('gets every message in order also when it waited for them', async () => {
        const session = await open();
        const first = session.get();

        await session.send(Array.from({ length: 50 }, (_, i) => `4${i}`).join(SEPARATOR));
        const seen = (await first).body.split(SEPARATOR);

        while (seen.length < 50) seen.push(await session.next());
        assert.deepEqual(seen, Array.from({ length: 50 }, (_, i) => `4${i}`));
    });

    test('that overlaps another closes the session: 1 for the first, 400 for itself', async () => {
        const session = await open();
        const first = await beginPoll(session);
        const second = await session.get();

        assertEmpty(second, 400);
        const answer = await first.readResponse();

        assert.deepEqual([answer.status, answer.body], [200, '1']);
        const third = await session.get();

        assert.deepEqual([third.status, third.body], [400, UNKNOWN_SESSION]);
        first.destroy();
    });

    for (const how of ['reset', 'destroy']) {
        test(`that is dropped (${how}) closes the session at once`, async () => {
            const session = await open();
            const poll = await beginPoll(session);

            poll[how]();
            await session.gone(1000);
        });
    }

    test('may come with Connection: close, or again and again on one connection', async () => {
        const session = await open();
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });

        for (const word of ['4a', '4b', '4c']) {
            await session.post(word, { agent });
            assert.equal((await session.get({ agent })).body, word);
        }
        agent.destroy();
        await session.alive();
    });

    for (const agent of ['Mozilla/4.0 (compatible;MSIE 8.0)', 'Mozilla/5.0 (Trident/7.0; rv:11.0)']) {
        test(`of ${agent} and its POST are kept from the XSS filter`, async () => {
            const headers = { 'User-Agent': agent };
            const session = await open({ headers });
            const posted = await session.post('4x', { headers });
            const polled = await session.get({ headers });

            assert.equal(posted.headers['x-xss-protection'], '0');
            assert.equal(polled.headers['x-xss-protection'], '0');
        });
    }

    test('of another browser has no word of the XSS filter', async () => {
        const session = await open();
        const posted = await session.post('4x', { headers: { 'User-Agent': 'Mozilla/5.0' } });

        assert.equal(posted.headers['x-xss-protection'], undefined);
    });
});

describe('a POST', () => {
    test('is answered ok', async () => {
        const session = await open();
        const { status, headers, body } = await session.post('4x');

        assert.deepEqual([status, body], [200, 'ok']);
        assert.equal(headers['content-type'], 'text/html');
        assert.equal(headers['content-length'], '2');
        assert.equal(headers['cache-control'], 'no-store');
    });

    test('may be chunked, and cut anywhere', async () => {
        const session = await open();
        const wire = await Wire.connect(server.port);
        const body = Buffer.from('4€😀');

        wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
        for (const byte of body) wire.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]));
        wire.write('0\r\n\r\n');
        assert.equal((await wire.readResponse()).body, 'ok');
        assert.equal(await session.next(), '4€😀');
        wire.destroy();
    });

    test('that expects 100-continue gets it', async () => {
        const session = await open();
        const wire = await Wire.connect(server.port);

        wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
        assert.equal((await wire.readHead()).status, 100);
        wire.write('4x');
        assert.equal((await wire.readResponse()).body, 'ok');
        wire.destroy();
    });

    test('of any other type is text, octet-stream with parameters too', async () => {
        const session = await open();

        for (const type of ['application/json', 'text/plain;charset=UTF-8', 'application/octet-stream; charset=x', 'nonsense']) {
            await session.post(`4${type}`, { headers: { 'Content-Type': type } });
            assert.equal(await session.next(), `4${type}`);
        }
    });

    test('of plain octet-stream gets 400 and closes the session', async () => {
        const session = await open();
        const poll = session.get();

        await session.send('6');
        assertEmpty(await session.post('4x', { headers: { 'Content-Type': 'application/octet-stream' } }), 400);
        assert.equal((await poll).body, '1');
        await session.gone();
    });

    test('with bytes that are no UTF-8 has U+FFFD in their place', async () => {
        const session = await open();

        await session.send(Buffer.from([0x34, 0x61, 0xff, 0x62]));
        assert.equal(await session.next(), '4a\ufffdb');
    });

    test('of binary is sent back as such, with or without padding', async () => {
        const session = await open();

        await session.send(['bAQIDBA==', 'bAQIDBA', 'b'].join(SEPARATOR));
        assert.equal(await session.next(), 'bAQIDBA==');
        assert.equal(await session.next(), 'bAQIDBA==');
        assert.equal(await session.next(), 'b');
    });

    test('that is as long as the limit is accepted', async () => {
        const session = await open();
        const body = `4${'x'.repeat(999_999)}`;

        await session.send(body);
        assert.equal((await session.next()).length, body.length);
    });

    test('that is longer than the limit gets 413, and the session stays', async () => {
        const session = await open();

        assertEmpty(await session.post(`4${'x'.repeat(1_000_000)}`), 413);
        await session.alive();
    });

    test('that turns out longer than the limit gets 413 too', async () => {
        const session = await open();
        const wire = await Wire.connect(server.port);
        const block = 'x'.repeat(0x10000);

        wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n4\r\n`);
        for (let i = 0; i < 16; i++) wire.write(`10000\r\n${block}\r\n`);
        assert.equal((await wire.readHead()).status, 413);
        wire.destroy();
        await session.alive();
    });

    test('that announces more than the limit is refused before its body', oursOnly, async () => {
        const session = await open();
        const wire = await Wire.connect(server.port);

        wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n`);
        const response = await wire.readResponse();

        assert.equal(response.status, 413);
        assert.equal(response.headers.connection.toLowerCase(), 'close');
        await wire.readToEnd();
        wire.destroy();
        await session.alive();
    });

    test('that overlaps another closes the session, and the first is dropped', async () => {
        const session = await open();
        const poll = await beginPoll(session);
        const first = await beginPost(session);

        /* The first must have arrived: a request on another connection is answered after it was read. */
        await request(server.port, '/healthz');
        assertEmpty(await session.post('4second'), 400);
        assert.equal((await poll.readResponse()).body, '1');
        assert.equal((await first.readToEnd()).length, 0);
        await session.gone();
        [poll, first].forEach((wire) => wire.destroy());
    });

    for (const how of ['reset', 'destroy']) {
        test(`that is dropped half way (${how}) closes the session`, async () => {
            const session = await open();
            const poll = await beginPoll(session);
            const wire = await beginPost(session);

            await request(server.port, '/healthz');
            wire[how]();
            assert.equal((await poll.readResponse()).body, '1');
            await session.gone();
            poll.destroy();
        });
    }

    for (const method of ['DELETE', 'PUT', 'PATCH']) {
        test(`is no ${method}: 500, and the session stays`, async () => {
            const session = await open();
            const response = await request(server.port, session.target, { method });

            assert.deepEqual([response.status, response.body], [500, '']);
            await session.alive();
        });
    }
});

describe('packets', () => {
    const broken = {
        'an empty body': '',
        'an unknown type': '7x',
        'a letter': 'x',
        'a leading separator': `${SEPARATOR}4a`,
        'a trailing separator': `4a${SEPARATOR}`,
        'a doubled separator': `4a${SEPARATOR}${SEPARATOR}4b`,
        'a ping from the client': '2',
        'a blank': ' 4a',
    };

    for (const [what, body] of Object.entries(broken)) {
        test(`${what}: ok, and the session is closed`, async () => {
            const session = await open();

            await session.send(body);
            const next = await session.get();

            assert.deepEqual([next.status, next.body], [400, UNKNOWN_SESSION]);
        });
    }

    test('that mean nothing from a client are passed over', async () => {
        const session = await open();

        await session.send(['0', '0{}', '5', '6', '6x', '3', '3x'].join(SEPARATOR));
        await session.alive();
    });

    test('after a broken one are not looked at', async () => {
        const session = await open();
        const poll = await beginPoll(session);

        await session.send(['4before', '9', '4after'].join(SEPARATOR));
        const { body } = await poll.readResponse();

        /* Node flushes at the first packet; who flushes later closes before that. */
        assert.ok(body === '4before' || (!reference && body === '1'), body);
        await session.gone();
        poll.destroy();
    });
});

describe('closing', () => {
    test('by the client answers the waiting GET with a noop', async () => {
        const session = await open();
        const poll = await beginPoll(session);

        await session.send('1');
        assert.equal((await poll.readResponse()).body, '6');
        await session.gone();
        poll.destroy();
    });

    test('by the client makes the rest of its payload void', async () => {
        const session = await open();
        const poll = await beginPoll(session);

        await session.send(`1${SEPARATOR}4late`);
        assert.equal((await poll.readResponse()).body, '6');
        poll.destroy();
    });

    test('by the server lets the queue out first, then says noop and close', async () => {
        const session = await open({ path: '/socket.io/' });

        await session.send('40');
        await session.send('4broken');
        const first = await session.get();

        assert.match(first.body, /^40\{"sid":"[^"]{20}"}\x1e42\["auth",\{\}\]$/);
        await session.send('4ignored');
        assert.equal((await session.get()).body, '6\x1e1');
        const after = await session.get();

        assert.deepEqual([after.status, after.body], [400, UNKNOWN_SESSION]);
    });

    test('by the server answers a waiting GET with close', async () => {
        const session = await open({ path: '/socket.io/' });
        const poll = await beginPoll(session);

        await session.send('4broken');
        assert.equal((await poll.readResponse()).body, '1');
        await session.gone();
        poll.destroy();
    });

    test('by the server with nothing queued says noop and close to the next GET', async () => {
        const session = await open({ path: '/socket.io/' });

        await session.send('4broken');
        assert.equal((await session.get()).body, '6\x1e1');
        await session.gone();
    });

    test('of the whole server answers a waiting GET with close', async (t) => {
        const other = await testbedFor(t, CALM);
        const session = await PollingSession.open(other.port);
        const poll = await beginPoll(session);

        await other.stop();
        assert.equal((await poll.readResponse()).body, '1');
        poll.destroy();
    });
});

test('b64 changes nothing on polling', async () => {
    const response = await request(server.port, `/engine.io/?${POLLING}&b64=1`);
    const session = new PollingSession(server.port, '/engine.io/', JSON.parse(response.body.slice(1)));

    await session.send('bAQID');
    assert.equal(await session.next(), 'bAQID');
});
