// Provides bellwire.node: builds it with cargo in the source tree; a packed package already contains it.
"use strict";

const { spawnSync } = require("node:child_process");
const { copyFileSync, existsSync, renameSync } = require("node:fs");
const { join } = require("node:path");

const folder = join(__dirname, "..");
const product = join(folder, "bellwire.node");

if (existsSync(join(folder, "Cargo.toml"))) build();
else if (!existsSync(product)) fail("this package does not contain bellwire.node: run `npm install`, then `npm pack`, in the source tree");

function build() {
  const args = ["build", "--release", "--locked", "-p", "bellwire-node", "--message-format=json-render-diagnostics"];
  const cargo = spawnSync("cargo", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 });
  if (cargo.error) fail(`cannot run cargo (${cargo.error.message}): install Rust from https://rustup.rs`);
  if (cargo.status !== 0) fail(`cargo build failed with status ${cargo.status}; its output is above`);
  const messages = cargo.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const made = messages.findLast((message) => message.reason === "compiler-artifact" && message.target.name === "bellwire_node");
  // Replaced by a rename, because a running process may have the old file mapped.
  copyFileSync(made.filenames[0], `${product}.new`);
  // A failure is ignored: without strip, the file is larger but works.
  spawnSync("strip", ["--strip-debug", `${product}.new`]);
  renameSync(`${product}.new`, product);
}

function fail(text) {
  console.error(`bellwire: ${text}`);
  process.exit(1);
}
