// Starts an arena server and a browser, and knows where things are on the page.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const ARTIFACTS = join(ROOT, "build/artifacts");
mkdirSync(ARTIFACTS, { recursive: true });

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// A running arena: `url`, and `stop(signal)` which tells how it ended.
export async function startArena(program, args = []) {
  const child = spawn(join(ROOT, "build/examples", program), ["--port", "0", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal, errors })));
  const line = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more) => {
      text += more;
      if (text.includes("\n")) resolve(text.split("\n")[0]);
    });
    ended.then((how) => reject(new Error(`${program} ended before it listened: ${JSON.stringify(how)}`)));
  });
  const url = line.match(/^arena on (http:\/\/[\d.]+:\d+)$/)?.[1];
  if (!url) throw new Error(`unexpected line: ${line}`);
  return {
    url,
    port: Number(new URL(url).port),
    ended,
    stop(signal = "SIGINT") {
      child.kill(signal);
      return ended;
    },
  };
}

// A browser with a profile of its own, which is removed with it.
export async function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "arena-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
    viewport: { width: 1440, height: 860 },
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

// One visitor's tab.
export class Tab {
  errors = [];

  static async open(context, url) {
    const tab = new Tab();
    tab.page = await context.newPage();
    tab.page.setDefaultTimeout(60_000);
    tab.page.on("pageerror", (error) => tab.errors.push(String(error)));
    await tab.page.goto(url);
    return tab;
  }

  async enter(nick) {
    await this.page.fill("#nick", nick);
    await this.page.click("#enter button");
  }

  async entered() {
    await this.page.waitForSelector("#door", { state: "hidden" });
    await this.page.waitForFunction(() => bellwireArena.players().some(({ id }) => id === bellwireArena.id));
    return this.page.evaluate(() => bellwireArena.id);
  }

  // Where this tab sees a player; undefined when it does not.
  see(id) {
    return this.page.evaluate((id) => bellwireArena.players().find((player) => player.id === id), id);
  }

  // Resolves when the player is seen at least so far from a place.
  seesMoved(id, from, distance) {
    return this.page.waitForFunction(
      ({ id, from, distance }) => {
        const player = bellwireArena.players().find((player) => player.id === id);
        return player && Math.hypot(player.x - from.x, player.y - from.y) >= distance;
      },
      { id, from, distance },
    );
  }

  // Resolves when the list shows this nick in this arena.
  lists(nick, arena) {
    return this.page.waitForFunction(
      ({ nick, arena }) =>
        [...document.querySelectorAll(`#people [data-arena="${arena}"] .nick`)].some((node) => node.textContent === nick),
      { nick, arena },
    );
  }

  hears(text) {
    return this.page.waitForFunction(
      (text) => [...document.querySelectorAll("#lines li")].some((node) => node.textContent.includes(text)),
      text,
    );
  }

  async say(text) {
    await this.page.fill("#say", text);
    await this.page.press("#say", "Enter");
  }

  transport(name) {
    return this.page.waitForSelector(`#transport[data-state="${name}"]`, { state: "attached" });
  }

  async walkTo(x, y) {
    const box = await this.page.locator("#view").boundingBox();
    await this.page.mouse.click(box.x + (x / 1600) * box.width, box.y + (y / 900) * box.height);
  }
}
