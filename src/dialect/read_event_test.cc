// read_event() is the reverse of render_body(): what a dialect of ours has sent is read again as
// the event that it was made from.

#include <fmt/format.h>

#include "dialect/dialect_fixture.h"
#include "dialect/receipt.h"
#include "model/event.h"

namespace waybill::dialect {
namespace {

class ReadEventTest : public DialectFixture {
 protected:
  static Result<CanonicalEvent> read(std::string_view name, std::string_view type,
                                     std::string_view body) {
    return read_event(built_in(name), type, ReceivedRequest({}, body));
  }
  // What is read of `body`, or the reason and path of its fault.
  static std::string data(std::string_view name, std::string_view type, std::string_view body) {
    const Result<CanonicalEvent> event = read(name, type, body);
    return event ? write_json(event->data) : event.error().reason + " " + event.error().path;
  }
};

// The time is what the envelope keeps of it, and what is rendered again is the same.
TEST_F(ReadEventTest, WhatIsReadOfEveryEventIsSentAsTheSameBytes) {
  int events = 0;
  for (const std::string& name : registry().names()) {
    const Dialect& dialect = *registry().find(name);
    for (const EventType& event : dialect.events) {
      Message message = this->message(event.canonical);
      message.data = &event.example;
      const std::string body = render_body(dialect, message).value();

      const auto read = read_event(dialect, event.name, ReceivedRequest({}, body));
      if (event.canonical == model::kTestEvent || model::is_alert(event.canonical)) {
        EXPECT_FALSE(read) << name << " " << event.name;
        continue;
      }
      ASSERT_TRUE(read) << name << " " << event.name << ": " << read.error().message << " "
                        << read.error().path;
      EXPECT_EQ(read->type, event.canonical) << name;

      Message again = message;
      again.data = &read->data;
      again.occurred_at = read->occurred_at.value_or(message.occurred_at);
      const Result<std::string> sent = render_body(dialect, again);
      ASSERT_TRUE(sent) << name << " " << event.name << ": " << sent.error().message;
      EXPECT_EQ(*sent, body) << name << " " << event.name;
      ++events;
    }
  }
  EXPECT_EQ(events, 93);
}

// Whoever signs for a platform could forge the hub's own word otherwise.
TEST_F(ReadEventTest, WhatOnlyTheHubMakesIsNotReadOfAMessage) {
  for (const char* type :
       {"webhook.test", "endpoint.deactivated", "message.received", "message.fetched"}) {
    const std::string body =
        fmt::format(R"({{"type":"{}","timestamp":"2026-11-21T04:30:00Z","data":{{}}}})", type);
    EXPECT_EQ(data("standard-webhooks", type, body), "event_unknown_to_dialect ") << type;
  }
  EXPECT_EQ(data("waybill", "endpoint.deactivated", R"({"data":{}})"), "event_unknown_to_dialect ");
}

TEST_F(ReadEventTest, TheTimeIsReadAsFarAsItIsTold) {
  const std::vector<std::pair<std::string, std::string>> told = {
      {"proculink", "2026-11-21T04:30:00.123Z"},
      {"procureiq", "2026-11-21T04:30:00.000Z"},
      {"proign", "2026-11-21T04:30:00.000Z"},
      {"standard-webhooks", "2026-11-21T04:30:00.123Z"}};
  for (const auto& [name, time] : told) {
    const Dialect& dialect = built_in(name);
    Message message = this->message("order.created");
    for (const EventType& event : dialect.events) {
      if (event.canonical == "order.created") message.data = &event.example;
    }
    const std::string body = render_body(dialect, message).value();
    const auto read = read_event(dialect, "order.created", ReceivedRequest({}, body));
    ASSERT_TRUE(read && read->occurred_at) << name;
    EXPECT_EQ(iso_time(*read->occurred_at), time) << name;
  }
}

// R-PQ-16 in, PROIGN out.
TEST_F(ReadEventTest, AMessageOfProcureIqLeavesAsOneOfProign) {
  const auto read = ReadEventTest::read("procureiq", "order.shipped", R"({
    "id": "evt_01HR3QF0V9E4X6S2T8WJZK5MNB", "type": "order.shipped", "version": "1.0",
    "created": 1709251200,
    "data": {"orderId": "ord_01JGFJJZ00FAND0000000000A1", "trackingNumber": "1Z999",
             "carrierId": "dhl", "estimatedDelivery": "2026-03-05"},
    "metadata": {"procureiqVersion": "1.0.0", "environment": "production"}})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->type, "order.shipped");
  EXPECT_EQ(iso_time(*read->occurred_at), "2024-03-01T00:00:00.000Z");
  Message message = this->message(read->type);
  message.occurred_at = *read->occurred_at;
  message.data = &read->data;
  EXPECT_EQ(render_body(built_in("proign"), message).value(),
            R"({"id":"evt_01JGFJJZ00FK68000000000003","type":"order.shipped",)"
            R"("timestamp":"2024-03-01T00:00:00Z","tenant_id":"acme",)"
            R"("data":{"order_id":"01941f29-7c00-7aaa-d000-000000000141",)"
            R"("tracking_number":"1Z999","carrier":"dhl"}})");
}

TEST_F(ReadEventTest, AnIdThatIsNoneOfOursIsTheSameUuidEachTime) {
  const auto order = [](std::string_view name, std::string_view id) {
    const std::string body = fmt::format(R"({{"data":{{"orderId":"{}"}},"created":1,"id":"e",)"
                                         R"("type":"order.delivered","metadata":)"
                                         R"({{"environment":"x"}}}})",
                                         id);
    return data(name, "order.delivered", body);
  };
  EXPECT_EQ(order("procureiq", "ord_01JGFJJZ00FAND0000000000A1"),
            R"({"order_id":"01941f29-7c00-7aaa-d000-000000000141"})");
  const std::string foreign = order("procureiq", "ord_abc");
  EXPECT_EQ(foreign, order("procureiq", "ord_abc"));
  EXPECT_NE(foreign, order("procureiq", "ord_abd"));
  // {"order_id":"xxxxxxxx-xxxx-8xxx-…
  EXPECT_EQ(foreign.substr(27, 1), "8") << foreign;
}

TEST_F(ReadEventTest, SaysWhatIsMissingAndWhere) {
  const auto procureiq = [](std::string_view type, std::string_view inner) {
    return data("procureiq", type,
                fmt::format(R"({{"id":"e","type":"t","version":"2","created":1,)"
                            R"("data":{},"metadata":{{"environment":"x"}}}})",
                            inner));
  };
  EXPECT_EQ(procureiq("order.shipped", "{}"), "message_unfit $.orderId");
  EXPECT_EQ(procureiq("order.shipped", R"({"orderId":7})"), "message_unfit $.orderId");
  EXPECT_EQ(procureiq("order.shipped", "[]"), "message_unfit $");
  EXPECT_EQ(procureiq("order.delivered", R"({"orderId":"ord_1","deliveredAt":"soon"})"),
            "message_unfit $.deliveredAt");
  EXPECT_EQ(data("procureiq", "order.shipped", "{}"), "message_unfit $");
  EXPECT_EQ(data("procureiq", "order.shipped", "x"), "message_unfit $");
  EXPECT_EQ(data("standard-webhooks", "a.b", R"({"type":"a","timestamp":"x","data":7})"),
            "message_unfit $");
}

TEST_F(ReadEventTest, TheDataIsEnough) {
  EXPECT_EQ(data("procureiq", "payment.succeeded",
                 R"({"data":{"paymentId":"p","orderId":"ord_01JGFJJZ00FAND0000000000A1"},)"
                 R"("created":"soon","metadata":7})"),
            R"({"payment_id":"p","order_id":"01941f29-7c00-7aaa-d000-000000000141"})");
}

TEST_F(ReadEventTest, NullIsNothingWhereAFilterStands) {
  EXPECT_EQ(data("precoro", "purchase_order.create", R"({"id":1,"type":2,"action":0,"idn":null})"),
            R"({"document_id":1})");
  EXPECT_EQ(data("precoro", "purchase_order.create", R"({"id":1,"type":2,"action":0})"),
            R"({"document_id":1})");
}

TEST_F(ReadEventTest, WhatTheCatalogueDoesNotListIsPassedOnWhereItIsOpen) {
  const char* const body =
      R"({"type":"stock.low","timestamp":"2026-11-21T04:30:00.123Z","data":{"sku":"V-1"}})";
  EXPECT_EQ(data("standard-webhooks", "stock.low", body), R"({"sku":"V-1"})");
  EXPECT_EQ(read("standard-webhooks", "stock.low", body)->type, "stock.low");
  EXPECT_EQ(data("standard-webhooks", "no type", body), "event_unknown_to_dialect ");
  EXPECT_EQ(data("proculink", "stock.low", body), "event_unknown_to_dialect ");
  EXPECT_EQ(data("proculink", "", body), "event_unknown_to_dialect ");
  EXPECT_EQ(data("stripe", "charge.succeeded", body), "event_unknown_to_dialect ");
}

}  // namespace
}  // namespace waybill::dialect
