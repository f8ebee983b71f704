/* Runs nginx and HAProxy with the files of examples/deploy, on ports of the test's own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './chatd.mjs';
import { eventually, within } from './waiting.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

function answers(port) {
    return new Promise((resolve) => {
        const probe = net.connect(port, '127.0.0.1', () => resolve(true) || probe.destroy());

        probe.once('error', () => resolve(false));
    });
}

/* What stands in the file, with other ports. */
function configuration(name, port, servers) {
    const text = readFileSync(path.join(root, 'examples/deploy', name), 'utf8')
        .replace('127.0.0.1:3001', `127.0.0.1:${servers[0].port}`)
        .replace('127.0.0.1:3002', `127.0.0.1:${servers[1].port}`);

    return name.startsWith('nginx')
        ? text.replace('listen 80;', `listen 127.0.0.1:${port};`)
        : text.replace('bind :80', `bind 127.0.0.1:${port}`);
}

/* nginx wants a frame around what usually stands in sites-enabled, and places of its own. */
function command(name, folder, text) {
    const file = path.join(folder, name);

    writeFileSync(file, text);
    if (!name.startsWith('nginx')) return ['haproxy', '-db', '-f', file];
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((at) => `${at}_temp_path ${folder}/${at};`);
    const frame = `daemon off; master_process off; pid ${folder}/pid; error_log stderr error;
        events {} http { access_log off; ${places.join(' ')} include ${file}; }`;
    writeFileSync(`${file}.main`, frame);
    return ['nginx', '-e', 'stderr', '-p', folder, '-c', `${file}.main`];
}

/* The balancer of a file, before two servers, until the end of the test. Its url. */
export async function balancer(t, name, servers) {
    const folder = mkdtempSync(path.join(tmpdir(), 'balancer-'));
    const port = await freePort();
    const [program, ...words] = command(name, folder, configuration(name, port, servers));
    const child = spawn(program, words, {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let messages = '';

    running.add(child);
    child.stderr.on('data', (text) => (messages += text));
    child.once('error', (error) => (messages += error.message));
    ended.then(() => running.delete(child));
    t.after(async () => {
        child.kill('SIGTERM');
        await within(ended, `the end of ${program}`);
        rmSync(folder, { recursive: true });
    });
    await eventually(() => {
        if (child.exitCode !== null) throw new Error(`${program} ended: ${messages}`);
        return answers(port);
    }, `${program} to listen`);
    return `http://127.0.0.1:${port}`;
}
