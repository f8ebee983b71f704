/* Passes TCP connections on, those that ask for an upgrade only after a delay. */
import net from 'node:net';
import { happens } from './waiting.mjs';

export async function startProxy(port, { upgradeDelay }) {
    const server = net.createServer((from) => {
        const to = net.connect(port, '127.0.0.1');

        from.on('error', () => to.destroy()).on('close', () => to.destroy());
        to.on('error', () => from.destroy());
        to.pipe(from);
        from.once('data', (head) => {
            const isUpgrade = /^upgrade: *websocket/im.test(head.toString('latin1'));

            from.pause();
            setTimeout(
                () => {
                    to.write(head);
                    from.pipe(to);
                },
                isUpgrade ? upgradeDelay : 0,
            );
        });
    });

    server.listen(0, '127.0.0.1');
    await happens(server, 'listening');
    return server;
}
