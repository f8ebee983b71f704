/*
 * The server that `chatd demo` takes the place of, defects included: sessions by express-session in Redis, bcrypt,
 * Socket.IO, the channel MESSAGES. It is the neighbour on the same Redis, and what wrote the fixtures. When OFFICIAL
 * names a checkout of the demo whose packages are installed, the real one is started in its place.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import bcrypt from 'bcryptjs';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { atEnd, freePort, within } from './chatd.mjs';

const CHECKOUT = process.env.OFFICIAL || '';

async function startCheckout(t, redis) {
    const port = await freePort();
    const env = { ...process.env, PORT: String(port), REDIS_ENDPOINT_URL: `127.0.0.1:${redis.port}` };
    const child = spawn(process.execPath, ['server/index.js'], { cwd: CHECKOUT, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    atEnd(t, async () => {
        child.kill('SIGKILL');
        await closed;
    });
    await within(once(child.stdout, 'data'), 'the start line of the original');
    return { url: `http://127.0.0.1:${port}` };
}

/** On a Redis of startRedis: the checkout's server, or this one. */
export async function startDemoOriginal(t, redis) {
    if (existsSync(join(CHECKOUT, 'server', 'index.js')) && existsSync(join(CHECKOUT, 'node_modules'))) return startCheckout(t, redis);
    const [db, listener] = [createClient({ url: redis.url }), createClient({ url: redis.url })];
    for (const client of [db, listener]) await client.on('error', () => {}).connect();
    const serverId = `192.0.2.1:${randomBytes(2).readUInt16BE()}`;
    const withSession = session({ store: new RedisStore({ client: db }), secret: 'keyboard cat', saveUninitialized: true, resave: true });
    const nameOf = async (id) => [await db.hGet(`user:${id}`, 'username')];
    const publish = (type, data) => db.publish('MESSAGES', JSON.stringify({ serverId, type, data }));

    if (!(await db.exists('total_users'))) {
        await db.set('total_users', '0');
        await db.set('room:0:name', 'General');
    }

    async function logIn({ username, password }, request) {
        const key = await db.get(`username:${username}`);
        if (key === null) {
            const hash = await bcrypt.hash(password, 10);
            const id = await db.incr('total_users');
            await db.set(`username:${username}`, `user:${id}`);
            await db.hSet(`user:${id}`, { username, password: hash });
            await db.sAdd(`user:${id}:rooms`, '0');
            request.session.user = { id, username };
            return [201, request.session.user];
        }
        if (!(await bcrypt.compare(password, await db.hGet(key, 'password')))) return [404, { message: 'Invalid username or password' }];
        request.session.user = { id: key.slice('user:'.length), username };
        return [200, request.session.user];
    }

    async function makeRoom({ user1, user2 }) {
        const ids = [Number(user1), Number(user2)];
        const id = [...ids].sort((a, b) => a - b).join(':');
        for (const user of ids) await db.sAdd(`user:${user}:rooms`, id);
        return [201, { id, names: [await nameOf(ids[0]), await nameOf(ids[1])] }];
    }

    async function listRooms(user) {
        const rooms = [];
        for (const id of await db.sMembers(`user:${user}:rooms`)) {
            const name = await db.get(`room:${id}:name`);
            if (name !== null) rooms.push({ id, names: [name] });
            else if (await db.exists(`room:${id}`)) rooms.push({ id, names: await Promise.all(id.split(':').map(nameOf)) });
        }
        return rooms;
    }

    async function listOnline() {
        const users = {};
        for (const id of await db.sMembers('online_users')) users[id] = { id, username: (await nameOf(id))[0], online: true };
        return users;
    }

    async function answer(request, url, body) {
        const { pathname, searchParams } = url;
        const messages = /^\/room\/([^/]+)\/messages$/.exec(pathname);
        if (pathname === '/me') return [200, request.session.user ?? null];
        if (pathname === '/login') return logIn(body, request);
        if (!request.session.user) return [403, 'Forbidden'];
        if (pathname === '/room') return makeRoom(body);
        if (pathname === '/users/online') return [200, await listOnline()];
        if (pathname.startsWith('/rooms/')) return [200, await listRooms(pathname.slice('/rooms/'.length))];
        if (messages) {
            const [offset, size] = [Number(searchParams.get('offset')), Number(searchParams.get('size'))];
            const list = await db.zRange(`room:${decodeURIComponent(messages[1])}`, offset, offset + size, { REV: true });
            return [200, list.map((one) => JSON.parse(one))];
        }
        if (pathname !== '/logout') return [404, 'Not Found'];
        await new Promise((resolve) => request.session.destroy(resolve));
        return [200, 'OK'];
    }

    const server = http.createServer((request, response) => withSession(request, response, async () => {
        let text = '';
        for await (const part of request.setEncoding('utf8')) text += part;
        const [status, said] = await answer(request, new URL(request.url, 'http://localhost'), text && JSON.parse(text));
        response.writeHead(status, { 'Content-Type': typeof said === 'string' ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8' });
        response.end(typeof said === 'string' ? said : JSON.stringify(said));
    }));
    const io = new Server(server);
    io.use((socket, next) => withSession(socket.request, socket.request.res ?? {}, next));
    await listener.subscribe('MESSAGES', (text) => {
        const envelope = JSON.parse(text);
        if (envelope.serverId !== serverId) io.emit(envelope.type, envelope.data);
    });

    async function hear(socket, sent) {
        const message = { ...sent, message: sent.message.replaceAll('<', '&lt').replaceAll('>', '&gt') };
        const room = `room:${message.roomId}`;
        await db.sAdd('online_users', String(message.from));
        if (!(await db.exists(`${room}:name`)) && !(await db.exists(room))) {
            const shown = { id: message.roomId, names: await Promise.all(message.roomId.split(':').map(nameOf)) };
            publish('show.room', shown);
            socket.broadcast.emit('show.room', shown);
        }
        await db.zAdd(room, { score: message.date, value: JSON.stringify(message) });
        publish('message', message);
        io.to(room).emit('message', message);
    }

    io.on('connection', async (socket) => {
        const { user } = socket.request.session;
        if (user === undefined) return;
        const tell = (type, online) => {
            publish(type, { ...user, online });
            socket.broadcast.emit(type, { ...user, online });
        };
        await db.sAdd('online_users', String(user.id));
        tell('user.connected', true);
        socket.on('room.join', (id) => socket.join(`room:${id}`));
        socket.on('message', (message) => hear(socket, message));
        socket.on('disconnect', async () => {
            if (!db.isOpen) return;
            await db.sRem('online_users', String(user.id));
            tell('user.disconnected', false);
        });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    atEnd(t, async () => {
        for (const client of [listener, db]) client.destroy();
        await new Promise((resolve) => io.close(resolve));
    });
    return { url: `http://127.0.0.1:${server.address().port}` };
}
