// The C++ face: what is read from clients, and what is sent.
#include "bellwire.hpp"

#include <array>
#include <limits>
#include <list>
#include <map>
#include <string>

extern "C" {
#include "test.h"
}

using bellwire::args;
using bellwire::message;

namespace theirs {

struct point {
  double x, y;
};
void to_args(bellwire::args &a, const point &p) { a.array().add(p.x).add(p.y).end(); }

// A container whose own function is asked first.
struct bag : std::vector<int> {};
void to_args(bellwire::args &a, const bag &b) { a.object().member("n", b.size()).end(); }

}  // namespace theirs

namespace {

std::string text(const args &a) {
  const bw_payload p = a.payload("x");
  return std::string(bellwire::view(p.args));
}
template <class... A> std::string sent(const A &...a) { return text(args(a...)); }

message received(std::string_view args_json) { return message("x", bellwire::encoded{args_json}); }

// What 8 bits, 64 bits, doubles and floats hold; -1 is the fallback.
void numbers_are_checked() {
  const message m = received(
      "[300,-1,255,1e2,2.5,1e999,18446744073709551615,18446744073709551616,9223372036854775808,"
      "-9223372036854775808,-9223372036854775809,1e300,-0,1E+1,\"1\",1.0,-129,123456789012345678901234567890]");
  CHECK_INT(7, m.get<uint8_t>("/0", 7));
  CHECK_INT(300, m.get<uint16_t>("/0", 7));
  CHECK_INT(7, m.get<uint32_t>("/1", 7));
  CHECK_INT(-1, m.get<int8_t>("/1", 7));
  CHECK_INT(255, m.get<uint8_t>("/2", 7));
  CHECK_INT(7, m.get<int8_t>("/2", 7));
  CHECK_INT(100, m.get<int>("/3", 7));
  CHECK_INT(100, m.get<uint8_t>("/3", 7));
  CHECK_INT(7, m.get<int>("/4", 7));
  CHECK_INT(7, m.get<int>("/5", 7));
  CHECK(m.get<double>("/5", 7.5) == 7.5 && m.get<float>("/5", 7.5f) == 7.5f);
  CHECK(m.get<uint64_t>("/6", 7) == std::numeric_limits<uint64_t>::max());
  CHECK_INT(7, m.get<int64_t>("/6", 7));
  CHECK(m.get<uint64_t>("/7", 7) == 7 && m.get<double>("/7") == 18446744073709551616.0);
  CHECK(m.get<uint64_t>("/8", 7) == 9223372036854775808u);
  CHECK(m.get<int64_t>("/9", 7) == std::numeric_limits<int64_t>::min());
  CHECK_INT(7, m.get<int64_t>("/10", 7));
  CHECK(m.get<double>("/11") == 1e300 && m.get<float>("/11", 7.5f) == 7.5f);
  CHECK_INT(7, m.get<int64_t>("/11", 7));
  CHECK_INT(0, static_cast<int64_t>(m.get<uint64_t>("/12", 7)));
  CHECK_INT(10, m.get<uint64_t>("/13", 7) == 10 ? 10 : 0);
  CHECK_INT(7, m.get<int>("/14", 7));
  CHECK_INT(1, m.get<long long>("/15", 7));
  CHECK_INT(7, m.get<int8_t>("/16", 7));
  CHECK_INT(7, m.get<int64_t>("/17", 7));
  CHECK(m.get<double>("/17") > 1e29);
  CHECK(m.get<bool>("/0", true));
}

void everything_is_sent() {
  CHECK_STR("[18446744073709551615,9223372036854775808,-9223372036854775808,255]",
            sent(std::numeric_limits<uint64_t>::max(), uint64_t{1} << 63, std::numeric_limits<int64_t>::min(),
                 uint8_t{255}).c_str());
  CHECK_STR("[[1.5,-2],{\"n\":2},[{\"n\":1}]]",
            sent(theirs::point{1.5, -2}, theirs::bag{{1, 2}}, std::vector<theirs::bag>{{{1}}}).c_str());
  CHECK_STR("[[1,\"a\",null],[true,[2,3]],{\"k\":[1,2]}]",
            sent(std::tuple(1, "a", nullptr), std::pair(true, std::array<int, 2>{2, 3}),
                 std::map<std::string, std::list<int>>{{"k", {1, 2}}}).c_str());
  CHECK_STR("[null,7,[[1],[]]]",
            sent(std::optional<int>(), std::optional<int>(7), std::vector<std::vector<int>>{{1}, {}}).c_str());
  char own[] = "abc";
  CHECK_STR("[\"abc\",\"abc\",\"\"]", sent(own, static_cast<const char *>(own), std::string_view()).c_str());
  CHECK_STR("[null]", sent(received("[]").at("/0")).c_str());
}

void a_null_text_is_an_error() {
  for (int round = 0; round < 2; round++) {
    try {
      const char *const none = nullptr;
      char *const own = nullptr;
      if (round) (void)sent(1, none);
      else (void)sent(std::vector<char *>{own});
      FAIL("NULL was sent");
    } catch (const bellwire::error &e) {
      CHECK_INT(BW_E_ARG, e.code());
    }
  }
}

}  // namespace

extern "C" {
NO_CHILDREN;
}

RUN(TEST(numbers_are_checked), TEST(everything_is_sent), TEST(a_null_text_is_an_error))
