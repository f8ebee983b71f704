#!/usr/bin/env node
/*
 * Runs the unmodified test suites of socket.io-client and engine.io-client, from a checkout of the socket.io
 * repository, against our server.
 *
 *     clients.mjs CHECKOUT BUILD_DIR
 *
 * The published packages of the versions that the checkout has are copied to a temporary folder, its test folders are
 * laid over them, and mocha runs them without their own servers. The addresses in them are fixed: ports 3000 and 3210
 * must be free. What these suites need is pinned by package-lock.json beside this file.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, 'node_modules');
const SUITE_LIMIT_MS = 180_000;
const SUITES = [
    {
        name: 'engine.io-client',
        contract: 'engine-client',
        port: 3000,
        args: ['test/index.js'],
    },
    {
        name: 'socket.io-client',
        contract: 'client',
        port: 3210,
        /* These two patch the client's timers and see no server. */
        args: ['--import=tsx', '--grep', 'reconnect timeout', '--invert', 'test/index.ts'],
    },
];

function installModules() {
    if (existsSync(MODULES)) return;
    const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: HERE, stdio: 'inherit' });

    if (npm.status !== 0) throw new Error('the packages of the suites cannot be installed');
}

async function startServer(build, { contract, port }) {
    const program = resolve(build, 'tests/testbed');
    if (!existsSync(program)) throw new Error(`${program} is not there: build it first`);
    /* localhost is ::1 for Node where there is one. */
    const server = spawn(program, ['--contract', contract, '--port', String(port)], {
        stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(server, 'exit').then(([code, signal]) => {
        throw new Error(`the server ended before it listened (${signal ?? code})`);
    });
    const listening = (async () => {
        for await (const line of createInterface(server.stdout)) if (line.startsWith('listening on ')) return;
        await gone;
    })();

    await Promise.race([listening, gone]);
    gone.catch(() => {});
    return server;
}

async function stopServer(server) {
    if (server.exitCode === null && server.signalCode === null) {
        const gone = once(server, 'exit');
        server.kill('SIGTERM');
        await gone;
    }
    return server.exitCode === 0;
}

async function layOut(checkout, name) {
    const source = join(checkout, 'packages', name);
    if (!existsSync(source)) throw new Error(`${source} is not there: is this the socket.io repository?`);
    const wanted = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')).version;
    const pinned = JSON.parse(await readFile(join(MODULES, name, 'package.json'), 'utf8')).version;

    if (wanted !== pinned) throw new Error(`the checkout has ${name} ${wanted}, package-lock.json ${pinned}`);
    const folder = await mkdtemp(join(tmpdir(), 'client-suite-'));
    await symlink(MODULES, join(folder, 'node_modules'));
    await cp(join(MODULES, name), join(folder, name), { recursive: true });
    await cp(join(source, 'test'), join(folder, name, 'test'), { recursive: true });
    return folder;
}

async function runMocha(folder, { name, args }) {
    const report = join(folder, 'report.json');
    const mocha = spawn(
        process.execPath,
        [join(MODULES, 'mocha/bin/mocha.js'), '--exit', '--reporter=json', `--reporter-option=output=${report}`, ...args],
        { cwd: join(folder, name), stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const limit = setTimeout(() => mocha.kill('SIGKILL'), SUITE_LIMIT_MS);

    await once(mocha, 'exit');
    clearTimeout(limit);
    if (!existsSync(report)) throw new Error('mocha left no report');
    return JSON.parse(await readFile(report, 'utf8'));
}

async function runSuite(checkout, build, suite) {
    const folder = await layOut(checkout, suite.name);
    let server;

    try {
        server = await startServer(build, suite);
        const { stats, failures } = await runMocha(folder, suite);
        const lines = failures.map((test) => `not ok ${test.fullTitle}: ${test.err.message}`);
        const ended = await stopServer(server);

        if (!ended) lines.push('not ok the server did not end cleanly on SIGTERM');
        return { passed: stats.passes, failed: lines.length, pending: stats.pending, lines };
    } finally {
        server?.kill('SIGKILL');
        await rm(folder, { recursive: true, force: true });
    }
}

const [checkout, build] = process.argv.slice(2);
let passed = 0;
let failed = 0;
installModules();
for (const suite of SUITES) {
    const result = await runSuite(checkout, build, suite).catch((error) => ({
        passed: 0,
        failed: 1,
        pending: 0,
        lines: [`not ok ${error.message}`],
    }));

    for (const line of result.lines) console.log(line);
    console.log(`${suite.name}: ${result.passed} passed, ${result.failed} failed, ${result.pending} left out`);
    passed += result.passed;
    failed += result.failed;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
