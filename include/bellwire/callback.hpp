/// \file
/// A part of bellwire.hpp: callables as C callbacks, and the exceptions that
/// leave them.
#ifndef BW_CALLBACK_HPP
#define BW_CALLBACK_HPP

#include "value.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace bellwire {

class event;

/// Called with each exception that leaves a callback: the event that the callback
/// was called with, and the exception's what(). It runs on the callback's thread,
/// inside the catch block, so std::current_exception() returns the exception.
using exception_handler = std::function<void(const event &, std::string_view what)>;

namespace detail {

// The handlers of server::on_exception, by server. Never destroyed, because
// callbacks may run while static objects are destroyed.
struct exception_handlers {
  std::mutex lock;
  std::unordered_map<bw_server, std::shared_ptr<const exception_handler>> by_server;

  static exception_handlers &all() {
    static auto *const handlers = new exception_handlers;
    return *handlers;
  }
  std::shared_ptr<const exception_handler> of(bw_server server) {
    const std::lock_guard<std::mutex> hold(lock);
    const auto found = by_server.find(server);
    return found == by_server.end() ? nullptr : found->second;
  }
  void set(bw_server server, exception_handler handler) {
    if (!handler) return forget(server);
    auto kept = std::make_shared<const exception_handler>(std::move(handler));
    const std::lock_guard<std::mutex> hold(lock);
    by_server[server].swap(kept);
  }
  void forget(bw_server server) {
    std::shared_ptr<const exception_handler> old; // destroyed after the lock is released
    const std::lock_guard<std::mutex> hold(lock);
    const auto found = by_server.find(server);
    if (found == by_server.end()) return;
    old.swap(found->second);
    by_server.erase(found);
  }
};

// Makes text from a client safe to print on one line: at most 200 bytes, and '?'
// for control characters.
inline std::string printable(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, 200))
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text.size() > 200 ? line + "..." : line;
}

inline const char *name_of(bw_event_type type) noexcept {
  switch (type) {
  case BW_EV_ALLOW_REQUEST: return "allow_request";
  case BW_EV_MIDDLEWARE: return "middleware";
  case BW_EV_PACKET_MIDDLEWARE: return "packet middleware";
  case BW_EV_CONNECTION: return "connection";
  case BW_EV_MESSAGE: return "event";
  case BW_EV_DISCONNECTING: return "disconnecting";
  case BW_EV_DISCONNECT: return "disconnect";
  case BW_EV_OUTGOING: return "outgoing event";
  case BW_EV_UPGRADE: return "upgrade";
  case BW_EV_DRAIN: return "drain";
  case BW_EV_ACKED: return "emit_ack";
  case BW_EV_SOCKETS: return "fetch";
  default: return "callback";
  }
}

inline void print_exception(const bw_event &e, std::string_view what) {
  std::fprintf(stderr, "bellwire: an exception left the callback of %s \"%s\": %s\n", name_of(e.type),
               printable(view(e.name)).c_str(), printable(what).c_str());
}

inline void print_exception_rarely(const bw_event &e, std::string_view what) {
  if (may_print()) print_exception(e, what);
}

// Calls the server's exception handler, or prints to stderr. Defined in
// bellwire.hpp, after event.
void exception_left(const bw_event &e, std::string_view what) noexcept;

} // namespace detail

/// Passes a callable to a C function as (fn, user, drop). user is a pointer to an
/// F made with new, which drop deletes. The callable is called with a View of the
/// bw_event.
template <class View, class F> struct thunk {
  /// fn: calls the callable; exceptions that leave it go to the exception handler.
  static void call(const bw_event *e, void *user) noexcept {
#if defined(__cpp_exceptions)
    try {
      (*static_cast<F *>(user))(View(*e));
    } catch (const std::exception &x) { detail::exception_left(*e, x.what()); } catch (...) {
      detail::exception_left(*e, "it is not a std::exception");
    }
#else
    (*static_cast<F *>(user))(View(*e));
#endif
  }
  /// drop: deletes the callable.
  static void drop(void *user) noexcept { delete static_cast<F *>(user); }
};

/// The id of a registered callback. Destroying it does not remove the callback.
struct listener {
  /// The id for C functions, or 0.
  bw_listener v = 0;
  /// Removes the callback. Returns false if it was removed before. No call starts
  /// after this returns, but one may still be running on another thread;
  /// subscriptions::clear() waits for it. On any thread.
  bool off() const { return sent(bw_off(v)); }
};

namespace detail {

// Counts running calls. Shared by a subscriptions object and its callables.
class gate {
 public:
  // One call. Converts to false if the gate is closed: the call must not run.
  class pass {
   public:
    explicit pass(gate &g) : gate_(g), outer_(innermost()) {
      const std::lock_guard<std::mutex> hold(g.lock_);
      open_ = !g.closed_;
      if (!open_) return;
      g.running_++;
      innermost() = this;
    }
    pass(const pass &) = delete;
    ~pass() {
      if (!open_) return;
      innermost() = outer_;
      const std::lock_guard<std::mutex> hold(gate_.lock_);
      gate_.running_--;
      gate_.ended_.notify_all();
    }
    explicit operator bool() const noexcept { return open_; }

   private:
    friend class gate;
    // The innermost call on this thread; outer_ links to the call around it.
    static pass *&innermost() noexcept {
      thread_local pass *innermost = nullptr;
      return innermost;
    }
    gate &gate_;
    pass *outer_;
    bool open_ = false;
  };

  // Prevents further calls, and waits for the running calls of other threads.
  void close() {
    size_t own = 0;
    for (const pass *p = pass::innermost(); p; p = p->outer_) own += &p->gate_ == this;
    std::unique_lock<std::mutex> hold(lock_);
    closed_ = true;
    ended_.wait(hold, [&] { return running_ <= own; });
  }

 private:
  std::mutex lock_;
  std::condition_variable ended_;
  size_t running_ = 0;
  bool closed_ = false;
};

} // namespace detail
} // namespace bellwire

#endif
