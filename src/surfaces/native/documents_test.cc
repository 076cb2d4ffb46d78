// Documents are put, and those who want to know are told.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "model/document.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kAcme = "/hub/v1/workspaces/acme";

class DocumentsTest : public NativeApiTest {
 public:
  static std::string at_document(std::string_view kind, std::string_view id) {
    return fmt::format("{}/documents/{}/{}", kAcme, kind, id);
  }
  json::value put(int status, std::string_view kind, std::string_view id,
                  std::string_view body = "{}") {
    return ok(status, "PUT", at_document(kind, id), body);
  }
  json::value event_of(const json::value& answer) {
    return ok(200, "GET", fmt::format("{}/events/{}", kAcme, text(answer, "event_id")));
  }
  std::size_t events() {
    return at(ok(200, "GET", fmt::format("{}/events?limit=200", kAcme)), "rows").as_array().size();
  }
};

TEST_F(DocumentsTest, ANewDocumentIsStoredAndToldOfByItsCreateEvent) {
  const json::value answer =
      put(201, "purchase_order", "123456", R"({"idn": 5, "status": 2, "items": [{"sku": "a"}]})");
  EXPECT_EQ(write_json(at(answer, "content")),
            R"({"id":123456,"idn":5,"status":2,"items":[{"sku":"a"}]})");
  EXPECT_EQ(text(answer, "modified_at"), "2026-01-01T12:00:00.000Z");

  const json::value event = event_of(answer);
  EXPECT_EQ(text(event, "type"), "order.created");
  EXPECT_EQ(text(event, "subject"), "123456");
  EXPECT_EQ(write_json(at(event, "data")),
            fmt::format(R"({{"document":"purchase_order","document_id":123456,"idn":5,)"
                        R"("order_id":"{}","document_status":2}})",
                        text(answer, "uuid")));
}

TEST_F(DocumentsTest, AChangeIsToldOfByTheUpdateEvent) {
  put(201, "invoice", "7", R"({"total": 1})");
  clock.run_for(1min);
  const json::value answer = put(200, "invoice", "7", R"({"total": 2})");
  EXPECT_EQ(text(event_of(answer), "type"), "invoice.updated");
  EXPECT_EQ(text(answer, "created_at"), "2026-01-01T12:00:00.000Z");
  EXPECT_EQ(text(answer, "modified_at"), "2026-01-01T12:01:00.000Z");
  EXPECT_EQ(text(ok(200, "GET", at_document("invoice", "7")), "content", "total"), "2");
  EXPECT_EQ(events(), 2u);
}

TEST_F(DocumentsTest, WhatIsPutAgainAsItIsChangesNothingAndTellsNobody) {
  const json::value first = put(201, "invoice", "7", R"({"total": 1.50, "note": "a"})");
  clock.run_for(1min);
  const json::value again = put(200, "invoice", "7", R"({"total":1.5,"note":"\u0061"})");
  EXPECT_EQ(text(again, "event_id"), "null");
  EXPECT_EQ(text(again, "modified_at"), text(first, "modified_at"));
  EXPECT_EQ(events(), 1u);
}

TEST_F(DocumentsTest, EveryKindReachesPrecorosReceiversWithItsOwnNumbers) {  // R-PR-10 to R-PR-15
  new_endpoint("precoro");
  int type = 0;
  for (const model::DocumentKind& kind : model::document_kinds()) {
    for (const int action : {0, 1}) {
      sent.clear();
      put(action == 0 ? 201 : 200, kind.name, "123456",
          fmt::format(R"({{"idn": 5, "version": {}}})", action));
      ASSERT_EQ(sent.size(), 1u) << kind.name;
      EXPECT_EQ(sent[0].body,
                fmt::format(R"({{"id":123456,"type":{},"action":{},"idn":5}})", type, action));
    }
    ++type;
  }
  EXPECT_EQ(type, 12);
}

TEST_F(DocumentsTest, APurchaseOrderCanBeSentToOtherPlatformsToo) {
  new_endpoint("procureiq");
  const json::value answer = put(201, "purchase_order", "7");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_THAT(sent[0].body, HasSubstr("\"orderId\":\"ord_"));
  EXPECT_EQ(text(event_of(answer), "deliveries", 0, "state"), "succeeded");
}

TEST_F(DocumentsTest, ANumberedDocumentWithoutAnIdnIsGivenTheNext) {
  EXPECT_EQ(text(put(201, "invoice", "100"), "idn"), "1");
  EXPECT_EQ(text(put(201, "invoice", "50"), "idn"), "2");
  EXPECT_EQ(text(put(201, "expense", "50"), "idn"), "1") << "each kind counts by itself";
  EXPECT_EQ(text(put(201, "invoice", "51", R"({"idn": 9})"), "idn"), "9");
  EXPECT_EQ(text(put(201, "invoice", "52"), "idn"), "10");
  EXPECT_EQ(text(put(201, "supplier", "1"), "idn"), "null");
  EXPECT_EQ(text(put(200, "supplier", "1", R"({"idn": 3})"), "idn"), "3");
  ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "other"})");
  EXPECT_EQ(text(ok(201, "PUT", "/hub/v1/workspaces/other/documents/invoice/1", "{}"), "idn"), "1");
}

TEST_F(DocumentsTest, AnIdnIsOneDocumentsAndStaysIts) {
  put(201, "invoice", "1", R"({"idn": 5})");
  refused(409, "document_idn_taken", "$.idn", "PUT", at_document("invoice", "2"), R"({"idn": 5})");
  refused(409, "document_idn_fixed", "$.idn", "PUT", at_document("invoice", "1"), R"({"idn": 6})");
  EXPECT_EQ(text(put(200, "invoice", "1", R"({"total": 1})"), "idn"), "5");
  refused(404, "document_not_found", "", "GET", at_document("invoice", "2"));
  EXPECT_EQ(events(), 2u);
}

TEST_F(DocumentsTest, TwoWhoPutTheSameNewDocumentMakeItOnce) {
  events();  // The workspace is known from now on, so that the first call stays the first.
  const auto first = begin_call("PUT", at_document("invoice", "7"), R"({"total": 1})");
  const auto second = begin_call("PUT", at_document("invoice", "7"), R"({"total": 2})");
  settle();
  EXPECT_EQ((*first)->status, 201);
  EXPECT_EQ((*second)->status, 200);
  EXPECT_EQ(text(event_of(json_of(**second)), "type"), "invoice.updated");
  EXPECT_EQ(text(put(201, "invoice", "8"), "idn"), "2") << "no number was wasted";
}

TEST_F(DocumentsTest, ItsCreatorIsNamedByIdOrAddressAndStays) {
  const std::string user = text(
      ok(201, "POST", fmt::format("{}/users", kAcme), R"({"email": "buyer@example.com"})"), "id");
  const json::value made = put(201, "invoice", "7", R"({"created_by": "Buyer@example.com"})");
  EXPECT_EQ(text(made, "created_by"), user);
  EXPECT_EQ(text(event_of(made), "data", "created_by"), user);
  EXPECT_EQ(text(put(200, "invoice", "7", R"({"total": 1})"), "created_by"), user);
  put(201, "invoice", "8", fmt::format(R"({{"created_by": "{}"}})", user));
  refused(404, "user_not_found", "$.created_by", "PUT", at_document("invoice", "9"),
          R"({"created_by": "nobody@example.com"})");
  refused(400, "member_type", "$.created_by", "PUT", at_document("invoice", "9"),
          R"({"created_by": 7})");
}

TEST_F(DocumentsTest, BadInputIsRefusedAndStoresNothing) {
  refused(404, "document_kind_not_found", "", "PUT", at_document("contract", "1"), "{}");
  refused(404, "document_kind_not_found", "", "GET", at_document("contract", "1"));
  for (const char* id : {"0", "-1", "abc", "1.5", "9007199254740992"}) {
    refused(400, "document_id_invalid", "", "PUT", at_document("invoice", id), "{}");
    refused(404, "document_not_found", "", "GET", at_document("invoice", id));
  }
  const std::string place = at_document("invoice", "7");
  refused(400, "id_mismatch", "$.id", "PUT", place, R"({"id": 8})");
  refused(400, "member_type", "$.status", "PUT", place, R"({"status": "approved"})");
  refused(400, "member_invalid", "$.approvalDate", "PUT", place, R"({"approvalDate": "1.2.2023"})");
  refused(400, "member_type", "$", "PUT", place, "[]");
  refused(400, "malformed_json", "$", "PUT", place, "{");
  refused(415, "media_type_unsupported", "", "PUT", place, "{}", {{"Content-Type", "text/plain"}});
  EXPECT_EQ(events(), 0u);
}

TEST_F(DocumentsTest, AreListedNewestFirstWithoutTheirContent) {
  put(201, "invoice", "9", R"({"total": 1})");
  put(201, "supplier", "3");
  const json::value all = ok(200, "GET", fmt::format("{}/documents", kAcme));
  EXPECT_EQ(text(all, "rows", 0, "kind"), "supplier");
  EXPECT_EQ(text(all, "rows", 1, "id"), "9");
  const json::value page = ok(200, "GET", fmt::format("{}/documents?limit=1", kAcme));
  const json::value rest = ok(
      200, "GET", fmt::format("{}/documents?limit=1&cursor={}", kAcme, text(page, "next_cursor")));
  EXPECT_EQ(text(rest, "rows", 0, "kind"), "invoice");
  const json::value some = ok(200, "GET", fmt::format("{}/documents?kind=invoice", kAcme));
  EXPECT_EQ(at(some, "rows").as_array().size(), 1u);
  refused(400, "query_invalid", "", "GET", fmt::format("{}/documents?kind=contract", kAcme));
}

TEST_F(DocumentsTest, ScopesDecideWhoMayPutAndReadThem) {
  const std::string place = at_document("invoice", "7");
  refused(403, "scope_missing", "", "PUT", place, "{}", key_with({"documents:read"}));
  ok(201, "PUT", place, "{}", key_with({"documents:write"}));
  refused(403, "scope_missing", "", "GET", place, {}, key_with({"documents:write"}));
  ok(200, "GET", place, {}, key_with({"documents:read"}));
}

}  // namespace
}  // namespace waybill::surfaces::native
