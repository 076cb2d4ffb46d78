#include "surfaces/precoro/list_query.h"

#include <gtest/gtest.h>

namespace waybill::surfaces::precoro {
namespace {

TEST(ListQuery, ReadsWhatTheDocumentsShow) {  // R-PR-20, and typical use
  const auto query = read_list_query(
      "modifiedSince=2023-10-10T00:00:00&approvalDate[left_date]=01.12.2023"
      "&approvalDate%5Bright_date%5D=31.12.2023&status[]=2&status%5B1%5D=3&supplier[]=7316"
      "&enable=true&page=3&per_page=50");
  ASSERT_TRUE(query) << query.error().message;
  EXPECT_EQ(query->filter.modified_since, parse_iso_time("2023-10-10T00:00:00Z"));
  EXPECT_EQ(query->filter.approved_from, "2023-12-01");
  EXPECT_EQ(query->filter.approved_until, "2023-12-31");
  EXPECT_EQ(query->filter.statuses, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(query->filter.suppliers, std::vector<std::int64_t>{7316});
  EXPECT_EQ(query->filter.enabled, true);
  EXPECT_EQ(query->page, 3);
  EXPECT_EQ(query->page_size, 50);
}

TEST(ListQuery, WithoutParametersIsTheFirstPageOfAll) {
  const auto query = read_list_query("");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->page, 1);
  EXPECT_EQ(query->page_size, 20);
  EXPECT_FALSE(query->filter.modified_since || query->filter.enabled);
}

TEST(ListQuery, ModifiedSinceMayHaveAnOffsetOrBeADay) {
  EXPECT_EQ(read_list_query("modifiedSince=2023-10-10T02:00:00%2B02:00")->filter.modified_since,
            parse_iso_time("2023-10-10T00:00:00Z"));
  EXPECT_EQ(read_list_query("modifiedSince=2023-10-10")->filter.modified_since,
            parse_iso_time("2023-10-10T00:00:00Z"));
}

TEST(ListQuery, PagesComeInTheSizesOfferedAndNoOther) {
  for (const int size : {10, 20, 50, 100, 200}) {
    EXPECT_EQ(read_list_query("per_page=" + std::to_string(size))->page_size, size);
  }
  for (const char* size : {"0", "15", "201", "-10", "ten", ""}) {
    EXPECT_FALSE(read_list_query(std::string("per_page=") + size)) << size;
  }
  EXPECT_EQ(read_list_query("page=last")->page, ListQuery::kLastPage);
}

TEST(ListQuery, EveryFaultNamesItsParameter) {
  struct Case {
    std::string_view query, reason, named;
  };
  for (const Case& c : {
           Case{"modifiedSince=yesterday", "query_invalid", "modifiedSince"},
           Case{"approvalDate[left_date]=2023-12-01", "query_invalid", "approvalDate[left_date]"},
           Case{"approvalDate[right_date]=31.02.2023", "query_invalid", "approvalDate[right_date]"},
           Case{"status[]=approved", "query_invalid", "status[]"},
           Case{"supplier[]=-1", "query_invalid", "supplier[]"},
           Case{"enable=yes", "query_invalid", "enable"},
           Case{"page=0", "query_invalid", "page"},
           Case{"page=1&page=2", "query_invalid", "page"},
           Case{"status=2", "query_unknown", "status"},
           Case{"location[]=2", "query_unknown", "location[]"},
       }) {
    const auto query = read_list_query(c.query);
    ASSERT_FALSE(query) << c.query;
    EXPECT_EQ(query.error().reason, c.reason) << c.query;
    EXPECT_NE(query.error().message.find(c.named), std::string::npos) << query.error().message;
  }
  std::string many;
  for (int i = 0; i < 21; ++i) many += "status[]=2&";
  many.pop_back();
  EXPECT_FALSE(read_list_query(many));
}

}  // namespace
}  // namespace waybill::surfaces::precoro
