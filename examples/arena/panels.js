// The panels around the canvas: tabs, players, chat, statistics. Text from
// other players is inserted as text, never as markup.

const $ = (id) => document.getElementById(id);
const LINES = 120;

export const colour = (hue, light = 66) => `hsl(${hue} 85% ${light}%)`;

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function showTabs(arenas, current, roster, choose) {
  const tabs = $("tabs");
  if (tabs.childElementCount !== arenas.length) {
    tabs.replaceChildren(
      ...arenas.map((arena) => {
        const button = element("button", "tab");
        button.type = "button";
        button.dataset.arena = arena.name;
        button.style.setProperty("--hue", arena.hue);
        button.append(element("span", "dot"), element("span", "", arena.title), element("span", "count", "0"));
        button.addEventListener("click", () => choose(arena.name));
        return button;
      }),
    );
  }
  for (const button of tabs.children) {
    const here = button.dataset.arena === current;
    button.setAttribute("aria-current", here ? "true" : "false");
    const members = roster.find((room) => room.name === button.dataset.arena)?.players ?? [];
    button.lastChild.textContent = members.length;
  }
}

export function showPeople(arenas, roster, you) {
  $("people").replaceChildren(
    ...arenas.map((arena) => {
      const players = [...(roster.find((room) => room.name === arena.name)?.players ?? [])];
      players.sort((a, b) => b.score - a.score || a.nick.localeCompare(b.nick));
      const group = element("section", "room");
      group.dataset.arena = arena.name;
      group.style.setProperty("--hue", arena.hue);
      const title = element("h3", "", arena.title);
      title.append(element("span", "count", String(players.length)));
      group.append(title);
      if (players.length === 0) group.append(element("p", "empty", "no players"));
      const list = element("ul");
      for (const player of players) {
        const row = element("li");
        row.dataset.id = player.id;
        if (player.id === you) row.className = "you";
        const dot = element("span", "dot");
        dot.style.background = colour(player.hue);
        row.append(dot, element("span", "nick", player.nick));
        if (player.id === you) row.append(element("span", "tag", "you"));
        if (player.bot) row.append(element("span", "tag", "drone"));
        row.append(element("span", "points", String(player.score)));
        list.append(row);
      }
      group.append(list);
      return group;
    }),
  );
}

function addLine(line) {
  const lines = $("lines");
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  lines.append(line);
  while (lines.childElementCount > LINES) lines.firstChild.remove();
  if (atEnd) lines.scrollTop = lines.scrollHeight;
}

export function addChat({ nick, hue, text }) {
  const line = element("li", "said");
  const who = element("b", "", nick);
  who.style.color = colour(hue, 72);
  line.append(who, element("span", "", text));
  addLine(line);
}

export function addNotice(text) {
  addLine(element("li", "notice", text));
}

let latencies = [];

export function showLatency(ms) {
  latencies.push(ms);
  latencies = latencies.slice(-32);
  $("latency").textContent = ms < 10 ? ms.toFixed(1) : Math.round(ms);
  const canvas = $("spark");
  const ratio = devicePixelRatio || 1;
  canvas.width = 64 * ratio;
  canvas.height = 20 * ratio;
  const g = canvas.getContext("2d");
  g.scale(ratio, ratio);
  const top = Math.max(20, ...latencies) * 1.1;
  g.beginPath();
  latencies.forEach((value, i) => {
    const x = 63 - (latencies.length - 1 - i) * 2;
    const y = 19 - (value / top) * 17;
    if (i === 0) g.moveTo(x, y);
    else g.lineTo(x, y);
  });
  g.strokeStyle = "#8fd6b4";
  g.lineWidth = 1.5;
  g.lineJoin = "round";
  g.stroke();
}

const SAYS = {
  off: "not connected",
  polling: "connected by HTTP long-polling",
  websocket: "connected by WebSocket",
};

export function showTransport(name) {
  const chip = $("transport");
  if (chip.dataset.state === name) return;
  chip.dataset.seen = name === "off" ? "" : [...new Set([...(chip.dataset.seen ?? "").split(" "), name])].join(" ").trim();
  chip.dataset.state = name;
  $("transport-text").textContent = SAYS[name] ?? name;
}

const count = new Intl.NumberFormat("en");

function duration(seconds) {
  const h = Math.floor(seconds / 3600);
  const m = Math.floor(seconds / 60) % 60;
  const s = Math.floor(seconds) % 60;
  if (h) return `${h} h ${m} min`;
  return m ? `${m} min ${s} s` : `${s} s`;
}

export function showStats(stats, snapshotsPerSecond, snapshotBytes) {
  const put = (id, text) => ($(id).textContent = text);
  put("s-clients", count.format(stats.clients));
  put("s-in", count.format(stats.in));
  put("s-out", count.format(stats.out));
  put("s-tick", count.format(stats.tick_us));
  put("s-max", count.format(stats.tick_max_us));
  put("s-snaps", count.format(snapshotsPerSecond));
  put("s-bytes", count.format(snapshotBytes));
  put("s-up", duration(stats.uptime_s));
}

export function showBanner(text) {
  const banner = $("banner");
  banner.hidden = !text;
  $("banner-text").textContent = text ?? "";
}
