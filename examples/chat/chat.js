// The page of the chat. It works with any server that implements these events:
//
//   connect with auth {name}; rejected with "name taken" or "name missing"
//   join(room, ack)   -> ack({room, lines}); leaves the room it was in
//   say({text, picture?: {type, bytes}}, ack) -> ack() when the server has sent the line to the room
//   typing()          volatile
// and sends these to the page:
//   rooms([{name, count}])               to all clients, when a room changes
//   people([name])                       to a room, when its people change
//   line({name, text, picture, at})      to a room; at is in milliseconds
//   typing(name)                         to the other people in a room
"use strict";

const $ = (id) => document.getElementById(id);
const state = { name: "", room: "lobby", people: [], rooms: [], typing: new Map() };

const socket = io({ autoConnect: false, auth: (give) => give({ name: state.name }) });

// ------------------------------------------------------------------ elements

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}

function face(name) {
  const node = element("span", { className: "face", ariaHidden: "true" }, [...name][0].toUpperCase());
  node.style.background = `hsl(${hue(name)} 70% 72%)`;
  return node;
}

function showState(kind, text) {
  $("state").dataset.state = kind;
  $("state-text").textContent = text;
  for (const id of ["text", "send", "picture", "room-name"]) $(id).disabled = kind !== "on";
}

// --------------------------------------------------------------------- lines

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const TOGETHER_MS = 120_000;
let last = null;

function showLine({ name, text, picture, at }) {
  const lines = $("lines");
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
  const body = element("div", { className: "body" }, text);
  if (picture && PICTURES.includes(picture.type)) {
    const url = URL.createObjectURL(new Blob([picture.bytes], { type: picture.type }));
    const image = element("img", { src: url, alt: `A picture from ${name}` });
    image.onload = () => {
      URL.revokeObjectURL(url);
      if (atEnd) lines.scrollTop = lines.scrollHeight;
    };
    body.append(image);
  }
  const when = new Date(at);
  const time = element("time", { dateTime: when.toISOString() }, when.toTimeString().slice(0, 5));
  const who = element("div", { className: "who" }, element("span", {}, name), time);
  const item = element("li", {}, face(name), element("div", {}, who, body));
  if (last?.name === name && at - last.at < TOGETHER_MS) {
    item.className = "same";
    item.prepend(element("span"));
  }
  last = { name, at };
  lines.querySelector(".empty")?.remove();
  lines.append(item);
  if (atEnd || name === state.name) lines.scrollTop = lines.scrollHeight;
}

function notice(text) {
  last = null;
  const item = element("li", { className: "notice" }, text);
  $("lines").append(item);
  return item;
}

// --------------------------------------------------------------- rooms, people

function showRooms() {
  const known = state.rooms.some((room) => room.name === state.room);
  const rooms = known ? state.rooms : [...state.rooms, { name: state.room, count: 0 }];
  $("rooms").replaceChildren(
    ...rooms.map(({ name, count }) => {
      const label = [element("span", {}, `# ${name}`), element("span", { className: "count" }, String(count))];
      const button = element("button", { type: "button", onclick: () => join(name) }, ...label);
      button.setAttribute("aria-current", String(name === state.room));
      return element("li", {}, button);
    }),
  );
}

function showPeople() {
  const { people } = state;
  $("people").replaceChildren(
    ...people.map((name) => {
      const own = name === state.name ? [element("i", {}, "you")] : [];
      return element("li", {}, face(name), element("span", {}, name), ...own);
    }),
  );
  $("people-line").textContent = people.length === 1 ? "only you are here" : `${people.length} people are here`;
}

function join(room) {
  socket.emit("join", room, (joined) => {
    state.room = joined.room;
    state.typing.clear();
    last = null;
    $("room-title").textContent = `# ${joined.room}`;
    $("lines").replaceChildren();
    if (joined.lines.length === 0) notice("No messages yet.").classList.add("empty");
    joined.lines.forEach(showLine);
    showRooms();
    showTyping();
    $("text").focus();
  });
}

// -------------------------------------------------------------------- typing

const TYPING_MS = 2500;

function showTyping() {
  const now = Date.now();
  for (const [name, until] of state.typing) if (until <= now) state.typing.delete(name);
  const names = [...state.typing.keys()];
  const who = names.length > 2 ? `${names.length} people` : names.join(" and ");
  $("typing").textContent = names.length === 0 ? "" : `${who} ${names.length === 1 ? "is" : "are"} typing …`;
  if (names.length > 0) setTimeout(showTyping, 300);
}

let toldAt = 0;
$("text").addEventListener("input", () => {
  if (Date.now() - toldAt < TYPING_MS / 2) return;
  toldAt = Date.now();
  socket.volatile.emit("typing");
});

// --------------------------------------------------------------------- forms

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text === "") return;
  $("text").value = "";
  toldAt = 0;
  socket.emit("say", { text }, () => {});
});

$("picture").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (!file) return;
  if (file.size > 900_000) return notice("The picture is too large: the maximum is 900 kB.");
  const picture = { type: file.type, bytes: await file.arrayBuffer() };
  socket.emit("say", { text: "", picture }, () => {});
});

$("open-room").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("room-name").value.trim().toLowerCase();
  $("room-name").value = "";
  if (name !== "") join(name);
});

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  state.name = $("name").value.trim();
  if (state.name === "") return;
  showState("waiting", "connecting");
  socket.connect();
});

// -------------------------------------------------------------------- socket

socket.on("connect", () => {
  $("welcome").close();
  showState("on", `${state.name}, connected`);
  join(state.room);
});
socket.on("connect_error", (error) => {
  if (socket.active) return showState("waiting", "cannot reach the server, trying again");
  showState("off", "not connected");
  $("refused").textContent = error.message === "name taken" ? "This name is already taken." : error.message;
});
socket.on("disconnect", () => showState("waiting", "connection lost, trying again"));
socket.on("rooms", (rooms) => {
  state.rooms = rooms;
  showRooms();
});
socket.on("people", (people) => {
  state.people = people;
  showPeople();
});
socket.on("line", (line) => {
  state.typing.delete(line.name);
  showTyping();
  showLine(line);
});
socket.on("typing", (name) => {
  state.typing.set(name, Date.now() + TYPING_MS);
  showTyping();
});

$("welcome").addEventListener("cancel", (event) => event.preventDefault());
$("welcome").showModal();
