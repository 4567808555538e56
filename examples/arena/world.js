// The state of the world, from snapshots that the server sends several times a
// second as binary attachments. The page draws the world with a short delay, so
// that it can interpolate between two snapshots.
//
//   u32 tick, u16 players, u16 pickups          little-endian
//   player: u16 id, u16 x, u16 y, i16 vx, i16 vy, u16 score
//   pickup: u16 id, u16 x, u16 y, u16 kind
//
// Positions and velocities are in 1/32 of a world unit.

const SCALE = 32;
const TICK_MS = 1000 / 60;
const KEPT = 40;
const EXTRAPOLATE_MS = 120;

export function readSnapshot(data) {
  const bytes = data instanceof ArrayBuffer ? new DataView(data) : new DataView(data.buffer, data.byteOffset, data.byteLength);
  const snapshot = { time: bytes.getUint32(0, true) * TICK_MS, players: new Map(), pickups: [], size: bytes.byteLength };
  const players = bytes.getUint16(4, true);
  const pickups = bytes.getUint16(6, true);
  let at = 8;
  for (let i = 0; i < players; i++, at += 12) {
    snapshot.players.set(bytes.getUint16(at, true), {
      x: bytes.getUint16(at + 2, true) / SCALE,
      y: bytes.getUint16(at + 4, true) / SCALE,
      vx: bytes.getInt16(at + 6, true) / SCALE,
      vy: bytes.getInt16(at + 8, true) / SCALE,
      score: bytes.getUint16(at + 10, true),
    });
  }
  for (let i = 0; i < pickups; i++, at += 8) {
    snapshot.pickups.push({
      id: bytes.getUint16(at, true),
      x: bytes.getUint16(at + 2, true) / SCALE,
      y: bytes.getUint16(at + 4, true) / SCALE,
      kind: bytes.getUint16(at + 6, true),
    });
  }
  return snapshot;
}

export class World {
  #snapshots = [];
  #offset = null; // local clock minus server clock, ms
  #jitter = 10;
  #delay = 90;
  #arrivals = [];

  clear() {
    this.#snapshots = [];
    this.#offset = null;
  }

  // Adds a snapshot. Returns the players who scored since the previous one.
  add(data, now) {
    const snapshot = readSnapshot(data);
    const before = this.latest;
    if (before && snapshot.time < before.time - 1000) this.clear();
    this.#arrivals.push(now);
    while (this.#arrivals[0] < now - 1000) this.#arrivals.shift();
    this.#keepTime(now - snapshot.time);
    this.#snapshots.push(snapshot);
    if (this.#snapshots.length > KEPT) this.#snapshots.shift();
    const scored = [];
    for (const [id, player] of snapshot.players) {
      const old = before?.players.get(id);
      if (old && player.score > old.score) scored.push({ id, x: player.x, y: player.y, points: player.score - old.score });
    }
    return scored;
  }

  get latest() {
    return this.#snapshots.at(-1);
  }

  get perSecond() {
    return this.#arrivals.length;
  }

  // Estimates the server's clock. Snapshots that arrive irregularly, as with
  // polling, increase the delay.
  #keepTime(offset) {
    if (this.#offset === null || Math.abs(offset - this.#offset) > 1000) {
      this.#offset = offset;
      return;
    }
    const late = offset - this.#offset;
    this.#offset += late * 0.05;
    this.#jitter += (Math.abs(late) - this.#jitter) * 0.05;
    const wanted = Math.min(400, 70 + 3 * this.#jitter);
    this.#delay += (wanted - this.#delay) * 0.02;
  }

  // The players and pickups to draw at this moment.
  at(now) {
    const all = this.#snapshots;
    if (all.length === 0) return { players: new Map(), pickups: [] };
    const time = now - this.#offset - this.#delay;
    let i = all.length - 1;
    while (i > 0 && all[i].time > time) i--;
    const from = all[i];
    const to = all[i + 1];
    const players = new Map();
    if (!to) {
      const ahead = Math.max(0, Math.min(EXTRAPOLATE_MS, time - from.time)) / 1000;
      for (const [id, p] of from.players) players.set(id, { ...p, x: p.x + p.vx * ahead, y: p.y + p.vy * ahead });
    } else {
      const part = Math.max(0, Math.min(1, (time - from.time) / (to.time - from.time)));
      for (const [id, b] of to.players) {
        const a = from.players.get(id) ?? b;
        players.set(id, {
          x: a.x + (b.x - a.x) * part,
          y: a.y + (b.y - a.y) * part,
          vx: a.vx + (b.vx - a.vx) * part,
          vy: a.vy + (b.vy - a.vy) * part,
          score: b.score,
        });
      }
    }
    return { players, pickups: (to ?? from).pickups };
  }
}
