// Socket.IO on Bun: bun bun.mjs PORT
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { contract } from "./contract.js";

const io = new Server();
const engine = new Engine({ path: "/socket.io/", maxHttpBufferSize: 1e7 });
io.bind(engine);
contract(io);
Bun.serve({ port: Number(process.argv[2]), hostname: "127.0.0.1", ...engine.handler() });
