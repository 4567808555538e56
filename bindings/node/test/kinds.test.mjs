// The numbers of the records in a batch: the addon and JavaScript each have a list of them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

const kinds = createRequire(import.meta.url)("../lib/kinds.js");

test("JavaScript and the addon number the records alike", () => {
  const source = readFileSync(new URL("../src/batch.rs", import.meta.url), "utf8");
  const list = /enum Kind \{([^}]*)\}/.exec(source)[1];
  const numbers = {};
  for (const [, name, number] of list.matchAll(/^\s*(\w+) = (\d+),$/gm)) {
    const words = name.match(/[A-Z][a-z]*/g);
    numbers[words.join("_").toUpperCase()] = Number(number);
  }
  assert.ok(Object.keys(numbers).length > 0);
  assert.deepEqual({ ...kinds }, numbers);
});
