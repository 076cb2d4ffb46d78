// PeptideClients' public API as middleware sees it: R-PC-22 to R-PC-34, A-PC-16.

#include "surfaces/peptideclients/read_api.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "intake/sales.h"
#include "store/list_clock.h"
#include "store/stores.h"
#include "surfaces/hub_fixture.h"
#include "surfaces/native/native_fixture.h"
#include "surfaces/peptideclients/errors.h"

namespace waybill::surfaces::peptideclients {
namespace {

using namespace std::chrono_literals;
using native::at;
using native::text;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kAcme = "/hub/v1/workspaces/acme";

class ReadApiTest : public HubFixture {
 public:
  ReadApiTest() {
    api.add_routes(router);
    for (const char* slug : {"acme", "other"}) {
      made("POST", "/hub/v1/workspaces", fmt::format(R"({{"slug":"{}"}})", slug));
      made("POST", fmt::format("/hub/v1/workspaces/{}/stores", slug), R"({"name":"Shop"})");
    }
    key = new_key("acme", "");
  }

  // What a call of the management API made.
  json::value made(std::string_view method, const std::string& target, std::string_view body = {}) {
    const net::Response response = call(method, target, body);
    EXPECT_LT(response.status, 300) << method << " " << target << "\n" << response.body;
    return json_of(response);
  }

  std::string new_key(std::string_view workspace, std::string_view more) {
    const json::value answer =
        made("POST", fmt::format("/hub/v1/workspaces/{}/keys", workspace),
             fmt::format(R"({{"platform":"peptideclients","kind":"public"{}}})", more));
    return text(answer, "key");
  }

  net::Response ask(std::string_view method, std::string_view target, Headers more = {}) {
    if (!key.empty()) more.push_back({"Authorization", "Bearer " + key});
    return call(method, target, {}, std::move(more));
  }
  json::value read(std::string_view target) {
    const net::Response answer = ask("GET", target);
    EXPECT_EQ(answer.status, 200) << target << "\n" << answer.body;
    return json_of(answer);
  }
  void refused(int status, std::string_view code, const net::Response& answer) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const json::value body = json_of(answer);
    EXPECT_EQ(body.as_object().size(), 2u) << answer.body;
    EXPECT_EQ(text(body, "error"), code) << answer.body;
    EXPECT_FALSE(text(body, "detail").empty());
    EXPECT_EQ(answer.error_code, code) << "for the request log";
  }
  // One member of each row.
  std::vector<std::string> column(const json::value& page, std::string_view name) {
    std::vector<std::string> found;
    for (const json::value& row : at(page, "rows").as_array()) found.push_back(text(row, name));
    return found;
  }
  // The query that asks for what comes after a place.
  static std::string after(const json::value& place, std::string_view time, int limit) {
    return fmt::format("?limit={}&cursor_at={}&cursor_id={}", limit, text(place, time),
                       text(place, "id"));
  }

  std::string new_supplier(std::string_view name) {
    return text(made("POST", kAcme + "/suppliers", fmt::format(R"({{"name":"{}"}})", name)),
                "uuid");
  }
  std::string new_endpoint(std::string_view dialect) {
    return text(
        made("POST", kAcme + "/endpoints",
             fmt::format(R"({{"dialect":"{}","url":"https://erp.example/{}"}})", dialect, dialect)),
        "id");
  }

  // An order with a payment, as a shop pushes it in to the store of `slug`: its id.
  std::string place(const intake::OrderDraft& draft, std::string_view slug = "acme") {
    const auto workspace = *model::WorkspaceId::parse(
        text(made("GET", fmt::format("/hub/v1/workspaces/{}", slug)), "id"));
    const intake::LeaseTerms terms = dispatcher.lease_terms();
    auto unit = [&](store::Connection& connection) -> Result<model::OrderId> {
      intake::SalesUnit sales(connection, acceptance, ids, terms, workspace, clock.now());
      WAYBILL_TRY(sales.begin());
      const auto store = store::stores::find(connection, workspace, "Shop");
      if (!store) return fail(store.error());
      const auto placed = sales.place(**store, draft);
      if (!placed) return fail(placed.error());
      return placed->order.id;
    };
    const auto placed =
        run(database->run(unit, store::Priority::kNew, store::list_clock::order_of(workspace)));
    EXPECT_TRUE(placed) << placed.error().message;
    return placed->uuid().text();
  }
  static intake::OrderDraft order(std::string external_id) {
    intake::OrderDraft draft;
    draft.source = "api";
    draft.external_id = std::move(external_id);
    draft.currency = "EUR";
    draft.items = {{.sku = std::nullopt,
                    .name = "Copy paper",
                    .quantity = model::parse_decimal("2.5").value(),
                    .unit_price = model::parse_decimal("10").value()}};
    draft.total = 2500;
    return draft;
  }

  ReadApi api{native_api.services()};
  std::string key;
};

const json::value& document() {
  static const json::value parsed = parse_json(read_openapi_document().front().text).value();
  return parsed;
}

TEST(ReadApiContract, HasEveryOperationAndNoOther) {
  std::set<std::string> routed;
  for (const reads::Operation& operation : reads::operations()) {
    using reads::Access;
    const char* scope = operation.access == Access::kAnyone ? "none"
                        : operation.access == Access::kRead ? "read_only"
                                                            : "read_write";
    routed.insert(
        fmt::format("{} {} {} {}", operation.method, operation.path, operation.id, scope));
  }
  std::set<std::string> documented;
  for (const auto& path : at(document(), "paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      std::string verb(method.key());
      std::ranges::transform(verb, verb.begin(), [](char c) { return static_cast<char>(c - 32); });
      const json::value& operation = method.value();
      const std::string scope = text(operation, "x-scope");
      documented.insert(fmt::format("{} {} {} {}", verb, std::string_view(path.key()),
                                    text(operation, "operationId"), scope));
      EXPECT_EQ(operation.as_object().contains("security"), scope == "none")
          << "no key is needed for what says so, and for nothing else";
    }
  }
  EXPECT_EQ(routed, documented);
  EXPECT_EQ(text(document(), "openapi"), "3.0.3");
}

TEST(ReadApiContract, ItsErrorCodesAreThoseOfTheTable) {
  std::set<std::string> table;
  for (const ErrorCode& code : error_codes()) table.insert(std::string(code.code));
  const json::value& listed =
      at(document(), "components", "schemas", "Error", "properties", "error", "enum");
  for (const json::value& code : listed.as_array()) {
    EXPECT_TRUE(table.contains(std::string(code.as_string()))) << code;
  }
}

TEST_F(ReadApiTest, HealthAndTheDocumentNeedNoKey) {  // R-PC-34
  const net::Response health = call("GET", "/v1/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, R"({"ok":true})");
  const net::Response served = call("GET", "/v1/openapi.json");
  EXPECT_EQ(served.status, 200);
  EXPECT_EQ(json_of(served), document());
}

TEST_F(ReadApiTest, TakesAPublicKeyAsABearerTokenAndNoOther) {  // R-PC-22, R-PC-25
  EXPECT_THAT(key, StartsWith("pck_live_"));
  read("/v1/orders");
  const auto with = [&](const std::string& authorization) {
    return call("GET", "/v1/orders", {}, {{"Authorization", authorization}});
  };
  refused(401, "missing_authorization", call("GET", "/v1/orders"));
  refused(401, "missing_authorization", with(key));
  refused(401, "missing_authorization", with("Basic " + key));
  refused(401, "invalid_api_key", with("Bearer pck_live_wrong"));
  refused(401, "invalid_api_key", with("Bearer " + std::string(kAdminTokenText)));
  const std::string integration =
      text(made("POST", kAcme + "/keys",
                R"({"platform":"peptideclients","kind":"integration","store":"Shop"})"),
           "key");
  refused(401, "invalid_api_key", with("Bearer " + integration));
  const json::value revoked =
      made("POST", kAcme + "/keys", R"({"platform":"peptideclients","kind":"public"})");
  made("DELETE", kAcme + "/keys/" + text(revoked, "id"));
  refused(401, "invalid_api_key", with("Bearer " + text(revoked, "key")));
}

TEST_F(ReadApiTest, ReadOnlyIsTheDefaultAndReadWriteImpliesIt) {  // R-PC-24
  const std::string test = "/v1/webhooks/test/" + new_endpoint("peptideclients");
  refused(403, "insufficient_scope", ask("POST", test));
  key = new_key("acme", R"(,"scopes":["read_write"])");
  read("/v1/clients");
  EXPECT_EQ(ask("POST", test).status, 202);
}

TEST_F(ReadApiTest, TheRequestSaysWhoseItIs) {
  net::Request request;
  request.method = "GET";
  request.path = "/v1/orders/x";
  request.headers = {{"Authorization", "Bearer " + key}};
  net::Router::Miss miss;
  const net::Handler* handler = router.find(request, miss);
  ASSERT_NE(handler, nullptr);
  const net::Response response = run((*handler)(request));
  refused(404, "order_not_found", response);
  EXPECT_EQ(request.workspace, model::WorkspaceId::parse(text(made("GET", kAcme), "id"))->uuid());
  EXPECT_TRUE(request.api_key);
}

TEST_F(ReadApiTest, AnOrderIsReadWithItsPayments) {  // R-PC-28, R-PC-29
  intake::OrderDraft draft = order("A-1");
  draft.client.email = "lab@example.com";
  draft.payment = {.external_id = "p-1",
                   .method = "wire",
                   .amount = 1000,
                   .reference = "R",
                   .paid_at = std::nullopt};
  draft.metadata = R"({"a":1})";
  const std::string id = place(draft);
  const json::value read_order = read("/v1/orders/" + id);
  const json::value list = read("/v1/orders");
  EXPECT_EQ(at(list, "rows", 0), read_order) << "the same at both addresses";
  EXPECT_EQ(read("/v1/orders/" + model::OrderId::parse(id)->text()), read_order);

  const std::string client = text(read_order, "client", "id");
  const std::string shop = text(read_order, "store_id");
  const std::string payment = text(read_order, "payments", 0, "id");
  constexpr std::string_view kNow = "2026-01-01T12:00:00.000Z";
  const std::string stamp = text(read_order, "updated_at");
  EXPECT_EQ(write_json(read_order),
            fmt::format(
                R"({{"id":"{}","external_id":"A-1","number":"SO-1","status":"open",)"
                R"("payment_status":"partially_paid","currency":"EUR","total":"25.00",)"
                R"("paid_total":"10.00","refunded_total":"0.00","shipping_total":"0.00",)"
                R"("tax_total":"0.00","discount_total":"0.00","store_id":"{}","source":"api",)"
                R"("client":{{"id":"{}","external_id":null,"email":"lab@example.com","name":null,)"
                R"("phone":null}},"items":[{{"sku":null,"name":"Copy paper","quantity":"2.5",)"
                R"("unit_price":"10.00"}}],"payments":[{{"id":"{}","order_id":"{}",)"
                R"("external_id":"p-1","method":"wire","amount":"10.00","currency":"EUR",)"
                R"("reference":"R","status":"recorded","paid_at":"{}","refunded_at":null,)"
                R"("created_at":"{}"}}],"note":null,"metadata":{{"a":1}},"placed_at":"{}",)"
                R"("created_at":"{}","updated_at":"{}"}})",
                id, shop, client, payment, id, kNow, kNow, kNow, kNow, stamp));
  refused(404, "order_not_found", ask("GET", "/v1/orders/nonsense"));
  refused(404, "order_not_found", ask("GET", "/v1/orders/01941f29-7c00-7aaa-8000-000000000001"));
}

TEST_F(ReadApiTest, AnotherWorkspacesRecordsAreNotThere) {
  const std::string id = place(order("B-1"), "other");
  refused(404, "order_not_found", ask("GET", "/v1/orders/" + id));
  EXPECT_THAT(column(read("/v1/orders"), "id"), IsEmpty());
  key = new_key("other", "");
  EXPECT_THAT(column(read("/v1/orders"), "id"), ElementsAre(id));
}

// R-PC-26, R-PC-28: page after page without a gap; and from the last row on, what changes later.
TEST_F(ReadApiTest, WhoGoesOnFromTheLastRowMissesNothingAndSeesNoChangeTwice) {
  const std::vector<std::string> made_ids = {new_supplier("A"), new_supplier("B"),
                                             new_supplier("C")};
  const json::value first = read("/v1/vendors?limit=2");
  EXPECT_THAT(column(first, "name"), ElementsAre("A", "B")) << "oldest change first";
  const json::value& cursor = at(first, "next_cursor");
  EXPECT_EQ(text(cursor, "id"), text(first, "rows", 1, "id"));
  EXPECT_EQ(text(cursor, "at"), text(first, "rows", 1, "updated_at"));

  // Between two pages: A changes, D is added. All within one millisecond of the clock.
  made("PATCH", kAcme + "/suppliers/" + made_ids[0], R"({"name":"A2"})");
  new_supplier("D");
  const json::value second = read("/v1/vendors" + after(cursor, "at", 2));
  EXPECT_THAT(column(second, "name"), ElementsAre("C", "A2")) << "A again, as it has changed";
  const json::value third = read("/v1/vendors" + after(at(second, "next_cursor"), "at", 2));
  EXPECT_THAT(column(third, "name"), ElementsAre("D"));
  EXPECT_TRUE(at(third, "next_cursor").is_null()) << "there is no further page now";

  const json::value& last = at(third, "rows", 0);
  EXPECT_THAT(column(read("/v1/vendors" + after(last, "updated_at", 100)), "name"), IsEmpty());
  made("POST", kAcme + "/suppliers/" + made_ids[2] + "/claim");
  const json::value later = read("/v1/vendors" + after(last, "updated_at", 100));
  EXPECT_THAT(column(later, "name"), ElementsAre("C"));
  EXPECT_FALSE(at(later, "rows", 0, "claimed_at").is_null());
}

TEST_F(ReadApiTest, APageThatIsJustFullIsTheLast) {
  new_supplier("A");
  new_supplier("B");
  EXPECT_TRUE(at(read("/v1/vendors?limit=2"), "next_cursor").is_null());
}

TEST_F(ReadApiTest, APageHasFiftyRowsOrAsManyAsAskedForUpToAHundred) {  // R-PC-27, A-PC-16
  for (int i = 0; i < 101; ++i) new_supplier(fmt::format("Supplier {}", i));
  for (const auto& [query, rows] : std::vector<std::pair<std::string, std::size_t>>{
           {"", 50},
           {"?limit=1", 1},
           {"?limit=100", 100},
           {"?limit=101", 100},
           {"?limit=10000", 100},
           {"?limit=99999999999999999999999", 100},
           {"?limit=007", 7},
           {"?page=3&colour=red", 50}}) {  // Unknown parameters are ignored.
    EXPECT_EQ(column(read("/v1/vendors" + query), "id").size(), rows) << query;
  }
}

TEST_F(ReadApiTest, ALimitOrCursorThatIsNoneIsRefused) {  // A-PC-16
  constexpr std::string_view kId = "01941f29-7c00-7aaa-8000-000000000001";
  for (const char* limit : {"0", "000", "-1", "", "ten", "1.5", "1e2", "+5", "%205", "5&limit=5"}) {
    refused(400, "invalid_limit", ask("GET", fmt::format("/v1/orders?limit={}", limit)));
  }
  const std::string good_at = "cursor_at=2026-05-19T12:00:00Z";
  for (const std::string& query : {good_at, fmt::format("cursor_id={}", kId),
                                   good_at + "&cursor_id=", good_at + "&cursor_id=7",
                                   fmt::format("cursor_at=&cursor_id={}", kId),
                                   fmt::format("cursor_at=yesterday&cursor_id={}", kId),
                                   fmt::format("cursor_at=2026-13-01T00:00:00Z&cursor_id={}", kId),
                                   fmt::format("{0}&{0}&cursor_id={1}", good_at, kId)}) {
    refused(400, "invalid_cursor", ask("GET", "/v1/clients?" + query));
  }
  refused(400, "invalid_request", ask("GET", "/v1/products?limit=%zz"));
  read(fmt::format("/v1/orders?{}&cursor_id={}", good_at, kId));
  read(fmt::format("/v1/orders?cursor_at=0001-01-01T00:00:00Z&cursor_id={}", kId));
}

TEST_F(ReadApiTest, AVendorIsReadByItsIdAlone) {  // R-PC-30
  const std::string id = new_supplier("Paper");
  const json::value vendor = read("/v1/vendors/" + id);
  EXPECT_EQ(write_json(vendor),
            fmt::format(R"({{"id":"{}","name":"Paper","email":null,"phone":null,)"
                        R"("claimed_at":null,"created_at":"2026-01-01T12:00:00.000Z",)"
                        R"("updated_at":"{}"}})",
                        id, text(vendor, "updated_at")));
  refused(404, "vendor_not_found", ask("GET", "/v1/vendors/Paper"));
  // Called like another's id: still no name is an address.
  const std::string absent = "01941f29-7c00-7aaa-8000-000000000001";
  new_supplier(absent);
  refused(404, "vendor_not_found", ask("GET", "/v1/vendors/" + absent));
}

TEST_F(ReadApiTest, ClientsAreListed) {  // R-PC-31
  intake::OrderDraft draft = order("A-1");
  draft.client = {
      .external_id = "c-1", .email = "lab@example.com", .name = "Lab", .phone = std::nullopt};
  place(draft);
  place(order("A-2"));
  const json::value list = read("/v1/clients");
  ASSERT_EQ(at(list, "rows").as_array().size(), 1u)
      << "nobody is made of an order without a client";
  const json::value& client = at(list, "rows", 0);
  EXPECT_EQ(text(client, "external_id"), "c-1");
  EXPECT_EQ(text(client, "source"), "api");
  EXPECT_TRUE(at(client, "phone").is_null());
}

TEST_F(ReadApiTest, OnlyPublishedProductsAreShown) {  // R-PC-32
  const std::string vendor = new_supplier("Paper");
  const json::value shown =
      made("PUT", kAcme + "/products/1",
           R"({"name":"Ink","price":"3","currency":"EUR","supplier":"Paper"})");
  const std::string hidden = R"({"name":"Pen","price":1,"currency":"EUR","published":false})";
  const json::value secret = made("PUT", kAcme + "/products/2", hidden);
  const json::value product = read("/v1/products/" + text(shown, "uuid"));
  EXPECT_EQ(write_json(product),
            fmt::format(R"({{"id":"{}","sku":"1","name":"Ink","description":null,"price":"3.00",)"
                        R"("currency":"EUR","vendor_id":"{}",)"
                        R"("created_at":"2026-01-01T12:00:00.000Z","updated_at":"{}"}})",
                        text(shown, "uuid"), vendor, text(shown, "updated_at")));
  EXPECT_EQ(at(read("/v1/products"), "rows").as_array().size(), 1u);
  EXPECT_EQ(at(read("/v1/products"), "rows", 0), product);
  refused(404, "product_not_found", ask("GET", "/v1/products/" + text(secret, "uuid")));
  refused(404, "product_not_found", ask("GET", "/v1/products/1"));
}

TEST_F(ReadApiTest, ATestIsSentAtOnceWithoutAnEventId) {  // R-PC-33, R-PC-37, A-PC-4
  key = new_key("acme", R"(,"scopes":["read_write"])");
  const std::string id = new_endpoint("peptideclients");
  const net::Response answer = ask("POST", "/v1/webhooks/test/" + id);
  EXPECT_EQ(answer.status, 202);
  const json::value body = json_of(answer);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(*net::find_header(sent[0].headers, "X-PC-Event-Type"), "webhook.test");
  EXPECT_EQ(*net::find_header(sent[0].headers, "X-PC-Event-Id"), "null");
  EXPECT_EQ(*net::find_header(sent[0].headers, "X-PC-Delivery-Id"), text(body, "delivery_id"));
  EXPECT_EQ(text(body, "endpoint_id"), model::EndpointId::parse(id)->uuid().text());
  EXPECT_TRUE(at(body, "event_id").is_null());
  EXPECT_EQ(ask("POST", "/v1/webhooks/test/" + text(body, "endpoint_id")).status, 202);
  EXPECT_THAT(call("GET", kAcme + "/audit").body, HasSubstr("endpoint.test"));
}

TEST_F(ReadApiTest, ARepeatWithItsIdempotencyKeySendsNoSecondTest) {
  key = new_key("acme", R"(,"scopes":["read_write"])");
  const std::string test = "/v1/webhooks/test/" + new_endpoint("peptideclients");
  const Headers once = {{"Idempotency-Key", "once"}};
  const net::Response first = ask("POST", test, once);
  const net::Response again = ask("POST", test, once);
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(*net::find_header(again.headers, "Idempotent-Replay"), "true");
  EXPECT_EQ(sent.size(), 1u);
  const std::string another = "/v1/webhooks/test/" + new_endpoint("standard-webhooks");
  refused(409, "idempotency_conflict", ask("POST", another, once));
  refused(400, "idempotency_key_invalid", ask("POST", test, {{"Idempotency-Key", "a b"}}));
}

TEST_F(ReadApiTest, WhatIsNoWebhookOfPeptideClientsIsNotThere) {
  key = new_key("acme", R"(,"scopes":["read_write"])");
  const std::string deleted = new_endpoint("peptideclients");
  made("DELETE", kAcme + "/endpoints/" + deleted);
  for (const std::string& id : {new_endpoint("standard-webhooks"), deleted, std::string("x"),
                                std::string("01941f29-7c00-7aaa-8000-000000000001")}) {
    refused(404, "endpoint_not_found", ask("POST", "/v1/webhooks/test/" + id));
  }
  EXPECT_THAT(sent, IsEmpty());
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
