/* chatd demo over HTTP: the front end's files, the session cookie, what answers look like, and logins in numbers. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, within } from '../support/chatd.mjs';
import { Person, person, startDemo, startDemoOn } from '../support/demo.mjs';
import { Wire } from '../support/wire.mjs';

const FILES = {
    'index.html': ['<p>front end</p>', 'text/html'], 'static/js/main.8f2a1b3c.chunk.js': ['1;', 'javascript'], 'static/css/main.8f2a1b3c.chunk.css': ['p{}', 'text/css'],
    'static/js/main.8f2a1b3c.chunk.js.map': ['{}', 'application/json'], 'avatars/0.jpg': ['jpg', 'image/jpeg'], 'welcome.png': ['png', 'image/png'],
    'favicon.ico': ['ico', 'image/'], 'manifest.json': ['{}', 'application/json'], 'robots.txt': ['x'.repeat(100), 'text/plain'], '.secret': ['secret', ''],
};

async function startWithFiles(t) {
    const folder = makeFolder(t);
    writeFileSync(join(folder, 'outside.txt'), 'outside');
    const build = join(folder, 'build');
    for (const [name, [text]] of Object.entries(FILES)) {
        mkdirSync(join(build, name, '..'), { recursive: true });
        writeFileSync(join(build, name), text);
    }
    return startDemo(t, ['--store', 'memory', '--static', build]);
}

test('the files of a front end are served as Express does, and touch no session', async (t) => {
    const chatd = await startWithFiles(t);
    const visitor = new Person(t, chatd.url);
    for (const [name, [text, type]] of Object.entries(FILES).filter(([name]) => !name.startsWith('.'))) {
        const answer = await visitor.call(`/${name}`);
        assert.deepEqual([answer.status, typeof answer.body === 'string' ? answer.text : answer.text], [200, text], name);
        assert.ok(answer.headers.get('content-type').includes(type), `${name}: ${answer.headers.get('content-type')}`);
        assert.equal(answer.headers.get('set-cookie'), null);
        const etag = answer.headers.get('etag');
        assert.ok(etag, name);
        assert.equal((await visitor.call(`/${name}`, { headers: { 'if-none-match': etag } })).status, 304);
        const head = await visitor.call(`/${name}`, { method: 'HEAD' });
        assert.deepEqual([head.status, head.text], [200, '']);
        const longLived = /max-age=(\d{7,})/.test(answer.headers.get('cache-control') ?? '');
        assert.equal(longLived, name.includes('8f2a1b3c'), `${name}: ${answer.headers.get('cache-control')}`);
    }
    assert.equal((await visitor.call('/')).text, FILES['index.html'][0]);
    const part = await visitor.call('/robots.txt', { headers: { range: 'bytes=10-19' } });
    assert.ok([200, 206].includes(part.status));
    const folder = await visitor.call('/static');
    assert.deepEqual([folder.status, new URL(folder.headers.get('location'), chatd.url).pathname], [301, '/static/']);
    for (const path of ['/static/', '/avatars/', '/.secret', '/%2esecret', '/nowhere', '/index.htm', '/static/js/', '/static/js/nowhere.js']) {
        const { status, text } = await visitor.call(path);
        assert.equal(status, 404, path);
        assert.doesNotMatch(text, /secret|main/);
    }
    for (const path of ['/../outside.txt', '/%2e%2e/outside.txt', '/%2e%2e%2foutside.txt', '/..%5coutside.txt', '/static/../../outside.txt', '//outside.txt', '/a%00b', '/%', '/%ff']) {
        const wire = await Wire.connect(chatd.port);
        wire.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        const answer = (await wire.readToEnd()).toString();
        assert.match(answer, /^HTTP\/1\.1 (400|403|404) /, path);
        assert.doesNotMatch(answer, /outside/);
        wire.destroy();
    }
    assert.equal((await visitor.call('/me')).body, null);
    assert.ok(visitor.cookie, 'calls have a session');
});

test('a cookie is that of Node, and none that was not given out here begins a session', async (t) => {
    const chatd = await startDemoOn(t, 'redis');
    const cookieOf = (sid, secret = 'keyboard cat') => encodeURIComponent(`s:${sid}.${createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, '')}`);
    const known = 'known_known_known_known_known_kn';
    await chatd.redis.run('SET', `sess:${known}`, JSON.stringify({ cookie: { path: '/' }, user: { id: 1, username: 'Pablo' } }));
    const presented = ['', 'x', '%', 's%3A', 's%3A.', `s%3A${known}`, `s%3A${known}.`, `s%3A${known}.${'A'.repeat(43)}`, known, cookieOf('unknown_unknown_unknown_unknown_u'),
        cookieOf(known, 'other secret'), `${cookieOf(known)}A`, `s%3A${'x'.repeat(4000)}.y`, cookieOf('../total_users'), cookieOf('*'), '%00'];
    for (const cookie of presented) {
        const one = Object.assign(new Person(t, chatd.url), { cookie });
        const me = await one.call('/me');
        assert.equal(me.body, null, cookie);
        assert.ok(me.headers.get('set-cookie'), cookie);
        assert.notEqual(one.cookie, cookie, 'never the one presented');
    }
    const among = await new Person(t, chatd.url).call('/me', { headers: { cookie: `a=1; connect.sid.x=2; connect.sid=${cookieOf(known)}; b="3"` } });
    assert.deepEqual([among.body, among.headers.get('set-cookie')], [{ id: 1, username: 'Pablo' }, null]);
    const anonymous = new Person(t, chatd.url);
    await anonymous.call('/me');
    const sid = decodeURIComponent(anonymous.cookie).slice(2).split('.')[0];
    assert.ok((await chatd.redis.run('TTL', `sess:${sid}`)) > 60);
    await chatd.redis.run('EXPIRE', `sess:${sid}`, '5');
    assert.equal((await anonymous.call('/me')).headers.get('set-cookie'), null);
    assert.ok((await chatd.redis.run('TTL', `sess:${sid}`)) > 60, 'a request renews its life');
});

test('the secret is settable, and the one that everybody knows is warned of once', async (t) => {
    const warns = (chatd) => chatd.said().filter((line) => line.includes('SESSION_SECRET') && line.includes('warn')).length;
    const known = await startDemo(t, ['--store', 'memory', '--secure-cookie']);
    const own = await startDemo(t, ['--store', 'memory'], { env: { SESSION_SECRET: 'mine' } });
    assert.deepEqual([warns(known), warns(own)], [1, 0]);
    assert.match((await new Person(t, known.url).call('/me')).headers.get('set-cookie'), /; Secure/);
    const visitor = new Person(t, own.url);
    await visitor.call('/me');
    const [sid, signature] = decodeURIComponent(visitor.cookie).slice(2).split('.');
    assert.equal(signature, createHmac('sha256', 'mine').update(sid).digest('base64').replace(/=+$/, ''));
});

test('answers have the types and texts of the original, and say nothing of the server', async (t) => {
    const links = join(makeFolder(t), 'links.json');
    writeFileSync(links, '{"github": "https://github.example/x"}');
    const chatd = await startDemo(t, ['--store', 'memory', '--links', links]);
    const joe = await person(t, chatd, 'Joe');
    assert.deepEqual((await joe.call('/links')).body, { github: 'https://github.example/x' });
    assert.match((await joe.call('/randomname')).headers.get('content-type'), /^text\/html; charset=utf-8$/i);
    const room = encodeURIComponent('1:2');
    for (const path of ['/links', '/me', '/room/0/preload', `/room/${room}/messages`, '/room/1:2/messages?offset=0&size=1', '/users?ids[]=1', '/users/online', '/rooms/2']) {
        const { status, headers } = await joe.call(path);
        assert.deepEqual([path, status, headers.get('content-type')], [path, 200, 'application/json; charset=utf-8']);
    }
    for (const [path, method, status, text] of [['/nowhere', 'GET', 404], ['/login', 'GET', 404], ['/me', 'POST', 404], ['/me', 'DELETE', 404], ['/rooms/1', 'GET', 403, 'Forbidden'],
        ['/users', 'GET', 404, 'Not Found'], ['/room/%00/messages', 'GET', 403], ['/room/__proto__/messages', 'GET', 403], ["/room/';--/messages", 'GET', 403], ['/rooms/*', 'GET', 403]]) {
        const answer = await joe.call(path, { method });
        assert.equal(answer.status, status, `${method} ${path}`);
        if (text) assert.equal(answer.text, text);
        assert.doesNotMatch(answer.text, / at |\.c:|Error:|\//, path);
    }
    for (const body of ['{', '{"user1":1,"user2":', '"text"', '[1,2]x', '{"user1":1,"user2":2}'.repeat(2)]) {
        const { status, text } = await joe.call('/room', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
        assert.deepEqual([body, status, text], [body, 400, 'Bad Request']);
    }
    const wrong = [null, [], {}, { user1: null, user2: 2 }, { user1: { a: 1 }, user2: 2 }, { user1: -1, user2: 2 }, { user1: '2; DROP', user2: 1 }, { user1: 1e21, user2: 2 },
        JSON.parse('{"__proto__":{"user1":1,"user2":2}}'), { user1: 'x'.repeat(90_000), user2: 2 }];
    for (const json of wrong) assert.equal((await joe.post('/room', json)).status, 400, JSON.stringify(json).slice(0, 60));
    assert.equal((await joe.post('/room', { user1: 'x'.repeat(1_000_000), user2: 2 })).status, 413);
});

/** POST /login from an address of the loopback net. */
function logInFrom(chatd, localAddress, username, password) {
    const body = JSON.stringify({ username, password });
    return within(new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
        http.request({ host: '127.0.0.1', port: chatd.port, path: '/login', method: 'POST', localAddress, headers, agent: false }, (answer) => {
            answer.resume().on('end', () => resolve(answer.statusCode));
        }).on('error', reject).end(body);
    }), 'a login');
}

for (const home of ['sqlite', 'redis']) {
    test(`${home}: failed logins are counted by name and address: the owner elsewhere and other names are not held up`, async (t) => {
        const chatd = await startDemoOn(t, home, ['--login-failures', '1']);
        const from = (address, name, password) => logInFrom(chatd, address, name, password);
        for (const status of [404, 429]) assert.equal(await from('127.0.0.1', 'Mary', 'guess'), status);
        assert.equal(await from('127.0.0.1', 'Mary', 'password123'), 429, 'the right one, too: else guessing goes on');
        assert.equal(await from('127.0.0.1', 'Joe', 'password123'), 200);
        assert.equal(await from('127.0.0.2', 'Mary', 'password123'), 200);
        /* 20 times as many of all names, then that address has to wait with any name. */
        const names = Array.from({ length: 20 }, (_, i) => `user ${i}`);
        await Promise.all(names.map((name) => from('127.0.0.2', name, 'right')));
        for (const name of names) assert.equal(await from('127.0.0.3', name, 'wrong'), 404);
        assert.equal(await from('127.0.0.3', 'Joe', 'password123'), 429);
        assert.equal(await from('127.0.0.2', 'user 1', 'right'), 200);
    });
}

test('logins in numbers keep nobody waiting, and beyond their queue get 503', async (t) => {
    const chatd = await startDemo(t, ['--store', 'memory', '--login-failures', '100000']);
    const joe = await person(t, chatd, 'Joe');
    await joe.open();
    let over = 0;
    const logins = Array.from({ length: 300 }, (_, i) => logInFrom(chatd, `127.0.0.${10 + (i % 50)}`, 'Mary', `guess ${i}`).then((status) => (over++, status)));
    await joe.call('/me');
    joe.say('0', 'while they compute');
    assert.equal((await joe.hears('message')).message, 'while they compute');
    assert.ok(over < 250, `${over} logins were over`);
    const statuses = await Promise.all(logins);
    assert.ok(statuses.includes(503) && statuses.includes(404), [...new Set(statuses)].join());
    assert.ok(statuses.every((status) => [404, 503].includes(status)), [...new Set(statuses)].join());
    assert.equal((await new Person(t, chatd.url).post('/login', { username: 'Mary', password: 'password123' })).status, 200);
});
