// The program in the README of the project.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { folder, run } from "./support.mjs";

test("the program in the main README works", async () => {
  const text = readFileSync(`${folder}../../README.md`, "utf8");
  const [, program] = /```js\n(.*?)```/s.exec(text);
  const head = 'const { Server } = require("bellwire");\n';
  assert.ok(program.startsWith(head) && program.includes("new Server(3000)"));
  const visit = `
    const visitor = client(io);
    visitor.on("connect", () => visitor.emit("hello", "world"));
    visitor.on("greeting", (name) => {
      console.log(name);
      visitor.disconnect();
      io.close();
    });
  `;
  const ended = await run(program.slice(head.length).replace("new Server(3000)", "new Server(0)") + visit);
  assert.deepEqual(ended, { code: 0, signal: null, out: "world\n", err: "" });
});
