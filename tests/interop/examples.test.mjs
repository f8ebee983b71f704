/*
 * Each program of examples/ does what it says, with the real clients. BUILD_DIR names the build
 * whose programs are run.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { ask, client, connected, ready } from '../support/clients.mjs';
import { collect, eventually, happens, within } from '../support/waiting.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = path.resolve(root, process.env.BUILD_DIR ?? 'build', 'examples');
const clientFiles = path.join(root, 'tests/node_modules/socket.io/client-dist');

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/* Starts examples/NAME.c on a free port; it ends with the test, without a sanitizer's word. */
async function start(t, name, ...words) {
    const child = spawn(path.join(folder, `example_${name}`), ['0', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    const program = { child, output: '', messages: '' };

    running.add(child);
    child.on('error', (error) => (program.messages += error));
    child.stdout.on('data', (text) => (program.output += text));
    child.stderr.on('data', (text) => (program.messages += text));
    program.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
    t.after(async () => {
        child.kill('SIGTERM');
        const end = await within(program.exited, `the end of ${name}`);

        running.delete(child);
        assert.ok(end.code === 0 || end.signal === 'SIGTERM', `${name} ended with ${end.code}`);
        assert.equal(program.messages, '');
    });
    await eventually(() => /^listening on \d+$/m.test(program.output), `${name} to listen`);
    program.port = Number(/^listening on (\d+)$/m.exec(program.output)[1]);
    program.url = `http://127.0.0.1:${program.port}`;
    return program;
}

const post = (url, body) => fetch(url, { method: 'POST', body, headers: { connection: 'close' } });
const get = (url) => fetch(url, { headers: { connection: 'close' } });

test('every example is driven here', () => {
    const programs = readdirSync(path.join(root, 'examples')).filter((name) => name.endsWith('.c'));
    const driven = ['chat', 'echo', 'http_routes', 'private_messaging', 'service', 'websocket', 'whiteboard'];

    assert.deepEqual(programs.map((name) => path.basename(name, '.c')).sort(), driven);
});

test('echo: what is said comes back', async (t) => {
    const { url } = await start(t, 'echo');
    const socket = await connected(t, url);

    socket.emit('echo', 1, { a: ['ü'] }, Buffer.from([0, 255]));
    assert.deepEqual(await happens(socket, 'echo'), [1, { a: ['ü'] }, Buffer.from([0, 255])]);
});

test('an example says why it cannot start', async (t) => {
    const { port } = await start(t, 'echo');
    const child = spawn(path.join(folder, 'example_echo'), [String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
    let messages = '';

    running.add(child);
    child.stderr.on('data', (text) => (messages += text));
    const [code] = await happens(child, 'close');
    running.delete(child);
    assert.equal(code, 1);
    assert.match(messages, new RegExp(`^echo: .*${port}`));
});

describe('chat', () => {
    test('what one says, everybody reads', async (t) => {
        const { url } = await start(t, 'chat', clientFiles);
        const a = await connected(t, url);
        const b = await connected(t, url);
        const read = Promise.all([a, b].map((socket) => happens(socket, 'chat message')));

        a.emit('chat message', 'hello <b>');
        assert.deepEqual(await read, [['hello <b>'], ['hello <b>']]);
    });

    test('serves its page, and the client that the page asks for', async (t) => {
        const { url } = await start(t, 'chat', clientFiles);
        const page = await get(url);
        const text = await page.text();
        const script = /src="([^"]+)"/.exec(text)[1];
        const source = await (await get(url + script)).text();

        assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
        assert.match(text, /^<!DOCTYPE html>/);
        assert.match(source, /Socket\.IO/);
    });
});

describe('private messaging', () => {
    const named = (t, url, username) => client(t, url, { auth: { username } });

    test('who has no name is refused', async (t) => {
        const { url } = await start(t, 'private_messaging');

        for (const username of [undefined, '', 7]) {
            const [error] = await happens(named(t, url, username), 'connect_error');
            assert.equal(error.message, 'invalid username');
        }
    });

    test('each hears who is there, who comes and who goes', async (t) => {
        const { url } = await start(t, 'private_messaging');
        const ann = named(t, url, 'ann "a"');
        const [first] = await happens(ann, 'users');

        assert.deepEqual(first, [{ userID: ann.id, username: 'ann "a"' }]);
        const coming = happens(ann, 'user connected');
        const bob = named(t, url, 'bob');
        const [all] = await happens(bob, 'users');
        const { id } = bob;

        assert.deepEqual(all.map((user) => user.username).sort(), ['ann "a"', 'bob']);
        assert.deepEqual(await coming, [{ userID: id, username: 'bob' }]);
        const going = happens(ann, 'user disconnected');
        bob.disconnect();
        assert.deepEqual(await going, [{ userID: id, username: 'bob' }]);
    });

    test('a message reaches the one it is for, and nonsense nobody', async (t) => {
        const { url } = await start(t, 'private_messaging');
        const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => named(t, url, name));

        await Promise.all([ann, bob, eve].map(ready));
        eve.on('private message', () => assert.fail('not for her'));
        const heard = collect(bob, 'private message', 2);
        ann.emit('private message');
        ann.emit('private message', null);
        ann.emit('private message', { to: 1, content: 'x' });
        ann.emit('private message', { to: bob.id, content: 'psst' });
        ann.emit('private message', { to: bob.id, content: { any: [1] } });
        assert.deepEqual(await heard, [
            [{ content: 'psst', from: ann.id }],
            [{ content: { any: [1] }, from: ann.id }],
        ]);
    });
});

describe('whiteboard', () => {
    test('others see what is drawn, and who comes later too', async (t) => {
        const { url } = await start(t, 'whiteboard');
        const a = await connected(t, url);
        const b = await connected(t, url);
        const stroke = { x0: 0, y0: 0.5, x1: 1, y1: 1, color: 'red' };
        const seen = happens(b, 'drawing');

        a.on('drawing', () => assert.fail('it is one\'s own'));
        a.emit('drawing', stroke);
        assert.deepEqual(await seen, [stroke]);
        const late = client(t, url);
        assert.deepEqual(await happens(late, 'drawing'), [stroke]);
    });

    test('cursors are passed on', async (t) => {
        const { url } = await start(t, 'whiteboard');
        const a = await connected(t, url, { transports: ['websocket'] });
        const b = await connected(t, url, { transports: ['websocket'] });
        const seen = happens(b, 'cursor');

        a.emit('cursor', 1, 2);
        assert.deepEqual(await seen, [1, 2]);
    });

    test('the newest thousand are kept; clearing tells how many went', async (t) => {
        const { url } = await start(t, 'whiteboard');
        const a = await connected(t, url, { transports: ['websocket'] });

        for (let i = 0; i < 1005; i++) a.emit('drawing', i);
        await within(new Promise((resolve) => a.io.engine.once('drain', resolve)), 'the strokes to leave');
        const late = client(t, url, { transports: ['websocket'] });
        const strokes = await collect(late, 'drawing', 1000);
        assert.deepEqual([strokes[0], strokes[999]], [[5], [1004]]);
        const cleared = happens(late, 'clear');

        assert.deepEqual(await ask(a, 'clear'), [1000]);
        await cleared;
        assert.deepEqual(await ask(a, 'clear'), [0]);
    });
});

describe('http routes', () => {
    test('what is posted to a topic reaches who watches it', async (t) => {
        const { url } = await start(t, 'http_routes');
        const a = await connected(t, url);
        const b = await connected(t, url);
        const news = happens(a, 'news');

        b.on('news', () => assert.fail('not watched'));
        await Promise.all([ask(a, 'watch', 'b "ü"'), ask(b, 'watch', 'other')]);
        const response = await post(`${url}/topics/b%20%22%C3%BC%22`, 'built\nin "31" s');

        assert.deepEqual([response.status, await response.text()], [202, 'told\n']);
        assert.deepEqual(await news, ['b "ü"', 'built\nin "31" s']);
        assert.equal(await (await get(`${url}/status`)).text(), 'sockets 2\nbroadcasts 1\n');
    });

    test('bodies have a limit, and other routes stay empty', async (t) => {
        const { url } = await start(t, 'http_routes');

        assert.equal((await post(`${url}/topics/x`, 'x'.repeat(4097))).status, 413);
        assert.equal((await post(`${url}/topics/x`, 'x'.repeat(4096))).status, 202);
        assert.equal((await get(`${url}/topics/x`)).status, 404);
        assert.equal((await get(`${url}/`)).status, 404);
    });
});

describe('plain websocket', () => {
    async function sensor(t, port, name) {
        const ws = new WebSocket(`ws://127.0.0.1:${port}/sensors/${name}`);

        t.after(() => ws.terminate());
        await happens(ws, 'open');
        return ws;
    }

    test('a reading reaches every socket, and the sensor knows', async (t) => {
        const { url, port } = await start(t, 'websocket');
        const sockets = await Promise.all([1, 2].map(() => connected(t, url)));
        const ws = await sensor(t, port, 'roof%20%22n%22');
        const read = Promise.all(sockets.map((socket) => happens(socket, 'reading')));

        ws.send('21.5 °C');
        const [answer] = await happens(ws, 'message');
        assert.equal(String(answer), 'seen by 2');
        assert.deepEqual(await read, [['roof "n"', '21.5 °C'], ['roof "n"', '21.5 °C']]);
    });

    test('bytes are refused', async (t) => {
        const { port } = await start(t, 'websocket');
        const ws = await sensor(t, port, 'x');

        ws.send(Buffer.from([1]));
        const [code, reason] = await happens(ws, 'close');
        assert.deepEqual([code, String(reason)], [1008, 'texts only']);
    });

    test('a request that is no handshake gets 400', async (t) => {
        const { url } = await start(t, 'websocket');

        assert.equal((await get(`${url}/sensors/x`)).status, 400);
    });
});

describe('a service with a loop of its own', () => {
    test('its timer and its datagrams reach the clients', async (t) => {
        const { url, output } = await start(t, 'service', '0');
        const socket = await connected(t, url);
        const [uptime] = await happens(socket, 'uptime');
        const datagram = happens(socket, 'datagram');
        const sender = createSocket('udp4');

        t.after(() => sender.close());
        sender.send(Buffer.from([0, 1, 255]), Number(/^datagrams on (\d+)$/m.exec(output)[1]), '127.0.0.1');
        assert.equal(typeof uptime, 'number');
        assert.deepEqual(await datagram, [Buffer.from([0, 1, 255])]);
    });

    for (const signal of ['SIGTERM', 'SIGINT']) {
        test(`${signal} ends it in order, clients or not`, async (t) => {
            const program = await start(t, 'service', '0');
            const sockets = await Promise.all(
                [['polling'], ['websocket']].map((transports) => connected(t, program.url, { transports })),
            );
            const gone = Promise.all(sockets.map((socket) => happens(socket, 'disconnect')));

            program.child.kill(signal);
            await gone;
            assert.deepEqual(await within(program.exited, 'its end'), { code: 0, signal: null });
            assert.match(program.output, /^nothing is left open: yes$/m);
        });
    }
});

