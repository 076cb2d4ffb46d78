#include "intake/order_intake.h"

#include <gtest/gtest.h>

namespace waybill::intake {
namespace {

model::OrderLine line(std::string code, double quantity) {
  model::OrderLine made;
  made.item_code = std::move(code);
  made.quantity = quantity;
  made.unit = "box";
  made.unit_price = 24.9;
  return made;
}

const model::SupplierId kSupplier =
    *model::SupplierId::parse("01941f29-7c00-7bbb-8000-000000000002");

TEST(DerivedKey, IsTheSameForTheSameOrder) {
  EXPECT_EQ(derived_key("acme", kSupplier, "PO-1", {line("A", 1)}),
            derived_key("acme", kSupplier, "PO-1", {line("A", 1)}));
}

TEST(DerivedKey, IgnoresWhatTheLinesAreCalled) {
  model::OrderLine described = line("A", 1);
  described.description = "Copy paper";
  EXPECT_EQ(derived_key("acme", kSupplier, "PO-1", {described}),
            derived_key("acme", kSupplier, "PO-1", {line("A", 1)}));
}

TEST(DerivedKey, DiffersInEverythingThatMakesAnotherOrder) {
  const crypto::Digest key = derived_key("acme", kSupplier, "PO-1", {line("A", 1)});
  model::OrderLine other_unit = line("A", 1);
  other_unit.unit = "piece";
  model::OrderLine other_price = line("A", 1);
  other_price.unit_price = 24.91;
  model::OrderLine no_price = line("A", 1);
  no_price.unit_price.reset();

  EXPECT_NE(key, derived_key("other", kSupplier, "PO-1", {line("A", 1)})) << "workspace";
  EXPECT_NE(key, derived_key("acme", model::SupplierId(), "PO-1", {line("A", 1)})) << "supplier";
  EXPECT_NE(key, derived_key("acme", kSupplier, "PO-2", {line("A", 1)})) << "number";
  EXPECT_NE(key, derived_key("acme", kSupplier, std::nullopt, {line("A", 1)})) << "no number";
  EXPECT_NE(key, derived_key("acme", kSupplier, "PO-1", {line("B", 1)})) << "code";
  EXPECT_NE(key, derived_key("acme", kSupplier, "PO-1", {line("A", 2)})) << "quantity";
  EXPECT_NE(key, derived_key("acme", kSupplier, "PO-1", {other_unit})) << "unit";
  EXPECT_NE(key, derived_key("acme", kSupplier, "PO-1", {other_price})) << "price";
  EXPECT_NE(key, derived_key("acme", kSupplier, "PO-1", {no_price})) << "no price";
  EXPECT_NE(key, derived_key("acme", kSupplier, "PO-1", {line("A", 1), line("A", 1)})) << "lines";
}

}  // namespace
}  // namespace waybill::intake
