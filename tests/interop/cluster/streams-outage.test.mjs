/* Streams lose nothing: what was on its way when Redis died arrives once, in its place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pair } from '../../support/cluster.mjs';
import { redisFor } from '../../support/redis.mjs';
import { eventually } from '../../support/waiting.mjs';

const ROUNDS = 8;
const BURST = 10; /* each, every 10 ms */

const isReady = async ({ url }) => (await fetch(`${url}/readyz`)).ok;
const ready = (servers) => eventually(async () => (await Promise.all(servers.map(isReady))).every(Boolean), 'all to be ready');

/* Both clients send numbers all the time and note the other's. */
function exchange(clients) {
    const sent = [0, 0];
    const heard = [[], []];

    for (const [i, client] of clients.entries()) client.on(`n${1 - i}`, (n) => heard[i].push(n));
    const send = () => clients.forEach((client, i) => {
        for (let k = 0; k < BURST; k++) client.emit('broadcast', 'room', `n${i}`, sent[i]++);
    });
    const timer = setInterval(send, 10);

    return {
        heard,
        stop: () => {
            clearInterval(timer);
            return sent;
        },
    };
}

/* The first number that is not what it should be; undefined: all are. */
const firstWrong = (numbers) => numbers.find((number, i) => number !== i);

async function allArrive({ heard, stop }) {
    const sent = stop();

    await eventually(() => heard.every((numbers, i) => numbers.length >= sent[1 - i]), 'all numbers');
    assert.deepEqual(heard.map(firstWrong), [undefined, undefined]);
    assert.deepEqual(heard.map(({ length }) => length), [sent[1], sent[0]]);
}

const PERSISTENT = ['--appendonly', 'yes', '--appendfsync', 'always'];

test('Redis is killed again and again, and has written down what it took', async (t) => {
    const redis = await redisFor(t, PERSISTENT);
    const { servers, clients } = await pair(t, redis, 'redis-streams', [false, false]);
    const numbers = exchange(clients);

    t.after(numbers.stop);
    for (let round = 0; round < ROUNDS; round++) {
        const before = numbers.heard.map(({ length }) => length);
        await eventually(() => numbers.heard.every(({ length }, i) => length > before[i] + 20 * BURST), 'numbers to flow');
        await redis.kill();
        await redis.start();
        await ready(servers);
    }
    await allArrive(numbers);
});
