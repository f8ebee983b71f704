/* A well-behaved client that looks on while others misbehave. */
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ask, connected, MODES } from './clients.mjs';
import { eventually, pause } from './waiting.mjs';

const LONGEST_ANSWER_MS = 1500; /* two cores shared with the attack itself */

/* Runs the attack; fails unless the witness, connected before, is answered all the time and still connected after it. */
export async function undisturbed(t, server, attack) {
    const witness = await connected(t, server.url, MODES.websocket);
    const ownDelay = monitorEventLoopDelay({ resolution: 10 });
    let longest = 0;
    let isOver = false;
    const watch = async () => {
        for (let i = 0; !isOver; i++) {
            const start = performance.now();

            assert.deepEqual(await ask(witness, 'message-with-ack', i), [i]);
            longest = Math.max(longest, performance.now() - start);
            await pause(10);
        }
    };
    const lost = new Promise((_, reject) => {
        witness.on('disconnect', (reason) => isOver || reject(new Error(`the witness was disconnected: ${reason}`)));
    });
    ownDelay.enable();
    const watched = Promise.race([watch(), lost]);
    let result;

    watched.catch(() => {}); /* awaited below */

    try {
        result = await attack(witness);
    } finally {
        isOver = true;
        await watched;
    }
    /* What this process itself was late is not the server's fault. */
    ownDelay.disable();
    longest -= ownDelay.max / 1e6;
    assert.ok(longest < LONGEST_ANSWER_MS, `an answer took ${longest} ms`);
    assert.ok(witness.connected);
    return result;
}

/* Waits until the witness is the only client left. */
export function alone(witness, limit) {
    return eventually(async () => (await ask(witness, 'clients'))[0] === 1, 'all other sessions to be gone', limit);
}
