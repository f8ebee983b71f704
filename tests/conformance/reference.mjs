/*
 * Node's own servers under contract `protocol` of the testbed: what the protocol suites say of them
 * is what they must say of ours.
 */
import { createServer } from "node:http";
import { Server as Engine } from "engine.io";
import { Server } from "socket.io";

const timing = { pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1e6 };
const http = createServer((request, response) => {
  response.writeHead(404).end();
});

const io = new Server(http, { ...timing, connectTimeout: 1000, cors: { origin: "*" } });

io.on("connection", (socket) => {
  socket.emit("auth", socket.handshake.auth);
  socket.on("message", (...args) => socket.emit("message-back", ...args));
  socket.on("message-with-ack", (...args) => {
    const ack = args.pop();
    ack(...args);
  });
});
io.of("/custom").on("connection", (socket) => {
  socket.emit("auth", socket.handshake.auth);
});

const engine = new Engine({ ...timing, cors: { origin: "*" } });
engine.attach(http, { path: "/engine.io" });
engine.on("connection", (socket) => {
  socket.on("message", (message) => socket.send(message));
});

http.listen(0, "127.0.0.1", () => console.log(`listening on ${http.address().port}`));
process.on("SIGTERM", () => {
  engine.close();
  io.close(() => process.exit(0));
});
