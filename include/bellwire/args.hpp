/// \file
/// A part of bellwire.hpp: writes the arguments of events.
#ifndef BW_ARGS_HPP
#define BW_ARGS_HPP

#include "value.hpp"

#include <atomic>
#include <iterator>
#include <memory>
#include <optional>
#include <tuple>

namespace bellwire {

class args;

namespace detail {

template <class T, class = void> struct has_to_args : std::false_type {};
template <class T>
struct has_to_args<T, std::void_t<decltype(to_args(std::declval<args &>(), std::declval<const T &>()))>>
    : std::true_type {};
template <class T, class = void> struct is_range : std::false_type {};
template <class T>
struct is_range<T, std::void_t<decltype(*std::begin(std::declval<const T &>())),
                               decltype(std::end(std::declval<const T &>()))>> : std::true_type {};
template <class T> using element = plain<decltype(*std::begin(std::declval<const T &>()))>;
template <class T>
inline constexpr bool is_c_string =
    std::is_same_v<std::decay_t<T>, char *> || std::is_same_v<std::decay_t<T>, const char *>;

} // namespace detail

/// Writes the arguments of an event. Owns its memory; one thread at a time.
///
/// Values may be nullptr, bool, numbers, strings, blob, json, value,
/// std::optional, maps with string keys (objects), other containers and tuples
/// (arrays). For any other type, or instead of these rules, define a function
/// void to_args(bellwire::args &, const T &) in the type's namespace; it writes
/// exactly one value.
/// \code
/// args(1, "two", blob{data, size})
/// args().object().member("x", 1.5).member("name", "Ada").end()
/// \endcode
///
/// An invalid value, for example NaN or text that is not UTF-8, does not throw
/// where it is added. It makes payload(), payload_to() and every function that
/// sends these arguments fail, until clear().
class args {
 public:
  /// Begins with these values, one argument each.
  template <class... A> explicit args(const A &...a) : w_(bw_args_new()) {
    if (const uint32_t flags = allowed_by_default().load(std::memory_order_relaxed)) allow(flags);
    (add(a), ...);
  }
  args(args &&) noexcept = default;
  args &operator=(args &&) noexcept = default;

  /// Adds one value: an argument, an element, or the value of the last key().
  template <class T> args &add(const T &v) {
    put(v);
    return *this;
  }
  /// Begins an object; end() closes it.
  args &object() {
    bw_args_begin_object(w_.get());
    return *this;
  }
  /// Begins an array; end() closes it.
  args &array() {
    bw_args_begin_array(w_.get());
    return *this;
  }
  /// Closes the innermost open object or array.
  args &end() {
    bw_args_end(w_.get());
    return *this;
  }
  /// Adds the name of a member to the open object; its value must follow.
  args &key(std::string_view k) {
    bw_args_key(w_.get(), str(k));
    return *this;
  }
  /// Adds a member to the open object.
  template <class T> args &member(std::string_view k, const T &v) { return key(k).add(v); }
  /// Adds binary data without a copy. The vector is destroyed, on any thread,
  /// when the data is sent to every receiver or no longer needed.
  template <class T> args &take(std::vector<T> bytes) {
    static_assert(std::is_trivially_copyable_v<T>);
    auto *kept = new std::vector<T>(std::move(bytes));
    bw_args_bin(w_.get(), bw_blob{kept->data(), kept->size() * sizeof(T),
                                  [](void *p) { delete static_cast<std::vector<T> *>(p); }, kept});
    return *this;
  }
  /// Replaces invalid values instead of failing. BW_ARGS_REPLACE_TEXT replaces
  /// bytes that are not UTF-8 by U+FFFD; BW_ARGS_NULL_NUMBERS writes NaN and
  /// infinity as null. Throws bellwire::error for other flags.
  args &allow(uint32_t flags) {
    check(bw_args_allow(w_.get(), flags));
    return *this;
  }
  /// Calls allow(flags) for every writer that is created later, on any thread.
  static void allow_by_default(uint32_t flags) { allowed_by_default() = flags; }
  /// Removes all values and errors; keeps the memory.
  args &clear() {
    bw_args_clear(w_.get());
    return *this;
  }
  /// A view of the arguments with an event name, for the C functions. Valid until
  /// this writer is changed or destroyed. Throws bellwire::error if a value was
  /// invalid.
  bw_payload payload(std::string_view event) const {
    bw_payload p = BW_PAYLOAD_INIT;
    check(bw_args_payload(w_.get(), str(event), &p));
    return p;
  }
  /// Stores the same view in p and returns true. If a value was invalid: throws
  /// bellwire::error, or without exceptions prints the error and returns false.
  bool payload_to(bw_payload &p, std::string_view event) const {
    p = BW_PAYLOAD_INIT;
    return sent(bw_args_payload(w_.get(), str(event), &p));
  }
  /// The C object; owned by this writer.
  bw_args *get() const noexcept { return w_.get(); }

 private:
  static std::atomic<uint32_t> &allowed_by_default() noexcept {
    static std::atomic<uint32_t> flags{0};
    return flags;
  }
  // Around: the types of the containers that this value is nested in.
  template <class... Around, class T> void put(const T &v) {
    if constexpr (detail::has_to_args<T>::value)
      to_args(*this, v);
    else if constexpr (std::is_null_pointer_v<T>)
      bw_args_null(w_.get());
    else if constexpr (std::is_same_v<T, bool>)
      bw_args_bool(w_.get(), v);
    else if constexpr (std::is_integral_v<T>)
      put_integer(v);
    else if constexpr (std::is_floating_point_v<T>)
      bw_args_double(w_.get(), static_cast<double>(v));
    else if constexpr (std::is_same_v<T, blob>)
      bw_args_bin(w_.get(), {v.data, v.len, nullptr, nullptr});
    else if constexpr (std::is_same_v<T, json>)
      bw_args_json(w_.get(), str(v.text));
    else if constexpr (std::is_same_v<T, value>)
      put_value(v);
    else if constexpr (detail::is_c_string<T>)
      put_c_string(v);
    else if constexpr (std::is_convertible_v<const T &, std::string_view>)
      bw_args_str(w_.get(), str(std::string_view(v)));
    else if constexpr (detail::is_optional<T>::value) {
      if (v)
        put<Around...>(*v);
      else
        put(nullptr);
    } else if constexpr (detail::is_range<T>::value)
      put_range<Around...>(v);
    else if constexpr (detail::is_tuple<T>::value) {
      array();
      std::apply([this](const auto &...x) { (put<Around..., T>(x), ...); }, v);
      end();
    } else
      static_assert(detail::has_to_args<T>::value,
                    "bellwire cannot send this type: give it a function void to_args(bellwire::args &, const "
                    "T &) in its own namespace");
  }
  template <class... Around, class T> void put_range(const T &v) {
    constexpr bool endless = std::is_same_v<detail::element<T>, T> || (std::is_same_v<T, Around> || ...);
    static_assert(!endless, "bellwire cannot send a container that contains its own type: give it a function "
                            "void to_args(bellwire::args &, const T &) in its own namespace");
    if constexpr (endless)
      return;
    else if constexpr (detail::is_map<T>::value) {
      object();
      for (const auto &[k, x] : v) {
        key(k);
        put<Around..., T>(x);
      }
      end();
    } else {
      array();
      for (const auto &x : v) put<Around..., T>(x);
      end();
    }
  }
  template <class T> void put_integer(T v) {
    if constexpr (std::is_unsigned_v<T>)
      bw_args_uint(w_.get(), v);
    else
      bw_args_int(w_.get(), v);
  }
  // NULL with length 1 makes the writer fail, as in C.
  void put_c_string(const char *v) { bw_args_str(w_.get(), v ? str(v) : bw_str{nullptr, 1}); }
  // Copies the value's attachments too; they get new placeholder numbers.
  void put_value(const value &v) {
    if (!v)
      put(nullptr);
    else
      bw_args_copy(w_.get(), v.owner(), str(v.json()));
  }
  struct del {
    void operator()(bw_args *p) const noexcept { bw_args_free(&p); }
  };
  std::unique_ptr<bw_args, del> w_;
};

/// The attachments for a bw_payload; the library copies them when it is sent.
inline std::vector<bw_blob> copied(const encoded &e) {
  std::vector<bw_blob> blobs;
  for (const blob &b : e.bins) blobs.push_back({b.data, b.len, nullptr, nullptr});
  return blobs;
}

} // namespace bellwire

#endif
