/*
 * Events that may be lost, and when they are: the event `volatile`(letters) of contract `protocol` is answered with one
 * event `told`(index) a letter, all at once; `r`egular, `v`olatile, or volatile with `b`ytes.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, connected, MODES } from '../support/clients.mjs';
import { PollingSession } from '../support/session.mjs';
import { sharedTestbed } from '../support/testbed.mjs';
import { request, Wire } from '../support/wire.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };

const server = sharedTestbed(CALM);

/* Which of the events arrive where one can be taken at once. */
const cases = {
    'one volatile event': ['v', [0]],
    'the first of two volatile events': ['vv', [0]],
    'regular events alone, not the volatile one between them': ['rvr', [0, 2]],
    'no volatile event behind a regular one': ['rv', [0]],
    'one volatile event with bytes': ['b', [0]],
    'the first of two volatile events with bytes': ['bb', [0]],
};

describe('over websocket', () => {
    for (const [what, [letters, expected]] of Object.entries(cases)) {
        test(`comes ${what}`, async (t) => {
            const socket = await connected(t, server.url, MODES.websocket);
            const told = [];

            socket.on('told', (...args) => told.push(args));
            await ask(socket, 'echo');
            socket.emit('volatile', letters);
            await ask(socket, 'echo');
            assert.deepEqual(told.map(([index]) => index), expected);
            if (letters[0] === 'b') assert.deepEqual(told[0][1], Buffer.from('bytes'));
        });
    }
});

/* Connected by hand over polling, nothing queued. */
async function openPolling() {
    const session = await PollingSession.open(server.port, { path: '/socket.io/' });

    await session.send('40');
    while (!(await session.next()).startsWith('42["auth"'));
    return session;
}

/* Which of the events are among the next packets, up to the answer to an echo. */
async function toldBefore(session) {
    const told = [];
    let packet;

    await session.send('420["echo"]');
    while ((packet = await session.next()) !== '430[]') {
        const index = /\["told",(\d)/.exec(packet)?.[1];

        if (index !== undefined) told.push(Number(index));
    }
    return told;
}

describe('over polling', () => {
    for (const [what, [letters, expected]] of Object.entries(cases)) {
        test(`with a GET that waits comes ${what}`, async (t) => {
            const session = await openPolling();
            const poll = await Wire.connect(server.port);

            t.after(() => poll.destroy());
            poll.write(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
            await request(server.port, '/healthz');
            await session.send(`42["volatile","${letters}"]`);
            session.inbox.push(...(await poll.readResponse()).body.split('\x1e'));
            assert.deepEqual(await toldBefore(session), expected);
        });
    }

    test('without one comes nothing volatile, with bytes or not', async () => {
        const session = await openPolling();

        await session.send('42["volatile","vbr"]');
        assert.deepEqual(await toldBefore(session), [2]);
    });
});
