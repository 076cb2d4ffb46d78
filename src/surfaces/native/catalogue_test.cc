// The list of all events.

#include <set>

#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

const std::string kEventTypes = "/hub/v1/event-types";

class EventTypes : public NativeApiTest {
 public:
  std::multiset<std::string> listed(std::string_view query) {
    std::multiset<std::string> names;
    const json::value list = ok(200, "GET", kEventTypes + std::string(query));
    EXPECT_TRUE(at(list, "next_cursor").is_null());
    for (const json::value& row : at(list, "rows").as_array()) {
      names.insert(text(row, "dialect") + " " + text(row, "name"));
    }
    return names;
  }
};

TEST_F(EventTypes, AreListedWithWhatTheirDataIs) {
  const json::value list = ok(200, "GET", kEventTypes + "?dialect=proign&canonical=stock.low");
  EXPECT_EQ(text(list, "rows", 0, "name"), "stock.low");
  EXPECT_EQ(text(list, "rows", 0, "module"), "Inventory");
  EXPECT_FALSE(text(list, "rows", 0, "description").empty());
  EXPECT_EQ(text(list, "rows", 0, "schema", "type"), "object");
  EXPECT_TRUE(at(list, "rows", 0, "example").is_object());
}

TEST_F(EventTypes, AreThoseOfAllDialects) {
  const std::multiset<std::string> all = listed("");
  const std::pair<std::string, std::size_t> counts[] = {
      {"peptideclients", 11}, {"precoro", 24}, {"proculink", 3}, {"procureiq", 22}, {"proign", 33}};
  for (const auto& [dialect, count] : counts) {
    EXPECT_EQ(listed("?dialect=" + dialect).size(), count) << dialect;
  }
  EXPECT_GE(all.size(), 94u);
  EXPECT_TRUE(all.contains("precoro purchase_order.create"));
}

TEST_F(EventTypes, AreFoundByDialectCanonicalNameAndModule) {
  EXPECT_EQ(
      listed("?canonical=supplier.created"),
      (std::multiset<std::string>{"peptideclients vendor.created", "precoro supplier.create"}));
  EXPECT_EQ(listed("?module=ad"), (std::multiset<std::string>{"procureiq ad.budget_exhausted",
                                                              "procureiq ad.campaign_started"}));
  EXPECT_EQ(listed("?dialect=proign&module=ad").size(), 0u);
  refused(404, "dialect_not_found", "", "GET", kEventTypes + "?dialect=klingon");
  refused(400, "query_unknown", "", "GET", kEventTypes + "?type=a");
}

TEST_F(EventTypes, AnyTokenMayAsk) {
  ok(200, "GET", kEventTypes, {}, key_with({"orders:read"}));
  refused(401, "unauthenticated", "", "GET", kEventTypes, {}, {{"Authorization", ""}});
}

}  // namespace
}  // namespace waybill::surfaces::native
