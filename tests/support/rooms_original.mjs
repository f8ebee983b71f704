/*
 * The server that `chatd rooms` takes the place of, as its tutorial means it: three keys in Redis, rooms of Socket.IO,
 * and nothing between servers.
 */
import { once } from 'node:events';
import http from 'node:http';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { atEnd } from './chatd.mjs';

export async function startRoomsOriginal(t, redis) {
    const db = await createClient({ url: redis.url }).on('error', () => {}).connect();
    const server = http.createServer().listen(0, '127.0.0.1');
    const io = new Server(server);
    const member = ({ roomId, username }) => `${roomId}::${username}`;

    io.on('connection', (socket) => {
        const fail = (message) => socket.emit('error', { message });
        const tell = (event, payload) => io.to(payload.roomId).emit(`${event}:success`, payload);
        socket.on('create:room', async (payload) => {
            if (await db.sIsMember('rooms', payload.roomId)) return fail('Room already exist.');
            const added = [await db.sAdd('rooms', payload.roomId), await db.sAdd('members', member(payload))];
            if (added.includes(0)) return fail('Room creation failed.');
            socket.join(payload.roomId);
            tell('create:room', payload);
            return tell('add:member', payload);
        });
        socket.on('add:member', async (payload) => {
            if (!(await db.sIsMember('rooms', payload.roomId))) return fail('Room does not exist.');
            if (await db.sIsMember('members', member(payload))) return fail('Username already exists, please choose another username.');
            if (!(await db.sAdd('members', member(payload)))) return fail('User creation failed.');
            socket.join(payload.roomId);
            return tell('add:member', payload);
        });
        socket.on('remove:member', async (payload) => {
            if (!(await db.sIsMember('rooms', payload.roomId))) return fail('Room does not exist.');
            await db.sRem('members', member(payload));
            socket.leave(payload.roomId);
            return tell('remove:member', payload);
        });
        socket.on('create:chat', async (payload) => {
            await db.lPush(`chat::${payload.roomId}`, `${payload.username}::${payload.message}`);
            tell('create:chat', payload);
        });
    });
    await once(server, 'listening');
    atEnd(t, async () => {
        await new Promise((resolve) => io.close(resolve));
        db.destroy();
    });
    return { url: `http://127.0.0.1:${server.address().port}` };
}
