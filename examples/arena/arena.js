// The main script of the arena's page: the connection to the server, the input
// of the player, and the drawing loop. The server computes the world; this page
// sends only the direction or the goal of its player.

/* global io */
import { World } from "./world.js";
import { Painter } from "./draw.js";
import { addChat, addNotice, colour, showBanner, showLatency, showPeople, showStats, showTabs, showTransport } from "./panels.js";

const $ = (id) => document.getElementById(id);
const HUES = [350, 22, 46, 130, 172, 200, 228, 268, 310];
const view = $("view");
const painter = new Painter(view);
const world = new World();

let socket = null;
let me = { nick: "", hue: HUES[Math.floor(Math.random() * HUES.length)] };
let welcome = null; // the arguments of the event `welcome`
let arena = null; // the arena of this player
let roster = [];
let people = new Map();
let goal = null;
let leaving = "";

// ------------------------------------------------------------- connection

function connect() {
  socket?.disconnect();
  const choice = $("choose").value;
  socket = io({
    auth: me,
    transports: choice === "auto" ? ["polling", "websocket"] : [choice],
    reconnectionDelay: 500,
    reconnectionDelayMax: 3000,
  });
  const mine = socket;
  socket.io.engine.once("open", () => mine === socket && watchTransport(socket.io.engine));
  socket.io.on("reconnect_attempt", (n) => say(`Connection lost. Trying again (${n})…`));
  socket.io.on("open", () => watchTransport(socket.io.engine));
  socket.on("connect_error", refused);
  socket.on("disconnect", disconnected);
  socket.on("welcome", welcomed);
  socket.on("roster", (rooms) => showRoster(rooms));
  socket.on("snap", (data) => {
    for (const { id, x, y, points } of world.add(data, performance.now())) painter.burst(x, y, people.get(id)?.hue ?? 46, points);
    const own = world.latest.players.get(welcome?.id);
    if (own) $("score").textContent = own.score;
  });
  socket.on("chat", addChat);
  socket.on("notice", addNotice);
  socket.on("stats", (stats) => showStats(stats, world.perSecond, world.latest?.size ?? 0));
  socket.on("goodbye", (why, heard) => {
    leaving = why;
    say(why);
    heard?.();
  });
}

function watchTransport(engine) {
  showTransport(engine.transport.name);
  engine.on("upgrade", (transport) => showTransport(transport.name));
}

function welcomed(hello) {
  welcome = hello;
  $("door").hidden = true;
  view.focus({ preventScroll: true });
  $("hud").hidden = $("keys").hidden = false;
  setTimeout(() => $("keys").classList.add("known"), 12000);
  for (const control of $("chat").elements) control.disabled = false;
  if (leaving || !$("banner").hidden) addNotice("Connected again.");
  leaving = "";
  say("");
  enter(hello.arena);
}

function refused(error) {
  if (socket.active) {
    say(leaving || "Cannot reach the server. Trying again…");
    return;
  }
  // The server rejected the name; the message is the server's.
  $("door").hidden = false;
  $("refused").textContent = error.message;
  $("nick").focus();
}

function disconnected(reason) {
  showTransport("off");
  $("latency").textContent = "–";
  if (reason === "io client disconnect") return;
  say(leaving || "Connection lost. Trying again…");
  // After a disconnect by the server, the client does not reconnect by itself.
  // The arena's server disconnects its clients when it is restarted.
  const mine = socket;
  if (reason === "io server disconnect") setTimeout(() => mine === socket && mine.connect(), 1000);
}

function say(text) {
  showBanner(text);
}

function enter(name) {
  arena = welcome.arenas.find((a) => a.name === name);
  world.clear();
  painter.clear();
  goal = null;
  document.documentElement.style.setProperty("--hue", arena.hue);
  $("where").textContent = arena.title;
  $("talk-room").textContent = `in ${arena.title}`;
  showRoster(roster);
}

function showRoster(rooms) {
  roster = rooms;
  people = new Map(rooms.flatMap((room) => room.players.map((player) => [player.id, player])));
  if (!welcome) return;
  showTabs(welcome.arenas, arena.name, rooms, moveTo);
  showPeople(welcome.arenas, rooms, welcome.id);
}

function moveTo(name) {
  if (!socket?.connected || name === arena.name) return;
  socket.emit("switch", name, (answer) => {
    if (answer.error) addNotice(answer.error);
    else enter(answer.arena);
    view.focus({ preventScroll: true });
  });
}

setInterval(() => {
  if (!socket?.connected) return;
  const asked = performance.now();
  socket.emit("latency", () => showLatency(performance.now() - asked));
}, 1000);

// ------------------------------------------------------------------ moving

const DIRECTIONS = {
  KeyW: [0, -1],
  ArrowUp: [0, -1],
  KeyS: [0, 1],
  ArrowDown: [0, 1],
  KeyA: [-1, 0],
  ArrowLeft: [-1, 0],
  KeyD: [1, 0],
  ArrowRight: [1, 0],
};
const held = new Set();
let sent = "0 0";

function steer() {
  let x = 0;
  let y = 0;
  for (const code of held) {
    x += DIRECTIONS[code][0];
    y += DIRECTIONS[code][1];
  }
  x = Math.sign(x);
  y = Math.sign(y);
  if (`${x} ${y}` === sent) return;
  sent = `${x} ${y}`;
  goal = null;
  if (socket?.connected) socket.emit("move", x, y);
}

function release() {
  held.clear();
  steer();
}

const typing = () => document.activeElement?.matches("input, select") ?? false;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing() || !welcome) return;
  if (DIRECTIONS[event.code]) {
    held.add(event.code);
    event.preventDefault();
    steer();
  } else if (event.code === "Enter" && !document.activeElement?.matches("button")) {
    event.preventDefault();
    $("say").focus();
  }
});
addEventListener("keyup", (event) => {
  if (held.delete(event.code)) steer();
});
addEventListener("blur", release);
view.addEventListener("blur", release);

let pointedAt = 0;

function point(event) {
  if (!welcome || !socket?.connected) return;
  const now = performance.now();
  if (event.type === "pointermove" && now - pointedAt < 50) return;
  pointedAt = now;
  const { x, y } = painter.locate(event, welcome.world);
  goal = { x, y, since: now };
  socket.emit("goto", Math.round(x), Math.round(y));
}

view.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  view.setPointerCapture(event.pointerId);
  point(event);
});
view.addEventListener("pointermove", (event) => view.hasPointerCapture(event.pointerId) && point(event));

// -------------------------------------------------------------------- chat

$("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("say").value.trim();
  if (!text || !socket?.connected) return;
  socket.emit("chat", text, (answer) => {
    $("chat-hint").textContent = answer.error ?? "";
    if (answer.error) return;
    $("say").value = "";
  });
});
$("say").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  view.focus({ preventScroll: true });
});

// ------------------------------------------------------------- entry form

$("hues").append(
  ...HUES.map((hue) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "hue";
    input.value = hue;
    input.checked = hue === me.hue;
    input.setAttribute("aria-label", `colour ${HUES.indexOf(hue) + 1}`);
    const dot = document.createElement("span");
    dot.style.background = colour(hue);
    label.append(input, dot);
    return label;
  }),
);

$("nick").value = sessionStorage.getItem("nick") ?? "";
$("nick").focus();
$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  me = { nick: form.get("nick").trim(), hue: Number(form.get("hue")) };
  sessionStorage.setItem("nick", me.nick);
  $("refused").textContent = "";
  connect();
});
$("choose").addEventListener("change", () => {
  if (!welcome) return;
  addNotice("Reconnecting…");
  connect();
  $("choose").blur();
});

// -------------------------------------------------------------------- loop

function frame(now) {
  if (welcome && arena) {
    const shape = { ...welcome.world, radius: welcome.radius };
    painter.draw({ world: shape, arena, scene: world.at(now), people, you: welcome.id, goal, now });
  }
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);

// For the browser's console and for tests.
globalThis.bellwireArena = {
  get id() {
    return welcome?.id;
  },
  get arena() {
    return arena?.name;
  },
  get socket() {
    return socket;
  },
  players() {
    return [...world.at(performance.now()).players].map(([id, { x, y, score }]) => ({
      id,
      x,
      y,
      score,
      nick: people.get(id)?.nick,
    }));
  },
};
