// The echo server in C++: the same events as examples/c/echo.c.
//
//   echo-cpp [--port N] [--host H] [--delivery threads|polled|inline]
//            [--options JSON] [--raw]
#include "bellwire.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <iostream>
#include <mutex>
#include <thread>

#include <semaphore.h>

using bellwire::args;
using bellwire::deferred;
using bellwire::encoded;
using bellwire::event;
using bellwire::ms;
using bellwire::outcome;
using bellwire::value;
using std::string;
using std::string_view;

// A log of the newest events.
class Log {
 public:
  template <class... W> void add(const W &...words) {
    string line;
    ((line += line.empty() ? "" : " ", line += words), ...);
    const std::lock_guard hold(lock_);
    lines_.push_back(std::move(line));
    if (lines_.size() > 2000) lines_.pop_front();
  }
  std::deque<string> lines() const {
    const std::lock_guard hold(lock_);
    return lines_;
  }

 private:
  mutable std::mutex lock_;
  std::deque<string> lines_;
};

// A thread that accepts clients after a delay.
class Later {
 public:
  ~Later() {
    {
      const std::lock_guard hold(lock_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  void accept(deferred question, ms delay) {
    {
      const std::lock_guard hold(lock_);
      waiting_.push_back({std::chrono::steady_clock::now() + delay, std::move(question)});
    }
    changed_.notify_one();
  }

 private:
  struct Task {
    std::chrono::steady_clock::time_point due;
    deferred question;
  };
  void run() {
    std::unique_lock hold(lock_);
    while (!stopping_) {
      if (waiting_.empty()) {
        changed_.wait(hold);
      } else if (const auto due = waiting_.front().due; due > std::chrono::steady_clock::now()) {
        changed_.wait_until(hold, due); // all have the same delay, so the first is due first
      } else {
        Task task = std::move(waiting_.front());
        waiting_.pop_front();
        hold.unlock();
        task.question.accept();
        hold.lock();
      }
    }
  }
  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;
  bool stopping_ = false;
  std::thread thread_{[this] { run(); }};
};

// The state of a client.
struct Peer {
  string id;
  std::atomic<int64_t> received{0}, sent{0};
};

static string id_of(const event &ev) {
  if (const auto *peer = ev.user<Peer>()) return peer->id;
  return string(ev.handshake().id());
}

static string joined(std::vector<string> words) {
  std::sort(words.begin(), words.end());
  string all;
  for (const auto &word : words) (all += all.empty() ? "" : ",") += word;
  return all;
}

static const char *name_of(bw_status status) {
  return status == BW_OK          ? "ok"
         : status == BW_E_TIMEOUT ? "timeout"
         : status == BW_E_GONE    ? "gone"
                                  : bw_status_name(status);
}

// The arguments of an event, beginning with the one at index `first`, as JSON.
static string rest_of(const event &ev, size_t first) {
  string text = "[";
  for (size_t i = first; i < ev.size(); i++) {
    if (i > first) text += ",";
    text += ev.at("/" + std::to_string(i)).json();
  }
  return text + "]";
}
static encoded with_bins(const event &ev, string_view text) {
  auto all = ev.encoded();
  all.args_json = text;
  return all;
}

class Echo {
 public:
  Echo(bellwire::server &io, Log &log, Later &later, string_view name)
      : io_(io), log_(log), later_(later), nsp_(io.of(name)) {
    if (name == "/auth") check_tokens();
    connections();
    facts();
    if (name != "/plain") check_packets();
    messages();
    rooms();
    questions(name == "/");
  }

 private:
  // {"rooms":[],"except":[],"self":true,"volatile":false,"timeout":0}
  bellwire::target target_of(const event &ev) {
    auto to = nsp_.all();
    for (size_t i = 0; auto room = ev.at("/0/rooms/" + std::to_string(i)); i++) to.to(room.as<string>());
    for (size_t i = 0; auto room = ev.at("/0/except/" + std::to_string(i)); i++) to.except(room.as<string>());
    if (!ev.get("/0/self", true)) to.from(ev.socket());
    if (ev.get("/0/volatile", false)) to.is_volatile();
    return std::move(to.timeout(ms(ev.get<int64_t>("/0/timeout", 0))));
  }

  void check_tokens() {
    nsp_.use([this](const event &ev, deferred question) {
      const auto hs = ev.handshake();
      const auto token = hs.auth<string_view>("/token", "");
      if (token == "secret")
        question.accept();
      else if (token == "later")
        later_.accept(std::move(question), ms(50));
      else if (token == "never")
        forgotten_.add(std::move(question));
      else
        question.reject("unauthorized", R"({"code":4001})");
    });
  }

  void connections() {
    nsp_.on_connection([this](const event &ev) {
      auto peer = std::make_unique<Peer>();
      peer->id = ev.handshake().id();
      log_.add("connection", ev.nsp(), peer->id);
      ev.socket().set_user(std::move(peer));
      ev.socket().emit("auth", bellwire::json{ev.handshake().auth_json()});
    });
    nsp_.on_disconnecting([this](const event &ev) {
      log_.add("disconnecting", ev.nsp(), id_of(ev), ev.name(), joined(ev.socket().rooms()));
    });
    nsp_.on_disconnect([this](const event &ev) { log_.add("disconnect", ev.nsp(), id_of(ev), ev.name()); });
    nsp_.on_dropped([this](const event &ev) { log_.add("dropped", ev.nsp(), id_of(ev)); });
    nsp_.on_upgrade([this](const event &ev) { log_.add("upgrade", id_of(ev), ev.name()); });
    nsp_.on_any_outgoing([](const event &ev) {
      if (auto *peer = ev.user<Peer>()) peer->sent++;
    });
  }

  void facts() {
    const auto room = [this](bw_event_type type, const char *what) {
      nsp_.listen(type, "", [this, what](const event &ev) {
        const auto id = ev.args_json(); // ["<id>"], or no arguments
        if (id.size() > 4)
          log_.add(what, ev.nsp(), ev.name(), id.substr(2, id.size() - 4));
        else
          log_.add(what, ev.nsp(), ev.name());
      });
    };
    room(BW_EV_ROOM_CREATED, "create-room");
    room(BW_EV_ROOM_JOINED, "join-room");
    room(BW_EV_ROOM_LEFT, "leave-room");
    room(BW_EV_ROOM_DELETED, "delete-room");
  }

  // A client may send arguments that cannot be forwarded.  Such events are ignored:
  // an exception must not leave a callback.
  template <class F> static auto guarded(F f) {
    return [f = std::move(f)](const auto &ev) mutable {
      try {
        f(ev);
      } catch (const bellwire::error &) {}
    };
  }
  template <class F> void on(string_view name, F f) { nsp_.on(name, guarded(std::move(f))); }

  void check_packets() {
    nsp_.use_packet([this](const event &ev, deferred question) {
      if (ev.name() == "forbidden") {
        log_.add("forbidden", ev.nsp(), id_of(ev));
        question.reject("forbidden");
      } else if (ev.name() == "held") {
        later_.accept(std::move(question), ms(50));
      } else {
        question.accept();
      }
    });
  }

  void messages() {
    nsp_.on_any([](const event &ev) {
      if (auto *peer = ev.user<Peer>()) peer->received++;
    });
    const auto back = [](const char *name) {
      return [name](const event &ev) { ev.socket().emit(bellwire::message(name, ev.encoded())); };
    };
    on("message", back("message-back"));
    on("held", back("held-back"));
    nsp_.once("once-event", guarded(back("once-back")));
    on("message-with-ack", [](const event &ev) { ev.ack().send(ev.encoded()); });
    on("message-with-bytes", [](const event &ev) {
      args all;
      for (const value &v : ev.items()) all.add(v);
      ev.socket().emit_args("message-with-bytes-back", all.add(bellwire::blob{"\1\2\3", 3}));
    });
    on("volatile-many", [](const event &ev) {
      for (int64_t i = 0; i < ev.get<int64_t>("/0"); i++)
        ev.socket().to_it().is_volatile().emit("volatile", i);
      ev.socket().emit("volatile-done");
    });
    on("call", [](const event &ev) {
      const auto text = rest_of(ev, 1);
      const bellwire::message question("question", with_bins(ev, text));
      ev.socket().emit_ack(question, ms(ev.get<int64_t>("/0")), guarded([ack = ev.ack()](const outcome &out) {
                             auto reply = out.replies() ? out.reply_encoded(0) : encoded{"[]"};
                             const string answer = "[\"" + string(name_of(out.status())) + "\"," +
                                                   string(reply.args_json) + "]";
                             reply.args_json = answer;
                             ack.send(reply);
                           }));
    });
  }

  void rooms() {
    on("join", [](const event &ev) {
      ev.socket().join(ev.get<string_view>("/0"));
      ev.ack()();
    });
    on("leave", [](const event &ev) {
      ev.socket().leave(ev.get<string_view>("/0"));
      ev.ack()();
    });
    on("rooms", [](const event &ev) {
      auto names = ev.socket().rooms();
      std::sort(names.begin(), names.end());
      ev.ack()(names);
    });
    on("broadcast", [this](const event &ev) {
      const auto text = rest_of(ev, 1);
      target_of(ev).emit(bellwire::message("broadcast", with_bins(ev, text)));
    });
    on("broadcast-ack", [this](const event &ev) {
      const auto text = rest_of(ev, 1);
      const bellwire::message question("question", with_bins(ev, text));
      target_of(ev).emit_ack(question, guarded([ack = ev.ack()](const outcome &out) {
                               args a(name_of(out.status()));
                               a.array();
                               for (size_t i = 0; i < out.replies(); i++) {
                                 if (const auto first = out.reply(i))
                                   a.add(first);
                                 else
                                   a.add(nullptr);
                               }
                               ack.send(a.end());
                             }));
    });
    on("sockets-join", [this](const event &ev) {
      target_of(ev).join(ev.get<string_view>("/1"));
      ev.ack()();
    });
    on("sockets-leave", [this](const event &ev) {
      target_of(ev).leave(ev.get<string_view>("/1"));
      ev.ack()();
    });
    on("disconnect-sockets", [this](const event &ev) {
      ev.ack()();
      auto to = target_of(ev);
      ev.get<bool>("/1") ? to.close() : to.disconnect();
    });
    on("disconnect-me",
       [](const event &ev) { ev.get<bool>("/0") ? ev.socket().close() : ev.socket().disconnect(); });
    on("fetch", [this](const event &ev) {
      target_of(ev).fetch([ack = ev.ack()](const outcome &out) {
        std::vector<outcome::remote> all;
        for (size_t i = 0; i < out.sockets(); i++) all.push_back(out.at_socket(i));
        std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) { return a.id < b.id; });
        args a;
        a.array();
        for (auto &one : all) {
          std::sort(one.rooms.begin(), one.rooms.end());
          a.object()
              .member("id", one.id)
              .member("rooms", one.rooms)
              .member("data", bellwire::json{one.data_json})
              .end();
        }
        ack.send(a.end());
      });
    });
  }

  void questions(bool is_root) {
    on("set-data", [](const event &ev) {
      ev.socket().set_data(ev.at("/0").json());
      ev.ack()();
    });
    on("find",
       [this](const event &ev) { ev.ack()(static_cast<bool>(nsp_.find(ev.get<string_view>("/0")))); });
    on("handshake", [](const event &ev) {
      const auto hs = ev.handshake();
      args a;
      a.object()
          .member("headers", bellwire::json{hs.text(BW_HS_HEADERS_JSON)})
          .member("query", bellwire::json{hs.text(BW_HS_QUERY_JSON)})
          .member("auth", bellwire::json{hs.auth_json()})
          .member("address", hs.address())
          .member("time", hs.text(BW_HS_TIME))
          .member("url", hs.url())
          .member("secure", hs.secure())
          .member("xdomain", hs.number(BW_HS_XDOMAIN) != 0)
          .member("issued", hs.number(BW_HS_ISSUED_MS))
          .end();
      ev.ack().send(a);
    });
    on("transport", [](const event &ev) { ev.ack()(ev.socket().is_websocket() ? "websocket" : "polling"); });
    on("log", [this](const event &ev) { ev.ack()(log_.lines()); });
    on("any-count", [is_root](const event &ev) { ev.ack()(is_root ? ev.user<Peer>()->received.load() : 0); });
    on("outgoing-count",
       [is_root](const event &ev) { ev.ack()(is_root ? ev.user<Peer>()->sent.load() : 0); });
    on("stat", [this](const event &ev) {
      int64_t n = -1;
      if (bw_server_stat(io_.get(), ev.get<string>("/0").c_str(), &n) != BW_OK) n = -1;
      ev.ack()(n);
    });
    on("block", [](const event &ev) {
      std::this_thread::sleep_for(ms(ev.get<int64_t>("/0")));
      ev.ack()();
    });
  }

  // Keeps questions unanswered.  Destroying a `deferred` would reject its client.
  class Forgotten {
   public:
    void add(deferred question) {
      const std::lock_guard hold(lock_);
      all_.push_back(std::move(question));
    }

   private:
    std::mutex lock_;
    std::vector<deferred> all_;
  };

  bellwire::server &io_;
  Log &log_;
  Later &later_;
  bellwire::nsp nsp_;
  Forgotten forgotten_;
};

// The echo server for Engine.IO without Socket.IO.
static void send_log(bellwire::socket to, const Log &log) {
  args lines;
  for (const auto &line : log.lines()) lines.add(line);
  to.send_text(bellwire::view(lines.payload("log").args)); // a JSON array
}
static void serve_raw(const bellwire::nsp &sessions, Log &log) {
  sessions.on_connection([&log](const event &ev) { log.add("connection", ev.handshake().id()); });
  sessions.on_upgrade([&log](const event &ev) { log.add("upgrade", id_of(ev), ev.name()); });
  sessions.on_disconnect([&log](const event &ev) { log.add("disconnect", id_of(ev), ev.name()); });
  sessions.on_any([&log](const event &ev) {
    if (!ev.is_text())
      ev.socket().send_binary(ev.bytes());
    else if (ev.text() == "close")
      ev.socket().close();
    else if (ev.text() == "log")
      send_log(ev.socket(), log);
    else
      ev.socket().send_text(ev.text());
  });
}

static std::atomic<bool> stopping{false};
static bw_server running; // for the signal handler only
static sem_t stop_asked;

static void on_signal(int) {
  stopping = true;
  sem_post(&stop_asked);
  (void)bw_server_wakeup(running);
}

int main(int argc, char **argv) {
  bellwire::config config;
  string host = "127.0.0.1", delivery = "threads";
  int port = 0;
  bool raw = false;
  for (int i = 1; i < argc; i++) {
    const string_view option = argv[i];
    if (option == "--raw")
      raw = true;
    else if (++i == argc)
      return 2;
    else if (option == "--port")
      port = std::atoi(argv[i]);
    else if (option == "--host")
      host = argv[i];
    else if (option == "--delivery")
      delivery = argv[i];
    else if (option == "--options")
      config.json(argv[i]);
    else
      return 2;
  }
  if (raw) config.raw();
  config.deliver(delivery == "polled"   ? bellwire::delivery::polled
                 : delivery == "inline" ? bellwire::delivery::inlined
                                        : bellwire::delivery::threads);
  Log log;
  Later later;
  bellwire::server io(config);
  io.events().listen(BW_EV_CONNECTION_ERROR, "", [&log](const event &ev) {
    std::string_view context = ev.args_json(); // [{…}]
    context = context.substr(1, context.size() - 2);
    log.add("connection_error", std::to_string(ev.code()), ev.name(), context);
  });
  std::deque<Echo> namespaces;
  if (raw)
    serve_raw(io.of("/"), log);
  else
    for (const char *name : {"/", "/custom", "/auth", "/plain"})
      namespaces.emplace_back(io, log, later, name);

  running = io.get();
  sem_init(&stop_asked, 0, 0);
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::cout << "listening on " << io.listen(host, static_cast<uint16_t>(port)) << std::endl;
  while (!stopping) {
    if (delivery == "polled")
      io.poll(ms(-1));
    else
      sem_wait(&stop_asked);
  }
  io.shutdown(std::chrono::seconds(5));
}
