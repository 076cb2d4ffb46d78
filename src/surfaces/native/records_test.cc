// Workspaces, keys, suppliers, orders; and what all lists and bodies have in common.

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "store/nodes.h"
#include "store/orders.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

const std::string kAcme = "/hub/v1/workspaces/acme";

TEST_F(NativeApiTest, AWorkspaceIsCreatedListedAndRead) {
  const json::value made = ok(201, "POST", "/hub/v1/workspaces",
                              R"({"slug": "beta", "name": "Beta Ltd", "environment": "sandbox"})");
  EXPECT_EQ(text(made, "slug"), "beta");
  EXPECT_EQ(text(made, "environment"), "sandbox");
  EXPECT_EQ(text(made, "created_at"), "2026-01-01T12:00:00.000Z");
  EXPECT_EQ(ok(200, "GET", "/hub/v1/workspaces/beta"), made);
  const json::value list = ok(200, "GET", "/hub/v1/workspaces");
  EXPECT_EQ(at(list, "rows", 0), made) << "newest first";
  EXPECT_EQ(text(list, "rows", 1, "name"), "acme") << "the slug, where no name was given";
  EXPECT_TRUE(at(list, "next_cursor").is_null());
}

TEST_F(NativeApiTest, BodiesOfRecordsAreReadStrictly) {
  struct Case {
    std::string_view path;  // After /hub/v1/workspaces.
    std::string_view body;
    int status;
    std::string_view code;
    std::string_view at;
  };
  const Case cases[] = {
      {"", R"({})", 400, "member_missing", "$.slug"},
      {"", R"({"slug": 1})", 400, "member_type", "$.slug"},
      {"", R"({"slug": "A"})", 400, "slug_invalid", "$.slug"},
      {"", R"({"slug": "hub"})", 400, "slug_reserved", "$.slug"},
      {"", R"({"slug": "acme"})", 409, "slug_taken", ""},
      {"", R"({"slug": "b2", "environment": "test"})", 400, "member_invalid", "$.environment"},
      {"", R"({"slug": "b2", "colour": "red"})", 400, "member_unknown", "$.colour"},
      {"", R"([])", 400, "member_type", "$"},
      {"", R"({"slug": )", 400, "malformed_json", "$.slug"},
      {"", "", 400, "malformed_json", "$"},
      {"", R"({"slug": "b2", "slug": "b3"})", 400, "duplicate_member", "$.slug"},
      {"", "{\"slug\": \"\xff\"}", 400, "invalid_utf8", "$.slug"},
      {"", R"({"slug": 1e999})", 400, "number_out_of_range", "$.slug"},
      {"/acme/keys", R"({})", 400, "member_missing", "$.platform"},
      {"/acme/keys", R"({"platform": "x"})", 400, "member_invalid", "$.platform"},
      {"/acme/keys", R"({"platform": "waybill"})", 400, "member_missing", "$.scopes"},
      {"/acme/keys", R"({"platform": "waybill", "scopes": []})", 400, "member_invalid", "$.scopes"},
      {"/acme/keys", R"({"platform": "waybill", "scopes": ["fly"]})", 400, "scope_unknown",
       "$.scopes"},
      {"/acme/keys", R"({"platform": "proculink", "scopes": ["*"]})", 400, "scopes_not_used",
       "$.scopes"},
      {"/acme/keys", R"({"platform": "proculink", "expires_at": "2025-12-31T00:00:00Z"})", 400,
       "member_invalid", "$.expires_at"},
      {"/acme/keys", R"({"platform": "proculink", "expires_at": 1})", 400, "member_type",
       "$.expires_at"},
      {"/acme/suppliers", R"({})", 400, "member_missing", "$.name"},
      {"/acme/suppliers", R"({"name": " "})", 400, "member_invalid", "$.name"},
  };
  for (const Case& c : cases) {
    refused(c.status, c.code, c.at, "POST", "/hub/v1/workspaces" + std::string(c.path), c.body);
  }
}

TEST_F(NativeApiTest, ABodyHasToBeSentAsJson) {
  for (const std::string_view type : {"application/x-www-form-urlencoded", "text/plain"}) {
    refused(415, "media_type_unsupported", "", "POST", kAcme + "/suppliers", R"({"name": "A"})",
            {{"Content-Type", std::string(type)}});
  }
  ok(201, "POST", kAcme + "/suppliers", R"({"name": "A"})",
     {{"Content-Type", "application/json; charset=utf-8"}});
}

TEST_F(NativeApiTest, AKeysTextIsShownOnceAndItsPrefixAlways) {
  const json::value made =
      ok(201, "POST", kAcme + "/keys",
         R"({"platform": "waybill", "name": "shop", "scopes": ["events:*", "orders:read"]})");
  EXPECT_TRUE(text(made, "key").starts_with(text(made, "prefix")));
  const json::value read = ok(200, "GET", kAcme + "/keys/" + text(made, "id"));
  EXPECT_FALSE(read.as_object().contains("key"));
  EXPECT_EQ(text(read, "name"), "shop");
  EXPECT_EQ(at(read, "scopes"), (json::array{"events:*", "orders:read"}));
  EXPECT_EQ(at(ok(200, "GET", kAcme + "/keys"), "rows", 0), read);
  refused(404, "key_not_found", "", "GET", kAcme + "/keys/none");
  refused(404, "key_not_found", "", "DELETE", kAcme + "/keys/key_00000000000000000000000000");
}

TEST_F(NativeApiTest, ASuppliersNameIsUniqueWithoutRegardToCase) {
  const json::value made = ok(201, "POST", kAcme + "/suppliers", R"({"name": "Paper & Co"})");
  EXPECT_EQ(model::SupplierId::parse(text(made, "uuid")),
            model::SupplierId::parse(text(made, "id")));
  EXPECT_EQ(ok(200, "GET", kAcme + "/suppliers/" + text(made, "uuid")), made);
  EXPECT_EQ(at(ok(200, "GET", kAcme + "/suppliers"), "rows", 0), made);
  refused(409, "supplier_exists", "", "POST", kAcme + "/suppliers", R"({"name": "PAPER & CO"})");
  refused(404, "supplier_not_found", "", "GET", kAcme + "/suppliers/Paper%20%26%20Co");
  refused(404, "supplier_not_found", "", "GET",
          kAcme + "/suppliers/00000000-0000-0000-0000-000000000000");
}

TEST_F(NativeApiTest, PagesHaveNoGapAndNoDuplicateWhileRowsAreAdded) {
  std::vector<std::string> expected;
  const auto add = [&](int number) {
    return text(ok(201, "POST", kAcme + "/suppliers", fmt::format(R"({{"name": "S{}"}})", number)),
                "id");
  };
  for (int i = 0; i < 10; ++i) expected.insert(expected.begin(), add(i));
  std::vector<std::string> seen;
  std::string query = "?limit=3";
  for (int pages = 0; pages < 10; ++pages) {
    const json::value page = ok(200, "GET", fmt::format("{}/suppliers{}", kAcme, query));
    for (const json::value& row : at(page, "rows").as_array()) seen.push_back(text(row, "id"));
    if (at(page, "next_cursor").is_null()) break;
    query = "?limit=3&cursor=" + text(page, "next_cursor");
    add(100 + pages);
    clock.run_for(std::chrono::seconds(1));
  }
  EXPECT_EQ(seen, expected);
}

TEST_F(NativeApiTest, QueriesAreReadStrictly) {
  struct Case {
    std::string_view target;
    std::string_view code;
  };
  const Case cases[] = {
      {"/suppliers?limit=0", "query_invalid"},
      {"/suppliers?limit=201", "query_invalid"},
      {"/suppliers?limit=ten", "query_invalid"},
      {"/suppliers?limit=5x", "query_invalid"},
      {"/suppliers?limit=1&limit=2", "query_invalid"},
      {"/suppliers?cursor=elsewhere", "query_invalid"},
      {"/suppliers?name=%zz", "query_invalid"},
      {"/suppliers?name=x", "query_unknown"},
      {"/suppliers/none?limit=1", "query_unknown"},
      {"/orders?since=soon", "query_invalid"},
      {"/orders?number=", "query_invalid"},
      {"/orders?number=%00", "query_invalid"},
      {"/endpoints?state=asleep", "query_invalid"},
      {"/deliveries?state=lost", "query_invalid"},
      {"/deliveries?endpoint=nothing", "query_invalid"},
      {"/events?until=2026-13-01T00:00:00Z", "query_invalid"},
      {"/audit?actor=me", "query_unknown"},
  };
  for (const Case& c : cases) refused(400, c.code, "", "GET", kAcme + std::string(c.target));
}

TEST_F(NativeApiTest, OrdersAreListedByNumberAndTimeAndRead) {
  const auto workspace = model::WorkspaceId::parse(text(ok(200, "GET", kAcme), "id"));
  const auto add = [&](std::optional<std::string> number) {
    model::Order order;
    order.id = ids.next_id<model::OrderId>();
    order.workspace_id = *workspace;
    order.surface = "proculink";
    order.number = std::move(number);
    order.supplier_id = ids.next_id<model::SupplierId>();
    order.supplier_name = "Paper & Co";
    order.lines = {{"A-1", std::nullopt, 2.5, "box", 0.1}, {std::nullopt, "Pens", 1, {}, {}}};
    order.created_at = clock.now();
    const auto written = run(database->run(
        [&](store::Connection& connection) { return store::orders::insert(connection, order); }));
    EXPECT_TRUE(written);
    return order.id.text();
  };
  const std::string first = add("PO-1");
  clock.run_for(std::chrono::hours(2));
  const std::string second = add(std::nullopt);

  const json::value read = ok(200, "GET", kAcme + "/orders/" + first);
  EXPECT_EQ(text(read, "number"), "PO-1");
  EXPECT_EQ(text(read, "lines", 0, "quantity"), "2.5");
  EXPECT_EQ(text(read, "lines", 0, "unit_price"), "0.1");
  EXPECT_FALSE(at(read, "lines", 1).as_object().contains("item_code"));
  const auto listed = [&](std::string_view query) {
    std::vector<std::string> found;
    const json::value list = ok(200, "GET", kAcme + "/orders" + std::string(query));
    for (const json::value& row : at(list, "rows").as_array()) found.push_back(text(row, "id"));
    return found;
  };
  EXPECT_EQ(listed(""), (std::vector{second, first}));
  EXPECT_EQ(listed("?number=PO-1"), std::vector{first});
  EXPECT_EQ(listed("?since=1h"), std::vector{second});
  EXPECT_EQ(listed("?until=2026-01-01T13:00:00Z"), std::vector{first});
  refused(404, "order_not_found", "", "GET", kAcme + "/orders/none");
}

TEST_F(NativeApiTest, TheHubTellsItsDialectsItsStatusAndItsContract) {
  const json::value list = ok(200, "GET", "/hub/v1/dialects", {}, key_with({"audit:read"}));
  std::set<std::string> names;
  for (const json::value& row : at(list, "rows").as_array()) names.insert(text(row, "name"));
  EXPECT_TRUE(names.contains("proculink"));
  EXPECT_TRUE(names.contains("standard-webhooks"));
  const json::value dialect = ok(200, "GET", "/hub/v1/dialects/proculink");
  EXPECT_EQ(text(dialect, "editable"), "false");
  EXPECT_EQ(text(dialect, "secret"), "optional");
  EXPECT_EQ(text(dialect, "deactivate_after"), "3");
  EXPECT_EQ(text(dialect, "sends"), "true");
  EXPECT_EQ(text(dialect, "receives"), "true");
  EXPECT_EQ(text(ok(200, "GET", "/hub/v1/dialects/stripe"), "sends"), "false");
  EXPECT_EQ(write_json(at(ok(200, "GET", "/hub/v1/dialects/precoro"), "fetch_settings")),
            R"(["token","email"])");
  refused(404, "dialect_not_found", "", "GET", "/hub/v1/dialects/klingon");

  clock.run_for(std::chrono::seconds(5));
  const json::value status = ok(200, "GET", "/hub/v1/status");
  EXPECT_EQ(text(status, "version"), "test");
  EXPECT_EQ(text(status, "started_at"), "2026-01-01T12:00:00.000Z");
  EXPECT_EQ(text(status, "now"), "2026-01-01T12:00:05.000Z");

  const json::value contract = ok(200, "GET", "/hub/v1/openapi.json");
  EXPECT_EQ(text(contract, "openapi"), "3.1.0");
}

TEST_F(NativeApiTest, ListsTheNodesAndHowTheyAre) {
  EXPECT_EQ(at(ok(200, "GET", "/hub/v1/nodes"), "rows").as_array().size(), 0u);
  model::Node node;
  const auto save = [&](std::string name) {
    node.id = ids.next();
    node.name = std::move(name);
    const auto saved =
        run(database->run([&](store::Connection& c) { return store::nodes::save(c, node); }));
    ASSERT_TRUE(saved.has_value());
  };
  node.address = "http://10.0.0.1:8080";
  node.version = "1.2.3";
  node.started_at = clock.now();
  node.seen_at = clock.now() - std::chrono::seconds(21);
  save("silent");
  node.seen_at = clock.now() - std::chrono::seconds(20);
  save("live");
  node.stopped_at = clock.now();
  save("stopped");

  const json::value rows = at(ok(200, "GET", "/hub/v1/nodes"), "rows");
  ASSERT_EQ(rows.as_array().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(text(rows, i, "state"), text(rows, i, "name"));
  EXPECT_EQ(text(rows, 2, "id"), node.id.text());
  EXPECT_EQ(text(rows, 2, "address"), "http://10.0.0.1:8080");
  EXPECT_EQ(text(rows, 2, "stopped_at"), "2026-01-01T12:00:00.000Z");
  refused(403, "scope_missing", "", "GET", "/hub/v1/nodes", {}, key_with({"*"}));
}

}  // namespace
}  // namespace waybill::surfaces::native
