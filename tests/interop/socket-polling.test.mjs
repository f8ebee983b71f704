/* What polls bring when the client breaks the rules of Socket.IO: what was queued, then the end, each in a body of its own. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PollingSession, SEPARATOR, UNKNOWN_SESSION } from '../support/session.mjs';
import { sharedTestbed } from '../support/testbed.mjs';

const server = sharedTestbed({ contract: 'load' });

/* What is posted, and whether it was connected by then. */
const cases = {
    'two CONNECTs': [['40', '40'], true],
    'an event after the CONNECT for another namespace': [['40', '42/other,["x"]'], true],
    'an event before any CONNECT': [['42["x"]'], false],
    'a disconnect before any CONNECT': [['41'], false],
    'no packet at all': [['4abc'], false],
    'no packet at all once it is connected': [['40', '4abc'], true],
};

describe('a client that polls gets its CONNECT answered, if it was, then the end, after', () => {
    for (const [what, [bodies, isConnected]] of Object.entries(cases)) {
        test(what, async () => {
            const session = await PollingSession.open(server.port, { path: '/socket.io/' });

            for (const body of bodies) await session.send(body);
            if (isConnected) assert.match((await session.get()).body, /^40\{"sid":"[\w-]{20}"\}$/);
            assert.equal((await session.get()).body, `6${SEPARATOR}1`);
            const after = await session.get();

            assert.deepEqual([after.status, after.body], [400, UNKNOWN_SESSION]);
        });
    }
});
