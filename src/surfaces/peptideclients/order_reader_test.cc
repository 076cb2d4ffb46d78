// The bodies of the integration API, member by member.

#include "surfaces/peptideclients/order_reader.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace waybill::surfaces::peptideclients {
namespace {

model::Store store_in(std::string currency) {
  model::Store store;
  store.currency = std::move(currency);
  return store;
}

json::object object_of(std::string_view text) { return parse_json(text).value().as_object(); }

Result<intake::OrderDraft> read(std::string_view body, std::string currency = "EUR") {
  return read_order(object_of(body), store_in(std::move(currency)), "shopify");
}

// An order of one item, with `more` members.
std::string order_with(std::string_view more, std::string_view quantity = "2",
                       std::string_view price = "\"19.95\"") {
  return fmt::format(
      R"({{"external_id": "1", "items": [{{"name": "A", "quantity": {}, "unit_price": {}}}]{}}})",
      quantity, price, more);
}

// "reason path" of a refusal; the total of an order that is taken.
std::string outcome(std::string_view body) {
  const auto order = read(body);
  return order ? std::to_string(order->total) : order.error().reason + " " + order.error().path;
}

TEST(OrderReader, ReadsEveryMember) {
  const auto order = read(
      R"({"external_id": "shop-1", "number": "1001", "placed_at": "2026-05-19T14:00:00+02:00",
          "currency": "USD", "client": {"external_id": "c", "email": "Ada@example.com",
          "name": "Ada", "phone": "+1"}, "items": [{"sku": "S", "name": "N", "quantity": 1.5,
          "unit_price": "10.000"}, {"name": "discount of its own", "quantity": "1",
          "unit_price": -2.5}], "shipping_total": 5, "tax_total": "1.20", "discount_total": "0.70",
          "total": 18.00, "payment": {"external_id": "p", "method": "card", "amount": "18",
          "reference": "r", "paid_at": "2026-05-19T12:00:01Z"}, "note": "two\nlines",
          "metadata": {"a": [1, null]}})");
  ASSERT_TRUE(order) << order.error().path << " " << order.error().message;
  EXPECT_EQ(order->source, "shopify");
  EXPECT_EQ(order->external_id, "shop-1");
  EXPECT_EQ(order->number, "1001");
  EXPECT_EQ(iso_time(order->placed_at.value()), "2026-05-19T12:00:00.000Z");
  EXPECT_EQ(order->currency, "USD");
  EXPECT_EQ(order->client.external_id, "c");
  EXPECT_EQ(order->client.email, "Ada@example.com");
  EXPECT_EQ(order->client.name, "Ada");
  EXPECT_EQ(order->client.phone, "+1");
  ASSERT_EQ(order->items.size(), 2u);
  EXPECT_EQ(order->items[0].sku, "S");
  EXPECT_EQ(order->items[0].name, "N");
  EXPECT_EQ(order->items[0].quantity.text(), "1.5");
  EXPECT_EQ(order->items[0].unit_price.text(), "10");
  EXPECT_EQ(order->items[1].sku, std::nullopt);
  EXPECT_EQ(order->items[1].unit_price.text(), "-2.5");
  EXPECT_EQ(order->shipping_total, 500);
  EXPECT_EQ(order->tax_total, 120);
  EXPECT_EQ(order->discount_total, 70);
  EXPECT_EQ(order->total, 1800);
  ASSERT_TRUE(order->payment);
  EXPECT_EQ(order->payment->external_id, "p");
  EXPECT_EQ(order->payment->method, "card");
  EXPECT_EQ(order->payment->amount, 1800);
  EXPECT_EQ(order->payment->reference, "r");
  EXPECT_EQ(iso_time(order->payment->paid_at.value()), "2026-05-19T12:00:01.000Z");
  EXPECT_EQ(order->note, "two\nlines");
  EXPECT_EQ(order->metadata, R"({"a":[1,null]})");
}

TEST(OrderReader, WhatIsMissingNullOrEmptyIsNothing) {
  const std::string bare = order_with("");
  const std::string full = order_with(
      R"(, "number": null, "placed_at": null, "currency": null, "client": null, "payment": null,
          "shipping_total": null, "tax_total": null, "discount_total": null, "total": null,
          "note": null, "metadata": null, "unknown": {"deep": [1]}, "id": 7)");
  const std::string empty = order_with(
      R"(, "number": "", "note": "", "metadata": {},
          "client": {"external_id": "", "email": " ", "name": "", "phone": null, "vip": true})");
  for (const std::string& body : {bare, full, empty}) {
    const auto order = read(body, "KWD");
    ASSERT_TRUE(order) << body << "\n" << order.error().path << " " << order.error().message;
    EXPECT_EQ(order->number, std::nullopt);
    EXPECT_EQ(order->placed_at, std::nullopt);
    EXPECT_EQ(order->currency, "KWD") << "the store's";
    EXPECT_TRUE(order->client.is_empty());
    EXPECT_EQ(order->total, 39'900) << "in thousandths";
    EXPECT_FALSE(order->payment);
    EXPECT_EQ(order->note, std::nullopt);
    EXPECT_EQ(order->metadata, "");
  }
}

TEST(OrderReader, ALineIsRoundedOnceAndTheTotalIsTheSum) {
  struct Case {
    std::string_view quantity, price, currency;
    model::Minor total;
  };
  for (const Case& c : {
           Case{"3", R"("0.333")", "EUR", 100},  // 0.999
           Case{"3", "0.335", "EUR", 101},       // 1.005, away from zero
           Case{"0.5", "\"-0.01\"", "EUR", -1},  // not reached: below zero
           Case{"1", "\"19.955\"", "EUR", 1996},
           Case{"2", "\"100\"", "JPY", 200},
           Case{"1", "\"0.5\"", "JPY", 1},
           Case{"1", "\"0.0005\"", "KWD", 1},
           Case{"1", "\"0.00000001\"", "BTC", 1},
           Case{"1", "0", "EUR", 0},
       }) {
    const auto order = read(order_with("", c.quantity, c.price), std::string(c.currency));
    if (c.total < 0) {
      ASSERT_FALSE(order);
      EXPECT_EQ(order.error().reason, "total_negative");
      continue;
    }
    ASSERT_TRUE(order) << order.error().message;
    EXPECT_EQ(order->total, c.total) << c.quantity << " × " << c.price << " " << c.currency;
  }
}

TEST(OrderReader, ATotalThatIsNotTheSumIsRefusedAndBothAreNamed) {
  EXPECT_EQ(outcome(order_with(R"(, "total": "39.90")")), "3990");
  EXPECT_EQ(outcome(order_with(R"(, "total": 39.9)")), "3990");
  EXPECT_EQ(outcome(order_with(R"(, "total": "39.91")")), "total_mismatch $.total");
  EXPECT_EQ(outcome(order_with(R"(, "total": "39.9", "tax_total": "0.01")")),
            "total_mismatch $.total");
  EXPECT_EQ(outcome(order_with(R"(, "total": "38.95", "tax_total": "1", "shipping_total": "2.05",)"
                               R"( "discount_total": "4")")),
            "3895");
  const auto order = read(order_with(R"(, "total": "40")"));
  ASSERT_FALSE(order);
  EXPECT_NE(order.error().message.find("40.00"), std::string::npos) << order.error().message;
  EXPECT_NE(order.error().message.find("39.90"), std::string::npos) << order.error().message;
}

TEST(OrderReader, RefusesWhatIsWrongWithItsPath) {
  const auto item = [](std::string_view members) {
    return fmt::format(R"({{"external_id": "1", "items": [{{"name": "ok", "quantity": 1,)"
                       R"( "unit_price": 1}}, {{{}}}]}})",
                       members);
  };
  const std::string long_text(201, 'x');
  struct Case {
    std::string body, outcome;
  };
  for (const Case& c : {
           Case{R"({"items": []})", "member_missing $.external_id"},
           Case{R"({"external_id": null, "items": []})", "member_missing $.external_id"},
           Case{R"({"external_id": 7, "items": []})", "member_type $.external_id"},
           Case{R"({"external_id": "", "items": []})", "member_invalid $.external_id"},
           Case{R"({"external_id": ")" + long_text + R"("})", "member_invalid $.external_id"},
           Case{R"({"external_id": "1"})", "member_missing $.items"},
           Case{R"({"external_id": "1", "items": {}})", "member_type $.items"},
           Case{R"({"external_id": "1", "items": []})", "member_invalid $.items"},
           Case{R"({"external_id": "1", "items": [7]})", "member_type $.items[0]"},
           Case{item(R"("quantity": 1, "unit_price": 1)"), "member_missing $.items[1].name"},
           Case{item(R"("name": 5, "quantity": 1, "unit_price": 1)"),
                "member_type $.items[1].name"},
           Case{item(R"("name": "A", "unit_price": 1)"), "member_missing $.items[1].quantity"},
           Case{item(R"("name": "A", "quantity": 0, "unit_price": 1)"),
                "member_invalid $.items[1].quantity"},
           Case{item(R"("name": "A", "quantity": "-1", "unit_price": 1)"),
                "member_invalid $.items[1].quantity"},
           Case{item(R"("name": "A", "quantity": true, "unit_price": 1)"),
                "amount_invalid $.items[1].quantity"},
           Case{item(R"("name": "A", "quantity": 1)"), "member_missing $.items[1].unit_price"},
           Case{item(R"("name": "A", "quantity": 1, "unit_price": "1,5")"),
                "amount_invalid $.items[1].unit_price"},
           Case{item(R"("name": "A", "quantity": 1, "unit_price": "1e3")"),
                "amount_invalid $.items[1].unit_price"},
           Case{item(R"("name": "A", "quantity": 1, "unit_price": 0.12345678901234567)"),
                "amount_inexact $.items[1].unit_price"},
           Case{item(R"("name": "A", "quantity": 99999999, "unit_price": 99999999)"),
                "amount_out_of_range $"},
           Case{order_with(R"(, "number": 5)"), "member_type $.number"},
           Case{order_with(R"(, "placed_at": "yesterday")"), "member_invalid $.placed_at"},
           Case{order_with(R"(, "currency": "eur")"), "currency_invalid $.currency"},
           Case{order_with(R"(, "currency": 978)"), "member_type $.currency"},
           Case{order_with(R"(, "tax_total": "-1")"), "member_invalid $.tax_total"},
           Case{order_with(R"(, "shipping_total": "1.001")"),
                "amount_too_precise $.shipping_total"},
           Case{order_with(R"(, "discount_total": [])"), "amount_invalid $.discount_total"},
           Case{order_with(R"(, "discount_total": "40")"), "total_negative $"},
           Case{order_with(R"(, "client": "Ada")"), "member_type $.client"},
           Case{order_with(R"(, "client": {"email": 1})"), "member_type $.client.email"},
           Case{order_with(R"(, "client": {"name": "a\u0000b"})"), "member_invalid $.client.name"},
           Case{order_with(R"(, "note": {})"), "member_type $.note"},
           Case{order_with(R"(, "note": "a\u0000")"), "member_invalid $.note"},
           Case{order_with(R"(, "note": ")" + std::string(16'001, 'x') + "\""),
                "member_invalid $.note"},
           Case{order_with(R"(, "metadata": [])"), "member_type $.metadata"},
           Case{order_with(R"(, "metadata": {"a": ")" + std::string(16 * 1024, 'x') + "\"}"),
                "metadata_too_large $.metadata"},
           Case{order_with(R"(, "payment": {"amount": 1})"), "member_missing $.payment.method"},
           Case{order_with(R"(, "payment": {"method": "card"})"),
                "member_missing $.payment.amount"},
           Case{order_with(R"(, "payment": {"method": "card", "amount": 0})"),
                "member_invalid $.payment.amount"},
           Case{order_with(R"(, "payment": {"method": "card", "amount": "-1"})"),
                "member_invalid $.payment.amount"},
           Case{order_with(R"(, "payment": {"method": "card", "amount": "0.001"})"),
                "amount_too_precise $.payment.amount"},
           Case{order_with(R"(, "payment": {"method": "card", "amount": 1, "currency": "USD"})"),
                "currency_differs $.payment.currency"},
       }) {
    EXPECT_EQ(outcome(c.body), c.outcome) << c.body;
    const auto order = read(c.body);
    ASSERT_FALSE(order);
    EXPECT_EQ(order.error().code, Code::kInvalid) << c.body;
  }
}

TEST(OrderReader, AnOrderHasAThousandItemsAtMost) {
  const auto with_items = [](int count) {
    std::string items;
    for (int i = 0; i < count; ++i) items += R"({"name":"A","quantity":1,"unit_price":1},)";
    items.pop_back();
    return R"({"external_id":"1","items":[)" + items + "]}";
  };
  EXPECT_EQ(outcome(with_items(1000)), "100000");
  EXPECT_EQ(outcome(with_items(1001)), "member_invalid $.items");
}

TEST(OrderReader, APaymentIsInItsOrdersCurrency) {
  const auto payment = read_payment(object_of(R"({"method": "wire", "amount": "10.5"})"));
  ASSERT_TRUE(payment);
  EXPECT_EQ(payment->in("EUR").value().amount, 1050);
  EXPECT_EQ(payment->in("KWD").value().amount, 10'500);
  EXPECT_EQ(payment->in("JPY").error().reason, "amount_too_precise");
  EXPECT_EQ(payment->in("JPY").error().path, "$.amount");
  const auto dollars =
      read_payment(object_of(R"({"method": "wire", "amount": 1, "currency": "USD"})"));
  ASSERT_TRUE(dollars);
  EXPECT_TRUE(dollars->in("USD"));
  EXPECT_EQ(dollars->in("EUR").error().reason, "currency_differs");
}

TEST(OrderReader, ARefundMaySayHowMuch) {
  EXPECT_EQ(read_refund(object_of("{}")).value(), std::nullopt);
  EXPECT_EQ(read_refund(object_of(R"({"amount": null, "why": 1})")).value(), std::nullopt);
  EXPECT_EQ(read_refund(object_of(R"({"amount": "1.50"})")).value()->text(), "1.5");
  EXPECT_EQ(read_refund(object_of(R"({"amount": "all"})")).error().path, "$.amount");
}

TEST(OrderReader, AClientHasAnIdOrAnAddress) {
  const auto client = read_client(object_of(R"({"email": "a@b.c", "name": "Ada"})"), "zapier");
  ASSERT_TRUE(client);
  EXPECT_EQ(client->source, "zapier");
  EXPECT_EQ(client->email, "a@b.c");
  EXPECT_TRUE(client->match_email);
  for (const char* body :
       {"{}", R"({"name": "Ada", "phone": "1"})", R"({"external_id": "", "email": null})"}) {
    const auto nobody = read_client(object_of(body), "zapier");
    ASSERT_FALSE(nobody) << body;
    EXPECT_EQ(nobody.error().reason, "member_missing");
    EXPECT_EQ(nobody.error().path, "$");
  }
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
