/* Headless Chromium for the tests of the page: pages that fail a test when a script of theirs fails. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { ROOT, atEnd } from './chatd.mjs';

const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => path && existsSync(path));
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const PICTURES = join(process.env.OUTPUT_DIR || join(ROOT, 'build', 'test-output'), 'browser');

export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
export const DESKTOP = { viewport: { width: 1280, height: 800 } };

export async function launch() {
    assert.ok(CHROMIUM, 'no Chromium: set CHROMIUM or install it as /usr/bin/chromium');
    return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** A page in a browser profile of its own. What its scripts complain of fails the test at its end. */
export async function openPage(t, browser, url, options = {}) {
    const context = await browser.newContext({ ...DESKTOP, locale: 'en-GB', ...options });
    atEnd(t, () => context.close());
    return openTab(t, context, url);
}

/** One more page in the profile of another. */
export async function openTab(t, context, url) {
    const page = await context.newPage();
    page.setDefaultTimeout(15000);
    page.complaints = [];
    page.on('pageerror', (error) => page.complaints.push(String(error)));
    page.on('console', (message) => {
        /* A server that is down is what some tests are about: Chromium reports those requests itself. */
        if (message.type() === 'error' && !/Failed to load resource|WebSocket connection to/.test(message.text())) {
            page.complaints.push(message.text());
        }
    });
    atEnd(t, () => assert.deepEqual(page.complaints, []));
    if (url) await page.goto(url);
    return page;
}

export async function picture(page, name) {
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

/* What a person does on the page. */
export async function enter(page, username, room, button = 'Join room') {
    await page.getByLabel('Your name').fill(username);
    if (room !== undefined) await page.getByLabel('Room', { exact: true }).fill(room);
    await page.getByRole('button', { name: button }).click();
}
export async function isInRoom(page, room) {
    await page.getByRole('heading', { level: 1, name: room }).waitFor();
    await page.getByText('You came in at').waitFor({ state: 'attached' });
}
export async function say(page, text) {
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.getByLabel('Message', { exact: true }).press('Enter');
}
export const bubble = (page, text) => page.locator('.message .bubble').getByText(text, { exact: true });
export async function hears(page, text) {
    await bubble(page, text).first().waitFor();
}
export async function texts(page) {
    return page.locator('.message .bubble').allTextContents();
}
export async function hasStatus(page, pattern) {
    await page.locator('#status-text').getByText(pattern).waitFor();
}
/** The newest line is in sight. */
export async function showsTheEnd(page) {
    await page.waitForFunction(() => {
        const box = document.querySelector('#scroller');
        return box.scrollHeight - box.scrollTop - box.clientHeight < 2;
    });
}
/** Nothing is wider than the window. */
export async function fits(page) {
    const wide = await page.evaluate(() => [...document.querySelectorAll('body *')]
        .filter((one) => one.getClientRects().length && one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.visually-hidden'))
        .map((one) => one.outerHTML.slice(0, 80)));
    assert.deepEqual(wide, []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
}
