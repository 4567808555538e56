// The kinds of records in a batch, which are listed in the addon and in JavaScript.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

const kinds = createRequire(import.meta.url)("../lib/kinds.js");

test("JavaScript and the addon use the same numbers for the kinds of records", () => {
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
