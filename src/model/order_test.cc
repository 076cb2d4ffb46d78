#include "model/order.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace waybill::model {
namespace {

Order whole_order() {
  Order order;
  order.id = OrderId(Uuid::parse("01941f29-7c00-7aaa-8000-000000000001").value());
  order.number = "PO-2026-0042";
  order.order_date = "2026-06-12";
  order.currency = "EUR";
  order.supplier_id = SupplierId(Uuid::parse("01941f29-7c00-7bbb-8000-000000000002").value());
  order.supplier_name = "Käse & Söhne";
  order.lines = {{"A4-COPY-500", "Copy paper A4", 10, "box", 24.9}, {{}, {}, 0.5, {}, {}}};
  return order;
}

TEST(Order, ItsEventDataIsWrittenAsCallersWroteIt) {
  EXPECT_EQ(order_event_data(whole_order()),
            R"({"order_id":"01941f29-7c00-7aaa-8000-000000000001","number":"PO-2026-0042",)"
            R"("order_date":"2026-06-12","currency":"EUR",)"
            R"("supplier_id":"01941f29-7c00-7bbb-8000-000000000002",)"
            R"("supplier_name":"Käse & Söhne","status":"needs_review","line_count":2,"lines":[)"
            R"({"item_code":"A4-COPY-500","description":"Copy paper A4","quantity":10,)"
            R"("unit":"box","unit_price":24.9},{"quantity":0.5}]})");
}

TEST(Order, WhatTheCallerLeftOutIsLeftOut) {
  Order order = whole_order();
  order.number.reset();
  order.order_date.reset();
  order.currency.reset();
  const json::object data = parse_json(order_event_data(order)).value().as_object();
  for (const std::string_view name : {"number", "order_date", "currency"}) {
    EXPECT_FALSE(data.contains(name)) << name;
  }
}

TEST(Order, LinesSurviveTheirJson) {
  const std::vector<OrderLine> lines = {
      {"code \"1\"", "ü\n", 0.1, "m²", 1e21},
      {{}, "", 1e-7, {}, 0.0},
      {{}, {}, 9007199254740991, {}, -0.005},
  };
  const json::value stored = parse_json(write_lines(lines)).value();
  const std::vector<OrderLine> read = lines_from_json(stored);
  EXPECT_EQ(write_json(stored), write_lines(lines));
  ASSERT_EQ(read.size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(read[i].item_code, lines[i].item_code) << i;
    EXPECT_EQ(read[i].description, lines[i].description) << i;
    EXPECT_EQ(read[i].quantity, lines[i].quantity) << i;
    EXPECT_EQ(read[i].unit, lines[i].unit) << i;
    EXPECT_EQ(read[i].unit_price, lines[i].unit_price) << i;
  }
}

TEST(OrderDeathTest, CorruptStoredLinesEndTheProcess) {
  EXPECT_DEATH(lines_from_json(parse_json("{}").value()), "stored lines are an array");
  EXPECT_DEATH(lines_from_json(parse_json("[1]").value()), "a stored line is an object");
  EXPECT_DEATH(lines_from_json(parse_json(R"([{"quantity": 1, "unit": 2}])").value()), "texts");
}

TEST(Order, StatusesHaveNames) {
  EXPECT_EQ(order_status_name(OrderStatus::kNeedsReview), "needs_review");
  EXPECT_EQ(parse_order_status("needs_review"), OrderStatus::kNeedsReview);
  EXPECT_EQ(parse_order_status("Needs review"), std::nullopt);
}

}  // namespace
}  // namespace waybill::model
