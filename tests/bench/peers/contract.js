// What `testbed --contract load` does, for servers in JavaScript.
export function contract(io) {
  io.on("connection", (socket) => {
    socket.on("echo", (payload) => socket.emit("echo", payload));
    socket.on("ack", (payload, cb) => cb(payload));
    socket.on("bcast", (payload) => io.emit("bcast", payload));
    socket.on("join", (room, cb) => {
      socket.join(room);
      if (cb) cb();
    });
    socket.on("room", (room, payload) => io.to(room).emit("room", payload));
  });
}
