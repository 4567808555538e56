// The arena in a real browser: two visitors see, hear and outlive each other.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ARTIFACTS, startArena, startBrowser, Tab } from "./arena.mjs";

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.close());

describe("the arena in C", () => {
  let arena;
  let ada;
  let grace;
  before(async () => {
    arena = await startArena("arena");
    ada = await Tab.open(browser.context, arena.url);
    grace = await Tab.open(browser.context, arena.url);
  });
  after(async () => {
    await arena?.stop("SIGKILL");
    await ada?.page.close();
    await grace?.page.close();
  });

  it("refuses a name that is too long, in its own words", async () => {
    await ada.enter("a name that is much too long");
    await ada.page.waitForFunction(() => document.getElementById("refused").textContent !== "");
    assert.equal(await ada.page.textContent("#refused"), "A name must have 1 to 16 characters.");
  });

  it("begins with polling and goes on to websocket", async () => {
    await ada.enter("Ada");
    await ada.entered();
    await ada.transport("websocket");
    assert.equal(await ada.page.getAttribute("#transport", "data-seen"), "polling websocket");
    await grace.enter("Grace <b>");
    await grace.entered();
    await grace.transport("websocket");
  });

  it("lists who is where, with names as they are", async () => {
    await ada.lists("Grace <b>", "harbour");
    await grace.lists("Ada", "harbour");
  });

  it("lets each see the other move", async () => {
    const adaId = await ada.page.evaluate(() => bellwireArena.id);
    const graceId = await grace.page.evaluate(() => bellwireArena.id);
    await ada.page.bringToFront();
    const start = await grace.see(adaId);
    const [x, y] = [start.x < 800 ? 1400 : 200, start.y < 450 ? 800 : 100];
    await ada.walkTo(x, y);
    await grace.seesMoved(adaId, start, 150);
    await grace.page.bringToFront();
    await grace.page.focus("#view");
    const before = await ada.see(graceId);
    const key = before.x < 800 ? "ArrowRight" : "ArrowLeft";
    await grace.page.keyboard.down(key);
    await ada.seesMoved(graceId, before, 60);
    await grace.page.keyboard.up(key);
  });

  it("carries talk as text, never as markup", async () => {
    await ada.page.bringToFront();
    await ada.say('hello <img src=x onerror="document.title=1"> <b>all</b>');
    await grace.hears('hello <img src=x onerror="document.title=1"> <b>all</b>');
    assert.equal(await grace.page.locator("#lines img, #lines li span b").count(), 0);
  });

  it("slows down who talks too much", async () => {
    await ada.page.bringToFront();
    const answers = await ada.page.evaluate(() =>
      Promise.all(Array.from({ length: 12 }, (_, i) => bellwireArena.socket.emitWithAck("chat", `line ${i}`))),
    );
    const slowed = answers.filter((answer) => answer.error === "Too many messages. Wait a moment and try again.");
    assert.ok(slowed.length >= 6, JSON.stringify(answers));
  });

  it("survives nonsense", async () => {
    const answers = await ada.page.evaluate(async () => {
      const socket = bellwireArena.socket;
      socket.emit("move", "fast", null);
      socket.emit("move", 1e308, -1e308);
      socket.emit("move");
      socket.emit("goto", -1e9, { x: 1 });
      socket.emit("goto", -1e9, 1e9);
      socket.emit("no such event", new Uint8Array([1, 2, 3]));
      socket.emit("chat", { text: "not a text" });
      return [
        await socket.emitWithAck("switch", 7),
        await socket.emitWithAck("switch", "nowhere"),
        await socket.emitWithAck("chat", "x".repeat(5000)),
        await socket.emitWithAck("chat", new Uint8Array(8)),
        await socket.emitWithAck("latency").then(() => "alive"),
      ];
    });
    assert.equal(answers[0].error, "There is no arena with this name.");
    assert.equal(answers[1].error, "There is no arena with this name.");
    assert.equal(answers[2].error, "A message must have 1 to 240 characters.");
    assert.equal(answers[3].error, "A message must have 1 to 240 characters.");
    assert.equal(answers[4], "alive");
  });

  it("moves a visitor to another arena and back", async () => {
    const adaId = await ada.page.evaluate(() => bellwireArena.id);
    await ada.page.bringToFront();
    await ada.page.click('#tabs [data-arena="forge"]');
    await ada.page.waitForFunction(() => bellwireArena.arena === "forge");
    await grace.lists("Ada", "forge");
    await grace.page.waitForFunction((id) => !bellwireArena.players().some((player) => player.id === id), adaId);
    await grace.say("only for the harbour");
    await grace.hears("only for the harbour");
    await ada.page.click('#tabs [data-arena="harbour"]');
    await grace.page.waitForFunction((id) => bellwireArena.players().some((player) => player.id === id), adaId);
    assert.equal(await ada.page.locator("#lines li", { hasText: "only for the harbour" }).count(), 0);
  });

  it("shows the latency and what the server does", async () => {
    // A page in the background is drawn rarely, and the condition is only looked at when it is drawn.
    await ada.page.bringToFront();
    await ada.page.waitForFunction(() => Number(document.getElementById("latency").textContent) >= 0);
    await ada.page.waitForFunction(() => document.getElementById("s-clients").textContent === "2");
    const rate = await ada.page.evaluate(() => Number(document.getElementById("s-snaps").textContent));
    assert.ok(rate >= 15, `${rate} snapshots a second`);
    await ada.page.screenshot({ path: join(ARTIFACTS, "arena.png") });
  });

  it("works on polling alone, and says so", async () => {
    await grace.page.bringToFront();
    await grace.page.selectOption("#choose", "polling");
    await grace.transport("polling");
    await grace.entered();
    await grace.page.waitForFunction(() => document.getElementById("s-clients").textContent === "2");
    assert.equal(await grace.page.getAttribute("#transport", "data-state"), "polling");
  });

  it("tells everybody when it is stopped, and ends with 0", async () => {
    const { code, errors } = await arena.stop("SIGINT");
    assert.equal(errors, "");
    assert.equal(code, 0);
    for (const tab of [ada, grace]) {
      await tab.page.waitForSelector("#banner", { state: "visible" });
      assert.match(await tab.page.textContent("#banner-text"), /shutting down/);
      assert.deepEqual(tab.errors, []);
    }
  });

  it("has everybody back when it is started again", async () => {
    arena = await startArena("arena", ["--port", String(arena.port)]);
    for (const tab of [ada, grace]) {
      await tab.page.bringToFront();
      await tab.page.waitForSelector("#banner", { state: "hidden" });
    }
    await grace.lists("Ada", "harbour");
  });
});

describe("the arena in C++", () => {
  let arena;
  before(async () => (arena = await startArena("arena-cpp")));
  after(() => arena?.stop("SIGKILL"));

  it("does the same", async () => {
    const ada = await Tab.open(browser.context, arena.url);
    const grace = await Tab.open(browser.context, arena.url);
    await ada.enter(" ");
    await ada.page.waitForFunction(() => document.getElementById("refused").textContent !== "");
    await ada.enter("Ada");
    const id = await ada.entered();
    await grace.enter("Grace");
    await grace.entered();
    await grace.transport("websocket");
    await ada.page.bringToFront();
    const start = await grace.see(id);
    await ada.walkTo(start.x < 800 ? 1400 : 200, start.y < 450 ? 800 : 100);
    await grace.seesMoved(id, start, 100);
    await grace.say("hello");
    await ada.hears("hello");
    await ada.page.click('#tabs [data-arena="orchard"]');
    await grace.lists("Ada", "orchard");
    await ada.page.screenshot({ path: join(ARTIFACTS, "arena-cpp.png") });
    const { code, errors } = await arena.stop("SIGTERM");
    assert.equal(errors, "");
    assert.equal(code, 0);
    for (const tab of [ada, grace]) {
      await tab.page.waitForSelector("#banner", { state: "visible" });
      assert.deepEqual(tab.errors, []);
      await tab.page.close();
    }
  });
});
