// bellwire/callback.hpp - a part of bellwire.hpp: callables as callbacks, the
// exceptions that leave them, and listeners that end with an object.
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

// What an exception that leaves a callback is told to: what the callback was
// called with, and the exception's what().  It runs where the exception was
// caught, so std::current_exception() is that exception.
using exception_handler = std::function<void(const event &, std::string_view what)>;

namespace detail {

// By server.  It is never destroyed: callbacks may run while the process ends.
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
    std::shared_ptr<const exception_handler> old; // ends without the lock
    const std::lock_guard<std::mutex> hold(lock);
    const auto found = by_server.find(server);
    if (found == by_server.end()) return;
    old.swap(found->second);
    by_server.erase(found);
  }
};

// Client data, for a line of text: at most 200 bytes, without control characters.
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

// Tells the server's handler, or stderr; defined where event is.
void exception_left(const bw_event &e, std::string_view what) noexcept;

} // namespace detail

// Any callable as (fn, user, drop).
template <class View, class F> struct thunk {
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
  static void drop(void *user) noexcept { delete static_cast<F *>(user); }
};

// A registered callback.
struct listener {
  bw_listener v = 0;
  // False when it was taken away before.  No call starts after this returns; one
  // may be running on another thread: subscriptions wait for it.
  bool off() const { return sent(bw_off(v)); }
};

namespace detail {

// Counts the calls that run; shared by a group of listeners and their callables.
class gate {
 public:
  // A call that may run: false when the gate was closed before.
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
    // The calls of this thread, one inside the other.
    static pass *&innermost() noexcept {
      thread_local pass *innermost = nullptr;
      return innermost;
    }
    gate &gate_;
    pass *outer_;
    bool open_ = false;
  };

  // No call starts from now on; waits for those of other threads.
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
