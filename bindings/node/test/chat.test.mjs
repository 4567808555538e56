// The chat example with two visitors in a real browser. `make setup` installs what the browser test needs.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { folder } from "./support.mjs";

const examples = `${folder}../../examples`;

test("the chat works in a browser", async (t) => {
  const chat = spawn(process.execPath, [`${examples}/node/chat.js`, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => chat.kill());
  const [line] = await once(chat.stdout, "data");
  const url = String(line).trim().replace("chat on ", "");
  const drive = spawnSync(process.execPath, [`${examples}/chat/drive.mjs`, url, "chat-node"], { encoding: "utf8", timeout: 120_000 });
  assert.equal(drive.stdout, "the chat works\n", drive.stderr);
});
