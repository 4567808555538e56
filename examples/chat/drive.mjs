// Tests the chat at a URL with two visitors in a real browser:
//
//   node drive.mjs http://127.0.0.1:3000 NAME
//
// Screenshots are saved in build/artifacts; their names start with NAME.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { chromium } = createRequire(join(ROOT, "tests/browser/package.json"))("playwright-core");
const ARTIFACTS = join(ROOT, "build/artifacts");
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
  "base64",
);

const [url, name = "chat"] = process.argv.slice(2);
mkdirSync(ARTIFACTS, { recursive: true });
const profile = mkdtempSync(join(tmpdir(), "chat-browser-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  viewport: { width: 1280, height: 800 },
});
const errors = [];

// A client that is rejected closes its session. A poll that it sent at the same time may then fail with status 400.
function isLatePoll(message) {
  return message.text().includes("status of 400") && message.location().url.includes("transport=polling&");
}

async function visit() {
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !isLatePoll(message) && errors.push(message.text()));
  await page.goto(url);
  return page;
}

async function enter(page, who) {
  await page.fill("#name", who);
  await page.click("#enter button");
}

const has = (page, selector, text) =>
  page.waitForFunction(
    ([selector, text]) => [...document.querySelectorAll(selector)].some((node) => node.textContent.includes(text)),
    [selector, text],
  );

// Browsers pause animations of background pages, so new content could still be transparent in a screenshot.
async function picture(page, path) {
  await page.bringToFront();
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await page.screenshot({ path: join(ARTIFACTS, path) });
}

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

try {
  const ada = await visit();
  const grace = await visit();
  await enter(ada, "Ada");
  await has(ada, "#state", "Ada, connected");
  await enter(grace, "Ada");
  await has(grace, "#refused", "This name is already taken.");
  await enter(grace, "Grace <b>");
  await has(grace, "#state", "connected");
  await has(ada, "#people li", "Grace <b>");
  await has(ada, "#people-line", "2 people are here");

  await grace.type("#text", "h");
  await has(ada, "#typing", "Grace <b> is typing");
  await say(grace, "hello <script>alert(1)</script> 안녕 😀");
  await has(ada, "#lines li", "hello <script>alert(1)</script> 안녕 😀");
  assert.equal(await ada.textContent("#typing"), "");
  await say(ada, "hello yourself");
  await has(grace, "#lines li", "hello yourself");

  await ada.setInputFiles("#picture", { name: "pixel.png", mimeType: "image/png", buffer: PIXEL });
  await grace.waitForFunction(() => document.querySelector("#lines img")?.naturalWidth === 1);

  await grace.fill("#room-name", "Gardening");
  await grace.press("#room-name", "Enter");
  await has(grace, "#room-title", "# gardening");
  await has(grace, "#people-line", "only you are here");
  await has(ada, "#rooms li", "# gardening");
  await has(ada, "#people-line", "only you are here");
  await say(ada, "only this room gets this");
  await has(ada, "#lines li", "only this room gets this");
  await picture(ada, `${name}.png`);
  await ada.click("#rooms button:has-text('gardening')");
  await has(grace, "#people li", "Ada");
  await say(ada, "here I am");
  await has(grace, "#lines li", "here I am");
  assert.ok(!(await grace.textContent("#lines")).includes("only this room gets this"));

  await ada.click("#rooms button:has-text('lobby')");
  await has(ada, "#lines li", "hello yourself");
  await ada.waitForFunction(() => document.querySelector("#lines img")?.naturalWidth === 1);
  await grace.setViewportSize({ width: 390, height: 760 });
  await picture(grace, `${name}-small.png`);
  await grace.close();
  await has(ada, "#rooms li", "# gardening0");
  assert.deepEqual(errors, []);
  console.log("the chat works");
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
