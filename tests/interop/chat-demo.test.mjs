/* chatd demo: the calls and events of the demo's page, on both stores. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Client, until } from '../support/chatd.mjs';
import { Person, homes, person, startDemo, startDemoOn } from '../support/demo.mjs';

for (const home of Object.keys(homes)) {
    test(`${home}: a visitor has a session and is nobody`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const visitor = new Person(t, chatd.url);
        const first = await visitor.call('/me');
        assert.equal(first.body, null);
        assert.match(first.headers.get('set-cookie'), /^connect\.sid=s%3A[\w-]{32}\.[\w%]+; Path=\/; HttpOnly; SameSite=Lax$/);
        assert.equal((await visitor.call('/me')).headers.get('set-cookie'), null);
        assert.deepEqual((await visitor.call('/links')).body, {});
        assert.match((await visitor.call('/randomname')).text, /^[A-Z][a-z]+$/);
        for (const path of ['/users/online', '/users?ids[]=1', '/rooms/1', '/room/0/messages?offset=0&size=1']) {
            const { status, text } = await visitor.call(path);
            assert.deepEqual([path, status, text], [path, 403, 'Forbidden']);
        }
        for (const path of ['/logout', '/room']) assert.equal((await visitor.post(path, {})).status, 403);
        const preload = (await visitor.call('/room/0/preload')).body;
        assert.deepEqual([preload.id, preload.name, preload.messages.length], ['0', 'General', 5]);
        assert.equal((await visitor.call('/nowhere')).status, 404);
        assert.equal((await visitor.post('/nowhere', {})).status, 404);
        visitor.cookie = visitor.cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
        const forged = await visitor.call('/me');
        assert.ok(forged.headers.get('set-cookie'), 'a forged signature gets a new session');
    });

    test(`${home}: registration, login and logout`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const ada = new Person(t, chatd.url);
        await ada.call('/me');
        const before = ada.cookie;
        const made = await ada.post('/login', { username: 'Ada', password: 'secret' });
        assert.deepEqual([made.status, made.body], [201, { id: 5, username: 'Ada' }]);
        assert.notEqual(ada.cookie, before, 'a new session id at login');
        const stranger = new Person(t, chatd.url);
        stranger.cookie = before;
        assert.equal((await stranger.call('/me')).body, null, 'the old session has ended');
        assert.deepEqual((await ada.call('/me')).body, { id: 5, username: 'Ada' });
        const other = new Person(t, chatd.url);
        const wrong = await other.post('/login', { username: 'Ada', password: 'wrong' });
        assert.deepEqual([wrong.status, wrong.body], [404, { message: 'Invalid username or password' }]);
        const again = await other.post('/login', { username: 'Ada', password: 'secret' });
        assert.deepEqual([again.status, again.body], [200, { id: '5', username: 'Ada' }]);
        assert.deepEqual([(await ada.post('/logout')).text, (await ada.call('/me')).body], ['OK', null]);
        assert.deepEqual((await other.call('/me')).body, { id: '5', username: 'Ada' });
    });

    test(`${home}: ten registrations of one name at once make one account`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const answers = await Promise.all(Array.from({ length: 10 }, (_, i) =>
            new Person(t, chatd.url).post('/login', { username: 'Racer', password: i % 2 ? 'one' : 'two' })));
        const statuses = answers.map((one) => one.status).sort();
        assert.equal(statuses.filter((one) => one === 201).length, 1, statuses.join());
        assert.ok(statuses.every((one) => [200, 201, 404].includes(one)), statuses.join());
        const next = await new Person(t, chatd.url).post('/login', { username: 'Next', password: 'x' });
        assert.equal(next.body.id, 6);
    });

    test(`${home}: what is no login is refused at once, and registers nobody`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const someone = new Person(t, chatd.url);
        const bodies = [{}, { username: 'A' }, { password: 'x' }, { username: '', password: 'x' }, { username: '  ', password: 'x' },
            { username: 'A', password: '' }, { username: ['A'], password: 'x' }, { username: { a: 1 }, password: 'x' },
            { username: 7, password: 'x' }, { username: 'A', password: 7 }, { username: null, password: null },
            { username: 'a'.repeat(65), password: 'x' }, { username: 'a\u0000b', password: 'x' }, { username: 'a\nb', password: 'x' },
            { username: 'A', password: 'x'.repeat(73) }, { username: 'A', password: 'a\u0000b' },
            JSON.parse('{"__proto__":{"username":"A","password":"x"}}'), [], ['A', 'x']];
        for (const body of bodies) {
            const { status, body: said } = await someone.post('/login', body);
            assert.ok(status >= 400 && status < 500, `${JSON.stringify(body).slice(0, 60)}: ${status}`);
            assert.equal(typeof said.message, 'string');
        }
        for (const body of ['{', '"text"', '7', 'null', '{"username":"A",}']) {
            const { status, text } = await someone.call('/login', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
            assert.deepEqual([body, status, text], [body, 400, 'Bad Request']);
        }
        assert.equal((await someone.post('/login', { username: 'x'.repeat(1000000), password: 'x' })).status, 413);
        assert.equal((await someone.call('/login', { method: 'POST', body: 'username=A&password=x' })).status, 400);
        const names = ["'; DROP TABLE users; --", '"\r\n*1\r\n$8\r\nFLUSHALL'.replace(/[\r\n]/g, ' '), '__proto__', '${name}', '*', 'Ünï côdé 😀'];
        for (const [i, username] of names.entries()) {
            const { status, body } = await new Person(t, chatd.url).post('/login', { username, password: 'x' });
            assert.deepEqual([status, body], [201, { id: 5 + i, username }]);
        }
        const ids = names.map((_, i) => `ids[]=${5 + i}`).join('&');
        const people = (await (await person(t, chatd, 'Joe')).call(`/users?${ids}`)).body;
        assert.deepEqual(Object.values(people).map((one) => one.username), names);
    });

    test(`${home}: guessing a password is stopped after so many times`, async (t) => {
        const chatd = await startDemoOn(t, home, ['--login-failures', '3']);
        const guesser = new Person(t, chatd.url);
        const statuses = [];
        for (let i = 0; i < 5; i++) statuses.push((await guesser.post('/login', { username: 'Mary', password: `guess ${i}` })).status);
        assert.deepEqual(statuses, [404, 404, 404, 429, 429]);
        assert.equal((await guesser.post('/login', { username: 'Mary', password: 'password123' })).status, 429);
        assert.equal((await guesser.post('/login', { username: 'Joe', password: 'password123' })).status, 200);
    });

    test(`${home}: rooms belong to their users`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const pablo = await person(t, chatd, 'Pablo');
        const ada = await person(t, chatd, 'Ada');
        assert.deepEqual((await pablo.post('/room', { user1: 5, user2: '1' })).body, { id: '1:5', names: [['Ada'], ['Pablo']] });
        const again = await pablo.post('/room', { user1: '1', user2: 5 });
        assert.deepEqual([again.status, again.body], [201, { id: '1:5', names: [['Pablo'], ['Ada']] }]);
        for (const body of [{ user1: 1, user2: 1 }, { user1: 1 }, { user1: 'x', user2: 1 }, { user1: 1, user2: 99 }, { user1: 1, user2: [5] }, { user1: 1.5, user2: 1 }]) {
            const { status, text } = await pablo.post('/room', body);
            assert.deepEqual([JSON.stringify(body), status, text], [JSON.stringify(body), 400, 'Bad Request']);
        }
        assert.equal((await pablo.post('/room', { user1: 2, user2: 3 })).status, 403);
        assert.equal((await ada.history('1:2')).status, 403);
        assert.equal((await ada.history('nowhere')).status, 403);
        assert.equal((await ada.history('0:name')).status, 403);
        assert.deepEqual((await ada.history('1:5')).body, []);
        assert.equal((await ada.call('/rooms/1')).status, 403);
        assert.deepEqual((await ada.call('/rooms/5')).body, [{ id: '0', names: ['General'] }], 'a room without messages is not listed');
        const listed = (await pablo.call('/rooms/1')).body.sort((a, b) => (a.id < b.id ? -1 : 1));
        assert.deepEqual(listed, [{ id: '0', names: ['General'] }, { id: '1:2', names: [['Pablo'], ['Joe']] },
            { id: '1:3', names: [['Pablo'], ['Mary']] }, { id: '1:4', names: [['Pablo'], ['Alex']] }]);
        for (const [query, count] of [['?offset=0&size=1', 2], ['?offset=3&size=9', 2], ['', 5], ['?offset=x&size=y', 5], ['?offset=-1&size=-5', 5],
            ['?offset=0&size=99999999999999999999', 5], ['?offset=99999999999999999999&size=1', 0]]) {
            const { status, body } = await ada.history('0', query);
            assert.deepEqual([query, status, body.length], [query, 200, count]);
        }
        const dates = (await ada.history('0', '?offset=0&size=10')).body.map((one) => one.date);
        assert.deepEqual(dates, [...dates].sort((a, b) => b - a), 'newest first');
    });

    test(`${home}: users are asked for in every spelling, and unknown ones left out`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const joe = await person(t, chatd, 'Joe');
        const expected = { 1: { id: '1', username: 'Pablo', online: false }, 3: { id: '3', username: 'Mary', online: false } };
        for (const query of ['ids[]=1&ids[]=3', 'ids%5B%5D=1&ids%5B%5D=3', 'ids[0]=1&ids[1]=3', 'ids=1&ids=3', 'ids[]=1&ids[]=&ids[]=99&ids[]=x&ids[]=3&ids[]=__proto__']) {
            assert.deepEqual((await joe.call(`/users?${query}`)).body, expected, query);
        }
        for (const query of ['', '?ids=1', '?id[]=1']) assert.equal((await joe.call(`/users${query}`)).status, 404);
        assert.deepEqual((await joe.call('/users/online')).body, { 2: { id: '2', username: 'Joe', online: true } });
        const many = Array.from({ length: 500 }, (_, i) => `ids[]=${i}`).join('&');
        assert.equal((await joe.call(`/users?${many}`)).status, 200);
    });

    test(`${home}: a message is told to the room once, as the server knows it`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const [pablo, joe] = [await person(t, chatd, 'Pablo'), await person(t, chatd, 'Joe')];
        await pablo.open();
        await joe.open();
        assert.deepEqual(await pablo.hears('user.connected'), { id: '2', username: 'Joe', online: true });
        joe.client.say('message', { roomId: '0', message: '<b>hi</b> & "bye"', from: 1, date: 99999999999, more: 1 });
        const [heard, own] = [await pablo.hears(), await joe.hears()];
        assert.deepEqual(heard, own);
        assert.deepEqual([heard.from, heard.message, heard.roomId], ['2', '&ltb&gthi&lt/b&gt & "bye"', '0']);
        assert.ok(Math.abs(heard.date - Date.now() / 1000) < 60, 'the date is the server\'s');
        assert.deepEqual((await joe.history('0', '?offset=0&size=0')).body, [heard]);
        for (let i = 0; i < 200; i++) joe.say('0', `number ${i}`);
        for (let i = 0; i < 200; i++) assert.equal((await pablo.hears()).message, `number ${i}`);
        const dates = (await joe.history('0', '?offset=0&size=199')).body.map((one) => one.date);
        assert.equal(new Set(dates).size, 200, 'no two messages have one date');
        joe.say('0', 'again');
        joe.say('0', 'again');
        await until(async () => (await joe.history('0', '?offset=0&size=1')).body.every((one) => one.message === 'again'), 'both');
    });

    test(`${home}: hostile events are passed over, and nobody else notices`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const [pablo, joe] = [await person(t, chatd, 'Pablo'), await person(t, chatd, 'Joe')];
        await pablo.open();
        await joe.open();
        await pablo.hears('user.connected');
        const bad = [undefined, null, 7, 'text', [], {}, { roomId: '0' }, { message: 'x' }, { roomId: '0', message: 7 }, { roomId: '0', message: '' },
            { roomId: '0', message: ' \n ' }, { roomId: '0', message: { a: 1 } }, { roomId: ['0'], message: 'x' }, { roomId: '0:name', message: 'x' },
            { roomId: '1:2:name', message: 'x' }, { roomId: '2:1', message: 'x' }, { roomId: '1:3', message: 'x' }, { roomId: '2:99', message: 'x' },
            { roomId: 'invented', message: 'x' }, { roomId: '', message: 'x' }, { roomId: 'a'.repeat(65), message: 'x' }, { roomId: '0', message: 'x'.repeat(10001) },
            { roomId: '*', message: 'x' }, { roomId: '0', message: Buffer.from('x') }, JSON.parse('{"__proto__":{"roomId":"0","message":"x"}}')];
        for (const payload of bad) {
            joe.client.say('message', payload);
            joe.client.say('room.join', payload);
        }
        joe.client.say('message');
        joe.client.say('error', 'x');
        joe.client.say('user.connected', { id: 1 });
        await joe.heardNothing();
        assert.match((await pablo.hears()).message, /^mark/);
        await pablo.heardNothing();
        if (chatd.redis) {
            const keys = (await chatd.redis.run('KEYS', '*')).filter((key) => !/^(sess|chat):/.test(key));
            assert.ok(keys.every((key) => /^(total_users|online_users|username:\w+|user:\d+|user:\d+:rooms|room:0|room:0:name|room:\d:\d)$/.test(key)), keys.join());
        }
    });

    test(`${home}: the first private message comes live, and to nobody else`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const [ada, ben, eve] = [await person(t, chatd, 'Ada'), await person(t, chatd, 'Ben'), await person(t, chatd, 'Eve')];
        for (const one of [ada, ben, eve]) await one.open();
        await ada.hears('user.connected');
        await ada.hears('user.connected');
        await ben.hears('user.connected');
        const room = (await ada.post('/room', { user1: ben.id, user2: ada.id })).body;
        ada.client.say('room.join', room.id);
        eve.client.say('room.join', room.id);
        eve.client.say('message', { roomId: room.id, message: 'from outside' });
        ada.say(room.id, 'psst');
        assert.deepEqual(await ben.hears('show.room'), { id: '5:6', names: [['Ada'], ['Ben']] });
        assert.equal((await ben.hears()).message, 'psst');
        assert.equal((await ada.hears()).message, 'psst');
        await eve.heardNothing();
        assert.equal((await ben.hears()).message.slice(0, 4), 'mark');
        ben.say(room.id, 'yes?');
        await ada.hears();
        assert.equal((await ada.hears()).message, 'yes?');
        assert.equal((await ben.hears()).message, 'yes?');
        assert.deepEqual((await ben.call('/rooms/6')).body.map((one) => one.id).sort(), ['0', '5:6']);
        ben.client.socket.disconnect();
        await ben.open();
        ada.say(room.id, 'still there?');
        assert.equal((await ben.hears()).message, 'still there?', 'without joining again');
    });

    test(`${home}: two tabs are one person online`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const [pablo, joe] = [await person(t, chatd, 'Pablo'), await person(t, chatd, 'Joe')];
        await pablo.open();
        const first = await joe.open();
        assert.equal((await pablo.hears('user.connected')).id, '2');
        const second = await joe.open();
        first.socket.disconnect();
        await pablo.heardNothing();
        assert.deepEqual(Object.keys((await pablo.call('/users/online')).body), ['1', '2']);
        second.socket.disconnect();
        assert.deepEqual(await pablo.hears('user.disconnected'), { id: '2', username: 'Joe', online: false });
        assert.deepEqual(Object.keys((await pablo.call('/users/online')).body), ['1']);
    });

    test(`${home}: after logout a socket is closed`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const joe = await person(t, chatd, 'Joe');
        const client = await joe.open();
        const ended = client.ended();
        await joe.post('/logout');
        await ended;
    });

    test(`${home}: sockets of other sites and of strangers hear and say nothing`, async (t) => {
        const chatd = await startDemoOn(t, home, ['--public-url', 'https://chat.example/']);
        const [pablo, joe] = [await person(t, chatd, 'Pablo'), await person(t, chatd, 'Joe')];
        await pablo.open();
        const cookie = `connect.sid=${joe.cookie}`;
        const foreign = await Client.connect(t, chatd.url, { extraHeaders: { cookie, origin: 'https://evil.example' } });
        const nobody = await Client.connect(t, chatd.url);
        for (const one of [foreign, nobody]) {
            one.say('room.join', '0');
            one.say('message', { roomId: '0', message: 'let me in' });
        }
        await pablo.heardNothing();
        for (const origin of ['https://chat.example', chatd.url]) {
            const own = await Client.connect(t, chatd.url, { extraHeaders: { cookie, origin } });
            assert.equal((await pablo.hears('user.connected')).id, '2');
            own.socket.disconnect();
            await pablo.hears('user.disconnected');
        }
        assert.deepEqual([foreign.heard, nobody.heard], [[], []]);
    });

    test(`${home}: all is there after a restart, over polling too`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const joe = await person(t, chatd, 'Joe');
        await joe.open({ transports: ['polling'] });
        joe.say('0', 'to be kept');
        await joe.hears();
        const ended = joe.client.ended();
        assert.deepEqual(await chatd.stop(), { code: 0, signal: null });
        assert.match(await ended, /^transport (close|error)$/, 'the client will come back by itself');
        const again = await startDemo(t, chatd.store);
        joe.url = again.url;
        assert.deepEqual((await joe.call('/me')).body, { id: '2', username: 'Joe' });
        assert.equal((await joe.history('0', '?offset=0&size=0')).body[0].message, 'to be kept');
        assert.deepEqual(Object.keys((await joe.call('/users?ids[]=1&ids[]=2')).body), ['1', '2']);
        assert.equal((await joe.call('/users?ids[]=2&ids[]=2')).body['2'].online, false);
    });
}

test('ten thousand messages in a file are all there, page by page', async (t) => {
    const chatd = await startDemoOn(t, 'sqlite', ['--rate', '1000000', '--burst', '5000']);
    const joe = await person(t, chatd, 'Joe');
    await joe.open();
    for (let i = 0; i < 10000; i += 500) {
        for (let j = i; j < i + 500; j++) joe.say('0', `m${j}`);
        for (let j = i; j < i + 500; j++) assert.equal((await joe.hears('message')).message, `m${j}`);
    }
    const seen = [];
    for (let offset = 0; seen.length < 10000; offset += 201) seen.push(...(await joe.history('0', `?offset=${offset}&size=200`)).body.map((one) => one.message));
    assert.deepEqual(seen.slice(0, 10000), Array.from({ length: 10000 }, (_, i) => `m${9999 - i}`));
});
