#include "base/json.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace waybill {
namespace {

// What comes out of what goes in, or "!reason path".
std::string echo(std::string_view text) {
  const Result<json::value> value = parse_json(text);
  if (!value) return "!" + value.error().reason + " " + value.error().path;
  return write_json(*value);
}

json::value read(std::string_view text) { return parse_json(text).value(); }

std::string message_of(std::string_view text) { return parse_json(text).error().message; }

std::string repeat(std::string_view text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

struct Case {
  std::string_view in, out;
};

TEST(JsonNumber, IsWrittenAsJavaScriptDoes) {
  struct NumberCase {
    double number;
    std::string_view text;
  };
  for (const NumberCase& c : {
           NumberCase{0.0, "0"},
           NumberCase{-0.0, "0"},
           NumberCase{1.0, "1"},
           NumberCase{-1.5, "-1.5"},
           NumberCase{742.5, "742.5"},
           NumberCase{0.1, "0.1"},
           NumberCase{0.1 + 0.2, "0.30000000000000004"},
           NumberCase{100, "100"},
           NumberCase{123456789.125, "123456789.125"},
           NumberCase{9007199254740991, "9007199254740991"},
           NumberCase{9007199254740992, "9007199254740992"},
           NumberCase{-9007199254740994, "-9007199254740994"},
           NumberCase{18446744073709551616.0, "18446744073709552000"},
           NumberCase{123456789012345680000.0, "123456789012345680000"},
           NumberCase{1e20, "100000000000000000000"},
           NumberCase{999999999999999868928.0, "999999999999999900000"},
           NumberCase{1e21, "1e+21"},
           NumberCase{-1.5e21, "-1.5e+21"},
           NumberCase{1e-6, "0.000001"},
           NumberCase{1.25e-6, "0.00000125"},
           NumberCase{1e-7, "1e-7"},
           NumberCase{-1.25e-7, "-1.25e-7"},
           NumberCase{1e100, "1e+100"},
           NumberCase{5e-324, "5e-324"},
           NumberCase{2.2250738585072014e-308, "2.2250738585072014e-308"},
           NumberCase{1.7976931348623157e308, "1.7976931348623157e+308"},
           NumberCase{1e23, "1e+23"},
           NumberCase{5e-7, "5e-7"},
       }) {
    EXPECT_EQ(json_number(c.number), c.text);
  }
}

TEST(JsonString, EscapesTheSameWhereverItStands) {
  for (std::size_t length = 1; length < 20; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 0x80; ++byte) {
        std::string text(length, 'a');
        text[at] = static_cast<char>(byte);
        std::string out;
        append_json_string(out, text);
        EXPECT_EQ(read(out).as_string(), text) << out;
        const bool is_escaped = byte < 0x20 || byte == '"' || byte == '\\';
        EXPECT_EQ(out.find('\\') == at + 1, is_escaped) << out;
      }
    }
  }
  std::string out;
  append_json_string(out, "€€€é\"é€€€");
  EXPECT_EQ(out, R"("€€€é\"é€€€")");
}

// The shortest digits, as the library finds them: it writes them without an exponent if told to.
TEST(JsonNumber, AFractionHasTheShortestDigitsHoweverFewItHas) {
  const auto fixed = [](double number) {
    std::array<char, 400> text;
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    return std::string(text.data(), end.ptr);
  };
  std::uint64_t bits = 1;
  for (int i = 0; i < 20'000; ++i) {
    bits = bits * 6364136223846793005 + 1442695040888963407;
    const auto digits = static_cast<double>(bits >> (12 + i % 48));
    for (const double unit : {10.0, 100.0, 1000.0, -100.0}) {
      const double number = digits / unit;
      for (const double near : {number, std::nextafter(number, 0), std::nextafter(number, 1e300)}) {
        if (std::abs(near) < 1e-6) continue;
        EXPECT_EQ(json_number(near), fixed(near)) << bits;
      }
    }
  }
  EXPECT_EQ(json_number(0.01), "0.01");
  EXPECT_EQ(json_number(-0.5), "-0.5");
  EXPECT_EQ(json_number(0.005), "0.005");
  EXPECT_EQ(json_number(24.9), "24.9");
  EXPECT_EQ(json_number(9999999999999.99), "9999999999999.99");
  EXPECT_EQ(json_number(90071992547409.91), "90071992547409.9");
}

TEST(JsonNumber, RequiresAFiniteNumber) {
  EXPECT_DEATH(json_number(std::numeric_limits<double>::infinity()), "no infinity");
  EXPECT_DEATH(write_json(json::value(std::numeric_limits<double>::quiet_NaN())), "no NaN");
}

TEST(JsonNumber, IntegersBeyondTwoToThe53AreWrittenAsTheirNearestDouble) {
  for (const Case& c : {
           Case{"9007199254740991", "9007199254740991"},
           Case{"9007199254740992", "9007199254740992"},
           Case{"9007199254740993", "9007199254740992"},
           Case{"9007199254740995", "9007199254740996"},
           Case{"-9007199254740993", "-9007199254740992"},
           Case{"9223372036854775807", "9223372036854776000"},
           Case{"-9223372036854775808", "-9223372036854776000"},
           Case{"18446744073709551615", "18446744073709552000"},
           Case{"18446744073709551616", "18446744073709552000"},
           Case{"100000000000000000000000", "1e+23"},
       }) {
    EXPECT_EQ(echo(c.in), c.out) << c.in;
  }
}

TEST(JsonNumber, AnIntegerIsReadAsTheSmallestKindThatHoldsIt) {
  EXPECT_EQ(read("9223372036854775807").as_int64(), INT64_MAX);
  EXPECT_EQ(read("-9223372036854775808").as_int64(), INT64_MIN);
  EXPECT_EQ(read("9223372036854775808").as_uint64(), std::uint64_t{1} << 63);
  EXPECT_EQ(read("18446744073709551615").as_uint64(), UINT64_MAX);
  EXPECT_EQ(read("18446744073709551616").as_double(), 18446744073709551616.0);
  EXPECT_EQ(read("-9223372036854775809").as_double(), -9223372036854775808.0);
  EXPECT_EQ(read("-0").as_int64(), 0);
  EXPECT_TRUE(read("1.0").is_double());
  EXPECT_TRUE(read("1e0").is_double());
}

// Boost.JSON 1.81's own reading is a digit off for one double in seven.
TEST(JsonNumber, DoublesAreReadExactly) {
  EXPECT_EQ(read("742.5").as_double(), 742.5);
  EXPECT_EQ(read("2.2250738585072011e-308").as_double(), 2.2250738585072011e-308);
  EXPECT_EQ(read("5e-324").as_double(), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(read("2.4703282292062328e-324").as_double(), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(read("1.7976931348623158e308").as_double(), std::numeric_limits<double>::max());
  EXPECT_EQ(read("9007199254740993.0").as_double(), 9007199254740992.0);
  EXPECT_EQ(read("9007199254740993." + std::string(500, '0') + "1").as_double(),
            9007199254740994.0);
  std::uint64_t bits = 1;
  for (int i = 0; i < 20'000; ++i) {
    bits = bits * 6364136223846793005 + 1442695040888963407;
    const double number = std::bit_cast<double>(bits);
    if (!std::isfinite(number)) continue;
    EXPECT_EQ(read(fmt::format("{:.17e}", number)).as_double(), number) << bits;
    EXPECT_EQ(read(json_number(number)).to_number<double>(), number) << bits;
  }
}

TEST(JsonNumber, OneTooSmallIsZeroAsInJavaScript) {
  for (const std::string_view text :
       {"1e-400", "-1e-400", "2e-324", "1e-999999999", "0e400", "0.0e-999", "-0e+999999999"}) {
    EXPECT_EQ(echo(text), "0") << text;
  }
}

TEST(JsonNumber, OneTooLargeIsRefused) {
  for (const std::string& text :
       {std::string("1e309"), std::string("-1e309"), std::string("1e999"),
        std::string("1.7976931348623159e308"), "1" + std::string(309, '0'),
        "1" + std::string(500'000, '0'), std::string("1e2147483647"), std::string("1e2147483648"),
        std::string("1e99999999999999999999"), std::string("1e-99999999999999999999")}) {
    EXPECT_EQ(echo("{\"a\":[0," + text + "]}"), "!number_out_of_range $.a[1]")
        << text.substr(0, 30);
  }
}

TEST(JsonText, IsWrittenAsJavaScriptDoes) {
  for (const Case& c : {
           Case{R"("")", R"("")"},
           Case{R"("\u0000\u0001\u001f\u007f")", "\"\\u0000\\u0001\\u001f\x7f\""},
           Case{R"("\b\f\n\r\t\"\\\/")", R"("\b\f\n\r\t\"\\/")"},
           Case{R"("\u0008\u000C\u000a\u000d\u0009\u0022\u005c\u002F")", R"("\b\f\n\r\t\"\\/")"},
           Case{R"("\u001B")", R"("\u001b")"},
           Case{R"("</script>")", R"("</script>")"},
           Case{R"("\u00e9\u20AC\ud83d\uDE00")", "\"é€😀\""},
           Case{R"("\uD800\uDC00\udbff\udfff\uffff")", "\"\U00010000\U0010ffff\uffff\""},
           Case{"\"é€😀\u2028\u2029\ufeff\"", "\"é€😀\u2028\u2029\ufeff\""},
       }) {
    EXPECT_EQ(echo(c.in), c.out) << c.in;
  }
}

TEST(JsonText, IsReadWholeHoweverManyPartsItComesIn) {
  // Boost hands over text with escapes in pieces of a few kilobytes.
  std::string text;
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    text += i % 3 == 0 ? "\\n" : i % 3 == 1 ? "\\ud83d\\ude00" : "plain";
    expected += i % 3 == 0 ? "\n" : i % 3 == 1 ? "😀" : "plain";
  }
  EXPECT_EQ(read('"' + text + '"').as_string(), expected);
  const json::value object = read("{\"a\\tb\":1,\"" + text + "\":2,\"c\\td\":\"e\\tf\"}");
  EXPECT_EQ(object.at(expected).as_int64(), 2);
  EXPECT_EQ(object.at("a\tb").as_int64(), 1);
  EXPECT_EQ(object.at("c\td").as_string(), "e\tf");
  EXPECT_EQ(echo(R"(["a\tb","c",{"d\te":"f"}])"), R"(["a\tb","c",{"d\te":"f"}])");
}

TEST(JsonMembers, KeepTheirOrderButForIntegerLikeNames) {
  for (const Case& c : {
           Case{R"({"b":1,"a":2,"":3})", R"({"b":1,"a":2,"":3})"},
           Case{R"({"b":0,"10":0,"9":0,"a":0,"0":0})", R"({"0":0,"9":0,"10":0,"b":0,"a":0})"},
           Case{R"({"01":0,"00":0,"-0":0,"-1":0,"1.5":0,"1e3":0,"1":0})",
                R"({"1":0,"01":0,"00":0,"-0":0,"-1":0,"1.5":0,"1e3":0})"},
           Case{R"({"4294967296":0,"4294967295":0,"4294967294":0,"99999999999":0,"4294967293":0})",
                R"({"4294967293":0,"4294967294":0,"4294967296":0,"4294967295":0,"99999999999":0})"},
           Case{R"({"1 ":0," 1":0,"1a":0,"+1":0,"1":0})", R"({"1":0,"1 ":0," 1":0,"1a":0,"+1":0})"},
           Case{R"({"x":{"2":0,"1":0},"l":[{"b":0,"1":0}]})",
                R"({"x":{"1":0,"2":0},"l":[{"1":0,"b":0}]})"},
           Case{R"({"__proto__":{"a":1},"constructor":2})",
                R"({"__proto__":{"a":1},"constructor":2})"},
       }) {
    EXPECT_EQ(echo(c.in), c.out) << c.in;
  }
}

TEST(JsonWriter, LeavesOutAllWhiteSpace) {
  EXPECT_EQ(echo(" { \"a\" : [ 1 ,\t[ ] , { }\r\n, null , true , false ] } \n"),
            R"({"a":[1,[],{},null,true,false]})");
}

TEST(JsonWriter, AppendsToWhatIsThere) {
  std::string out = "data: ";
  append_json(out, json::array{1, "two"});
  append_json_string(out, "a\"b");
  EXPECT_EQ(out, R"(data: [1,"two"]"a\"b")");
}

TEST(JsonWriter, PrettyTextIsIndentedLikeJavaScripts) {
  EXPECT_EQ(write_json_pretty(read(R"({"b":[1,{"x":[]}, {}],"1":"two","a":{}})")),
            R"({
  "1": "two",
  "b": [
    1,
    {
      "x": []
    },
    {}
  ],
  "a": {}
})");
  EXPECT_EQ(write_json_pretty(read("[]")), "[]");
  EXPECT_EQ(write_json_pretty(read("{}")), "{}");
  EXPECT_EQ(write_json_pretty(read("[[]]")), "[\n  []\n]");
  EXPECT_EQ(write_json_pretty(read("\"a\"")), "\"a\"");
}

TEST(JsonReader, RefusesWhatIsNotJson) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "1 2",
                                      "[]]",
                                      "tru",
                                      "True",
                                      "NaN",
                                      "Infinity",
                                      "-",
                                      "+1",
                                      "01",
                                      "-01",
                                      "1.",
                                      ".5",
                                      "1.e5",
                                      "1e",
                                      "1e+",
                                      "0x10",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      "\"\\x41\"",
                                      "\"\\u12g4\"",
                                      "\"\t\"",
                                      "\"\n\"",
                                      "\v1",
                                      "\u00a01",
                                      "\xef\xbb\xbf{}",
                                      "// c\n1",
                                      "/* c */1",
                                      "[1]//",
                                      "{1:2}",
                                      "1-",
                                      "nul",
                                      "[1}",
                                      "{\"a\":1]"}) {
    const auto value = parse_json(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().code, Code::kInvalid) << text;
    EXPECT_EQ(value.error().reason, "malformed_json") << text;
  }
  EXPECT_EQ(echo(std::string_view("1\0", 2)), "!malformed_json $");
}

TEST(JsonReader, ReadsNothingBeyondItsText) {
  EXPECT_EQ(echo(std::string_view("12345").substr(0, 2)), "12");
  EXPECT_EQ(echo(std::string_view("1.5e10").substr(0, 3)), "1.5");
  EXPECT_EQ(echo(std::string_view("[true]").substr(0, 4)), "!malformed_json $");
  EXPECT_EQ(echo(std::string_view()), "!malformed_json $");
}

TEST(JsonReader, RefusesAMemberThatIsThereAlready) {
  for (const Case& c : {
           Case{R"({"a":1,"a":1})", "$.a"},
           Case{R"({"a":1,"b":{"a":1},"\u0061":2})", "$.a"},
           Case{R"({"a\n":1,"b":2,"a\u000A":2})", R"($["a\n"])"},
           Case{R"({"":1,"":1})", R"($[""])"},
           Case{R"([{},{"lines":[0,{"a b":1,"a b":2}]}])", R"($[1].lines[1]["a b"])"},
           Case{R"({"x":{"y":[]},"z":{"y":1,"y":1}})", "$.z.y"},
       }) {
    EXPECT_EQ(echo(c.in), "!duplicate_member " + std::string(c.out)) << c.in;
  }
  EXPECT_EQ(echo(R"([{"a":1},{"a":1}])"), R"([{"a":1},{"a":1}])");
}

TEST(JsonReader, FindsDuplicatesInLargeObjectsToo) {
  // 200,000 members: what compares each name with all others does not end within the test's time.
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("\"m{}\":0,", i);
  EXPECT_EQ(read(text + "\"m200000\":0}").as_object().size(), 200'001u);
  EXPECT_EQ(echo(text + "\"m77777\":0}"), "!duplicate_member $.m77777");

  std::string numbers = "{";
  for (int i = 100'000; i > 0; --i) numbers += fmt::format("\"{}\":0,", i);
  EXPECT_TRUE(echo(numbers + "\"a\":0}").starts_with(R"({"1":0,"2":0,"3":0,)"));
}

TEST(JsonReader, RefusesWhatIsNestedTooDeep) {
  const std::string deep = repeat("[", kJsonDepthMax) + repeat("]", kJsonDepthMax);
  EXPECT_EQ(echo(deep), deep);
  EXPECT_EQ(echo("[" + deep + "]"), "!too_deep $" + repeat("[0]", kJsonDepthMax));
  EXPECT_EQ(echo(repeat("{\"a\":", kJsonDepthMax + 1)),
            "!too_deep $" + repeat(".a", kJsonDepthMax));
  // Depth is not length: what was closed does not count.
  EXPECT_EQ(read("[" + repeat("[[]],", 1000) + "0]").as_array().size(), 1001u);
}

TEST(JsonReader, IsNotOverwhelmedByAMegabyteOfAnything) {
  constexpr std::size_t kSize = 1 << 20;
  for (const std::string& text :
       {repeat("[", kSize), repeat("{\"a\":", kSize / 5), repeat("\"", kSize), repeat("9", kSize),
        repeat("0.", kSize / 2), repeat("-", kSize), repeat(" ", kSize), repeat("\\", kSize),
        "\"" + repeat("\\ud800", kSize / 6), "[" + repeat("[],", kSize / 3),
        "[" + repeat("{},", kSize / 3), "{\"" + repeat("\\u0001", kSize / 6) + "\":",
        "[0." + repeat("0", kSize) + "1e1048576", repeat("\xF0\x9F\x98\x80", kSize / 4)}) {
    const auto value = parse_json(text);
    ASSERT_FALSE(value.has_value()) << text.substr(0, 20);
    EXPECT_LT(value.error().path.size(), 1000u) << text.substr(0, 20);
    EXPECT_LT(value.error().message.size(), 1000u) << text.substr(0, 20);
  }
}

TEST(JsonReader, RefusesTextThatIsNotUtf8) {
  for (const std::string_view bytes :
       {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xc3(",
        "\xf0\x9f\x98", "\xf0\x9f(\x80", "caf\xe9 au lait"}) {
    EXPECT_FALSE(is_utf8(bytes)) << json::serialize(json::string(bytes));
    EXPECT_FALSE(is_utf8("0123456789" + std::string(bytes))) << "beyond the first eight bytes";
    EXPECT_EQ(echo("{\"a\":\"" + std::string(bytes) + "\"}"), "!invalid_utf8 $.a");
    EXPECT_EQ(echo("{\"a\":1}" + std::string(bytes)), "!invalid_utf8 $");
  }
  for (const std::string_view text :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678", "1234567é",
        "12345678é1234567890€"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

// It was "$" for all of them, though the text before the fault says where it is.
TEST(JsonReader, TellsWhereTextStopsBeingUtf8) {
  for (const Case& c : {
           Case{"{\"lines\":[{},{\"unit\":\"caf\xe9\"}]}", "!invalid_utf8 $.lines[1].unit"},
           Case{"[1,\"\xff\"]", "!invalid_utf8 $[1]"},
           Case{"{\"a\":1,\"\xff\":2}", "!invalid_utf8 $"},
           Case{"{\"a\":{\"\\u00e9\":\"\xed\xa0\x80", "!invalid_utf8 $.a[\"é\"]"},
           // Nothing can be said of a text that was no JSON before.
           Case{"{\"a\":1,\"a\":\"\xff\"}", "!invalid_utf8 $"},
           Case{"{'a':\"\xff\"}", "!invalid_utf8 $"},
           Case{"\xff", "!invalid_utf8 $"},
       }) {
    EXPECT_EQ(echo(c.in), c.out) << c.out;
  }
}

TEST(JsonReader, RefusesHalfASurrogatePair) {
  for (const std::string_view text :
       {R"(["\ud800"])", R"(["\udc00"])", R"(["\udfff and twenty more characters"])",
        R"(["\ud83d and twenty more characters"])", R"(["\ud83d\n and twenty more characters"])",
        R"(["\ud83d\ud83d\ude00 and more"])", R"(["\uDBFFx"])", R"(["\ude00\ud83d and more"])",
        R"(["\ud83d\u0041 and more of it"])"}) {
    EXPECT_EQ(echo(text), "!invalid_utf8 $[0]") << text;
  }
  EXPECT_EQ(echo(R"({"\ud800":1})"), "!invalid_utf8 $");
  // These are no pair of anything.
  EXPECT_EQ(echo(R"(["\\ud800"])"), R"(["\\ud800"])");
  EXPECT_EQ(echo(R"(["\u00d8x\x"])"), "!malformed_json $");
}

TEST(JsonReader, TellsThePathOfTheFault) {
  for (const Case& c : {
           Case{R"({"lines":[{"quantity":1e999}]})", "!number_out_of_range $.lines[0].quantity"},
           Case{R"({"lines":[{},{"quantity":1e999}]})", "!number_out_of_range $.lines[1].quantity"},
           Case{R"({"lines":[{"quantity":x}]})", "!malformed_json $.lines[0].quantity"},
           Case{R"({"lines":[{"quantity":1,}]})", "!malformed_json $.lines[0]"},
           Case{R"({"lines":[1,2,}]})", "!malformed_json $.lines"},
           Case{R"({"a":{"b":1} "c"})", "!malformed_json $"},
           Case{R"({"a":[[1],[2,3],[4,1e999]]})", "!number_out_of_range $.a[2][1]"},
           Case{R"({"$ref_1":1e999})", "!number_out_of_range $.$ref_1"},
           Case{R"({"1a":1e999})", R"(!number_out_of_range $["1a"])"},
           Case{R"({"a.b":1e999})", R"(!number_out_of_range $["a.b"])"},
           Case{R"({"é\"\n":1e999})", R"(!number_out_of_range $["é\"\n"])"},
           Case{"1e999", "!number_out_of_range $"},
       }) {
    EXPECT_EQ(echo(c.in), c.out) << c.in;
  }
}

TEST(JsonReader, CutsLongNamesInPathsBetweenCharacters) {
  const std::string path = parse_json("{\"" + repeat("é", 500'000) + "a\":x}").error().path;
  EXPECT_EQ(path, "$[\"" + repeat("é", 50) + "…\"]");
  EXPECT_TRUE(is_utf8(parse_json("{\"a" + repeat("😀", 200) + "\":x}").error().path));
}

TEST(JsonReader, TellsTheLineAndColumnOfTheFault) {
  for (const Case& c : {
           Case{"{\n  \"é\": 1,\n  \"ü\": tru }",
                "The JSON is malformed at line 3, column 8: unexpected 't'."},
           Case{"[1,]", "The JSON is malformed at line 1, column 4: unexpected ']'."},
           Case{"[\"\x01\"]",
                "The JSON is malformed at line 1, column 3: unexpected control "
                "character \\u0001."},
           Case{"[é]", "The JSON is malformed at line 1, column 2: unexpected character."},
           Case{"[1\n", "The JSON ends too early, at line 2, column 1."},
           Case{" \n ", "The text is empty where JSON is expected."},
           Case{"{} {}", "The JSON is complete, but more text follows at line 1, column 4."},
           Case{"[0,\n 1e999]", "The number at line 2, column 2 is too large."},
           Case{"\"caf\xe9\"", "The text is not UTF-8 from byte 4 on."},
       }) {
    EXPECT_EQ(message_of(c.in), c.out) << c.in;
  }
  EXPECT_EQ(message_of("{\"a\":1,\n\"a\":2}"),
            "A member is named a second time at line 2, column 3.");
  EXPECT_EQ(message_of(repeat("[", 65)),
            "Arrays and objects are more than 64 deep at line 1, column 65.");
  EXPECT_EQ(message_of("[\"\\ud800\"]"),
            "The escape at line 1, column 9 is half of a surrogate pair.");
}

}  // namespace
}  // namespace waybill
