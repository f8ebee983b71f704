/* The real client, in the three ways it can travel. */
import { io } from 'socket.io-client';
import { happens, within } from './waiting.mjs';

export const MODES = {
    polling: { transports: ['polling'] },
    websocket: { transports: ['websocket'] },
    upgrade: { transports: ['polling', 'websocket'] },
};

/* A client with a connection of its own, that begins to connect. It is closed at the end of the test. */
export function client(t, url, options = {}) {
    const socket = io(url, { forceNew: true, reconnection: false, ...options });

    t.after(() => socket.io._close()); /* whatever its other namespaces wait for */
    return socket;
}

/* The same, connected. */
export async function connected(t, url, options) {
    const socket = client(t, url, options);

    await ready(socket);
    return socket;
}

/* Another namespace on the same connection, which begins to connect. */
export function beside(socket, namespace, options) {
    return socket.io.socket(namespace, options);
}

export function ready(socket) {
    if (socket.connected) return undefined;
    const refused = new Promise((_, reject) => socket.once('connect_error', reject));

    return within(Promise.race([new Promise((resolve) => socket.once('connect', resolve)), refused]), 'the connection');
}

export async function upgraded(socket) {
    if (socket.io.engine.transport.name !== 'websocket') await happens(socket.io.engine, 'upgrade');
}

/* What the server acknowledges to an event. */
export function ask(socket, event, ...args) {
    return within(
        new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))),
        `the acknowledgement of ${event}`,
    );
}
