#include "app/cli/member_path.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "app/cli/command.h"

namespace waybill::app::cli {
namespace {

std::string after(std::string_view assignment) {
  json::value data = parse_json(R"({"id": "1", "lines": [{"unit": "box"}], "note": null})").value();
  const auto set = set_member(data, assignment);
  if (set) return write_json(data);
  EXPECT_EQ(set.error().reason, kUsage);
  return set.error().message;
}

TEST(MemberPath, ReplacesAndAdds) {
  struct Case {
    std::string_view assignment, data;
  };
  const Case cases[] = {
      {"id=2", R"({"id":2,"lines":[{"unit":"box"}],"note":null})"},
      {"id=\"2\"", R"({"id":"2","lines":[{"unit":"box"}],"note":null})"},
      {"id=a=b", R"({"id":"a=b","lines":[{"unit":"box"}],"note":null})"},
      {"id=", R"({"id":"","lines":[{"unit":"box"}],"note":null})"},
      {"lines.0.unit=kg", R"({"id":"1","lines":[{"unit":"kg"}],"note":null})"},
      {"lines.0.quantity=1.5", R"({"id":"1","lines":[{"unit":"box","quantity":1.5}],"note":null})"},
      {"lines.1.unit=kg", R"({"id":"1","lines":[{"unit":"box"},{"unit":"kg"}],"note":null})"},
      {"lines=[]", R"({"id":"1","lines":[],"note":null})"},
      {"note.by.name=Ada", R"({"id":"1","lines":[{"unit":"box"}],"note":{"by":{"name":"Ada"}}})"},
  };
  for (const Case& c : cases) EXPECT_EQ(after(c.assignment), c.data) << c.assignment;
}

TEST(MemberPath, RefusesWhatNamesNoPlace) {
  for (const char* assignment : {"id", "=5", ""}) {
    EXPECT_TRUE(after(assignment).starts_with("--set takes PATH=VALUE")) << assignment;
  }
  for (const char* assignment : {"id.a=5", "lines.2=5", "lines.x=5", "lines.-1=5", "a..b=5"}) {
    EXPECT_TRUE(after(assignment).starts_with("The data has no place")) << assignment;
  }
}

}  // namespace
}  // namespace waybill::app::cli
