/* `chatd demo` in a browser: its own page, and the build of the original when a folder of it is given. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { DESKTOP, PHONE, launch, openPage, picture } from '../support/browser.mjs';
import { person, startDemoOn } from '../support/demo.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

async function logIn(page, name, password = 'password123') {
    await page.fill('#name', name);
    await page.fill('#password', password);
    await page.click('#login button');
}

/** Nobody has to scroll the page for it: messages scroll, what is around them stays. */
async function inSight(page, selector) {
    const box = await page.locator(selector).boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= page.viewportSize().height, `${selector} is at ${JSON.stringify(box)}`);
}

for (const home of ['sqlite', 'redis']) {
    test(`${home}: log in, talk in General and privately, page back, see who comes and goes, log out`, async (t) => {
        const chatd = await startDemoOn(t, home);
        const joe = await person(t, chatd, 'Joe');
        await joe.open();
        for (let i = 0; i < 20; i++) joe.say('0', `earlier ${i}`);
        for (let i = 0; i < 20; i++) await joe.hears();
        const page = await openPage(t, browser, chatd.url, DESKTOP);
        await logIn(page, 'Pablo', 'wrong');
        await page.getByText('Invalid username or password').waitFor();
        await picture(page, `demo-${home}-door`);
        await logIn(page, 'Pablo');
        await page.getByText('earlier 19').waitFor();
        for (const part of ['#text', '#logout', '#messages li:last-child']) await inSight(page, part);
        await joe.hears('user.connected');
        await page.fill('#text', 'hello <b>all</b>');
        await page.click('#say button');
        await page.locator('#messages li.own', { hasText: 'hello &ltb&gtall' }).waitFor();
        assert.equal((await joe.hears('message')).from, '1');
        assert.equal(await page.getByText('Good morning!').count(), 0);
        await page.click('#more');
        await page.getByText('Good morning!').waitFor();
        await inSight(page, '#text');
        await picture(page, `demo-${home}-general`);
        await page.locator('#people li.online button', { hasText: 'Joe' }).click();
        await page.fill('#text', 'only you');
        await page.click('#say button');
        assert.deepEqual((await joe.hears('message')).message, 'only you');
        joe.say('1:2', 'and me');
        await page.getByText('and me').waitFor();
        await picture(page, `demo-${home}-private`);
        joe.client.socket.disconnect();
        await page.locator('#people li:not(.online) button', { hasText: 'Joe' }).waitFor();
        await page.reload();
        await page.locator('#own', { hasText: 'Pablo' }).waitFor();
        await page.click('#logout');
        await page.locator('#login').waitFor();
        assert.deepEqual(page.complaints, []);
    });
}

test('a phone: register and talk', async (t) => {
    const chatd = await startDemoOn(t, 'sqlite');
    const page = await openPage(t, browser, chatd.url, PHONE);
    await picture(page, 'demo-phone-door');
    await logIn(page, 'Ada', 'a new secret');
    await page.locator('#rooms button', { hasText: 'General' }).waitFor();
    await picture(page, 'demo-phone-rooms');
    await page.locator('#rooms button', { hasText: 'General' }).click();
    await page.fill('#text', 'from my phone');
    await page.click('#say button');
    for (let i = 0; i < 12; i++) {
        await page.fill('#text', `no. ${i} from my phone`);
        await page.click('#say button');
    }
    await page.locator('#messages li.own', { hasText: 'no. 11 from my phone' }).waitFor();
    for (const part of ['#text', '#back', '#messages li:last-child']) await inSight(page, part);
    await picture(page, 'demo-phone-general');
});
