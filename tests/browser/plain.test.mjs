/* The chats over plain WebSocket from pages in a browser: one from disk, as the tutorial of broadcast has it. */
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DESKTOP, launch, openPage } from '../support/browser.mjs';
import { isReady, makeFolder, startChatd, startRedis } from '../support/chatd.mjs';

const PAGE = `<!doctype html><meta charset="utf-8"><title>chat</title><input id="text"><ul id="heard"></ul>
<script>
    const socket = new WebSocket(decodeURIComponent(location.hash.slice(1)));
    const show = (text) => document.querySelector('#heard').appendChild(document.createElement('li')).textContent = text;
    socket.onmessage = ({ data }) => show(typeof data + ' ' + data);
    socket.onopen = () => show('open');
    document.querySelector('#text').onchange = ({ target }) => socket.send(target.value);
</script>`;

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** A page from disk, connected to each of the servers. */
async function openPages(t, servers) {
    const file = join(makeFolder(t), 'chat.html');
    writeFileSync(file, PAGE);
    return Promise.all(servers.map(async ({ url }) => {
        const page = await openPage(t, browser, `file://${file}#${encodeURIComponent(url.replace('http', 'ws'))}`, DESKTOP);
        await page.getByText('open', { exact: true }).waitFor();
        return page;
    }));
}
const heard = (page) => page.locator('#heard li').allTextContents();

async function say(page, text) {
    await page.fill('#text', text);
    await page.locator('#text').blur();
}

test('a page from disk talks through broadcast', async (t) => {
    const redis = await startRedis(t);
    const servers = [];
    for (let i = 0; i < 2; i++) servers.push(await startChatd(t, [], { profile: 'broadcast', env: { REDIS_URL: redis.url } }));
    for (const server of servers) await isReady(server);
    const pages = await openPages(t, servers);
    await say(pages[0], 'hello 👋 <b>all</b>');
    for (const page of pages) await page.getByText('string hello').waitFor();
    await say(pages[1], 'and back');
    for (const page of pages) await page.getByText('string and back').waitFor();
    for (const page of pages) assert.deepEqual(await heard(page), ['open', 'string hello 👋 <b>all</b>', 'string and back']);
});

test('a page talks through pubsub', async (t) => {
    for (const args of [['--store', 'memory'], ['--redis', (await startRedis(t)).url]]) {
        const chatd = await startChatd(t, args, { profile: 'pubsub' });
        await isReady(chatd);
        const [ada, bob] = await openPages(t, [chatd, chatd]);
        for (const [page, userId] of [[ada, 'ada'], [bob, 'bob']]) {
            await say(page, JSON.stringify({ type: 'auth', userId }));
            await say(page, JSON.stringify({ type: 'join', roomId: 'den' }));
            await page.getByText('"type":"room_history"').waitFor();
        }
        await say(ada, '{"type":"message","roomId":"den","content":"hello 👋"}');
        await bob.getByText('"content":"hello 👋"').waitFor();
        assert.equal((await heard(ada)).filter((line) => line.includes('hello')).length, 0, 'no echo');
    }
});
