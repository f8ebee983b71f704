import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync, inflateSync } from 'node:zlib';
import { ask, connected } from '../support/clients.mjs';
import { HttpServer } from '../support/http_server.mjs';
import { PollingSession } from '../support/session.mjs';
import { oursOnly, sharedTestbed, testbedFor } from '../support/testbed.mjs';
import { request } from '../support/wire.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const CLIENT_DIR = fileURLToPath(new URL('../node_modules/socket.io/client-dist', import.meta.url));

const decode = {
    gzip: gunzipSync,
    deflate: inflateSync, /* with zlib's frame, as HTTP has it */
    undefined: (bytes) => bytes,
};
const plainOf = (response) => decode[response.headers['content-encoding']](response.bytes).toString();
const accepting = (encoding) => ({ headers: { 'Accept-Encoding': encoding } });

/* What a caller of each kind gets. */
const CHOICES = [
    ['gzip, deflate, br', 'gzip'],
    ['gzip;q=0.5, deflate;q=0.8', 'deflate'],
    ['deflate', 'deflate'],
    ['br, gzip', 'gzip'],
    ['br', undefined],
    ['*', 'gzip'],
    ['gzip;q=0, *', 'deflate'],
    ['gzip;q=0, deflate;q=0', undefined],
    ['*;q=0', undefined],
    ['identity', undefined],
    ['', undefined],
];

describe('replies to polls', () => {
    const server = sharedTestbed(CALM);

    for (const [accepted, encoding] of CHOICES) {
        test(`leave ${encoding ? `in ${encoding}` : 'as they are'} for "${accepted}"`, async () => {
            const session = await PollingSession.open(server.port);
            const text = `4${'жук '.repeat(1000)}`;

            await session.send(text);
            const response = await session.get(accepting(accepted));

            assert.equal(response.headers['content-encoding'], encoding);
            assert.equal(plainOf(response), text);
            assert.equal(response.headers['content-type'], 'text/plain; charset=UTF-8');
            assert.equal(response.headers.vary, undefined);
            if (encoding) assert.ok(response.bytes.length < 200);
        });
    }

    for (const [size, encoding] of [[1023, undefined], [1024, 'gzip']]) {
        test(`of ${size} bytes leave ${encoding ? `in ${encoding}` : 'as they are'}`, async () => {
            const session = await PollingSession.open(server.port);

            await session.send(`4${'x'.repeat(size - 1)}`);
            assert.equal((await session.get(accepting('gzip'))).headers['content-encoding'], encoding);
        });
    }

    test('that do not become shorter are compressed all the same', async () => {
        const session = await PollingSession.open(server.port);
        const text = `4${randomBytes(3000).toString('base64')}`;

        await session.send(text);
        assert.equal(plainOf(await session.get(accepting('gzip'))), text);
    });

    test('may hold many packets, and follow each other on one connection', async () => {
        const session = await PollingSession.open(server.port);

        for (let i = 0; i < 5; i++) {
            const packets = Array.from({ length: 50 }, (_, n) => `4message ${i}/${n} ${'x'.repeat(n)}`).join('\x1e');

            await session.send(packets);
            assert.equal(plainOf(await session.get(accepting(i % 2 ? 'gzip' : 'deflate'))), packets);
        }
    });

    test('to POSTs, handshakes and errors are never compressed', async () => {
        const session = await PollingSession.open(server.port, accepting('gzip'));
        const posted = await session.post(`4${'x'.repeat(5000)}`, accepting('gzip'));
        const refused = await request(server.port, `/engine.io/?EIO=4&transport=${'x'.repeat(2000)}`, accepting('gzip'));

        assert.deepEqual([posted.body, posted.headers['content-encoding']], ['ok', undefined]);
        assert.deepEqual([refused.status, refused.headers['content-encoding']], [400, undefined]);
    });

    test('reach the real client, which accepts none in Node', async (t) => {
        const socket = await connected(t, server.url, { transports: ['polling'] });

        assert.deepEqual(await ask(socket, 'echo', 'x'.repeat(50000)), ['x'.repeat(50000)]);
    });
});

describe('the browser client', () => {
    for (const [accepted, encoding] of CHOICES) {
        test(`leaves ${encoding ? `in ${encoding}` : 'as it is'} for "${accepted}"`, oursOnly, async (t) => {
            const server = await testbedFor(t, { ...CALM, clientDir: CLIENT_DIR });

            for (const name of ['socket.io.min.js', 'socket.io.js.map', 'socket.io.min.js']) {
                const response = await request(server.port, `/socket.io/${name}`, accepting(accepted));

                assert.equal(response.headers['content-encoding'], encoding);
                assert.equal(response.headers.vary, 'Accept-Encoding');
                assert.equal(plainOf(response), readFileSync(path.join(CLIENT_DIR, name), 'utf8'));
                assert.match(response.headers.etag, /^"4\./);
            }
        });
    }

    test('is not sent again to who has it, in whatever form', oursOnly, async (t) => {
        const server = await testbedFor(t, { ...CALM, clientDir: CLIENT_DIR });
        const first = await request(server.port, '/socket.io/socket.io.js', accepting('gzip'));
        const again = await request(server.port, '/socket.io/socket.io.js', { headers: { 'If-None-Match': first.headers.etag } });
        const head = await request(server.port, '/socket.io/socket.io.js', { method: 'HEAD', ...accepting('gzip') });

        assert.equal(again.status, 304);
        assert.deepEqual({ ...head.headers, date: '' }, { ...first.headers, date: '' });
    });
});

describe('static files', oursOnly, () => {
    let folder;
    const page = `<p>${'hello '.repeat(1000)}`;

    before(() => {
        folder = mkdtempSync(path.join(tmpdir(), 'files-'));
        writeFileSync(path.join(folder, 'page.html'), page);
        writeFileSync(path.join(folder, 'short.html'), 'x'.repeat(1023));
        writeFileSync(path.join(folder, 'picture.png'), page);
        writeFileSync(path.join(folder, 'huge.txt'), Buffer.alloc(4 * 1024 * 1024 + 1, 'x'));
    });
    after(() => rmSync(folder, { recursive: true }));

    for (const [accepted, encoding] of CHOICES) {
        test(`leave ${encoding ? `in ${encoding}` : 'as they are'} for "${accepted}"`, async (t) => {
            const server = await HttpServer.start(t, { folder });

            for (let i = 0; i < 3; i++) {
                const response = await request(server.port, '/files/page.html', accepting(accepted));

                assert.equal(response.headers['content-encoding'], encoding);
                assert.equal(response.headers.vary, 'Accept-Encoding');
                assert.equal(response.headers['content-type'], 'text/html; charset=utf-8');
                assert.equal(response.headers['accept-ranges'], encoding ? undefined : 'bytes');
                assert.equal(plainOf(response), page);
                assert.equal(Number(response.headers['content-length']), response.bytes.length);
            }
        });
    }

    test('that are short, large or compressed already leave as they are', async (t) => {
        const server = await HttpServer.start(t, { folder });

        for (const name of ['short.html', 'picture.png', 'huge.txt']) {
            const { headers } = await request(server.port, `/files/${name}`, accepting('gzip'));

            assert.deepEqual([headers['content-encoding'], headers.vary], [undefined, undefined], name);
        }
    });

    test('have a head that is the same for HEAD, and are not sent again to who has them', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const head = await request(server.port, '/files/page.html', { method: 'HEAD', ...accepting('gzip') });
        const got = await request(server.port, '/files/page.html', accepting('gzip'));
        const again = await request(server.port, '/files/page.html', { headers: { 'Accept-Encoding': 'gzip', 'If-None-Match': got.headers.etag } });

        assert.deepEqual({ ...head.headers, date: '' }, { ...got.headers, date: '' });
        assert.deepEqual([again.status, again.headers.vary], [304, 'Accept-Encoding']);
    });

    test('have ranges where they are not compressed', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const ask = (encoding) => request(server.port, '/files/page.html', { headers: { 'Accept-Encoding': encoding, Range: 'bytes=3-7' } });
        const part = await ask('identity');
        const whole = await ask('gzip');

        assert.deepEqual([part.status, part.body], [206, 'hello']);
        assert.deepEqual([whole.status, plainOf(whole)], [200, page]);
    });

    test('that change are compressed anew', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const name = path.join(folder, 'changing.txt');

        for (const letter of ['a', 'b']) {
            writeFileSync(name, letter.repeat(3000));
            utimesSync(name, 0, letter.charCodeAt(0)); /* the clock may be too coarse to tell them apart */
            const response = await request(server.port, '/files/changing.txt', accepting('gzip'));

            assert.equal(plainOf(response), letter.repeat(3000));
        }
    });

    test('may be asked for by many at once, some of whom leave', async (t) => {
        const server = await HttpServer.start(t, { folder });
        const asked = Array.from({ length: 30 }, () => request(server.port, '/files/page.html', accepting('gzip')));

        for (let i = 0; i < 30; i += 3) asked[i].abort();
        const answers = await Promise.all(asked.filter((_, i) => i % 3 !== 0));

        assert.ok(answers.every((response) => plainOf(response) === page));
        await server.stop();
    });
});
