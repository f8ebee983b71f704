/*
 * Node's own server behind the command line of the testbed, contracts `protocol`, `load` and `api`. The interop tests run
 * against it with REFERENCE=1: what it does is what they may ask of ours.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Server as EngineServer } from 'engine.io';
import { Server as SocketServer } from 'socket.io';
import msgpackParser from 'socket.io-msgpack-parser';
import { engineOptions, serveApi } from './reference_api.mjs';

const text = { type: 'string' };
const { values } = parseArgs({
    options: {
        contract: text,
        port: { type: 'string', default: '3000' },
        host: { type: 'string', default: '127.0.0.1' },
        path: { type: 'string', default: '/socket.io/' },
        'ping-interval': text,
        'ping-timeout': text,
        'connect-timeout': text,
        'upgrade-timeout': text,
        'headers-timeout': text,
        'request-timeout': text,
        'max-payload': text,
        transports: text,
        parser: { type: 'string', default: 'json' },
        cors: text,
        'client-dir': text, /* Node brings its own */
        'allow-eio3': { type: 'boolean' },
        recovery: text,
        deflate: { type: 'boolean' },
        redis: text, /* unix:///path, redis://host:port, or redis+cluster://host:port,host:port */
        adapter: text,
        'redis-key': text,
        'private-answers': { type: 'boolean' },
        'stream-count': text,
    },
});

const contractDefaults = {
    protocol: { pingInterval: 300, pingTimeout: 200, connectTimeout: 1000, maxHttpBufferSize: 1e6, cors: { origin: '*' } },
    load: {},
    api: { cleanupEmptyChildNamespaces: true },
};

function serverOptions() {
    const options = { ...contractDefaults[values.contract] };
    const numbers = {
        pingInterval: 'ping-interval',
        pingTimeout: 'ping-timeout',
        connectTimeout: 'connect-timeout',
        upgradeTimeout: 'upgrade-timeout',
        maxHttpBufferSize: 'max-payload',
    };

    for (const [key, name] of Object.entries(numbers)) {
        if (values[name] !== undefined) options[key] = Number(values[name]);
    }
    if (values.transports) options.transports = values.transports.split(',');
    if (values['allow-eio3']) options.allowEIO3 = true;
    if (values.cors) options.cors = { origin: values.cors };
    if (values.parser === 'msgpack') options.parser = msgpackParser;
    if (values.recovery) options.connectionStateRecovery = { maxDisconnectionDuration: Number(values.recovery) };
    if (values.deflate) options.perMessageDeflate = true;
    return options;
}

function answerPlainHttp(request, response) {
    const healthy = request.method === 'GET' && ['/healthz', '/readyz'].includes(request.url.split('?')[0]);

    response.writeHead(healthy ? 200 : 404);
    response.end(healthy ? 'ok' : '');
}

function echo(socket) {
    socket.on('echo', (...args) => {
        const ack = typeof args.at(-1) === 'function' ? args.pop() : null;

        if (ack) ack(...args);
        else socket.emit('echo', ...args);
    });
}

/* One event a letter, all at once: `r`egular, `v`olatile, or volatile with `b`ytes. */
function volatileEvents(socket, letters) {
    for (const [i, letter] of [...letters].entries()) {
        const args = letter === 'b' ? [i, Buffer.from('bytes')] : [i];

        (letter === 'r' ? socket : socket.volatile).emit('told', ...args);
    }
}

/* At most 8 a loop turn, so that a burst shows what a server does with a stream of messages. */
function burst(namespace, count, size, ack) {
    const blob = 'x'.repeat(size);
    let sent = 0;
    const turn = () => {
        for (let i = 0; i < 8 && sent < count; i++) namespace.emit('blob', sent++, blob);
        if (sent < count) setImmediate(turn);
        else ack(count, size);
    };

    turn();
}

function serveProtocol(io, engine) {
    engine.on('connection', (session) => {
        session.on('message', (data) => session.send(data));
    });
    io.of('/custom').on('connection', (socket) => socket.emit('auth', socket.handshake.auth));
    let reasons = [];

    io.on('connection', (socket) => {
        socket.emit('auth', socket.handshake.auth);
        socket.on('disconnect', (reason) => reasons.push([socket.id, reason]));
        socket.on('reasons', (ack) => {
            ack(reasons);
            reasons = [];
        });
        socket.on('message', (...args) => socket.emit('message-back', ...args));
        socket.on('message-with-ack', (...args) => args.pop()(...args));
        echo(socket);
        socket.on('burst', (count, size, ack) => burst(io.of('/'), count, size, ack));
        socket.on('volatile', (letters) => volatileEvents(socket, letters));
        socket.on('clients', (ack) => ack(io.engine.clientsCount + engine.clientsCount));
    });
}

/* What is asked of many sockets at once. */
function serveMany(io, socket) {
    socket.on('fetch', async (room, ack) => {
        const sockets = await io.in(room).fetchSockets();

        ack(sockets.map(({ id, rooms }) => ({ id, rooms: [...rooms] })));
    });
    socket.on('count', async (room, except, ack) => {
        const some = room === '' ? io : io.in(room);

        ack((await (except === '' ? some : some.except(except)).fetchSockets()).length);
    });
    socket.on('kick', (room) => io.in(room).disconnectSockets(true));
    socket.on('move', (from, to) => io.in(from).socketsJoin(to));
    socket.on('bcast-ack', (room, event, x, timeout, ack) => {
        io.to(room)
            .timeout(timeout)
            .emit(event, x, (error, replies) => ack(error ? error.message : null, replies));
    });
}

function serveLoad(io) {
    io.on('connection', (socket) => {
        echo(socket);
        socket.on('ack', (x, ack) => ack(x));
        socket.on('bcast', (x) => io.emit('bcast', x));
        socket.on('join', (room, ack) => {
            socket.join(room);
            ack();
        });
        socket.on('leave', (room, ack) => {
            socket.leave(room);
            ack();
        });
        socket.on('room', (room, x) => io.to(room).emit('room', x));
        socket.on('broadcast', (room, event, ...args) => io.to(room).emit(event, ...args));
        serveMany(io, socket);
        socket.on('everybody', (event, ...args) => io.emit(event, ...args));
        socket.on('others', (room, event, ...args) => socket.to(room).emit(event, ...args));
        socket.on('unmove', (from, to) => io.in(from).socketsLeave(to));
        socket.on('sse', (event, args, ack) => io.serverSideEmit(event, args, (error, replies) => ack(replies)));
    });
    io.on('whoami', (x, ack) => ack?.(process.pid));
}

const http = createServer(
    {
        headersTimeout: Number(values['headers-timeout'] ?? 60000),
        requestTimeout: Number(values['request-timeout'] ?? 300000),
        connectionsCheckingInterval: 50,
    },
    answerPlainHttp,
);
const options = serverOptions();
const io = new SocketServer(http, { ...options, path: values.path });
const engines = [];

/* With ioredis a message that cannot be decoded ends the process: so ours are known to be good. */
async function joinCluster() {
    const { Cluster, Redis } = await import('ioredis');
    const [scheme, rest] = values.redis.split('://');
    const nodes = rest.split(',').map((place) => ({ host: place.split(':')[0], port: Number(place.split(':')[1]) }));
    const connect = () => {
        if (scheme === 'redis+cluster') return new Cluster(nodes, { shardedSubscribers: true });
        if (scheme === 'redis') return new Redis({ ...nodes[0], maxRetriesPerRequest: null });
        return new Redis({ path: rest, maxRetriesPerRequest: null });
    };
    const { createAdapter, createShardedAdapter } = await import('@socket.io/redis-adapter');

    if (values.adapter === 'redis-streams') {
        const streams = await import('@socket.io/redis-streams-adapter');

        io.adapter(streams.createAdapter(connect(), { streamCount: Number(values['stream-count'] ?? 1) }));
    } else if (values.adapter === 'redis-sharded') {
        const [publisher, subscriber] = [connect(), connect()];

        await once(subscriber, 'ready'); /* an SSUBSCRIBE that is asked for sooner may get lost in ioredis */
        io.adapter(createShardedAdapter(publisher, subscriber));
    } else {
        io.adapter(createAdapter(connect(), connect(), {
            key: values['redis-key'] ?? 'socket.io',
            publishOnSpecificResponseChannel: values['private-answers'],
        }));
    }
}

if (values.redis) await joinCluster();

if (values.contract === 'protocol' || values.contract === 'api') {
    const engine = new EngineServer(values.contract === 'api' ? { ...options, ...engineOptions } : options);

    engines.push(engine);
    engine.attach(http, { ...options, path: '/engine.io/' });
    if (values.contract === 'api') {
        const other = new SocketServer(http, { path: '/other/', transports: ['websocket'] });

        engines.push({ close: () => other.close() });
        serveApi(io, engine, other);
    } else {
        serveProtocol(io, engine);
    }
} else if (values.contract === 'load') {
    serveLoad(io);
} else {
    throw new Error(`no such contract: ${values.contract}`);
}

http.listen(Number(values.port), values.host, () => console.log(`listening on ${http.address().port}`));

/* Node waits half a minute for peers that do not answer its close; we do not. */
function stop() {
    engines.forEach((engine) => engine.close());
    io.close(() => process.exit(0));
    setTimeout(() => process.exit(0), 300);
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
