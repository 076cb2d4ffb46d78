#include "dialect/dialect.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dialect/dialect_fixture.h"
#include "model/event.h"

namespace waybill::dialect {
namespace {

class DialectTest : public DialectFixture {
 protected:
  DialectTest() {
    data_is(R"({"order_id": "01941f29-7c00-7aaa-8000-000000000001",
        "number": "PO-1", "supplier_id": "01941f29-7c00-7bbb-8000-000000000002",
        "supplier_name": "Käse & Söhne", "status": "needs_review", "line_count": 1,
        "lines": [{"quantity": 2.50}]})");
  }

  Message message(std::string_view type = "order.created") const {
    return DialectFixture::message(type);
  }

  const Dialect& proculink_ = built_in("proculink");
  const Dialect& standard_ = built_in("standard-webhooks");
};

TEST_F(DialectTest, ProcuLinkHasExactlyItsThreeEvents) {
  std::vector<std::string> names;
  for (const EventType& event : proculink_.events) names.push_back(event.name);
  EXPECT_EQ(names, (std::vector<std::string>{"order.created", "order.delivered", "order.failed"}));
  EXPECT_FALSE(proculink_.event_type_for("order.updated").has_value());
  EXPECT_FALSE(proculink_.event_type_for(model::kTestEvent).has_value());
  EXPECT_FALSE(proculink_.has_event("order.updated"));
  EXPECT_TRUE(proculink_.has_event("order.failed"));
  EXPECT_TRUE(proculink_.has_event("*"));
}

// Elsewhere order.delivered tells that the goods arrived. Who reads a ProcuLink webhook would take
// it for the document's transmission.
TEST_F(DialectTest, ProcuLinksDeliveredIsMadeFromATransmissionAlone) {
  EXPECT_EQ(proculink_.event_type_for("order.transmitted")->name, "order.delivered");
  EXPECT_FALSE(proculink_.event_type_for("order.delivered").has_value());
  EXPECT_TRUE(proculink_.has_event("order.delivered"));
  EXPECT_FALSE(proculink_.has_event("order.transmitted"));
}

TEST_F(DialectTest, ProcuLinkEndpointsFollowItsRules) {
  using Rule = EndpointRules::SecretRule;
  EXPECT_EQ(proculink_.endpoint.secret, Rule::kOptional);
  EXPECT_FALSE(proculink_.endpoint.https_required);
  EXPECT_FALSE(proculink_.endpoint.editable);
  EXPECT_EQ(proculink_.endpoint.deactivate_after, 3);
  EXPECT_EQ(proculink_.delivery.retry.attempts_max(), proculink_.endpoint.deactivate_after);
}

TEST_F(DialectTest, ProcuLinkBodyIsTheEnvelopeAndTheOrderSummary) {
  EXPECT_EQ(render_body(proculink_, message()).value(),
            R"({"id":"01941f29-7c00-7ccc-8000-000000000003","type":"order.created",)"
            R"("time":"2026-11-21T04:30:00.123Z","workspace":"acme","data":{"order":{)"
            R"("id":"01941f29-7c00-7aaa-8000-000000000001","orderNumber":"PO-1",)"
            R"("supplierId":"01941f29-7c00-7bbb-8000-000000000002","supplierName":"Käse & Söhne",)"
            R"("status":"needs_review","linesCount":1}}})");
}

TEST_F(DialectTest, ProcuLinkFailureTellsErrorAndAttempt) {
  data_ = parse_json(R"({"order_id": "01941f29-7c00-7aaa-8000-000000000001", "error": "503",
      "response_code": 503, "attempt": 3, "last_attempt": true})")
              .value();
  EXPECT_EQ(render_body(proculink_, message("order.failed")).value(),
            R"({"id":"01941f29-7c00-7ccc-8000-000000000003","type":"order.failed",)"
            R"("time":"2026-11-21T04:30:00.123Z","workspace":"acme","data":{"order":{)"
            R"("id":"01941f29-7c00-7aaa-8000-000000000001"},"failure":{"error":"503",)"
            R"("responseCode":503,"attempt":3,"lastAttempt":true}}})");
}

TEST_F(DialectTest, ProcuLinkSendsTheEventHeaderAlways) {
  const AttemptView attempt{"01941f29-7c00-7ddd-8000-000000000004", 2, kSent};
  EXPECT_EQ(lines_of(request_headers(proculink_, message("order.failed"), attempt).value()),
            (Lines{"Content-Type: application/json", "X-ProcuLink-Event: order.failed"}));
}

TEST_F(DialectTest, AClosedCatalogueTestsWithItsExample) {
  data_ = parse_json(R"({"anything": 1})").value();
  const std::string body = render_body(proculink_, message(model::kTestEvent)).value();
  EXPECT_NE(body.find(R"("type":"order.created")"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("orderNumber":"SAMPLE-1")"), std::string::npos) << body;
  EXPECT_EQ(
      lines_of(request_headers(proculink_, message(model::kTestEvent), {"", 1, kSent}).value())[1],
      "X-ProcuLink-Event: order.created");
}

TEST_F(DialectTest, AnOpenCatalogueTestsWithTheTestEventItself) {
  data_ = parse_json(R"({"anything": 1})").value();
  EXPECT_EQ(
      render_body(standard_, message(model::kTestEvent)).value(),
      R"({"type":"webhook.test","timestamp":"2026-11-21T04:30:00.123Z","data":{"anything":1}})");
}

TEST_F(DialectTest, RefusesAnEventItDoesNotKnow) {
  const Result<std::string> body = render_body(proculink_, message("order.updated"));
  ASSERT_FALSE(body.has_value());
  EXPECT_EQ(body.error().code, Code::kNotFound);
  EXPECT_EQ(body.error().reason, "event_unknown_to_dialect");
  EXPECT_EQ(request_headers(proculink_, message("order.updated"), {"", 1, kSent}).error().reason,
            "event_unknown_to_dialect");
}

TEST_F(DialectTest, StandardWebhooksPassesEveryEventOn) {
  data_ = parse_json(R"({"b": 1.0, "a": {"10": 1, "9": 2}})").value();
  EXPECT_EQ(render_body(standard_, message("invoice.paid")).value(),
            R"({"type":"invoice.paid","timestamp":"2026-11-21T04:30:00.123Z",)"
            R"("data":{"b":1,"a":{"9":2,"10":1}}})");
  EXPECT_TRUE(standard_.has_event("invoice.paid"));
  EXPECT_FALSE(standard_.has_event("no event"));
  EXPECT_NE(standard_.event_type_for("order.created")->listed, nullptr);
  EXPECT_EQ(standard_.event_type_for("invoice.paid")->listed, nullptr);
}

TEST_F(DialectTest, StandardWebhooksSendsTheEventsIdAndTheAttemptsTime) {
  const Lines first = lines_of(request_headers(standard_, message(), {"d", 1, kSent}).value());
  EXPECT_EQ(first,
            (Lines{"Content-Type: application/json", "webhook-id: evt_01JGFJJZ00FK68000000000003",
                   "webhook-timestamp: 1795235461"}));
  const Lines later = lines_of(
      request_headers(standard_, message(), {"e", 2, kSent + std::chrono::hours(1)}).value());
  EXPECT_EQ(later[1], first[1]) << "receivers drop copies by this id";
  EXPECT_EQ(later[2], "webhook-timestamp: 1795239061");
}

TEST_F(DialectTest, StandardWebhooksRetriesForThreeDays) {
  EXPECT_EQ(standard_.delivery.retry.attempts_max(), 10);
  EXPECT_EQ(standard_.endpoint.deactivate_after, 0);
  EXPECT_EQ(standard_.delivery.timeout, std::chrono::seconds(20));
}

Dialect small(std::string_view more) {
  return load_dialect("small.toml", std::string(R"(
title = "Small"
description = "For tests."
envelope = '{"n": "{event.data.n}"}'
)") + std::string(more))
      .value();
}

TEST_F(DialectTest, SaysWhatTheDataLacks) {
  const Dialect dialect = small("open_catalogue = true\n[delivery]\nretry = []");
  const Result<std::string> body = render_body(dialect, message());
  ASSERT_FALSE(body.has_value());
  EXPECT_EQ(body.error().reason, "event_data_unfit");
  EXPECT_EQ(body.error().path, "$.n");
}

// A line break would begin a header of the publisher's choice.
TEST_F(DialectTest, RefusesWhatCannotStandInAHeader) {
  const Dialect dialect = small(
      "open_catalogue = true\n[delivery]\nretry = []\n[headers]\nX-Number = '{event.data.n}'");
  for (const std::string_view value : {"a\r\nX-Admin: 1", "a\n", "a\tb", "ü", "\x7f"}) {
    data_ = json::object{{"n", value}};
    const auto headers = request_headers(dialect, message(), {"", 1, kSent});
    ASSERT_FALSE(headers.has_value()) << value;
    EXPECT_EQ(headers.error().reason, "event_data_unfit");
  }
  data_ = json::object{{"n", "a b"}};
  EXPECT_TRUE(request_headers(dialect, message(), {"", 1, kSent}).has_value());
}

TEST_F(DialectTest, TranslatesNamesAndKeepsThemApart) {
  const Dialect dialect = small(R"(open_catalogue = true
[delivery]
retry = []
[events."order/new"]
canonical = "order.created"
description = "d"
schema = '{}'
example = '{"n": 1}'
[events."invoice.paid"]
canonical = "bill.paid"
description = "d"
schema = '{}'
example = '{"n": 1}')");
  EXPECT_EQ(dialect.event_type_for("order.created")->name, "order/new");
  EXPECT_EQ(dialect.event_type_for("other.event")->name, "other.event");
  EXPECT_TRUE(dialect.has_event("order/new"));
  // Passed on, it would carry another event's name.
  EXPECT_FALSE(dialect.event_type_for("invoice.paid").has_value());
}

TEST_F(DialectTest, HeadersForRetriesAloneAreLeftOutOfTheFirstTry) {
  const Dialect dialect = small(R"(open_catalogue = true
content_type = "application/vnd.small+json"
[delivery]
retry = []
[headers]
Z-First = "{delivery.id}"
A-Retry = {value = "{attempt.number}", retries_only = true}
M-Third = "{workspace.slug}/{workspace.environment}")");
  data_ = json::object{{"n", 1}};
  EXPECT_EQ(lines_of(request_headers(dialect, message(), {"d1", 1, kSent}).value()),
            (Lines{"Content-Type: application/vnd.small+json", "Z-First: d1",
                   "M-Third: acme/production"}));
  EXPECT_EQ(lines_of(request_headers(dialect, message(), {"d1", 2, kSent}).value()),
            (Lines{"Content-Type: application/vnd.small+json", "Z-First: d1", "A-Retry: 2",
                   "M-Third: acme/production"}));
}

TEST(DeliveryRules, KnowsSuccessByItsRanges) {
  DeliveryRules rules;
  rules.success = {{200, 201}, {302, 302}};
  for (const int status : {200, 201, 302}) EXPECT_TRUE(rules.is_success(status)) << status;
  for (const int status : {0, 199, 202, 301, 303, 500}) {
    EXPECT_FALSE(rules.is_success(status)) << status;
  }
}

// The schema of every member of `value` is written down: what is sent is what is described.
void expect_described(const json::value& value, const json::object& schema,
                      const std::string& path) {
  if (const json::array* items = value.if_array()) {
    for (const json::value& item : *items) {
      expect_described(item, schema.at("items").get_object(), path + "[]");
    }
  }
  const json::object* members = value.if_object();
  if (members == nullptr) return;
  const json::value* properties = schema.if_contains("properties");
  for (const auto& member : *members) {
    const std::string member_path = path + "." + std::string(member.key());
    const json::value* property =
        properties ? properties->get_object().if_contains(member.key()) : nullptr;
    ASSERT_TRUE(property) << member_path << " is not in the schema";
    expect_described(member.value(), property->get_object(), member_path);
  }
}

TEST_F(DialectTest, EveryBuiltInExampleIsDescribedAndIsAFixedPoint) {
  for (const std::string& name : registry().names()) {
    const Dialect& dialect = *registry().find(name);
    for (const EventType& event : dialect.events) {
      Message example = message(event.canonical);
      example.data = &event.example;
      const std::string body = render_body(dialect, example).value();
      const json::value read = parse_json(body).value();
      EXPECT_EQ(write_json(read), body);
      // A body without an envelope is the data itself.
      const json::value* const data = read.get_object().if_contains("data");
      expect_described(data ? *data : read, event.schema.get_object(), name + " " + event.name);
      EXPECT_FALSE(event.description.empty());
    }
  }
}

}  // namespace
}  // namespace waybill::dialect
