/* chatd over TLS: its own certificate, and the one of its Redis. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { Authority } from '../support/certificates.mjs';
import { Client, runChatd, startChatd, startRedis, within } from '../support/chatd.mjs';

const NAMES = ['localhost', 'IP:127.0.0.1'];

let authority;

before(() => {
    authority = new Authority();
    for (const name of ['localhost', 'changing', 'redis']) authority.issue(name, NAMES);
    authority.issue('elsewhere', ['elsewhere.test']);
});
after(() => authority.remove());

const certificate = (name) => ['--tls-cert', authority.file(`${name}.pem`), '--tls-key', authority.file(`${name}.key`)];

function fingerprint(port) {
    return within(
        new Promise((resolve, reject) => {
            const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.ca }, () => {
                resolve(socket.getPeerCertificate().fingerprint);
                socket.destroy();
            });
            socket.on('error', reject);
        }),
        'the handshake',
    );
}

test('clients connect over wss and https; SIGHUP changes the certificate under them', async (t) => {
    const chatd = await startChatd(t, ['--store', 'memory', ...certificate('changing')]);
    const url = `https://localhost:${chatd.port}`;
    const ada = await Client.connect(t, url, { ca: authority.ca });
    const bob = await Client.connect(t, url, { ca: authority.ca, transports: ['polling'] });

    await ada.creates('den', 'Ada');
    await bob.joins('den', 'Bob');
    await ada.take();
    const first = await fingerprint(chatd.port);
    authority.issue('changing', NAMES);
    chatd.signal('SIGHUP');
    await chatd.line(/ reload certificate=/);
    assert.notEqual(await fingerprint(chatd.port), first);
    await bob.writes('den', 'Bob', 'still here');
    await ada.take();
    assert.deepEqual(await chatd.stop(), { code: 0, signal: null });
});

test('the environment names the certificate as well', async (t) => {
    const chatd = await startChatd(t, ['--store', 'memory'], {
        env: { TLS_CERT: authority.file('localhost.pem'), TLS_KEY: authority.file('localhost.key') },
    });

    await Client.connect(t, `https://127.0.0.1:${chatd.port}`, { ca: authority.ca });
});

test('a certificate that is not there keeps it from starting, with one line that names it', async (t) => {
    const chatd = runChatd(t, ['rooms', '--port', '0', '--store', 'memory', '--tls-cert', '/nowhere/cert.pem', '--tls-key', '/nowhere/key.pem']);

    assert.equal((await chatd.ended).code, 1);
    assert.deepEqual(chatd.said('stderr'), ['TLS: certificate /nowhere/cert.pem: no such file or directory']);
});

async function startSecureRedis(t, name) {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address();
    await new Promise((resolve) => probe.close(resolve));
    const redis = await startRedis(t, {
        conf: [
            `tls-port ${port}`, `tls-cert-file ${authority.file(`${name}.pem`)}`, `tls-key-file ${authority.file(`${name}.key`)}`,
            `tls-ca-cert-file ${authority.file('ca.pem')}`, 'tls-auth-clients no',
        ],
    });

    return { redis, port };
}

for (const host of ['localhost', '127.0.0.1'])
    test(`rooms in a Redis behind rediss://${host}`, async (t) => {
        const { redis, port } = await startSecureRedis(t, 'redis');
        const chatd = await startChatd(t, ['--redis', `rediss://${host}:${port}/1`, '--redis-ca', authority.file('ca.pem')]);
        await chatd.line(new RegExp(`Redis rediss://${host}:${port}/1: connected`));
        const ada = await Client.connect(t, chatd.url);

        await ada.creates('den', 'Ada');
        for (let i = 0; i < 20; i++) await ada.writes('den', 'Ada', 'x'.repeat(50_000));
        const content = await redis.content('1');
        assert.deepEqual(content.rooms, ['den']);
        assert.equal(content['chat::den'].length, 20);
        await redis.kill();
        await chatd.line(/connection lost|closed by the server/);
        await redis.start();
        await chatd.line(/: connected/, 2);
        assert.deepEqual((await chatd.stop()).code, 0);
    });

const REFUSED = {
    'of an unknown CA': ['redis', [], /cannot connect: the peer's certificate is refused: no CA that is trusted has signed it/],
    'for another host': ['elsewhere', ['--redis-ca'], /cannot connect: the peer's certificate is refused: it is not for localhost/],
};

for (const [what, [name, option, line]] of Object.entries(REFUSED))
    test(`a certificate of Redis ${what} is refused with a clear line`, async (t) => {
        const { port } = await startSecureRedis(t, name);
        const chatd = await startChatd(t, ['--redis', `rediss://:secret@localhost:${port}`, ...option.flatMap((word) => [word, authority.file('ca.pem')])]);

        await chatd.line(line);
        assert.doesNotMatch(chatd.said().join('\n'), /secret/);
        assert.equal((await fetch(`${chatd.url}/readyz`)).status, 503);
    });

test('rediss:// to a port without TLS is refused with a clear line', async (t) => {
    const redis = await startRedis(t);
    const chatd = await startChatd(t, ['--redis', `rediss://localhost:${redis.port}`]);

    await chatd.line(/cannot connect: no answer in time/);
});
