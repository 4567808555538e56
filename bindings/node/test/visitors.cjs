// A worker thread with many short-lived clients: each connects, sends one event, and disconnects when the event is
// acknowledged or the client is rejected. The clients write prepared bytes to a TCP socket, which is fast.
"use strict";

const net = require("node:net");
const { workerData } = require("node:worker_threads");

const frame = (text) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
const head = ["GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket"];
const key = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
const upgrade = Buffer.from([...head, ...key, "", ""].join("\r\n"));
const welcome = Buffer.concat([upgrade, frame("40")]);
const unwelcome = Buffer.concat([upgrade, frame('40{"no":1}')]);
const event = frame('420["x",{"a":1}]');

function visit(hello) {
  return new Promise((resolve) => {
    const socket = net.connect(workerData.path);
    let text = "";
    socket.on("connect", () => socket.write(hello));
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (text.includes('40{"sid"')) {
        text = "";
        socket.write(event);
      } else if (text.includes("430[") || text.includes("44{")) {
        socket.destroy();
      }
    });
    socket.on("close", resolve);
  });
}

let left = workerData.total;

async function oneAfterTheOther() {
  while (left-- > 0) await visit(left % 10 === 0 ? unwelcome : welcome);
}

// The thread ends when all clients have disconnected.
for (let line = 0; line < 100; line++) oneAfterTheOther();
