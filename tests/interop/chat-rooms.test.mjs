/* Profile rooms of chatd as its clients see it: events, membership and history, on every store. */
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { Client, atEnd, isReady, startChatd, startOn, stores, within } from '../support/chatd.mjs';

const EXISTS = 'Room already exist.';
const LOST = 'Room creation failed.';
const UNKNOWN = 'Room does not exist.';
const TAKEN = 'Username already exists, please choose another username.';

for (const store of Object.keys(stores)) {
    describe(`rooms on ${store}`, { concurrency: 4 }, () => {
        test('a room is made, joined, talked in and left, each step told to everybody in it once', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            const stranger = await Client.connect(t, chatd.url);

            const made = { roomId: 'den', username: 'Ada', colour: 'green', tags: [1, 'two', { three: null }] };
            await ada.does('create:room', made, ['create:room:success', made], ['add:member:success', made]);

            const joined = { username: 'Bob', roomId: 'den', extra: { deep: [[[]]] } };
            await bob.does('add:member', joined, ['add:member:success', joined]);
            await ada.takes(['add:member:success', joined]);

            const chat = { roomId: 'den', username: 'Bob', message: 'hello', sentAt: 1.5 };
            await bob.does('create:chat', chat, ['create:chat:success', chat]);
            await ada.takes(['create:chat:success', chat]);

            const left = { roomId: 'den', username: 'Bob', why: 'tired' };
            await bob.does('remove:member', left, ['remove:member:success', left]);
            await ada.takes(['remove:member:success', left]);

            await ada.writes('den', 'Ada', 'anybody?');
            for (const client of [ada, bob, stranger]) await client.heardNothing();
        });

        test('a room that exists cannot be made again, also after its last member left', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            await ada.creates('den', 'Ada');
            await bob.does('create:room', { roomId: 'den', username: 'Bob' }, ['error', { message: EXISTS }]);
            await ada.does('create:room', { roomId: 'den', username: 'Ada' }, ['error', { message: EXISTS }]);
            await ada.does('remove:member', { roomId: 'den', username: 'Ada' },
                ['remove:member:success', { roomId: 'den', username: 'Ada' }]);
            await bob.does('create:room', { roomId: 'den', username: 'Bob' }, ['error', { message: EXISTS }]);
            await bob.joins('den', 'Bob');
            await ada.heardNothing();
        });

        test('a room that nobody made can be neither joined nor left', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            await ada.does('add:member', { roomId: 'den', username: 'Ada' }, ['error', { message: UNKNOWN }]);
            await ada.does('remove:member', { roomId: 'den', username: 'Ada' }, ['error', { message: UNKNOWN }]);
        });

        test('a name is taken within its room only, and one connection may hold many', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            await ada.creates('den', 'Ada');
            await bob.does('add:member', { roomId: 'den', username: 'Ada' }, ['error', { message: TAKEN }]);
            await bob.creates('hall', 'Ada');
            await ada.joins('den', 'Ada two');
            await ada.creates('attic', 'Ada');
            await ada.writes('den', 'Ada two', 'second name');
            await ada.writes('attic', 'Ada', 'second room');
            await bob.heardNothing();
            await ada.heardNothing();
        });

        test('the texts of all members arrive complete and in the order of their sender', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            await ada.creates('den', 'Ada');
            await bob.joins('den', 'Bob');
            await ada.take();
            for (let i = 0; i < 100; i++) {
                ada.say('create:chat', { roomId: 'den', username: 'Ada', message: `${i}` });
                bob.say('create:chat', { roomId: 'den', username: 'Bob', message: `${i}` });
            }
            const orders = [];
            for (const client of [ada, bob]) {
                const heard = [];
                for (let i = 0; i < 200; i++) heard.push((await client.take())[1]);
                for (const name of ['Ada', 'Bob']) {
                    assert.deepEqual(heard.filter((chat) => chat.username === name).map((chat) => Number(chat.message)),
                        [...Array(100).keys()]);
                }
                orders.push(heard);
                await client.heardNothing();
            }
            assert.deepEqual(orders[0], orders[1], 'one order for the whole room');
            const kept = (await ada.history('den', 1000)).map(({ username, message }) => `${username} ${message}`);
            assert.deepEqual(kept, orders[0].map(({ username, message }) => `${username} ${message}`));
        });

        test('what one connection sends takes effect in that order, without waiting for answers', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const pair = { roomId: 'den', username: 'Ada' };
            const chat = { ...pair, message: 'at once' };
            ada.say('create:room', pair);
            ada.say('create:chat', chat);
            ada.say('list:chat', { roomId: 'den' });
            ada.say('remove:member', pair);
            ada.say('create:chat', chat);
            ada.say('add:member', pair);
            await ada.takes(['create:room:success', pair], ['add:member:success', pair], ['create:chat:success', chat],
                ['list:chat:success', { roomId: 'den', chats: [{ username: 'Ada', message: 'at once' }] }],
                ['remove:member:success', pair]);
            await ada.refused();
            await ada.takes(['add:member:success', pair]);
        });

        test('of ten who make one room at once one wins, and no name of the others stays blocked', async (t) => {
            const chatd = await startOn(t, store);
            const clients = [];
            for (let i = 0; i < 10; i++) clients.push(await Client.connect(t, chatd.url));
            clients.forEach((client, i) => client.say('create:room', { roomId: 'den', username: `name ${i}` }));
            const first = await Promise.all(clients.map((client) => client.take()));
            const winners = first.flatMap(([name], i) => (name === 'create:room:success' ? [i] : []));
            assert.equal(winners.length, 1);
            for (const [name, answer] of first.filter(([event]) => event !== 'create:room:success')) {
                assert.equal(name, 'error');
                assert.ok([EXISTS, LOST].includes(answer.message), answer.message);
            }
            const [winner] = winners;
            await clients[winner].takes(['add:member:success', { roomId: 'den', username: `name ${winner}` }]);
            for (let i = 0; i < 10; i++) {
                if (i === winner) continue;
                await clients[i].heardNothing();
                await clients[winner].joins('den', `name ${i}`);
            }
        });

        test('of ten who take one name at once one wins', async (t) => {
            const chatd = await startOn(t, store);
            const owner = await Client.connect(t, chatd.url);
            await owner.creates('den', 'owner');
            const clients = [];
            for (let i = 0; i < 10; i++) clients.push(await Client.connect(t, chatd.url));
            const pair = { roomId: 'den', username: 'Ada' };
            for (const client of clients) client.say('add:member', pair);
            const answers = await Promise.all(clients.map((client) => client.take()));
            assert.equal(answers.filter(([name]) => name === 'add:member:success').length, 1);
            for (const [, answer] of answers.filter(([name]) => name === 'error')) {
                assert.ok([TAKEN, 'User creation failed.'].includes(answer.message), answer.message);
            }
            await owner.takes(['add:member:success', pair]);
            await owner.heardNothing();
        });

        test('only the holder of a name writes under it, and only in its room', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            const stranger = await Client.connect(t, chatd.url);
            await ada.creates('den', 'Ada');
            await ada.creates('hall', 'Ada');
            await bob.joins('den', 'Bob');
            await ada.take();
            const forged = [
                [stranger, 'den', 'Ada'], [stranger, 'den', 'nobody'], [stranger, 'cellar', 'Ada'],
                [bob, 'den', 'Ada'], [bob, 'hall', 'Bob'], [ada, 'den', 'Bob'],
            ];
            for (const [client, roomId, username] of forged) {
                client.say('create:chat', { roomId, username, message: 'forged' });
                await client.refused();
            }
            assert.deepEqual(await ada.history('den'), []);
            assert.deepEqual(await ada.history('hall'), []);
            for (const client of [ada, bob, stranger]) await client.heardNothing();
        });

        test('a member may remove another, who is told last and neither hears nor writes any more', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            const pair = { roomId: 'den', username: 'Bob' };
            await ada.creates('den', 'Ada');
            await bob.joins('den', 'Bob');
            await ada.take();
            await ada.does('remove:member', pair, ['remove:member:success', pair]);
            await ada.writes('den', 'Ada', 'without Bob');
            await bob.takes(['remove:member:success', pair]);
            bob.say('create:chat', { ...pair, message: 'still here' });
            await bob.refused();
            bob.say('list:chat', { roomId: 'den' });
            await bob.refused();
            await bob.joins('den', 'Bob');
            await ada.takes(['add:member:success', pair]);
        });

        test('a stranger cannot remove a member who is there', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const stranger = await Client.connect(t, chatd.url);
            await ada.creates('den', 'Ada');
            await stranger.creates('hall', 'Ada');
            stranger.say('remove:member', { roomId: 'den', username: 'Ada' });
            await stranger.refused();
            await ada.writes('den', 'Ada', 'still here');
            await stranger.heardNothing();
        });

        test('removing a member who is not there is no error', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            await ada.creates('den', 'Ada');
            const pair = { roomId: 'den', username: 'nobody' };
            await ada.does('remove:member', pair, ['remove:member:success', pair]);
            await ada.writes('den', 'Ada', 'still here');
        });

        test('a name whose connection ended is free at once, and its taker keeps it', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            const other = { roomId: 'den', username: 'other' };
            await bob.creates('den', 'Bob');
            await ada.joins('den', 'Ada');
            await ada.joins('den', 'other');
            await bob.takes(['add:member:success', { roomId: 'den', username: 'Ada' }], ['add:member:success', other]);
            ada.socket.disconnect();

            const again = await Client.connect(t, chatd.url);
            await again.joins('den', 'Ada');
            await bob.takes(['add:member:success', { roomId: 'den', username: 'Ada' }]);
            await again.writes('den', 'Ada', 'back');
            await bob.take();
            /* The name that was not taken again goes after the grace; the other does not. */
            await bob.takes(['remove:member:success', other]);
            await again.takes(['remove:member:success', other]);
            await again.writes('den', 'Ada', 'still here');
            await bob.take();
            await bob.heardNothing();
        });

        test('a name not taken again is removed within ten seconds, and the room told', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            await bob.creates('den', 'Bob');
            await ada.joins('den', 'Ada');
            await bob.take();
            ada.socket.io.engine.close();
            assert.deepEqual(await bob.take(10000), ['remove:member:success', { roomId: 'den', username: 'Ada' }]);
            await bob.heardNothing();
            await bob.joins('den', 'Ada');
            if (chatd.redis) assert.deepEqual((await chatd.redis.content()).members, ['den::Ada', 'den::Bob']);
        });

        test('anybody may clear a name whose connection has ended', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            const stranger = await Client.connect(t, chatd.url);
            const pair = { roomId: 'den', username: 'Ada' };
            await bob.creates('den', 'Bob');
            await ada.joins('den', 'Ada');
            await bob.take();
            ada.socket.disconnect();
            /* Until the server has seen the end of that connection the name counts as held. */
            stranger.say('remove:member', pair);
            for (let i = 0; i < 100 && (await Promise.race([stranger.take(), bob.take()]))[0] === 'error'; i++) {
                stranger.say('remove:member', pair);
            }
            await bob.writes('den', 'Bob', 'gone?');
            await bob.heardNothing();
        });

        test('history is told to members only, oldest first, as much as asked for', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const stranger = await Client.connect(t, chatd.url);
            await ada.creates('den', 'Ada');
            assert.deepEqual(await ada.history('den'), []);
            const texts = [...Array(120).keys()].map((i) => `text ${i}`);
            texts[119] = 'a::b :: c';
            for (const message of texts) ada.say('create:chat', { roomId: 'den', username: 'Ada', message });
            for (const message of texts) await ada.takes(['create:chat:success', { roomId: 'den', username: 'Ada', message }]);
            const told = async (limit) => {
                const chats = await ada.history('den', limit);
                for (const chat of chats) assert.deepEqual(Object.keys(chat).sort(), ['message', 'username']);
                return chats.map((chat) => chat.message);
            };
            assert.deepEqual(await told(), texts.slice(-100));
            assert.deepEqual(await told(1), texts.slice(-1));
            assert.deepEqual(await told(1000), texts);
            for (const limit of [0, 1001, -1, 1.5, '10', [], {}, true]) {
                ada.say('list:chat', { roomId: 'den', limit });
                await ada.refused();
            }
            stranger.say('list:chat', { roomId: 'den' });
            await stranger.refused();
            await stranger.heardNothing();
        });

        test('1200 texts at once all pass, and the newest 1000 are kept', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            await ada.creates('den', 'Ada');
            const chats = [...Array(1200).keys()].map((i) => ({ roomId: 'den', username: 'Ada', message: `${i}` }));
            for (const chat of chats) ada.say('create:chat', chat);
            for (const chat of chats) await ada.takes(['create:chat:success', chat]);
            const kept = await ada.history('den', 1000);
            assert.deepEqual(kept.map((chat) => chat.message), chats.slice(200).map((chat) => chat.message));
        });

        test('names and texts of every script come back as they were sent', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const names = ['Zoë', '名前', '👩‍👩‍👧', 'שם', 'a b', ':first', 'a:b', '"quoted"', '\\', "'; drop table", '%00%s', 'x'.repeat(256), 'é'.repeat(128)];
            for (const name of names) {
                await ada.creates(name, name);
                await ada.joins(name, 'Ada');
                await ada.writes(name, 'Ada', `${name}\n\t\u0000 ${name}`);
                assert.deepEqual(await ada.history(name), [{ username: 'Ada', message: `${name}\n\t\u0000 ${name}` }]);
            }
        });

        test('a number as room or name is its decimal text, and is echoed as it was sent', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            await ada.creates(7, 12.5);
            await bob.does('create:room', { roomId: '7', username: 'Bob' }, ['error', { message: EXISTS }]);
            await bob.does('add:member', { roomId: '7', username: '12.5' }, ['error', { message: TAKEN }]);
            await bob.joins('7', 'Bob');
            await ada.takes(['add:member:success', { roomId: '7', username: 'Bob' }]);
            await ada.writes(7, 12.5, 'numbers');
            await bob.takes(['create:chat:success', { roomId: 7, username: 12.5, message: 'numbers' }]);
            await ada.writes('7', '12.5', 'texts');
            assert.deepEqual(await ada.history(7), [{ username: '12.5', message: 'numbers' }, { username: '12.5', message: 'texts' }]);
        });

        test('a room named like a connection is no way to speak to that connection', async (t) => {
            const chatd = await startOn(t, store);
            const ada = await Client.connect(t, chatd.url);
            const bob = await Client.connect(t, chatd.url);
            await bob.creates(ada.socket.id, 'Bob');
            await bob.writes(ada.socket.id, 'Bob', 'psst');
            await ada.heardNothing();
        });

        for (const [name, transports] of Object.entries({ polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] })) {
            test(`a client on ${name} talks with a client on websocket`, async (t) => {
                const chatd = await startOn(t, store);
                const ada = await Client.connect(t, chatd.url, { transports });
                const bob = await Client.connect(t, chatd.url);
                await ada.creates('den', 'Ada');
                await bob.joins('den', 'Bob');
                await ada.take();
                for (let i = 0; i < 50; i++) {
                    const chat = { roomId: 'den', username: 'Ada', message: `${i}` };
                    await ada.does('create:chat', chat, ['create:chat:success', chat]);
                    await bob.takes(['create:chat:success', chat]);
                }
                assert.equal(ada.socket.io.engine.transport.name, transports.at(-1));
                ada.socket.disconnect();
                await bob.takes(['remove:member:success', { roomId: 'den', username: 'Ada' }]);
            });
        }
    });
}

test('rooms, names and texts in a file survive a restart', async (t) => {
    const first = await startOn(t, 'sqlite');
    const ada = await Client.connect(t, first.url);
    await ada.creates('den', 'Ada');
    await ada.writes('den', 'Ada', 'before');
    assert.deepEqual(await first.stop(), { code: 0, signal: null });

    const second = await startChatd(t, first.args);
    const again = await Client.connect(t, second.url);
    await again.does('create:room', { roomId: 'den', username: 'Ada' }, ['error', { message: EXISTS }]);
    await again.joins('den', 'Ada');
    assert.deepEqual(await again.history('den'), [{ username: 'Ada', message: 'before' }]);
    await again.writes('den', 'Ada', 'after');
    second.signal('SIGKILL');
    await second.exit();

    const third = await startChatd(t, first.args);
    await isReady(third);
    const last = await Client.connect(t, third.url);
    await last.joins('den', 'Ada');
    assert.deepEqual((await last.history('den')).map((chat) => chat.message), ['before', 'after']);
});

test('names held when the server was killed are free again once it is back, and leave the room if not taken', async (t) => {
    const first = await startOn(t, 'sqlite');
    const ada = await Client.connect(t, first.url);
    await ada.creates('den', 'Ada');
    await ada.joins('den', 'other');
    first.signal('SIGKILL');
    await first.exit();

    const second = await startChatd(t, first.args);
    await isReady(second);
    const bob = await Client.connect(t, second.url);
    await bob.joins('den', 'Ada');
    assert.deepEqual(await bob.take(20000), ['remove:member:success', { roomId: 'den', username: 'other' }]);
    await bob.writes('den', 'Ada', 'still here');
    await bob.heardNothing();
});

test('names held by a killed server on Redis are given back by another within twenty seconds', async (t) => {
    const first = await startOn(t, 'redis');
    const ada = await Client.connect(t, first.url);
    await ada.creates('den', 'Ada');
    first.signal('SIGKILL');
    await first.exit();

    const second = await startChatd(t, first.args);
    await isReady(second);
    const bob = await Client.connect(t, second.url);
    await bob.joins('den', 'Bob');
    assert.deepEqual(await bob.take(20000), ['remove:member:success', { roomId: 'den', username: 'Ada' }]);
    await bob.joins('den', 'Ada');
    await bob.heardNothing();
});

test('a payload is echoed byte for byte, number spelling and repeated fields included', async (t) => {
    const chatd = await startOn(t, 'memory');
    const socket = new WebSocket(`ws://127.0.0.1:${chatd.port}/socket.io/?EIO=4&transport=websocket`);
    atEnd(t, () => socket.terminate());
    const lines = [];
    const payload = '{"n":1.50,"roomId":"den","e":1E+2,"k":1,"k":2,"username":"\\u0041da","s":"\\/"}';
    const told = new Promise((resolve, reject) => {
        socket.on('error', reject);
        socket.on('message', (data) => {
            lines.push(data.toString());
            if (lines.length === 1) socket.send('40');
            if (lines.length === 2) socket.send(`42["create:room",${payload}]`);
            if (lines.length === 4) resolve();
        });
    });
    await within(told, () => `two events after ${lines.join(' | ')}`);
    assert.deepEqual(lines.slice(2),
        [`42["create:room:success",${payload}]`, `42["add:member:success",${payload}]`]);
});

test('binary in a field that nobody reads is echoed with the rest', async (t) => {
    const chatd = await startOn(t, 'memory');
    const ada = await Client.connect(t, chatd.url);
    const payload = { roomId: 'den', username: 'Ada', picture: Buffer.from([0, 1, 255]) };
    await ada.does('create:room', payload, ['create:room:success', payload], ['add:member:success', payload]);
});

test('a client that reconnects joins again under its name', async (t) => {
    const first = await startOn(t, 'sqlite');
    const ada = await Client.connect(t, first.url, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
    await ada.creates('den', 'Ada');
    await ada.writes('den', 'Ada', 'before');
    const lost = ada.ended();
    first.signal('SIGKILL');
    assert.equal(await lost, 'transport close');
    await first.exit();
    await isReady(await startChatd(t, first.args, { port: first.port }));
    await ada.connected();
    await ada.joins('den', 'Ada');
    assert.deepEqual(await ada.history('den'), [{ username: 'Ada', message: 'before' }]);
});
