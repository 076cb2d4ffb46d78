#include "model/sales_order.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/manual_clock.h"
#include "base/rng.h"
#include "model/sales_order_reference.h"
#include "model/trade.h"

namespace waybill::model {
namespace {

constexpr Timestamp kNoon = ManualClock::kNoon;
constexpr std::array kStatuses = {SalesStatus::kOpen, SalesStatus::kShipped,
                                  SalesStatus::kDelivered, SalesStatus::kCancelled};

template <class SomeId>
SomeId id(std::string_view end) {
  return SomeId(Uuid::parse(fmt::format("01941f29-7c00-7aaa-8000-0000000000{}", end)).value());
}

SalesOrder whole_order() {
  SalesOrder order;
  order.id = id<OrderId>("01");
  order.store_id = id<StoreId>("02");
  order.source = "woocommerce";
  order.external_id = "1001";
  order.number = "SO-7";
  order.placed_at = kNoon;
  order.currency = "EUR";
  order.client_id = id<ClientId>("03");
  order.client = {"cust-1", "ada@example.com", "Ada \"L\"", "+1"};
  order.state = {SalesStatus::kOpen, 2495, 0, 0};
  order.items = {{"A-1", "Käse", {25, 1}, {998, 2}}, {{}, "Discount", {1, 0}, {-5, 1}}};
  order.shipping_total = 100;
  order.tax_total = 50;
  order.discount_total = 100;
  order.note = "ring\ntwice";
  order.metadata = R"({"b":[1,2.5],"a":null})";
  return order;
}

Payment whole_payment() {
  Payment payment;
  payment.id = id<PaymentId>("04");
  payment.store_id = id<StoreId>("02");
  payment.external_id = "tx-1";
  payment.method = "card";
  payment.amount = 2450;
  payment.currency = "EUR";
  payment.reference = "R-1";
  payment.paid_at = kNoon;
  return payment;
}

// A member of an event's data, without quotes; "" if it is not there.
std::string member(const std::string& data, std::string_view name) {
  const json::object object = parse_json(data).value().as_object();
  const json::value* value = object.if_contains(name);
  if (!value) return "";
  return value->is_string() ? std::string(value->get_string()) : write_json(*value);
}

TEST(SalesOrder, WhatItMayDoNextIsOneTable) {
  constexpr std::string_view no = "order_cancelled";
  constexpr std::string_view late = "order_not_cancellable";
  // After pay, refund, cancel, ship, deliver, reopen; a word with no such status is the refusal.
  const std::map<SalesStatus, std::array<std::string_view, 6>> table = {
      {SalesStatus::kOpen, {"open", "open", "cancelled", "shipped", "delivered", "open"}},
      {SalesStatus::kShipped, {"shipped", "shipped", late, "shipped", "delivered", "open"}},
      {SalesStatus::kDelivered, {"delivered", "delivered", late, "delivered", "delivered", "open"}},
      {SalesStatus::kCancelled, {no, "cancelled", "cancelled", no, no, "open"}}};
  constexpr std::array actions = {SalesAction::kPay,  SalesAction::kRefund,  SalesAction::kCancel,
                                  SalesAction::kShip, SalesAction::kDeliver, SalesAction::kReopen};
  for (const auto& [status, row] : table) {
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const SalesState state{status, 1000, 500, 0};
      const bool moves_money = i < 2;
      const auto next = act_on(state, actions[i], moves_money ? 300 : 0);
      const auto what = fmt::format("{}, action {}", sales_status_name(status), i);
      EXPECT_EQ(next ? sales_status_name(next->status) : next.error().reason, row[i]) << what;
      if (!next) {
        EXPECT_EQ(next.error().code, Code::kConflict) << what;
        continue;
      }
      const Minor paid = actions[i] == SalesAction::kPay ? 800 : moves_money ? 200 : 500;
      EXPECT_EQ(next->paid, paid) << what;
      EXPECT_EQ(next->refunded, actions[i] == SalesAction::kRefund ? 300 : 0) << what;
      EXPECT_EQ(next->total, 1000) << what;
    }
  }
}

TEST(SalesOrder, NobodyPaysMoreThanIsOwed) {
  const SalesState state{SalesStatus::kOpen, 1000, 400, 100};
  EXPECT_EQ(act_on(state, SalesAction::kPay, 600)->paid, 1000);
  EXPECT_EQ(act_on(state, SalesAction::kPay, 601).error().reason, "overpayment");
  EXPECT_EQ(act_on({}, SalesAction::kPay, 1).error().reason, "overpayment") << "nothing is owed";
  const SalesState cheaper{SalesStatus::kOpen, 300, 400, 0};
  EXPECT_EQ(act_on(cheaper, SalesAction::kPay, 1).error().reason, "overpayment");
}

TEST(SalesOrder, ItsPaymentStatusFollowsFromWhatIsPaid) {
  struct Case {
    Minor total, paid, refunded;
    std::string_view status;
  };
  for (const Case c :
       {Case{1000, 0, 0, "unpaid"}, Case{1000, 1, 0, "partially_paid"}, Case{1000, 1000, 0, "paid"},
        Case{0, 0, 0, "paid"}, Case{1000, 0, 1000, "refunded"}, Case{1000, 0, 1, "refunded"},
        Case{1000, 1, 999, "partially_paid"}, Case{1000, 1000, 1000, "paid"},
        Case{500, 1000, 0, "paid"}}) {
    const SalesState state{SalesStatus::kOpen, c.total, c.paid, c.refunded};
    EXPECT_EQ(payment_status_name(state.payment_status()), c.status)
        << c.total << " " << c.paid << " " << c.refunded;
  }
}

TEST(SalesOrder, AnySequenceOfActionsEndsWhereTheReferenceDoes) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    Rng rng(seed);
    SalesReference reference{rng.between(0, 20) * 100};
    SalesState state{SalesStatus::kOpen, reference.total, 0, 0};
    for (int step = 0; step < 40; ++step) {
      const auto action = static_cast<SalesAction>(rng.between(0, 5));
      Minor amount = action == SalesAction::kPay ? rng.between(1, 10) * 100 : 0;
      if (action == SalesAction::kRefund) {
        if (reference.kept.empty()) continue;
        const auto last = static_cast<std::int64_t>(reference.kept.size()) - 1;
        amount = reference.kept[static_cast<std::size_t>(rng.between(0, last))];
      }
      const std::string refusal = reference.act(action, amount);
      const auto next = act_on(state, action, amount);
      ASSERT_EQ(next ? "" : next.error().reason, refusal) << "seed " << seed << ", step " << step;
      if (next) state = *next;
      ASSERT_EQ(state, reference.state()) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(SalesOrder, ItsTotalIsTheLinesWithTaxAndShippingWithoutTheDiscount) {
  SalesOrder order = whole_order();
  // 2.5 × 9.98 = 24.95, − 0.50, + 1.00 + 0.50 − 1.00.
  EXPECT_EQ(total_of(order).value(), 2495);
  order.items.push_back({{}, "Thirds", {3, 0}, {3333, 4}});  // 0.9999, rounded once in its line.
  EXPECT_EQ(total_of(order).value(), 2595);
  order.items.clear();
  EXPECT_EQ(total_of(order).value(), 50);
  order.currency = "JPY";
  order.items = {{{}, "Tea", {1, 0}, {15, 1}}};
  EXPECT_EQ(total_of(order).value(), 52) << "1.5 is 2 yen";
}

TEST(SalesOrder, ATotalBelowZeroOrBeyondTheLimitIsRefused) {
  SalesOrder order = whole_order();
  order.discount_total = 10'000;
  EXPECT_EQ(total_of(order).error().reason, "total_negative");
  order.discount_total = 2'595;
  EXPECT_EQ(total_of(order).value(), 0);
  order.items = {{{}, "Much", {10'000'000'000'000, 0}, {1, 0}}};
  EXPECT_EQ(total_of(order).error().reason, "amount_out_of_range");
}

TEST(SalesOrder, ItsDetailsAreReadBackAsTheyWere) {
  SalesOrder least;
  least.items = {{{}, "", {1, 12}, {}}};
  for (const SalesOrder& order : {whole_order(), least}) {
    const std::string details = write_details(order);
    EXPECT_EQ(write_json(parse_json(details).value()), details);
    SalesOrder again;
    again.items.resize(3);
    again.note = "former";
    read_details(parse_json(details).value(), again);
    EXPECT_EQ(write_details(again), details);
    EXPECT_EQ(again.client.name, order.client.name);
    ASSERT_EQ(again.items.size(), order.items.size());
    EXPECT_EQ(again.items[0].quantity, order.items[0].quantity);
    EXPECT_EQ(again.items[0].unit_price, order.items[0].unit_price);
    EXPECT_EQ(again.shipping_total, order.shipping_total);
    EXPECT_EQ(again.tax_total, order.tax_total);
    EXPECT_EQ(again.discount_total, order.discount_total);
    EXPECT_EQ(again.note, order.note);
    EXPECT_EQ(again.metadata, order.metadata);
  }
}

TEST(SalesOrder, ItsCreationTellsOfLinesAndTotals) {
  EXPECT_EQ(order_created_data(whole_order()),
            R"({"order_id":"01941f29-7c00-7aaa-8000-000000000001","external_id":"1001",)"
            R"("store_id":"01941f29-7c00-7aaa-8000-000000000002","source":"woocommerce",)"
            R"("number":"SO-7","order_date":")" +
                iso_time(kNoon).substr(0, 10) +
                R"(","client_id":"01941f29-7c00-7aaa-8000-000000000003","currency":"EUR",)"
                R"("status":"open","payment_status":"unpaid","total_amount":24.95,)"
                R"("paid_amount":0,"refunded_amount":0,"shipping_amount":1,"tax_amount":0.5,)"
                R"("discount_amount":1,"line_count":2,"lines":[{"item_code":"A-1",)"
                R"("description":"Käse","quantity":2.5,"unit_price":9.98},)"
                R"({"description":"Discount","quantity":1,"unit_price":-0.5}]})");
}

TEST(SalesOrder, ItsPaymentsAndShipmentsTellWhatTheyAre) {
  const SalesOrder order = whole_order();
  Payment payment = whole_payment();
  const std::string noon = iso_time(kNoon);
  const std::string paid = payment_data(payment, order);
  EXPECT_EQ(member(paid, "payment_id"), payment.id.uuid().text());
  EXPECT_EQ(member(paid, "order_id"), order.id.uuid().text());
  EXPECT_EQ(member(paid, "amount"), "24.5");
  EXPECT_EQ(member(paid, "paid_at"), noon);
  EXPECT_EQ(member(paid, "refunded_at"), "");
  payment.refunded_at = kNoon;
  EXPECT_EQ(member(payment_data(payment, order), "refunded_at"), noon);

  Shipment shipment;
  shipment.id = id<ShipmentId>("05");
  shipment.tracking_number = "1Z";
  shipment.shipped_at = kNoon;
  const std::string sent = shipment_data(shipment, order);
  EXPECT_EQ(member(sent, "shipment_id"), shipment.id.uuid().text());
  EXPECT_EQ(member(sent, "tracking_number"), "1Z");
  EXPECT_EQ(member(sent, "carrier"), "");
  const std::string there = delivery_data(order, nullptr, kNoon);
  EXPECT_EQ(member(there, "delivered_at"), noon);
  EXPECT_EQ(member(there, "shipment_id"), "");
}

TEST(SalesOrder, WhatEventsTellIsWrittenAsJsonIs) {
  SalesOrder order = whole_order();
  order.currency = "BTC";
  order.state.total = 1;
  Shipment shipment;
  Client client;
  client.name = "Ada \"L\"";
  for (const std::string& data :
       {order_created_data(order), order_changed_data(order), payment_data(whole_payment(), order),
        shipment_data(shipment, order), delivery_data(order, &shipment, kNoon),
        client_data(client)}) {
    EXPECT_EQ(write_json(parse_json(data).value()), data);
  }
}

TEST(SalesOrder, EveryWordIsReadBack) {
  for (const SalesStatus status : kStatuses) {
    EXPECT_EQ(parse_sales_status(sales_status_name(status)), status);
  }
  for (const auto status : {PaymentStatus::kUnpaid, PaymentStatus::kPartiallyPaid,
                            PaymentStatus::kPaid, PaymentStatus::kRefunded}) {
    EXPECT_EQ(parse_payment_status(payment_status_name(status)), status);
  }
  for (const auto state : {PaymentState::kRecorded, PaymentState::kRefunded}) {
    EXPECT_EQ(parse_payment_state(payment_state_name(state)), state);
  }
  EXPECT_FALSE(parse_sales_status("Open"));
  EXPECT_FALSE(parse_payment_status("recorded"));
  EXPECT_FALSE(parse_payment_state("paid"));
}

}  // namespace
}  // namespace waybill::model
