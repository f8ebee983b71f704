/*
 * Real clients, and a page's files, with a chatd that runs elsewhere: container.mjs URL talk | remember
 * What `talk` has said, `remember` finds after a restart.
 */
import assert from 'node:assert/strict';
import { io } from 'socket.io-client';
import { happens } from './waiting.mjs';

const [url, what] = process.argv.slice(2);
const roomId = 'harbour';
const message = 'from inside';

async function enter(username, event) {
    const socket = io(url, { transports: ['websocket'] });

    await happens(socket, 'connect');
    socket.emit(event, { roomId, username });
    await happens(socket, 'add:member:success');
    return socket;
}

async function talk() {
    const ann = await enter('ann', 'create:room');
    const ben = await enter('ben', 'add:member');

    ann.emit('create:chat', { roomId, username: 'ann', message });
    const [chat] = await happens(ben, 'create:chat:success');
    assert.equal(chat.message, message);
    ann.disconnect();
    ben.disconnect();
}

async function remember() {
    const cat = await enter('cat', 'add:member');

    cat.emit('list:chat', { roomId });
    const [{ chats }] = await happens(cat, 'list:chat:success');
    assert.deepEqual(chats.map((chat) => chat.message), [message]);
    cat.disconnect();
}

for (const path of ['/healthz', '/readyz', '/', '/socket.io/socket.io.js']) {
    assert.equal((await fetch(url + path)).status, 200, path);
}
await { talk, remember }[what]();
console.log(`${what}: health, page, browser client and chat are there`);
