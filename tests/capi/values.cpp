// The C++ interface: values from clients, and values that are sent.
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

bool from_args(const bellwire::value &v, point &p) { return v.find("x").to(p.x) && v.find("y").to(p.y); }

// A container with its own to_args and from_args, which take precedence.
struct bag : std::vector<int> {};
void to_args(bellwire::args &a, const bag &b) { a.object().member("n", b.size()).end(); }

} // namespace theirs

namespace {

std::string text(const args &a) {
  const bw_payload p = a.payload("x");
  return std::string(bellwire::view(p.args));
}
template <class... A> std::string sent(const A &...a) { return text(args(a...)); }

message received(std::string_view args_json) { return message("x", bellwire::encoded{args_json}); }

// The ranges of 8 bits, 64 bits, doubles and floats; -1 is the fallback.
void numbers_are_checked() {
  const message m =
      received("[300,-1,255,1e2,2.5,1e999,18446744073709551615,18446744073709551616,9223372036854775808,"
               "-9223372036854775808,-9223372036854775809,1e300,-0,1E+1,\"1\",1.0,-129,"
               "123456789012345678901234567890]");
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
                 uint8_t{255})
                .c_str());
  CHECK_STR("[[1.5,-2],{\"n\":2},[{\"n\":1}]]",
            sent(theirs::point{1.5, -2}, theirs::bag{{1, 2}}, std::vector<theirs::bag>{{{1}}}).c_str());
  CHECK_STR("[[1,\"a\",null],[true,[2,3]],{\"k\":[1,2]}]",
            sent(std::tuple(1, "a", nullptr), std::pair(true, std::array<int, 2>{2, 3}),
                 std::map<std::string, std::list<int>>{{"k", {1, 2}}})
                .c_str());
  CHECK_STR(
      "[null,7,[[1],[]]]",
      sent(std::optional<int>(), std::optional<int>(7), std::vector<std::vector<int>>{{1}, {}}).c_str());
  char own[] = "abc";
  CHECK_STR("[\"abc\",\"abc\",\"\"]", sent(own, static_cast<const char *>(own), std::string_view()).c_str());
  CHECK_STR("[null]", sent(received("[]").at("/0")).c_str());
}

// --------------------------------------------------------------- containers

void arrays_and_objects_are_walked() {
  const message m =
      received("[[1,\"t\\u0065xt\",{\"k\":[2]},[]],{\"a\":1,\"\\u0062\":{\"c\":true},\"a\":3},[],{},5]");
  std::string seen;
  for (const bellwire::value &v : m.at("/0").items()) seen += std::string(v.json()) + ";";
  CHECK_STR("1;\"t\\u0065xt\";{\"k\":[2]};[];", seen.c_str());
  seen.clear();
  for (const auto &[key, v] : m.at("/1").members())
    seen += std::string(key) + "=" + std::string(v.json()) + ";";
  CHECK_STR("a=1;b={\"c\":true};a=3;", seen.c_str());
  CHECK_INT(3, m.at("/1").find("a").as<int>());
  CHECK(m.at("/1").find("b").find("c").as<bool>());
  CHECK(!m.at("/1").find("none") && !m.at("/0").find("0"));
  for (const char *const none : {"/2", "/3", "/4", "/5"}) {
    for (const bellwire::value &v : m.at(none).items()) FAIL("%d", v.type());
    for (const auto &[key, v] : m.at(none).members()) FAIL("%d", v.type());
  }
  for (const auto &[key, v] : m.at("/0").members()) FAIL("%d", v.type());
}

void containers_are_read() {
  using strings = std::vector<std::string>;
  const message m =
      received("[[1,2,300],[\"a\",\"b\"],{\"p\":{\"x\":1.5,\"y\":-2},\"q\":{\"x\":0,\"y\":1}},[7,\"s\",null],"
               "{\"x\":1},[[1],[]],null,[1,1e999]]");
  CHECK(m.get<std::vector<int>>("/0") == (std::vector<int>{1, 2, 300}));
  CHECK(m.get<std::list<uint8_t>>("/0", {9}) == (std::list<uint8_t>{9}));
  CHECK((m.get<std::array<int, 2>>("/0") == std::array<int, 2>{1, 2}));
  CHECK(m.get<strings>("/1") == (strings{"a", "b"}));
  const auto points = m.get<std::map<std::string, theirs::point>>("/2");
  CHECK(points.size() == 2 && points.at("p").x == 1.5 && points.at("p").y == -2);
  const auto three = m.get<std::tuple<int, std::string_view, std::optional<int>>>("/3");
  CHECK(std::get<0>(three) == 7 && std::get<1>(three) == "s" && !std::get<2>(three));
  const auto four = m.get<std::tuple<int, std::string, std::optional<int>, std::optional<int>>>("/3");
  CHECK(std::get<0>(four) == 7 && !std::get<3>(four));
  theirs::point p{};
  CHECK(!m.at("/4").to(p) && m.at("/2").find("p").to(p));
  CHECK(m.get<std::vector<std::vector<int>>>("/5").size() == 2);
  CHECK(!m.get<std::optional<int>>("/6", 3) && m.get<std::optional<int>>("/0/2") == 300);
  CHECK(m.get<std::vector<double>>("/7").empty());
  CHECK(m.get<bellwire::value>("/2").type() == BW_V_OBJECT);
}

// Each step continues at the end of the previous value and does not read earlier text again.
void a_walk_reads_everything_once() {
  constexpr int count = 40'000;
  std::string array = "[[";
  for (int i = 0; i < count; i++) array += std::to_string(i) + (i + 1 < count ? "," : "]]");
  const message m = received(array);
  const char *end = nullptr;
  int next = 0;
  for (const bellwire::value &v : m.at("/0").items()) {
    CHECK(!end || v.json().data() == end + 1);
    end = v.json().data() + v.json().size();
    CHECK_INT(next++, v.as<int>(-1));
  }
  CHECK_INT(count, next);
  CHECK_INT(count, static_cast<int64_t>(m.get<std::vector<int>>("/0").size()));
}

// ------------------------------------------------------------------- binaries

std::string relayed(const args &a, std::initializer_list<std::string_view> bins) {
  const bw_payload p = a.payload("x");
  CHECK_INT(static_cast<int64_t>(bins.size()), static_cast<int64_t>(p.n_bins));
  size_t i = 0;
  for (const std::string_view bin : bins) {
    const std::string_view found(static_cast<const char *>(p.bins[i].data), p.bins[i].len);
    if (found != bin) FAIL("binary %zu is %.*s", i, static_cast<int>(found.size()), found.data());
    i++;
  }
  return text(a);
}
#define PLACE(n) "{\"_placeholder\":true,\"num\":" #n "}"

void binaries_are_carried() {
  const message m("x",
                  bellwire::encoded{"[" PLACE(2) ",{\"a\":[" PLACE(0) "," PLACE(1) "],\"b\":" PLACE(0) "},5]",
                                    {{"zero", 4}, {"one", 3}, {"two", 3}}});
  const bellwire::blob own{"own", 3};
  CHECK_STR("[" PLACE(0) ",{\"a\":[" PLACE(1) "," PLACE(2) "],\"b\":" PLACE(1) "}," PLACE(3) "]",
            relayed(args(own, m.at("/1"), m.at("/0")), {"own", "zero", "one", "two"}).c_str());
  CHECK_STR("[[" PLACE(0) "],7]", relayed(args(std::vector{m.at("/1/b")}, 7), {"zero"}).c_str());
  CHECK_STR("[5]", relayed(args(m.at("/2")), {}).c_str());
}

// Without attachments, an object of a client that looks like a placeholder is data.
void data_never_stands_for_the_hosts_binaries() {
  const message m = received(
      "[" PLACE(0) ",{\"a\":" PLACE(99) "},{\"_placeholder\":true,\"num\":0,\"in\":[" PLACE(1) "]}]");
  const bellwire::blob own{"own", 3};
  CHECK_STR("[" PLACE(0) "]", relayed(args(m.at("/0")), {}).c_str());
  CHECK_STR("[{\"_placeholder\":null,\"num\":0},{\"a\":" PLACE(99) "}," PLACE(0) "]",
            relayed(args(m.at("/0"), m.at("/1"), own), {"own"}).c_str());
  CHECK_STR("[" PLACE(0) ",{\"_placeholder\":null,\"num\":0,\"in\":[" PLACE(1) "]}]",
            relayed(args(own, m.at("/2")), {"own"}).c_str());
  CHECK_STR("[" PLACE(0) ",{\"_placeholder\":null,\"num\":0}]",
            relayed(args(own, bellwire::json{PLACE(0)}), {"own"}).c_str());
  // It is sent.
  const message out("x", args(m.at("/1"), own));
  CHECK(bool(out));
}

// ------------------------------------------------------------------- switches

void mistakes_can_be_allowed() {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_STR("[null,null,\"a\xef\xbf\xbd\",{\"\xef\xbf\xbd\":1}]",
            text(args()
                     .allow(BW_ARGS_NULL_NUMBERS | BW_ARGS_REPLACE_TEXT)
                     .add(nan)
                     .add(std::numeric_limits<float>::infinity())
                     .add("a\xc3")
                     .object()
                     .member("\xff", 1)
                     .end())
                .c_str());
  args::allow_by_default(BW_ARGS_NULL_NUMBERS);
  CHECK_STR("[null]", sent(nan).c_str());
  args::allow_by_default(0);
  try {
    (void)sent(nan);
    FAIL("NaN was sent");
  } catch (const bellwire::error &e) { CHECK_INT(BW_E_ARG, e.code()); }
}

void a_null_text_is_an_error() {
  for (int round = 0; round < 2; round++) {
    try {
      const char *const none = nullptr;
      char *const own = nullptr;
      if (round)
        (void)sent(1, none);
      else
        (void)sent(std::vector<char *>{own});
      FAIL("NULL was sent");
    } catch (const bellwire::error &e) { CHECK_INT(BW_E_ARG, e.code()); }
  }
}

} // namespace

extern "C" {
NO_CHILDREN;
}

RUN(TEST(numbers_are_checked), TEST(everything_is_sent), TEST(arrays_and_objects_are_walked),
    TEST(containers_are_read), TEST(a_walk_reads_everything_once), TEST(binaries_are_carried),
    TEST(data_never_stands_for_the_hosts_binaries), TEST(mistakes_can_be_allowed),
    TEST(a_null_text_is_an_error))
