/* The page of chatd's rooms profile in a real browser. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Client, isReady, startChatd, startOn } from '../support/chatd.mjs';
import { DESKTOP, PHONE, bubble, enter, fits, hasStatus, hears, isInRoom, launch, openPage, openTab, picture, say, showsTheEnd, texts } from '../support/browser.mjs';

const LONG = `One word: ${'x'.repeat(300)} and then a sentence that goes on for some time.\nA second line.`;

describe('the page', () => {
    let browser;
    before(async () => (browser = await launch()));
    after(() => browser?.close());

    test('two pages talk in one room, both ways, and one leaves', async (t) => {
        const chatd = await startOn(t, 'memory');
        const ada = await openPage(t, browser, chatd.url);
        await enter(ada, 'Ada', 'Kitchen table', 'Make a new room');
        await isInRoom(ada, 'Kitchen table');
        await ada.getByText('No messages yet').waitFor();
        assert.equal(new URL(ada.url()).hash, '#Kitchen%20table');

        const bob = await openPage(t, browser, ada.url());
        await bob.getByText('You were invited to “Kitchen table”').waitFor();
        await enter(bob, 'Bob');
        await isInRoom(bob, 'Kitchen table');
        await ada.getByText('Bob joined').waitFor();
        await ada.locator('#members-here').getByText('Bob').waitFor();

        await say(ada, 'hello Bob');
        await hears(bob, 'hello Bob');
        await say(bob, 'hello Ada');
        await hears(ada, 'hello Ada');
        await bob.locator('#members-here').getByText('Ada').waitFor();
        assert.equal(await ada.locator('.message.own .bubble').textContent(), 'hello Bob');
        assert.equal(await bob.locator('.message.own .bubble').textContent(), 'hello Ada');
        await hasStatus(ada, 'Connected');
        await ada.locator('#transport').getByText('websocket').waitFor();

        await bob.getByRole('button', { name: 'Leave' }).click();
        await bob.getByRole('heading', { name: 'Rooms' }).waitFor();
        await ada.getByText('Bob left').waitFor();
        assert.equal(await ada.locator('#members-here').getByText('Bob').count(), 0);
    });

    test('a name already taken is told at the field, and another name goes in', async (t) => {
        const chatd = await startOn(t, 'memory');
        const holder = await Client.connect(t, chatd.url);
        await holder.creates('den', 'Ada');
        const page = await openPage(t, browser, chatd.url);
        await enter(page, 'Ada', 'den');
        const field = page.getByLabel('Your name');
        await page.locator('#username-error').getByText('Username already exists, please choose another username.').waitFor();
        assert.equal(await field.getAttribute('aria-invalid'), 'true');
        assert.equal(await field.getAttribute('aria-describedby'), 'username-error');
        assert.equal(await field.evaluate((one) => one === document.activeElement), true);
        await picture(page, 'name-taken');
        await field.fill('Ada two');
        await field.press('Enter');
        await isInRoom(page, 'den');
    });

    test('a room that does not exist, or does already, is told at its field with the other way to go', async (t) => {
        const chatd = await startOn(t, 'memory');
        const page = await openPage(t, browser, chatd.url);
        await enter(page, '', '');
        await page.locator('#username-error').getByText('Enter a name').waitFor();
        await page.locator('#room-error').getByText('Enter the name of a room').waitFor();
        await enter(page, 'Ada', 'den');
        await page.locator('#room-error').getByText('Room does not exist.').waitFor();
        await page.getByRole('button', { name: 'Make this room' }).click();
        await isInRoom(page, 'den');

        const other = await openPage(t, browser, chatd.url);
        await enter(other, 'Bob', 'den', 'Make a new room');
        await other.locator('#room-error').getByText('Room already exist.').waitFor();
        await other.getByRole('button', { name: 'Join it instead' }).click();
        await isInRoom(other, 'den');
    });

    test('a name or room the server refuses is told where it was written', async (t) => {
        const chatd = await startOn(t, 'memory');
        const page = await openPage(t, browser, chatd.url);
        await enter(page, 'Ada', 'a::b', 'Make a new room');
        await page.locator('.field-error:not(:empty)').first().waitFor();
        assert.notEqual(await page.locator('#room-error').textContent(), '');
        await enter(page, 'n'.repeat(257), 'den', 'Make a new room');
        await page.locator('#username-error:not(:empty)').waitFor();
    });

    test('a reload goes back into the room under the same name, with what was said', async (t) => {
        const chatd = await startOn(t, 'memory');
        const bob = await Client.connect(t, chatd.url);
        await bob.creates('den', 'Bob');
        const ada = await openPage(t, browser, `${chatd.url}/#den`);
        await enter(ada, 'Ada');
        await isInRoom(ada, 'den');
        await bob.take();
        await say(ada, 'before');
        await bob.take();
        await bob.writes('den', 'Bob', 'answer');
        await hears(ada, 'answer');
        for (let i = 0; i < 3; i++) {
            await ada.reload();
            await isInRoom(ada, 'den');
            assert.deepEqual(await texts(ada), ['before', 'answer']);
            await bob.takes(['add:member:success', { roomId: 'den', username: 'Ada' }]);
        }
        await say(ada, 'after');
        await bob.takes(['create:chat:success', { roomId: 'den', username: 'Ada', message: 'after' }]);
        await bob.heardNothing();
    });

    test('a page whose server is killed says so, keeps what is written, and comes back by itself', async (t) => {
        const first = await startOn(t, 'sqlite');
        const ada = await openPage(t, browser, first.url);
        const bob = await openPage(t, browser, first.url);
        await enter(ada, 'Ada', 'den', 'Make a new room');
        await isInRoom(ada, 'den');
        await enter(bob, 'Bob', 'den');
        await isInRoom(bob, 'den');
        await say(ada, 'before');
        await hears(bob, 'before');
        first.signal('SIGKILL');
        await hasStatus(ada, 'econnecting');
        await say(ada, 'written in the meantime');
        await ada.getByText('Waiting for the connection').waitFor();
        await picture(ada, 'reconnecting');
        await first.exit();
        await startChatd(t, first.args, { port: first.port });
        await hears(bob, 'written in the meantime');
        for (const page of [ada, bob]) {
            await page.getByText('You are back').waitFor();
            await hasStatus(page, /^Connected$/);
        }
        await say(bob, 'welcome back');
        await hears(ada, 'welcome back');
        for (const page of [ada, bob]) {
            assert.deepEqual(await texts(page), ['before', 'written in the meantime', 'welcome back']);
        }
        assert.equal(await ada.getByText('Waiting for the connection').count(), 0);
    });

    test('what was said while a page was away is shown once, when it is back', async (t) => {
        const chatd = await startOn(t, 'memory');
        const bob = await Client.connect(t, chatd.url);
        const ada = await openPage(t, browser, `${chatd.url}/#den`);
        await bob.creates('den', 'Bob');
        for (const text of ['same', 'same', 'one']) await bob.writes('den', 'Bob', text);
        await enter(ada, 'Ada');
        await isInRoom(ada, 'den');
        await bob.take();
        await bob.writes('den', 'Bob', 'two');
        await hears(ada, 'two');
        await ada.context().setOffline(true);
        await ada.evaluate(() => dispatchEvent(new Event('offline')));
        await hasStatus(ada, 'econnecting');
        for (const text of ['three', 'same']) {
            bob.say('create:chat', { roomId: 'den', username: 'Bob', message: text });
        }
        await ada.context().setOffline(false);
        await ada.getByText('You are back').waitFor();
        await hears(ada, 'three');
        assert.deepEqual(await texts(ada), ['same', 'same', 'one', 'two', 'three', 'same']);
    });

    test('a page that gets no websocket talks by polling', async (t) => {
        const chatd = await startOn(t, 'memory');
        const bob = await Client.connect(t, chatd.url);
        await bob.creates('den', 'Bob');
        const ada = await openPage(t, browser);
        await ada.routeWebSocket(/.*/, (socket) => socket.close());
        await ada.goto(`${chatd.url}/#den`);
        await enter(ada, 'Ada');
        await isInRoom(ada, 'den');
        await bob.take();
        for (let i = 0; i < 5; i++) {
            await say(ada, `out ${i}`);
            await bob.takes(['create:chat:success', { roomId: 'den', username: 'Ada', message: `out ${i}` }]);
            await bob.writes('den', 'Bob', `in ${i}`);
            await hears(ada, `in ${i}`);
        }
        assert.equal(await ada.locator('#transport').textContent(), 'polling');
        await ada.reload();
        await isInRoom(ada, 'den');
        assert.equal((await texts(ada)).length, 10);
    });

    test('everything can be done with the keyboard alone', async (t) => {
        const chatd = await startOn(t, 'memory');
        const page = await openPage(t, browser, chatd.url);
        await hasStatus(page, 'Connected');
        const focused = () => page.evaluate(() => document.activeElement.id);
        const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
        assert.equal(await focused(), 'username');
        await page.keyboard.type('Ada');
        await press('Tab');
        assert.equal(await focused(), 'room');
        await page.keyboard.type('den');
        await press('Tab');
        assert.equal(await focused(), 'join');
        assert.notEqual(await page.locator('#join').evaluate((one) => getComputedStyle(one).outlineStyle), 'none');
        await press('Tab');
        assert.equal(await focused(), 'create');
        await press('Enter');
        await isInRoom(page, 'den');
        assert.equal(await focused(), 'message');
        await page.keyboard.type('first line');
        await press('Shift+Enter');
        await page.keyboard.type('second line');
        await press('Enter');
        await hears(page, 'first line\nsecond line');
        assert.equal(await focused(), 'message');
        assert.equal(await page.locator('#message').inputValue(), '');
        await press('Enter', 'Space', 'Enter');
        await press('Shift+Tab', 'Shift+Tab');
        assert.equal(await focused(), 'leave');
        await press('Enter');
        await page.getByRole('heading', { name: 'Rooms' }).waitFor();
        assert.deepEqual(await texts(page), []);
        assert.equal(await focused(), 'room');
    });

    test('what arrives is text, whatever it looks like', async (t) => {
        const chatd = await startOn(t, 'memory');
        const bob = await Client.connect(t, chatd.url);
        const evil = '<img src=x onerror="document.title=1"><b>bold</b>&amp;<script>document.title=2</script>';
        await bob.creates(evil, evil);
        const page = await openPage(t, browser, `${chatd.url}/#${encodeURIComponent(evil)}`);
        await enter(page, 'Ada');
        await isInRoom(page, evil);
        await bob.take();
        await bob.writes(evil, evil, evil);
        await hears(page, evil);
        assert.equal(await page.locator('#chat img, #chat b, #chat script').count(), 0);
        assert.equal(await page.title(), evil);
    });

    test('the page keeps to its own policy: nothing inline, nothing from elsewhere', async (t) => {
        const chatd = await startOn(t, 'memory');
        const page = await openPage(t, browser);
        const asked = new Set();
        page.on('request', (request) => asked.add(new URL(request.url()).origin));
        await page.goto(chatd.url);
        await enter(page, 'Ada', 'den', 'Make a new room');
        await isInRoom(page, 'den');
        assert.deepEqual([...asked], [chatd.url]);
        const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
        assert.match(policy, /default-src 'none'/);
        assert.doesNotMatch(policy, /unsafe|\*/);
        assert.equal(await page.locator('[style]:not(#message), style, script:not([src])').count(), 0);
    });

    test('a message that is refused says so itself, and can be sent again or discarded', async (t) => {
        const chatd = await startOn(t, 'redis');
        const page = await openPage(t, browser, chatd.url);
        await enter(page, 'Ada', 'den', 'Make a new room');
        await isInRoom(page, 'den');
        await chatd.redis.kill();
        await say(page, 'into the void');
        await say(page, 'this one too');
        const failed = page.locator('.message.failed');
        await failed.nth(1).getByText('Service unavailable.').waitFor();
        await hasStatus(page, /^Connected$/);
        await picture(page, 'message-refused');
        await failed.nth(1).getByRole('button', { name: 'Discard' }).click();
        await chatd.redis.start();
        await isReady(chatd);
        await failed.getByRole('button', { name: 'Try again' }).click();
        await page.locator('.message.own:not(.failed):not(.waiting)').waitFor();
        assert.deepEqual(await texts(page), ['into the void']);
    });

    test('a member who is removed is shown out and may come back', async (t) => {
        const chatd = await startOn(t, 'memory');
        const bob = await Client.connect(t, chatd.url);
        await bob.creates('den', 'Bob');
        const page = await openPage(t, browser, `${chatd.url}/#den`);
        await enter(page, 'Ada');
        await isInRoom(page, 'den');
        await bob.take();
        const pair = { roomId: 'den', username: 'Ada' };
        await bob.does('remove:member', pair, ['remove:member:success', pair]);
        await page.getByText('You are no longer in “den”').waitFor();
        await page.getByRole('button', { name: 'Join room' }).click();
        await isInRoom(page, 'den');
        await bob.takes(['add:member:success', pair]);
    });

    test('a link to another room leads out of this one and to the form', async (t) => {
        const chatd = await startOn(t, 'memory');
        const bob = await Client.connect(t, chatd.url);
        await bob.creates('den', 'Bob');
        await bob.creates('the hall', 'Bob');
        const page = await openPage(t, browser, `${chatd.url}/#den`);
        await enter(page, 'Ada');
        await isInRoom(page, 'den');
        await bob.take();
        await page.goto(`${chatd.url}/#the%20hall`);
        await bob.takes(['remove:member:success', { roomId: 'den', username: 'Ada' }]);
        await page.getByRole('button', { name: 'Join room' }).click();
        await isInRoom(page, 'the hall');
        await bob.takes(['add:member:success', { roomId: 'the hall', username: 'Ada' }]);
    });

    test('a new day is told between the messages of two days', async (t) => {
        /* The clock jumps by two minutes: a client that expects a ping meanwhile would take its connection for dead. */
        const chatd = await startChatd(t, ['--store', 'memory', '--ping-interval', '600000']);
        const page = await openPage(t, browser, undefined, { timezoneId: 'Europe/Berlin' });
        await page.clock.setFixedTime(new Date('2026-03-01T23:59:00+01:00'));
        await page.goto(chatd.url);
        await enter(page, 'Ada', 'den', 'Make a new room');
        await isInRoom(page, 'den');
        await say(page, 'late');
        await hears(page, 'late');
        await page.clock.setFixedTime(new Date('2026-03-02T00:01:00+01:00'));
        await say(page, 'early');
        await hears(page, 'early');
        await page.locator('.message .fate').waitFor({ state: 'detached' });
        assert.match(await page.locator('#log').textContent(), /23:59lateMonday,? 2 MarchYou00:01early/);
    });

    test('a second tab asks for a name of its own', async (t) => {
        const chatd = await startOn(t, 'memory');
        const page = await openPage(t, browser, chatd.url);
        await enter(page, 'Ada', 'den', 'Make a new room');
        await isInRoom(page, 'den');
        const tab = await openTab(t, page.context(), page.url());
        assert.equal(await tab.getByLabel('Your name').inputValue(), '');
        assert.equal(await tab.getByLabel('Room', { exact: true }).inputValue(), 'den');
        await enter(tab, 'Ada');
        await tab.locator('#username-error').getByText('Username already exists').waitFor();
    });

    test('three thousand messages leave the page quick', async (t) => {
        const chatd = await startOn(t, 'memory');
        const writers = [];
        const bob = await Client.connect(t, chatd.url);
        await bob.creates('den', 'Bob 0');
        const page = await openPage(t, browser, `${chatd.url}/#den`);
        await enter(page, 'Ada');
        await isInRoom(page, 'den');
        for (let i = 1; i <= 3; i++) {
            const writer = await Client.connect(t, chatd.url);
            await writer.joins('den', `Bob ${i}`);
            writers.push(writer);
        }
        for (let i = 0; i < 1000; i++) {
            writers.forEach((writer, w) => writer.say('create:chat', { roomId: 'den', username: `Bob ${w + 1}`, message: `number ${i}` }));
        }
        await page.waitForFunction(() => [...document.querySelectorAll('.bubble')].filter((one) => one.textContent === 'number 999').length === 3);
        const began = Date.now();
        await say(page, 'still quick');
        await hears(page, 'still quick');
        await page.locator('.message.own:not(.waiting)').waitFor();
        assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms from key to answer`);
        assert.ok((await page.locator('.message').count()) <= 2000);
        await showsTheEnd(page);
    });

    test('a reader who scrolled up stays there and is told what is new', async (t) => {
        const chatd = await startOn(t, 'memory');
        const bob = await Client.connect(t, chatd.url);
        await bob.creates('den', 'Bob');
        for (let i = 0; i < 60; i++) await bob.writes('den', 'Bob', `old ${i}`);
        const page = await openPage(t, browser, `${chatd.url}/#den`);
        await enter(page, 'Ada');
        await hears(page, 'old 59');
        await isInRoom(page, 'den');
        await page.locator('#scroller').evaluate((box) => (box.scrollTop = 0));
        await page.waitForFunction(() => document.querySelector('#scroller').scrollTop === 0);
        await bob.take();
        await bob.writes('den', 'Bob', 'new one');
        await page.getByRole('button', { name: '1 new message' }).click();
        await page.waitForFunction(() => document.querySelector('#scroller').scrollTop > 0);
        await page.getByRole('button', { name: 'new message' }).waitFor({ state: 'hidden' });
    });

    for (const [device, shape] of Object.entries({ phone: PHONE, desktop: DESKTOP, narrow: { viewport: { width: 360, height: 640 } } })) {
        for (const colorScheme of ['light', 'dark']) {
            test(`the page fits a ${device} in ${colorScheme}, and looks like its pictures`, async (t) => {
                const chatd = await startOn(t, 'memory');
                const bob = await Client.connect(t, chatd.url);
                const page = await openPage(t, browser, chatd.url, { ...shape, colorScheme });
                const take = async (step) => {
                    await fits(page);
                    await picture(page, `${device}-${colorScheme}-${step}`);
                };
                await hasStatus(page, 'Connected');
                await take('1-entry');
                const room = 'Kitchen table, Thursday evening and the weekend after';
                await enter(page, 'Ada Lovelace', room);
                await page.locator('#room-error:not(:empty)').waitFor();
                await take('2-error');
                await page.getByRole('button', { name: 'Make this room' }).click();
                await isInRoom(page, room);
                await take('3-empty');
                await bob.joins(room, 'Grace Hopper');
                const others = ['Linus', 'A person with an uncommonly long name that does not end soon ' + 'y'.repeat(60)];
                for (const name of others) await bob.joins(room, name);
                await bob.writes(room, 'Grace Hopper', 'Hello! Is this the room for Thursday?');
                await hears(page, 'Hello! Is this the room for Thursday?');
                await say(page, 'It is. We meet at seven, bring a chair.');
                await page.locator('.message.own:not(.waiting)').waitFor();
                for (const text of ['Two chairs then', LONG]) bob.say('create:chat', { roomId: room, username: 'Grace Hopper', message: text });
                await bubble(page, LONG).waitFor();
                bob.say('create:chat', { roomId: room, username: others[1], message: 'ok' });
                await hears(page, 'ok');
                await showsTheEnd(page);
                await take('4-talk');
                const toggle = page.locator('#members-toggle');
                if (await toggle.isVisible()) {
                    await toggle.click();
                    await page.locator('#members').getByText('Linus').waitFor();
                    await take('5-people');
                    await page.getByRole('button', { name: 'Close' }).click();
                    await page.getByLabel('Message', { exact: true }).waitFor();
                }
            });
        }
    }
});
