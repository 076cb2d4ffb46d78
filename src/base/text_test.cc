#include "base/text.h"

#include <utility>

#include <gtest/gtest.h>

namespace waybill {
namespace {

TEST(Text, IsTrimmedOfSpacesAndTabsAtItsEndsAlone) {
  for (const auto& [text, expected] : {std::pair<std::string_view, std::string_view>{"", ""},
                                       {" \t ", ""},
                                       {"a", "a"},
                                       {" a", "a"},
                                       {"a\t", "a"},
                                       {"\t a \t b  ", "a \t b"},
                                       {"\na\r", "\na\r"}}) {
    EXPECT_EQ(trimmed(text), expected);
  }
}

}  // namespace
}  // namespace waybill
