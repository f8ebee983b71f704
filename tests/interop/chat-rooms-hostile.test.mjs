/* Profile rooms against payloads that are wrong in every way, and against too much of everything. */
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { Client, atEnd, startChatd, startOn, within } from '../support/chatd.mjs';

const EVENTS = ['create:room', 'add:member', 'remove:member', 'create:chat', 'list:chat'];

const NOT_OBJECTS = {
    nothing: [], null: [null], text: ['den'], 'empty text': [''], number: [5], zero: [0], true: [true], false: [false],
    'empty list': [[]], list: [['den', 'Ada', 'hello']], 'list of objects': [[{ roomId: 'den', username: 'Ada', message: 'x' }]],
    binary: [Buffer.from('den')],
};

const NOT_NAMES = {
    missing: undefined, null: null, 'empty text': '', true: true, false: false, object: {}, list: [], 'list of one': ['den'],
    'object with text': { toString: 'den' }, binary: Buffer.from('den'),
    'NUL in it': 'a\u0000b', 'line feed': 'a\nb', tab: '\t', escape: '\u001b[2J', delete: 'a\u007f',
    '257 bytes': 'x'.repeat(257), '258 bytes of 129 letters': 'é'.repeat(129), '64 KiB': 'x'.repeat(65536), '900 KB': 'x'.repeat(900000),
    '::': '::', ':: inside': 'a::b', ':: at its start': '::a', ': at its end': 'a:', 'only :': ':', ':::': 'a:::b',
};

const good = { roomId: 'den', username: 'Ada', message: 'hello' };

/* A room with Ada in it, whom nothing of what follows may disturb, and a client that misbehaves. */
async function scene(t, store) {
    const chatd = await startOn(t, store);
    const witness = await Client.connect(t, chatd.url);
    const client = await Client.connect(t, chatd.url);
    await witness.creates('den', 'witness');
    await client.joins('den', 'Ada');
    await witness.take();
    const undisturbed = async () => {
        await client.writes('den', 'Ada', 'still here');
        await witness.takes(['create:chat:success', { roomId: 'den', username: 'Ada', message: 'still here' }]);
        await witness.heardNothing();
    };
    return { chatd, witness, client, undisturbed };
}

describe('what is not a payload', { concurrency: 3 }, () => {
    for (const store of ['sqlite', 'redis']) {
        for (const event of EVENTS) {
            test(`${event} on ${store} answers a payload that is no object with an error`, async (t) => {
                const { chatd, client, undisturbed } = await scene(t, store);
                const before = chatd.redis && await chatd.redis.content();
                for (const payload of Object.values(NOT_OBJECTS)) {
                    client.say(event, ...payload);
                    await client.refused();
                }
                if (chatd.redis) assert.deepEqual(await chatd.redis.content(), before);
                await undisturbed();
            });

            test(`${event} on ${store} answers a room or name that is none with an error, and writes nothing`, async (t) => {
                const { chatd, client, undisturbed } = await scene(t, store);
                const before = chatd.redis && await chatd.redis.content();
                for (const field of event === 'list:chat' ? ['roomId'] : ['roomId', 'username']) {
                    for (const [what, value] of Object.entries(NOT_NAMES)) {
                        client.say(event, { ...good, roomId: event === 'create:room' ? 'new' : 'den', [field]: value });
                        const text = await client.refused();
                        assert.doesNotMatch(text, /already exist/, `${what} as ${field}`);
                    }
                }
                if (chatd.redis) assert.deepEqual(await chatd.redis.content(), before);
                await undisturbed();
            });
        }
    }
});

describe('limits', { concurrency: 3 }, () => {
    test('a text may have 64 KiB, and not one byte more', async (t) => {
        const { client, undisturbed, witness } = await scene(t, 'memory');
        for (const message of ['x'.repeat(65536), 'é'.repeat(32768)]) {
            await client.writes('den', 'Ada', message);
            assert.equal((await witness.take())[1].message, message);
        }
        for (const message of ['x'.repeat(65537), 'é'.repeat(32768) + 'x', 'x'.repeat(900000)]) {
            client.say('create:chat', { ...good, message });
            await client.refused();
        }
        await undisturbed();
    });

    test('a text that is missing, null or binary is refused, another value too or kept as its JSON', async (t) => {
        const { client, undisturbed, witness } = await scene(t, 'redis');
        for (const message of [undefined, null, Buffer.from('x')]) {
            client.say('create:chat', { ...good, message });
            await client.refused();
        }
        for (const message of [5, 0, -1.5, true, false, [], {}, { toString: 1 }, ['a', { b: null }]]) {
            client.say('create:chat', { ...good, message });
            const [name, answer] = await client.take();
            if (name === 'error') {
                assert.ok(answer.message);
                continue;
            }
            assert.deepEqual([name, answer], ['create:chat:success', { ...good, message }]);
            await witness.take();
            const [kept] = await client.history('den', 1);
            assert.deepEqual(JSON.parse(kept.message), message);
        }
        assert.doesNotMatch(JSON.stringify(await client.history('den')), /object Object/);
        await undisturbed();
    });

    test('an empty text is a text or refused, and disturbs nobody', async (t) => {
        const { client, witness, undisturbed } = await scene(t, 'memory');
        client.say('create:chat', { ...good, message: '' });
        const [name] = await client.take();
        if (name !== 'error') await witness.take();
        await undisturbed();
    });

    test('more than a megabyte ends the connection of its sender and of nobody else', async (t) => {
        for (const transports of [['websocket'], ['polling']]) {
            const { chatd, client, witness } = await scene(t, 'memory');
            const sender = await Client.connect(t, chatd.url, { transports });
            const ended = sender.ended();
            sender.say('create:chat', { ...good, message: 'x'.repeat(1100000) });
            assert.match(await ended, /^transport (close|error)$/);
            await client.writes('den', 'Ada', 'still here');
            await witness.take();
            await witness.heardNothing();
        }
    });

    test('events that nobody knows, acknowledgements and more arguments are no trouble', async (t) => {
        const { client, undisturbed, witness } = await scene(t, 'memory');
        for (const name of ['', 'create:room:success', 'constructor', '__proto__', 'x'.repeat(100), 'create:room ']) client.say(name, good);
        client.say('create:chat', { ...good }, 'more', { and: 'more' });
        await client.takes(['create:chat:success', good]);
        await witness.takes(['create:chat:success', good]);
        client.say('create:chat', { ...good }, () => {});
        await client.takes(['create:chat:success', good]);
        await witness.takes(['create:chat:success', good]);
        await undisturbed();
    });

    test('packets and frames that break the protocol end their connection only', async (t) => {
        const { chatd, undisturbed } = await scene(t, 'memory');
        const texts = ['42', '42[]', '42{}', '42["create:room"', '42["create:room",{"roomId":"a","username":"\\ud800"}]', '42[5]',
            '450-["create:room"]', '451-["create:room",{"_placeholder":true,"num":7}]', '49', '4', 'x', '40/nowhere,', '42["create:room",' + '['.repeat(5000)];
        for (const text of texts) {
            const socket = new WebSocket(`ws://127.0.0.1:${chatd.port}/socket.io/?EIO=4&transport=websocket`);
            atEnd(t, () => socket.terminate());
            const over = new Promise((resolve) => {
                socket.on('error', resolve).on('close', resolve);
                let count = 0;
                socket.on('message', (data) => {
                    count++;
                    if (count === 1) socket.send('40');
                    if (count === 2) {
                        socket.send(text);
                        socket.send('42["list:chat",null]');
                    }
                    if (count > 2 || String(data).startsWith('44')) resolve();
                });
            });
            await within(over, `an end or an answer after ${text.slice(0, 60)}`);
            socket.terminate();
        }
        for (const bytes of [[0x81, 0x02, 0x34, 0x30], [0xc1, 0x80, 0, 0, 0, 0], [0x80, 0x80, 0, 0, 0, 0], [0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0], [0x81, 0x81, 0, 0, 0, 0, 0xff]]) {
            const socket = new WebSocket(`ws://127.0.0.1:${chatd.port}/socket.io/?EIO=4&transport=websocket`);
            const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve));
            await new Promise((resolve) => socket.once('message', resolve));
            socket._socket.write(Buffer.from(bytes));
            await within(closed, `the end of a connection that sent ${bytes}`);
        }
        await undisturbed();
    });

    test('a flood beyond the limit is answered with errors, and only its sender feels it', async (t) => {
        const { client, witness } = await scene(t, 'memory');
        const flood = 6000;
        for (let i = 0; i < flood; i++) client.say('create:chat', { ...good, message: `${i}` });
        let passed = 0;
        let refused = 0;
        for (let i = 0; i < flood; i++) {
            const [name] = await client.take();
            if (name === 'error') refused++;
            else passed++;
        }
        assert.ok(passed >= 1200, `${passed} passed`);
        assert.ok(refused > 0, 'none was refused');
        assert.equal(client.socket.connected, true);
        for (let i = 0; i < passed; i++) assert.equal((await witness.take())[0], 'create:chat:success');
        await witness.writes('den', 'witness', 'not my flood');
    });

    test('the limits are settable', async (t) => {
        const chatd = await startChatd(t, ['--store', 'memory', '--max-rooms', '2', '--max-name', '5', '--max-message', '10', '--burst', '12', '--rate', '1']);
        const ada = await Client.connect(t, chatd.url);
        await ada.creates('one', 'Ada');
        await ada.creates('two', 'Ada');
        await ada.does('remove:member', { roomId: 'two', username: 'Ada' }, ['remove:member:success', { roomId: 'two', username: 'Ada' }]);
        await ada.creates('three', 'Ada');
        for (const pair of [{ roomId: 'four', username: 'Ada' }, { roomId: 'sixsix', username: 'Ada' }, { roomId: 'four', username: 'sixsix' }]) {
            ada.say('create:room', pair);
            await ada.refused();
        }
        await ada.writes('one', 'Ada', '0123456789');
        ada.say('create:chat', { roomId: 'one', username: 'Ada', message: '0123456789a' });
        await ada.refused();
        const texts = [];
        for (let i = 0; i < 10; i++) ada.say('create:chat', { roomId: 'one', username: 'Ada', message: `${i}` });
        for (let i = 0; i < 10; i++) texts.push((await ada.take())[0]);
        assert.ok(texts.includes('create:chat:success') && texts.includes('error'), texts.join(' '));
    });

    test('one connection makes a thousand rooms, and no more', async (t) => {
        const chatd = await startOn(t, 'memory');
        const client = await Client.connect(t, chatd.url);
        for (let i = 0; i < 1000; i++) client.say('create:room', { roomId: `room ${i}`, username: 'Ada' });
        for (let i = 0; i < 1000; i++) {
            const pair = { roomId: `room ${i}`, username: 'Ada' };
            await client.takes(['create:room:success', pair], ['add:member:success', pair]);
        }
        client.say('create:room', { roomId: 'one too many', username: 'Ada' });
        await client.refused();
        const other = await Client.connect(t, chatd.url);
        await other.creates('one too many', 'Bob');
    });
});
