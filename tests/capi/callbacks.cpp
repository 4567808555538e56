// The C++ interface: exceptions that leave callbacks, subscriptions, durations,
// and the end of a server.  Tests that end their process run in a child process.
#include "bellwire.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>

extern "C" {
#include "client.h"
#include "test.h"
}

using bellwire::delivery;
using bellwire::event;
using bellwire::ms;

namespace {

constexpr delivery DELIVERIES[] = {delivery::threads, delivery::polled, delivery::inlined};

// A server; in polled delivery, a thread polls it.
struct host {
  explicit host(delivery d, const char *options = "{}")
      : io(bellwire::config(options).deliver(d)), port(io.listen("127.0.0.1", 0)) {
    if (d == delivery::polled)
      poller = std::thread([this] {
        while (!stopping) io.poll(ms(10));
      });
  }
  ~host() {
    stopping = true;
    if (poller.joinable()) poller.join();
  }
  bellwire::server io;
  uint16_t port;
  std::atomic<bool> stopping{false};
  std::thread poller;
};

// Records the calls of an exception handler, from any thread.
struct notes {
  void add(std::string line) {
    const std::lock_guard<std::mutex> hold(lock);
    lines.push_back(std::move(line));
  }
  size_t count(const std::string &part) const {
    const std::lock_guard<std::mutex> hold(lock);
    return static_cast<size_t>(std::count_if(lines.begin(), lines.end(), [&](const std::string &line) {
      return line.find(part) != std::string::npos;
    }));
  }
  mutable std::mutex lock;
  std::vector<std::string> lines;
};

// Invalid values that come from clients and computations: NaN, and text that is not UTF-8.
void natural_code_survives_hostile_data() {
  for (const delivery d : DELIVERIES) {
    notes told;
    host h(d);
    h.io.on_exception([&](const event &ev, std::string_view what) {
      told.add(std::string(ev.name()) + ": " + std::string(what));
    });
    const auto nsp = h.io.of("/");
    nsp.on("move", [&](const event &ev) { nsp.emit("moved", ev.get<double>("/0", 7.5)); });
    nsp.on("nick", [&](const event &ev) { nsp.emit("named", ev.get<std::string>("/0").substr(0, 3)); });
    nsp.on("physics", [&](const event &) { nsp.emit("at", std::nan("")); });
    client *c = client_connect(h.port, "/", nullptr);
    client_send(c, "42[\"move\",1e999]");
    client_expect(c, "42[\"moved\",7.5]");
    client_send(c, "42[\"move\",-1e999]");
    client_expect(c, "42[\"moved\",7.5]");
    client_send(c, "42[\"nick\",\"ab\xc3\xa9\"]");
    client_send(c, "42[\"physics\"]");
    client_send(c, "42[\"move\",2]");
    client_expect(c, "42[\"moved\",2]");
    CHECK_INT(1, static_cast<int64_t>(told.count("nick: BW_E_UTF8")));
    CHECK_INT(1, static_cast<int64_t>(told.count("physics: BW_E_ARG")));
    client_close(c);
  }
}

// Every kind of callback; a question whose callback throws is refused.
void every_callback_catches() {
  for (const delivery d : DELIVERIES) {
    notes told;
    host h(d);
    h.io.on_exception([&](const event &ev, std::string_view what) {
      told.add(std::to_string(ev.type()) + " " + std::string(what));
    });
    const auto nsp = h.io.of("/");
    nsp.use([](const event &ev, bellwire::deferred question) {
      if (!ev.handshake().auth("/ok", false)) throw std::runtime_error("use");
      question.accept();
    });
    nsp.on_connection([](const event &) { throw std::runtime_error("connection"); });
    nsp.on_disconnect([](const event &) { throw std::runtime_error("disconnect"); });
    nsp.on("int", [](const event &) { throw 5; });
    nsp.on("ask", [](const event &ev) {
      ev.socket().emit_ack(bellwire::message::of("?"), ms(0),
                           [](const bellwire::outcome &) { throw std::runtime_error("outcome"); });
    });
    client *c = client_open(h.port);
    client_send(c, "40");
    client_expect_start(c, "44{\"message\":\"not answered\"");
    client_close(c);
    c = client_connect(h.port, "/", "{\"ok\":true}");
    client_send(c, "42[\"int\"]");
    client_send(c, "42[\"ask\"]");
    client_expect(c, "420[\"?\"]");
    client_send(c, "430[]");
    EVENTUALLY(told.count("outcome") == 1);
    client_close(c);
    EVENTUALLY(told.count("disconnect") == 1);
    CHECK_INT(1, static_cast<int64_t>(told.count("use")));
    CHECK_INT(1, static_cast<int64_t>(told.count("connection")));
    CHECK_INT(1, static_cast<int64_t>(told.count("it is not a std::exception")));
  }
}

void a_handler_may_throw_and_may_be_replaced() {
  host h(delivery::threads);
  std::atomic<int> second{0};
  const auto nsp = h.io.of("/");
  nsp.on("x", [&](const event &ev) {
    if (auto ack = ev.ack()) ack();
    throw std::runtime_error("x");
  });
  h.io.on_exception([](const event &, std::string_view) { throw std::runtime_error("once more"); });
  client *c = client_connect(h.port, "/", nullptr);
  client_send(c, "421[\"x\"]");
  client_expect(c, "431[]");
  h.io.on_exception([&](const event &, std::string_view) { second++; });
  client_send(c, "422[\"x\"]");
  client_expect(c, "432[]");
  EVENTUALLY(second >= 1);
  h.io.on_exception(nullptr);
  client_send(c, "423[\"x\"]");
  client_expect(c, "433[]");
  client_close(c);
}

// Typed arguments: a mismatch is reported, and the server continues.
void handlers_have_types() {
  for (const delivery d : DELIVERIES) {
    notes told;
    host h(d);
    h.io.on_exception([&](const event &ev, std::string_view what) {
      told.add(std::string(ev.name()) + ": " + std::string(what));
    });
    const auto nsp = h.io.of("/");
    nsp.on("move", [&](const event &ev, double x, const std::vector<int> &path,
                       std::optional<std::string> name) { ev.socket().emit("moved", x, path.size(), name); });
    client *c = client_connect(h.port, "/", "{\"list\":[1,2]}");
    client_send(c, "42[\"move\",1.5,[1,2,3]]");
    client_expect(c, "42[\"moved\",1.5,3,null]");
    client_send(c, "42[\"move\",1e999,[]]");
    client_send(c, "42[\"move\",1,[1,\"2\"]]");
    client_send(c, "42[\"move\"]");
    client_send(c, "42[\"move\",2,[],\"Ada\"]");
    client_expect(c, "42[\"moved\",2,0,\"Ada\"]");
    CHECK_INT(2, static_cast<int64_t>(told.count("move: argument 0 is missing or of another type")));
    CHECK_INT(1, static_cast<int64_t>(told.count("move: argument 1 is missing or of another type")));
    client_close(c);
  }
}

// Relays the arguments of a client, with their attachments and one of the host.
void a_part_is_relayed_with_its_binaries() {
  for (const delivery d : DELIVERIES) {
    host h(d);
    const auto nsp = h.io.of("/");
    nsp.on("put", [&](const event &ev) { nsp.emit("got", bellwire::blob{"host", 4}, ev.at("/1")); });
    nsp.on_connection([](const event &ev) {
      int sum = 0;
      for (const bellwire::value &v : ev.handshake().auth("/list").items()) sum += v.as<int>();
      ev.socket().emit("sum", sum);
    });
    client *c = client_connect(h.port, "/", "{\"list\":[1,2]}");
    client_expect(c, "42[\"sum\",3]");
    client_send(c,
                "452-[\"put\",{\"_placeholder\":true,\"num\":0},{\"a\":{\"_placeholder\":true,\"num\":1}}]");
    client_send_binary(c, "zero", 4);
    client_send_binary(c, "one", 3);
    client_expect(
        c, "452-[\"got\",{\"_placeholder\":true,\"num\":0},{\"a\":{\"_placeholder\":true,\"num\":1}}]");
    client_expect(c, "host");
    client_expect(c, "one");
    client_send(c, "42[\"put\",0,{\"_placeholder\":true,\"num\":99}]");
    client_expect(c, "451-[\"got\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":99}]");
    client_expect(c, "host");
    client_send(c, "42[\"put\",0,{\"_placeholder\":true,\"num\":0}]");
    client_expect(c, "451-[\"got\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":null,\"num\":0}]");
    client_expect(c, "host");
    client_close(c);
  }
}

// ------------------------------------------------------------- subscriptions

struct game {
  game(bellwire::server &io, std::atomic<bool> &alive) : alive_(alive) {
    alive_ = true;
    listeners_.in(io.of("/")).on("move", [this](const event &ev) {
      if (!alive_) FAIL("a listener ran after its object had ended");
      if (auto ack = ev.ack()) ack(1);
    });
  }
  ~game() {
    listeners_.clear();
    alive_ = false;
  }
  std::atomic<bool> &alive_;
  bellwire::subscriptions listeners_;
};

void listeners_end_with_their_object() {
  for (const delivery d : DELIVERIES) {
    host h(d);
    std::atomic<bool> alive{false};
    std::atomic<bool> stop{false};
    client *c = client_connect(h.port, "/", nullptr);
    std::thread sender([&] {
      while (!stop) client_send(c, "42[\"move\"]");
    });
    for (size_t i = 0; i < scaled(200); i++) game g(h.io, alive);
    stop = true;
    sender.join();
    const game g(h.io, alive);
    client_send(c, "429[\"move\"]");
    client_expect(c, "439[1]");
    client_close(c);
  }
}

// The destructor waits for calls on other threads, but not for the call that it runs in.
void the_end_of_a_group_waits() {
  host h(delivery::threads);
  std::mutex lock;
  std::condition_variable changed;
  bool entered = false, may_return = false;
  std::atomic<bool> returned{false};
  bellwire::subscriptions group, own;
  group.in(h.io.of("/")).on("slow", [&](const event &) {
    std::unique_lock<std::mutex> hold(lock);
    entered = true;
    changed.notify_all();
    changed.wait(hold, [&] { return may_return; });
    returned = true;
  });
  own.in(h.io.of("/")).on("own", [&](const event &ev) {
    auto ack = ev.ack();
    own.clear();
    ack("cleared");
  });
  client *c = client_connect(h.port, "/", nullptr);
  client_send(c, "421[\"own\"]");
  client_expect(c, "431[\"cleared\"]");
  client_send(c, "42[\"slow\"]");
  std::unique_lock<std::mutex> hold(lock);
  changed.wait(hold, [&] { return entered; });
  std::thread ending([&] {
    group.clear();
    if (!returned) FAIL("clear did not wait");
  });
  may_return = true;
  changed.notify_all();
  hold.unlock();
  ending.join();
  client_close(c);
}

// A question that is asked while its listener is removed goes to the other listeners.
void a_question_of_a_removed_listener_is_accepted() {
  for (const delivery d : DELIVERIES) {
    host h(d);
    const auto gate = std::make_shared<bellwire::detail::gate>();
    gate->close();
    // Like a call that began before bw_off and reached the gate after it was closed.
    h.io.of("/").listen(
        BW_EV_MIDDLEWARE, "",
        bellwire::detail::guarded{gate, [](const event &) { FAIL("a removed listener was called"); }});
    h.io.of("/").on("e", [](const event &ev) { ev.ack()(1); });
    client *c = client_connect(h.port, "/", nullptr);
    client_send(c, "420[\"e\"]");
    client_expect(c, "430[1]");
    client_close(c);
  }
}

void a_group_goes_on_after_its_end() {
  host h(delivery::threads);
  bellwire::subscriptions group;
  const auto in = group.in(h.io.of("/"));
  const auto answer = [](const event &ev) { ev.ack()(1); };
  in.on("before", [](const event &) { FAIL("it was removed"); });
  group.clear();
  in.on("after", answer);
  client *c = client_connect(h.port, "/", nullptr);
  client_send(c, "42[\"before\"]");
  client_send(c, "420[\"after\"]");
  client_expect(c, "430[1]");
  bellwire::subscriptions moved(std::move(group));
  in.on("moved", answer);
  client_send(c, "421[\"moved\"]");
  client_expect(c, "431[1]");
  client_send(c, "422[\"after\"]");
  client_expect(c, "432[1]");
  client_close(c);
}

void the_binaries_of_an_event_without_callbacks() {
  bellwire::server io(bellwire::config().deliver(delivery::polled));
  const uint16_t port = io.listen("127.0.0.1", 0);
  (void)io.of("/");
  std::thread sender([port] {
    client *c = client_connect(port, "/", nullptr);
    client_send(c, "452-[\"b\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    client_send_binary(c, "zero", 4);
    client_send_binary(c, "one", 3);
    client_expect(c, "42[\"done\"]");
    client_close(c);
  });
  bool got = false;
  while (!got) {
    const auto ev = io.next(ms(PATIENCE_MS));
    if (!ev || ev->raw().type != BW_EV_MESSAGE) continue;
    got = true;
    CHECK_INT(2, static_cast<int64_t>(ev->raw().n_bins));
    const auto zero = ev->bytes(0), one = ev->bytes(1);
    CHECK(zero.len == 4 && std::memcmp(zero.data, "zero", 4) == 0);
    CHECK(one.len == 3 && std::memcmp(one.data, "one", 3) == 0);
    ev->socket().emit("done");
  }
  sender.join();
}

// ------------------------------------------------------------------ durations

void negative_durations_are_zero() {
  using namespace std::chrono;
  static_assert(bellwire::wait_ms(ms(-7)) == 0);
  static_assert(bellwire::wait_ms(nanoseconds(1)) == 1);
  static_assert(bellwire::wait_ms(nanoseconds(-1)) == 0);
  static_assert(bellwire::wait_ms(hours(1'000'000)) == 2'147'483'647);
  CHECK_INT(0, bellwire::wait_ms(duration<double>(std::nan(""))));
  CHECK_INT(2'147'483'647, bellwire::wait_ms(duration<double>(HUGE_VAL)));
  bellwire::server io(bellwire::config().deliver(delivery::polled));
  const auto late = steady_clock::now();
  CHECK_INT(0, io.poll(late - steady_clock::now()));
  CHECK_INT(0, io.poll(ms(-7)));
  CHECK(!io.next(ms(-7)));
  io.shutdown(ms(-7));
}

// A negative timeout does not wait without limit.
void a_late_timeout_ends() {
  host h(delivery::threads);
  std::atomic<int> status{1};
  h.io.of("/").on_connection([&](const event &ev) {
    ev.socket().emit_ack(bellwire::message::of("?"), ms(-5),
                         [&](const bellwire::outcome &o) { status = o.status(); });
  });
  client *c = client_connect(h.port, "/", nullptr);
  EVENTUALLY(status != 1);
  CHECK_INT(BW_E_TIMEOUT, status);
  client_close(c);
}

// ---------------------------------------------------------------- no receivers

void a_socket_that_is_none() {
  const bellwire::socket none;
  const auto unused = [](const bellwire::outcome &) { FAIL("there is no receiver"); };
  CHECK(!none.emit("x", 1));
  CHECK(!none.emit(bellwire::message::of("x")));
  CHECK(!none.emit_ack(bellwire::message::of("x"), ms(10), unused));
  CHECK(!none.to_it().fetch(unused));
  CHECK(!none.send_text("x") && !none.send_binary({"x", 1}));
  CHECK(!none.join("r") && !none.leave("r") && !none.disconnect() && !none.close());
  CHECK(!none.connected() && none.id().empty() && none.rooms().empty() && none.data().empty());
  CHECK(!none.set_data("{}") && !none.set_user(std::make_unique<int>(1)));
  CHECK(!bellwire::operation{}.cancel());
}

// ------------------------------------------------------------ child processes

int stderr_is_told() {
  host h(delivery::threads);
  h.io.of("/").on("evil\n", [](const event &) { throw std::runtime_error("bad\x1b[2J"); });
  h.io.of("/").on("more", [](const event &) { throw 1; });
  client *c = client_connect(h.port, "/", nullptr);
  client_send(c, "42[\"evil\\n\"]");
  for (int i = 0; i < 1000; i++) client_send(c, "42[\"more\"]");
  std::atomic<bool> done{false};
  h.io.of("/").on("end", [&](const event &) { done = true; });
  client_send(c, "42[\"end\"]");
  EVENTUALLY(done);
  client_close(c);
  return 21;
}

int abort_is_an_option() {
  host h(delivery::threads);
  h.io.on_exception(bellwire::abort_on_exception);
  h.io.of("/").on("x", [](const event &) { throw std::runtime_error("the last one"); });
  client *c = client_connect(h.port, "/", nullptr);
  client_send(c, "42[\"x\"]");
  for (;;) sleep(1);
}

// The server ends once the callback has returned: its port is closed.
int server_ends_in_a_callback() {
  for (const delivery d : DELIVERIES) {
    auto io = std::make_unique<bellwire::server>(bellwire::config().deliver(d));
    const uint16_t port = io->listen("127.0.0.1", 0);
    auto dropped = std::make_shared<int>(1);
    const std::weak_ptr<int> listener = dropped;
    io->of("/").on("end", [&io, dropped](const event &) { io.reset(); });
    dropped.reset();
    std::thread poller;
    if (d == delivery::polled)
      poller = std::thread([&io] {
        while (io) io->poll(ms(10));
      });
    client *c = client_connect(port, "/", nullptr);
    client_send(c, "42[\"end\"]");
    client_expect_end(c);
    EVENTUALLY(listener.expired());
    client_close(c);
    if (poller.joinable()) poller.join();
  }
  return 22;
}

// A client that does not read: on_dropped reports how many messages were dropped.
// A client that reads gets all of them.
void what_is_dropped_is_told() {
  for (const delivery d : DELIVERIES) {
    std::atomic<int64_t> dropped{0}, emitted{0};
    host h(d, "{\"engine\":{\"sendBufferHigh\":1000,\"sendBufferLow\":1000,\"sendBufferMax\":1000}}");
    const auto nsp = h.io.of("/");
    std::string told_of;
    std::mutex lock;
    nsp.on_dropped([&](const event &ev) {
      const std::lock_guard<std::mutex> hold(lock);
      told_of = std::string(ev.socket().id());
      dropped += ev.code();
    });
    client *slow = client_connect(h.port, "/", nullptr);
    const std::string id = client_sid(slow);
    const std::string large(1 << 20, 'x');
    while (dropped == 0) {
      nsp.to(id).emit("e", large);
      emitted++;
    }
    {
      const std::lock_guard<std::mutex> hold(lock);
      CHECK(told_of == id);
    }
    CHECK(dropped <= emitted);
    EVENTUALLY(dropped == h.io.stat("send_buffer_full_total"));
    const int64_t before = h.io.stat("send_buffer_full_total");
    client *reading = client_connect(h.port, "/", nullptr);
    const std::string reader = client_sid(reading);
    for (int i = 0; i < 20; i++) {
      nsp.to(reader).emit("n", i);
      client_expect(reading, ("42[\"n\"," + std::to_string(i) + "]").c_str());
    }
    CHECK_INT(before, h.io.stat("send_buffer_full_total"));
    client_close(reading);
    client_close(slow);
  }
}

// poll_until handles events until the deadline, and returns at the deadline without any.
void polling_ends_at_its_time() {
  using clock = std::chrono::steady_clock;
  bellwire::server io(bellwire::config("{}").deliver(delivery::polled));
  const uint16_t port = io.listen("127.0.0.1", 0);
  int handled = 0;
  const auto nsp = io.of("/");
  nsp.on("e", [&](const event &) {
    if (++handled == 2) io.wakeup();
  });
  const auto soon = clock::now() + ms(30);
  while (clock::now() < soon) io.poll_until(soon);
  CHECK(clock::now() >= soon);
  CHECK_INT(0, static_cast<int64_t>(io.poll_until(clock::time_point()))); // long ago
  std::thread peer([&] {
    client *c = client_connect(port, "/", nullptr);
    client_send(c, "42[\"e\"]");
    client_send(c, "42[\"e\"]");
    client_close(c);
  });
  // The handler wakes the poll long before the deadline.
  const auto late = clock::now() + std::chrono::hours(1);
  uint32_t told = 0;
  while (handled < 2) told += io.poll_until(late);
  CHECK(told >= 2);
  CHECK(clock::now() < late);
  peer.join();
}

// The callback is called once with the error, and the callable is destroyed.
void an_open_broadcast_ends_with_its_server() {
  for (const delivery d : DELIVERIES) {
    const auto kept = std::make_shared<int>(0);
    std::atomic<int> told{0}, closed{0};
    {
      host h(d);
      const auto nsp = h.io.of("/");
      client *c = client_connect(h.port, "/", nullptr);
      const auto callback = [&told, &closed, kept](const bellwire::outcome &o) {
        told++;
        if (o.status() == BW_E_CLOSED) closed++;
      };
      CHECK(nsp.all().timeout(std::chrono::hours(1)).emit_ack(bellwire::message::of("?"), callback));
      client_expect_start(c, "42");
      client_close(c);
    }
    CHECK_INT(1, told);
    CHECK_INT(1, closed);
    CHECK_INT(1, kept.use_count());
  }
}

void parts_of_their_own() {
  static char errors[65536];
  const int64_t start = now_ms();
  CHECK_INT(21, run_child("stderr_is_told", 120, errors, sizeof errors));
  const int64_t seconds = (now_ms() - start) / 1000 + 2; // begun ones count
  if (!strstr(errors, "event \"evil?\": bad?[2J\n")) FAIL("%s", errors);
  CHECK(strstr(errors, "event \"more\": it is not a std::exception\n"));
  CHECK(std::count(errors, errors + strlen(errors), '\n') <= 21 * seconds);
  CHECK_INT(-6, run_child("abort_is_an_option", 120, errors, sizeof errors));
  CHECK(strstr(errors, "event \"x\": the last one\n"));
  CHECK_INT(22, run_child("server_ends_in_a_callback", 120, errors, sizeof errors));
  CHECK(strstr(errors, "~server in a callback"));
}

} // namespace

extern "C" {
extern const child_part child_parts[] = {{"stderr_is_told", stderr_is_told},
                                         {"abort_is_an_option", abort_is_an_option},
                                         {"server_ends_in_a_callback", server_ends_in_a_callback},
                                         {nullptr, nullptr}};
}

RUN(TEST(natural_code_survives_hostile_data), TEST(every_callback_catches),
    TEST(a_handler_may_throw_and_may_be_replaced), TEST(handlers_have_types),
    TEST(a_part_is_relayed_with_its_binaries), TEST(listeners_end_with_their_object),
    TEST(the_end_of_a_group_waits), TEST(a_question_of_a_removed_listener_is_accepted),
    TEST(a_group_goes_on_after_its_end), TEST(the_binaries_of_an_event_without_callbacks),
    TEST(negative_durations_are_zero), TEST(a_late_timeout_ends), TEST(a_socket_that_is_none),
    TEST(what_is_dropped_is_told), TEST(polling_ends_at_its_time),
    TEST(an_open_broadcast_ends_with_its_server), TEST(parts_of_their_own))
