import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWebSocketSession } from '../support/session.mjs';
import { testbedFor } from '../support/testbed.mjs';

const COUNT = 100;
const PINGS = 3;

test('large messages are interleaved with pings and pongs, both ways and in order', async (t) => {
    const server = await testbedFor(t, { pingInterval: 20, pingTimeout: 20000 });
    const socket = await openWebSocketSession(server.port);
    const filler = 'x'.repeat(64 * 1024);
    let pings = 0;

    t.after(() => socket.destroy());
    for (let i = 0; i < COUNT || pings < PINGS; i++) {
        const message = `4${i} ${filler}`;
        let packet;

        socket.sendText(message);
        while ((packet = await socket.nextText()) === '2') {
            pings++;
            socket.sendText('3');
        }
        assert.ok(packet === message, `message ${i}`);
    }
});
