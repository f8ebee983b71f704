#!/usr/bin/env node
/*
 * Runs the protocol suites of a checkout of the socket.io repository, which are not ours to commit.
 *
 *     run.mjs CHECKOUT BUILD_DIR      against our testbed, contract `protocol`
 *     run.mjs CHECKOUT --reference    against Node's own servers: shows what this runner is worth
 *
 * Each suite is copied to a temporary folder with its hard-coded address replaced, and runs with
 * the packages that tests/package-lock.json pins.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = resolve(HERE, '../node_modules');
const SUITES = [
    { name: 'engine.io-protocol/v3-test-suite', options: ['--allow-eio3'] },
    { name: 'engine.io-protocol/v4-test-suite', options: [] },
    { name: 'socket.io-protocol/v5-test-suite', options: [] },
];
const ADDRESS = 'http://localhost:3000';
/*
 * The suites ask for a session in the very millisecond in which it times out, a tie that Node's own
 * servers lose as well, one time in ten. The copies ask a little later.
 */
const TIE = 'sleep(PING_INTERVAL + PING_TIMEOUT)';
const AFTER_THE_TIE = 'sleep(PING_INTERVAL + PING_TIMEOUT + 200)';
/*
 * The v3 suite listens for the first frame only after it saw the connection open, and misses one that shares a TCP
 * segment with the 101. The copy listens at once.
 */
const LATE_LISTENER = /await waitFor\(socket, "open"\);\s*(await waitFor\(socket, "message"\); \/\/ handshake)/g;
const SUITE_LIMIT_MS = 180_000;

async function startServer(build, options) {
    const [program, ...args] =
        build === '--reference'
            ? [process.execPath, resolve(HERE, '../support/reference.mjs')]
            : [resolve(build, 'tests/testbed')];
    if (!existsSync(program)) throw new Error(`${program} is not there: build it first`);

    const server = spawn(program, [...args, '--contract', 'protocol', '--port', '0', ...options], {
        stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(server, 'exit').then(([code, signal]) => {
        throw new Error(`the server ended before it listened (${signal ?? code})`);
    });
    const listening = (async () => {
        for await (const line of createInterface(server.stdout)) {
            const found = /^listening on (\d+)/.exec(line);
            if (found) return Number(found[1]);
        }
        return gone;
    })();
    const port = await Promise.race([listening, gone]);
    gone.catch(() => {});
    return { server, port };
}

/* A clean end is part of the contract: what a sanitizer finds at exit counts. */
async function stopServer(server) {
    if (server.exitCode === null && server.signalCode === null) {
        const gone = once(server, 'exit');
        server.kill('SIGTERM');
        await gone;
    }
    return server.exitCode === 0;
}

async function copySuite(source, port) {
    const folder = await mkdtemp(join(tmpdir(), 'protocol-suite-'));
    await cp(source, folder, { recursive: true });
    await rm(join(folder, 'node_modules'), { recursive: true, force: true });
    await symlink(MODULES, join(folder, 'node_modules'));
    const file = join(folder, 'test-suite.js');
    const text = await readFile(file, 'utf8');
    if (!text.includes(ADDRESS)) throw new Error(`${source} does not name ${ADDRESS} any more`);
    const copy = text
        .replaceAll(ADDRESS, `http://127.0.0.1:${port}`)
        .replaceAll(TIE, AFTER_THE_TIE)
        .replace(LATE_LISTENER, '$1');
    await writeFile(file, copy);
    return folder;
}

async function runMocha(folder) {
    const report = join(folder, 'report.json');
    const mocha = spawn(
        process.execPath,
        [
            join(MODULES, 'mocha/bin/mocha.js'),
            '--exit',
            '--reporter=json',
            `--reporter-option=output=${report}`,
            'test-suite.js',
        ],
        { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const limit = setTimeout(() => mocha.kill('SIGKILL'), SUITE_LIMIT_MS);
    await once(mocha, 'exit');
    clearTimeout(limit);
    return existsSync(report) ? JSON.parse(await readFile(report, 'utf8')) : null;
}

async function runSuite(checkout, { name, options }, build) {
    const source = join(checkout, 'docs', name);
    if (!existsSync(source)) throw new Error(`${source} is not there: is this the socket.io repository?`);

    const { server, port } = await startServer(build, options);
    let folder;
    try {
        folder = await copySuite(source, port);
        const report = await runMocha(folder);
        const ended = await stopServer(server);
        if (report === null) return { passed: 0, failed: 1, lines: ['mocha left no report'] };
        const lines = report.failures.map((test) => `not ok ${test.fullTitle}: ${test.err.message}`);
        if (!ended) lines.push('not ok the server did not end cleanly on SIGTERM');
        return {
            passed: report.stats.passes,
            failed: report.stats.failures + (ended ? 0 : 1),
            pending: report.stats.pending,
            lines,
        };
    } finally {
        server.kill('SIGKILL');
        if (folder) await rm(folder, { recursive: true, force: true });
    }
}

const [checkout, build] = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const suite of SUITES) {
    let result;
    try {
        result = await runSuite(checkout, suite, build);
    } catch (error) {
        result = { passed: 0, failed: 1, lines: [`not ok ${error.message}`] };
    }
    for (const line of result.lines) console.log(line);
    console.log(`${suite.name}: ${result.passed} passed, ${result.failed} failed, ${result.pending ?? 0} left out`);
    passed += result.passed;
    failed += result.failed;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
