/* Messages that were captured between Node's servers: tests/vectors/redis. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../vectors/redis/', import.meta.url));

export const vectorsOf = (adapter) => readdirSync(folder)
    .filter((name) => name.startsWith(`${adapter}-`))
    .map((name) => ({ name, ...JSON.parse(readFileSync(folder + name, 'utf8')) }));

export const payload = (vector) => Buffer.from(vector.payload_base64, 'base64');

/* The room of each channel, so that somebody is there to hear. */
export const ROOMS = ['room1', 'room2', '5', 'salle-é-日本', 'a#b#', 'other-room'];

/* What a packet's text says, without its attachments: `5N-[…]` or `2[…]`, perhaps with an id. */
export function said(text) {
    const [, type, nsp, id, json] = /^(\d)(?:\d+-)?(?:(\/[^,]*),)?(\d*)(.*)$/s.exec(text);

    return { type, nsp: nsp ?? '/', hasId: id !== '', json: JSON.parse(json) };
}

/* Packets of the engine, or a vector's, as texts and attachments that can be compared. */
export const texts = (packets) => packets.filter((packet) => typeof packet === 'string').map(said);
export const attachments = (packets) => packets.filter((packet) => typeof packet !== 'string')
    .map((bytes) => bytes.$bin ?? Buffer.from(bytes).toString('base64'));
