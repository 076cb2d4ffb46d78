// What callers see while the store cannot be written to, and when it can be again.

#include <string>

#include <gtest/gtest.h>

#include "store/sqlite/sqlite_driver.h"
#include "surfaces/hub_fixture.h"
#include "surfaces/proculink/proculink_api.h"

namespace waybill::surfaces {
namespace {

constexpr std::string_view kOrder =
    R"({"orderNumber":"PO-1","supplierId":"Acme Paper",)"
    R"("lines":[{"buyerItemCode":"A4","description":"Paper","quantity":1,"unit":"box"}]})";

class StoreFailure : public HubFixture {
 public:
  StoreFailure() {
    api.add_routes(router);
    call("POST", "/hub/v1/workspaces", R"({"slug":"acme"})");
    call("POST", "/hub/v1/workspaces/acme/suppliers", R"({"name":"Acme Paper"})");
    key = json_of(call("POST", "/hub/v1/workspaces/acme/keys",
                       R"({"platform":"proculink","name":"test"})"))
              .at("key")
              .as_string();
    call("POST", "/hub/v1/workspaces/acme/endpoints",
         R"({"dialect":"standard-webhooks","url":"https://a.example/hook","event_types":["*"]})");
    // As another program does that holds the lock for longer than we wait.
    const auto impatient = run(database->run([](store::Connection& connection) {
      return connection.query("PRAGMA busy_timeout = 1", {}, [](const store::Row&) {});
    }));
    EXPECT_TRUE(impatient);
    other = *store::SqliteDriver(folder / "waybill.db").connect(store::Connection::Access::kWrite);
  }

  net::Response post_order() {
    return call("POST", "/api/ingress/acme/orders", kOrder, {{"X-ProcuLink-Key", key}});
  }
  net::Response publish() {
    return call("POST", "/hub/v1/workspaces/acme/events", R"({"type":"stock.low","data":{}})");
  }
  std::size_t rows(std::string_view what) {
    return json_of(call("GET", "/hub/v1/workspaces/acme/" + std::string(what)))
        .at("rows")
        .as_array()
        .size();
  }

  intake::OrderIntake orders{clock, ids, *database, acceptance};
  proculink::ProcuLinkApi api{{log, keys, orders, dispatcher}};
  std::string key;
  std::unique_ptr<store::Connection> other;
};

TEST_F(StoreFailure, EachSurfaceAnswers503WithRetryAfterAndNothingIsAccepted) {
  ASSERT_TRUE(other->begin(store::Connection::Access::kWrite));
  const net::Response order = post_order();
  const net::Response event = publish();
  for (const net::Response* answer : {&order, &event}) {
    EXPECT_EQ(answer->status, 503);
    const std::string* wait = net::find_header(answer->headers, "Retry-After");
    ASSERT_NE(wait, nullptr);
    EXPECT_EQ(*wait, "1");
    EXPECT_EQ(json_of(*answer).at("code").as_string(), "database_unavailable");
    EXPECT_TRUE(answer->body.contains("The database cannot be used now.\"")) << answer->body;
    EXPECT_FALSE(answer->body.contains("locked")) << "why is for the log: " << answer->body;
  }
  EXPECT_TRUE(json_of(order).as_object().contains("error")) << "ProcuLink's shape";
  EXPECT_TRUE(json_of(event).as_object().contains("detail")) << "a problem document";
  EXPECT_EQ(rows("orders"), 0u) << "reads go on";
  EXPECT_EQ(rows("events"), 1u) << "the supplier's";
  EXPECT_EQ(orders.counters().accepted, 0u);

  other->rollback();
  EXPECT_EQ(post_order().status, 201);
  EXPECT_EQ(publish().status, 201);
  EXPECT_EQ(rows("events"), 3u);
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(StoreFailure, ARepeatAfterItIsNoSecondOrder) {
  ASSERT_EQ(post_order().status, 201);
  ASSERT_TRUE(other->begin(store::Connection::Access::kWrite));
  EXPECT_EQ(post_order().status, 503);
  other->rollback();
  EXPECT_EQ(post_order().status, 200);
  EXPECT_EQ(rows("orders"), 1u);
  EXPECT_EQ(orders.counters().accepted, 1u);
  EXPECT_EQ(orders.counters().duplicates, 1u);
}

}  // namespace
}  // namespace waybill::surfaces
