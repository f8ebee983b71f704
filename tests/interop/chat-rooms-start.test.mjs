/* chatd as a program: start lines, options, signals, logs; and the HTTP around profile rooms. */
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client, makeFolder, runChatd, startChatd, startOn, stores, within } from '../support/chatd.mjs';

/* An answer with its headers as they came; fetch would hide some. */
function ask(chatd, path, { method = 'GET', headers = {}, body } = {}) {
    const answer = new Promise((resolve, reject) => {
        const request = http.request({ host: '127.0.0.1', port: chatd.port, path, method, headers }, (response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (part) => (text += part));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
        });
        request.on('upgrade', (response, socket) => {
            socket.destroy();
            resolve({ status: response.statusCode, headers: response.headers, text: '' });
        });
        request.on('error', reject).end(body);
    });
    return within(answer, `${method} ${path}`);
}

async function oneLine(t, args, env, statuses = [1]) {
    const chatd = runChatd(t, args, env);
    const { code } = await chatd.exit();
    assert.ok(statuses.includes(code), `status ${code} of ${args.join(' ')}`);
    assert.equal(chatd.said('stderr').length, 1, chatd.said().join(' | '));
    assert.deepEqual(chatd.said('stdout'), []);
    return chatd.said('stderr')[0];
}

describe('start', { concurrency: 3 }, () => {
    test('with nothing in the environment rooms are kept in a file, and a line says where', async (t) => {
        const home = makeFolder(t);
        const chatd = await startChatd(t, [], { env: { HOME: home } });
        const [, file] = await chatd.line(/^REDIS_URL env variable is not set: keeping rooms in (.+)$/);
        assert.equal(file, join(home, '.local', 'state', 'chatd', 'rooms.db'));
        assert.ok(existsSync(file));
        assert.ok(!chatd.said().includes('Redis connected'));
    });

    test('the file is in the state directory of the service manager or of the user', async (t) => {
        for (const name of ['STATE_DIRECTORY', 'XDG_STATE_HOME']) {
            const folder = makeFolder(t);
            const chatd = await startChatd(t, [], { env: { [name]: folder } });
            const [, file] = await chatd.line(/keeping rooms in (.+)$/);
            assert.equal(file, join(folder, name === 'STATE_DIRECTORY' ? '' : 'chatd', 'rooms.db'));
            await chatd.stop();
        }
    });

    test('websocket messages are compressed where --compress or COMPRESS wants it', async (t) => {
        const path = '/socket.io/?EIO=4&transport=websocket';
        const headers = {
            Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Extensions': 'permessage-deflate',
        };
        for (const [args, env, wanted] of [[[], {}, undefined], [['--compress'], {}, 'permessage-deflate'],
            [[], { COMPRESS: '1' }, 'permessage-deflate'], [[], { COMPRESS: '0' }, undefined]]) {
            const chatd = await startChatd(t, ['--store', 'memory', ...args], { env });
            const answer = await ask(chatd, path, { headers });
            assert.equal(answer.status, 101);
            assert.equal(answer.headers['sec-websocket-extensions'], wanted);
            await chatd.stop();
        }
    });

    test('rooms is the profile when none is named', async (t) => {
        const chatd = runChatd(t, ['--port', '0', '--store', 'memory']);
        const [, port] = await chatd.line(/^Server running on port (\d+)$/);
        const ada = await Client.connect(t, `http://127.0.0.1:${port}`);
        await ada.creates('den', 'Ada');
    });

    test('Redis is named when it is connected', async (t) => {
        const chatd = await startOn(t, 'redis');
        assert.deepEqual(chatd.said().filter((line) => line === 'Redis connected').length, 1);
        assert.ok(!chatd.said().some((line) => line.startsWith('REDIS_URL')));
    });

    test('PORT in the environment is heeded, and --port wins over it', async (t) => {
        const first = await startOn(t, 'memory');
        const free = first.port;
        await first.stop();
        const second = runChatd(t, ['rooms', '--store', 'memory'], { PORT: String(free) });
        await second.line(new RegExp(`^Server running on port ${free}$`));
        const third = await startChatd(t, ['--store', 'memory'], { env: { PORT: String(free) } });
        assert.notEqual(third.port, free);
    });

    test('IPv4 and IPv6 are both listened on', async (t) => {
        const chatd = await startOn(t, 'memory');
        for (const host of ['127.0.0.1', '[::1]']) {
            const client = await Client.connect(t, `http://${host}:${chatd.port}`).catch((error) => error);
            if (host === '[::1]' && !existsSync('/proc/net/if_inet6')) continue;
            assert.equal(client.socket?.connected, true, `${host}: ${client}`);
        }
    });

    test('--host binds that address', async (t) => {
        const chatd = await startChatd(t, ['--store', 'memory', '--host', '127.0.0.1']);
        assert.equal((await ask(chatd, '/healthz')).status, 200);
        await assert.rejects(fetch(`http://127.0.0.2:${chatd.port}/healthz`));
    });

    test('--store redis without a URL ends as the original did', async (t) => {
        assert.equal(await oneLine(t, ['rooms', '--port', '0', '--store', 'redis']), 'REDIS_URL env variable is not set');
    });

    test('a busy port is told in one line', async (t) => {
        const first = await startOn(t, 'memory');
        const line = await oneLine(t, ['rooms', '--port', String(first.port), '--store', 'memory']);
        assert.match(line, new RegExp(String(first.port)));
        assert.equal((await ask(first, '/healthz')).status, 200);
    });

    test('settings that are wrong are told in one line', async (t) => {
        for (const [args, env] of [
            [['rooms', '--port', '70000']], [['rooms', '--port', '-1']], [['rooms', '--port', '80x']], [['rooms', '--port', '']],
            [['rooms'], { PORT: 'http' }], [['rooms', '--port', '0', '--redis', 'http://127.0.0.1']],
            [['rooms', '--port', '0', '--redis', 'redis://127.0.0.1:99999']], [['rooms', '--port', '0'], { REDIS_URL: 'nonsense' }],
            [['rooms', '--port', '0', '--store', 'paper']], [['rooms', '--port', '0', '--store', 'sqlite:/nowhere/at/all/rooms.db']],
            [['rooms', '--no-such-option']], [['parlour']], [['rooms', '--port']], [['rooms', 'more', 'words']],
        ]) {
            const line = await oneLine(t, args, { ...env }, [1, 2]);
            assert.ok(line.length < 400, line);
        }
    });

    test('a file is used by one server at a time', async (t) => {
        const chatd = await startOn(t, 'sqlite');
        const line = await oneLine(t, ['rooms', '--port', '0', ...chatd.args]);
        assert.match(line, /rooms\.db/);
    });

    test('--help teaches', async (t) => {
        for (const args of [['--help'], ['rooms', '--help']]) {
            const chatd = runChatd(t, args);
            assert.deepEqual(await chatd.exit(), { code: 0, signal: null });
            const help = chatd.said('stdout').join('\n');
            for (const word of ['rooms', '--port', '--host', '--store', '--redis', 'sqlite', 'memory', 'PORT', 'REDIS_URL']) {
                assert.ok(help.includes(word), `no ${word} in the help`);
            }
            assert.deepEqual(chatd.said('stderr'), []);
        }
    });
});

describe('end', { concurrency: 3 }, () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
        test(`${signal} ends with status 0, and clients go to the next server`, async (t) => {
            const chatd = await startOn(t, 'sqlite');
            const patient = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
            const clients = [];
            for (const transports of [['websocket'], ['polling']]) {
                clients.push(await Client.connect(t, chatd.url, { ...patient, transports }));
            }
            await clients[0].creates('den', 'Ada');
            await clients[1].joins('den', 'Bob');
            const ended = clients.map((client) => client.ended());
            const began = Date.now();
            chatd.signal(signal);
            assert.match(await ended[0], /^transport close$/);
            assert.match(await ended[1], /^transport (close|error)$/);
            assert.deepEqual(await chatd.exit(), { code: 0, signal: null });
            assert.ok(Date.now() - began < 8000);
            await startChatd(t, chatd.args, { port: chatd.port });
            for (const client of clients) await client.connected();
            await clients[0].take().catch(() => {});
            clients[0].heard.length = 0;
            await clients[0].joins('den', 'Ada');
        });
    }

    test('SIGTERM ends with status 0 on every store, idle and with requests open', async (t) => {
        for (const store of Object.keys(stores)) {
            const chatd = await startOn(t, store);
            const open = http.get(`${chatd.url}/healthz`, { headers: { Connection: 'keep-alive' } }).on('error', () => {});
            await new Promise((resolve) => open.once('response', (response) => response.resume().on('end', resolve)));
            assert.deepEqual(await chatd.stop(), { code: 0, signal: null });
        }
    });
});

test('no text, and no password, is ever in the log', async (t) => {
    const chatd = await startOn(t, 'sqlite');
    const ada = await Client.connect(t, chatd.url);
    await ada.creates('den', 'Ada');
    await ada.writes('den', 'Ada', 'S3CRET text');
    ada.say('create:chat', { roomId: 'den', username: 'nobody', message: 'S3CRET forged' });
    await ada.refused();
    ada.say('create:chat', { roomId: 'den', username: 'Ada', message: 'S3CRET' + 'x'.repeat(65536) });
    await ada.refused();
    ada.say('create:room', 'S3CRET payload');
    await ada.refused();
    await ask(chatd, '/socket.io/?EIO=4&transport=polling&sid=S3CRET', { method: 'POST', body: '42["create:chat","S3CRET"]' });
    await chatd.stop();
    assert.doesNotMatch(chatd.said().join('\n').replace(/sid=\S*/g, ''), /S3CRET/);
});

describe('HTTP', () => {
    const open = '/socket.io/?EIO=4&transport=polling';
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' };

    test('the open packet has the values of the original', async (t) => {
        const chatd = await startOn(t, 'memory');
        const polled = await ask(chatd, open);
        assert.equal(polled.status, 200);
        assert.equal(polled.headers['content-type'], 'text/plain; charset=UTF-8');
        assert.equal(polled.headers['cache-control'], 'no-store');
        assert.equal(polled.headers['set-cookie'], undefined);
        assert.equal(polled.text[0], '0');
        const { sid, ...rest } = JSON.parse(polled.text.slice(1));
        assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
        assert.deepEqual(rest, { upgrades: ['websocket'], pingInterval: 25000, pingTimeout: 20000, maxPayload: 1000000 });
        const client = new Client(t, chatd.url);
        const handshake = new Promise((resolve) => client.socket.io.once('open', () => resolve()));
        const data = new Promise((resolve) => client.socket.io.engine.once('handshake', resolve));
        assert.deepEqual((await within(data, 'a handshake')).upgrades, []);
        await within(handshake, 'an open connection');
    });

    test('an old protocol and an unknown session are refused as the original does', async (t) => {
        const chatd = await startOn(t, 'memory');
        const old = await ask(chatd, '/socket.io/?EIO=3&transport=polling');
        assert.equal(old.status, 400);
        assert.match(old.headers['content-type'], /^application\/json/);
        assert.deepEqual(JSON.parse(old.text), { code: 5, message: 'Unsupported protocol version' });
        const lost = await ask(chatd, `${open}&sid=AAAAAAAAAAAAAAAAAAAA`);
        assert.equal(lost.status, 400);
        assert.deepEqual(JSON.parse(lost.text), { code: 1, message: 'Session ID unknown' });
        await chatd.line(/code=5 .*Unsupported protocol version/);
        await chatd.line(/code=1 .*Session ID unknown/);
    });

    test('another namespace is refused', async (t) => {
        const chatd = await startOn(t, 'memory');
        const client = new Client(t, `${chatd.url}/elsewhere`);
        await assert.rejects(client.connected(), /Invalid namespace/);
    });

    test('under /socket.io/ every answer allows every origin and credentials', async (t) => {
        const chatd = await startOn(t, 'memory');
        const requests = [[open, {}], ['/socket.io/?EIO=3&transport=polling', {}], [`${open}&sid=nobody`, {}], ['/socket.io/?EIO=4&transport=websocket', upgrade]];
        for (const [path, headers] of requests) {
            for (const origin of [{}, { Origin: 'https://example.org' }, { Origin: 'null' }]) {
                const answer = await ask(chatd, path, { headers: { ...headers, ...origin } });
                const what = `${path} ${JSON.stringify(origin)}: ${answer.status}`;
                assert.equal(answer.status, headers.Upgrade ? 101 : path === open ? 200 : 400, what);
                assert.equal(answer.headers['access-control-allow-origin'], '*', what);
                assert.equal(answer.headers['access-control-allow-credentials'], 'true', what);
                assert.doesNotMatch(answer.headers.vary || '', /origin/i, what);
            }
        }
    });

    test('OPTIONS is answered as by the original, under /socket.io/ and elsewhere', async (t) => {
        const chatd = await startOn(t, 'memory');
        for (const [path, credentials] of [[open, 'true'], ['/socket.io/', 'true'], ['/', undefined], ['/else/where', undefined]]) {
            for (const origin of [{}, { Origin: 'https://example.org' }]) {
                for (const wanted of [undefined, 'x-one, Content-Type']) {
                    const headers = { ...origin, ...(wanted && { 'Access-Control-Request-Headers': wanted }) };
                    const answer = await ask(chatd, path, { method: 'OPTIONS', headers });
                    const what = `${path} ${JSON.stringify(headers)}`;
                    assert.equal(answer.status, 204, what);
                    assert.equal(answer.headers['content-length'], '0', what);
                    assert.equal(answer.headers['access-control-allow-origin'], '*', what);
                    assert.equal(answer.headers['access-control-allow-credentials'], credentials, what);
                    assert.equal(answer.headers['access-control-allow-methods'], 'GET,HEAD,PUT,PATCH,POST,DELETE', what);
                    assert.equal(answer.headers.vary, 'Access-Control-Request-Headers', what);
                    assert.equal(answer.headers['access-control-allow-headers'], wanted, what);
                }
            }
        }
    });

    test('origins that are listed are reflected, others are not', async (t) => {
        const listed = ['https://one.example', 'https://two.example'];
        const chatd = await startChatd(t, ['--store', 'memory', '--cors-origin', listed[0]]);
        const both = await startChatd(t, ['--store', 'memory'], { env: { CORS_ORIGIN: listed.join(',') } });
        for (const [server, origins] of [[chatd, listed.slice(0, 1)], [both, listed]]) {
            for (const [path, headers] of [[open, {}], ['/socket.io/?EIO=4&transport=websocket', upgrade]]) {
                for (const origin of origins) {
                    const answer = await ask(server, path, { headers: { ...headers, Origin: origin } });
                    assert.equal(answer.headers['access-control-allow-origin'], origin);
                    assert.equal(answer.headers['access-control-allow-credentials'], 'true');
                    assert.match(answer.headers.vary, /\bOrigin\b/);
                }
                const other = await ask(server, path, { headers: { ...headers, Origin: 'https://three.example' } });
                assert.ok(!['*', 'https://three.example'].includes(other.headers['access-control-allow-origin']));
                assert.match(other.headers.vary, /\bOrigin\b/);
            }
        }
    });

    test('a path that nobody knows is a small page with status 404', async (t) => {
        const chatd = await startOn(t, 'memory');
        for (const path of ['/nowhere', '/index', '/../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/socket.io', '/web/app.js']) {
            const answer = await ask(chatd, path);
            assert.equal(answer.status, 404, path);
            assert.match(answer.headers['content-type'], /^text\/html/, path);
            assert.equal(answer.headers['access-control-allow-origin'], '*', path);
            assert.equal(answer.headers['access-control-allow-credentials'], undefined, path);
            assert.ok(answer.text.length < 2000);
        }
    });

    test('the page and its files are served, to be kept and asked for again', async (t) => {
        const chatd = await startOn(t, 'memory');
        const files = { '/': /^text\/html; ?charset=utf-8$/i, '/style.css': /^text\/css/, '/app.js': /^(text|application)\/javascript/, '/icon.svg': /^image\/svg\+xml/ };
        for (const [path, type] of Object.entries(files)) {
            const first = await ask(chatd, path);
            assert.equal(first.status, 200, path);
            assert.match(first.headers['content-type'], type, path);
            assert.equal(first.headers['access-control-allow-origin'], '*', path);
            assert.equal(first.headers['access-control-allow-credentials'], undefined, path);
            const etag = first.headers.etag;
            assert.ok(etag, path);
            assert.equal((await ask(chatd, path, { headers: { 'If-None-Match': etag } })).status, 304, path);
            const head = await ask(chatd, path, { method: 'HEAD' });
            assert.equal(head.status, 200, path);
            assert.equal(head.text, '');
        }
        const client = await ask(chatd, '/socket.io/socket.io.min.js');
        assert.equal(client.status, 200);
        assert.match(client.text, /Socket\.IO v4\./);
    });

    test('health is told', async (t) => {
        const chatd = await startOn(t, 'redis');
        for (const path of ['/healthz', '/readyz']) assert.equal((await ask(chatd, path)).status, 200, path);
        await chatd.redis.kill();
        assert.equal((await ask(chatd, '/healthz')).status, 200);
        assert.equal((await ask(chatd, '/readyz')).status, 503);
    });
});
