/*
 * Two servers that forward, and each request of a session comes to the one that does not have it: what these files
 * expect of a session holds all the same. Each runs in a process of its own, with FORWARDED set.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { oursOnly } from '../support/testbed.mjs';

const FILES = [
    'engine-polling',
    'engine-upgrade',
    'engine-headers',
    'engine-middlewares',
    'engine-cors',
    'compression',
    'old-clients',
    'socket-reasons',
];

/* Its exit code, and what went wrong in its words. */
function run(name) {
    const file = fileURLToPath(new URL(`${name}.test.mjs`, import.meta.url));
    const { NODE_TEST_CONTEXT, ...environment } = process.env;
    const child = spawn(process.execPath, ['--test', '--test-reporter=tap', file], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...environment, FORWARDED: '1' },
    });
    let output = '';

    child.stdout.on('data', (text) => (output += text));
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

describe('all is as it is without forwarding:', oursOnly, () => {
    for (const name of FILES) {
        test(name, async () => {
            const { code, output } = await run(name);

            assert.equal(code, 0, output);
            assert.match(output, /^# pass [1-9]/m);
        });
    }
});
