// Draws the world. The whole arena is always visible: the scale follows from
// the size of the canvas and the pixel density of the screen.

import { colour } from "./panels.js";

const TRAIL_MS = 420;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Painter {
  #canvas;
  #g;
  #scale = 1;
  #ratio = 1;
  #trails = new Map();
  #sparks = [];
  #floor = null;
  #floorKey = "";

  constructor(canvas) {
    this.#canvas = canvas;
    this.#g = canvas.getContext("2d");
  }

  // Converts the position of a pointer event to world coordinates.
  locate(event, world) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: Math.max(0, Math.min(world.width, ((event.clientX - box.left) / box.width) * world.width)),
      y: Math.max(0, Math.min(world.height, ((event.clientY - box.top) / box.height) * world.height)),
    };
  }

  clear() {
    this.#trails.clear();
    this.#sparks = [];
  }

  burst(x, y, hue, points) {
    this.#sparks.push({ x, y, hue, points, born: performance.now() });
  }

  draw({ world, arena, scene, people, you, goal, now }) {
    this.#fit(world);
    const g = this.#g;
    g.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    g.drawImage(this.#ground(world, arena), 0, 0, world.width, world.height);
    if (goal) this.#goal(goal, arena.hue, now);
    for (const pickup of scene.pickups) this.#pickup(pickup, now);
    if (!calm.matches) this.#drawTrails(scene.players, people, now);
    for (const [id, player] of scene.players) if (id !== you) this.#player(player, people.get(id), world, false);
    if (scene.players.has(you)) this.#player(scene.players.get(you), people.get(you), world, true);
    this.#drawSparks(now);
  }

  #fit(world) {
    const box = this.#canvas.getBoundingClientRect();
    this.#ratio = Math.min(2.5, devicePixelRatio || 1);
    const width = Math.max(1, Math.round(box.width * this.#ratio));
    const height = Math.max(1, Math.round((width * world.height) / world.width));
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.#scale = width / world.width;
  }

  // The floor changes only with the arena and the canvas size, so it is cached.
  #ground(world, arena) {
    const key = `${arena.name} ${this.#canvas.width}`;
    if (this.#floorKey === key) return this.#floor;
    this.#floorKey = key;
    this.#floor = document.createElement("canvas");
    this.#floor.width = this.#canvas.width;
    this.#floor.height = this.#canvas.height;
    const g = this.#floor.getContext("2d");
    g.scale(this.#scale, this.#scale);
    const { width, height } = world;
    const glow = g.createRadialGradient(width / 2, height * 0.45, 60, width / 2, height / 2, width * 0.62);
    glow.addColorStop(0, `hsl(${arena.hue} 34% 17%)`);
    glow.addColorStop(1, `hsl(${arena.hue} 40% 7%)`);
    g.fillStyle = glow;
    g.fillRect(0, 0, width, height);
    g.strokeStyle = `hsl(${arena.hue} 50% 70% / 0.055)`;
    g.lineWidth = 1.5;
    g.beginPath();
    for (let x = 100; x < width; x += 100) g.rect(x, -2, 0, height + 4);
    for (let y = 100; y < height; y += 100) g.rect(-2, y, width + 4, 0);
    g.stroke();
    g.fillStyle = `hsl(${arena.hue} 60% 75% / 0.16)`;
    for (let x = 100; x < width; x += 100) for (let y = 100; y < height; y += 100) g.fillRect(x - 1.5, y - 1.5, 3, 3);
    for (const [x, y, r] of arena.pillars) {
      g.fillStyle = "rgb(0 0 0 / 0.35)";
      g.beginPath();
      g.arc(x, y + 8, r + 3, 0, 7);
      g.fill();
      const side = g.createRadialGradient(x - r * 0.35, y - r * 0.4, r * 0.1, x, y, r);
      side.addColorStop(0, `hsl(${arena.hue} 26% 34%)`);
      side.addColorStop(1, `hsl(${arena.hue} 32% 17%)`);
      g.fillStyle = side;
      g.beginPath();
      g.arc(x, y, r, 0, 7);
      g.fill();
      g.strokeStyle = `hsl(${arena.hue} 55% 62% / 0.5)`;
      g.lineWidth = 2;
      g.stroke();
      g.beginPath();
      g.arc(x, y, r * 0.62, 0, 7);
      g.strokeStyle = `hsl(${arena.hue} 55% 62% / 0.18)`;
      g.stroke();
    }
    g.strokeStyle = `hsl(${arena.hue} 70% 62% / 0.55)`;
    g.lineWidth = 4;
    g.strokeRect(2, 2, width - 4, height - 4);
    return this.#floor;
  }

  #goal({ x, y, since }, hue, now) {
    const g = this.#g;
    const age = now - since;
    if (age > 900) return;
    g.strokeStyle = `hsl(${hue} 80% 75% / ${0.8 * (1 - age / 900)})`;
    g.lineWidth = 2.5;
    g.beginPath();
    g.arc(x, y, 10 + age / 40, 0, 7);
    g.stroke();
  }

  #pickup({ id, x, y, kind }, now) {
    const g = this.#g;
    const beat = calm.matches ? 0 : Math.sin(now / 320 + id * 1.7);
    const size = (kind ? 15 : 10) + beat;
    const hue = kind ? 46 : 168;
    const glow = g.createRadialGradient(x, y, 2, x, y, size * 3);
    glow.addColorStop(0, `hsl(${hue} 95% 65% / 0.42)`);
    glow.addColorStop(1, `hsl(${hue} 95% 65% / 0)`);
    g.fillStyle = glow;
    g.fillRect(x - size * 3, y - size * 3, size * 6, size * 6);
    g.save();
    g.translate(x, y);
    g.rotate(Math.PI / 4 + beat * 0.08);
    g.fillStyle = `hsl(${hue} 95% 66%)`;
    g.beginPath();
    g.roundRect(-size * 0.62, -size * 0.62, size * 1.24, size * 1.24, 3);
    g.fill();
    g.fillStyle = "rgb(255 255 255 / 0.55)";
    g.beginPath();
    g.roundRect(-size * 0.62, -size * 0.62, size * 0.62, size * 0.62, 2);
    g.fill();
    g.restore();
  }

  #drawTrails(players, people, now) {
    const g = this.#g;
    for (const id of this.#trails.keys()) if (!players.has(id)) this.#trails.delete(id);
    g.lineCap = "round";
    for (const [id, player] of players) {
      let trail = this.#trails.get(id);
      if (!trail) this.#trails.set(id, (trail = []));
      trail.push({ x: player.x, y: player.y, at: now });
      while (trail[0].at < now - TRAIL_MS) trail.shift();
      const hue = people.get(id)?.hue ?? 220;
      for (let i = 1; i < trail.length; i++) {
        const a = trail[i - 1];
        const b = trail[i];
        const fresh = 1 - (now - b.at) / TRAIL_MS;
        if (Math.hypot(b.x - a.x, b.y - a.y) > 120) continue;
        g.strokeStyle = `hsl(${hue} 90% 62% / ${0.34 * fresh * fresh})`;
        g.lineWidth = 30 * fresh;
        g.beginPath();
        g.moveTo(a.x, a.y);
        g.lineTo(b.x, b.y);
        g.stroke();
      }
    }
  }

  #player(player, person, world, own) {
    const g = this.#g;
    const { x, y } = player;
    const r = world.radius;
    const hue = person?.hue ?? 220;
    g.fillStyle = "rgb(0 0 0 / 0.4)";
    g.beginPath();
    g.ellipse(x, y + r * 0.75, r * 0.95, r * 0.5, 0, 0, 7);
    g.fill();
    if (own) {
      g.strokeStyle = "rgb(255 255 255 / 0.9)";
      g.lineWidth = 2.5;
      g.beginPath();
      g.arc(x, y, r + 5.5, 0, 7);
      g.stroke();
    }
    const body = g.createRadialGradient(x - r * 0.35, y - r * 0.45, r * 0.15, x, y, r);
    body.addColorStop(0, `hsl(${hue} 95% 80%)`);
    body.addColorStop(0.55, `hsl(${hue} 85% 60%)`);
    body.addColorStop(1, `hsl(${hue} 75% 44%)`);
    g.fillStyle = body;
    g.beginPath();
    g.arc(x, y, r, 0, 7);
    g.fill();
    // The eyes look in the direction of movement.
    const speed = Math.hypot(player.vx, player.vy);
    const dx = speed > 5 ? player.vx / speed : 0;
    const dy = speed > 5 ? player.vy / speed : 0.2;
    for (const side of [-1, 1]) {
      const ex = x + dx * r * 0.42 - dy * side * r * 0.34 * (speed > 5 ? 1 : 0) + (speed > 5 ? 0 : side * r * 0.34);
      const ey = y + dy * r * 0.42 + dx * side * r * 0.34 - r * 0.08;
      g.fillStyle = "rgb(10 14 22 / 0.9)";
      g.beginPath();
      g.arc(ex, ey, r * 0.15, 0, 7);
      g.fill();
    }
    // Names keep a readable size on small screens.
    const size = Math.max(19, (11.5 * this.#ratio) / this.#scale);
    g.font = `600 ${size}px system-ui, "Segoe UI", sans-serif`;
    g.textAlign = "center";
    g.textBaseline = "alphabetic";
    g.lineJoin = "round";
    g.lineWidth = size * 0.28;
    g.strokeStyle = "rgb(8 11 18 / 0.75)";
    const name = person?.nick ?? "";
    const below = y - r - 14 < size;
    const ty = below ? y + r + size + 6 : y - r - 12;
    g.strokeText(name, x, ty);
    g.fillStyle = own ? "#ffffff" : colour(hue, 82);
    g.fillText(name, x, ty);
  }

  #drawSparks(now) {
    const g = this.#g;
    this.#sparks = this.#sparks.filter((spark) => now - spark.born < 900);
    for (const { x, y, hue, points, born } of this.#sparks) {
      const age = (now - born) / 900;
      if (!calm.matches) {
        g.strokeStyle = `hsl(${hue} 90% 70% / ${0.8 * (1 - age)})`;
        g.lineWidth = 4 * (1 - age);
        g.beginPath();
        g.arc(x, y, 26 + 60 * (1 - (1 - age) ** 3), 0, 7);
        g.stroke();
      }
      g.font = `700 26px system-ui, "Segoe UI", sans-serif`;
      g.textAlign = "center";
      g.fillStyle = `hsl(46 100% 78% / ${1 - age * age})`;
      g.fillText(`+${points}`, x + 34, y - 26 - age * 36);
    }
  }
}
