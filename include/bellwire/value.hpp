/// \file
/// A part of bellwire.hpp: errors, durations, and values received from clients.
#ifndef BW_VALUE_HPP
#define BW_VALUE_HPP

#include "../bellwire.h"

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace bellwire {

/// Milliseconds, the unit of durations in bellwire.h.
using ms = std::chrono::milliseconds;

/// Converts a duration to the milliseconds that a C function takes: rounded up,
/// 0 if the duration is negative or not a number, and at most INT32_MAX (24 days).
template <class Rep, class Period>
constexpr int32_t wait_ms(std::chrono::duration<Rep, Period> wait) noexcept {
  using exact = std::chrono::duration<long double, std::milli>;
  constexpr int32_t most = std::numeric_limits<int32_t>::max();
  const long double count = std::chrono::duration_cast<exact>(wait).count();
  if (!(count > 0)) return 0;
  if (count >= static_cast<long double>(most)) return most;
  const auto whole = static_cast<int32_t>(count);
  return static_cast<long double>(whole) < count ? whole + 1 : whole;
}

// ---------------------------------------------------------------------- errors

/// A failed call. what() is the name of the status and the message of
/// bw_last_error().
class error : public std::runtime_error {
 public:
  /// The error of the last call on this thread, which returned s.
  explicit error(bw_status s)
      : std::runtime_error(std::string(bw_status_name(s)) + ": " + bw_last_error()), code_(s) {}
  /// The status that the call returned; negative.
  bw_status code() const noexcept { return code_; }

 private:
  bw_status code_;
};

/// Throws bellwire::error. Without exceptions: prints the error to stderr and
/// calls std::abort().
[[noreturn]] inline void fail(bw_status s) {
#if defined(__cpp_exceptions)
  throw error(s);
#else
  std::fprintf(stderr, "bellwire: %s: %s\n", bw_status_name(s), bw_last_error());
  std::abort();
#endif
}
/// Calls fail() if s is an error, that is, negative.
inline void check(bw_status s) {
  if (s < 0) fail(s);
}

namespace detail {

// Returns whether another line may be printed. Clients can cause any number of
// errors, so at most 20 lines are printed per second; the number of lines left
// out is printed with the first line of a later second.
inline bool may_print() noexcept {
  constexpr uint64_t most = 20;
  static std::atomic<int64_t> current{0};
  static std::atomic<uint64_t> lines{0};
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  const int64_t second = std::chrono::duration_cast<std::chrono::seconds>(since).count();
  if (current.exchange(second) != second) {
    const uint64_t before = lines.exchange(0);
    if (before > most)
      std::fprintf(stderr, "bellwire: %llu more errors were not printed\n",
                   static_cast<unsigned long long>(before - most));
  }
  return lines.fetch_add(1) < most;
}

} // namespace detail

/// Converts the status of a send: true for success, false for BW_E_GONE,
/// BW_E_FULL and BW_E_CLOSED. Throws bellwire::error for every other error.
/// Without exceptions the other errors are printed to stderr (at most 20 lines
/// per second) and the result is false: the data may come from a client, so it
/// must not end the program.
inline bool sent(bw_status s) {
  if (s == BW_E_GONE || s == BW_E_FULL || s == BW_E_CLOSED) return false;
#if defined(__cpp_exceptions)
  check(s);
#else
  if (s < 0 && detail::may_print())
    std::fprintf(stderr, "bellwire: not sent: %s: %s\n", bw_status_name(s), bw_last_error());
#endif
  return s >= 0;
}

/// A view of the same text for the C functions; it is not copied.
inline bw_str str(std::string_view v) noexcept { return {v.data(), v.size()}; }
/// A view of the same text; it is not copied. Empty for a NULL.
inline std::string_view view(bw_str v) noexcept { return {v.data ? v.data : "", v.len}; }

/// Copies the bytes of a bw_buf and frees it.
inline std::string take(bw_buf &buf) {
  std::string text(buf.data ? buf.data : "", buf.len);
  bw_buf_free(&buf);
  return text;
}

// ---------------------------------------------------------------------- values

/// A view of binary data. Sending copies the bytes; args::take() sends without
/// a copy.
struct blob {
  /// The first byte.
  const void *data = nullptr;
  /// Number of bytes.
  size_t len = 0;
  /// Iterators over the bytes.
  const uint8_t *begin() const noexcept { return static_cast<const uint8_t *>(data); }
  const uint8_t *end() const noexcept { return begin() + len; }
};
/// JSON text that args writes unchanged, as one value. Invalid JSON is an error.
struct json {
  /// The text; borrowed.
  std::string_view text;
};

/// Arguments in their wire format, for relaying. Views: valid as long as the
/// event or outcome that they come from.
struct encoded {
  /// A JSON array. A placeholder {"_placeholder":true,"num":0} in it stands for
  /// the attachment with that index.
  std::string_view args_json;
  /// The attachments.
  std::vector<blob> bins{};
};

class value;

namespace detail {

template <class T> using plain = std::remove_cv_t<std::remove_reference_t<T>>;
template <class T, class = void> struct has_from_args : std::false_type {};
template <class T>
struct has_from_args<T, std::void_t<decltype(from_args(std::declval<const value &>(), std::declval<T &>()))>>
    : std::true_type {};
template <class T, class = void> struct is_map : std::false_type {};
template <class T> struct is_map<T, std::void_t<typename T::mapped_type>> : std::true_type {};
template <class T> struct is_optional : std::false_type {};
template <class T> struct is_optional<std::optional<T>> : std::true_type {};
template <class T, class = void> struct is_tuple : std::false_type {};
template <class T> struct is_tuple<T, std::void_t<decltype(std::tuple_size<T>::value)>> : std::true_type {};
template <class T, class = void> struct is_list : std::false_type {};
template <class T>
struct is_list<T,
               std::void_t<decltype(std::declval<T &>().push_back(std::declval<typename T::value_type>()))>>
    : std::negation<std::is_constructible<T, std::string_view>> {};

// std::isfinite() is always true under -ffast-math, so this looks at the bits.
inline bool is_finite(double number) noexcept {
  uint64_t bits = 0;
  static_assert(sizeof bits == sizeof number);
  std::memcpy(&bits, &number, sizeof bits);
  return (bits >> 52 & 0x7ff) != 0x7ff;
}

template <class Item> class walk;

} // namespace detail

/// A view of one value of a payload or of a client's auth. Valid as long as the
/// message or handshake that it was read from.
class value {
 public:
  /// The absent value.
  value() noexcept { v_.type = -1; }
  /// A value that was read from msg or from hs, which it does not keep alive.
  explicit value(const bw_value &v, const bw_message *msg = nullptr,
                 const bw_handshake *hs = nullptr) noexcept
      : v_(v), msg_(msg), hs_(hs) {}
  /// False for the absent value: the pointer or key named nothing.
  explicit operator bool() const noexcept { return v_.type >= 0; }
  /// BW_V_*, or -1 for the absent value.
  int32_t type() const noexcept { return v_.type; }
  /// Number of elements of an array or members of an object.
  size_t size() const noexcept { return v_.n; }
  /// The value as JSON text, as the client sent it.
  std::string_view json() const noexcept { return view(v_.json); }
  /// The message that it was read from, or NULL.
  const bw_message *owner() const noexcept { return msg_; }

  /// The value as T, or the fallback if the value is absent, has another type,
  /// or does not fit: 300 is not a uint8_t, and 1e999 is not a double. A number
  /// without a fraction is an integer in any notation. T is a type of to().
  template <class T> T as(T fallback = T{}) const {
    T read{};
    if (!to(read)) return fallback;
    return read;
  }
  /// Reads the value into a variable. Returns false if the value is absent, has
  /// another type or does not fit; the variable may then hold a part of it.
  ///
  /// T is one of:
  /// - bool, an integer, a floating-point number, std::string, std::string_view,
  ///   blob or value;
  /// - std::optional of another type: null and absent are std::nullopt;
  /// - a container with push_back: an array;
  /// - std::array, std::tuple or std::pair: an array, whose further elements are
  ///   ignored;
  /// - a map with string keys: an object;
  /// - a type with a function bool from_args(const bellwire::value &, T &) in the
  ///   type's namespace, which takes precedence.
  template <class T> bool to(T &out) const {
    if constexpr (detail::has_from_args<T>::value)
      return from_args(*this, out);
    else if constexpr (std::is_same_v<T, bool>)
      return v_.type == BW_V_BOOL && (out = v_.b != 0, true);
    else if constexpr (std::is_integral_v<T>)
      return integer(out);
    else if constexpr (std::is_floating_point_v<T>)
      return fits<T>() && (out = static_cast<T>(v_.f), true);
    else if constexpr (std::is_same_v<T, blob>)
      return v_.type == BW_V_BINARY && (out = blob{v_.bin.data, v_.bin.len}, true);
    else if constexpr (std::is_same_v<T, value>)
      return *this && (out = *this, true);
    else if constexpr (detail::is_optional<T>::value)
      return optional(out);
    else if constexpr (detail::is_map<T>::value)
      return map(out);
    else if constexpr (detail::is_tuple<T>::value)
      return v_.type == BW_V_ARRAY && tuple(out);
    else if constexpr (detail::is_list<T>::value)
      return list(out);
    else if constexpr (std::is_constructible_v<T, std::string_view>)
      return v_.type == BW_V_STRING && (out = T(view(v_.s)), true);
    else
      static_assert(detail::has_from_args<T>::value,
                    "bellwire cannot read this type: give it a function bool from_args(const bellwire::value "
                    "&, T &) in its own namespace");
  }
  /// The member of an object with this name, the last one if there are several.
  /// The absent value if there is none or this is not an object.
  value find(std::string_view key) const noexcept;

  /// A range of the elements of an array or of the values of an object; empty
  /// for other values. A full iteration reads the text once.
  detail::walk<value> items() const noexcept;
  struct member;
  /// A range of the members of an object in the order of the text; empty for
  /// other values.
  /// \code
  /// for (const auto &[key, value] : v.members()) ...
  /// \endcode
  detail::walk<member> members() const noexcept;

 private:
  template <class Item> friend class detail::walk;

  bool is_number() const noexcept { return v_.type == BW_V_INT || v_.type == BW_V_NUMBER; }
  template <class T> bool fits() const noexcept {
    constexpr auto most = std::numeric_limits<T>::max();
    return is_number() && detail::is_finite(v_.f) && v_.f <= most && v_.f >= -most;
  }
  template <class T> bool integer(T &out) const noexcept {
    if (!is_number()) return false;
    // The digits are exact; a double is not exact beyond 2^53.
    using wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
    using limits = std::numeric_limits<T>;
    wide read{};
    const char *const end = v_.json.data + v_.json.len;
    const auto [stop, problem] = std::from_chars(v_.json.data, end, read);
    if (stop == end) {
      if (problem != std::errc() || read < limits::min() || read > limits::max()) return false;
      out = static_cast<T>(read);
      return true;
    }
    // The number has a fraction or an exponent. Both bounds are powers of two or 0,
    // so they are exact as doubles.
    const double above = static_cast<double>(uint64_t{1} << (limits::digits - 1)) * 2.0;
    const double least = std::is_signed_v<T> ? -above : 0.0;
    if (!(v_.f >= least && v_.f < above)) return false;
    out = static_cast<T>(v_.f);
    return static_cast<double>(out) == v_.f;
  }
  template <class T> bool optional(T &out) const {
    typename T::value_type read{};
    const bool is_there = *this && v_.type != BW_V_NULL;
    if (is_there && !to(read)) return false;
    out = is_there ? T(std::move(read)) : T();
    return true;
  }
  template <class T> bool list(T &out) const;
  template <class T> bool map(T &out) const;
  template <class T> bool tuple(T &out) const;

  bw_value v_{};
  const bw_message *msg_ = nullptr;
  const bw_handshake *hs_ = nullptr;
};

/// A member of an object.
struct value::member {
  /// The name, with escape sequences decoded.
  std::string_view key;
  /// The value.
  bellwire::value value;
};

namespace detail {

// The range of the values inside a value; an iterator is a cursor.
template <class Item> class walk {
 public:
  explicit walk(const value &inside, bool any) noexcept : inside_(inside), any_(any) {}
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Item;
    using difference_type = ptrdiff_t;
    using pointer = const Item *;
    using reference = Item;
    iterator() noexcept = default;
    explicit iterator(const value &inside) noexcept {
      bw_cursor outer{};
      outer.msg = inside.msg_;
      outer.hs = inside.hs_;
      ended_ = bw_cursor_inside(&at_, &outer, inside.v_.json, &v_, sizeof v_) != BW_OK;
    }
    Item operator*() const noexcept {
      const value here(v_, at_.msg, at_.hs);
      if constexpr (std::is_same_v<Item, value>)
        return here;
      else
        return Item{view(at_.key), here};
    }
    iterator &operator++() noexcept {
      ended_ = bw_cursor_next(&at_, &v_, sizeof v_) != BW_OK;
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    friend bool operator==(const iterator &a, const iterator &b) noexcept {
      return a.ended_ == b.ended_ && (a.ended_ || a.at_.rest.data == b.at_.rest.data);
    }
    friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

   private:
    bw_cursor at_{};
    bw_value v_{};
    bool ended_ = true;
  };
  iterator begin() const noexcept {
    const int32_t type = inside_.type();
    const bool walks = type == BW_V_OBJECT || (any_ && type == BW_V_ARRAY);
    return walks && inside_.size() > 0 ? iterator(inside_) : iterator();
  }
  iterator end() const noexcept { return iterator(); }

 private:
  value inside_;
  bool any_;
};

} // namespace detail

inline detail::walk<value> value::items() const noexcept { return detail::walk<value>(*this, true); }
inline detail::walk<value::member> value::members() const noexcept {
  return detail::walk<member>(*this, false);
}
inline value value::find(std::string_view key) const noexcept {
  value found;
  for (const member &m : members())
    if (m.key == key) found = m.value;
  return found;
}
template <class T> bool value::list(T &out) const {
  if (v_.type != BW_V_ARRAY) return false;
  out.clear();
  for (const value &item : items()) {
    typename T::value_type read{};
    if (!item.to(read)) return false;
    out.push_back(std::move(read));
  }
  return true;
}
template <class T> bool value::map(T &out) const {
  if (v_.type != BW_V_OBJECT) return false;
  out.clear();
  for (const member &m : members())
    if (!m.value.to(out[typename T::key_type(m.key)])) return false;
  return true;
}
template <class T> bool value::tuple(T &out) const {
  const auto all = items();
  auto next = all.begin();
  const auto read = [&](auto &part) {
    const value item = next != all.end() ? *next : value();
    if (next != all.end()) ++next;
    return item.to(part);
  };
  return std::apply([&](auto &...part) { return (read(part) && ...); }, out);
}

} // namespace bellwire

#endif
