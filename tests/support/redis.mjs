/*
 * A real redis-server for the tests: on a unix socket in a folder of its own, kept nowhere else. It is valkey-server where
 * that alone is installed; REDIS_SERVER names another program.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { eventually, happens } from './waiting.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

const isThere = (program) => spawnSync(program, ['--version']).status === 0;
const program = process.env.REDIS_SERVER ?? (['redis-server', 'valkey-server'].find(isThere) || 'redis-server');

/* A port that was free just now, for what must know its port before it starts. */
export async function freePort() {
    const server = net.createServer().listen(0, '127.0.0.1');

    await happens(server, 'listening');
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

export class RedisServer {
    /* port: one on loopback as well; 0: none */
    constructor(words = [], port = 0) {
        this.words = words;
        this.port = port;
        this.folder = mkdtempSync(path.join(tmpdir(), 'redis-'));
        this.path = path.join(this.folder, 'socket');
    }

    get url() {
        return this.port ? `redis://127.0.0.1:${this.port}` : `unix://${this.path}`;
    }

    get settings() {
        return ['--port', String(this.port), '--bind', '127.0.0.1', '--unixsocket', this.path, '--save', '',
            '--appendonly', 'no', '--dir', this.folder, ...this.words];
    }

    async start() {
        this.child = spawn(program, this.settings, { stdio: 'ignore' });
        running.add(this.child);
        await eventually(() => existsSync(this.path), 'redis-server to listen');
        return this;
    }

    async kill() {
        const { child } = this;
        const gone = new Promise((resolve) => child.once('close', resolve));

        child.kill('SIGKILL');
        await gone;
        running.delete(child);
        rmSync(this.path, { force: true });
    }

    /* A client of its own, for looking on and for emitters. */
    connect(options) {
        return new Redis({ path: this.path, lazyConnect: false, ...options });
    }

    async stop() {
        if (running.has(this.child)) await this.kill();
        rmSync(this.folder, { recursive: true, force: true });
    }
}

export const redisFor = async (test, words) => {
    const server = await new RedisServer(words).start();

    test.after(() => server.stop());
    return server;
};

/* Watches a master, asks the other sentinels, and names another master when that one is gone. */
export class Sentinel extends RedisServer {
    constructor(port, master, quorum, words = []) {
        super(words, port);
        this.file = path.join(this.folder, 'sentinel.conf'); /* it writes there what it learns */
        writeFileSync(this.file, [
            `sentinel monitor mymaster 127.0.0.1 ${master.port} ${quorum}`,
            'sentinel down-after-milliseconds mymaster 500',
            'sentinel failover-timeout mymaster 1000',
        ].join('\n'));
    }

    get settings() {
        return [this.file, '--sentinel', '--port', String(this.port), '--bind', '127.0.0.1', '--unixsocket', this.path,
            '--dir', this.folder, ...this.words];
    }
}
