/*
 * The server that `chatd pubsub` takes the place of, as its tutorial has it, defects included: JSON over WebSocket,
 * rooms over Redis pub/sub, presence per user. It is the neighbour on the same Redis.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { WebSocketServer } from 'ws';
import { createClient } from 'redis';
import { atEnd } from './chatd.mjs';

export async function startOriginal(t, redisUrl) {
    const serverId = randomUUID().slice(0, 8);
    const [commands, listener] = [createClient({ url: redisUrl }), createClient({ url: redisUrl })];
    for (const client of [commands, listener]) {
        client.on('error', () => {});
        await client.connect();
    }
    const connections = new Map();
    const rooms = new Map();
    const tell = (roomId, text, exceptUser) => {
        for (const id of rooms.get(roomId) ?? []) {
            const { ws, userId } = connections.get(id) ?? {};
            if (ws && (exceptUser === undefined || userId !== exceptUser)) ws.send(text);
        }
    };
    const publish = (roomId, object) => commands.publish(`chat:room:${roomId}`, JSON.stringify(object));
    await listener.pSubscribe('chat:room:*', (text, channel) => {
        const object = JSON.parse(text);
        if (object.serverId !== serverId) tell(channel.slice('chat:room:'.length), text);
    });
    const list = (name, found) => ({ [name]: found, count: found.length });
    const server = http.createServer(async (request, response) => {
        const room = /^\/api\/rooms\/([^/]+)\/members$/.exec(request.url);
        let answer;
        if (request.url === '/health') answer = { status: 'healthy', connections: connections.size, rooms: rooms.size, serverId };
        if (request.url === '/api/online-users') answer = list('users', await commands.sMembers('online_users'));
        if (room) answer = list('members', await commands.sMembers(`room:${decodeURIComponent(room[1])}:members`));
        response.writeHead(answer ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');

    const actions = {
        async auth(self, { userId }) {
            self.userId = userId;
            await commands.hSet(`user:${userId}:connections`, self.id, serverId);
            await commands.sAdd('online_users', `${userId}`);
            self.ws.send(JSON.stringify({ type: 'authenticated', userId }));
        },
        async join(self, { roomId }) {
            if (!rooms.has(roomId)) rooms.set(roomId, new Set());
            rooms.get(roomId).add(self.id);
            self.rooms.add(roomId);
            await commands.sAdd(`room:${roomId}:members`, `${self.userId}`);
            const object = { type: 'user_joined', roomId, userId: self.userId, timestamp: Date.now(), serverId };
            tell(roomId, JSON.stringify(object));
            await publish(roomId, object);
            const history = await commands.zRange(`room:${roomId}:messages`, -50, -1);
            self.ws.send(JSON.stringify({ type: 'room_history', roomId, messages: history.map((one) => JSON.parse(one)) }));
        },
        async leave(self, { roomId }) {
            rooms.get(roomId)?.delete(self.id);
            self.rooms.delete(roomId);
            await commands.sRem(`room:${roomId}:members`, `${self.userId}`);
            const object = { type: 'user_left', roomId, userId: self.userId, timestamp: Date.now(), serverId };
            tell(roomId, JSON.stringify(object));
            await publish(roomId, object);
        },
        async message(self, { roomId, content }) {
            const object = { type: 'message', id: randomUUID(), roomId, userId: self.userId, content, timestamp: Date.now(), serverId };
            const key = `room:${roomId}:messages`;
            await commands.zAdd(key, { score: object.timestamp, value: JSON.stringify(object) });
            await commands.zRemRangeByRank(key, 0, -1001);
            await commands.expire(key, 2592000);
            tell(roomId, JSON.stringify(object), self.userId);
            await publish(roomId, object);
        },
        async typing(self, { roomId, isTyping }) {
            const object = { type: 'typing', roomId, userId: self.userId, isTyping, serverId };
            tell(roomId, JSON.stringify(object));
            await publish(roomId, object);
        },
    };
    const leaveAll = async (self) => {
        connections.delete(self.id);
        await commands.hDel(`user:${self.userId}:connections`, self.id);
        if ((await commands.hLen(`user:${self.userId}:connections`)) === 0) await commands.sRem('online_users', `${self.userId}`);
        for (const roomId of self.rooms) {
            rooms.get(roomId).delete(self.id);
            await commands.sRem(`room:${roomId}:members`, `${self.userId}`);
            await publish(roomId, { type: 'user_left', roomId, userId: self.userId, timestamp: Date.now(), serverId });
        }
    };

    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (ws) => {
        const self = { id: randomUUID(), ws, rooms: new Set() };
        let last = Promise.resolve();
        connections.set(self.id, self);
        ws.send(JSON.stringify({ type: 'connected', connectionId: self.id, serverId }));
        const refuse = (error) => ws.send(JSON.stringify({ type: 'error', error }));
        const act = async (data) => {
            let message;
            try {
                message = JSON.parse(data);
            } catch {
                return refuse('Invalid JSON');
            }
            const { type, roomId } = message; /* of `null`: an error that nobody handles, here as there */
            if (!Object.hasOwn(actions, type)) return refuse('Unknown message type');
            if (['join', 'message'].includes(type) && !self.userId) return refuse('Not authenticated');
            if (type === 'message' && !self.rooms.has(roomId)) return refuse('Not in room');
            return actions[type](self, message);
        };
        ws.on('message', (data) => (last = last.then(() => act(data))));
        ws.on('close', () => (last = last.then(() => leaveAll(self)).catch(() => {})));
    });
    atEnd(t, async () => {
        for (const ws of sockets.clients) ws.terminate();
        sockets.close();
        server.close();
        for (const client of [commands, listener]) client.destroy();
    });
    return { url: `http://127.0.0.1:${server.address().port}`, serverId };
}
