/* Contract `api` on Node's server: see tests/testbed/api.c and api_engine.c. */
const LATER_MS = 10;

/* Of the engine alone. */
export const engineOptions = {
    cookie: {
        name: 'c', path: '/p', domain: 'd.example', secure: true, sameSite: 'strict', maxAge: 60,
        expires: new Date(784111777000), partitioned: true, priority: 'high',
    },
    cors: {
        origin: (origin, answer) => answer(null, Boolean(origin?.endsWith('.friend.example'))),
        credentials: true, methods: 'GET,POST', allowedHeaders: 'x-one', exposedHeaders: 'x-two', maxAge: 5,
        optionsSuccessStatus: 200,
    },
};

function useSteps(engine) {
    const later = (run) => setTimeout(run, LATER_MS);
    const answer = (response) => {
        response.writeHead(418, { 'Content-Type': 'text/plain' });
        response.end('a teapot');
    };
    const steps = {
        later: (response, next) => later(next),
        fail: (response, next) => next(new Error('no')),
        'fail-later': (response, next) => later(() => next(new Error('no'))),
        answer,
        'answer-later': (response) => later(() => answer(response)),
    };

    engine.use((request, response, next) => {
        response.setHeader('x-first', '1');
        next();
    });
    engine.use((request, response, next) => (steps[request._query.step] ?? ((_, go) => go()))(response, next));
    engine.use((request, response, next) => {
        response.setHeader('x-last', '1');
        next();
    });
}

/* A list that a client may ask for: what happened since it was asked for last. */
function list(io, event) {
    let seen = [];

    io.on('connection', (socket) => {
        socket.on(event, (ack) => {
            ack(seen);
            seen = [];
        });
    });
    return (...entry) => seen.push(entry);
}

function join(socket) {
    socket.on('join', (room, ack) => {
        socket.join(room);
        ack();
    });
}

function serveEvents(io) {
    const seeRoom = list(io, 'rooms');

    for (const change of ['create-room', 'join-room', 'leave-room', 'delete-room']) {
        io.of('/').adapter.on(change, (...args) => seeRoom(change, ...args));
    }
    io.on('connection', (socket) => {
        socket.use(([event], next) => {
            if (event === 'later') setTimeout(next, LATER_MS);
            else if (event === 'refused-later') setTimeout(() => next(new Error('refused later')), LATER_MS);
            else next(event === 'refused' ? new Error('refused') : undefined);
        });
        socket.use((event, next) => {
            if (event[0] === 'signed') event.push('signed');
            next();
        });
        socket.on('error', (error) => socket.emit('refusal', error.message));
        for (const event of ['said', 'later', 'refused', 'refused-later', 'signed']) {
            socket.on(event, (...args) => socket.emit(event, ...args));
        }
        join(socket);
        socket.on('leave', (room, ack) => {
            socket.leave(room);
            ack();
        });
    });
}

function serveDynamic(io) {
    const seeNamespace = list(io, 'namespaces');
    const parent = io.of(/^\/room-.*$/);
    const asked = io.of((name, auth, next) => {
        const allowed = name.startsWith('/asked-') && auth.token === 'let me in';

        if (allowed) setTimeout(() => next(null, true), LATER_MS);
        else next(null, false);
    });
    const greet = (socket) => socket.emit('hello', socket.nsp.name);

    parent.use((socket, next) => next(socket.handshake.auth.enemy ? new Error('no enemies') : undefined));
    parent.on('connection', (socket) => {
        greet(socket);
        join(socket);
        socket.on('said', (...args) => socket.emit('said', ...args));
    });
    asked.on('connection', greet);
    io.on('new_namespace', ({ name }) => seeNamespace(name));
    io.on('connection', (socket) => {
        socket.on('tell', (...args) => parent.emit('told', ...args));
        socket.on('tell-room', (room, ...args) => parent.to(room).emit('told', ...args));
    });
}

function serveSessions(io) {
    const see = list(io, 'sessions');

    io.engine.on('drain', (session) => see('drain', session.transport.name));
    io.engine.on('connection', (session) => session.on('upgrade', () => see('upgrade', session.transport.name)));
}

export function serveApi(io, engine, other) {
    const seeRefusal = list(io, 'refusals');

    engine.on('connection_error', ({ code, context }) => seeRefusal(String(code), `name: ${context.name}`));
    engine.on('connection', (session) => session.on('message', (data) => session.send(data)));
    other.on('connection', (socket) => {
        join(socket);
        socket.on('other', (room, ...args) => other.to(room).emit('told', ...args));
    });
    useSteps(engine);
    serveEvents(io);
    serveDynamic(io);
    serveSessions(io);
}
