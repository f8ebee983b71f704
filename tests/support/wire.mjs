/* TCP and HTTP with nothing hidden: what is written is what goes out, what is read is what came in. */
import http from 'node:http';
import net from 'node:net';
import { PATIENCE_MS, within } from './waiting.mjs';

const HEAD_END = '\r\n\r\n';

function parseHead(head) {
    const [statusLine, ...lines] = head.split('\r\n');
    const headers = {};

    for (const line of lines) {
        const colon = line.indexOf(':');

        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { status: Number(statusLine.split(' ')[1]), statusLine, headers };
}

export class Wire {
    #input = Buffer.alloc(0);
    #wake = () => {};

    constructor(socket) {
        this.socket = socket;
        this.ended = false; /* the peer sent FIN or reset */
        this.closed = new Promise((resolve) => socket.once('close', resolve));
        socket.setNoDelay(true);
        socket.on('data', (bytes) => {
            this.#input = Buffer.concat([this.#input, bytes]);
            this.#wake();
        });
        socket.on('error', (error) => (this.error = error));
        for (const event of ['end', 'close']) {
            socket.on(event, () => {
                this.ended = true;
                this.#wake();
            });
        }
    }

    static connect(port) {
        const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        const wire = new Wire(socket);
        const connected = new Promise((resolve, reject) => {
            socket.once('connect', () => resolve(wire));
            socket.once('error', reject);
        });

        return within(connected, 'a connection');
    }

    /* written: called when the kernel has taken it. */
    write(bytes, written) {
        return this.socket.write(bytes, written);
    }

    /* Bytes that came and were not read yet. */
    get pending() {
        return this.#input;
    }

    /* FIN, after what was written. */
    end() {
        this.socket.end();
    }

    /* RST. */
    reset() {
        this.socket.resetAndDestroy();
    }

    destroy() {
        this.socket.destroy();
    }

    async #until(ready, what, limit) {
        if (ready()) return;
        const satisfied = async () => {
            while (!ready()) {
                if (this.ended) throw new Error(`the connection ended before ${what}: ${this.#input}`);
                await new Promise((resolve) => (this.#wake = resolve));
            }
        };

        await within(satisfied(), what, limit);
    }

    #take(length) {
        const taken = this.#input.subarray(0, length);

        this.#input = this.#input.subarray(length);
        return taken;
    }

    async read(length, limit) {
        await this.#until(() => this.#input.length >= length, `${length} bytes`, limit);
        return this.#take(length);
    }

    async readThrough(mark, limit) {
        await this.#until(() => this.#input.includes(mark), JSON.stringify(mark), limit);
        return this.#take(this.#input.indexOf(mark) + mark.length);
    }

    /* Everything up to the peer's FIN or reset. */
    async readToEnd(limit = PATIENCE_MS) {
        const finished = async () => {
            while (!this.ended) await new Promise((resolve) => (this.#wake = resolve));
        };

        await within(finished(), 'the end of the connection', limit);
        return this.#take(this.#input.length);
    }

    async readHead(limit) {
        const head = await this.readThrough(HEAD_END, limit);

        return parseHead(head.toString('latin1').slice(0, -HEAD_END.length));
    }

    async readResponse(limit) {
        const response = await this.readHead(limit);
        const length = Number(response.headers['content-length'] ?? 0);

        if (response.headers['transfer-encoding']) throw new Error('chunked replies are not read here');
        response.body = (await this.read(length, limit)).toString();
        return response;
    }
}

/*
 * One request on a connection of its own. The promise carries `abort()`, which drops the connection.
 * Unexpected ends of the connection reject.
 */
export function request(port, target, { method = 'GET', headers = {}, body, agent = false, limit } = {}) {
    let outgoing;
    const answered = new Promise((resolve, reject) => {
        outgoing = http.request({ port, host: '127.0.0.1', path: target, method, headers, agent }, (incoming) => {
            const chunks = [];

            incoming.on('data', (bytes) => chunks.push(bytes));
            incoming.on('error', reject);
            incoming.on('end', () => {
                const bytes = Buffer.concat(chunks);

                resolve({ status: incoming.statusCode, headers: incoming.headers, bytes, body: bytes.toString() });
            });
        });
        outgoing.on('error', reject);
        outgoing.end(body);
    });
    const response = within(answered, `the answer to ${method} ${target}`, limit);

    response.abort = () => {
        response.catch(() => {});
        outgoing.destroy();
    };
    return response;
}
