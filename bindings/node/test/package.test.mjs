// The packed package, installed into an empty project and used with require, import and TypeScript.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { folder } from "./support.mjs";

function run(cwd, command, ...args) {
  const done = spawnSync(command, args, { cwd, encoding: "utf8" });
  assert.equal(done.status, 0, `${command} ${args.join(" ")}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}

test("the packed package works in an empty project", (t) => {
  const project = mkdtempSync(join(tmpdir(), "bellwire-"));
  t.after(() => rmSync(project, { recursive: true }));
  run(folder, "npm", "pack", "--silent", "--pack-destination", project);
  const [tarball] = readdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true }));
  run(project, "npm", "install", "--silent", "--offline", "--no-audit", "--no-fund", `./${tarball}`);
  const installed = join(project, "node_modules/bellwire");
  assert.deepEqual(readdirSync(installed).sort(), ["README.md", "bellwire.node", "lib", "package.json", "scripts"]);

  const use = `const io = new Server(0, { host: "127.0.0.1" });
    fetch("http://127.0.0.1:" + io.httpServer.address().port + "/socket.io/?EIO=4&transport=polling")
      .then((answer) => answer.text()).then((text) => { console.log(text[0]); return io.close(); });`;
  writeFileSync(join(project, "common.cjs"), `const { Server } = require("bellwire"); ${use}`);
  writeFileSync(join(project, "module.mjs"), `import { Server } from "bellwire"; ${use}`);
  for (const program of ["common.cjs", "module.mjs"]) assert.equal(run(project, process.execPath, program), "0\n");

  copyFileSync(join(folder, "test/types/typed.ts"), join(project, "typed.mts"));
  const tsc = join(folder, "node_modules/typescript/bin/tsc");
  const types = ["--typeRoots", join(folder, "node_modules/@types"), "--types", "node"];
  run(project, process.execPath, tsc, "--strict", "--noEmit", "--module", "nodenext", ...types, "typed.mts");
});
