import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { Authority } from '../support/certificates.mjs';
import { client, connected, MODES, upgraded } from '../support/clients.mjs';
import { reference, startTestbed } from '../support/testbed.mjs';
import { eventually, happens, pause, within } from '../support/waiting.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000, maxPayload: 4_000_000 };
const NAMES = ['localhost', 'IP:127.0.0.1', 'IP:::1'];

let authority;
let other;
let server;

const url = () => `https://localhost:${server.port}`;

/* A TLS connection, complete. Options of tls.connect; the end of it belongs to the test. */
async function secured(t, options = {}, port = server.port) {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.ca, ...options });

    t.after(() => socket.destroy());
    const failed = once(socket, 'error').then(([error]) => Promise.reject(error));
    const closed = once(socket, 'close').then(() => Promise.reject(new Error('closed in the handshake')));
    failed.catch(() => {});
    closed.catch(() => {});
    await within(Promise.race([once(socket, 'secureConnect'), failed, closed]), 'the handshake');
    return socket;
}

const refusal = (t, options, port) => secured(t, options, port).then(() => 'accepted', (error) => error.code ?? error.message);

/* A TCP connection without TLS; the bytes that come are gathered. */
async function raw(t, port = server.port) {
    const socket = net.connect(port, '127.0.0.1');

    t.after(() => socket.destroy());
    socket.bytes = Buffer.alloc(0);
    socket.on('data', (bytes) => (socket.bytes = Buffer.concat([socket.bytes, bytes])));
    socket.on('error', () => {});
    socket.gone = new Promise((resolve) => socket.on('close', resolve));
    await once(socket, 'connect');
    return socket;
}

function get(target, options = {}, port = server.port) {
    const settings = { port, host: '127.0.0.1', servername: 'localhost', path: target, ca: authority.ca, agent: false, ...options };

    return within(
        new Promise((resolve, reject) => {
            https
                .get(settings, (response) => {
                    let body = '';
                    response.on('data', (text) => (body += text));
                    response.on('end', () => resolve({ status: response.statusCode, body }));
                })
                .on('error', reject);
        }),
        'the response',
    );
}

/* What openssl s_client says of a handshake: {accepted, output}. */
function probe(...args) {
    return new Promise((resolve) => {
        const words = ['s_client', '-connect', `127.0.0.1:${server.port}`, '-CAfile', authority.file('ca.pem'), ...args];
        const child = execFile('openssl', words, { timeout: 8000 }, (error, stdout, stderr) => {
            const output = stdout + stderr;

            resolve({ accepted: /^(New|Reused), TLSv/m.test(output), output });
        });
        child.stdin.on('error', () => {});
        child.stdin.end('Q\n');
    });
}

/* The first bytes that a client sends. */
async function clientHello() {
    const listener = net.createServer().listen(0, '127.0.0.1');

    await once(listener, 'listening');
    const socket = tls.connect({ port: listener.address().port, host: '127.0.0.1', servername: 'localhost' });
    socket.on('error', () => {});
    const [connection] = await once(listener, 'connection');
    const [bytes] = await once(connection, 'data');
    connection.destroy();
    socket.destroy();
    listener.close();
    return bytes;
}

async function serverWith(t, options) {
    const own = await startTestbed({ ...CALM, ...authority.options(), ...options });

    t.after(() => own.stop());
    return own;
}

async function reload(own) {
    const told = once(own.child.stdout, 'data');

    own.child.kill('SIGHUP');
    assert.match((await within(told, 'the reload'))[0], /reloaded/);
}

before(async () => {
    authority = new Authority();
    other = new Authority('Another CA');
    authority.issue('localhost', NAMES);
    authority.issue('second', ['second.test', '*.wild.test']);
    authority.issue('rsa', NAMES, { kind: 'rsa' });
    authority.issue('user');
    other.issue('user');
    server = await startTestbed({
        ...CALM, ...authority.options(),
        tlsMoreCert: authority.file('second.pem'), tlsMoreKey: authority.file('second.key'),
    });
});

after(async () => {
    await server?.stop();
    authority?.remove();
    other?.remove();
});

describe('TLS', { skip: reference && 'tests of our own server' }, () => {
    describe('is spoken by', () => {
        test('curl', async () => {
            const body = await new Promise((resolve, reject) =>
                execFile('curl', ['-sS', '--cacert', authority.file('ca.pem'), '-w', ' %{http_version}', `${url()}/healthz`], (error, out) =>
                    error ? reject(error) : resolve(out),
                ),
            );
            assert.equal(body, 'ok 1.1');
        });

        for (const [mode, options] of Object.entries(MODES))
            test(`the real client, by ${mode}`, async (t) => {
                const socket = await connected(t, url(), { ...options, ca: authority.ca });

                if (mode === 'upgrade') await upgraded(socket);
                assert.equal(await socket.timeout(8000).emitWithAck('echo', 'hello'), 'hello');
                const bytes = Buffer.from([0, 1, 255]);
                assert.deepEqual(await socket.timeout(8000).emitWithAck('echo', bytes), bytes);
            });

        for (const [mode, options] of Object.entries(MODES))
            test(`the real client with a megabyte both ways, by ${mode}`, async (t) => {
                const socket = await connected(t, url(), { ...options, ca: authority.ca });
                const bytes = Buffer.alloc(1_000_000, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));
                const text = 'é'.repeat(500_000);

                assert.ok(bytes.equals(await socket.timeout(8000).emitWithAck('echo', bytes)));
                assert.equal(await socket.timeout(8000).emitWithAck('echo', text), text);
            });

        for (const [mode, options] of Object.entries(MODES))
            test(`the real client, which the handshake tells from a plain one, by ${mode}`, async (t) => {
                const own = await serverWith(t, { contract: 'client' });
                const plain = await startTestbed({ contract: 'client' });
                t.after(() => plain.stop());
                const secureOne = await connected(t, `https://localhost:${own.port}`, { ...options, ca: authority.ca });
                const plainOne = await connected(t, plain.url, options);

                assert.equal((await secureOne.timeout(8000).emitWithAck('getHandshake')).secure, true);
                assert.equal((await plainOne.timeout(8000).emitWithAck('getHandshake')).secure, false);
            });

        test('many clients at once', async (t) => {
            const sockets = await Promise.all(Array.from({ length: 60 }, () => connected(t, url(), { transports: ['websocket'], ca: authority.ca })));

            await Promise.all(
                sockets.map(async (socket, i) => assert.equal(await socket.timeout(8000).emitWithAck('echo', i), i)),
            );
        });

        test('an RSA certificate', async (t) => {
            const own = await serverWith(t, authority.options('rsa'));

            assert.equal((await get('/healthz', {}, own.port)).body, 'ok');
            const socket = await secured(t, { maxVersion: 'TLSv1.2' }, own.port);
            assert.match(socket.getCipher().name, /^ECDHE-RSA-AES128-GCM/);
        });
    });

    test('its certificate is refused by a client that does not know the CA', async (t) => {
        const socket = client(t, url(), { transports: ['websocket'] });

        const [error] = await happens(socket, 'connect_error');
        assert.match(String(error.description?.message ?? error), /unable to verify|self.signed|unable to get/);
    });

    test('a slow reader gets all of many messages in order', async (t) => {
        const socket = await secured(t);
        const count = 2000;
        let text = '';

        socket.pause();
        socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count));
        await pause(200);
        socket.on('data', (bytes) => (text += bytes));
        socket.resume();
        await eventually(() => text.split('HTTP/1.1 200').length === count + 1, 'all answers');
    });

    describe('versions and suites', () => {
        const REFUSED = {
            'TLS 1.0': ['-tls1', '-cipher', 'ALL:@SECLEVEL=0'],
            'TLS 1.1': ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
            'RSA key exchange': ['-tls1_2', '-cipher', 'kRSA:@SECLEVEL=0'],
            'finite field key exchange': ['-tls1_2', '-cipher', 'kDHE:@SECLEVEL=0'],
            'no encryption': ['-tls1_2', '-cipher', 'eNULL:@SECLEVEL=0'],
            'no authentication': ['-tls1_2', '-cipher', 'aNULL:@SECLEVEL=0'],
            'pre-shared keys': ['-tls1_2', '-cipher', 'PSK:@SECLEVEL=0', '-psk', '00112233'],
            CBC: ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0'],
            CCM: ['-tls1_2', '-cipher', 'AESCCM:AESCCM8:@SECLEVEL=0'],
            ARIA: ['-tls1_2', '-cipher', 'ARIAGCM:@SECLEVEL=0'],
            'a curve that is too large': ['-tls1_2', '-groups', 'P-521'],
            'signatures with SHA-1': ['-tls1_2', '-sigalgs', 'ECDSA+SHA1', '-cipher', 'ALL:@SECLEVEL=0'],
        };
        const TAKEN = {
            'TLS 1.2': ['-tls1_2'],
            'AES-128-GCM': ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
            'AES-256-GCM': ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
            'ChaCha20-Poly1305': ['-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
            x25519: ['-tls1_2', '-groups', 'X25519:P-256', '-curves', 'X25519:P-256'],
            'P-256': ['-tls1_2', '-groups', 'P-256'],
        };

        /* The ones that this openssl can offer at all. */
        const offered = ({ output }) => !/no cipher match|Error with command|no ciphers available|no protocols available|Call to SSL_CONF_cmd/.test(output);

        for (const [what, args] of Object.entries(REFUSED))
            test(`refuse ${what}`, async (t) => {
                const result = await probe(...args);

                if (!offered(result)) return t.skip('this openssl cannot offer it');
                assert.equal(result.accepted, false, result.output);
                return undefined;
            });

        for (const [what, args] of Object.entries(TAKEN))
            test(`take ${what}`, async () => {
                const result = await probe(...args);

                assert.equal(result.accepted, true, result.output);
            });

        test('the server chooses the suite', async (t) => {
            const socket = await secured(t, {
                maxVersion: 'TLSv1.2',
                ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256',
            });

            assert.equal(socket.getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256');
        });

        test('TLS 1.3 is spoken where mbedTLS has it, and can be asked for', async (t) => {
            const newest = await refusal(t, { minVersion: 'TLSv1.3' });

            if (newest === 'accepted') {
                const own = await serverWith(t, { tlsMin: '1.3' });
                assert.equal(await refusal(t, {}, own.port), 'accepted');
                assert.equal(await refusal(t, { maxVersion: 'TLSv1.2' }, own.port), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
            } else {
                await assert.rejects(startTestbed({ ...authority.options(), tlsMin: '1.3' }), /this mbedTLS has no TLS 1\.3/);
            }
        });

        test('a compression that is offered is not taken', async (t) => {
            const hello = await clientHello();
            const afterId = 44 + hello[43];
            const at = afterId + 2 + hello.readUInt16BE(afterId);
            const offer = Buffer.concat([hello.subarray(0, at), Buffer.from([2, 1, 0]), hello.subarray(at + 2)]);

            assert.deepEqual([...hello.subarray(at, at + 2)], [1, 0]);
            offer.writeUInt16BE(offer.length - 5, 3);
            offer.writeUIntBE(offer.length - 9, 6, 3);
            const socket = await raw(t);
            socket.write(offer);
            await eventually(() => socket.bytes.length > 80, 'the answer');
            assert.deepEqual([socket.bytes[0], socket.bytes[5]], [22, 2], 'a ServerHello');
            assert.equal(socket.bytes[46 + socket.bytes[43]], 0);
        });

        test('a renegotiation is not done', async (t) => {
            const socket = await secured(t, { maxVersion: 'TLSv1.2' });

            const outcome = new Promise((resolve) => {
                socket.on('error', resolve);
                socket.renegotiate({ rejectUnauthorized: false }, resolve);
            });
            const error = await within(outcome, 'the refusal');
            assert.ok(error instanceof Error, 'it was done');
            assert.equal((await get('/healthz')).body, 'ok');
        });
    });

    describe('names', () => {
        const commonName = async (t, servername) => (await secured(t, { servername, checkServerIdentity: () => undefined })).getPeerCertificate().subject.CN;

        test('choose the certificate', async (t) => {
            assert.equal(await commonName(t, 'second.test'), 'second');
            assert.equal(await commonName(t, 'SECOND.test'), 'second');
            assert.equal(await commonName(t, 'any.wild.test'), 'second');
            assert.equal(await commonName(t, 'localhost'), 'localhost');
        });

        test('that are unknown, or not told, get the first', async (t) => {
            assert.equal(await commonName(t, 'unknown.test'), 'localhost');
            assert.equal(await commonName(t, 'a.b.wild.test'), 'localhost');
            assert.equal(await commonName(t, 'wild.test'), 'localhost');
            assert.equal(await commonName(t, ''), 'localhost');
        });
    });

    describe('ALPN', () => {
        test('chooses http/1.1', async (t) => {
            assert.equal((await secured(t, { ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol, 'http/1.1');
            assert.equal((await secured(t)).alpnProtocol, false);
        });

        test('refuses who speaks h2 only', async (t) => {
            assert.equal(await refusal(t, { ALPNProtocols: ['h2'] }), 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
        });
    });

    describe('a session', () => {
        const ticketOf = async (t, options, port) => {
            const socket = await secured(t, options, port);
            let session = socket.getSession();

            socket.on('session', (later) => (session = later));
            socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
            await once(socket, 'data');
            await pause(50);
            return session;
        };

        for (const maxVersion of ['TLSv1.2', 'TLSv1.3'])
            test(`is resumed, at most ${maxVersion}`, async (t) => {
                const session = await ticketOf(t, { maxVersion });
                const again = await secured(t, { maxVersion, session });

                assert.equal(again.isSessionReused(), true);
                again.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
                assert.match(String((await once(again, 'data'))[0]), /200 OK/);
            });

        test('is resumed after a reload', async (t) => {
            const own = await serverWith(t);
            const session = await ticketOf(t, {}, own.port);

            await reload(own);
            assert.equal((await secured(t, { session }, own.port)).isSessionReused(), true);
        });

        test('with a forged ticket begins anew', async (t) => {
            const session = Buffer.from(await ticketOf(t, { maxVersion: 'TLSv1.2' }));
            const other = await serverWith(t);

            assert.equal((await secured(t, { maxVersion: 'TLSv1.2', session }, other.port)).isSessionReused(), false);
        });
    });

    describe('client certificates', () => {
        const user = (from) => ({ cert: from.read('user.pem'), key: from.read('user.key') });

        test('are required where a CA for them is given', async (t) => {
            const own = await serverWith(t, { tlsClientCa: authority.file('ca.pem') });

            assert.equal((await get('/healthz', user(authority), own.port)).body, 'ok');
            await assert.rejects(get('/healthz', {}, own.port));
            await assert.rejects(get('/healthz', user(other), own.port));
            const socket = await connected(t, `https://localhost:${own.port}`, { transports: ['websocket'], ca: authority.ca, ...user(authority) });
            assert.equal(await socket.timeout(8000).emitWithAck('echo', 1), 1);
        });

        test('are asked for each time: no session is resumed', async (t) => {
            const own = await serverWith(t, { tlsClientCa: authority.file('ca.pem') });
            const first = await secured(t, user(authority), own.port);
            let session = first.getSession();

            first.on('session', (later) => (session = later));
            first.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
            await once(first, 'data');
            assert.equal((await secured(t, { ...user(authority), session }, own.port)).isSessionReused(), false);
        });
    });

    describe('a reload', () => {
        const serial = async (t, own) => (await secured(t, {}, own.port)).getPeerCertificate().serialNumber;

        test('changes the certificate and keeps the connections', async (t) => {
            authority.issue('changing', NAMES);
            const own = await serverWith(t, authority.options('changing'));
            const sockets = await Promise.all(
                Object.values(MODES).map((options) => connected(t, `https://localhost:${own.port}`, { ...options, ca: authority.ca })),
            );
            const before = await serial(t, own);

            authority.issue('changing', NAMES, { kind: 'rsa' });
            await reload(own);
            assert.notEqual(await serial(t, own), before);
            for (const socket of sockets) assert.equal(await socket.timeout(8000).emitWithAck('echo', 'still'), 'still');
        });

        test('of a broken file changes nothing, and names the file', async (t) => {
            authority.issue('breaking', NAMES);
            const own = await serverWith(t, authority.options('breaking'));
            const before = await serial(t, own);

            writeFileSync(authority.file('breaking.pem'), 'not a certificate');
            await reload(own);
            await eventually(() => own.messages.includes('breaking.pem'), 'the line that names it');
            assert.equal(await serial(t, own), before);
        });
    });

    describe('at the start', () => {
        const REFUSED = {
            'a certificate that is not there': [() => ({ tlsCert: '/nowhere/cert.pem', tlsKey: authority.file('localhost.key') }), /certificate \/nowhere\/cert\.pem: no such file/],
            'a key that is not there': [() => ({ tlsCert: authority.file('localhost.pem'), tlsKey: '/nowhere/key.pem' }), /key \/nowhere\/key\.pem: no such file/],
            'a key of another certificate': [() => ({ tlsCert: authority.file('localhost.pem'), tlsKey: authority.file('rsa.key') }), /rsa\.key does not belong to certificate .*localhost\.pem/],
            'a file that is no certificate': [() => ({ tlsCert: authority.file('localhost.key'), tlsKey: authority.file('localhost.key') }), /certificate .*localhost\.key: /],
            'a file that is no key': [() => ({ tlsCert: authority.file('localhost.pem'), tlsKey: authority.file('localhost.pem') }), /key .*localhost\.pem: /],
            'a folder': [() => ({ tlsCert: authority.folder, tlsKey: authority.file('localhost.key') }), /directory/],
            'a certificate without a key': [() => ({ tlsCert: authority.file('localhost.pem') }), /needs a key file/],
            'a CA file that is none': [() => ({ ...authority.options(), tlsClientCa: authority.file('localhost.key') }), /CA file .*localhost\.key: /],
        };

        for (const [what, [options, message]] of Object.entries(REFUSED))
            test(`${what} is refused in one line`, async () => {
                await assert.rejects(startTestbed(options()), (error) => {
                    assert.match(error.message, message);
                    assert.equal(error.message.trim().split('\n').length, 1);
                    return true;
                });
            });
    });

    describe('hostile clients', () => {
        test('that say nothing are gone in time', async (t) => {
            const own = await serverWith(t, { tlsTimeout: 300 });
            const socket = await raw(t, own.port);

            await within(socket.gone, 'the end');
            assert.equal(socket.bytes.length, 0);
        });

        test('that stop in the middle of the handshake are gone in time, at every cut', async (t) => {
            const own = await serverWith(t, { tlsTimeout: 300 });
            const hello = await clientHello();
            const cuts = [1, 4, 5, 6, 9, 10, 43, hello.length - 1, hello.length];

            await Promise.all(
                cuts.map(async (cut) => {
                    const socket = await raw(t, own.port);
                    socket.write(hello.subarray(0, cut));
                    await within(socket.gone, `the end after ${cut} bytes`);
                }),
            );
        });

        test('that send byte by byte are served, up to the time limit', async (t) => {
            const hello = await clientHello();
            const socket = await raw(t);

            socket.setNoDelay(true);
            for (const byte of hello) {
                socket.write(Buffer.from([byte]));
                await new Promise(setImmediate);
            }
            await eventually(() => socket.bytes.length > 500, 'the answer to the hello');
            assert.equal(socket.bytes[0], 22);
        });

        test('that complete the handshake and send half a record are gone in time', async (t) => {
            const own = await serverWith(t, { headersTimeout: 300 });
            const inner = await raw(t, own.port);
            let sent = Buffer.alloc(0);
            const pipe = new (await import('node:stream')).Duplex({
                read() {},
                write(bytes, _, done) {
                    if (this.halting) sent = Buffer.concat([sent, bytes]);
                    else inner.write(bytes);
                    done();
                },
            });
            inner.on('data', (bytes) => pipe.push(bytes));
            const socket = tls.connect({ socket: pipe, servername: 'localhost', ca: authority.ca });
            socket.on('error', () => {});
            await within(once(socket, 'secureConnect'), 'the handshake');
            pipe.halting = true;
            socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
            await eventually(() => sent.length > 20, 'the record');
            inner.write(sent.subarray(0, sent.length >> 1));
            await within(inner.gone, 'the end');
        });

        test('that speak plain HTTP are turned away, and the others are served', async (t) => {
            const socket = await raw(t);

            socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
            await within(socket.gone, 'the end');
            assert.doesNotMatch(socket.bytes.toString('latin1'), /HTTP/);
            await assert.rejects(new Promise((resolve, reject) => http.get(`http://127.0.0.1:${server.port}/`, resolve).on('error', reject)));
            assert.equal((await get('/healthz')).body, 'ok');
        });

        test('that send garbage are turned away', async (t) => {
            const hello = await clientHello();
            const wrong = [
                Buffer.alloc(100, 0),
                Buffer.alloc(20_000, 0xff),
                Buffer.from([22, 3, 1, 0xff, 0xff, 1, 0, 0, 1]),
                Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]),
                Buffer.from([23, 3, 3, 0, 2, 1, 1]),
                Buffer.concat([hello, hello]),
                ...Array.from({ length: 40 }, (_, i) => {
                    const copy = Buffer.from(hello);
                    copy[5 + Math.floor(((hello.length - 5) * i) / 40)] ^= 0xff;
                    return Buffer.concat([copy, Buffer.alloc(64, 1)]);
                }),
            ];

            for (const bytes of wrong) {
                const socket = await raw(t);
                socket.end(bytes);
                await within(socket.gone, 'the end');
            }
            assert.equal((await get('/healthz')).body, 'ok');
        });

        test('that break a record of an open connection are gone', async (t) => {
            const inner = await raw(t);
            const pipe = new (await import('node:stream')).Duplex({
                read() {},
                write(bytes, _, done) {
                    const copy = Buffer.from(bytes);
                    if (this.breaking) copy[copy.length - 1] ^= 1;
                    inner.write(copy);
                    done();
                },
            });
            inner.on('data', (bytes) => pipe.push(bytes));
            const socket = tls.connect({ socket: pipe, servername: 'localhost', ca: authority.ca });
            socket.on('error', () => {});
            await within(once(socket, 'secureConnect'), 'the handshake');
            pipe.breaking = true;
            socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
            await within(inner.gone, 'the end');
        });

        test('by the hundred, dropped in the middle of the handshake, leave nothing behind', async (t) => {
            const own = await serverWith(t, { tlsTimeout: 2000 });
            const hello = await clientHello();
            const wave = (count) =>
                Promise.all(
                    Array.from({ length: count }, async (_, i) => {
                        const socket = await raw(t, own.port);
                        socket.write(hello.subarray(0, i % 3 === 0 ? i : hello.length));
                        await pause(i % 50);
                        if (i % 2) socket.destroy();
                        else socket.resetAndDestroy();
                    }),
                );

            await wave(200);
            assert.equal((await get('/healthz', {}, own.port)).body, 'ok');
            await wave(200);
            assert.equal((await get('/healthz', {}, own.port)).body, 'ok'); /* a leak shows when it stops */
        });

        test('that shake hands by the hundred do not keep an open connection waiting', async (t) => {
            const socket = await connected(t, url(), { transports: ['websocket'], ca: authority.ca });
            const crowd = Array.from({ length: 150 }, () => get('/healthz').catch((error) => ({ body: String(error) })));
            let slowest = 0;

            for (let i = 0; i < 20; i++) {
                const start = performance.now();
                await socket.timeout(8000).emitWithAck('echo', i);
                slowest = Math.max(slowest, performance.now() - start);
            }
            for (const { body } of await Promise.all(crowd)) assert.equal(body, 'ok');
            t.diagnostic(`slowest echo: ${Math.round(slowest)} ms`);
        });
    });

    describe('the end', () => {
        test('is told by close_notify', async (t) => {
            const { output } = await new Promise((resolve) => {
                const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${server.port}`, '-CAfile', authority.file('ca.pem'), '-trace', '-quiet', '-no_ign_eof']);
                let text = '';
                child.stdout.on('data', (bytes) => (text += bytes));
                child.stderr.on('data', (bytes) => (text += bytes));
                child.stdin.write('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
                child.on('close', () => resolve({ output: text }));
                t.after(() => child.kill());
            });
            assert.match(output, /200 OK/);
            assert.match(output, /Received Record[\s\S]*close notify/);
        });

        test('comes with all that was sent before it', async () => {
            for (let i = 0; i < 10; i++) assert.equal((await get('/healthz', { headers: { connection: 'close' } })).body, 'ok');
        });

        test('without close_notify of the peer is an end like any other', async (t) => {
            const socket = await connected(t, url(), { transports: ['websocket'], ca: authority.ca });
            const rest = await connected(t, url(), { transports: ['websocket'], ca: authority.ca });
            const count = () => rest.timeout(8000).emitWithAck('clients');
            const before = await count();

            socket.io.engine.transport.ws._socket._handle.close();
            await eventually(async () => (await count()) === before - 1, 'the client to be gone');
        });
    });
});
