/* Compression as Chromium asks for it: permessage-deflate, and polling replies and files in gzip. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, openPage } from '../support/browser.mjs';
import { sharedTestbed } from '../support/testbed.mjs';

const clientDir = fileURLToPath(new URL('../node_modules/socket.io/client-dist', import.meta.url));
const server = sharedTestbed({ pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000, deflate: true, clientDir });

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/* A page of the server itself, so that its scripts may ask for everything there. */
const open = (t) => openPage(t, browser, `${server.url}/healthz`);

test('Chromium agrees on permessage-deflate, and what it says and hears stays what it was', async (t) => {
    const page = await open(t);
    const seen = await page.evaluate(async () => {
        const socket = new WebSocket(`ws://${location.host}/engine.io/?EIO=4&transport=websocket`);
        const next = () => new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)));
        const bytes = new Uint8Array(40000).map((_, i) => (i * i) >> 3);

        socket.binaryType = 'arraybuffer';
        await next();
        const answers = [];
        for (const message of ['4short', `4${'жук '.repeat(5000)}`, `4${'жук '.repeat(5000)}`, bytes, new Uint8Array(0), `4${'x'.repeat(999_999)}`]) {
            const answer = next();

            socket.send(message);
            const heard = await answer;
            answers.push(typeof message === 'string' ? heard === message : new Uint8Array(heard).join() === message.join());
        }
        const extensions = socket.extensions;

        socket.close();
        return { extensions, answers };
    });

    assert.deepEqual(seen, { extensions: 'permessage-deflate', answers: Array(6).fill(true) });
});

test('Chromium takes replies to polls in gzip', async (t) => {
    const page = await open(t);
    const seen = await page.evaluate(async () => {
        const target = '/engine.io/?EIO=4&transport=polling';
        const opened = await (await fetch(target)).text();
        const { sid } = JSON.parse(opened.slice(1));
        const message = `4${'жук '.repeat(1000)}`;

        await fetch(`${target}&sid=${sid}`, { method: 'POST', body: message });
        const response = await fetch(`${target}&sid=${sid}`);

        return [response.headers.get('content-encoding'), (await response.text()) === message];
    });

    assert.deepEqual(seen, ['gzip', true]);
});

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    test(`the real client in Chromium, loaded in gzip, speaks over ${transports}`, async (t) => {
        const page = await open(t);
        const loaded = page.waitForResponse((response) => response.url().endsWith('/socket.io.min.js'));

        await page.addScriptTag({ url: '/socket.io/socket.io.min.js' });
        assert.equal((await loaded).headers()['content-encoding'], 'gzip');
        const answer = await page.evaluate(
            (names) =>
                new Promise((resolve) => {
                    const socket = window.io({ transports: names });

                    socket.emit('echo', 'ж'.repeat(20000), new Uint8Array([1, 2, 3]), (text, bytes) => {
                        socket.close();
                        resolve([text === 'ж'.repeat(20000), [...new Uint8Array(bytes)]]);
                    });
                }),
            transports,
        );

        assert.deepEqual(answer, [true, [1, 2, 3]]);
    });
}
