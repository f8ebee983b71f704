/* Starts tests/support/http_server.c, built as build/tests/http_server; BUILD_DIR and HTTP_SERVER name another. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { within } from './waiting.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

function program() {
    return process.env.HTTP_SERVER ?? path.resolve(root, process.env.BUILD_DIR ?? 'build', 'tests/http_server');
}

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class HttpServer {
    messages = '';

    /* t: the test that it ends with. options: those of eio_http_options, and folder. */
    static async start(t, options = {}) {
        const server = new HttpServer();
        const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);

        server.child = spawn(program(), words, { stdio: ['ignore', 'pipe', 'pipe'] });
        running.add(server.child);
        server.exited = new Promise((resolve) => server.child.once('close', resolve));
        server.child.stderr.on('data', (text) => (server.messages += text));
        server.port = Number(await within(new Promise((resolve) => server.child.stdout.once('data', resolve)), 'a port'));
        t.after(() => server.stop());
        return server;
    }

    /* In order; nothing may be left behind. Only the first call sends the signal. */
    stop() {
        return (this.stopped ??= this.#stop());
    }

    async #stop() {
        this.child.kill('SIGTERM');
        const code = await within(this.exited, 'the end of the server', 8000);

        running.delete(this.child);
        if (code !== 0 || !this.messages.endsWith('all is gone\n')) throw new Error(`ended with ${code}: ${this.messages}`);
    }
}
