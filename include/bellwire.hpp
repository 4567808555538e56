// bellwire.hpp - the C++17 face of bellwire.h.
//
// Header-only: it has no binary interface of its own and no macros, and compiles
// with and without exceptions and RTTI.  Its parts are in bellwire/.  What a
// function does, and on which thread, is said in bellwire.h; this file says what
// C++ adds:
//
//   Lifetimes   bellwire::server, config, args and message own what they hold
//               and free it.  nsp, socket, listener and operation are values of
//               eight bytes: copy them, store them, forget them.
//   Views       event, outcome, value and what they return (string_view, blob)
//               are valid during the callback.  event::keep() keeps the payload.
//   Callables   Any callable goes where a callback does.  It is moved to the
//               heap and destroyed exactly once, when nothing calls it any more.
//               What it refers to must live as long as its listener: in
//                 bellwire::server io; Game game(io);
//               game ends first, while io still calls its listeners.  A member
//               bellwire::subscriptions of Game, declared last, removes them and
//               waits for those that run.
//   Exceptions  An exception that leaves a callback is caught there, so that
//               what a client sends does not end the program.  It is told to
//               server::on_exception, or else printed to stderr, and the server
//               goes on; a question is then refused.
//   Errors      A peer that has left, is too slow, or a server that closes is
//               no error: the call returns false, and so does a call for
//               bellwire::socket{}.  Everything else throws bellwire::error.
//               Without exceptions, what cannot be sent is printed to stderr and
//               the call returns false; other errors end the program.
//   Durations   A negative time to wait is no time.
//
//   bellwire::server io;
//   auto chat = io.of("/");
//   chat.on_connection([&](const bellwire::event &ev) {
//     ev.socket().join("lobby");
//     chat.to("lobby").from(ev.socket()).emit("joined", ev.socket().id());
//   });
//   chat.on("say", [&](const bellwire::event &ev) {
//     chat.to("lobby").emit("said", ev.get<std::string_view>("/0"));
//     if (auto ack = ev.ack()) ack(true);
//   });
//   io.listen("127.0.0.1", 3000);
#ifndef BW_HPP
#define BW_HPP

#include "bellwire.h"

#include "bellwire/args.hpp"
#include "bellwire/callback.hpp"
#include "bellwire/value.hpp"

#include <cstdio>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace bellwire {

// An event name with its arguments, encoded once: counted, immutable, for any
// thread and any number of receivers.
class message {
 public:
  message() = default;
  message(std::string_view event, const args &a) {
    bw_payload p;
    if (a.payload_to(p, event)) (void)sent(bw_message_new(&p, &m_));
  }
  message(std::string_view event, const encoded &e) {
    const auto blobs = copied(e);
    bw_payload p = bw_payload_of(str(event), str(e.args_json));
    p.bins = blobs.data();
    p.n_bins = blobs.size();
    (void)sent(bw_message_new(&p, &m_));
  }
  template <class... A> static message of(std::string_view event, const A &...a) {
    return message(event, args(a...));
  }
  static message retain(const bw_message *m) {
    message r;
    if (m) r.m_ = bw_message_retain(m);
    return r;
  }
  message(const message &o) : m_(o.m_ ? bw_message_retain(o.m_) : nullptr) {}
  message(message &&o) noexcept : m_(std::exchange(o.m_, nullptr)) {}
  message &operator=(message o) noexcept {
    std::swap(m_, o.m_);
    return *this;
  }
  ~message() { bw_message_release(&m_); }
  explicit operator bool() const noexcept { return m_ != nullptr; }

  value at(std::string_view pointer) const { return read(m_, pointer); }
  template <class T> T get(std::string_view pointer, T fallback = T{}) const {
    return at(pointer).template as<T>(std::move(fallback));
  }
  std::string_view args_json() const noexcept {
    bw_str s{nullptr, 0};
    return bw_message_args(m_, &s) == BW_OK ? view(s) : std::string_view();
  }
  const bw_message *get() const noexcept { return m_; }

  static value read(const bw_message *m, std::string_view pointer) noexcept {
    bw_value v;
    return m && bw_message_get(m, str(pointer), &v, sizeof v) == BW_OK ? value(v, m) : value();
  }

 private:
  const bw_message *m_ = nullptr;
};

// ------------------------------------------------------- answers and questions

// What a client waits for; call it, once, from any thread, now or later.  When
// none is waited for, calling it does nothing and returns false.
class ack {
 public:
  explicit ack(bw_ack a = 0) noexcept : a_(a) {}
  explicit operator bool() const noexcept { return a_ != 0; }
  template <class... A> bool operator()(const A &...a) const { return send(args(a...)); }
  bool send(const args &a) const {
    bw_payload p;
    return a_ && a.payload_to(p, "") && sent(bw_ack_send(a_, &p));
  }
  bool send(const encoded &e) const {
    if (!a_) return false;
    const auto blobs = copied(e);
    bw_payload p = bw_payload_of({nullptr, 0}, str(e.args_json));
    p.bins = blobs.data();
    p.n_bins = blobs.size();
    return sent(bw_ack_send(a_, &p));
  }
  // Gives it back without an answer; false when it was answered, or the client has left.
  bool drop() const { return a_ && bw_ack_drop(a_) == BW_OK; }
  bw_ack get() const noexcept { return a_; }

 private:
  bw_ack a_;
};

// What the engine waits for: may this client, or this packet, come in?  Move it
// to where the answer is known; one that is destroyed unanswered refuses.
class deferred {
 public:
  explicit deferred(bw_deferred d) noexcept : d_(d) {}
  deferred(deferred &&o) noexcept : d_(std::exchange(o.d_, 0)) {}
  deferred &operator=(deferred &&o) noexcept {
    std::swap(d_, o.d_);
    return *this;
  }
  ~deferred() {
    if (d_) (void)bw_deferred_reject(d_, 0, BW_S("not answered"), BW_S(""));
  }
  bool accept() { return sent(bw_deferred_accept(std::exchange(d_, 0))); }
  // The client finds both in its connect_error.
  bool reject(std::string_view why, std::string_view data_json = "", int32_t code = 0) {
    return sent(bw_deferred_reject(std::exchange(d_, 0), code, str(why), str(data_json)));
  }
  // For BW_EV_HEADERS, before accepting.
  void header(std::string_view name, std::string_view text) {
    check(bw_deferred_set_header(d_, str(name), str(text)));
  }

 private:
  bw_deferred d_;
};

// ------------------------------------------------------------------- handshake

// How a client came: counted, and readable after it has left.  Keep it while
// views of it are in use.
class handshake {
 public:
  handshake() = default;
  static handshake retain(const bw_handshake *h) {
    handshake r;
    if (h) r.h_ = bw_handshake_retain(h);
    return r;
  }
  static handshake adopt(const bw_handshake *h) noexcept {
    handshake r;
    r.h_ = h;
    return r;
  }
  handshake(const handshake &o) : h_(o.h_ ? bw_handshake_retain(o.h_) : nullptr) {}
  handshake(handshake &&o) noexcept : h_(std::exchange(o.h_, nullptr)) {}
  handshake &operator=(handshake o) noexcept {
    std::swap(h_, o.h_);
    return *this;
  }
  ~handshake() { bw_handshake_release(&h_); }
  explicit operator bool() const noexcept { return h_ != nullptr; }

  std::string_view text(bw_hs_key key) const noexcept {
    bw_str s{nullptr, 0};
    return h_ && bw_handshake_str(h_, key, &s) == BW_OK ? view(s) : std::string_view();
  }
  int64_t number(bw_hs_key key) const noexcept {
    int64_t n = 0;
    return h_ && bw_handshake_int(h_, key, &n) == BW_OK ? n : 0;
  }
  std::string_view id() const noexcept { return text(BW_HS_SID); }
  std::string_view address() const noexcept { return text(BW_HS_ADDRESS); }
  std::string_view url() const noexcept { return text(BW_HS_URL); }
  std::string_view auth_json() const noexcept { return text(BW_HS_AUTH_JSON); }
  bool secure() const noexcept { return number(BW_HS_SECURE) != 0; }
  std::string_view header(std::string_view name) const noexcept {
    bw_str s{nullptr, 0};
    return h_ && bw_handshake_header(h_, str(name), &s) == BW_OK ? view(s) : std::string_view();
  }
  std::string_view query(std::string_view name) const noexcept {
    bw_str s{nullptr, 0};
    return h_ && bw_handshake_query(h_, str(name), &s) == BW_OK ? view(s) : std::string_view();
  }
  value auth(std::string_view pointer) const noexcept {
    bw_value v;
    return h_ && bw_handshake_auth(h_, str(pointer), &v, sizeof v) == BW_OK ? value(v, nullptr, h_) : value();
  }
  template <class T> T auth(std::string_view pointer, T fallback) const {
    return auth(pointer).template as<T>(std::move(fallback));
  }

 private:
  const bw_handshake *h_ = nullptr;
};

// ------------------------------------------------------------ values with an id

class outcome;

// An emit with acknowledgement, or a fetch, under way; false when there is nobody
// to ask, and then the callback is not called.
struct operation {
  bw_op v = 0;
  explicit operator bool() const noexcept { return v != 0; }
  bool cancel() const { return v && sent(bw_op_cancel(v)); }
};

// Whom to send to, put together step by step, and what to do with them:
//   nsp.to("a").to("b").except("c").is_volatile().emit("event", 1, 2)
class target {
 public:
  explicit target(bw_scope scope) { t_.scope = scope; }
  // More than one room: everyone who is in any of them, once.
  target &to(std::string_view room) {
    rooms_.emplace_back(room);
    return *this;
  }
  target &except(std::string_view room) {
    except_.emplace_back(room);
    return *this;
  }
  // Leaves this socket out.
  target &from(const struct socket &sender);
  // Dropped for clients that cannot take it at once.
  target &is_volatile() {
    t_.flags |= BW_TO_VOLATILE;
    return *this;
  }
  target &local() {
    t_.flags |= BW_TO_LOCAL;
    return *this;
  }
  // How long emit_ack waits; 0 is no limit, for one socket.
  template <class Rep, class Period> target &timeout(std::chrono::duration<Rep, Period> d) {
    const auto wait = static_cast<uint32_t>(wait_ms(d));
    t_.timeout_ms = wait == 0 && d != d.zero() ? 1 : wait; // late is not "for ever"
    return *this;
  }

  template <class... A> bool emit(std::string_view event, const A &...a) {
    return emit_args(event, args(a...));
  }
  bool emit_args(std::string_view event, const args &a) {
    bw_payload p;
    return a.payload_to(p, event) && has_scope() && sent(bw_emit(fix(), &p));
  }
  bool emit(const message &m) { return has_scope() && sent(bw_emit_message(fix(), m.get())); }
  // Asks; f(const outcome &) is called once, with the answers there are.
  template <class F> operation emit_ack(const message &m, F f) {
    operation op;
    if (!has_scope()) return op;
    auto *box = new F(std::move(f));
    (void)sent(bw_emit_ack(fix(), m.get(), &thunk<outcome, F>::call, box, &thunk<outcome, F>::drop, &op.v));
    return op;
  }
  // Raw mode: one message as text or bytes.
  bool send_text(std::string_view text) { return has_scope() && sent(bw_send_text(fix(), str(text))); }
  bool send_binary(blob b) {
    return has_scope() && sent(bw_send_binary(fix(), {b.data, b.len, nullptr, nullptr}));
  }

  bool join(std::string_view room) {
    const bw_str r = str(room);
    return has_scope() && sent(bw_join(fix(), &r, 1));
  }
  bool leave(std::string_view room) {
    const bw_str r = str(room);
    return has_scope() && sent(bw_leave(fix(), &r, 1));
  }
  // close: the whole connection, not only this namespace.
  bool disconnect() { return has_scope() && sent(bw_disconnect(fix(), 0)); }
  bool close() { return has_scope() && sent(bw_disconnect(fix(), 1)); }
  // Who is there; f(const outcome &) is called once, with their sockets.
  template <class F> operation fetch(F f) {
    operation op;
    if (!has_scope()) return op;
    auto *box = new F(std::move(f));
    (void)sent(bw_fetch_sockets(fix(), &thunk<outcome, F>::call, box, &thunk<outcome, F>::drop, &op.v));
    return op;
  }

 private:
  // False for bellwire::socket{}.
  bool has_scope() const noexcept { return t_.scope || t_.sender; }
  const bw_target *fix() {
    room_views_.assign(rooms_.size(), bw_str{});
    except_views_.assign(except_.size(), bw_str{});
    for (size_t i = 0; i < rooms_.size(); i++) room_views_[i] = str(rooms_[i]);
    for (size_t i = 0; i < except_.size(); i++) except_views_[i] = str(except_[i]);
    t_.rooms = room_views_.data();
    t_.n_rooms = room_views_.size();
    t_.except = except_views_.data();
    t_.n_except = except_views_.size();
    return &t_;
  }
  bw_target t_ = BW_TARGET_INIT;
  std::vector<std::string> rooms_, except_;
  std::vector<bw_str> room_views_, except_views_;
};

// One client in one namespace: an id, to be copied and kept at will.
struct socket {
  bw_socket v = 0;
  constexpr socket(bw_socket id = 0) noexcept : v(id) {}
  explicit operator bool() const noexcept { return v != 0; }
  friend bool operator==(socket a, socket b) noexcept { return a.v == b.v; }
  friend bool operator!=(socket a, socket b) noexcept { return a.v != b.v; }
  friend bool operator<(socket a, socket b) noexcept { return a.v < b.v; }

  target to_it() const { return target(v); }
  template <class... A> bool emit(std::string_view event, const A &...a) const {
    return emit_args(event, args(a...));
  }
  bool emit_args(std::string_view event, const args &a) const {
    bw_payload p;
    const bw_target t = bw_to(v);
    return a.payload_to(p, event) && v && sent(bw_emit(&t, &p));
  }
  bool emit(const message &m) const {
    const bw_target t = bw_to(v);
    return v && sent(bw_emit_message(&t, m.get()));
  }
  // Asks this client; a timeout of 0 waits as long as it stays.
  template <class Rep, class Period, class F>
  operation emit_ack(const message &m, std::chrono::duration<Rep, Period> timeout, F f) const {
    return to_it().timeout(timeout).emit_ack(m, std::move(f));
  }
  bool send_text(std::string_view text) const { return to_it().send_text(text); }
  bool send_binary(blob b) const { return to_it().send_binary(b); }
  bool join(std::string_view room) const { return to_it().join(room); }
  bool leave(std::string_view room) const { return to_it().leave(room); }
  bool disconnect() const { return to_it().disconnect(); }
  bool close() const { return to_it().close(); }

  // False, empty or 0 when it has left.
  bool connected() const noexcept { return number(BW_SK_CONNECTED) != 0; }
  bool is_websocket() const noexcept { return number(BW_SK_TRANSPORT) == BW_TR_WEBSOCKET; }
  int64_t number(bw_socket_key key) const noexcept {
    int64_t n = 0;
    return bw_socket_int(v, key, &n) == BW_OK ? n : 0;
  }
  std::string id() const { return std::string(handshake().id()); }
  bellwire::handshake handshake() const {
    const bw_handshake *h = nullptr;
    (void)bw_socket_handshake(v, &h);
    return bellwire::handshake::adopt(h);
  }
  std::vector<std::string> rooms() const {
    std::vector<std::string> names;
    bw_list list{nullptr, 0, nullptr};
    if (!v || !sent(bw_socket_rooms(v, &list))) return names;
    for (size_t i = 0; i < list.n; i++) names.emplace_back(view(list.items[i]));
    bw_list_free(&list);
    return names;
  }
  // Any JSON that others may fetch.
  std::string data() const {
    bw_buf buf{nullptr, 0, nullptr};
    return v && sent(bw_socket_data_get(v, &buf)) ? take(buf) : std::string();
  }
  bool set_data(std::string_view json_text) const { return v && sent(bw_socket_data_set(v, str(json_text))); }
  // An object of the program's, in event::user<T>() from now on; deleted after
  // the socket's last event.
  template <class T> bool set_user(std::unique_ptr<T> object) const {
    if (!v) return false;
    return sent(bw_socket_user_set(v, object.release(), [](void *p) { delete static_cast<T *>(p); }));
  }
};

inline target &target::from(const socket &sender) {
  t_.sender = sender.v;
  return *this;
}

// ---------------------------------------------------------------------- events

// Which limit, deadline or rule ended a connection: a view, valid as long as its event.
class cause {
 public:
  explicit cause(const bw_cause *c) noexcept : c_(c) {}
  explicit operator bool() const noexcept { return c_ != nullptr; }
  int32_t kind() const noexcept { return c_ ? c_->kind : 0; } // BW_CAUSE_*
  std::string_view text() const noexcept { return c_ ? view(c_->text) : std::string_view(); }
  // The option that sets the limit, its value, and the number that was compared with it.
  std::string_view option() const noexcept { return c_ ? view(c_->option) : std::string_view(); }
  uint64_t limit() const noexcept { return c_ ? c_->limit : 0; }
  uint64_t seen() const noexcept { return c_ ? c_->seen : 0; }

 private:
  const bw_cause *c_;
};

// What a callback is told: a view of one bw_event.
class event {
 public:
  explicit event(const bw_event &e) noexcept : e_(&e) {}
  const bw_event &raw() const noexcept { return *e_; }
  bw_event_type type() const noexcept { return e_->type; }
  bellwire::socket socket() const noexcept { return {e_->socket}; }
  std::string_view nsp() const noexcept { return view(e_->nsp_name); }
  // The event, room, transport, reason or error text: what the type says.
  std::string_view name() const noexcept { return view(e_->name); }
  int32_t code() const noexcept { return e_->code; }
  // Of a disconnect: what ended the connection; false when the reason says it all.
  bellwire::cause cause() const noexcept { return bellwire::cause(e_->cause); }
  bw_status status() const noexcept { return e_->status; }
  bellwire::handshake handshake() const {
    return e_->handshake ? bellwire::handshake::retain(e_->handshake) : socket().handshake();
  }
  template <class T> T *user() const noexcept { return static_cast<T *>(e_->user); }

  // The arguments: their number, their text, and single values of them:
  // ev.get<double>("/0/pos/x") - the pointer begins with the argument's index.
  size_t size() const noexcept { return e_->n_args; }
  std::string_view args_json() const noexcept { return view(e_->args); }
  // All of them, one after the other.
  detail::walk<value> items() const noexcept { return at("").items(); }
  value at(std::string_view pointer) const noexcept { return message::read(e_->message, pointer); }
  template <class T> T get(std::string_view pointer, T fallback = T{}) const {
    return at(pointer).template as<T>(std::move(fallback));
  }
  bellwire::encoded encoded() const {
    bellwire::encoded e{args_json()};
    for (size_t i = 0; i < e_->n_bins; i++) e.bins.push_back(bytes(i));
    return e;
  }
  message keep() const { return message::retain(e_->message); }
  // False when no answer is waited for.
  bellwire::ack ack() const noexcept { return bellwire::ack(e_->ack); }

  // Raw mode: one message, as text or as bytes.
  bool is_text() const noexcept { return (e_->flags & BW_EVF_TEXT) != 0; }
  std::string_view text() const noexcept { return view(e_->args); }
  blob bytes(size_t i = 0) const noexcept {
    return i < e_->n_bins ? blob{e_->bins[i].data, e_->bins[i].len} : blob{};
  }

 private:
  const bw_event *e_;
};

namespace detail {

// f(const event &, A...) as f(const event &): the arguments are read first.
template <class F, class... A> struct typed {
  F f;
  void operator()(const event &ev) {
    std::tuple<plain<A>...> read;
    const auto all = ev.at("").items();
    auto next = all.begin();
    size_t count = 0;
    const auto one = [&](auto &part) {
      const value item = next != all.end() ? *next : value();
      if (next != all.end()) ++next;
      count++;
      return item.to(part);
    };
    if (std::apply([&](auto &...part) { return (one(part) && ...); }, read))
      std::apply([&](auto &...part) { f(ev, std::move(part)...); }, read);
    else
      exception_left(ev.raw(), "argument " + std::to_string(count - 1) + " is missing or of another type");
  }
};
template <class F, class Signature> struct typed_of;
template <class F, class R, class... A> struct typed_of<F, R(const event &, A...)> {
  using type = typed<F, A...>;
};
template <class M> struct signature;
template <class C, class R, class... A> struct signature<R (C::*)(A...)> {
  using type = R(A...);
};
template <class C, class R, class... A> struct signature<R (C::*)(A...) const> {
  using type = R(A...);
};
template <class C, class R, class... A> struct signature<R (C::*)(A...) noexcept> {
  using type = R(A...);
};
template <class C, class R, class... A> struct signature<R (C::*)(A...) const noexcept> {
  using type = R(A...);
};
template <class F> struct signature_of : signature<decltype(&F::operator())> {};
template <class R, class... A> struct signature_of<R (*)(A...)> {
  using type = R(A...);
};

template <class F> auto handler(F f) {
  if constexpr (std::is_invocable_v<F &, const event &>)
    return f;
  else
    return typename typed_of<F, typename signature_of<F>::type>::type{std::move(f)};
}

} // namespace detail

// How an operation has ended.
class outcome : public event {
 public:
  explicit outcome(const bw_event &e) noexcept : event(e) {}
  bool ok() const noexcept { return status() == BW_OK; }
  bool timed_out() const noexcept { return status() == BW_E_TIMEOUT; }

  // Of emit_ack, in the order in which they came.
  size_t replies() const noexcept { return raw().n_replies; }
  bellwire::socket reply_from(size_t i) const noexcept { return {raw().replies[i]->socket}; }
  std::string_view reply_json(size_t i) const noexcept { return view(raw().replies[i]->args); }
  bellwire::encoded reply_encoded(size_t i) const {
    bellwire::encoded e{reply_json(i)};
    bw_bytes b{nullptr, 0};
    while (bw_message_bin(raw().replies[i]->message, e.bins.size(), &b) == BW_OK)
      e.bins.push_back({b.data, b.len});
    return e;
  }
  value reply(size_t i, std::string_view pointer = "/0") const noexcept {
    return message::read(raw().replies[i]->message, pointer);
  }

  // Of fetch.
  struct remote {
    bellwire::socket socket;
    std::string_view id, data_json, handshake_json;
    std::vector<std::string_view> rooms;
  };
  size_t sockets() const noexcept { return raw().n_sockets; }
  remote at_socket(size_t i) const {
    const bw_remote_socket &r = *raw().sockets[i];
    remote out{{r.socket}, view(r.sid), view(r.data_json), view(r.handshake_json), {}};
    for (size_t k = 0; k < r.n_rooms; k++) out.rooms.push_back(view(r.rooms[k]));
    return out;
  }
};

// What can be listened for, in terms of Self::listen.
template <class Self> class listening {
 public:
  // An event of a client; f(const event &), or with the types of its arguments,
  // which are all that value::to takes:
  //   nsp.on("move", [](const bellwire::event &ev, double x, double y) { ... });
  // When an argument is missing or of another type, f is not called, and that is
  // told as an exception is.
  template <class F> listener on(std::string_view name, F f) const {
    return self().listen(BW_EV_MESSAGE, name, detail::handler(std::move(f)));
  }
  template <class F> listener once(std::string_view name, F f) const {
    return self().listen(BW_EV_MESSAGE, name, detail::handler(std::move(f)), BW_LISTEN_ONCE);
  }
  // Every event of a client, before the named ones.
  template <class F> listener on_any(F f) const { return self().listen(BW_EV_MESSAGE, "", std::move(f)); }
  // Every event that is about to be sent.
  template <class F> listener on_any_outgoing(F f) const {
    return self().listen(BW_EV_OUTGOING, "", std::move(f));
  }
  template <class F> listener on_connection(F f) const {
    return self().listen(BW_EV_CONNECTION, "", std::move(f));
  }
  template <class F> listener on_disconnecting(F f) const {
    return self().listen(BW_EV_DISCONNECTING, "", std::move(f));
  }
  template <class F> listener on_disconnect(F f) const {
    return self().listen(BW_EV_DISCONNECT, "", std::move(f));
  }
  template <class F> listener on_upgrade(F f) const { return self().listen(BW_EV_UPGRADE, "", std::move(f)); }
  template <class F> listener on_drain(F f) const { return self().listen(BW_EV_DRAIN, "", std::move(f)); }
  // Messages for a client found no room in its send buffer; code() is how many since the last time.
  template <class F> listener on_dropped(F f) const { return self().listen(BW_EV_DROPPED, "", std::move(f)); }
  // Questions; f(const event &, deferred): before a client comes in, before
  // each of its events, before each request.
  template <class F> listener use(F f) const { return ask(BW_EV_MIDDLEWARE, std::move(f)); }
  template <class F> listener use_packet(F f) const { return ask(BW_EV_PACKET_MIDDLEWARE, std::move(f)); }
  template <class F> listener allow_request(F f) const { return ask(BW_EV_ALLOW_REQUEST, std::move(f)); }
  template <class F> listener ask(bw_event_type type, F f) const {
    return self().listen(type, "",
                         [f = std::move(f)](const event &ev) mutable { f(ev, deferred(ev.raw().deferred)); });
  }

 private:
  const Self &self() const noexcept { return static_cast<const Self &>(*this); }
};

// The listeners of a server, a namespace or a socket.  Same event and name: all
// are called, in the order in which they were added.
class scope : public listening<scope> {
 public:
  explicit scope(bw_scope id = 0) noexcept : id_(id) {}

  template <class F>
  listener listen(bw_event_type type, std::string_view name, F f, uint32_t flags = 0) const {
    auto *box = new F(std::move(f));
    listener l;
    check(bw_on(id_, type, str(name), flags, &thunk<event, F>::call, box, &thunk<event, F>::drop, &l.v));
    return l;
  }
  bw_scope get() const noexcept { return id_; }

 private:
  bw_scope id_;
};

namespace detail {

// A callable that is called while its gate is open.
template <class F> struct guarded {
  std::shared_ptr<detail::gate> gate;
  F f;
  void operator()(const event &ev) {
    const detail::gate::pass pass(*gate);
    if (pass) return (void)f(ev);
    // The call began before the listener was removed. A question passes, as if the listener had not been there.
    if (ev.raw().deferred) (void)bw_deferred_accept(ev.raw().deferred);
  }
};
template <class F> guarded(std::shared_ptr<gate>, F) -> guarded<F>;

} // namespace detail

// Listeners that are removed when this object ends; its end waits for those that
// run on other threads (not for one that it is called in), so that they may use
// whatever is declared before it:
//   bellwire::subscriptions listeners;
//   listeners.in(io.of("/")).on("move", [this](const bellwire::event &ev) { ... });
class subscriptions {
 public:
  class bound : public listening<bound> {
   public:
    bound(subscriptions &group, scope where) noexcept : group_(&group), where_(where) {}
    template <class F>
    listener listen(bw_event_type type, std::string_view name, F f, uint32_t flags = 0) const {
      const listener l = where_.listen(type, name, detail::guarded<F>{group_->gate(), std::move(f)}, flags);
      group_->listeners_.push_back(l);
      return l;
    }

   private:
    subscriptions *group_;
    scope where_;
  };

  subscriptions() = default;
  subscriptions(subscriptions &&o) noexcept { swap(o); }
  subscriptions &operator=(subscriptions &&o) noexcept {
    subscriptions old(std::move(o));
    swap(old);
    return *this;
  }
  ~subscriptions() { clear(); }
  // Valid while this object is, after clear() too.
  bound in(const scope &where) noexcept { return bound(*this, where); }
  // Removes them now.
  void clear() noexcept {
    for (const listener &l : listeners_) (void)bw_off(l.v);
    listeners_.clear();
    if (gate_) gate_->close();
    gate_.reset();
  }

 private:
  void swap(subscriptions &o) noexcept {
    gate_.swap(o.gate_);
    listeners_.swap(o.listeners_);
  }
  // clear() and a move leave none.
  const std::shared_ptr<detail::gate> &gate() {
    if (!gate_) gate_ = std::make_shared<detail::gate>();
    return gate_;
  }
  std::shared_ptr<detail::gate> gate_;
  std::vector<listener> listeners_;
};

namespace detail {

inline void exception_left(const bw_event &e, std::string_view what) noexcept {
#if defined(__cpp_exceptions)
  try {
    if (const auto handler = exception_handlers::all().of(e.server))
      (*handler)(event(e), what);
    else
      print_exception_rarely(e, what);
  } catch (...) { std::fputs("bellwire: an exception left the handler of server::on_exception\n", stderr); }
#else
  print_exception_rarely(e, what);
#endif
}

} // namespace detail

// For server::on_exception: ends the program.
[[noreturn]] inline void abort_on_exception(const event &ev, std::string_view what) {
  detail::print_exception(ev.raw(), what);
  std::abort();
}

class nsp : public scope {
 public:
  explicit nsp(bw_nsp id = 0) noexcept : scope(id) {}
  target all() const { return target(get()); }
  target to(std::string_view room) const { return std::move(target(get()).to(room)); }
  // Everybody but this one.
  target from(const bellwire::socket &sender) const { return std::move(target(get()).from(sender)); }
  template <class... A> bool emit(std::string_view event, const A &...a) const {
    return all().emit(event, a...);
  }
  bellwire::socket find(std::string_view id) const {
    bw_socket found = 0;
    const bw_status s = bw_socket_find(get(), str(id), &found);
    if (s != BW_E_NOT_FOUND) (void)sent(s);
    return {found};
  }
};

// ---------------------------------------------------------------------- server

enum class delivery : int32_t {
  threads = BW_DELIVER_THREADS, // callbacks on a pool of the engine's
  polled = BW_DELIVER_POLLED,   // callbacks inside server::poll
  inlined = BW_DELIVER_INLINE,  // on the engine's own threads: must not block
};

class config {
 public:
  config() : c_(bw_config_new()) {
    if (!c_) fail(bw_last_error_code());
  }
  // The options object of Socket.IO as JSON.
  explicit config(std::string_view options_json) : config() { json(options_json); }
  config &set(bw_option o, int64_t v) {
    check(bw_config_set_int(c_.get(), o, v));
    return *this;
  }
  config &set(bw_option o, std::string_view v) {
    check(bw_config_set_str(c_.get(), o, str(v)));
    return *this;
  }
  config &json(std::string_view text) {
    check(bw_config_set_json(c_.get(), str(text)));
    return *this;
  }
  config &deliver(delivery d) { return set(BW_OPT_DELIVERY, static_cast<int64_t>(d)); }
  // Engine.IO messages and nothing above them.
  config &raw() { return set(BW_OPT_PROTOCOL, std::string_view("engine.io")); }
  std::string effective() const {
    bw_buf buf{nullptr, 0, nullptr};
    check(bw_config_get_json(c_.get(), &buf));
    return take(buf);
  }
  const bw_config *get() const noexcept { return c_.get(); }

 private:
  struct del {
    void operator()(bw_config *p) const noexcept { bw_config_free(&p); }
  };
  std::unique_ptr<bw_config, del> c_;
};

// Owns the engine.  Its destructor stops at once and waits for callbacks that
// run.  Inside one of them it cannot wait: the server ends on another thread when
// the callback has returned, and stderr is told.
class server {
 public:
  explicit server(const config &c = config()) { check(bw_server_new(c.get(), &s_)); }
  server(server &&o) noexcept : s_(std::exchange(o.s_, 0)) {}
  server &operator=(server &&o) noexcept {
    std::swap(s_, o.s_);
    return *this;
  }
  ~server() {
    if (s_) end(s_);
  }
  // Where exceptions that leave callbacks go from now on, instead of stderr:
  //   io.on_exception([](const bellwire::event &ev, std::string_view what) { ... });
  //   io.on_exception(bellwire::abort_on_exception);
  void on_exception(exception_handler handler) const {
    detail::exception_handlers::all().set(s_, std::move(handler));
  }
  bellwire::nsp of(std::string_view name) const {
    bw_nsp n = 0;
    check(bw_nsp_get(s_, str(name), &n));
    return bellwire::nsp(n);
  }
  // For listeners of the whole server.
  scope events() const noexcept { return scope(s_); }
  // The port, which the system chooses when it is 0.
  uint16_t listen(std::string_view host, uint16_t port) const {
    uint16_t bound = 0;
    check(bw_server_listen_tcp(s_, str(host), port, &bound));
    return bound;
  }
  void listen_unix(std::string_view path, uint32_t mode = 0600) const {
    check(bw_server_listen_unix(s_, str(path), mode));
  }
  void listen_fd(bw_fd fd) const { check(bw_server_listen_fd(s_, fd)); }
  // Answers GET of exactly this path with these bytes.
  void serve(std::string_view path, std::string_view content_type, std::string_view body) const {
    const char *bytes = body.data() ? body.data() : "";
    check(bw_server_serve(s_, str(path), str(content_type),
                          {reinterpret_cast<const uint8_t *>(bytes), body.size()}));
  }
  void unserve(std::string_view path) const {
    check(bw_server_serve(s_, str(path), {nullptr, 0}, {nullptr, 0}));
  }

  // Polled delivery: runs what has arrived; returns how many events that were.
  uint32_t poll() const { return poll(ms(0)); }
  template <class Rep, class Period>
  uint32_t poll(std::chrono::duration<Rep, Period> wait, uint32_t max_events = 0) const {
    const int32_t n = bw_server_poll(s_, max_events, wait_ms(wait));
    check(n);
    return static_cast<uint32_t>(n);
  }
  // Handles events, and waits for more, until the time has come: for loops with ticks. Less when woken.
  template <class Length>
  uint32_t poll_until(std::chrono::time_point<std::chrono::steady_clock, Length> deadline) const {
    using std::chrono::nanoseconds;
    const auto ns = std::chrono::duration_cast<nanoseconds>(deadline.time_since_epoch()).count();
    const int32_t n = bw_server_poll_until(s_, ns > 0 ? static_cast<uint64_t>(ns) : 0);
    check(n);
    return static_cast<uint32_t>(n);
  }
  // The next event without callbacks; nullopt when none came in time.
  std::optional<event> next() const { return next(ms(0)); }
  template <class Rep, class Period>
  std::optional<event> next(std::chrono::duration<Rep, Period> wait) const {
    const bw_event *e = nullptr;
    check(bw_server_next(s_, wait_ms(wait), &e));
    return e ? std::optional<event>(event(*e)) : std::nullopt;
  }
  bw_fd poll_fd() const {
    bw_fd fd{};
    check(bw_server_poll_fd(s_, &fd));
    return fd;
  }
  void wakeup() const noexcept { (void)bw_server_wakeup(s_); }

  int64_t stat(const char *name) const {
    int64_t n = 0;
    check(bw_server_stat(s_, name, &n));
    return n;
  }
  std::string metrics() const {
    bw_buf buf{nullptr, 0, nullptr};
    check(bw_server_metrics(s_, &buf));
    return take(buf);
  }
  // Tells the clients, sends what is queued, and waits for the end.
  template <class Rep, class Period> void shutdown(std::chrono::duration<Rep, Period> deadline) const {
    check(bw_server_close(s_, static_cast<uint32_t>(wait_ms(deadline))));
    check(bw_server_wait(s_, wait_ms(ms(wait_ms(deadline)) + ms(1000))));
  }
  bw_server get() const noexcept { return s_; }

 private:
  static void end(bw_server s) noexcept {
    const bw_server id = s;
    const bw_status status = bw_server_free(&s);
    if (status == BW_E_DEADLOCK || status == BW_E_BUSY) {
      std::fputs("bellwire: ~server in a callback, or beside poll: the server ends on a thread of its own\n",
                 stderr);
      (void)bw_server_close(s, 0);
      end_later(s);
    } else {
      if (status < 0)
        std::fprintf(stderr, "bellwire: ~server: %s: %s\n", bw_status_name(status), bw_last_error());
      detail::exception_handlers::all().forget(id);
    }
  }
  static void end_later(bw_server s) noexcept {
    const auto free = [s]() mutable {
      const bw_server id = s;
      while (bw_server_free(&s) == BW_E_BUSY) std::this_thread::sleep_for(ms(1));
      detail::exception_handlers::all().forget(id);
    };
#if defined(__cpp_exceptions)
    try {
      std::thread(free).detach();
    } catch (const std::system_error &x) {
      std::fprintf(stderr, "bellwire: ~server: the server stays: %s\n", x.what());
    }
#else
    std::thread(free).detach();
#endif
  }
  bw_server s_ = 0;
};

} // namespace bellwire

namespace std {
/// Sockets are equal, and hash alike, if their ids are equal.
template <> struct hash<bellwire::socket> {
  size_t operator()(bellwire::socket x) const noexcept { return hash<uint64_t>{}(x.v); }
};
} // namespace std

#endif
