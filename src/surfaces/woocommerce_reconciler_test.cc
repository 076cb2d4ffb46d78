// W-8: what WooCommerce did not bring is asked for. The receiver of the fixture is the shop's REST
// API here; tests/e2e/test_woocommerce.py has one over sockets.

#include "surfaces/woocommerce_reconciler.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "net/http.h"
#include "store/stores.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces {
namespace {

using namespace std::chrono_literals;
using native::text;

// Orders by the time of their last change, given out as WooCommerce does.
class FakeShop {
 public:
  struct Order {
    int id = 0;
    std::string status = "processing";
    Timestamp modified{};
    std::string more = {};
  };

  Result<net::ClientResponse> answer(const net::ClientRequest& request) {
    ++requests;
    if (failure) return fail(*failure);
    const auto authorization = net::find_header(request.headers, "Authorization");
    if (status != 200) return plain(status, "{}");
    const std::string wanted = "Basic " + base64(as_bytes("ck_1:cs_1"));
    if (!authorization || *authorization != wanted) return plain(401, "{}");
    const std::size_t question = request.url.target.find('?');
    EXPECT_EQ(request.url.target.substr(0, question), "/wp-json/wc/v3/orders");
    std::map<std::string, std::string> query;
    for (auto& [name, value] : net::parse_query(request.url.target.substr(question + 1)).value()) {
      query[name] = value;
    }
    EXPECT_EQ(query["orderby"] + query["order"] + query["dates_are_gmt"], "modifiedasctrue");
    const auto after = parse_iso_time(query["modified_after"] + "Z").value();
    std::vector<Order> found;
    for (const Order& order : orders) {
      if (order.modified > after) found.push_back(order);
    }
    std::ranges::sort(found, {},
                      [](const Order& order) { return std::pair(order.modified, order.id); });
    const std::size_t per_page = std::stoul(query["per_page"]);
    const std::size_t first = (std::stoul(query["page"]) - 1) * per_page;
    std::string body = "[";
    for (std::size_t i = first; i < std::min(found.size(), first + per_page); ++i) {
      if (i > first) body += ',';
      body += text_of(found[i]);
    }
    net::ClientResponse response = plain(200, body + "]").value();
    if (response.body.size() > request.answer_bytes_max.value_or(0)) {
      response.body.resize(*request.answer_bytes_max);
      response.cut = true;
    }
    response.headers.push_back({"X-WP-Total", std::to_string(found.size())});
    if (tells_pages) {
      response.headers.push_back(
          {"X-WP-TotalPages", std::to_string((found.size() + per_page - 1) / per_page)});
    }
    if (after_answer) after_answer(*this);
    return response;
  }

  static Result<net::ClientResponse> plain(int status, std::string body) {
    net::ClientResponse response;
    response.status = status;
    response.body = std::move(body);
    return response;
  }
  static std::string text_of(const Order& order) {
    const std::string modified = iso_time(order.modified).substr(0, 19);
    return fmt::format(
        R"({{"id": {}, "status": "{}", "currency": "EUR", "total": "10.00",)"
        R"("date_created_gmt": "2025-12-31T00:00:00", "date_modified_gmt": "{}"{}}})",
        order.id, order.status, modified, order.more);
  }

  std::vector<Order> orders;
  int status = 200;
  bool tells_pages = true;
  std::optional<Error> failure;
  std::function<void(FakeShop&)> after_answer;
  int requests = 0;
};

class WooCommerceReconcilerTest : public native::NativeApiTest {
 public:
  WooCommerceReconcilerTest() {
    const auto workspace = ok(200, "GET", "/hub/v1/workspaces/acme");
    store.id = ids.next_id<model::StoreId>();
    store.workspace_id = *model::WorkspaceId::parse(text(workspace, "id"));
    store.name = "Main";
    store.currency = "EUR";
    const auto inserted = run([](WooCommerceReconcilerTest& test) -> Task<Result<void>> {
      co_return co_await test.database->run([&](store::Connection& connection) {
        return store::stores::insert(connection, test.store);
      });
    }(*this));
    EXPECT_TRUE(inserted.has_value());
    receiver = [this](const net::ClientRequest& request) { return shop.answer(request); };
    connect();
  }
  ~WooCommerceReconcilerTest() override {
    run([](WooCommerceReconciler& stopped) -> Task<bool> {
      co_await stopped.stop();
      co_return true;
    }(reconciler));
  }

  void connect(std::string_view secret = "cs_1", int status = 201) {
    ok(status, "PUT", kShop,
       fmt::format(R"({{"url": "https://shop.example/", "consumer_key": "ck_1",)"
                   R"("consumer_secret": "{}"}})",
                   secret));
  }
  void connect_to(std::string_view url) {
    ok(200, "PUT", kShop,
       fmt::format(R"({{"url": "{}", "consumer_key": "ck_1", "consumer_secret": "cs_1"}})", url));
  }
  void execute(const char* sql) {
    const auto done = run([](WooCommerceReconcilerTest& test,
                             std::string_view statement) -> Task<Result<std::int64_t>> {
      co_return co_await test.database->run(
          [&](store::Connection& connection) { return connection.execute(statement, {}); });
    }(*this, sql));
    ASSERT_TRUE(done.has_value()) << done.error().message;
  }
  // Of the newest entry.
  std::string last_audit(const char* member) {
    const json::value log = ok(200, "GET", "/hub/v1/workspaces/acme/audit?limit=1");
    return text(log, "rows", 0, "detail", member);
  }
  // "created updated unchanged ignored unreadable" of a run.
  std::string reconcile(std::string_view body = "{}") {
    const auto answer = ok(200, "POST", kReconcile, body);
    std::string counts;
    for (const char* name : {"created", "updated", "unchanged", "ignored", "unreadable"}) {
      counts += (counts.empty() ? "" : " ") + text(answer, name);
    }
    return counts;
  }
  std::string shown(const char* member) { return text(ok(200, "GET", kShop), member); }
  void add(int count, std::chrono::seconds apart = 60s) {
    for (int i = 0; i < count; ++i) {
      const int id = static_cast<int>(shop.orders.size()) + 1;
      shop.orders.push_back({id, "processing", clock.now() - 20h + apart * i});
    }
  }

  static constexpr std::string_view kShop = "/hub/v1/workspaces/acme/stores/main/woocommerce";
  static constexpr std::string_view kReconcile =
      "/hub/v1/workspaces/acme/stores/main/woocommerce/reconcile";
  FakeShop shop;
  model::Store store;
  WooCommerceReconciler& reconciler = woocommerce_reconciler;
};

TEST_F(WooCommerceReconcilerTest, TakesInWhatIsMissingOrNewerAndNothingElse) {
  add(3);
  EXPECT_EQ(reconcile(), "3 0 0 0 0");
  EXPECT_EQ(reconcile(R"({"since": "2d"})"), "0 0 3 0 0");
  shop.orders[1].status = "completed";
  shop.orders[1].modified = clock.now();
  add(1);
  shop.orders.back().modified = clock.now();
  EXPECT_EQ(reconcile(), "1 1 2 0 0") << "and two, for the overlap";
  EXPECT_EQ(shown("failure"), "null");
  EXPECT_EQ(shown("last_changed"), "2");
}

TEST_F(WooCommerceReconcilerTest, GoesThroughAllPages) {
  add(250);
  EXPECT_EQ(reconcile(), "250 0 0 0 0");
}

// More in one second than a page has: then it is their numbers that go on.
TEST_F(WooCommerceReconcilerTest, GoesThroughPagesOfOneSecond) {
  add(250, 0s);
  shop.tells_pages = false;
  const auto answer = ok(200, "POST", kReconcile, "{}");
  EXPECT_EQ(text(answer, "created"), "250");
}

// While pages are read, an order of the first page changes. Counted by numbers, the first of the
// second page would now be the last of the first, and be missed.
TEST_F(WooCommerceReconcilerTest, MissesNothingWhileOrdersChange) {
  add(150);
  shop.after_answer = [&](FakeShop& changed) {
    if (changed.requests > 2) return;
    for (int i = 0; i < 5; ++i) changed.orders[static_cast<std::size_t>(i)].modified = clock.now();
  };
  reconcile();
  const auto seen = run([](WooCommerceReconcilerTest& test) -> Task<Result<std::int64_t>> {
    co_return co_await test.database->read(
        [](store::Connection& connection) -> Result<std::int64_t> {
          std::int64_t rows = 0;
          WAYBILL_TRY(connection.query("SELECT count(*) FROM sales_orders", {},
                                       [&](const store::Row& row) { rows = row.integer(0); }));
          return rows;
        });
  }(*this));
  EXPECT_EQ(seen.value(), 150);
}

TEST_F(WooCommerceReconcilerTest, AsksForLessWhereAPageIsTooMuch) {
  add(12);
  for (auto& order : shop.orders) {
    order.more = fmt::format(R"(, "customer_note": "{}")", std::string(500 * 1024, 'x'));
  }
  EXPECT_EQ(reconcile(), "12 0 0 0 0");
}

// One order that could not be read failed the run of its shop each hour, for ever.
TEST_F(WooCommerceReconcilerTest, AnOrderThatIsTooMuchAloneHoldsUpNoOther) {
  add(25);
  shop.orders[7].more = fmt::format(R"(, "x": "{}")", std::string(5 * 1024 * 1024, 'x'));
  EXPECT_EQ(reconcile(), "24 0 0 0 1");
  EXPECT_EQ(shown("failure"), "null");
}

TEST_F(WooCommerceReconcilerTest, AnOrderThatCannotBeParsedHoldsUpNoOther) {
  add(25);
  shop.orders[24].more = R"(, "meta_data": "\ud800")";
  shop.orders[7].more = ", \"meta_data\": " + std::string(70, '[') + std::string(70, ']');
  for (const bool tells : {true, false}) {
    shop.tells_pages = tells;
    EXPECT_EQ(reconcile(R"({"since": "2025-12-01T00:00:00Z"})"),
              tells ? "23 0 0 0 2" : "0 0 23 0 2");
  }
  EXPECT_EQ(shown("failure"), "null");
}

TEST_F(WooCommerceReconcilerTest, WhatItCannotReadHoldsNothingUp) {
  add(3);
  shop.orders[0].more = R"(, "line_items": [{"quantity": "many"}])";
  shop.orders[1].status = "trash";
  EXPECT_EQ(reconcile(), "1 0 0 1 1");
  EXPECT_EQ(shown("failure"), "null");
}

// It was counted as unreadable, and the good point went past it.
TEST_F(WooCommerceReconcilerTest, AFaultOfTheHubEndsTheRun) {
  add(2);
  EXPECT_EQ(reconcile(), "2 0 0 0 0");
  const std::string good = shown("good_until");
  execute("UPDATE woocommerce_orders SET state = 'broken'");
  shop.orders[0].modified = clock.now();
  refused(500, "internal", "", "POST", kReconcile, "{}");
  EXPECT_EQ(shown("good_until"), good);
  EXPECT_EQ(text(ok(200, "GET", kShop), "failure", "reason"), "woocommerce_state_unreadable");
}

TEST_F(WooCommerceReconcilerTest, ADryRunChangesNothing) {
  add(3);
  EXPECT_EQ(reconcile(R"({"dry_run": true})"), "3 0 0 0 0");
  EXPECT_EQ(shown("good_until"), "null");
  EXPECT_EQ(shown("last_run_at"), "null");
  EXPECT_EQ(reconcile(), "3 0 0 0 0");
}

// A run that was cut short, by its shop or by a restart, began from nothing again.
TEST_F(WooCommerceReconcilerTest, TheGoodPointMovesWithEachPageThatWasRead) {
  add(150);
  shop.after_answer = [](FakeShop& failing) { failing.status = 500; };
  refused(503, "shop_unreachable", "", "POST", kReconcile, "{}");
  EXPECT_EQ(shown("good_until"), iso_time(shop.orders[99].modified));
  EXPECT_EQ(shown("last_success_at"), "null");
  EXPECT_EQ(text(ok(200, "GET", kShop), "failure", "reason"), "shop_unreachable");
  refused(503, "shop_unreachable", "", "POST", kReconcile, "{}");
  EXPECT_EQ(shown("good_until"), iso_time(shop.orders[99].modified)) << "no page, no step";
  shop.after_answer = nullptr;
  shop.status = 200;
  EXPECT_EQ(reconcile(), "50 0 5 0 0") << "and those of the overlap";
  EXPECT_EQ(shown("good_until"), iso_time(shop.orders[149].modified));
  EXPECT_EQ(shown("failure"), "null");
}

// What is written as the page was read, not at the end, is what outlasts a restart.
TEST_F(WooCommerceReconcilerTest, AGoodPointIsStoredBeforeTheNextPageIsAskedFor) {
  add(150);
  shop.after_answer = [this](FakeShop&) { hold_receiver(); };
  const auto first = begin_call("POST", kReconcile, "{}");
  settle();
  EXPECT_EQ(shown("good_until"), iso_time(shop.orders[99].modified));
  EXPECT_EQ(shown("last_run_at"), "null");
  shop.after_answer = nullptr;
  release_receiver();
  settle();
  EXPECT_EQ(shown("good_until"), iso_time(shop.orders[149].modified));
}

// One order with a date to come: nothing that changed until then would have been asked for.
TEST_F(WooCommerceReconcilerTest, AnOrderOfTheFutureBlindsNoRun) {
  add(2);
  shop.orders[1].modified = clock.now() + 24h * 365;
  reconcile();
  EXPECT_EQ(shown("good_until"), iso_time(clock.now()));
  add(1);
  shop.orders[2].modified = clock.now() + 1min;
  clock.run_for(2min);
  EXPECT_EQ(reconcile(), "1 0 1 0 0");
}

TEST_F(WooCommerceReconcilerTest, AnHourlyRunThatTakesTooLongIsGoneOnWithInTheNext) {
  add(350);
  shop.after_answer = [this](FakeShop&) { clock.step(6min); };
  reconciler.start();
  settle();
  EXPECT_EQ(reconciler.runs(), 1u);
  EXPECT_EQ(shown("good_until"), iso_time(shop.orders[198].modified)) << "12 minutes, two pages";
  EXPECT_EQ(shown("failure"), "null");
  EXPECT_EQ(shown("last_read"), "199");
  clock.run_for(61min);
  EXPECT_EQ(shown("good_until"), iso_time(shop.orders[349].modified));
  EXPECT_EQ(reconciler.runs(), 2u);
}

// More within the overlap than a run has time for: each run would have read the same.
TEST_F(WooCommerceReconcilerTest, ARunComesFurtherHoweverLittleTimeThereIs) {
  add(350, 1s);
  ReconcileOptions hurried;
  hurried.until = clock.now();
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(run(reconciler.reconcile(store.workspace_id, store.id, hurried)));
  }
  EXPECT_EQ(shown("good_until"), iso_time(shop.orders[349].modified));
}

TEST_F(WooCommerceReconcilerTest, AFewShopsAreAskedAtOnce) {
  for (int i = 0; i < 6; ++i) {
    const std::string name = fmt::format("Shop-{}", i);
    ok(201, "POST", "/hub/v1/workspaces/acme/stores",
       fmt::format(R"({{"name": "{}", "currency": "EUR"}})", name));
    ok(201, "PUT", fmt::format("/hub/v1/workspaces/acme/stores/{}/woocommerce", name),
       R"({"url": "https://shop.example", "consumer_key": "ck_1", "consumer_secret": "cs_1"})");
  }
  hold_receiver();
  reconciler.start();
  settle();
  EXPECT_EQ(sent.size(), static_cast<std::size_t>(WooCommerceReconciler::kShopsAtOnce));
  release_receiver();
  settle();
  EXPECT_EQ(reconciler.runs(), 7u);
}

// From beyond the good point on there would be a gap before it; what is older moves it no way.
TEST_F(WooCommerceReconcilerTest, ASinceByHandLeavesNoGap) {
  add(2, 10h);
  reconcile();
  const std::string good = shown("good_until");
  add(1);
  shop.orders.back().modified = clock.now();
  reconcile(R"({"since": "1h"})");
  EXPECT_EQ(shown("good_until"), good);
  reconcile(R"({"since": "7d"})");
  EXPECT_GT(shown("good_until"), good);
}

TEST_F(WooCommerceReconcilerTest, TellsWhatIsWrongWithAShop) {
  const auto reason = [&] {
    refused(503, text(json_of(HubFixture::call("POST", kReconcile, "{}")), "code"), "", "POST",
            kReconcile, "{}");
    return text(ok(200, "GET", kShop), "failure", "reason");
  };
  connect("cs_2", 200);
  EXPECT_EQ(reason(), "shop_refused");
  connect("cs_1", 200);
  for (const auto& [status, wanted] :
       {std::pair(403, "shop_refused"), std::pair(404, "shop_answer_invalid"),
        std::pair(301, "shop_answer_invalid"), std::pair(429, "shop_unreachable"),
        std::pair(502, "shop_unreachable")}) {
    shop.status = status;
    EXPECT_EQ(reason(), wanted) << status;
  }
  shop.status = 200;
  shop.failure = Error(Code::kForbidden, "address_blocked", "127.0.0.1 is no public address.");
  EXPECT_EQ(reason(), "shop_unreachable");
  shop.failure.reset();
  for (const char* body : {"<html>", "{}", "[7]"}) {
    receiver = [body](const net::ClientRequest&) { return FakeShop::plain(200, body); };
    EXPECT_EQ(reason(), "shop_answer_invalid") << body;
  }
}

TEST_F(WooCommerceReconcilerTest, AsksEveryHourAndAgainAfterAFailure) {
  add(1);
  reconciler.start();
  settle();
  EXPECT_EQ(reconciler.runs(), 1u);
  clock.run_for(59min);
  EXPECT_EQ(reconciler.runs(), 1u);
  clock.run_for(2min);
  EXPECT_EQ(reconciler.runs(), 2u);
  shop.status = 500;
  clock.run_for(61min);
  EXPECT_EQ(text(ok(200, "GET", kShop), "failure", "reason"), "shop_unreachable");
  shop.status = 200;
  clock.run_for(61min);
  EXPECT_EQ(shown("failure"), "null");
  ok(200, "PUT", kShop,
     R"({"url": "https://shop.example", "consumer_key": "ck_1", "enabled": false})");
  const std::uint64_t runs = reconciler.runs();
  clock.run_for(3h);
  EXPECT_EQ(reconciler.runs(), runs);
}

TEST_F(WooCommerceReconcilerTest, OneRunOfAShopAtATime) {
  add(1);
  hold_receiver();
  const auto first = begin_call("POST", kReconcile, "{}");
  settle();
  refused(409, "reconcile_running", "", "POST", kReconcile, "{}");
  release_receiver();
  settle();
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ((*first)->status, 200);
}

TEST_F(WooCommerceReconcilerTest, AStopEndsWhatWaitsForAShop) {
  hold_receiver();
  const auto first = begin_call("POST", kReconcile, "{}");
  settle();
  EXPECT_FALSE(first->has_value());
  reconciler.begin_stop();
  settle();
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ((*first)->status, 503);
}

TEST_F(WooCommerceReconcilerTest, AShopIsConnectedShownAndForgotten) {
  refused(404, "store_not_found", "", "GET", "/hub/v1/workspaces/acme/stores/none/woocommerce");
  refused(400, "url_not_https", "$.url", "PUT", kShop,
          R"({"url": "http://shop.example", "consumer_key": "k", "consumer_secret": "s"})");
  refused(400, "url_invalid", "$.url", "PUT", kShop,
          R"({"url": "https://shop.example/?a", "consumer_key": "k", "consumer_secret": "s"})");
  refused(400, "member_invalid", "$.consumer_key", "PUT", kShop,
          R"({"url": "https://shop.example", "consumer_key": "a:b", "consumer_secret": "s"})");
  const auto answer = ok(200, "GET", kShop);
  EXPECT_EQ(text(answer, "url"), "https://shop.example");
  EXPECT_EQ(write_json(answer).find("cs_1"), std::string::npos) << "a secret is never shown";
  add(1);
  reconcile();
  EXPECT_NE(shown("good_until"), "null");
  connect_to("https://other.example");
  EXPECT_EQ(shown("good_until"), "null") << "another site has other orders";
  ok(200, "DELETE", kShop);
  refused(404, "woocommerce_not_connected", "", "GET", kShop);
  refused(404, "woocommerce_not_connected", "", "POST", kReconcile, "{}");
  refused(400, "member_missing", "$.consumer_secret", "PUT", kShop,
          R"({"url": "https://shop.example", "consumer_key": "ck_1"})");
  const std::vector<std::string> actions = audit_actions();
  EXPECT_EQ(actions.front(), "woocommerce.disconnect");
}

// Who may say where a shop is could have had its secret sent to a site of their own.
TEST_F(WooCommerceReconcilerTest, ASecretGoesToNoOtherSiteAndWithNoOtherKey) {
  const auto put = [](std::string_view url, std::string_view key) {
    return fmt::format(R"({{"url": "{}", "consumer_key": "{}"}})", url, key);
  };
  for (const char* url : {"https://other.example", "https://shop.example:8443",
                          "https://shop.example.com/", "https://sub.shop.example"}) {
    refused(400, "member_missing", "$.consumer_secret", "PUT", kShop, put(url, "ck_1"));
  }
  refused(400, "member_missing", "$.consumer_secret", "PUT", kShop,
          put("https://shop.example", "ck_2"));
  EXPECT_EQ(shown("url"), "https://shop.example");
  EXPECT_EQ(last_audit("key_changed") + last_audit("secret_changed"), "truetrue");
  ok(200, "PUT", kShop, put("https://SHOP.example:443/shop", "ck_1"));
  EXPECT_EQ(last_audit("key_changed") + last_audit("secret_changed"), "falsefalse");
  connect_to("https://other.example");
  EXPECT_EQ(last_audit("key_changed") + last_audit("secret_changed"), "falsetrue");
}

TEST_F(WooCommerceReconcilerTest, ARunByHandIsInTheAuditLog) {
  reconcile(R"({"dry_run": true})");
  EXPECT_EQ(audit_actions().front(), "woocommerce.connect") << "nothing was done";
  reconcile(R"({"since": "2025-12-31T00:00:00Z"})");
  EXPECT_EQ(audit_actions().front(), "woocommerce.reconcile");
  EXPECT_EQ(last_audit("since"), "2025-12-31T00:00:00.000Z");
  EXPECT_EQ(last_audit("outcome"), "done");
  shop.status = 500;
  refused(503, "shop_unreachable", "", "POST", kReconcile, "{}");
  EXPECT_EQ(last_audit("since"), "null");
  EXPECT_EQ(last_audit("outcome"), "shop_unreachable") << "some orders may have come in";
  const std::size_t entries = audit_actions().size();
  hold_receiver();
  const auto first = begin_call("POST", kReconcile, "{}");
  settle();
  refused(409, "reconcile_running", "", "POST", kReconcile, "{}");
  EXPECT_EQ(audit_actions().size(), entries) << "this one has not begun";
  release_receiver();
  settle();
}

TEST_F(WooCommerceReconcilerTest, TheTableOfStatusesIsReadAndChanged) {
  const std::string all = "/hub/v1/workspaces/acme/woocommerce/statuses";
  const auto action_of = [&](std::string_view status) {
    for (const json::value& row : native::at(ok(200, "GET", all), "rows").as_array()) {
      if (text(row, "status") == status) return text(row, "action") + text(row, "is_default");
    }
    return std::string();
  };
  EXPECT_EQ(action_of("processing"), "paidtrue");
  EXPECT_EQ(action_of("*"), "unpaidtrue");
  ok(200, "PUT", all + "/processing", R"({"action": "unpaid"})");
  ok(200, "PUT", all + "/awaiting-shipment", R"({"action": "paid"})");
  ok(200, "PUT", all + "/*", R"({"action": "ignore"})");
  EXPECT_EQ(action_of("processing"), "unpaidfalse");
  EXPECT_EQ(action_of("awaiting-shipment"), "paidfalse");
  EXPECT_EQ(action_of("*"), "ignorefalse");
  EXPECT_EQ(text(ok(200, "DELETE", all + "/processing"), "action"), "paid");
  EXPECT_EQ(text(ok(200, "DELETE", all + "/awaiting-shipment"), "action"), "ignore");
  EXPECT_EQ(action_of("awaiting-shipment"), "");
  refused(400, "member_invalid", "$.action", "PUT", all + "/new", R"({"action": "ship"})");
  refused(404, "status_not_found", "", "PUT", all + "/A%20B", R"({"action": "paid"})");
  EXPECT_EQ(audit_actions().front(), "woocommerce.status");
}

}  // namespace
}  // namespace waybill::surfaces
