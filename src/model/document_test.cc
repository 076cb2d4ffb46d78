#include "model/document.h"

#include <set>

#include <gtest/gtest.h>

namespace waybill::model {
namespace {

json::object object_of(std::string_view text) {
  return std::move(parse_json(text).value().get_object());
}

Document document_of(std::int64_t id = 123456) {
  Document document;
  document.kind = "purchase_order";
  document.id = id;
  return document;
}

TEST(Document, TheKindsAreThoseOfTheTwelveTypesOfPrecoro) {  // R-PR-14
  std::vector<std::string_view> names;
  for (const DocumentKind& kind : document_kinds()) names.push_back(kind.name);
  EXPECT_EQ(names, (std::vector<std::string_view>{
                       "warehouse_request", "purchase_requisition", "purchase_order", "invoice",
                       "request_for_proposal", "receipt", "expense", "supplier", "stock_transfer",
                       "budget", "document_custom_field", "item_custom_field"}));
  EXPECT_EQ(find_document_kind("purchase_order")->created_event(), "order.created");
  EXPECT_EQ(find_document_kind("receipt")->updated_event(), "goods_receipt.updated");
  EXPECT_EQ(find_document_kind("contract"), nullptr);
}

TEST(Document, ReadsWhatItIsSearchedBy) {
  Document document = document_of();
  ASSERT_TRUE(read_content(object_of(R"({"id": 123456, "idn": 5, "status": 2, "enable": false,
      "approvalDate": "2023-12-01T10:00:00+00:00", "supplier": {"id": 9, "name": "Paper"}})"),
                           document));
  EXPECT_EQ(document.idn, 5);
  EXPECT_EQ(document.status, 2);
  EXPECT_EQ(document.approved_on, "2023-12-01");
  EXPECT_EQ(document.supplier_id, 9);
  EXPECT_EQ(document.enabled, false);
}

TEST(Document, WhatTheContentDoesNotSayIsNothing) {
  Document document = document_of();
  document.status = 1;
  ASSERT_TRUE(
      read_content(object_of(R"({"status": null, "supplier": null, "idn": null})"), document));
  EXPECT_EQ(document.idn, std::nullopt);
  EXPECT_EQ(document.status, std::nullopt);
  EXPECT_EQ(document.approved_on, std::nullopt);
  EXPECT_EQ(document.supplier_id, std::nullopt);
  EXPECT_EQ(document.enabled, std::nullopt);
}

TEST(Document, EveryFaultOfTheContentIsToldWithItsPath) {
  struct Case {
    std::string_view content, reason, path;
  };
  for (const Case& c : {
           Case{R"({"id": 7})", "id_mismatch", "$.id"},
           Case{R"({"id": "123456"})", "member_type", "$.id"},
           Case{R"({"idn": 0})", "member_invalid", "$.idn"},
           Case{R"({"idn": 1.5})", "member_invalid", "$.idn"},
           Case{R"({"idn": 9007199254740992})", "member_invalid", "$.idn"},
           Case{R"({"status": "approved"})", "member_type", "$.status"},
           Case{R"({"status": -1})", "member_invalid", "$.status"},
           Case{R"({"approvalDate": 20231201})", "member_type", "$.approvalDate"},
           Case{R"({"approvalDate": "01.12.2023"})", "member_invalid", "$.approvalDate"},
           Case{R"({"approvalDate": "2023-02-30"})", "member_invalid", "$.approvalDate"},
           Case{R"({"approvalDate": "2023-12-01 10:00"})", "member_invalid", "$.approvalDate"},
           Case{R"({"supplier": "Paper"})", "member_type", "$.supplier"},
           Case{R"({"supplier": {"id": 0}})", "member_invalid", "$.supplier.id"},
           Case{R"({"enable": 1})", "member_type", "$.enable"},
       }) {
    Document document = document_of();
    const auto verdict = read_content(object_of(c.content), document);
    ASSERT_FALSE(verdict) << c.content;
    EXPECT_EQ(verdict.error().reason, c.reason) << c.content;
    EXPECT_EQ(verdict.error().path, c.path) << c.content;
  }
}

TEST(Document, ItsNumbersComeFirstInWhatIsKept) {
  Document document = document_of();
  document.idn = 5;
  write_content(object_of(R"({"note": "é", "idn": null, "items": [{"sku": "4711"}],
                              "supplier": {"id": 9}})"),
                *find_document_kind("purchase_order"), document);
  EXPECT_EQ(document.content,
            R"({"id":123456,"idn":5,"note":"é","items":[{"sku":"4711"}],"supplier":{"id":9}})");
  EXPECT_EQ(document.summary, R"({"id":123456,"idn":5,"note":"é","supplier":{"id":9}})");
}

TEST(Document, CustomFieldsAreWholeInLists) {  // R-PR-21: there is nothing else to read them by.
  Document document = document_of(96);
  write_content(object_of(R"({"name": "Cost centre", "options": [{"id": 1}]})"),
                *find_document_kind("item_custom_field"), document);
  EXPECT_EQ(document.summary, document.content);
  EXPECT_NE(document.summary.find("options"), std::string::npos);
}

TEST(Document, ItsEventsSayWhichOneItIsAndNotWhatItSays) {  // R-PR-16
  Document document = document_of();
  document.uuid = *Uuid::parse("01941f29-7c00-7aaa-8000-000000000001");
  document.content = R"({"secret": "price"})";
  EXPECT_EQ(document_event_data(document, *find_document_kind("purchase_order")),
            R"({"document":"purchase_order","document_id":123456,)"
            R"("order_id":"01941f29-7c00-7aaa-8000-000000000001"})");
  document.idn = 5;
  document.status = 2;
  document.created_by = UserId(*Uuid::parse("01941f29-7c00-7aaa-8000-000000000002"));
  const json::object data =
      object_of(document_event_data(document, *find_document_kind("purchase_order")));
  EXPECT_EQ(data.at("idn"), 5);
  EXPECT_EQ(data.at("document_status"), 2);
  EXPECT_EQ(data.at("created_by").as_string(), document.created_by->text());
}

}  // namespace
}  // namespace waybill::model
