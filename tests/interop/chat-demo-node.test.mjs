/* chatd demo beside a Node original on the same Redis: one chat. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { until } from '../support/chatd.mjs';
import { Person, person, startDemoOn } from '../support/demo.mjs';
import { startDemoOriginal } from '../support/demo_original.mjs';

/** The same person with the same cookie, at another server. */
function at(t, server, who) {
    return Object.assign(new Person(t, server.url), { cookie: who.cookie, user: who.user, id: who.id });
}

async function startPair(t) {
    const ours = await startDemoOn(t, 'redis');
    return { ours, original: await startDemoOriginal(t, ours.redis), redis: ours.redis };
}

test('sessions and users are those of both', async (t) => {
    const { ours, original } = await startPair(t);
    const [ada, nora] = [await person(t, ours, 'Ada', 'ours'), await person(t, original, 'Nora', 'theirs')];
    assert.deepEqual([ada.user, nora.user], [{ id: 5, username: 'Ada' }, { id: 6, username: 'Nora' }]);
    for (const [server, who] of [[original, ada], [ours, nora]]) {
        const there = at(t, server, who);
        const me = await there.call('/me');
        assert.deepEqual([me.body, me.headers.get('set-cookie')], [who.user, null]);
        assert.equal((await new Person(t, server.url).post('/login', { username: who.user.username, password: 'wrong' })).status, 404);
    }
    assert.deepEqual((await person(t, original, 'Ada', 'ours')).user, { id: '5', username: 'Ada' });
    assert.deepEqual((await person(t, ours, 'Nora', 'theirs')).user, { id: '6', username: 'Nora' });
    assert.equal((await at(t, ours, nora).post('/logout')).text, 'OK');
    assert.equal((await nora.call('/me')).body, null, 'logged out here is logged out there');
    assert.equal((await at(t, original, ada).post('/logout')).text, 'OK');
    assert.equal((await at(t, ours, ada).call('/me')).body, null);
});

test('presence, public and private messages and history cross, once and in order', async (t) => {
    const { ours, original } = await startPair(t);
    const [ada, pablo] = [await person(t, ours, 'Ada'), await person(t, ours, 'Pablo')];
    const nora = await person(t, original, 'Nora');
    await pablo.open();
    await ada.open();
    await pablo.hears('user.connected');
    await nora.open();
    for (const one of [ada, pablo]) assert.deepEqual(await one.hears('user.connected'), { id: 6, username: 'Nora', online: true });
    for (const one of [ada, at(t, original, ada)]) {
        assert.deepEqual(Object.entries((await one.call('/users/online')).body).map(([id, user]) => [id, user.username]),
            [['1', 'Pablo'], ['5', 'Ada'], ['6', 'Nora']]);
    }
    nora.client.say('room.join', '0');
    for (let i = 0; i < 50; i++) {
        ada.say('0', `ours ${i} <b>`);
        nora.say('0', `theirs ${i} <b>`);
    }
    for (const one of [ada, pablo, nora]) {
        const heard = [];
        for (let i = 0; i < 100; i++) heard.push((await one.hears('message')).message);
        for (const who of ['ours', 'theirs']) {
            assert.deepEqual(heard.filter((text) => text.startsWith(who)), Array.from({ length: 50 }, (_, i) => `${who} ${i} &ltb&gt`));
        }
    }
    assert.deepEqual((await ada.history('0', '?offset=0&size=99')).body, (await nora.history('0', '?offset=0&size=99')).body);

    const room = (await ada.post('/room', { user1: ada.id, user2: nora.id })).body;
    ada.say(room.id, 'from ours');
    assert.deepEqual(await nora.hears('show.room'), { id: '5:6', names: [['Ada'], ['Nora']] });
    assert.equal((await nora.hears('message')).message, 'from ours');
    await ada.hears('message');
    const other = (await nora.post('/room', { user1: nora.id, user2: pablo.id })).body;
    nora.say(other.id, 'from theirs');
    assert.deepEqual(await pablo.hears('show.room'), { id: '1:6', names: [['Pablo'], ['Nora']] });
    assert.equal((await pablo.hears('message')).message, 'from theirs', 'the first one comes live');
    await ada.heardNothing();
    const sorted = async (who) => (await who.call(`/rooms/${nora.id}`)).body.sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual(await sorted(nora), await sorted(at(t, ours, nora)));
    assert.deepEqual((await nora.history('5:6')).body, (await ada.history('5:6')).body);

    nora.client.socket.disconnect();
    assert.deepEqual(await ada.hears('user.disconnected'), { id: 6, username: 'Nora', online: false });
    await ada.heardNothing();
});

test('a second tab here outlives the first one at the original, which thinks that its user has gone', async (t) => {
    const { ours, original, redis } = await startPair(t);
    const ada = await person(t, ours, 'Ada');
    const nora = await person(t, original, 'Nora');
    await nora.open();
    await ada.open();
    await nora.hears('user.connected');
    const tab = at(t, original, ada);
    await tab.open();
    await nora.hears('user.connected');
    tab.client.socket.disconnect();
    await nora.hears('user.disconnected');
    assert.equal((await nora.hears('user.connected')).id, 5, 'and is told better');
    await until(async () => (await redis.run('SMEMBERS', 'online_users')).join() === '5,6', 'both online');
});
