// Socket.IO on Node: node node.mjs PORT [--deflate] [--tls-cert FILE --tls-key FILE] [--redis URL --adapter NAME]
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import { contract } from "./contract.js";

const text = { type: "string" };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { deflate: { type: "boolean" }, "tls-cert": text, "tls-key": text, redis: text, adapter: text },
});

function listener() {
  if (!values["tls-cert"]) return createServer();
  return createSecureServer({ cert: readFileSync(values["tls-cert"]), key: readFileSync(values["tls-key"]) });
}

// Each of Node's adapters, as its documentation sets it up.
async function adapter() {
  const { createClient } = await import("redis");
  const connect = () => createClient({ url: values.redis, RESP: values.adapter === "redis-sharded" ? 3 : 2 }).connect();
  if (values.adapter === "redis-streams") {
    const { createAdapter } = await import("@socket.io/redis-streams-adapter");
    return createAdapter(await connect());
  }
  const { createAdapter, createShardedAdapter } = await import("@socket.io/redis-adapter");
  const create = values.adapter === "redis-sharded" ? createShardedAdapter : createAdapter;
  return create(await connect(), await connect());
}

const http = listener();
const options = { maxHttpBufferSize: 1e7, perMessageDeflate: Boolean(values.deflate) };
if (values.redis) options.adapter = await adapter();
contract(new Server(http, options));
http.listen(Number(positionals[0]), "127.0.0.1");
