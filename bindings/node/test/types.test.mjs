// The declarations: programs that must compile do, and what must not is refused.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as library from "../lib/wrapper.mjs";
import { folder } from "./support.mjs";

test("the declarations say what the classes do", () => {
  const tsc = spawnSync(process.execPath, [`${folder}node_modules/typescript/bin/tsc`, "-p", `${folder}test/types`], {
    encoding: "utf8",
  });
  assert.equal(tsc.stdout, "");
  assert.equal(tsc.status, 0);
});

test("the declarations name every member of the classes", () => {
  const text = readFileSync(`${folder}lib/index.d.ts`, "utf8");
  const declared = (name) => {
    const start = text.search(new RegExp(`declare class ${name}\\b`));
    const body = text.slice(start, text.indexOf("\n}\n", start));
    return [...body.matchAll(/^  (?:readonly |get )?(\w+)[<(?:]/gm)].map((match) => match[1]);
  };
  for (const name of ["Server", "Namespace", "Socket", "BroadcastOperator", "EngineServer", "EngineSocket"]) {
    const inherited = name === "Server" || name === "Namespace" ? declared("Broadcaster") : [];
    const known = new Set([...declared(name), ...inherited, ...Object.keys(EventEmitter.prototype), "constructor"]);
    const properties = Object.entries(Object.getOwnPropertyDescriptors(library[name].prototype));
    // What is only there to be refused has a setter, and is unknown to the compiler.
    const members = properties.filter(([member, { set }]) => !member.startsWith("_") && set === undefined).map(([member]) => member);
    assert.deepEqual(members.filter((member) => !known.has(member)), [], name);
  }
});
