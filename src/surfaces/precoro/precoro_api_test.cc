// The fetch API as Precoro's consumers use it, over documents that the native API has put.

#include "surfaces/precoro/precoro_api.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "model/document.h"
#include "model/workspace.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::precoro {
namespace {

using namespace std::chrono_literals;
using native::at;
using native::text;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kAcme = "/hub/v1/workspaces/acme";

class PrecoroApiTest : public native::NativeApiTest {
 public:
  explicit PrecoroApiTest(RequestLimits limits = {.per_minute = 0, .per_hour = 0, .per_day = 0})
      : api({.clock = clock, .log = log, .keys = keys, .database = *database, .limits = limits}) {
    api.add_routes(router);
    new_user("all@example.com", R"(["super_user"])");
    token = new_token("all@example.com");
  }

  std::string new_user(std::string_view email, std::string_view roles) {
    return text(ok(201, "POST", fmt::format("{}/users", kAcme),
                   fmt::format(R"({{"email": "{}", "roles": {}}})", email, roles)),
                "id");
  }
  std::string new_token(std::string_view user) {
    return text(ok(201, "POST", fmt::format("{}/keys", kAcme),
                   fmt::format(R"({{"platform": "precoro", "user": "{}"}})", user)),
                "key");
  }
  void put(std::string_view kind, std::int64_t id, std::string_view content = "{}") {
    const auto answer = call("PUT", fmt::format("{}/documents/{}/{}", kAcme, kind, id), content);
    EXPECT_LE(answer.status, 201) << answer.body;
  }
  net::Response fetch(std::string_view target, Headers more = {}) {
    more.push_back({"X-AUTH-TOKEN", token});
    return call("GET", target, {}, std::move(more));
  }
  json::value fetched(std::string_view target) {
    const net::Response answer = fetch(target);
    EXPECT_EQ(answer.status, 200) << target << "\n" << answer.body;
    return json_of(answer);
  }
  // The ids of a list's rows.
  std::vector<std::int64_t> ids(std::string_view target) {
    std::vector<std::int64_t> found;
    for (const json::value& row : at(fetched(target), "data").as_array()) {
      found.push_back(at(row, "id").as_int64());
    }
    return found;
  }
  void refused(int status, std::string_view code, const net::Response& answer) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(text(json_of(answer), "code"), code) << answer.body;
    EXPECT_NE(text(json_of(answer), "error"), "");
  }

  PrecoroApi api;
  std::string token;
};

TEST_F(PrecoroApiTest, APurchaseOrderIsFetchedByItsIdnWhole) {  // R-PR-16, A-PR-6
  put("purchase_order", 123456, R"({"idn": 5, "note": "é", "items": [{"sku": "4711"}]})");

  const net::Response answer = fetch("/purchaseorders/5");

  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"id":123456,"idn":5,"note":"é","items":[{"sku":"4711"}]})");
  refused(404, "document_not_found", fetch("/purchaseorders/123456"));
}

TEST_F(PrecoroApiTest, AnInvoiceIsFetchedByItsIdWithItsLines) {  // R-PR-22
  put("invoice", 88213,
      R"({"idn": 142, "items": [{"sku": "4711", "customFields": [{"id": 96}]}]})");
  const json::value invoice = fetched("/invoices/88213");
  EXPECT_EQ(text(invoice, "items", 0, "customFields", 0, "id"), "96");
  refused(404, "document_not_found", fetch("/invoices/142"));
}

TEST_F(PrecoroApiTest, EveryKindIsFetchedAtItsAddressByWhatItsNoticeCarries) {
  for (const Collection& collection : collections()) {
    put(collection.kind, 700, R"({"idn": 7})");
    const bool by_idn = collection.by == Collection::By::kIdn;
    const json::value one = fetched(fmt::format("{}/{}", collection.path, by_idn ? "7" : "700"));
    EXPECT_EQ(at(one, "id").as_int64(), 700) << collection.path;
    EXPECT_THAT(ids(collection.path), ElementsAre(700)) << collection.path;
    EXPECT_EQ(model::check_slug(collection.path.substr(1)).error().reason, "slug_reserved");
  }
  EXPECT_EQ(collections().size(), model::document_kinds().size());
}

TEST_F(PrecoroApiTest, WhatWasModifiedSinceIsListed) {  // R-PR-20
  put("invoice", 1, R"({"total": 1})");
  put("invoice", 2);
  clock.run_for(1h);
  put("invoice", 3);
  put("invoice", 1, R"({"total": 2})");
  put("invoice", 2);  // As it was.
  EXPECT_THAT(ids("/invoices?modifiedSince=2026-01-01T12:30:00"), ElementsAre(1, 3));
  EXPECT_THAT(ids("/invoices"), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids("/invoices?modifiedSince=2026-01-01T13:00:01"), IsEmpty());
}

TEST_F(PrecoroApiTest, ListsAreNarrowedByApprovalStatusAndSupplier) {  // R-PR-20
  put("purchase_order", 1, R"({"status": 2, "approvalDate": "2023-12-01", "supplier": {"id": 9}})");
  put("purchase_order", 2,
      R"({"status": 2, "approvalDate": "2023-12-31T23:00:00", "supplier": 8})");
  put("purchase_order", 3, R"({"status": 1, "approvalDate": null, "supplier": 9})");
  EXPECT_THAT(ids("/purchaseorders?status[]=2"), ElementsAre(1, 2));
  EXPECT_THAT(ids("/purchaseorders?status[]=1&status[]=2"), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids("/purchaseorders?supplier[]=9"), ElementsAre(1, 3));
  EXPECT_THAT(ids("/purchaseorders?approvalDate[left_date]=01.12.2023"
                  "&approvalDate[right_date]=31.12.2023&status[]=2"),
              ElementsAre(1, 2));
  EXPECT_THAT(ids("/purchaseorders?approvalDate[left_date]=02.12.2023"), ElementsAre(2));
  put("supplier", 4, R"({"enable": true, "status": 2})");
  put("supplier", 5, R"({"enable": false, "status": 2})");
  EXPECT_THAT(ids("/suppliers?status[]=2&enable=true"), ElementsAre(4));
}

TEST_F(PrecoroApiTest, ListsShowLessThanOneDocumentDoes) {
  put("invoice", 1, R"({"total": 12.5, "items": [{"sku": "4711"}], "supplier": {"id": 9}})");
  EXPECT_EQ(write_json(at(fetched("/invoices"), "data", 0)),
            R"({"id":1,"idn":1,"total":12.5,"supplier":{"id":9}})");
}

TEST_F(PrecoroApiTest, ItemCustomFieldsAreListedWithAllThereIs) {  // R-PR-21
  put("item_custom_field", 96, R"({"name": "Cost centre", "options": [{"id": 1, "name": "A"}]})");
  EXPECT_EQ(text(fetched("/itemcustomfields"), "data", 0, "options", 0, "name"), "A");
}

TEST_F(PrecoroApiTest, ListsComeInPages) {
  for (int id = 1; id <= 25; ++id) put("receipt", id);
  const json::value first = fetched("/receipts?per_page=10");
  EXPECT_EQ(write_json(at(first, "meta", "pagination")),
            R"({"total":25,"count":10,"per_page":10,"current_page":1,"total_pages":3,)"
            R"("has_next_page":true})");
  EXPECT_THAT(ids("/receipts?per_page=10&page=3"), ElementsAre(21, 22, 23, 24, 25));
  EXPECT_THAT(ids("/receipts?per_page=10&page=4"), IsEmpty());
  const json::value last = fetched("/receipts?per_page=10&page=last");
  EXPECT_EQ(text(last, "meta", "pagination", "current_page"), "3");
  EXPECT_EQ(text(last, "meta", "pagination", "has_next_page"), "false");
  EXPECT_EQ(text(last, "data", 0, "id"), "21");
  EXPECT_EQ(text(fetched("/expenses?page=last"), "meta", "pagination", "total_pages"), "1");
  refused(400, "query_invalid", fetch("/receipts?per_page=30"));
}

TEST_F(PrecoroApiTest, NobodyIsLetInWithoutAToken) {
  put("invoice", 1);
  refused(401, "key_missing", call("GET", "/invoices"));
  refused(401, "key_unknown", call("GET", "/invoices", {}, {{"X-AUTH-TOKEN", "nonsense"}}));
  const json::value other =
      ok(201, "POST", fmt::format("{}/keys", kAcme), R"({"platform": "proculink"})");
  refused(401, "key_unknown",
          call("GET", "/invoices/1", {}, {{"X-AUTH-TOKEN", text(other, "key")}}));
}

TEST_F(PrecoroApiTest, ARevokedTokenLetsNobodyIn) {
  const json::value made = ok(201, "POST", fmt::format("{}/keys", kAcme),
                              R"({"platform": "precoro", "user": "all@example.com"})");
  token = text(made, "key");
  EXPECT_EQ(fetch("/invoices").status, 200);
  ok(200, "DELETE", fmt::format("{}/keys/{}", kAcme, text(made, "id")));
  refused(401, "key_revoked", fetch("/invoices"));
}

TEST_F(PrecoroApiTest, AnEmailThatIsGivenIsThatOfTheTokensUser) {
  new_user("other@example.com", R"(["super_user"])");
  EXPECT_EQ(fetch("/invoices", {{"email", "All@Example.com"}}).status, 200);
  refused(401, "email_mismatch", fetch("/invoices", {{"email", "other@example.com"}}));
  refused(401, "email_mismatch", fetch("/invoices", {{"email", "nobody@example.com"}}));
}

TEST_F(PrecoroApiTest, ATokenOpensItsOwnWorkspaceAlone) {
  ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "other"})");
  ok(201, "PUT", "/hub/v1/workspaces/other/documents/invoice/1", "{}");
  EXPECT_THAT(ids("/invoices"), IsEmpty());
  refused(404, "document_not_found", fetch("/invoices/1"));
}

TEST_F(PrecoroApiTest, ACreatorSeesTheirOwnDocumentsOnly) {  // R-PR-8
  new_user("buyer@example.com", R"(["purchase_order:creator"])");
  put("purchase_order", 1, R"({"idn": 1, "created_by": "buyer@example.com"})");
  put("purchase_order", 2, R"({"idn": 2, "created_by": "all@example.com"})");
  put("purchase_order", 3, R"({"idn": 3})");
  put("invoice", 4);
  token = new_token("buyer@example.com");

  EXPECT_THAT(ids("/purchaseorders"), ElementsAre(1));
  EXPECT_EQ(text(fetched("/purchaseorders"), "meta", "pagination", "total"), "1");
  EXPECT_EQ(fetch("/purchaseorders/1").status, 200);
  refused(404, "document_not_found", fetch("/purchaseorders/2"));
  refused(404, "document_not_found", fetch("/purchaseorders/3"));
  refused(403, "role_missing", fetch("/invoices"));
  refused(403, "role_missing", fetch("/invoices/4"));
}

TEST_F(PrecoroApiTest, RolesCountFromTheNextRequestOn) {  // R-PR-8, R-PR-9
  const std::string user = new_user("payer@example.com", R"(["invoice:payer"])");
  put("invoice", 4);
  put("purchase_order", 1);
  token = new_token("payer@example.com");
  EXPECT_THAT(ids("/invoices"), ElementsAre(4));

  const std::string place = fmt::format("{}/users/{}", kAcme, user);
  ok(200, "PATCH", place, R"({"roles": ["super_user"]})");
  EXPECT_THAT(ids("/purchaseorders"), ElementsAre(1));
  ok(200, "PATCH", place, R"({"roles": []})");
  refused(403, "role_missing", fetch("/invoices"));
}

TEST_F(PrecoroApiTest, WhatCannotBeANumberIsNotFound) {
  put("invoice", 7);
  for (const char* number : {"abc", "7x", "-7", "0", "7.0", "99999999999999999999"}) {
    refused(404, "document_not_found", fetch(fmt::format("/invoices/{}", number)));
  }
}

TEST_F(PrecoroApiTest, ItsPathsAreKnownByTheirFirstSegment) {
  EXPECT_TRUE(PrecoroApi::has_path("/invoices"));
  EXPECT_TRUE(PrecoroApi::has_path("/invoices/1/lines"));
  EXPECT_FALSE(PrecoroApi::has_path("/invoicesx"));
  EXPECT_FALSE(PrecoroApi::has_path("/hub/v1/workspaces"));
  refused(404, "route_not_found", PrecoroApi::render_miss({}));
  const auto other_method = PrecoroApi::render_miss({Code::kNotFound, {"GET"}});
  refused(405, "method_not_allowed", other_method);
}

// --- Limits --------------------------------------------------------------------------------------

class PrecoroLimitsTest : public PrecoroApiTest {
 public:
  PrecoroLimitsTest() : PrecoroApiTest(RequestLimits::parse("2/min, 3/h, repeat 1m").value()) {}
};

TEST_F(PrecoroLimitsTest, OneTooManyIsToldInTheBodyAsPrecoroDoes) {  // platforms.md 3.2
  EXPECT_EQ(fetch("/invoices?page=1").status, 200);
  clock.run_for(10s);
  EXPECT_EQ(fetch("/invoices?page=2").status, 200);

  const net::Response answer = fetch("/invoices?page=3");

  EXPECT_EQ(answer.status, 429);
  const json::value body = json_of(answer);
  EXPECT_EQ(text(body, "RateLimit-Type"), "Minute limiter");
  EXPECT_EQ(text(body, "RateLimit-Retry-After"), "2026-01-01 12:01:00 UTC");
  EXPECT_EQ(text(body, "RateLimit-Limit"), "2");
  EXPECT_THAT(text(body, "error"), HasSubstr("Too many requests"));
  clock.run_for(50s);
  EXPECT_EQ(fetch("/invoices?page=3").status, 200);
  EXPECT_EQ(text(json_of(fetch("/invoices?page=4")), "RateLimit-Type"), "Hourly limiter");
}

TEST_F(PrecoroLimitsTest, TheSameRequestIsTakenOnceAMinute) {
  EXPECT_EQ(fetch("/invoices").status, 200);
  EXPECT_EQ(text(json_of(fetch("/invoices")), "RateLimit-Type"), "Route-based limiter by minute");
  clock.run_for(1min);
  EXPECT_EQ(fetch("/invoices").status, 200);
}

TEST_F(PrecoroLimitsTest, EachTokenIsCountedByItself) {
  EXPECT_EQ(fetch("/invoices?page=1").status, 200);
  EXPECT_EQ(fetch("/invoices?page=2").status, 200);
  token = new_token("all@example.com");
  EXPECT_EQ(fetch("/invoices?page=1").status, 200);
}

}  // namespace
}  // namespace waybill::surfaces::precoro
