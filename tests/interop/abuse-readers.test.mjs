import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask } from '../support/clients.mjs';
import { openSocketSession, openWebSocketSession, PollingSession, SEPARATOR } from '../support/session.mjs';
import { oursOnly, sharedTestbed } from '../support/testbed.mjs';
import { pause, within } from '../support/waiting.mjs';
import { encodeFrame, OPCODE } from '../support/websocket.mjs';
import { Wire } from '../support/wire.mjs';
import { alone, undisturbed } from '../support/witness.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const MIB = 2 ** 20;

/* A loopback connection takes a few MiB in the kernel before anything is queued in the server. */
const BLOB_BYTES = 100_000;
const STEP = 5;

/* Blobs for everybody, no more at a time than one who reads has room for. */
async function flood(witness, count) {
    for (let i = 0; i < count; i += STEP) await ask(witness, 'burst', STEP, BLOB_BYTES);
}

describe('who does not read', oursOnly, () => {
    const server = sharedTestbed({ ...CALM, maxBuffered: MIB, isMeasured: true });

    async function openDeaf(t) {
        const socket = await openSocketSession(server.port);

        socket.wire.socket.pause();
        t.after(() => socket.destroy());
        return socket;
    }

    test('is closed once too much waits for it on websocket, the others get all', (t) =>
        undisturbed(t, server, async (witness) => {
            const deaf = await openDeaf(t);
            const before = server.memory();
            const seen = [];

            witness.on('blob', (index, blob) => seen.push([index, blob.length]));
            await flood(witness, 400);
            assert.deepEqual(seen, Array.from({ length: 400 }, (_, i) => [i % STEP, BLOB_BYTES]));
            await alone(witness);
            assert.ok(server.memory() - before < 8 * MIB, `${(server.memory() - before) / MIB} MiB`);
            deaf.wire.socket.resume();
            assert.equal(await deaf.closeFrame().catch(() => ''), ''); /* or a reset */
        }));

    test('is closed once too much waits for it on polling', (t) =>
        undisturbed(t, server, async (witness) => {
            const session = await PollingSession.open(server.port, { path: '/socket.io/' });
            const before = server.memory();

            await session.send('40');
            await flood(witness, 40);
            await session.gone();
            await alone(witness);
            assert.ok(server.memory() - before < 8 * MIB);
        }));

    test('costs no more when it is fifty', (t) =>
        undisturbed(t, server, async (witness) => {
            const before = server.memory();

            await Promise.all(Array.from({ length: 50 }, () => openDeaf(t)));
            await flood(witness, 100);
            await alone(witness);
            assert.ok(server.memory() - before < 16 * MIB, `${(server.memory() - before) / MIB} MiB`);
        }));

    /* Node keeps an answer for each; we answer the latest, and stop reading while too much waits. */
    for (const [what, frame] of [
        ['pings', encodeFrame(OPCODE.ping, 'p'.repeat(125))],
        ['messages', encodeFrame(OPCODE.text, `4${'m'.repeat(124)}`)],
        ['events', encodeFrame(OPCODE.text, `42["echo","${'e'.repeat(110)}"]`)],
    ]) {
        test(`but sends ${what} without end makes no answers pile up`, (t) =>
            undisturbed(t, server, async () => {
                const socket = await (what === 'events' ? openDeaf(t) : openWebSocketSession(server.port));

                t.after(() => socket.destroy());
                socket.wire.socket.pause();
                const before = server.memory();
                const block = Buffer.concat(Array(1000).fill(frame));
                let isTaken = true;

                /* 26 MB, or what is taken within two seconds. */
                for (let i = 0, end = performance.now() + 2000; i < 200 && isTaken; i++) {
                    isTaken = await taken(socket.wire.socket, block, end);
                }
                assert.ok(server.memory() - before < 4 * MIB, `${(server.memory() - before) / MIB} MiB`);
                socket.wire.reset();
            }));
    }

    test('and sends pings without end is heard to the last, and answered that one', (t) =>
        undisturbed(t, server, async () => {
            const socket = await openWebSocketSession(server.port);
            const blocks = 200;
            const block = Buffer.concat(Array(1000).fill(encodeFrame(OPCODE.ping, 'p'.repeat(125))));
            let pongs = 0;

            t.after(() => socket.destroy());
            socket.wire.socket.pause();
            for (let i = 0; i < blocks; i++) {
                await within(new Promise((resolve) => socket.wire.write(block, resolve)), 'the pings to be taken');
            }
            socket.send(OPCODE.ping, 'last');
            socket.wire.socket.resume();
            for (let frame; frame?.text !== 'last'; pongs++) frame = await socket.next();
            assert.ok(pongs < blocks * 900, `${pongs} pongs`);
        }));

    function taken(socket, block, end) {
        const written = new Promise((resolve) => socket.write(block, () => resolve(true)));

        return Promise.race([written, pause(Math.max(0, end - performance.now())).then(() => false)]);
    }

    /* 24 MB of answers are more than the kernel and the limit take: we must have stopped to read. */
    test('and reads again in time loses nothing', (t) =>
        undisturbed(t, server, async () => {
            const socket = await openDeaf(t);
            const count = 4000;
            const text = 'x'.repeat(6000);

            for (let i = 0; i < count; i++) socket.sendText(`42["echo",${i},"${text}"]`);
            await pause(500);
            socket.wire.socket.resume();
            for (let i = 0; i < count; i++) assert.equal(await socket.nextText(), `42["echo",${i},"${text}"]`);
        }));
});

describe('who sends too much at once', () => {
    const server = sharedTestbed({ ...CALM, isMeasured: true });

    test('in tiny fragments is closed after 16384', (t) =>
        undisturbed(t, server, async () => {
            const socket = await openWebSocketSession(server.port);

            t.after(() => socket.destroy());
            socket.send(OPCODE.text, '4', { fin: false });
            const fragment = encodeFrame(OPCODE.continuation, 'x', { fin: false });

            socket.wire.write(Buffer.concat(Array(16384).fill(fragment)));
            assert.equal(await socket.closeCode(), 1008);
        }));

    test('in frames that promise a megabyte keeps no memory before it comes', oursOnly, (t) =>
        undisturbed(t, server, async () => {
            const before = server.memory();

            for (let i = 0; i < 100; i++) {
                const socket = await openWebSocketSession(server.port);

                t.after(() => socket.destroy());
                socket.send(OPCODE.text, '4x', { announced: 1_000_000 });
            }
            await pause(50);
            assert.ok(server.memory() - before < 8 * MIB, `${(server.memory() - before) / MIB} MiB`);
        }));

    test('in posts that promise a megabyte keeps no memory before it comes', oursOnly, (t) =>
        undisturbed(t, server, async () => {
            const before = server.memory();

            for (let i = 0; i < 100; i++) {
                const session = await PollingSession.open(server.port);
                const wire = await Wire.connect(server.port);

                t.after(() => wire.destroy());
                wire.write(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n4x`);
            }
            await pause(50);
            assert.ok(server.memory() - before < 8 * MIB, `${(server.memory() - before) / MIB} MiB`);
        }));

    for (const [what, piece] of [
        ['escapes', '\\u0041'],
        ['brackets', '","'],
        ['placeholders', '",{"_placeholder":true},"'],
    ]) {
        test(`in events of a megabyte of ${what} costs no multiple of it`, oursOnly, (t) =>
            undisturbed(t, server, async () => {
                const event = `42["nobody",["${piece.repeat(Math.floor(999_000 / piece.length))}"]]`;
                const socket = await openSocketSession(server.port);

                t.after(() => socket.destroy());
                const before = server.memory();
                for (let i = 0; i < 20; i++) socket.sendText(event);
                socket.sendText('421["message-with-ack",1]');
                assert.equal(await socket.nextText(), '431[1]');
                assert.ok(server.memory() - before < 12 * MIB, `${(server.memory() - before) / MIB} MiB`);
            }));
    }

    test('in events keeps their order and everybody answered', (t) =>
        undisturbed(t, server, async () => {
            const socket = await openSocketSession(server.port);
            const count = 10_000;

            t.after(() => socket.destroy());
            socket.wire.write(Buffer.concat(Array.from({ length: count }, (_, i) => encodeFrame(OPCODE.text, `42["echo",${i}]`))));
            for (let i = 0; i < count; i++) assert.equal(await socket.nextText(), `42["echo",${i}]`);
        }));

    test('in one payload of thousands of events is answered in order', async () => {
        const session = await PollingSession.open(server.port, { path: '/socket.io/' });
        const count = 5000;

        await session.send('40');
        while (!(await session.next()).startsWith('42["auth"')) continue;
        await session.send(Array.from({ length: count }, (_, i) => `42["echo",${i}]`).join(SEPARATOR));
        for (let i = 0; i < count; i++) assert.equal(await session.next(), `42["echo",${i}]`);
    });
});
