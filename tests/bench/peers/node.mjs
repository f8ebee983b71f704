// Socket.IO on Node: node node.mjs PORT
import { createServer } from "node:http";
import { Server } from "socket.io";
import { contract } from "./contract.js";

const http = createServer();
contract(new Server(http, { maxHttpBufferSize: 1e7 }));
http.listen(Number(process.argv[2]), "127.0.0.1");
