import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { HttpServer } from '../support/http_server.mjs';
import { request, Wire } from '../support/wire.mjs';

const HOST = 'Host: a\r\n';

const get = (target, more = '') => `GET ${target} HTTP/1.1\r\n${HOST}${more}\r\n`;
const post = (target, body, more = '') =>
    `POST ${target} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n${more}\r\n${body}`;
const chunked = (target, body) => `POST ${target} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${body}`;

async function open(t, options) {
    const server = await HttpServer.start(t, options);

    return { server, wire: await Wire.connect(server.port) };
}

/* What is sent is refused with a complete answer, and the connection ends in order. */
async function refused(t, status, bytes, options) {
    const { wire } = await open(t, options);

    wire.write(bytes);
    const response = await wire.readResponse();
    assert.equal(response.status, status);
    assert.equal(response.headers.connection, 'close');
    assert.equal(response.body, '');
    assert.equal((await wire.readToEnd()).length, 0);
    assert.equal(wire.error, undefined);
    wire.destroy();
}

describe('requests and responses', () => {
    test('carry the headers that Node sends, in its order', async (t) => {
        const { wire } = await open(t);

        wire.write(get('/hello'));
        const head = (await wire.readThrough('\r\n\r\n')).toString();
        assert.match(
            head,
            /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\n$/,
        );
        wire.destroy();
    });

    test('show the request as it was sent, at every cut', async (t) => {
        const server = await HttpServer.start(t);
        const text = `POST /show?a=%20b HTTP/1.1\r\n${HOST}X-A:  one two \t\r\nx-a:\r\nX-B: \u00e9\r\nContent-Length: 3\r\n\r\nabc`;
        const bytes = Buffer.from(text, 'latin1');
        let whole;

        for (let cut = 0; cut < bytes.length; cut++) {
            const wire = await Wire.connect(server.port);
            wire.write(bytes.subarray(0, cut));
            await new Promise(setImmediate);
            wire.write(bytes.subarray(cut));
            const { body } = await wire.readResponse();
            whole ??= body;
            assert.equal(body, whole, `cut at ${cut}`);
            wire.destroy();
        }
        assert.match(whole, /^POST \/show a=%20b 127\.0\.0\.1\nHost=\[a\]\nX-A=\[one two\]\nx-a=\[\]\nX-B=\[/);
    });

    test('are the same byte by byte', async (t) => {
        const { wire } = await open(t);

        for (const byte of chunked('/echo', '3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n')) {
            wire.write(byte);
            await new Promise(setImmediate);
        }
        assert.equal((await wire.readResponse()).body, 'abcde');
        wire.destroy();
    });

    test('are answered in order when they are pipelined', async (t) => {
        const { wire } = await open(t);

        wire.write(get('/item/1') + post('/echo-late', 'two') + get('/item/a%20b%2Fc') + get('/rest/x/y/z') + get('/nowhere'));
        assert.equal((await wire.readResponse()).body, 'id=1 rest=');
        assert.equal((await wire.readResponse()).body, 'two');
        assert.equal((await wire.readResponse()).body, 'id=a b/c rest=');
        assert.equal((await wire.readResponse()).body, 'id=x rest=y/z');
        assert.equal((await wire.readResponse()).status, 404);
        wire.destroy();
    });

    test('wait behind one that is not answered yet', async (t) => {
        const { server, wire } = await open(t);

        wire.write(get('/wait') + get('/hello'));
        assert.equal((await request(server.port, '/release')).body, 'done');
        assert.equal((await wire.readResponse()).body, 'released');
        assert.equal((await wire.readResponse()).body, 'hello');
        wire.destroy();
    });

    test('have no body when HEAD or the status says so', async (t) => {
        const { wire } = await open(t);

        wire.write(`HEAD /hello HTTP/1.1\r\n${HOST}\r\n` + get('/empty') + get('/hello'));
        const head = await wire.readHead();
        assert.equal(head.headers['content-length'], '5');
        const empty = await wire.readHead();
        assert.equal(empty.status, 204);
        assert.equal(empty.headers['content-length'], undefined);
        assert.equal(empty.headers['x-twice'], 'two');
        assert.equal((await wire.readResponse()).body, 'hello');
        wire.destroy();
    });

    test('stream in chunks both ways, and until the end for HTTP/1.0', async (t) => {
        const { server, wire } = await open(t);

        wire.write(chunked('/stream', '3\r\nabc\r\n0\r\n\r\n'));
        assert.equal((await wire.readHead()).headers['transfer-encoding'], 'chunked');
        assert.equal((await wire.readThrough('0\r\n\r\n')).toString(), '3\r\nabc\r\n0\r\n\r\n');
        wire.destroy();
        const old = await Wire.connect(server.port);
        old.write('POST /stream HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc');
        assert.equal((await old.readHead()).headers.connection, 'close');
        assert.equal((await old.readToEnd()).toString(), 'abc');
        old.destroy();
    });

    test('pass a large body through Node’s client unharmed', async (t) => {
        const server = await HttpServer.start(t);
        const body = Buffer.alloc(3_000_000, 'abcdefg');
        const agent = new http.Agent({ keepAlive: true });

        for (let i = 0; i < 2; i++) {
            const response = await request(server.port, '/stream', { method: 'POST', body, agent });
            assert.ok(response.bytes.equals(body));
        }
        agent.destroy();
    });

    test('of HTTP/1.0 close, unless it asks to stay', async (t) => {
        const { server, wire } = await open(t);

        wire.write('GET /hello HTTP/1.0\r\n\r\n');
        assert.match((await wire.readToEnd()).toString(), /Connection: close.*hello$/s);
        const other = await Wire.connect(server.port);
        other.write('GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
        assert.equal((await other.readResponse()).headers.connection, 'keep-alive');
        wire.destroy();
        other.destroy();
    });

    test('end with Connection: close, and what comes behind is not looked at', async (t) => {
        const { wire } = await open(t);

        wire.write(get('/hello', 'Connection: close\r\n') + get('/hello'));
        const text = (await wire.readToEnd()).toString();
        assert.equal(text.match(/HTTP\/1\.1/g).length, 1);
        wire.destroy();
    });
});

describe('bodies', () => {
    test('are asked for with 100 when the handler reads them', async (t) => {
        const { wire } = await open(t);

        wire.write(`POST /echo-late HTTP/1.1\r\n${HOST}Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n`);
        assert.equal((await wire.readThrough('\r\n\r\n')).toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
        wire.write('abc');
        const response = await wire.readResponse();
        assert.equal(response.body, 'abc');
        assert.equal(response.headers.connection, 'keep-alive');
        wire.destroy();
    });

    test('that nobody asked for end the connection if they were waited with', async (t) => {
        const { wire } = await open(t);

        wire.write(`POST /show HTTP/1.1\r\n${HOST}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`);
        assert.equal((await wire.readResponse()).headers.connection, 'close');
        assert.equal((await wire.readToEnd()).length, 0);
        wire.destroy();
    });

    test('that nobody reads are skipped', async (t) => {
        const { wire } = await open(t);

        wire.write(post('/show', 'x'.repeat(100000)) + chunked('/show', '3\r\nabc\r\n0\r\n\r\n') + get('/hello'));
        assert.equal((await wire.readResponse()).status, 200);
        assert.equal((await wire.readResponse()).status, 200);
        assert.equal((await wire.readResponse()).body, 'hello');
        wire.destroy();
    });

    test('over the limit are refused by their length, before they come', async (t) => {
        const { wire } = await open(t);

        wire.write(`POST /echo HTTP/1.1\r\n${HOST}Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n`);
        const response = await wire.readResponse();
        assert.equal(response.status, 413);
        assert.equal(response.headers.connection, 'close');
        await wire.readToEnd();
        wire.destroy();
    });

    test('over the limit are refused when they come in chunks, and are accepted at it', async (t) => {
        const { server, wire } = await open(t);

        wire.write(chunked('/echo', `3e8\r\n${'x'.repeat(1000)}\r\n0\r\n\r\n`));
        assert.equal((await wire.readResponse()).body.length, 1000);
        const other = await Wire.connect(server.port);
        other.write(chunked('/echo', `3e8\r\n${'x'.repeat(1000)}\r\n1\r\ny\r\n0\r\n\r\n`));
        assert.equal((await other.readResponse()).status, 413);
        assert.equal((await other.readToEnd()).length, 0);
        wire.destroy();
        other.destroy();
    });
});

describe('a request is refused', () => {
    const malformed = {
        'no method': [400, 'nonsense\r\n\r\n'],
        'HTTP/1.1 without Host': [400, 'GET /hello HTTP/1.1\r\n\r\n'],
        'two Hosts': [400, `GET /hello HTTP/1.1\r\n${HOST}${HOST}\r\n`],
        'an upgrade without Host': [400, 'GET /mount/up HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
        'an upgrade with two Hosts': [400, get('/mount/up', `${HOST}Connection: Upgrade\r\nUpgrade: x\r\n`)],
        'HTTP/2.0': [505, `GET /hello HTTP/2.0\r\n${HOST}\r\n`],
        'the preface of HTTP/2': [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
        'Transfer-Encoding in HTTP/1.0': [400, `POST /echo HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
        'a coding that is not chunked': [400, `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\n`],
        'chunked before another coding': [400, `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n`],
        'two lengths': [400, `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
        'length and coding': [400, `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
        'a length with a sign': [400, `POST /echo HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\na`],
        'a blank before the colon': [400, `GET /hello HTTP/1.1\r\n${HOST}X-A : b\r\n\r\n`],
        'a line that is ended by CR alone': [400, `GET /hello HTTP/1.1\r\n${HOST}X: a\rY: b\r\n\r\n`],
        'lines that end in LF alone': [400, `GET /hello HTTP/1.1\nHost: a\n\n`],
        'a head that ends in LF alone': [400, `GET /hello HTTP/1.1\r\n${HOST}\n`],
        'a head that ends in CR and something else': [400, `GET /hello HTTP/1.1\r\n${HOST}\rX`],
        'a chunk size that is no number': [400, chunked('/echo', 'xyz\r\n')],
        'CONNECT': [400, `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`],
        'an unknown expectation': [417, post('/echo', 'a', 'Expect: a-miracle\r\n')],
    };

    for (const [name, [status, bytes]] of Object.entries(malformed))
        test(`for ${name}: ${status}`, (t) => refused(t, status, bytes));

    test('for a target over the limit: 414', (t) => refused(t, 414, get(`/${'x'.repeat(8192)}`)));
    test('for a head over the limit: 431', (t) => refused(t, 431, get('/hello', `X: ${'y'.repeat(16384)}\r\n`)));
    test('for a head that never ends: 431', (t) => refused(t, 431, '\r\n'.repeat(9000)));
    test('for too many headers: 431', (t) => refused(t, 431, get('/hello', 'X: y\r\n'.repeat(100))));
    test('for chunk extensions without end: 400', (t) => refused(t, 400, chunked('/echo', `1;${'x'.repeat(17000)}`)));
    test('for a chunk size of endless zeros: 400', (t) => refused(t, 400, chunked('/echo', '0'.repeat(17000))));
    test('for trailers without end: 400', (t) => refused(t, 400, chunked('/echo', `1\r\na\r\n0\r\n${'X: y\r\n'.repeat(3000)}`)));

    test('but not at the limits', async (t) => {
        const { wire } = await open(t, { max_target_bytes: 6, max_headers: 2, max_head_bytes: 60 });
        const padding = 60 - get('/hello', 'X: \r\n').length;

        wire.write(get('/hello', `X: ${'y'.repeat(padding)}\r\n`));
        assert.equal((await wire.readResponse()).body, 'hello');
        wire.destroy();
    });

    test('and the log says so without what was sent', async (t) => {
        const { server, wire } = await open(t);

        wire.write('GET /hello HTTP/1.1\r\nCookie: secret\r\n\r\n');
        await wire.readToEnd();
        wire.destroy();
        await server.stop();
        assert.match(server.messages, /http: refused with 400: not exactly one Host\n/);
        assert.doesNotMatch(server.messages, /secret/);
    });
});

describe('time runs out', () => {
    test('for a connection that says nothing: 408', (t) => refused(t, 408, '', { head_timeout_ms: 50 }));
    test('for half a head: 408', (t) => refused(t, 408, 'GET /hello HT', { head_timeout_ms: 50 }));
    test('for half a body: 408', (t) => refused(t, 408, post('/echo', 'abc').slice(0, -1), { request_timeout_ms: 50 }));

    test('for a head that trickles in on a connection that was kept', async (t) => {
        const { wire } = await open(t, { head_timeout_ms: 100 });

        wire.write(get('/hello') + 'GET');
        assert.equal((await wire.readResponse()).status, 200);
        assert.equal((await wire.readResponse()).status, 408);
        wire.destroy();
    });

    test('for the rest of a body that is skipped', async (t) => {
        const { wire } = await open(t, { request_timeout_ms: 50 });

        wire.write(post('/show', 'abc').slice(0, -1));
        assert.equal((await wire.readResponse()).status, 200);
        assert.equal((await wire.readToEnd()).length, 0);
        wire.destroy();
    });

    test('for an idle connection, without a word', async (t) => {
        const { wire } = await open(t, { idle_timeout_ms: 50 });

        wire.write(get('/hello'));
        assert.equal((await wire.readResponse()).headers['keep-alive'], 'timeout=0');
        assert.equal((await wire.readToEnd()).length, 0);
        wire.destroy();
    });

    test('but not for a request that waits for its answer', async (t) => {
        const { server, wire } = await open(t, { head_timeout_ms: 20, request_timeout_ms: 20, idle_timeout_ms: 20 });

        wire.write(get('/wait'));
        await new Promise((resolve) => setTimeout(resolve, 100));
        await request(server.port, '/release');
        assert.equal((await wire.readResponse()).body, 'released');
        wire.destroy();
    });
});

describe('connections', () => {
    test('that break off end their request', async (t) => {
        const server = await HttpServer.start(t);

        for (const leave of ['reset', 'end', 'destroy']) {
            const wire = await Wire.connect(server.port);
            wire.write(get('/wait'));
            await request(server.port, '/hello');
            wire[leave]();
            await wire.closed.catch(() => {});
        }
        for (;;) {
            const { body } = await request(server.port, '/aborted');
            if (body === '3') break;
        }
    });

    test('that break off in the middle of a body hurt nobody', async (t) => {
        const server = await HttpServer.start(t);

        for (const target of ['/echo', '/echo-late', '/stream', '/show']) {
            const wire = await Wire.connect(server.port);
            wire.write(post(target, 'abc').slice(0, -1));
            await request(server.port, '/hello');
            wire.reset();
        }
        assert.equal((await request(server.port, '/hello')).body, 'hello');
    });

    test('are dropped when the handler says so', async (t) => {
        const { wire } = await open(t);

        wire.write(get('/destroy'));
        assert.equal((await wire.readToEnd()).length, 0);
        wire.destroy();
    });

    test('above the limit are closed, upgraded ones count', async (t) => {
        const { server, wire } = await open(t, { max_connections: 2 });

        wire.write(get('/mount/up', 'Connection: Upgrade\r\nUpgrade: echo\r\n'));
        await wire.readThrough('hello ');
        const second = await Wire.connect(server.port);
        second.write(get('/hello'));
        await second.readResponse();
        const third = await Wire.connect(server.port);
        assert.equal((await third.readToEnd()).length, 0);
        wire.destroy();
        await wire.closed;
        for (;;) {
            const again = await Wire.connect(server.port);
            again.write(get('/hello'));
            const text = (await again.readThrough('hello').catch(() => '')).toString();
            again.destroy();
            if (text !== '') break;
        }
        for (const other of [second, third]) other.destroy();
    });

    test('from one address above its limit are closed', async (t) => {
        const { server, wire } = await open(t, { max_connections_per_address: 1 });

        wire.write(get('/hello'));
        await wire.readResponse();
        const second = await Wire.connect(server.port);
        assert.equal((await second.readToEnd()).length, 0);
        wire.destroy();
        second.destroy();
        await server.stop();
        assert.match(server.messages, /max_connections_per_address/);
    });

    test('that do not read do not make the server keep all their answers', async (t) => {
        const { wire } = await open(t, { max_buffered_bytes: 2_000_000 });

        wire.socket.pause();
        wire.write(get('/big').repeat(50));
        await new Promise((resolve) => setTimeout(resolve, 100));
        wire.socket.resume();
        for (let i = 0; i < 50; i++) assert.equal((await wire.readResponse()).body.length, 1 << 20);
        wire.destroy();
    });

    test('finish what is in work when the server closes', async (t) => {
        const { server, wire } = await open(t);
        const idle = await Wire.connect(server.port);

        wire.write(get('/wait'));
        idle.write(get('/hello'));
        await idle.readResponse();
        const closing = await Wire.connect(server.port);
        closing.write(get('/release') + get('/hello'));
        await closing.readResponse();
        assert.equal((await wire.readResponse()).body, 'released');
        const stopped = server.stop();
        assert.equal((await wire.readToEnd()).length, 0);
        assert.equal((await idle.readToEnd()).length, 0);
        for (const other of [wire, idle, closing]) other.destroy();
        await stopped;
    });

    test('say close once the server has stopped, and a handler may close it', async (t) => {
        const { server, wire } = await open(t);

        wire.write(get('/hello'));
        assert.equal((await wire.readResponse()).headers.connection, 'keep-alive');
        const other = await Wire.connect(server.port);
        other.write(get('/stop'));
        assert.equal((await other.readResponse()).headers.connection, 'close');
        wire.write(get('/close'));
        assert.equal((await wire.readResponse()).headers.connection, 'close');
        wire.destroy();
        other.destroy();
        await server.exited;
    });
});

describe('mounts and upgrades', () => {
    test('hand over the connection, and the bytes behind the head', async (t) => {
        const { wire } = await open(t);

        wire.write(get('/mount/up/x', 'Connection: keep-alive, Upgrade\r\nUpgrade: echo\r\n') + 'left over');
        const head = (await wire.readThrough('\r\n\r\n')).toString();
        assert.equal(head, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\nX-Own: 1\r\n\r\n');
        assert.equal((await wire.read(15)).toString(), 'hello left over');
        wire.write('more');
        assert.equal((await wire.read(4)).toString(), 'more');
        wire.destroy();
    });

    test('work behind a pipelined request, and from a route', async (t) => {
        const { wire } = await open(t);

        wire.write(get('/hello') + get('/upgrade-route', 'Connection: Upgrade\r\nUpgrade: echo\r\n') + 'x');
        assert.equal((await wire.readResponse()).body, 'hello');
        assert.equal((await wire.readHead()).status, 101);
        assert.equal((await wire.read(7)).toString(), 'hello x');
        wire.destroy();
    });

    test('that are refused end the connection', async (t) => {
        const { wire } = await open(t);

        wire.write(get('/mount/up?no', 'Connection: Upgrade\r\nUpgrade: echo\r\n') + get('/hello'));
        const response = await wire.readResponse();
        assert.equal(response.status, 400);
        assert.equal(response.headers.connection, 'close');
        assert.equal((await wire.readToEnd()).length, 0);
        wire.destroy();
    });

    test('are plain requests where nobody takes upgrades', async (t) => {
        const { wire } = await open(t);
        const upgrade = 'Connection: Upgrade\r\nUpgrade: echo\r\n';

        wire.write(get('/mount/other', upgrade) + get('/hello', upgrade) + post('/mount/up', 'abc', upgrade));
        assert.match((await wire.readResponse()).body, /^GET \/mount\/other/);
        assert.equal((await wire.readResponse()).body, 'hello');
        assert.equal((await wire.readResponse()).body, 'hello');
        wire.destroy();
    });
});

describe('cross-origin requests', () => {
    const cases = {
        '/cors?star': { 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true', vary: undefined },
        '/cors?reflect': { 'access-control-allow-origin': 'http://b.example', vary: 'Origin' },
        '/cors?list': { 'access-control-allow-origin': 'http://b.example', vary: 'Origin' },
        '/cors?fixed': { 'access-control-allow-origin': 'http://a.example', vary: 'Origin', 'access-control-expose-headers': 'x-b' },
    };

    for (const [target, expected] of Object.entries(cases)) {
        test(`to ${target} get the headers that Node's package sends`, async (t) => {
            const server = await HttpServer.start(t);
            const { headers, body } = await request(server.port, target, { headers: { Origin: 'http://b.example' } });

            assert.equal(body, 'cors');
            assert.equal(headers['access-control-allow-methods'], undefined);
            for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, name);
        });
    }

    test('are announced by a preflight, which never reaches the handler', async (t) => {
        const server = await HttpServer.start(t);
        const ask = { Origin: 'http://x.example', 'Access-Control-Request-Headers': 'x-q, x-r' };
        const { status, headers, body } = await request(server.port, '/cors?star', { method: 'OPTIONS', headers: ask });

        assert.equal(status, 204);
        assert.equal(body, '');
        assert.equal(headers['content-length'], '0');
        assert.equal(headers.vary, 'Access-Control-Request-Headers');
        assert.equal(headers['access-control-allow-headers'], 'x-q, x-r');
        assert.equal(headers['access-control-allow-methods'], 'GET,HEAD,PUT,PATCH,POST,DELETE');
        const own = await request(server.port, '/cors?fixed', { method: 'OPTIONS', headers: ask });
        assert.equal(own.status, 200);
        assert.equal(own.headers['access-control-allow-headers'], 'x-a');
        assert.equal(own.headers['access-control-allow-methods'], 'GET');
        assert.equal(own.headers['access-control-max-age'], '60');
        const listed = await request(server.port, '/cors?list', { method: 'OPTIONS', headers: ask });
        assert.equal(listed.headers['access-control-allow-origin'], undefined);
        assert.equal(listed.headers.vary, 'Origin, Access-Control-Request-Headers');
    });
});

describe('files', () => {
    const big = Buffer.alloc(1_000_000, 'a file of some size ');
    let outside;
    let folder;

    before(() => {
        outside = mkdtempSync(path.join(tmpdir(), 'files-'));
        folder = path.join(outside, 'root');
        for (const name of ['root/sub', 'root/.hidden']) mkdirSync(path.join(outside, name), { recursive: true });
        writeFileSync(path.join(outside, 'secret.txt'), 'secret');
        writeFileSync(path.join(folder, 'index.html'), '<p>index');
        writeFileSync(path.join(folder, 'a b.txt'), '0123456789');
        writeFileSync(path.join(folder, 'empty.css'), '');
        writeFileSync(path.join(folder, 'big.bin'), big);
        writeFileSync(path.join(folder, 'sub/index.html'), '<p>sub');
        writeFileSync(path.join(folder, '.hidden/a.txt'), 'secret');
        symlinkSync(path.join(outside, 'secret.txt'), path.join(folder, 'link.txt'));
        symlinkSync(outside, path.join(folder, 'up'));
    });
    after(() => rmSync(outside, { recursive: true }));

    test('come with their type, validators and bytes', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const index = await request(server.port, '/files/');
        const text = await request(server.port, '/files/a%20b.txt?query');

        assert.equal(index.body, '<p>index');
        assert.equal(index.headers['content-type'], 'text/html; charset=utf-8');
        assert.equal(index.headers['cache-control'], 'public, max-age=0');
        assert.match(index.headers.etag, /^W\/"8-[0-9a-f]+"$/);
        assert.equal(text.body, '0123456789');
        assert.equal(text.headers['content-type'], 'text/plain; charset=utf-8');
        assert.ok((await request(server.port, '/files/big.bin')).bytes.equals(big));
        assert.equal((await request(server.port, '/files/empty.css')).headers['content-length'], '0');
        assert.equal((await request(server.port, '/files/sub/')).body, '<p>sub');
    });

    test('have a head that is the same for HEAD', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const got = await request(server.port, '/files/big.bin');
        const head = await request(server.port, '/files/big.bin', { method: 'HEAD' });

        assert.equal(head.body, '');
        assert.deepEqual({ ...head.headers, date: '' }, { ...got.headers, date: '' });
        const posted = await request(server.port, '/files/big.bin', { method: 'POST' });
        assert.equal(posted.status, 405);
        assert.equal(posted.headers.allow, 'GET, HEAD');
    });

    test('are not sent again to who has them', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const { headers } = await request(server.port, '/files/');
        const ask = async (condition) => (await request(server.port, '/files/', { headers: condition })).status;

        assert.equal(await ask({ 'If-None-Match': headers.etag }), 304);
        assert.equal(await ask({ 'If-None-Match': `"x", ${headers.etag.slice(2)}` }), 304);
        assert.equal(await ask({ 'If-None-Match': '"x"', 'If-Modified-Since': headers['last-modified'] }), 200);
        assert.equal(await ask({ 'If-Modified-Since': headers['last-modified'] }), 304);
        assert.equal(await ask({ 'If-Modified-Since': 'Sun, 06 Nov 1994 08:49:37 GMT' }), 200);
    });

    test('come in ranges', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const ask = (range, more) => request(server.port, '/files/a%20b.txt', { headers: { Range: range, ...more } });
        const part = await ask('bytes=2-4');

        assert.equal(part.status, 206);
        assert.equal(part.body, '234');
        assert.equal(part.headers['content-range'], 'bytes 2-4/10');
        assert.equal((await ask('bytes=-2')).body, '89');
        const beyond = await ask('bytes=10-');
        assert.equal(beyond.status, 416);
        assert.equal(beyond.headers['content-range'], 'bytes */10');
        assert.equal((await ask('bytes=0-1,3-4')).body, '0123456789');
        assert.equal((await ask('bytes=2-4', { 'If-Range': part.headers['last-modified'] })).status, 206);
        assert.equal((await ask('bytes=2-4', { 'If-Range': part.headers.etag })).status, 200);
    });

    test('are never found outside the folder, or hidden in it, by any spelling', async (t) => {
        const { wire } = await open(t, { folder });
        const targets = [
            '/../secret.txt', '/%2e%2e/secret.txt', '/.%2E/secret.txt', '/..%2fsecret.txt', '/..%5csecret.txt', '/..\\secret.txt',
            '/sub/../../secret.txt', '/sub/%2e%2e/%2e%2e/secret.txt', '//a%20b.txt', '/sub//index.html', '/index.html%00', '/%00',
            '/.hidden/a.txt', '/%2ehidden/a.txt', '/link.txt', '/up/secret.txt', '/up/root/index.html', '/index.html/', '/nothing',
            `/${'x'.repeat(300)}`, '/.', '/..', '/./index.html',
        ];

        for (const target of targets) {
            wire.write(get(`/files${target}`));
            const response = await wire.readResponse();
            assert.equal(response.status, 404, target);
            assert.equal(response.body, '');
        }
        wire.destroy();
    });

    test('in a folder are found behind its slash', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const { status, headers } = await request(server.port, '/files/sub?x=1');

        assert.equal(status, 301);
        assert.equal(headers.location, '/files/sub/?x=1');
    });

    test('that nobody takes any more are given up', async (t) => {
        const { server, wire } = await open(t, { folder });

        wire.write(get('/files/big.bin').repeat(20));
        await wire.readHead();
        wire.reset();
        assert.equal((await request(server.port, '/hello')).body, 'hello');
    });
});
