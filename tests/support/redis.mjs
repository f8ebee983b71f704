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

/* A node of a Redis Cluster. */
export class ClusterNode extends RedisServer {
    constructor(port, busPort) {
        super(['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '1000',
            '--cluster-config-file', 'nodes.conf'], port);
        this.busPort = busPort;
    }
}

const N_SLOTS = 16384;

/* Three masters that share the slots, and as many replicas as asked for, each of one master. */
export class RedisCluster {
    constructor() {
        this.nodes = [];
        this.links = new Map();
    }

    get url() {
        return `redis+cluster://${this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
    }

    link(node) {
        if (!this.links.has(node)) this.links.set(node, node.connect());
        return this.links.get(node);
    }

    async addNode() {
        const node = await new ClusterNode(await freePort(), await freePort()).start();

        this.nodes.push(node);
        node.id = await this.link(node).cluster('MYID');
        await this.link(node).cluster('SET-CONFIG-EPOCH', this.nodes.length);
        if (node !== this.nodes[0]) {
            await this.link(node).cluster('MEET', '127.0.0.1', this.nodes[0].port, this.nodes[0].busPort);
        }
        return node;
    }

    async start({ replicas = 0 } = {}) {
        for (let i = 0; i < 3 + replicas; i++) await this.addNode();
        for (const [i, node] of this.nodes.slice(0, 3).entries()) {
            const [first, end] = [i, i + 1].map((part) => Math.floor((part * N_SLOTS) / 3));

            await this.link(node).cluster('ADDSLOTSRANGE', first, end - 1);
        }
        await this.eachSays(({ cluster_known_nodes: known }) => Number(known) === this.nodes.length, 'the nodes to meet');
        for (const [i, node] of this.nodes.slice(3).entries()) {
            await this.link(node).cluster('REPLICATE', this.nodes[i].id);
            await eventually(async () => /master_link_status:up/.test(await this.link(node).info('replication')),
                'the replica to follow', 20000);
        }
        await this.eachSays(({ cluster_state: state }) => state === 'ok', 'the cluster to be whole');
        return this;
    }

    async eachSays(expected, what) {
        for (const node of this.nodes) {
            await eventually(async () => {
                const text = await this.link(node).cluster('INFO');

                return expected(Object.fromEntries(text.trim().split('\r\n').map((line) => line.split(':'))));
            }, what, 20000);
        }
    }

    /* Each node can tell, also one that has not got it. */
    async slotOf(key) {
        for (const link of this.links.values()) return link.cluster('KEYSLOT', key);
        return undefined;
    }

    /* The master of a slot, as a node that lives says. */
    async masterOf(slot) {
        return this.ownerSaidBy(this.nodes.find(({ child }) => child.exitCode === null && child.signalCode === null), slot);
    }

    /* As a resharding does it, without keys in the slot. */
    async move(slot) {
        const from = await this.masterOf(slot);
        const to = this.nodes[(this.nodes.indexOf(from) + 1) % 3];

        await this.link(to).cluster('SETSLOT', slot, 'IMPORTING', from.id);
        await this.link(from).cluster('SETSLOT', slot, 'MIGRATING', to.id);
        for (const node of [to, from, ...this.nodes.slice(0, 3).filter((other) => other !== to && other !== from)]) {
            await this.link(node).cluster('SETSLOT', slot, 'NODE', to.id);
        }
        for (const node of this.nodes) {
            await eventually(async () => {
                if ((await this.ownerSaidBy(node, slot)) === to) return true;
                /* Two moves in a row can give two masters one epoch: replicas then believe the old one for ever. */
                await this.link(to).cluster('BUMPEPOCH');
                return false;
            }, 'the slot to have moved', 20000);
        }
    }

    async ownerSaidBy(node, slot) {
        const range = (await this.link(node).cluster('SLOTS')).find(([first, last]) => first <= slot && slot <= last);

        return this.nodes.find(({ port }) => port === range?.[2][1]);
    }

    async kill(node) {
        this.links.get(node)?.disconnect();
        this.links.delete(node);
        await node.kill();
    }

    async stop() {
        for (const link of this.links.values()) link.disconnect();
        await Promise.all(this.nodes.map((node) => node.stop()));
    }
}
