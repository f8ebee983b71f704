/* A real redis-server for the tests: on a unix socket in a folder of its own, kept nowhere else. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './waiting.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class RedisServer {
    constructor(words = []) {
        this.words = words;
        this.folder = mkdtempSync(path.join(tmpdir(), 'redis-'));
        this.path = path.join(this.folder, 'socket');
    }

    get url() {
        return `unix://${this.path}`;
    }

    async start() {
        const words = ['--port', '0', '--unixsocket', this.path, '--save', '', '--appendonly', 'no', '--dir', this.folder];

        this.child = spawn('redis-server', [...words, ...this.words], { stdio: 'ignore' });
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
    connect() {
        return new Redis({ path: this.path, lazyConnect: false });
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
