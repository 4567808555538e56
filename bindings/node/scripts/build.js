// Makes bellwire.node: in the source tree cargo builds it; a package has it already.
"use strict";

const { spawnSync } = require("node:child_process");
const { copyFileSync, existsSync, renameSync } = require("node:fs");
const { join } = require("node:path");

const folder = join(__dirname, "..");
const product = join(folder, "bellwire.node");

if (existsSync(join(folder, "Cargo.toml"))) build();
else if (!existsSync(product)) fail("this package has no bellwire.node: make it with `npm pack` in the source tree");

function build() {
  const args = ["build", "--release", "--locked", "-p", "bellwire-node", "--message-format=json-render-diagnostics"];
  const cargo = spawnSync("cargo", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 });
  if (cargo.error) fail(`cargo cannot be run (${cargo.error.message}): install Rust from https://rustup.rs`);
  if (cargo.status !== 0) fail("cargo failed");
  const messages = cargo.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const made = messages.findLast((message) => message.reason === "compiler-artifact" && message.target.name === "bellwire_node");
  // A running process keeps the file that it has loaded.
  copyFileSync(made.filenames[0], `${product}.new`);
  // Where there is no strip, the library is only larger.
  spawnSync("strip", ["--strip-debug", `${product}.new`]);
  renameSync(`${product}.new`, product);
}

function fail(text) {
  console.error(`bellwire: ${text}`);
  process.exit(1);
}
