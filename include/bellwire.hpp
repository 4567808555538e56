/// \file
/// The C++17 interface of Bellwire, on top of bellwire.h.
///
/// Header-only: it has no ABI of its own and no macros, and compiles with and
/// without exceptions and RTTI. Its parts are in bellwire/. bellwire.h documents
/// what each function does and on which threads it may be called; this file
/// documents what C++ adds.
///
/// \par Ownership
/// bellwire::server, config, args, message and handshake own their C object and
/// free it. nsp, socket, listener and operation are ids of eight bytes: they may
/// be copied and stored, and need not be released.
///
/// \par Views
/// event, outcome, value and what they return (std::string_view, blob) are valid
/// until the callback returns. event::keep() returns a message that owns the
/// payload.
///
/// \par Callables
/// Every function that registers a callback takes any callable. The callable is
/// moved to the heap and destroyed exactly once, after its last call. Objects that
/// it refers to must live as long as the listener. For example, in
/// \code
/// bellwire::server io;
/// Game game(io);
/// \endcode
/// game is destroyed first, while io still calls its listeners. To prevent this,
/// give Game a member bellwire::subscriptions, declared last: its destructor
/// removes the listeners and waits for running calls.
///
/// \par Exceptions
/// An exception that leaves a callback is caught, so that input from a client
/// cannot end the program. It is passed to the handler of server::on_exception, or
/// printed to stderr if there is none, and the server continues. If the callback
/// was to answer a question, the question is refused.
///
/// \par Errors
/// Functions that send return false if the peer has left, if its send buffer is
/// full, if the server is closing, or if they are called on a default-constructed
/// socket. All other errors throw bellwire::error. Without exceptions, an error of
/// a function that sends is printed to stderr and the function returns false; all
/// other errors are printed and end the program.
///
/// \par Durations
/// A negative duration is treated as 0.
///
/// \par Example
/// \code
/// bellwire::server io;
/// auto chat = io.of("/");
/// chat.on_connection([&](const bellwire::event &ev) {
///   ev.socket().join("lobby");
///   chat.to("lobby").from(ev.socket()).emit("joined", ev.socket().id());
/// });
/// chat.on("say", [&](const bellwire::event &ev) {
///   chat.to("lobby").emit("said", ev.get<std::string_view>("/0"));
///   if (auto ack = ev.ack()) ack(true);
/// });
/// io.listen("127.0.0.1", 3000);
/// \endcode
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

/// An event name with its arguments, encoded once. Reference-counted and
/// immutable; may be used by any thread and sent to any number of receivers.
class message {
 public:
  /// An empty message, which cannot be sent.
  message() = default;
  /// Encodes an event. Throws bellwire::error if the event name or an argument is
  /// invalid; without exceptions the message is then empty.
  message(std::string_view event, const args &a) {
    bw_payload p;
    if (a.payload_to(p, event)) (void)sent(bw_message_new(&p, &m_));
  }
  /// Encodes an event from arguments in wire format; its attachments are copied.
  message(std::string_view event, const encoded &e) {
    const auto blobs = copied(e);
    bw_payload p = bw_payload_of(str(event), str(e.args_json));
    p.bins = blobs.data();
    p.n_bins = blobs.size();
    (void)sent(bw_message_new(&p, &m_));
  }
  /// Encodes an event from values of the types that args takes.
  template <class... A> static message of(std::string_view event, const A &...a) {
    return message(event, args(a...));
  }
  /// A new reference to a message of the C interface; empty for NULL.
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
  /// False for an empty message.
  explicit operator bool() const noexcept { return m_ != nullptr; }

  /// The value at a JSON pointer (RFC 6901) into the array of arguments:
  /// "/0/pos/x". The absent value if there is none.
  value at(std::string_view pointer) const { return read(m_, pointer); }
  /// The same, converted; fallback if it is absent or not a T. See value::as().
  template <class T> T get(std::string_view pointer, T fallback = T{}) const {
    return at(pointer).template as<T>(std::move(fallback));
  }
  /// The arguments as a JSON array. Valid as long as this message.
  std::string_view args_json() const noexcept {
    bw_str s{nullptr, 0};
    return bw_message_args(m_, &s) == BW_OK ? view(s) : std::string_view();
  }
  /// The C object; the reference stays with this object.
  const bw_message *get() const noexcept { return m_; }

  /// The value at a JSON pointer into the arguments of m, which may be NULL.
  static value read(const bw_message *m, std::string_view pointer) noexcept {
    bw_value v;
    return m && bw_message_get(m, str(pointer), &v, sizeof v) == BW_OK ? value(v, m) : value();
  }

 private:
  const bw_message *m_ = nullptr;
};

// ------------------------------------------------------- answers and questions

/// The acknowledgement that a client waits for. Call it once, on any thread, in
/// the callback or later. If the client does not wait for one, the call has no
/// effect and returns false. A second answer throws bellwire::error with
/// BW_E_ALREADY.
class ack {
 public:
  /// From the id of bw_event.ack; 0 if the client does not wait.
  explicit ack(bw_ack a = 0) noexcept : a_(a) {}
  /// Whether the client waits for an answer.
  explicit operator bool() const noexcept { return a_ != 0; }
  /// Answers with these values. False if the client has left, or does not wait.
  template <class... A> bool operator()(const A &...a) const { return send(args(a...)); }
  /// Answers with these arguments.
  bool send(const args &a) const {
    bw_payload p;
    return a_ && a.payload_to(p, "") && sent(bw_ack_send(a_, &p));
  }
  /// Answers with arguments in wire format; attachments are copied.
  bool send(const encoded &e) const {
    if (!a_) return false;
    const auto blobs = copied(e);
    bw_payload p = bw_payload_of({nullptr, 0}, str(e.args_json));
    p.bins = blobs.data();
    p.n_bins = blobs.size();
    return sent(bw_ack_send(a_, &p));
  }
  /// Releases the id without an answer: the client waits until its own timeout.
  /// False if it was answered before, or the client has left.
  bool drop() const { return a_ && bw_ack_drop(a_) == BW_OK; }
  /// The id for C functions, or 0.
  bw_ack get() const noexcept { return a_; }

 private:
  bw_ack a_;
};

/// A question that the engine waits for: whether a client may connect, a packet
/// may be delivered, or a request be served. Answer in the callback, or move the
/// object and answer later on any thread. The destructor refuses an unanswered
/// question. accept() and reject() return false if the client has left meanwhile.
class deferred {
 public:
  /// From the id of bw_event.deferred.
  explicit deferred(bw_deferred d) noexcept : d_(d) {}
  deferred(deferred &&o) noexcept : d_(std::exchange(o.d_, 0)) {}
  deferred &operator=(deferred &&o) noexcept {
    std::swap(d_, o.d_);
    return *this;
  }
  ~deferred() {
    if (d_) (void)bw_deferred_reject(d_, 0, BW_S("not answered"), BW_S(""));
  }
  /// Accepts; the next listener of the question is asked.
  bool accept() { return sent(bw_deferred_accept(std::exchange(d_, 0))); }
  /// Refuses. A client that a middleware refuses gets why and data_json (JSON text,
  /// or empty) in its connect_error. code is the HTTP status of a refused request;
  /// 0 is the default.
  bool reject(std::string_view why, std::string_view data_json = "", int32_t code = 0) {
    return sent(bw_deferred_reject(std::exchange(d_, 0), code, str(why), str(data_json)));
  }
  /// Adds a response header. Only for BW_EV_HEADERS, before accept(); throws
  /// bellwire::error otherwise, and for an invalid name or value.
  void header(std::string_view name, std::string_view text) {
    check(bw_deferred_set_header(d_, str(name), str(text)));
  }

 private:
  bw_deferred d_;
};

// ------------------------------------------------------------------- handshake

/// The request with which a client connected. Reference-counted; remains readable
/// after the client has left, on any thread. Views that it returns are valid as
/// long as this object or a copy of it.
class handshake {
 public:
  /// An empty handshake: all texts are empty and all numbers 0.
  handshake() = default;
  /// A new reference to a handshake of the C interface; empty for NULL.
  static handshake retain(const bw_handshake *h) {
    handshake r;
    if (h) r.h_ = bw_handshake_retain(h);
    return r;
  }
  /// Takes over a reference that the caller owns.
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
  /// False for an empty handshake.
  explicit operator bool() const noexcept { return h_ != nullptr; }

  /// A text by BW_HS_*; empty if absent.
  std::string_view text(bw_hs_key key) const noexcept {
    bw_str s{nullptr, 0};
    return h_ && bw_handshake_str(h_, key, &s) == BW_OK ? view(s) : std::string_view();
  }
  /// A number by BW_HS_*; 0 if absent.
  int64_t number(bw_hs_key key) const noexcept {
    int64_t n = 0;
    return h_ && bw_handshake_int(h_, key, &n) == BW_OK ? n : 0;
  }
  /// The public id of the socket.
  std::string_view id() const noexcept { return text(BW_HS_SID); }
  /// The IP address of the client.
  std::string_view address() const noexcept { return text(BW_HS_ADDRESS); }
  /// The request target of the first request, with the query.
  std::string_view url() const noexcept { return text(BW_HS_URL); }
  /// The auth object of the client as JSON text.
  std::string_view auth_json() const noexcept { return text(BW_HS_AUTH_JSON); }
  /// Whether the connection is encrypted.
  bool secure() const noexcept { return number(BW_HS_SECURE) != 0; }
  /// A request header by its name; empty if absent.
  std::string_view header(std::string_view name) const noexcept {
    bw_str s{nullptr, 0};
    return h_ && bw_handshake_header(h_, str(name), &s) == BW_OK ? view(s) : std::string_view();
  }
  /// The last query parameter of this name, decoded; empty if absent.
  std::string_view query(std::string_view name) const noexcept {
    bw_str s{nullptr, 0};
    return h_ && bw_handshake_query(h_, str(name), &s) == BW_OK ? view(s) : std::string_view();
  }
  /// The value at a JSON pointer into the client's auth; the absent value if there
  /// is none.
  value auth(std::string_view pointer) const noexcept {
    bw_value v;
    return h_ && bw_handshake_auth(h_, str(pointer), &v, sizeof v) == BW_OK ? value(v, nullptr, h_) : value();
  }
  /// The same, converted; fallback if it is absent or not a T.
  template <class T> T auth(std::string_view pointer, T fallback) const {
    return auth(pointer).template as<T>(std::move(fallback));
  }

 private:
  const bw_handshake *h_ = nullptr;
};

// ------------------------------------------------------------ values with an id

class outcome;

/// The id of an emit with acknowledgement, or of a fetch, that is under way.
struct operation {
  /// The id for C functions, or 0.
  bw_op v = 0;
  /// False if the operation did not begin because the receiver has left; the
  /// callback is then not called.
  explicit operator bool() const noexcept { return v != 0; }
  /// Ends the operation: its callback is called with BW_E_CANCELLED. False if it
  /// has ended before.
  bool cancel() const { return v && sent(bw_op_cancel(v)); }
};

/// The sockets that an operation applies to, and the operations. Owns copies of
/// the room names; one thread at a time.
/// \code
/// nsp.to("a").to("b").except("c").is_volatile().emit("event", 1, 2)
/// \endcode
/// Operations on one socket return false if it has left or its send buffer is
/// full; a broadcast returns true even if it selects none.
class target {
 public:
  /// All sockets of a namespace, or one socket.
  explicit target(bw_scope scope) { t_.scope = scope; }
  /// Selects the sockets in this room. With several rooms, a socket that is in any
  /// of them is selected once.
  target &to(std::string_view room) {
    rooms_.emplace_back(room);
    return *this;
  }
  /// Leaves out the sockets in this room.
  target &except(std::string_view room) {
    except_.emplace_back(room);
    return *this;
  }
  /// Leaves out this socket.
  target &from(const struct socket &sender);
  /// The message is dropped for clients that are not ready to receive it.
  target &is_volatile() {
    t_.flags |= BW_TO_VOLATILE;
    return *this;
  }
  /// Selects only sockets that are connected to this server process.
  target &local() {
    t_.flags |= BW_TO_LOCAL;
    return *this;
  }
  /// How long emit_ack() waits, in whole milliseconds, rounded up. 0 means no limit for
  /// one socket, and an error for a broadcast. A negative duration is 1 ms.
  template <class Rep, class Period> target &timeout(std::chrono::duration<Rep, Period> d) {
    const auto wait = static_cast<uint32_t>(wait_ms(d));
    t_.timeout_ms = wait == 0 && d != d.zero() ? 1 : wait; // a negative duration must not mean "no limit"
    return *this;
  }

  /// Sends an event with these values as arguments. Throws bellwire::error for an
  /// invalid name or value.
  template <class... A> bool emit(std::string_view event, const A &...a) {
    return emit_args(event, args(a...));
  }
  /// Sends an event with these arguments.
  bool emit_args(std::string_view event, const args &a) {
    bw_payload p;
    return a.payload_to(p, event) && has_scope() && sent(bw_emit(fix(), &p));
  }
  /// Sends an encoded event.
  bool emit(const message &m) { return has_scope() && sent(bw_emit_message(fix(), m.get())); }
  /// Sends an event that every receiver is to acknowledge. f(const outcome &) is
  /// called once, with the replies that arrived. If the returned operation is
  /// false, f is destroyed without a call.
  template <class F> operation emit_ack(const message &m, F f) {
    operation op;
    if (!has_scope()) return op;
    auto *box = new F(std::move(f));
    (void)sent(bw_emit_ack(fix(), m.get(), &thunk<outcome, F>::call, box, &thunk<outcome, F>::drop, &op.v));
    return op;
  }
  /// Engine.IO servers only: sends a text or a binary message, which is copied.
  bool send_text(std::string_view text) { return has_scope() && sent(bw_send_text(fix(), str(text))); }
  bool send_binary(blob b) {
    return has_scope() && sent(bw_send_binary(fix(), {b.data, b.len, nullptr, nullptr}));
  }

  /// The selected sockets join a room.
  bool join(std::string_view room) {
    const bw_str r = str(room);
    return has_scope() && sent(bw_join(fix(), &r, 1));
  }
  /// The selected sockets leave a room.
  bool leave(std::string_view room) {
    const bw_str r = str(room);
    return has_scope() && sent(bw_leave(fix(), &r, 1));
  }
  /// Disconnects the selected sockets from the namespace.
  bool disconnect() { return has_scope() && sent(bw_disconnect(fix(), 0)); }
  /// Closes the connections of the selected sockets, with all their namespaces.
  bool close() { return has_scope() && sent(bw_disconnect(fix(), 1)); }
  /// Lists the selected sockets. f(const outcome &) is called once with them.
  template <class F> operation fetch(F f) {
    operation op;
    if (!has_scope()) return op;
    auto *box = new F(std::move(f));
    (void)sent(bw_fetch_sockets(fix(), &thunk<outcome, F>::call, box, &thunk<outcome, F>::drop, &op.v));
    return op;
  }

 private:
  // False for a default-constructed bellwire::socket.
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

/// The id of one client in one namespace. May be copied and kept; functions on a
/// socket that has left return false, 0 or empty values. All functions may be
/// called on any thread.
struct socket {
  /// The id for C functions, or 0.
  bw_socket v = 0;
  /// A socket from its id; 0 stands for a socket that has left.
  constexpr socket(bw_socket id = 0) noexcept : v(id) {}
  explicit operator bool() const noexcept { return v != 0; }
  friend bool operator==(socket a, socket b) noexcept { return a.v == b.v; }
  friend bool operator!=(socket a, socket b) noexcept { return a.v != b.v; }
  friend bool operator<(socket a, socket b) noexcept { return a.v < b.v; }

  /// A target of this socket alone, for example for is_volatile().
  target to_it() const { return target(v); }
  /// Sends an event with these values as arguments. False if the socket has left,
  /// or its send buffer is full. Throws bellwire::error for an invalid name or value.
  template <class... A> bool emit(std::string_view event, const A &...a) const {
    return emit_args(event, args(a...));
  }
  /// Sends an event with these arguments.
  bool emit_args(std::string_view event, const args &a) const {
    bw_payload p;
    const bw_target t = bw_to(v);
    return a.payload_to(p, event) && v && sent(bw_emit(&t, &p));
  }
  /// Sends an encoded event.
  bool emit(const message &m) const {
    const bw_target t = bw_to(v);
    return v && sent(bw_emit_message(&t, m.get()));
  }
  /// Sends an event that the client is to acknowledge. f(const outcome &) is called
  /// once. A timeout of 0 waits until the client leaves.
  template <class Rep, class Period, class F>
  operation emit_ack(const message &m, std::chrono::duration<Rep, Period> timeout, F f) const {
    return to_it().timeout(timeout).emit_ack(m, std::move(f));
  }
  /// Engine.IO servers only: sends a text message.
  bool send_text(std::string_view text) const { return to_it().send_text(text); }
  /// Engine.IO servers only: sends a binary message, which is copied.
  bool send_binary(blob b) const { return to_it().send_binary(b); }
  /// Joins a room.
  bool join(std::string_view room) const { return to_it().join(room); }
  /// Leaves a room.
  bool leave(std::string_view room) const { return to_it().leave(room); }
  /// Disconnects from the namespace.
  bool disconnect() const { return to_it().disconnect(); }
  /// Closes the connection, with all its namespaces.
  bool close() const { return to_it().close(); }

  /// Whether it is connected.
  bool connected() const noexcept { return number(BW_SK_CONNECTED) != 0; }
  /// Whether its transport is WebSocket.
  bool is_websocket() const noexcept { return number(BW_SK_TRANSPORT) == BW_TR_WEBSOCKET; }
  /// A number by BW_SK_*; 0 if the socket has left.
  int64_t number(bw_socket_key key) const noexcept {
    int64_t n = 0;
    return bw_socket_int(v, key, &n) == BW_OK ? n : 0;
  }
  /// The public id, which is also the name of a room with only this socket.
  std::string id() const { return std::string(handshake().id()); }
  /// The request with which it connected; empty if it has left.
  bellwire::handshake handshake() const {
    const bw_handshake *h = nullptr;
    (void)bw_socket_handshake(v, &h);
    return bellwire::handshake::adopt(h);
  }
  /// The rooms that it is in.
  std::vector<std::string> rooms() const {
    std::vector<std::string> names;
    bw_list list{nullptr, 0, nullptr};
    if (!v || !sent(bw_socket_rooms(v, &list))) return names;
    for (size_t i = 0; i < list.n; i++) names.emplace_back(view(list.items[i]));
    bw_list_free(&list);
    return names;
  }
  /// The data of the socket as JSON text; target::fetch() returns it too.
  std::string data() const {
    bw_buf buf{nullptr, 0, nullptr};
    return v && sent(bw_socket_data_get(v, &buf)) ? take(buf) : std::string();
  }
  /// Sets the data. Throws bellwire::error if the text is not JSON.
  bool set_data(std::string_view json_text) const { return v && sent(bw_socket_data_set(v, str(json_text))); }
  /// Attaches an object of the program: event::user<T>() returns it in all later
  /// events of the socket. It is deleted when it is replaced, after the last event
  /// of the socket, or at once if the socket has left.
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

/// The limit, deadline or rule that ended a connection. A view, valid as long as
/// the event.
class cause {
 public:
  /// From bw_event.cause, which may be NULL.
  explicit cause(const bw_cause *c) noexcept : c_(c) {}
  /// False if no limit, deadline or rule ended the connection.
  explicit operator bool() const noexcept { return c_ != nullptr; }
  /// BW_CAUSE_*, or 0.
  int32_t kind() const noexcept { return c_ ? c_->kind : 0; }
  /// A description for people.
  std::string_view text() const noexcept { return c_ ? view(c_->text) : std::string_view(); }
  /// The JSON name of the option that sets the limit; empty if there is none.
  std::string_view option() const noexcept { return c_ ? view(c_->option) : std::string_view(); }
  /// The value of that option: a count, bytes or milliseconds.
  uint64_t limit() const noexcept { return c_ ? c_->limit : 0; }
  /// The number that was compared with the limit; 0 if it is not known.
  uint64_t seen() const noexcept { return c_ ? c_->seen : 0; }

 private:
  const bw_cause *c_;
};

/// The event that a callback is called with: a view of a bw_event, valid until the
/// callback returns. bellwire.h lists the fields that each type has; the others are
/// empty or 0.
class event {
 public:
  /// A view of e.
  explicit event(const bw_event &e) noexcept : e_(&e) {}
  /// The event of the C interface.
  const bw_event &raw() const noexcept { return *e_; }
  /// BW_EV_*.
  bw_event_type type() const noexcept { return e_->type; }
  /// The socket concerned.
  bellwire::socket socket() const noexcept { return {e_->socket}; }
  /// The name of the namespace.
  std::string_view nsp() const noexcept { return view(e_->nsp_name); }
  /// The name of the event or room, the transport, the reason or the error message,
  /// depending on the type.
  std::string_view name() const noexcept { return view(e_->name); }
  /// A number whose meaning depends on the type, for example BW_REASON_*.
  int32_t code() const noexcept { return e_->code; }
  /// For a disconnect: the limit, deadline or rule that ended the connection, if any.
  bellwire::cause cause() const noexcept { return bellwire::cause(e_->cause); }
  /// The status of an outcome or a fault.
  bw_status status() const noexcept { return e_->status; }
  /// The request with which the client connected.
  bellwire::handshake handshake() const {
    return e_->handshake ? bellwire::handshake::retain(e_->handshake) : socket().handshake();
  }
  /// The object of socket::set_user(), or NULL. T must be the type that was set.
  template <class T> T *user() const noexcept { return static_cast<T *>(e_->user); }

  /// Number of arguments.
  size_t size() const noexcept { return e_->n_args; }
  /// The arguments as a JSON array.
  std::string_view args_json() const noexcept { return view(e_->args); }
  /// A range of the arguments.
  detail::walk<value> items() const noexcept { return at("").items(); }
  /// The value at a JSON pointer (RFC 6901) that begins with the index of an
  /// argument: "/0/pos/x". The absent value if there is none.
  value at(std::string_view pointer) const noexcept { return message::read(e_->message, pointer); }
  /// The same, converted; fallback if it is absent or not a T. See value::as().
  template <class T> T get(std::string_view pointer, T fallback = T{}) const {
    return at(pointer).template as<T>(std::move(fallback));
  }
  /// The arguments in wire format, for relaying; views.
  bellwire::encoded encoded() const {
    bellwire::encoded e{args_json()};
    for (size_t i = 0; i < e_->n_bins; i++) e.bins.push_back(bytes(i));
    return e;
  }
  /// The payload as an object that remains valid after the callback.
  message keep() const { return message::retain(e_->message); }
  /// The acknowledgement; converts to false if the client does not wait for one.
  bellwire::ack ack() const noexcept { return bellwire::ack(e_->ack); }

  /// Engine.IO servers: whether the message is text.
  bool is_text() const noexcept { return (e_->flags & BW_EVF_TEXT) != 0; }
  /// Engine.IO servers: the text message.
  std::string_view text() const noexcept { return view(e_->args); }
  /// The attachment with this index; on Engine.IO servers the binary message.
  blob bytes(size_t i = 0) const noexcept {
    return i < e_->n_bins ? blob{e_->bins[i].data, e_->bins[i].len} : blob{};
  }

 private:
  const bw_event *e_;
};

namespace detail {

// Adapts f(const event &, A...) to f(const event &): reads the arguments, then calls f.
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

/// The result of target::emit_ack() or target::fetch(). A view, valid until the
/// callback returns.
class outcome : public event {
 public:
  /// A view of e.
  explicit outcome(const bw_event &e) noexcept : event(e) {}
  /// Whether the operation succeeded: all receivers have replied.
  bool ok() const noexcept { return status() == BW_OK; }
  /// Whether the timeout passed before all receivers replied.
  bool timed_out() const noexcept { return status() == BW_E_TIMEOUT; }

  /// emit_ack: the number of replies, which are in the order of their arrival. The
  /// functions below take an index less than this number.
  size_t replies() const noexcept { return raw().n_replies; }
  /// The socket that sent reply i.
  bellwire::socket reply_from(size_t i) const noexcept { return {raw().replies[i]->socket}; }
  /// The arguments of reply i as a JSON array.
  std::string_view reply_json(size_t i) const noexcept { return view(raw().replies[i]->args); }
  /// The arguments of reply i in wire format, for relaying; views.
  bellwire::encoded reply_encoded(size_t i) const {
    bellwire::encoded e{reply_json(i)};
    bw_bytes b{nullptr, 0};
    while (bw_message_bin(raw().replies[i]->message, e.bins.size(), &b) == BW_OK)
      e.bins.push_back({b.data, b.len});
    return e;
  }
  /// The value at a JSON pointer into the arguments of reply i; the first argument
  /// by default.
  value reply(size_t i, std::string_view pointer = "/0") const noexcept {
    return message::read(raw().replies[i]->message, pointer);
  }

  /// A socket that fetch found. The texts are views.
  struct remote {
    /// The socket.
    bellwire::socket socket;
    /// Its public id, its data and its handshake, the latter two as JSON text.
    std::string_view id, data_json, handshake_json;
    /// The rooms that it is in.
    std::vector<std::string_view> rooms;
  };
  /// fetch: the number of sockets.
  size_t sockets() const noexcept { return raw().n_sockets; }
  /// fetch: socket i, less than sockets().
  remote at_socket(size_t i) const {
    const bw_remote_socket &r = *raw().sockets[i];
    remote out{{r.socket}, view(r.sid), view(r.data_json), view(r.handshake_json), {}};
    for (size_t k = 0; k < r.n_rooms; k++) out.rooms.push_back(view(r.rooms[k]));
    return out;
  }
};

/// The functions that add listeners, for classes with a function listen(). Each
/// takes a callable f(const event &) unless documented otherwise, and throws
/// bellwire::error if the object does not have such events or has ended; f is then
/// destroyed. bellwire.h lists the event types that each object has.
template <class Self> class listening {
 public:
  /// Calls f for every event of this name that a client sends. f takes
  /// (const event &), or also the arguments, with types that value::to() supports:
  /// \code
  /// nsp.on("move", [](const bellwire::event &ev, double x, double y) { ... });
  /// \endcode
  /// If an argument is missing or has another type, f is not called, and the event
  /// is reported to the handler of server::on_exception.
  template <class F> listener on(std::string_view name, F f) const {
    return self().listen(BW_EV_MESSAGE, name, detail::handler(std::move(f)));
  }
  /// The same for the first such event only.
  template <class F> listener once(std::string_view name, F f) const {
    return self().listen(BW_EV_MESSAGE, name, detail::handler(std::move(f)), BW_LISTEN_ONCE);
  }
  /// Calls f for every event that a client sends, before the listeners of on().
  template <class F> listener on_any(F f) const { return self().listen(BW_EV_MESSAGE, "", std::move(f)); }
  /// Calls f for every event that is about to be sent to a client.
  template <class F> listener on_any_outgoing(F f) const {
    return self().listen(BW_EV_OUTGOING, "", std::move(f));
  }
  /// Calls f when a client has connected to a namespace.
  template <class F> listener on_connection(F f) const {
    return self().listen(BW_EV_CONNECTION, "", std::move(f));
  }
  /// Calls f when a socket disconnects and is still in its rooms. The reason is
  /// event::name().
  template <class F> listener on_disconnecting(F f) const {
    return self().listen(BW_EV_DISCONNECTING, "", std::move(f));
  }
  /// Calls f when a socket has disconnected: its last event. The reason is
  /// event::name().
  template <class F> listener on_disconnect(F f) const {
    return self().listen(BW_EV_DISCONNECT, "", std::move(f));
  }
  /// Calls f when a client has changed its transport, which is event::name().
  template <class F> listener on_upgrade(F f) const { return self().listen(BW_EV_UPGRADE, "", std::move(f)); }
  /// Calls f when the send buffer of a client is below BW_OPT_SEND_BUFFER_LOW again.
  template <class F> listener on_drain(F f) const { return self().listen(BW_EV_DRAIN, "", std::move(f)); }
  /// Calls f when messages were dropped because the send buffer of a client was full;
  /// event::code() is their number since the last such event.
  template <class F> listener on_dropped(F f) const { return self().listen(BW_EV_DROPPED, "", std::move(f)); }
  /// Calls f(const event &, deferred) before a client connects to the namespace.
  template <class F> listener use(F f) const { return ask(BW_EV_MIDDLEWARE, std::move(f)); }
  /// Calls f(const event &, deferred) before each event of a client is delivered.
  template <class F> listener use_packet(F f) const { return ask(BW_EV_PACKET_MIDDLEWARE, std::move(f)); }
  /// Calls f(const event &, deferred) before a request opens a session.
  template <class F> listener allow_request(F f) const { return ask(BW_EV_ALLOW_REQUEST, std::move(f)); }
  /// Calls f(const event &, deferred) for another type of question, for example
  /// BW_EV_HEADERS.
  template <class F> listener ask(bw_event_type type, F f) const {
    return self().listen(type, "",
                         [f = std::move(f)](const event &ev) mutable { f(ev, deferred(ev.raw().deferred)); });
  }

 private:
  const Self &self() const noexcept { return static_cast<const Self &>(*this); }
};

/// A server, namespace or socket to which listeners are added. Several listeners
/// for the same type and name are called in the order in which they were added.
class scope : public listening<scope> {
 public:
  /// From an id of the C interface.
  explicit scope(bw_scope id = 0) noexcept : id_(id) {}

  /// Adds a listener for any event type, with the flags of bw_on. name selects a
  /// named event; empty selects all.
  template <class F>
  listener listen(bw_event_type type, std::string_view name, F f, uint32_t flags = 0) const {
    auto *box = new F(std::move(f));
    listener l;
    check(bw_on(id_, type, str(name), flags, &thunk<event, F>::call, box, &thunk<event, F>::drop, &l.v));
    return l;
  }
  /// The id for C functions.
  bw_scope get() const noexcept { return id_; }

 private:
  bw_scope id_;
};

namespace detail {

// A callable that is called only while its gate is open.
template <class F> struct guarded {
  std::shared_ptr<detail::gate> gate;
  F f;
  void operator()(const event &ev) {
    const detail::gate::pass pass(*gate);
    if (pass) return (void)f(ev);
    // The listener was removed after this call had begun. A question must still be answered: accept, as if the
    // listener did not exist.
    if (ev.raw().deferred) (void)bw_deferred_accept(ev.raw().deferred);
  }
};
template <class F> guarded(std::shared_ptr<gate>, F) -> guarded<F>;

} // namespace detail

/// Owns listeners: its destructor removes them and waits for calls that are running
/// on other threads (not for a call that it is destroyed in). The listeners may
/// therefore use all members that are declared before it.
/// \code
/// bellwire::subscriptions listeners;
/// listeners.in(io.of("/")).on("move", [this](const bellwire::event &ev) { ... });
/// \endcode
/// One thread at a time.
class subscriptions {
 public:
  /// Adds listeners to one object and to the group.
  class bound : public listening<bound> {
   public:
    /// Used by subscriptions::in().
    bound(subscriptions &group, scope where) noexcept : group_(&group), where_(where) {}
    /// The same as scope::listen().
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
  /// Adds listeners to a server, namespace or socket. The result is valid as long as
  /// this object, also after clear().
  bound in(const scope &where) noexcept { return bound(*this, where); }
  /// Removes the listeners and waits for running calls, as the destructor does.
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
  // clear() and a move leave no gate, so it is created when it is needed.
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

/// A handler for server::on_exception: prints the exception and calls std::abort().
[[noreturn]] inline void abort_on_exception(const event &ev, std::string_view what) {
  detail::print_exception(ev.raw(), what);
  std::abort();
}

/// A namespace of a server.
class nsp : public scope {
 public:
  /// From an id of the C interface.
  explicit nsp(bw_nsp id = 0) noexcept : scope(id) {}
  /// Selects all sockets of the namespace.
  target all() const { return target(get()); }
  /// Selects the sockets in a room.
  target to(std::string_view room) const { return std::move(target(get()).to(room)); }
  /// Selects all sockets except this one.
  target from(const bellwire::socket &sender) const { return std::move(target(get()).from(sender)); }
  /// Sends an event to all sockets of the namespace.
  template <class... A> bool emit(std::string_view event, const A &...a) const {
    return all().emit(event, a...);
  }
  /// The socket with this public id; bellwire::socket{} if none is connected.
  bellwire::socket find(std::string_view id) const {
    bw_socket found = 0;
    const bw_status s = bw_socket_find(get(), str(id), &found);
    if (s != BW_E_NOT_FOUND) (void)sent(s);
    return {found};
  }
};

// ---------------------------------------------------------------------- server

/// Where callbacks run.
enum class delivery : int32_t {
  /// On callback threads of the engine; they may block.
  threads = BW_DELIVER_THREADS,
  /// On the thread that calls server::poll().
  polled = BW_DELIVER_POLLED,
  /// On the engine's I/O threads; they must not block.
  inlined = BW_DELIVER_INLINE,
};

/// The options of a server. One thread at a time; a server copies it.
/// Functions throw bellwire::error for an unknown option or an invalid value.
class config {
 public:
  /// The defaults.
  config() : c_(bw_config_new()) {
    if (!c_) fail(bw_last_error_code());
  }
  /// From JSON text: the options object of Socket.IO.
  explicit config(std::string_view options_json) : config() { json(options_json); }
  /// Sets a numeric or boolean option.
  config &set(bw_option o, int64_t v) {
    check(bw_config_set_int(c_.get(), o, v));
    return *this;
  }
  /// Sets a text option.
  config &set(bw_option o, std::string_view v) {
    check(bw_config_set_str(c_.get(), o, str(v)));
    return *this;
  }
  /// Sets the options in a JSON object; the others keep their values.
  config &json(std::string_view text) {
    check(bw_config_set_json(c_.get(), str(text)));
    return *this;
  }
  /// Sets where callbacks run.
  config &deliver(delivery d) { return set(BW_OPT_DELIVERY, static_cast<int64_t>(d)); }
  /// Makes a plain Engine.IO server: messages without the Socket.IO protocol.
  config &raw() { return set(BW_OPT_PROTOCOL, std::string_view("engine.io")); }
  /// All options with their values as a JSON object.
  std::string effective() const {
    bw_buf buf{nullptr, 0, nullptr};
    check(bw_config_get_json(c_.get(), &buf));
    return take(buf);
  }
  /// The C object; owned by this object.
  const bw_config *get() const noexcept { return c_.get(); }

 private:
  struct del {
    void operator()(bw_config *p) const noexcept { bw_config_free(&p); }
  };
  std::unique_ptr<bw_config, del> c_;
};

/// A server. Its functions may be called on any thread unless documented otherwise;
/// they throw bellwire::error on failure.
///
/// The destructor stops the server at once, without waiting for messages to be
/// sent, and waits for running callbacks; shutdown() stops gracefully. If it is
/// called inside a callback of the same server it cannot wait: it prints a warning
/// to stderr, and the server is freed on another thread after the callback.
class server {
 public:
  /// Starts the engine's threads; does not listen yet.
  explicit server(const config &c = config()) { check(bw_server_new(c.get(), &s_)); }
  server(server &&o) noexcept : s_(std::exchange(o.s_, 0)) {}
  server &operator=(server &&o) noexcept {
    std::swap(s_, o.s_);
    return *this;
  }
  ~server() {
    if (s_) end(s_);
  }
  /// Sets the handler for exceptions that leave callbacks; an empty handler restores
  /// the default, which prints to stderr.
  /// \code
  /// io.on_exception([](const bellwire::event &ev, std::string_view what) { ... });
  /// io.on_exception(bellwire::abort_on_exception);
  /// \endcode
  void on_exception(exception_handler handler) const {
    detail::exception_handlers::all().set(s_, std::move(handler));
  }
  /// The namespace of this name, "/" or "/chat", created on first use.
  bellwire::nsp of(std::string_view name) const {
    bw_nsp n = 0;
    check(bw_nsp_get(s_, str(name), &n));
    return bellwire::nsp(n);
  }
  /// Adds listeners for events of the server, and of all its namespaces and sockets.
  scope events() const noexcept { return scope(s_); }
  /// Listens on TCP and returns the port. host is an IP address, "localhost", or ""
  /// for all interfaces; with port 0 the system chooses one. May be called repeatedly.
  uint16_t listen(std::string_view host, uint16_t port) const {
    uint16_t bound = 0;
    check(bw_server_listen_tcp(s_, str(host), port, &bound));
    return bound;
  }
  /// Listens on a Unix socket that is created with these permissions.
  void listen_unix(std::string_view path, uint32_t mode = 0600) const {
    check(bw_server_listen_unix(s_, str(path), mode));
  }
  /// Listens on a descriptor that is already listening. The server owns it if this
  /// does not throw.
  void listen_fd(bw_fd fd) const { check(bw_server_listen_fd(s_, fd)); }
  /// Answers GET and HEAD of exactly this path with these bytes, which are copied.
  void serve(std::string_view path, std::string_view content_type, std::string_view body) const {
    const char *bytes = body.data() ? body.data() : "";
    check(bw_server_serve(s_, str(path), str(content_type),
                          {reinterpret_cast<const uint8_t *>(bytes), body.size()}));
  }
  /// Stops serving a path.
  void unserve(std::string_view path) const {
    check(bw_server_serve(s_, str(path), {nullptr, 0}, {nullptr, 0}));
  }

  /// Polled delivery: runs the callbacks of queued events on this thread, without
  /// waiting. Returns the number of events.
  uint32_t poll() const { return poll(ms(0)); }
  /// The same, but waits at most this long for the first event. max_events limits
  /// the number of events; 0 means no limit.
  template <class Rep, class Period>
  uint32_t poll(std::chrono::duration<Rep, Period> wait, uint32_t max_events = 0) const {
    const int32_t n = bw_server_poll(s_, max_events, wait_ms(wait));
    check(n);
    return static_cast<uint32_t>(n);
  }
  /// Polled delivery: runs callbacks and waits for more events until the deadline, for
  /// loops with ticks. Returns the number of events. wakeup() ends it early.
  template <class Length>
  uint32_t poll_until(std::chrono::time_point<std::chrono::steady_clock, Length> deadline) const {
    using std::chrono::nanoseconds;
    const auto ns = std::chrono::duration_cast<nanoseconds>(deadline.time_since_epoch()).count();
    const int32_t n = bw_server_poll_until(s_, ns > 0 ? static_cast<uint64_t>(ns) : 0);
    check(n);
    return static_cast<uint32_t>(n);
  }
  /// Polled delivery: takes the next event instead of running callbacks, without
  /// waiting; std::nullopt if there is none. The event is valid until the next call of
  /// next() or poll().
  std::optional<event> next() const { return next(ms(0)); }
  /// The same, but waits at most this long.
  template <class Rep, class Period>
  std::optional<event> next(std::chrono::duration<Rep, Period> wait) const {
    const bw_event *e = nullptr;
    check(bw_server_next(s_, wait_ms(wait), &e));
    return e ? std::optional<event>(event(*e)) : std::nullopt;
  }
  /// Polled delivery: a descriptor that is readable while events wait, for epoll,
  /// select or libuv. Owned by the server; do not read, write or close it.
  bw_fd poll_fd() const {
    bw_fd fd{};
    check(bw_server_poll_fd(s_, &fd));
    return fd;
  }
  /// Makes a waiting poll() return early. May be called in a signal handler.
  void wakeup() const noexcept { (void)bw_server_wakeup(s_); }

  /// One number of the server, for example "clients_count"; metrics() lists the names.
  int64_t stat(const char *name) const {
    int64_t n = 0;
    check(bw_server_stat(s_, name, &n));
    return n;
  }
  /// All numbers of the server as OpenMetrics text.
  std::string metrics() const {
    bw_buf buf{nullptr, 0, nullptr};
    check(bw_server_metrics(s_, &buf));
    return take(buf);
  }
  /// Stops gracefully: disconnects the clients after their queued messages are sent,
  /// drops the connections that remain after the deadline, and waits for the end. Must
  /// not be called in a callback. Throws BW_E_TIMEOUT if callbacks still run one second
  /// after the deadline.
  template <class Rep, class Period> void shutdown(std::chrono::duration<Rep, Period> deadline) const {
    check(bw_server_close(s_, static_cast<uint32_t>(wait_ms(deadline))));
    check(bw_server_wait(s_, wait_ms(ms(wait_ms(deadline)) + ms(1000))));
  }
  /// The id for C functions.
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
