import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openSocketSession, openWebSocketSession } from '../support/session.mjs';
import { oursOnly, sharedTestbed } from '../support/testbed.mjs';
import { OPCODE } from '../support/websocket.mjs';

const CALM = { pingInterval: 25000, pingTimeout: 20000, connectTimeout: 45000 };
const PLACEHOLDER = '{"_placeholder":true,"num":0}';

const server = sharedTestbed(CALM);

/* Strings are sent as text, without the 4 of Engine.IO; numbers as so many bytes of binary. */
function send(socket, packets) {
    for (const packet of packets) {
        if (typeof packet === 'string') socket.sendText(`4${packet}`);
        else socket.send(OPCODE.binary, Buffer.alloc(packet, 0xab));
    }
}

async function open(t) {
    const socket = await openSocketSession(server.port);

    t.after(() => socket.destroy());
    return socket;
}

async function openUnconnected(t) {
    const socket = await openWebSocketSession(server.port, { path: '/socket.io/' });

    t.after(() => socket.destroy());
    return socket;
}

async function assertAlive(socket) {
    socket.sendText('42["echo","alive"]');
    assert.equal(await socket.nextText(), '42["echo","alive"]');
}

async function assertCloses(t, packets, socket) {
    socket ??= await open(t);
    send(socket, packets);
    assert.equal((await socket.next()).bytes.toString('hex'), '8800');
}

const title = (packets) => packets.map((packet) => (typeof packet === 'string' ? packet.slice(0, 80) : `<${packet} bytes>`)).join(' ');

describe('connecting is', () => {
    for (const packet of ['0', '0{}', '0/', '0/,', '0/,{}', '05{}', '0{"a":1}', '0{"__proto__":{"a":1}}']) {
        test(`${packet}: to the main namespace`, async (t) => {
            const socket = await openUnconnected(t);

            send(socket, [packet]);
            assert.match(await socket.nextText(), /^40\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
            assert.match(await socket.nextText(), /^42\["auth",\{.*\}\]$/);
        });
    }

    for (const packet of ['0/custom', '0/custom,', '0/custom,{}', '0/custom,7{}']) {
        test(`${packet}: to a namespace`, async (t) => {
            const socket = await openUnconnected(t);

            send(socket, [packet]);
            assert.match(await socket.nextText(), /^40\/custom,\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
            assert.equal(await socket.nextText(), '42/custom,["auth",{}]');
        });
    }

    for (const [packet, name] of [
        ['0/a', '/a'],
        ['0/a{}', '/a{}'],
        ['0/a?x=1,{}', '/a?x=1'],
        ['0//,', '//'],
        ['0/ü😀', '/ü😀'],
        ['0/custom/', '/custom/'],
        ['0/__proto__', '/__proto__'],
        ['0/constructor', '/constructor'],
    ]) {
        test(`${packet}: refused, there is no ${name}`, async (t) => {
            const socket = await openUnconnected(t);

            send(socket, [packet]);
            assert.equal(await socket.nextText(), `44${name},{"message":"Invalid namespace"}`);
        });
    }

    for (const packet of ['0[]', '0"x"', '0null', '01[]', '0{', '0{}x', '0custom', '0/custom,[]']) {
        test(`${packet}: no packet at all`, async (t) => {
            await assertCloses(t, [packet], await openUnconnected(t));
        });
    }
});

describe('accepted', () => {
    const cases = [
        ['2'],
        ['25'],
        ['3'],
        ['31'],
        ['3[]'],
        ['31[]'],
        ['399999[1]'],
        ['2[1,"x"]'],
        ['2[-1]'],
        ['2[1.5]'],
        ['2[""]'],
        ['2["error"]'],
        ['2["connection"]'],
        ['2["new_namespace"]'],
        ['2["__proto__"]'],
        ['2["constructor",1]'],
        ['2["nobody listens"]'],
        ['20["a"]'],
        ['2007["a"]'],
        ['2["a"] '],
        ['2[ "a" , 1 ]'],
        ['2["a",{"__proto__":{"x":1},"a":1,"a":2}]'],
        [`2["a",${PLACEHOLDER}]`],
        ['2/,["a"]'],
        ['51-["a"]', 1],
        [`51-["a",${PLACEHOLDER}]`, 0],
        [`52-["a",${PLACEHOLDER}]`, 1, 1],
        [`61-1[${PLACEHOLDER}]`, 1],
        [`510-["a",${PLACEHOLDER}]`, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ];

    for (const packets of cases) {
        test(title(packets), async (t) => {
            const socket = await open(t);

            send(socket, packets);
            await assertAlive(socket);
        });
    }
});

describe('closed, without a word', () => {
    const cases = [
        ['1{}'],
        ['1null'],
        ['2{}'],
        ['2[]'],
        ['2"a"'],
        ['2null'],
        ['2true'],
        ['2[true]'],
        ['2[null]'],
        ['2[{}]'],
        ['2[["a"]]'],
        ['2["connect"]'],
        ['2["connect_error"]'],
        ['2["disconnect"]'],
        ['2["disconnecting"]'],
        ['2["newListener"]'],
        ['2["removeListener"]'],
        ['2["\\u0064isconnect"]'],
        ['3{}'],
        ['31{}'],
        ['31"a"'],
        ['4[]'],
        ['4null'],
        ['2-1["a"]'],
        ['2+1["a"]'],
        ['21.5["a"]'],
        ['2a["x"]'],
        ['2["a"]x'],
        ['2["a"'],
        ['2["a",]'],
        ['2["a",01]'],
        ['2["a",+1]'],
        ['2["a",.5]'],
        ['2["a",1.]'],
        ['2["a",NaN]'],
        ['2["a",undefined]'],
        ["2['a']"],
        ['2["a\u0001"]'],
        ['2["\\x"]'],
        ['2["\\u12"]'],
        ['2["a",{"b"}]'],
        ['2["a",{b:1}]'],
        ['2/a,b,["x"]'],
        ['5'],
        ['5-["a"]'],
        ['51["a"]'],
        ['5a-["a"]'],
        ['51.5-["a"]'],
        ['50-["a"]'],
        ['60-1[]'],
        ['511-["a"]'],
        ['599999999999999999999-["a"]'],
        ['5-1-["a"]'],
        ['7'],
        ['9'],
        ['abc'],
        ['{}'],
        [''],
        [1],
        [0],
        ['51-["a"]', '2["text instead"]'],
        ['51-["a"]', '0/custom'],
        ['51-["a"]', 1, 1],
        ['51-["a",{"_placeholder":true,"num":1}]', 1],
        ['51-["a",{"_placeholder":true,"num":-1}]', 1],
        ['51-["a",{"_placeholder":true,"num":"0"}]', 1],
        ['51-["a",{"_placeholder":true,"num":null}]', 1],
        ['51-["a",{"_placeholder":true}]', 1],
        ['51-["a",[[{"x":{"_placeholder":true,"num":7}}]]]', 1],
    ];

    for (const packets of cases) test(title(packets), (t) => assertCloses(t, packets));

    for (const num of ['0.5', '1e400', '[0]', '{}', 'true']) {
        test(`51-["a",{"_placeholder":true,"num":${num}}]`, oursOnly, (t) =>
            assertCloses(t, [`51-["a",{"_placeholder":true,"num":${num}}]`, 1]));
    }
});

describe('out of turn', () => {
    for (const packets of [['2["early"]'], ['1'], ['3[1]'], ['31[]'], ['4{}'], ['51-["a"]', 1], ['2/custom,["x"]'], ['1/custom']]) {
        test(`${title(packets)} before connecting closes`, async (t) => {
            await assertCloses(t, packets, await openUnconnected(t));
        });
    }

    for (const packets of [['0'], ['0{}'], ['4{}'], ['4"x"'], ['2/custom,["x"]'], ['1/custom'], ['3/custom,1[]'], ['2/nowhere,["x"]']]) {
        test(`${title(packets)} after connecting to the main namespace closes`, (t) => assertCloses(t, packets));
    }

    test('what follows in the same segment is not looked at', async (t) => {
        const socket = await open(t);

        socket.wire.socket.cork();
        send(socket, ['broken', '2["echo","late"]', '0/custom']);
        socket.wire.socket.uncork();
        assert.equal((await socket.next()).bytes.toString('hex'), '8800');
    });
});

describe('placeholders', () => {
    const marker = '{"_placeholder":true,"num":';
    const cases = [
        ['in any order', `52-["message",${marker}1},${marker}0}]`, [1, 2], [2, 1]],
        ['one used twice', `51-["message",${marker}0},${marker}0}]`, [1], [1, 1]],
        ['one not used', `52-["message",${marker}1}]`, [1, 2], [2]],
        ['none used', '51-["message","x"]', [1], ['x']],
        ['with other keys', '51-["message",{"x":[1],"num":0,"_placeholder":true}]', [3], [3]],
        ['nested', `51-["message",{"a":[[${marker}0}]]}]`, [3], [{ a: [[3]] }]],
        ['that are none', '2["message",{"_placeholder":"true","num":0}]', [], [{ _placeholder: 'true', num: 0 }]],
        [
            'that are none beside one',
            `51-["message",{"_placeholder":1,"num":0},${marker}0}]`,
            [1],
            [{ _placeholder: 1, num: 0 }, 1],
        ],
    ];

    /* The arguments of the next event as a client would see them, each attachment as its length. */
    async function nextArguments(socket) {
        const [, count, json] = /^4(?:5(\d+)-|2)(.*)$/.exec(await socket.nextText());
        const lengths = [];

        for (let i = 0; i < Number(count ?? 0); i++) {
            const frame = await socket.next();

            assert.equal(frame.opcode, OPCODE.binary);
            lengths.push(frame.payload.length);
        }
        const [, ...args] = JSON.parse(json, (_, value) => (value?._placeholder === true ? lengths[value.num] : value));

        return args;
    }

    for (const [what, packet, sizes, expected] of cases) {
        test(what, async (t) => {
            const socket = await open(t);

            send(socket, [packet, ...sizes]);
            assert.deepEqual(await nextArguments(socket), expected);
            await assertAlive(socket);
        });
    }

    test('keep control frames and heartbeats apart from the attachments', async (t) => {
        const socket = await open(t);

        socket.sendText(`452-["message",${marker}0},${marker}1}]`);
        socket.send(OPCODE.ping, 'between');
        send(socket, [1]);
        socket.sendText('3');
        send(socket, [2]);
        assert.equal((await socket.next()).opcode, OPCODE.pong);
        assert.equal(await socket.nextText(), `452-["message-back",${marker}0},${marker}1}]`);
    });

    test('of an event that waits are forgotten with the connection alone', async (t) => {
        const waiting = await open(t);
        const other = await open(t);

        send(waiting, [`52-["message",${marker}0},${marker}1}]`, 1]);
        await assertAlive(other);
        send(waiting, [2]);
        assert.match(await waiting.nextText(), /^452-\["message-back"/);
    });
});

describe('limits of our own', oursOnly, () => {
    const nest = (depth) => `2["message",${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}]`;

    for (const [depth, isAccepted] of [
        [127, true],
        [128, true],
        [129, false],
        [100_000, false],
    ]) {
        test(`JSON ${depth} deep is ${isAccepted ? 'accepted' : 'closed'}`, async (t) => {
            const socket = await open(t);

            send(socket, [nest(depth)]);
            if (isAccepted) assert.equal(await socket.nextText(), `4${nest(depth).replace('message', 'message-back')}`);
            else assert.equal((await socket.next()).bytes.toString('hex'), '8800');
        });

        test(`objects ${depth} deep are ${isAccepted ? 'accepted' : 'closed'}`, async (t) => {
            const socket = await open(t);

            send(socket, [`2["nobody",${'{"a":'.repeat(depth - 1)}1${'}'.repeat(depth - 1)}]`]);
            if (isAccepted) await assertAlive(socket);
            else assert.equal((await socket.next()).bytes.toString('hex'), '8800');
        });
    }

    test('1024 arguments are accepted, 1025 are closed', async (t) => {
        const event = (count) => `2["nobody"${',1'.repeat(count)}]`;
        const socket = await open(t);

        send(socket, [event(1024)]);
        await assertAlive(socket);
        await assertCloses(t, [event(1025)], socket);
    });

    test('a name of 1024 bytes is accepted, of 1025 closed', async (t) => {
        const socket = await open(t);

        send(socket, [`2["${'n'.repeat(1024)}"]`]);
        await assertAlive(socket);
        await assertCloses(t, [`2["${'n'.repeat(1025)}"]`], socket);
    });

    test('a namespace of 256 bytes is looked up, one of 257 closes', async (t) => {
        const socket = await open(t);

        send(socket, [`0/${'n'.repeat(255)}`]);
        assert.match(await socket.nextText(), /Invalid namespace/);
        await assertCloses(t, [`0/${'n'.repeat(256)}`], socket);
    });

    test('an ack id of 2^53-1 is accepted, one more closes', async (t) => {
        const socket = await open(t);

        send(socket, ['29007199254740991["echo"]']);
        assert.equal(await socket.nextText(), '439007199254740991[]');
        await assertCloses(t, ['29007199254740992["echo"]'], socket);
    });
});
