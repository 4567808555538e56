// The type declarations: valid programs compile, and invalid lines are errors.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as library from "../lib/wrapper.mjs";
import { folder } from "./support.mjs";

test("the declarations accept valid programs and reject invalid lines", () => {
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
    return [...body.matchAll(/^ {2}(?:readonly |get )?(\w+)[<(?:]/gm)].map((match) => match[1]);
  };
  for (const name of ["Server", "Namespace", "Socket", "BroadcastOperator", "EngineServer", "EngineSocket"]) {
    const inherited = name === "Server" || name === "Namespace" ? declared("Broadcaster") : [];
    const known = new Set([...declared(name), ...inherited, ...Object.keys(EventEmitter.prototype), "constructor"]);
    const properties = Object.entries(Object.getOwnPropertyDescriptors(library[name].prototype));
    // Members with a setter exist only to throw an error; they are not declared.
    const members = properties.filter(([member, { set }]) => !member.startsWith("_") && set === undefined).map(([member]) => member);
    assert.deepEqual(members.filter((member) => !known.has(member)), [], name);
  }
});
