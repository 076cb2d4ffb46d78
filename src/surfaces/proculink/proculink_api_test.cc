// The ingress as its callers see it, against a real database and a real dispatcher. What concerns
// the HTTP framing (413, 404, 405) is in tests/e2e.

#include "surfaces/proculink/proculink_api.h"

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "surfaces/hub_fixture.h"

namespace waybill::surfaces::proculink {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::string_view kOrder =
    R"({"orderNumber":"PO-2026-0042","orderDate":"2026-06-12","currency":"EUR",)"
    R"("supplierId":"Acme Paper","lines":[{"buyerItemCode":"A4-COPY-500",)"
    R"("description":"Copy paper A4","quantity":10,"unit":"box","unitPrice":24.9}]})";

class ProcuLinkApiTest : public HubFixture {
 public:
  ProcuLinkApiTest() {
    api.add_routes(router);
    for (const char* slug : {"acme", "other"}) {
      call("POST", "/hub/v1/workspaces", fmt::format(R"({{"slug":"{}"}})", slug));
    }
    const auto supplier =
        json_of(call("POST", "/hub/v1/workspaces/acme/suppliers", R"({"name":"Acme Paper"})"));
    supplier_uuid = supplier.at("uuid").as_string();
    key = new_key();
  }

  std::string new_key(std::string_view more = {}) {
    const auto made = json_of(call("POST", "/hub/v1/workspaces/acme/keys",
                                   fmt::format(R"({{"platform":"proculink"{}}})", more)));
    key_id = made.at("id").as_string();
    return std::string(made.at("key").as_string());
  }

  net::Response post(std::string_view body, Headers more = {}) {
    more.push_back({"X-ProcuLink-Key", key});
    return call("POST", "/api/ingress/acme/orders", body, std::move(more));
  }

  void refused(int status, std::string_view code, std::string_view path, std::string_view body) {
    const net::Response answer = post(body);
    EXPECT_EQ(answer.status, status) << body << "\n" << answer.body;
    const json::value read = json_of(answer);
    EXPECT_EQ(read.at("code").as_string(), code) << body;
    const json::value* at = read.as_object().if_contains("path");
    EXPECT_EQ(at ? std::string(at->as_string()) : "", path) << body;
    EXPECT_EQ(order_count(), 0u) << body;
  }

  std::size_t order_count() {
    return json_of(call("GET", "/hub/v1/workspaces/acme/orders?limit=200"))
        .at("rows")
        .as_array()
        .size();
  }

  intake::OrderIntake orders{clock, ids, *database, acceptance};
  ProcuLinkApi api{{.log = log, .keys = keys, .orders = orders, .dispatcher = dispatcher}};
  std::string supplier_uuid;
  std::string key;
  std::string key_id;
};

// The order kOrder with one text replaced by another.
std::string with(std::string_view from, std::string_view to) {
  std::string text(kOrder);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST_F(ProcuLinkApiTest, PingIsOkForTheKeysOwnWorkspaceAlone) {
  EXPECT_EQ(call("GET", "/api/ingress/acme/ping", {}, {{"X-ProcuLink-Key", key}}).status, 200);

  const auto existing = call("GET", "/api/ingress/other/ping", {}, {{"X-ProcuLink-Key", key}});
  const auto imagined = call("GET", "/api/ingress/nobody/ping", {}, {{"X-ProcuLink-Key", key}});
  EXPECT_EQ(existing.status, 403);
  EXPECT_EQ(imagined.status, 403);
  EXPECT_EQ(existing.body, imagined.body) << "no hint whether the workspace exists";
}

TEST_F(ProcuLinkApiTest, RefusesKeysThatAreMissingUnknownExpiredOrRevoked) {
  const auto ping = [&](const std::string& text) {
    const auto answer = call("GET", "/api/ingress/acme/ping", {}, {{"X-ProcuLink-Key", text}});
    EXPECT_EQ(answer.status, 401) << text;
    return std::string(json_of(answer).at("code").as_string());
  };
  EXPECT_EQ(ping(""), "key_missing");
  EXPECT_EQ(ping("plk_wrong"), "key_unknown");

  const std::string expiring = new_key(R"(,"expires_at":"2026-01-01T13:00:00Z")");
  EXPECT_EQ(call("GET", "/api/ingress/acme/ping", {}, {{"X-ProcuLink-Key", expiring}}).status, 200);
  clock.run_for(1h);
  EXPECT_EQ(ping(expiring), "key_expired");

  const std::string revoked = new_key();
  EXPECT_EQ(call("GET", "/api/ingress/acme/ping", {}, {{"X-ProcuLink-Key", revoked}}).status, 200);
  call("DELETE", "/hub/v1/workspaces/acme/keys/" + key_id);
  EXPECT_EQ(ping(revoked), "key_revoked");
}

TEST_F(ProcuLinkApiTest, AKeyStartsWithPlkAndIsListedByItsPrefixAlone) {
  EXPECT_TRUE(key.starts_with("plk_"));
  const auto listed = call("GET", "/hub/v1/workspaces/acme/keys");
  EXPECT_THAT(listed.body, HasSubstr(key.substr(0, 10)));
  EXPECT_THAT(listed.body, testing::Not(HasSubstr(key)));
}

TEST_F(ProcuLinkApiTest, AnOrderIsStoredAndAnsweredAsDocumented) {
  const net::Response answer = post(kOrder);
  EXPECT_EQ(answer.status, 201);
  const json::value read = json_of(answer);
  ASSERT_EQ(read.as_object().size(), 3u) << answer.body;
  EXPECT_EQ(read.at("status").as_string(), "needs_review");
  EXPECT_EQ(read.at("linesCount").to_number<int>(), 1);
  EXPECT_TRUE(Uuid::parse(std::string(read.at("id").as_string())).has_value()) << answer.body;
  EXPECT_EQ(order_count(), 1u);
}

TEST_F(ProcuLinkApiTest, TheSupplierIsFoundByGuidAndByNameInAnyCase) {
  EXPECT_EQ(post(with("Acme Paper", "ACME paper")).status, 201);
  // The same order, named by GUID: a repeat.
  EXPECT_EQ(post(with("Acme Paper", supplier_uuid)).status, 200);
}

TEST_F(ProcuLinkApiTest, OnlyTheSupplierAndOneLineAreMandatory) {
  EXPECT_EQ(post(R"({"supplierId":"Acme Paper","lines":[{}]})").status, 201);
  EXPECT_EQ(
      post(R"({"supplierId":"Acme Paper","orderNumber":null,"lines":[{"quantity":1}]})").status,
      201);
}

TEST_F(ProcuLinkApiTest, RefusesBadOrdersWithThePathOfTheFault) {
  refused(400, "malformed_json", "$", "{");
  refused(400, "body_type", "$", "[]");
  refused(400, "lines_empty", "$.lines", R"({"supplierId":"Acme Paper"})");
  refused(400, "lines_empty", "$.lines", R"({"supplierId":"Acme Paper","lines":[]})");
  refused(400, "member_type", "$.lines", R"({"supplierId":"Acme Paper","lines":{}})");
  refused(400, "member_type", "$.lines[0]", R"({"supplierId":"Acme Paper","lines":[1]})");
  refused(400, "member_missing", "$.supplierId", R"({"lines":[{}]})");
  refused(400, "supplier_not_found", "$.supplierId", with("Acme Paper", "Nobody"));
  refused(400, "date_invalid", "$.orderDate", with("2026-06-12", "12.06.2026"));
  refused(400, "date_invalid", "$.orderDate", with("2026-06-12", "2026-02-30"));
  refused(400, "member_type", "$.lines[0].quantity", with(":10,", R"(:"10",)"));
  refused(400, "quantity_not_positive", "$.lines[0].quantity", with(":10,", ":0,"));
  refused(400, "quantity_not_positive", "$.lines[0].quantity", with(":10,", ":-1,"));
  refused(400, "number_out_of_range", "$.lines[0].quantity", with(":10,", ":1e999,"));
  refused(400, "member_type", "$.lines[0].unitPrice", with("24.9", R"("24.9")"));
  refused(400, "member_type", "$.currency", with(R"("EUR")", "1"));
  refused(400, "text_length", "$.currency", with("EUR", std::string(1001, 'x')));
  refused(400, "duplicate_member", "$.currency",
          with(R"("currency")", R"("currency":"X","currency")"));
  refused(400, "invalid_utf8", "$.currency", with("EUR", "\xff"));
  // It was stored, and no query could name it: a filter takes no NUL.
  refused(400, "text_invalid", "$.orderNumber", with("PO-2026-0042", "PO\\u0000"));
  refused(400, "text_invalid", "$.lines[0].unit", with(R"("box")", R"("\u0000")"));
}

TEST_F(ProcuLinkApiTest, SaysWhatTheDocumentsSayOfLinesAndSuppliers) {
  EXPECT_EQ(json_of(post(R"({"supplierId":"Acme Paper","lines":[]})")).at("error").as_string(),
            "Order must have at least one line.");
  EXPECT_EQ(json_of(post(with("Acme Paper", "Nobody"))).at("error").as_string(),
            "Supplier Nobody not found.");
}

TEST_F(ProcuLinkApiTest, RefusesFormsAndOtherMediaTypes) {
  for (const char* type :
       {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}) {
    EXPECT_EQ(post(kOrder, {{"Content-Type", type}}).status, 415) << type;
  }
  EXPECT_EQ(post(kOrder, {{"Content-Type", "application/json; charset=utf-8"}}).status, 201);
}

TEST_F(ProcuLinkApiTest, ARepeatWithoutAKeyGetsTheOriginalWhateverItsSpacingAndMemberOrder) {
  const json::value first = json_of(post(kOrder));
  const net::Response repeat =
      post(R"({ "lines": [ {"unitPrice": 24.90, "unit": "box", "quantity": 10.0, "buyerItemCode":)"
           R"( "A4-COPY-500", "description": "Copy paper A4"} ], "supplierId": "Acme Paper",)"
           R"( "currency": "EUR", "orderDate": "2026-06-12", "orderNumber": "PO-2026-0042" })");
  EXPECT_EQ(repeat.status, 200);
  const json::value read = json_of(repeat);
  EXPECT_EQ(read.at("id"), first.at("id"));
  EXPECT_EQ(read.at("idempotentReplay"), json::value(true));
  EXPECT_EQ(order_count(), 1u);
}

TEST_F(ProcuLinkApiTest, AKeyedRepeatGetsTheOriginalAlsoWithAnotherBodyWhichIsRecorded) {
  const json::value first = json_of(post(kOrder, {{"Idempotency-Key", "k1"}}));
  const net::Response repeat = post(with("PO-2026-0042", "PO-2"), {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(repeat.status, 200);
  EXPECT_EQ(json_of(repeat).at("id"), first.at("id"));
  EXPECT_THAT(call("GET", "/hub/v1/workspaces/acme/audit?action=order.repeat_differed").body,
              HasSubstr(key_id));
  EXPECT_EQ(post(kOrder, {{"Idempotency-Key", "k2"}}).status, 201) << "another key, another order";
  EXPECT_EQ(post(kOrder, {{"Idempotency-Key", "has space"}}).status, 400);
}

TEST_F(ProcuLinkApiTest, ARepeatAfterADayIsANewOrder) {
  post(kOrder);
  clock.run_for(24h - 1s);
  EXPECT_EQ(post(kOrder).status, 200);
  clock.run_for(1s);
  EXPECT_EQ(post(kOrder).status, 201);
  EXPECT_EQ(order_count(), 2u);
}

TEST_F(ProcuLinkApiTest, FiftyPostsAtOnceMakeOneOrderAndOneWebhook) {
  call("POST", "/hub/v1/workspaces/acme/endpoints",
       R"({"dialect":"proculink","url":"https://example.com/hook","secret":"s3cret-s3cret"})");
  std::vector<std::shared_ptr<std::optional<net::Response>>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(begin_call("POST", "/api/ingress/acme/orders", kOrder,
                                 {{"X-ProcuLink-Key", key}, {"Idempotency-Key", "once"}}));
  }
  settle();
  int created = 0;
  std::set<std::string> orders_answered;
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer->has_value());
    created += (*answer)->status == 201 ? 1 : 0;
    orders_answered.emplace(json_of(**answer).at("id").as_string());
  }
  EXPECT_EQ(created, 1);
  EXPECT_EQ(orders_answered.size(), 1u);
  EXPECT_EQ(order_count(), 1u);
  EXPECT_EQ(sent.size(), 1u);
}

TEST_F(ProcuLinkApiTest, AnOrderIsToldToItsEndpointsAsDocumented) {
  call("POST", "/hub/v1/workspaces/acme/endpoints",
       R"({"dialect":"proculink","url":"https://example.com/hook","secret":"s3cret-s3cret"})");
  const std::string order_id(json_of(post(kOrder)).at("id").as_string());
  ASSERT_EQ(sent.size(), 1u);
  const net::ClientRequest& request = sent[0];
  EXPECT_EQ(*net::find_header(request.headers, "X-ProcuLink-Event"), "order.created");
  EXPECT_EQ(*net::find_header(request.headers, "X-ProcuLink-Signature"),
            "sha256=" + hex(crypto::hmac_sha256(as_bytes("s3cret-s3cret"), {request.body})));
  const json::value body = parse_json(request.body).value();
  EXPECT_EQ(body.at("type").as_string(), "order.created");
  EXPECT_EQ(body.at("workspace").as_string(), "acme");
  EXPECT_EQ(body.at("data").at("order").at("id").as_string(), order_id);
  EXPECT_EQ(body.at("data").at("order").at("orderNumber").as_string(), "PO-2026-0042");
}

}  // namespace
}  // namespace waybill::surfaces::proculink
