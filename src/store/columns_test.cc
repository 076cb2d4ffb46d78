#include "store/columns.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace waybill::store {
namespace {

using List = std::vector<std::string>;

TEST(ListColumn, IsReadAsItWasWritten) {
  for (const List& list :
       {List{}, List{""}, List{"", ""}, List{"*"}, List{"order.created", "order.updated"},
        List{"a,b", "[c]", "é €"}, List{"a \"quote\"", "b"}, List{"a", "back\\slash"}, List{"\\\""},
        List{"line\nbreak", "\x01"}}) {
    EXPECT_EQ(list_from_column(list_to_column(list)), list) << list_to_column(list);
  }
}

TEST(ListColumn, MayBeAnyJsonOfTexts) {
  const List list = {"a", "b"};
  for (const char* column :
       {R"(["a","b"])", R"([ "a" , "b" ])", R"(["\u0061","b"])", " [\"a\",\n\"b\"]\n"}) {
    EXPECT_EQ(list_from_column(column), list) << column;
  }
}

TEST(ListColumnDeathTest, IsNoOtherText) {
  for (const char* column : {"", "[", R"(["a")", R"(["a",])", R"(["a" "b"])", R"([a])"}) {
    EXPECT_DEATH(list_from_column(column), "JSON we wrote") << column;
  }
}

}  // namespace
}  // namespace waybill::store
