// The arena in C++: the same world, page and rules as examples/c/arena.c, in one
// file.  With polled delivery, every callback runs in poll(), on the thread that
// simulates the world, so this program needs no locks.
//
//   arena-cpp [--port N] [--host H] [--web FOLDER] [--drones N]
#include "bellwire.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <list>
#include <random>
#include <sstream>

using Clock = std::chrono::steady_clock;
using bellwire::args;
using bellwire::event;

constexpr double width = 1600, height = 900, radius = 22, reach = radius + 14, step_s = 1.0 / 60;
constexpr size_t players_max = 200, pickups_per_room = 8, nick_max = 16, chat_max = 240;

struct Circle {
  double x, y, r;
};
struct Room {
  std::string name, title;
  int hue;
  std::vector<Circle> pillars;
};
static const std::array<Room, 3> rooms = {
    {{"harbour", "Harbour", 200, {{400, 270, 60}, {1200, 270, 60}, {400, 630, 60}, {1200, 630, 60}}},
     {"orchard", "Orchard", 140, {{800, 450, 110}, {330, 450, 46}, {1270, 450, 46}}},
     {"forge", "Forge", 18, {{800, 200, 56}, {800, 700, 56}, {520, 450, 56}, {1080, 450, 56}}}}};

struct Pickup {
  double x = 0, y = 0;
  bool gold = false;
};
struct Player {
  uint16_t id;
  bool drone;
  std::string nick;
  int64_t hue;
  size_t room = 0;
  unsigned score = 0;
  double x = 0, y = 0, vx = 0, vy = 0, want_x = 0, want_y = 0;
  std::optional<std::pair<double, double>> goal{};
  double chat_left = 5;
  Clock::time_point chat_at = Clock::now();
};

// The JSON that the page gets for these types; bellwire::args calls to_args.
static void to_args(args &a, const Circle &c) { a.add(std::array<double, 3>{c.x, c.y, c.r}); }
static void to_args(args &a, const Room &r) {
  a.object()
      .member("name", r.name)
      .member("title", r.title)
      .member("hue", r.hue)
      .member("pillars", r.pillars)
      .end();
}
static void to_args(args &a, const Player &p) {
  a.object()
      .member("id", p.id)
      .member("nick", p.nick)
      .member("hue", p.hue)
      .member("score", p.score)
      .member("bot", p.drone)
      .end();
}

// ------------------------------------------------------------------- the world

class World {
 public:
  std::list<Player> players;
  uint32_t tick = 0;
  bool list_changed = true;

  explicit World(int drones) {
    static const char *const names[] = {"Otto", "Pip", "Rex", "Mira", "Juno", "Zia"};
    static const int hues[] = {46, 172, 228, 310, 22, 130};
    for (size_t r = 0; r < rooms.size(); r++)
      for (size_t i = 0; i < pickups_per_room; i++) {
        pickups_[r][i].gold = i % 4 == 0;
        place(r, pickups_[r][i]);
      }
    for (int i = 0; i < drones * 3; i++)
      if (Player *p = add(names[i % 6], hues[i % 6], true)) move_to(*p, static_cast<size_t>(i % 3));
  }
  Player *add(std::string nick, int64_t hue, bool drone) {
    if (players.size() >= players_max) return nullptr;
    players.push_back(Player{++last_id_, drone, std::move(nick), hue});
    move_to(players.back(), 0);
    return &players.back();
  }
  void remove(const Player *gone) {
    players.remove_if([gone](const Player &p) { return &p == gone; });
    list_changed = true;
  }
  void move_to(Player &p, size_t room) {
    p.room = room;
    p.vx = p.vy = p.want_x = p.want_y = 0;
    p.goal.reset();
    place(room, p);
    list_changed = true;
  }
  void step() {
    tick++;
    for (auto &p : players) {
      if (p.drone && tick % 12 == 0) seek(p);
      walk(p);
    }
    for (auto p = players.begin(); p != players.end(); ++p) {
      for (auto o = std::next(p); o != players.end(); ++o) part(*p, *o);
      for (const auto &c : rooms[p->room].pillars) push_out(*p, c.x, c.y, c.r + radius);
      p->x = std::clamp(p->x, radius, width - radius);
      p->y = std::clamp(p->y, radius, height - radius);
      pick_up(*p);
    }
  }
  std::vector<uint8_t> snapshot(size_t room) const {
    std::vector<uint8_t> out(8);
    const auto put = [&out](auto number) {
      const auto v = static_cast<uint32_t>(number);
      out.push_back(static_cast<uint8_t>(v));
      out.push_back(static_cast<uint8_t>(v >> 8));
    };
    const auto put_fixed = [&put](double v) { put(std::lround(v * 32)); };
    uint8_t n = 0;
    for (const auto &p : players) {
      if (p.room != room) continue;
      n++;
      put(p.id);
      for (const double v : {p.x, p.y, p.vx, p.vy}) put_fixed(v);
      put(p.score);
    }
    for (size_t i = 0; i < pickups_per_room; i++) {
      const Pickup &c = pickups_[room][i];
      put(i);
      put_fixed(c.x);
      put_fixed(c.y);
      put(c.gold ? 1 : 0);
    }
    for (int i = 0; i < 4; i++) out[static_cast<size_t>(i)] = static_cast<uint8_t>(tick >> (8 * i));
    out[4] = n;
    out[6] = pickups_per_room;
    return out;
  }

 private:
  template <class T> void place(size_t room, T &thing) {
    std::uniform_real_distribution<double> across(70, width - 70), down(70, height - 70);
    for (int tries = 0; tries < 100; tries++) {
      thing.x = across(random_);
      thing.y = down(random_);
      const auto &all = rooms[room].pillars;
      if (std::none_of(all.begin(), all.end(), [&](const Circle &c) {
            return std::hypot(thing.x - c.x, thing.y - c.y) < c.r + radius + 12;
          }))
        return;
    }
  }
  void seek(Player &p) const {
    const auto &all = pickups_[p.room];
    const auto near = std::min_element(all.begin(), all.end(), [&p](const Pickup &a, const Pickup &b) {
      return std::hypot(a.x - p.x, a.y - p.y) < std::hypot(b.x - p.x, b.y - p.y);
    });
    p.goal = {near->x, near->y};
  }
  static void walk(Player &p) {
    const double speed = p.drone ? 190 : 360;
    if (p.goal) {
      const double dx = p.goal->first - p.x, dy = p.goal->second - p.y, far = std::hypot(dx, dy);
      const double pace = far < 6 ? 0 : std::clamp(far / 40, 0.15, 1.0) / far;
      p.want_x = dx * pace;
      p.want_y = dy * pace;
      if (far < 6) p.goal.reset();
    }
    p.vx += (p.want_x * speed - p.vx) * 0.18;
    p.vy += (p.want_y * speed - p.vy) * 0.18;
    p.x += p.vx * step_s;
    p.y += p.vy * step_s;
  }
  static void push_out(Player &p, double x, double y, double distance) {
    const double dx = p.x - x, dy = p.y - y, d = std::hypot(dx, dy);
    if (d >= distance) return;
    p.x = d > 0 ? x + dx / d * distance : x + distance;
    p.y = d > 0 ? y + dy / d * distance : y;
  }
  static void part(Player &p, Player &o) {
    const double d = std::hypot(o.x - p.x, o.y - p.y);
    if (o.room != p.room || d >= 2 * radius) return;
    push_out(p, o.x, o.y, d + (2 * radius - d) / 2);
    push_out(o, p.x, p.y, 2 * radius);
  }
  void pick_up(Player &p) {
    for (auto &c : pickups_[p.room]) {
      if (std::hypot(c.x - p.x, c.y - p.y) >= reach) continue;
      p.score += c.gold ? 3 : 1;
      place(p.room, c);
      list_changed = true;
    }
  }
  uint16_t last_id_ = 0;
  std::mt19937 random_{std::random_device{}()};
  std::array<std::array<Pickup, pickups_per_room>, 3> pickups_{};
};

// ------------------------------------------------------------------ the server

// The number of characters of a UTF-8 text; nullopt if it has control characters
// or begins or ends with a space.
static std::optional<size_t> characters(std::string_view s) {
  size_t n = 0;
  for (const char ch : s) {
    const auto c = static_cast<unsigned char>(ch);
    if (c < 0x20 || c == 0x7f) return std::nullopt;
    n += (c & 0xc0) != 0x80;
  }
  return n;
}
static bool is_nick(std::string_view s) {
  const auto n = characters(s);
  return n && *n >= 1 && *n <= nick_max && s.front() != ' ' && s.back() != ' ';
}

class Arena {
 public:
  Arena(bellwire::server &io, int drones) : io_(io), nsp_(io.of("/")), world_(drones) {
    nsp_.use([](const event &ev, bellwire::deferred question) {
      const auto hs = ev.handshake();
      if (is_nick(hs.auth<std::string_view>("/nick", "")))
        question.accept();
      else
        question.reject("A name must have 1 to 16 characters.", R"({"field":"nick","max":16})");
    });
    nsp_.on_connection([this](const event &ev) { come(ev); });
    nsp_.on_disconnect([this](const event &ev) { go(ev); });
    nsp_.on_any([this](const event &) { messages_in_++; });
    nsp_.on("latency", [this](const event &ev) { answer(ev); });
    on("move", [](const event &ev, Player &p) {
      const double x = ev.get("/0", 0.0), y = ev.get("/1", 0.0), length = std::hypot(x, y);
      if (!std::isfinite(length)) return;
      p.goal.reset();
      p.want_x = x / std::max(1.0, length);
      p.want_y = y / std::max(1.0, length);
    });
    on("goto", [](const event &ev, Player &p) {
      const double x = ev.get("/0", p.x), y = ev.get("/1", p.y);
      if (std::isfinite(x) && std::isfinite(y))
        p.goal = {std::clamp(x, 0.0, width), std::clamp(y, 0.0, height)};
    });
    on("switch", [this](const event &ev, Player &p) { change_room(ev, p); });
    on("chat", [this](const event &ev, Player &p) { chat(ev, p); });
  }

  void run(const std::atomic<bool> &stopping) {
    const auto started = Clock::now();
    auto next = started;
    double busy = 0, longest = 0;
    while (!stopping) {
      const auto before = Clock::now();
      io_.poll();
      world_.step();
      if (world_.tick % 2 == 0) send_snapshots();
      if (world_.tick % 15 == 0 && std::exchange(world_.list_changed, false)) send_list();
      const double took = std::chrono::duration<double>(Clock::now() - before).count();
      busy += took;
      longest = std::max(longest, took);
      if (world_.tick % 60 == 0) {
        send_stats(busy / 60, longest, std::chrono::duration<double>(before - started).count());
        busy = longest = 0;
      }
      next = std::max(next + std::chrono::microseconds(16667), before - std::chrono::seconds(1));
      for (;;) {
        const auto left = std::chrono::duration_cast<bellwire::ms>(next - Clock::now());
        if (stopping || left.count() < 1) break;
        io_.poll(left);
      }
    }
    // Tells all clients and waits a moment for their acknowledgements.
    bool waiting = true;
    nsp_.all()
        .timeout(bellwire::ms(500))
        .emit_ack(bellwire::message::of("goodbye", "The server is shutting down."),
                  [&waiting](const bellwire::outcome &) { waiting = false; });
    while (waiting) io_.poll(bellwire::ms(-1));
  }

 private:
  // A listener for clients that are players; others are being disconnected.
  template <class F> void on(std::string_view name, F f) {
    nsp_.on(name, [f = std::move(f)](const event &ev) mutable {
      if (auto *p = ev.user<Player *>()) f(ev, **p);
    });
  }
  bellwire::target room(const Player &p) {
    messages_out_ += visitors(p.room);
    return nsp_.to(rooms[p.room].name);
  }
  int64_t visitors(size_t room) const {
    return std::count_if(world_.players.begin(), world_.players.end(),
                         [room](const Player &p) { return !p.drone && p.room == room; });
  }
  template <class... A> void answer(const event &ev, const A &...a) {
    if (const auto ack = ev.ack()) {
      messages_out_++;
      ack(a...);
    }
  }
  void answer_member(const event &ev, std::string_view key, std::string_view text) {
    if (const auto ack = ev.ack()) {
      messages_out_++;
      ack.send(std::move(args().object().member(key, text).end()));
    }
  }
  void notice(const Player &p, std::string_view what) {
    room(p).emit("notice", p.nick + " " + std::string(what));
  }
  void come(const event &ev) {
    const auto hs = ev.handshake();
    const auto hue = hs.auth<int64_t>("/hue", 210);
    Player *p = world_.add(hs.auth<std::string>("/nick", "?"), hue >= 0 && hue < 360 ? hue : 210, false);
    if (!p) {
      ev.socket().emit("goodbye", "The arena is full.");
      ev.socket().close();
      return;
    }
    ev.socket().set_user(std::make_unique<Player *>(p));
    ev.socket().join(rooms[p->room].name);
    args hello;
    hello.object().member("id", p->id).member("radius", radius).member("arena", rooms[p->room].name);
    hello.key("world").object().member("width", width).member("height", height).end();
    hello.member("arenas", rooms).end();
    messages_out_++;
    ev.socket().emit_args("welcome", hello);
    notice(*p, "joined");
  }
  void go(const event &ev) {
    auto *p = ev.user<Player *>();
    if (!p) return;
    notice(**p, "left");
    world_.remove(*p);
  }
  void change_room(const event &ev, Player &p) {
    const auto name = ev.get<std::string_view>("/0");
    const auto to =
        std::find_if(rooms.begin(), rooms.end(), [name](const Room &r) { return r.name == name; });
    if (to == rooms.end()) return answer_member(ev, "error", "There is no arena with this name.");
    const auto index = static_cast<size_t>(to - rooms.begin());
    if (index != p.room) {
      ev.socket().leave(rooms[p.room].name);
      notice(p, "left");
      world_.move_to(p, index);
      notice(p, "joined");
      ev.socket().join(to->name);
    }
    answer_member(ev, "arena", to->name);
  }
  void chat(const event &ev, Player &p) {
    const auto text = ev.get<std::string_view>("/0");
    const auto n = characters(text);
    if (!n || *n < 1 || *n > chat_max)
      return answer_member(ev, "error", "A message must have 1 to 240 characters.");
    const auto now = Clock::now();
    p.chat_left = std::min(5.0, p.chat_left + std::chrono::duration<double>(now - p.chat_at).count());
    p.chat_at = now;
    if (p.chat_left < 1) return answer_member(ev, "error", "Too many messages. Wait a moment and try again.");
    p.chat_left -= 1;
    args said;
    said.object().member("id", p.id).member("nick", p.nick).member("hue", p.hue).member("text", text).end();
    room(p).emit_args("chat", said);
    answer_member(ev, "said", "yes");
  }
  void send_snapshots() {
    for (size_t r = 0; r < rooms.size(); r++) {
      const auto here = visitors(r);
      if (here == 0) continue;
      messages_out_ += here;
      args snapshot;
      snapshot.take(world_.snapshot(r));
      nsp_.to(rooms[r].name).is_volatile().emit_args("snap", snapshot);
    }
  }
  void send_list() {
    args list;
    list.array();
    for (size_t r = 0; r < rooms.size(); r++) {
      list.object().member("name", rooms[r].name).key("players").array();
      for (const auto &p : world_.players)
        if (p.room == r) list.add(p);
      list.end().end();
    }
    list.end();
    messages_out_ += io_.stat("clients_count");
    nsp_.all().emit_args("roster", list);
  }
  void send_stats(double mean_s, double longest_s, double uptime_s) {
    const auto micros = [](double s) { return static_cast<int64_t>(s * 1e6); };
    const auto clients = io_.stat("clients_count");
    args stats;
    stats.object()
        .member("clients", clients)
        .member("in", std::exchange(messages_in_, 0))
        .member("out", std::exchange(messages_out_, 0))
        .member("tick_us", micros(mean_s))
        .member("tick_max_us", micros(longest_s))
        .member("uptime_s", static_cast<int64_t>(uptime_s))
        .end();
    messages_out_ += clients;
    nsp_.all().emit_args("stats", stats);
  }

  bellwire::server &io_;
  bellwire::nsp nsp_;
  World world_;
  int64_t messages_in_ = 0, messages_out_ = 0;
};

// -------------------------------------------------------------------- the page

static void serve_page(const bellwire::server &io, std::filesystem::path folder) {
  namespace fs = std::filesystem;
  static const char *const script = "text/javascript; charset=utf-8";
  static const char *const client = "node_modules/socket.io-client/dist/socket.io.min.js";
  static const char *const files[][3] = {{"/", "index.html", "text/html; charset=utf-8"},
                                         {"/arena.css", "arena.css", "text/css; charset=utf-8"},
                                         {"/arena.js", "arena.js", script},
                                         {"/world.js", "world.js", script},
                                         {"/draw.js", "draw.js", script},
                                         {"/panels.js", "panels.js", script},
                                         {"/socket.io.min.js", client, script}};
  if (folder.empty()) folder = "examples/arena";
  if (!fs::exists(folder)) folder = fs::read_symlink("/proc/self/exe").parent_path() / "../../examples/arena";
  for (const auto &[path, file, type] : files) {
    std::ifstream in(folder / file, std::ios::binary);
    std::stringstream body;
    if (!(body << in.rdbuf())) {
      std::cerr << "arena-cpp: cannot read " << (folder / file).string()
                << "; run `npm ci` in that folder, or use --web\n";
      std::exit(1);
    }
    io.serve(path, type, body.str());
  }
}

static std::atomic<bool> stopping{false};
static bw_server running; // for the signal handler only

static void on_signal(int) {
  stopping = true;
  (void)bw_server_wakeup(running);
}

int main(int argc, char **argv) {
  std::string host = "127.0.0.1", web;
  int port = 3000, drones = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--port")
      port = std::atoi(argv[i + 1]);
    else if (option == "--host")
      host = argv[i + 1];
    else if (option == "--web")
      web = argv[i + 1];
    else if (option == "--drones")
      drones = std::atoi(argv[i + 1]);
  }
  bellwire::server io(bellwire::config(R"({"pingInterval":10000,"maxHttpBufferSize":16384})")
                          .deliver(bellwire::delivery::polled));
  Arena arena(io, drones);
  serve_page(io, web);
  running = io.get();
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  const auto bound = io.listen(host, static_cast<uint16_t>(port));
  std::cout << "arena on http://" << host << ":" << bound << std::endl;
  arena.run(stopping);
  io.shutdown(std::chrono::seconds(2));
}
