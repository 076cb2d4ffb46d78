#include "surfaces/native/object_reader.h"

#include <functional>

#include <gtest/gtest.h>

namespace waybill::surfaces::native {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp kNow{milliseconds(1'800'000'000'000)};

json::object object_of(std::string_view text) { return parse_json(text).value().as_object(); }

TEST(ObjectReader, ReadsWhatIsThereAndNothingForWhatIsNot) {
  const json::object object = object_of(
      R"({"name": "Grün", "count": 5.0, "wait": "90s", "at": "2026-01-02T03:04:05+01:00",
          "tags": ["a", "b"], "data": {}})");
  ObjectReader reader(object);
  EXPECT_EQ(reader.text("name", {4, 4}), "Grün");
  EXPECT_EQ(reader.optional_integer("count", 1, 5), 5);
  EXPECT_EQ(reader.optional_duration("wait", seconds(1), seconds(90)), seconds(90));
  EXPECT_EQ(iso_time(*reader.optional_time("at")), "2026-01-02T02:04:05.000Z");
  EXPECT_EQ(reader.optional_texts("tags", {1, 2}, {1, 1}), (std::vector<std::string>{"a", "b"}));
  EXPECT_NE(reader.object("data"), nullptr);
  EXPECT_EQ(reader.optional_text("absent", {1, 9}), std::nullopt);
  EXPECT_EQ(reader.optional_integer("absent", 1, 9), std::nullopt);
  EXPECT_EQ(reader.optional_time("absent"), std::nullopt);
  EXPECT_FALSE(reader.has("absent"));
  EXPECT_TRUE(reader.done());
}

TEST(ObjectReader, PassesOverWhatNobodyAsksForWhereItIsToBeLenient) {
  const json::object object = object_of(R"({"name": "A", "count": null, "other": [1]})");
  ObjectReader reader(object, "$", ObjectReader::Mode::kLenient);
  EXPECT_EQ(reader.text("name", {1, 1}), "A");
  EXPECT_EQ(reader.optional_integer("count", 1, 5), std::nullopt);
  EXPECT_FALSE(reader.has("count"));
  EXPECT_TRUE(reader.done());
  reader.text("count", {1, 9});
  EXPECT_EQ(reader.done().error().reason, "member_missing");
  ObjectReader strict(object);
  strict.text("name", {1, 1});
  EXPECT_EQ(strict.done().error().reason, "member_unknown");
}

TEST(ObjectReader, TellsTheFirstFaultWithItsPath) {
  struct Case {
    std::string_view body;
    std::function<void(ObjectReader&)> read;
    std::string_view reason;
    std::string_view path;
  };
  const auto name = [](ObjectReader& reader) { reader.text("name", {1, 3}); };
  const auto count = [](ObjectReader& reader) { reader.optional_integer("count", 1, 5); };
  const auto wait = [](ObjectReader& reader) {
    reader.optional_duration("wait", seconds(1), seconds(5));
  };
  const auto waits = [](ObjectReader& reader) {
    reader.optional_durations("waits", {0, 2}, milliseconds(1), seconds(5));
  };
  const auto tags = [](ObjectReader& reader) { reader.optional_texts("tags", {1, 2}, {1, 2}); };
  const auto time = [](ObjectReader& reader) { reader.optional_time("at"); };
  const auto since = [](ObjectReader& reader) { reader.moment("since", kNow); };
  const auto data = [](ObjectReader& reader) { reader.object("data"); };
  const auto list = [](ObjectReader& reader) { reader.array("list", {1, 1}); };
  const auto nothing = [](ObjectReader&) {};
  const Case cases[] = {
      {R"({})", name, "member_missing", "$.name"},
      {R"({"name": null})", name, "member_type", "$.name"},
      {R"({"name": 1})", name, "member_type", "$.name"},
      {R"({"name": ""})", name, "member_invalid", "$.name"},
      {R"({"name": "abcd"})", name, "member_invalid", "$.name"},
      {R"({"name": "  "})", name, "member_invalid", "$.name"},
      {R"({"name": "a\nb"})", name, "member_invalid", "$.name"},
      {R"({"name": "a\u0000"})", name, "member_invalid", "$.name"},
      {R"({"count": "5"})", count, "member_type", "$.count"},
      {R"({"count": 0})", count, "member_invalid", "$.count"},
      {R"({"count": 6})", count, "member_invalid", "$.count"},
      {R"({"count": 1.5})", count, "member_invalid", "$.count"},
      {R"({"count": 1e300})", count, "member_invalid", "$.count"},
      {R"({"wait": 5})", wait, "member_type", "$.wait"},
      {R"({"wait": "5"})", wait, "member_invalid", "$.wait"},
      {R"({"wait": "-1s"})", wait, "member_invalid", "$.wait"},
      {R"({"wait": "6s"})", wait, "member_invalid", "$.wait"},
      {R"({"waits": "1s"})", waits, "member_type", "$.waits"},
      {R"({"waits": ["1s", "9s"]})", waits, "member_invalid", "$.waits[1]"},
      {R"({"waits": ["1s", "1s", "1s"]})", waits, "member_invalid", "$.waits"},
      {R"({"tags": []})", tags, "member_invalid", "$.tags"},
      {R"({"tags": ["a", 1]})", tags, "member_type", "$.tags[1]"},
      {R"({"tags": ["a", "abc"]})", tags, "member_invalid", "$.tags[1]"},
      {R"({"tags": ["a", "a"]})", tags, "member_invalid", "$.tags[1]"},
      {R"({"at": "yesterday"})", time, "member_invalid", "$.at"},
      {R"({"at": 1})", time, "member_type", "$.at"},
      {R"({"since": "soon"})", since, "member_invalid", "$.since"},
      {R"({})", since, "member_missing", "$.since"},
      {R"({"data": []})", data, "member_type", "$.data"},
      {R"({"list": {}})", list, "member_type", "$.list"},
      {R"({"list": []})", list, "member_invalid", "$.list"},
      {R"({"other": 1})", nothing, "member_unknown", "$.other"},
      {R"({"a b": 1})", nothing, "member_unknown", R"($["a b"])"},
  };
  for (const Case& c : cases) {
    const json::object object = object_of(c.body);
    ObjectReader reader(object);
    c.read(reader);
    const auto done = reader.done();
    ASSERT_FALSE(done) << c.body;
    EXPECT_EQ(done.error().code, Code::kInvalid) << c.body;
    EXPECT_EQ(done.error().reason, c.reason) << c.body;
    EXPECT_EQ(done.error().path, c.path) << c.body;
    EXPECT_FALSE(done.error().message.empty()) << c.body;
  }
}

TEST(ObjectReader, AMomentIsATimeOrThatLongAgoButNeverBefore1970) {
  EXPECT_EQ(parse_moment("1h", kNow), kNow - std::chrono::hours(1));
  EXPECT_EQ(parse_moment("2026-01-01T00:00:00Z", kNow), parse_iso_time("2026-01-01T00:00:00Z"));
  EXPECT_EQ(parse_moment("0001-01-01T00:00:00Z", kNow), Timestamp());
  EXPECT_EQ(parse_moment("soon", kNow), std::nullopt);
}

TEST(ObjectReader, AVeryLongNameIsCutInItsPath) {
  json::object object;
  object.emplace(std::string(5000, 'x') + "ü", 1);
  ObjectReader reader(object);
  const auto done = reader.done();
  ASSERT_FALSE(done);
  EXPECT_LT(done.error().path.size(), 200u);
  EXPECT_TRUE(is_utf8(done.error().path));
}

TEST(ObjectReader, AVerdictWithoutAPathGetsThatOfItsMember) {
  const json::object object = object_of(R"({"slug": "x"})");
  ObjectReader reader(object, "$.events[3]");
  reader.text("slug", {1, 9});
  reader.check("slug", fail(Code::kConflict, "slug_bad", "It is bad."));
  const auto done = reader.done();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kConflict);
  EXPECT_EQ(done.error().path, "$.events[3].slug");
}

}  // namespace
}  // namespace waybill::surfaces::native
