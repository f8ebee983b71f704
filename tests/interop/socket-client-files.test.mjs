import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sharedTestbed } from '../support/testbed.mjs';
import { request } from '../support/wire.mjs';

const folder = fileURLToPath(new URL('../node_modules/socket.io/client-dist/', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../node_modules/socket.io/package.json', import.meta.url), 'utf8'));
const scripts = ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js', 'socket.io.msgpack.min.js'];

describe('the client files', () => {
    const server = sharedTestbed({ clientDir: folder });
    const get = (name, options) => request(server.port, `/socket.io/${name}`, options);

    for (const name of scripts.flatMap((script) => [script, `${script}.map`])) {
        test(`${name} is served as it is`, async () => {
            const { status, headers, bytes } = await get(name);
            const type = name.endsWith('.map') ? 'application/json' : 'application/javascript';

            assert.equal(status, 200);
            assert.equal(headers['content-type'], `${type}; charset=utf-8`);
            assert.equal(headers['cache-control'], 'public, max-age=0');
            assert.equal(headers.etag, `"${version}"`);
            assert.ok(bytes.equals(readFileSync(folder + name)));
        });
    }

    test('are served whatever the query says', async () => {
        assert.equal((await get('socket.io.min.js?v=1&EIO=4')).status, 200);
    });

    test('have no body for HEAD', async () => {
        const { status, headers, bytes } = await get('socket.io.min.js', { method: 'HEAD' });

        assert.deepEqual([status, bytes.length, headers.etag], [200, 0, `"${version}"`]);
    });

    for (const tag of [`"${version}"`, `W/"${version}"`]) {
        test(`are not sent again to who has ${tag}`, async () => {
            const { status, bytes } = await get('socket.io.min.js', { headers: { 'If-None-Match': tag } });

            assert.deepEqual([status, bytes.length], [304, 0]);
        });
    }

    test('are sent again to who has another version', async () => {
        assert.equal((await get('socket.io.min.js', { headers: { 'If-None-Match': '"0.0.1"' } })).status, 200);
    });

    for (const name of ['package.json', 'socket.io.ts', '../package.json', '%2e%2e/package.json', 'socket.io.js/', '']) {
        test(`are these alone: ${name || 'nothing'} reaches the engine`, async () => {
            const { status, body } = await get(name);

            assert.deepEqual([status, body], [400, '{"code":0,"message":"Transport unknown"}']);
        });
    }
});
