// bellwire/args.hpp - a part of bellwire.hpp: writing what is to be sent.
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

// Writes the arguments of an event.  The constructor takes whatever is to be
// sent: nullptr, bool, numbers, texts, blob, json, value, std::optional, maps
// from texts (objects), other containers and tuples (arrays).  Any type, also a
// container, can have a function
//   void to_args(bellwire::args &, const T &)
// in its own namespace, which writes one value and is used before all else.
//
//   args(1, "two", blob{data, size})
//   args().object().member("x", 1.5).member("name", "Ada").end()
class args {
 public:
  template <class... A> explicit args(const A &...a) : w_(bw_args_new()) {
    if (const uint32_t flags = allowed_by_default().load(std::memory_order_relaxed)) allow(flags);
    (add(a), ...);
  }
  args(args &&) noexcept = default;
  args &operator=(args &&) noexcept = default;

  template <class T> args &add(const T &v) {
    put(v);
    return *this;
  }
  args &object() {
    bw_args_begin_object(w_.get());
    return *this;
  }
  args &array() {
    bw_args_begin_array(w_.get());
    return *this;
  }
  args &end() {
    bw_args_end(w_.get());
    return *this;
  }
  args &key(std::string_view k) {
    bw_args_key(w_.get(), str(k));
    return *this;
  }
  template <class T> args &member(std::string_view k, const T &v) { return key(k).add(v); }
  // Bytes without a copy: the vector lives until every receiver has them.
  template <class T> args &take(std::vector<T> bytes) {
    static_assert(std::is_trivially_copyable_v<T>);
    auto *kept = new std::vector<T>(std::move(bytes));
    bw_args_bin(w_.get(), bw_blob{kept->data(), kept->size() * sizeof(T),
                                  [](void *p) { delete static_cast<std::vector<T> *>(p); }, kept});
    return *this;
  }
  // What would be a mistake otherwise: BW_ARGS_REPLACE_TEXT sends text that is
  // not UTF-8 with U+FFFD, BW_ARGS_NULL_NUMBERS sends NaN as null.
  args &allow(uint32_t flags) {
    check(bw_args_allow(w_.get(), flags));
    return *this;
  }
  // The same for all writers of the program that are made from now on.
  static void allow_by_default(uint32_t flags) { allowed_by_default() = flags; }
  args &clear() {
    bw_args_clear(w_.get());
    return *this;
  }
  // Borrows from this writer until it changes.
  bw_payload payload(std::string_view event) const {
    bw_payload p = BW_PAYLOAD_INIT;
    check(bw_args_payload(w_.get(), str(event), &p));
    return p;
  }
  // The same for sending: false, without exceptions, when there was a mistake.
  bool payload_to(bw_payload &p, std::string_view event) const {
    p = BW_PAYLOAD_INIT;
    return sent(bw_args_payload(w_.get(), str(event), &p));
  }
  bw_args *get() const noexcept { return w_.get(); }

 private:
  static std::atomic<uint32_t> &allowed_by_default() noexcept {
    static std::atomic<uint32_t> flags{0};
    return flags;
  }
  // Around: the containers around this value.
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
  // A NULL is a mistake, as in C.
  void put_c_string(const char *v) { bw_args_str(w_.get(), v ? str(v) : bw_str{nullptr, 1}); }
  // With its binaries, which get new numbers.
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

inline std::vector<bw_blob> copied(const encoded &e) {
  std::vector<bw_blob> blobs;
  for (const blob &b : e.bins) blobs.push_back({b.data, b.len, nullptr, nullptr});
  return blobs;
}

} // namespace bellwire

#endif
