/*
 * The unmodified front end of the original against `chatd demo`, when OFFICIAL names a checkout of
 * basic-redis-chat-app-demo-nodejs (it has client/build). Two windows, two servers, one Redis.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { DESKTOP, launch, openPage, picture } from '../support/browser.mjs';
import { startRedis } from '../support/chatd.mjs';
import { person, startDemo } from '../support/demo.mjs';

const BUILD = join(process.env.OFFICIAL || '', 'client', 'build');

async function logIn(page, name) {
    await page.locator('.username-select-dropdown, .username-select').last().click();
    await page.locator('.username-select-block-item').getByText(name, { exact: true }).dispatchEvent('click');
    await page.locator('#inputPassword').fill('password123');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.chat-box').first().waitFor();
}

const chat = (page, name) => page.locator('.chat-list-item', { has: page.locator('h5', { hasText: new RegExp(`^${name}$`) }) });

async function say(page, text) {
    await page.locator('input[placeholder="Enter Message..."]').fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
}

if (existsSync(join(BUILD, 'index.html'))) {
    let browser;
    before(async () => { browser = await launch(); });
    after(() => browser.close());

    test('the build of the original: log in, register, talk in General and privately, page back, see who comes and goes, log out', async (t) => {
        const redis = await startRedis(t);
        const args = ['--redis', redis.url, '--static', BUILD];
        const [one, two] = [await startDemo(t, args), await startDemo(t, args)];
        const mary = await person(t, one, 'Mary');
        await mary.open();
        for (let i = 0; i < 20; i++) mary.say('0', `earlier ${i}`);
        for (let i = 0; i < 20; i++) await mary.hears();
        const pablo = await openPage(t, browser, one.url, DESKTOP);
        await picture(pablo, 'original-door');
        await logIn(pablo, 'Pablo');
        await pablo.getByText('earlier 19').first().waitFor();
        assert.equal(await pablo.getByText('Good morning!').count(), 0);
        await pablo.getByRole('button', { name: 'Load more' }).click();
        await pablo.getByText('Good morning!').first().waitFor();
        await picture(pablo, 'original-history');

        const joe = await openPage(t, browser, two.url, DESKTOP);
        await logIn(joe, 'Joe');
        await pablo.getByText('Joe connected').first().waitFor();
        await chat(pablo, 'Joe').locator('.bg-success').waitFor();
        await say(joe, 'hello from the other server');
        await pablo.getByText('hello from the other server').first().waitFor();
        await picture(pablo, 'original-general');
        await chat(pablo, 'Joe').click();
        await say(pablo, 'only you');
        await chat(joe, 'Pablo').click();
        await joe.getByText('only you').first().waitFor();
        await picture(joe, 'original-private');

        /* The form has four names; others register by the call that it makes. A name clicked on is a private room. */
        const nora = await openPage(t, browser, two.url, DESKTOP);
        assert.equal(await nora.evaluate(async () => (await fetch('/login', {
            method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username: 'Nora', password: 'x' }),
        })).status), 201);
        await nora.reload();
        await nora.getByText('hello from the other server').first().waitFor();
        await nora.locator('.conversation-name').getByText('Joe', { exact: true }).first().click();
        await say(nora, 'we have not met');
        await chat(joe, 'Nora').click();
        await joe.getByText('we have not met').first().waitFor();
        await picture(joe, 'original-new-room');
        assert.equal(await chat(pablo, 'Nora').count(), 0, 'nobody else is shown that room');

        await joe.reload();
        await joe.locator('.chat-box').waitFor();
        await joe.waitForLoadState('networkidle'); /* what it still asks for when it logs out is refused, and it complains */
        await joe.getByText(/log ?out/i).first().click();
        await joe.locator('input[type=password]').waitFor();
        assert.equal(await joe.evaluate(async () => (await fetch('/me')).json()), null);
        await chat(pablo, 'General').click();
        await pablo.getByText('Joe left').first().waitFor();
        await chat(pablo, 'Joe').locator('.bg-success').waitFor({ state: 'detached' });
        await picture(pablo, 'original-left');
    });
}
