// bellwire/value.hpp - a part of bellwire.hpp: errors, times, and reading what
// a client sent.
#ifndef BW_VALUE_HPP
#define BW_VALUE_HPP

#include "../bellwire.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace bellwire {

using ms = std::chrono::milliseconds;

// How long a C function is to wait: rounded up to milliseconds, 0 when the time
// is negative or not a number, and at most 24 days.
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

class error : public std::runtime_error {
 public:
  explicit error(bw_status s)
      : std::runtime_error(std::string(bw_status_name(s)) + ": " + bw_last_error()), code_(s) {}
  bw_status code() const noexcept { return code_; }

 private:
  bw_status code_;
};

[[noreturn]] inline void fail(bw_status s) {
#if defined(__cpp_exceptions)
  throw error(s);
#else
  std::fprintf(stderr, "bellwire: %s: %s\n", bw_status_name(s), bw_last_error());
  std::abort();
#endif
}
inline void check(bw_status s) {
  if (s < 0) fail(s);
}
// False when the peer is not there to hear it.
inline bool sent(bw_status s) {
  if (s == BW_E_GONE || s == BW_E_FULL || s == BW_E_CLOSED) return false;
  check(s);
  return true;
}

inline bw_str str(std::string_view v) noexcept { return {v.data(), v.size()}; }
inline std::string_view view(bw_str v) noexcept { return {v.data ? v.data : "", v.len}; }

// Text that the library made, as a std::string.
inline std::string take(bw_buf &buf) {
  std::string text(buf.data ? buf.data : "", buf.len);
  bw_buf_free(&buf);
  return text;
}

// ---------------------------------------------------------------------- values

// Bytes of the caller; copied when they are sent.
struct blob {
  const void *data = nullptr;
  size_t len = 0;
  const uint8_t *begin() const noexcept { return static_cast<const uint8_t *>(data); }
  const uint8_t *end() const noexcept { return begin() + len; }
};
// JSON text, put in as it is.
struct json {
  std::string_view text;
};

// Arguments as they are on the wire: a JSON array, and the bytes that its
// placeholders {"_placeholder":true,"num":0} stand for.  For passing on.
struct encoded {
  std::string_view args_json;
  std::vector<blob> bins{};
};

namespace detail {

// Also where the compiler was told that there are no infinite numbers.
inline bool is_finite(double number) noexcept {
  uint64_t bits = 0;
  static_assert(sizeof bits == sizeof number);
  std::memcpy(&bits, &number, sizeof bits);
  return (bits >> 52 & 0x7ff) != 0x7ff;
}

}  // namespace detail

// One value of a payload or of a client's auth: what it is and how to read it.
class value {
 public:
  value() noexcept { v_.type = -1; }
  explicit value(const bw_value &v) noexcept : v_(v) {}
  // False when there is nothing at the pointer.
  explicit operator bool() const noexcept { return v_.type >= 0; }
  int32_t type() const noexcept { return v_.type; }  // BW_V_*
  size_t size() const noexcept { return v_.n; }      // of an array or object
  std::string_view json() const noexcept { return view(v_.json); }
  // The value as T, or the fallback when it is absent, of another type, or does
  // not fit: 300 is not a uint8_t, and 1e999 not a double.  A number without
  // fraction is an integer, however it is written.  T is bool, a number,
  // std::string_view, std::string or blob.
  template <class T> T as(T fallback = T{}) const {
    if constexpr (std::is_same_v<T, bool>)
      return v_.type == BW_V_BOOL ? v_.b != 0 : fallback;
    else if constexpr (std::is_integral_v<T>)
      return integer<T>(fallback);
    else if constexpr (std::is_floating_point_v<T>)
      return fits<T>() ? static_cast<T>(v_.f) : fallback;
    else if constexpr (std::is_same_v<T, blob>)
      return v_.type == BW_V_BINARY ? blob{v_.bin.data, v_.bin.len} : fallback;
    else
      return v_.type == BW_V_STRING ? T(view(v_.s)) : fallback;
  }

 private:
  bool is_number() const noexcept { return v_.type == BW_V_INT || v_.type == BW_V_NUMBER; }
  template <class T> bool fits() const noexcept {
    constexpr auto most = std::numeric_limits<T>::max();
    return is_number() && detail::is_finite(v_.f) && v_.f <= most && v_.f >= -most;
  }
  template <class T> T integer(T fallback) const noexcept {
    if (!is_number()) return fallback;
    // Its digits are exact; a double is not, beyond 2^53.
    using wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
    using limits = std::numeric_limits<T>;
    wide read{};
    const char *const end = v_.json.data + v_.json.len;
    const auto [stop, problem] = std::from_chars(v_.json.data, end, read);
    if (stop == end) {
      const bool is_in = problem == std::errc() && read >= limits::min() && read <= limits::max();
      return is_in ? static_cast<T>(read) : fallback;
    }
    // One with a fraction or an exponent.  Both bounds are powers of two, or 0.
    const double above = static_cast<double>(uint64_t{1} << (limits::digits - 1)) * 2.0;
    const double least = std::is_signed_v<T> ? -above : 0.0;
    if (!(v_.f >= least && v_.f < above)) return fallback;
    const auto whole = static_cast<T>(v_.f);
    return static_cast<double>(whole) == v_.f ? whole : fallback;
  }
  bw_value v_{};
};

}  // namespace bellwire

#endif
