/* A relay to a port that can be told to cut what it carries, as networks do, and counts it. */
import net from 'node:net';
import { once } from 'node:events';
import { atEnd } from './chatd.mjs';

export async function startRelay(t, port) {
    const pairs = new Set();
    const server = net.createServer((from) => {
        const to = net.connect(port, '127.0.0.1');
        const pair = [from, to];
        pairs.add(pair);
        for (const [one, other] of [[from, to], [to, from]]) {
            one.pipe(other);
            one.on('error', () => {}).on('close', () => {
                other.destroy();
                pairs.delete(pair);
            });
        }
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const cut = () => [...pairs].flat().forEach((socket) => socket.resetAndDestroy());
    atEnd(t, () => {
        server.close();
        cut();
    });
    return { port: server.address().port, cut, count: () => pairs.size };
}
