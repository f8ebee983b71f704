/*
 * Starts the server under test, on a port of its own: build/tests/testbed, or Node's with REFERENCE=1.
 * BUILD_DIR names another build directory, TESTBED another program.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RedisServer } from './redis.mjs';
import { eventually, within } from './waiting.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

export const reference = Boolean(process.env.REFERENCE);

/* Options of a test about a rule of our own, which Node's server does not keep. */
export const oursOnly = { skip: reference && 'a rule of our own' };

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, () => process.exit(1));

function program(node) {
    if (reference || node) return [process.execPath, path.join(root, 'tests/support/reference.mjs')];
    if (process.env.TESTBED) return [path.resolve(process.env.TESTBED)];
    return [path.resolve(root, process.env.BUILD_DIR ?? 'build', 'tests/testbed')];
}

function optionWords(options) {
    return Object.entries(options).flatMap(([key, value]) => {
        const name = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

        return value === true ? [name] : [name, String(value)];
    });
}

class Testbed {
    constructor(child) {
        this.child = child;
        this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
        this.exited.then(() => running.delete(child));
        this.messages = '';
        child.stderr.on('data', (text) => (this.messages += text));
        running.add(child);
    }

    get url() {
        return `http://127.0.0.1:${this.port}`;
    }

    async listening() {
        let output = '';
        const announced = new Promise((resolve) => {
            this.child.stdout.on('data', (text) => {
                output += text;
                const found = /^listening on (\d+)$/m.exec(output);

                if (found) resolve(Number(found[1]));
            });
        });
        const ended = this.exited.then(({ code, signal }) => {
            throw new Error(`the testbed ended (${code ?? signal}) before it listened: ${this.messages}`);
        });

        this.port = await within(Promise.race([announced, ended]), 'the testbed to listen');
        ended.catch(() => {});
        return this;
    }

    /* SIGTERM; a leak or a sanitizer's finding shows in the exit code. */
    async stop() {
        if (this.killed) return;
        this.child.kill('SIGTERM');
        const end = await within(this.exited, 'the testbed to stop').catch(() => this.kill());

        assert.deepEqual(end, { code: 0, signal: null }, this.messages);
    }

    async kill() {
        this.killed = true;
        this.child.kill('SIGKILL');
        await this.exited;
    }

    /* Resident memory in bytes. */
    memory() {
        const pages = Number(readFileSync(`/proc/${this.child.pid}/statm`, 'utf8').split(' ')[1]);

        return pages * 4096;
    }

    /* Processor time used so far, in ms. */
    processorTime() {
        const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1].split(' ');

        return (Number(fields[11]) + Number(fields[12])) * 10;
    }
}

/* AddressSanitizer keeps 256 MB of freed memory back; where memory is measured it may keep one. */
function environment(isMeasured) {
    if (!isMeasured) return process.env;
    const options = `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64`;

    return { ...process.env, ASAN_OPTIONS: options };
}

/*
 * options: the command line's, in camel case. `descriptors` limits the open files of the process instead;
 * `isMeasured` says that its memory will be looked at; `node` starts Node's server.
 */
export function startTestbed(options = {}) {
    return process.env.FORWARDED && !options.redis ? startForwarded(options) : startOne(options);
}

function startOne({ descriptors, isMeasured, node, ...options }) {
    const words = [...program(node), ...optionWords({ contract: 'protocol', port: 0, ...options })];
    const limited = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...words];
    const [command, ...args] = descriptors ? limited : words;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment(isMeasured) });

    child.stdout.setEncoding('utf8');
    child.stderr.setEncoding('utf8');
    child.on('error', () => {}); /* 'close' follows and tells */
    return new Testbed(child).listening();
}

/* By the port of a server that forwards: that of the server beside it where sessions are opened. */
const owners = new Map();

export const ownerOf = (port) => owners.get(port) ?? port;

/*
 * With FORWARDED: two servers, that forward. The one that is handed out has none of the sessions that
 * support/session.mjs opens, so that all of their requests are answered by the other.
 */
async function startForwarded(options) {
    const redis = await new RedisServer().start();
    const member = { ...options, redis: redis.url, forward: true };
    const [server, owner] = await Promise.all([startOne(member), startOne(member)]);
    const stop = server.stop.bind(server);

    for (const { url } of [server, owner]) await eventually(async () => (await fetch(`${url}/readyz`)).ok, 'the link to Redis');
    owners.set(server.port, owner.port);
    server.owner = owner;
    server.stop = async () => {
        try {
            await owner.stop();
            await stop();
        } finally {
            await redis.stop();
        }
    };
    return server;
}

/* Starts one for the file or the group of tests that this is called in. */
export function sharedTestbed(options) {
    const shared = { memory: () => shared.server.memory() };

    before(async () => {
        shared.server = await startTestbed(options);
        shared.port = shared.server.port;
        shared.url = shared.server.url;
    });
    after(() => shared.server?.stop());
    return shared;
}

/* Starts one for a single test, and stops it when that ends, however it ends. */
export async function testbedFor(test, options) {
    const server = await startTestbed(options);

    test.after(() => server.stop());
    return server;
}
