// The records of sales.

#include <set>
#include <tuple>

#include <fmt/format.h>

#include "conformance/store_conformance.h"
#include "store/clients.h"
#include "store/payments.h"
#include "store/products.h"
#include "store/sales_orders.h"
#include "store/shipments.h"
#include "store/stores.h"
#include "store/suppliers.h"

namespace waybill::store {

using namespace std::chrono_literals;

namespace {

constexpr Timestamp kThen = ManualClock::kNoon - 1h;

auto fields(const model::Store& s) {
  return std::tuple(s.id, s.workspace_id, s.name, s.currency, s.number_prefix,
                    unix_millis(s.created_at));
}

auto fields(const model::Client& c) {
  return std::tuple(c.id, c.workspace_id, c.store_id, c.external_id, c.email, c.name, c.phone,
                    c.source, c.said_at, unix_millis(c.created_at), unix_millis(c.updated_at));
}

auto fields(const model::SalesOrder& o) {
  return std::tuple(o.id, o.workspace_id, o.store_id, o.source, o.external_id, o.number,
                    o.placed_at, o.currency, o.client_id, o.state.status, o.state.total,
                    o.state.paid, o.state.refunded, model::write_details(o),
                    unix_millis(o.created_at), unix_millis(o.updated_at));
}

auto fields(const model::Payment& p) {
  return std::tuple(p.id, p.workspace_id, p.store_id, p.order_id, p.external_id, p.method, p.amount,
                    p.currency, p.reference, p.state, p.paid_at, p.created_at, p.refunded_at);
}

auto fields(const model::Shipment& s) {
  return std::tuple(s.id, s.workspace_id, s.order_id, s.carrier, s.tracking_number, s.tracking_url,
                    s.shipped_at, s.delivered_at, s.created_at);
}

auto fields(const model::Product& p) {
  return std::tuple(p.id, p.workspace_id, p.sku, p.name, p.description, p.currency, p.price,
                    p.is_published, p.supplier_id, unix_millis(p.created_at),
                    unix_millis(p.updated_at));
}

auto fields(const model::Supplier& s) {
  return std::tuple(s.id, s.workspace_id, s.name, unix_millis(s.created_at), s.email, s.phone,
                    s.claimed_at, unix_millis(s.updated_at));
}

}  // namespace

model::SalesOrder SalesConformance::make_order(std::string external_id) {
  model::SalesOrder order;
  order.id = ids_.next_id<model::OrderId>();
  order.workspace_id = workspace_;
  order.store_id = store_;
  order.source = "api";
  order.external_id = std::move(external_id);
  order.number = "1";
  order.placed_at = order.created_at = order.updated_at = kThen;
  order.currency = "EUR";
  order.items = {{{}, "Paper", {1, 0}, {1, 0}}};
  order.state.total = 100;
  return order;
}

model::Client SalesConformance::make_client(std::optional<std::string> external_id) {
  model::Client client;
  client.id = ids_.next_id<model::ClientId>();
  client.workspace_id = workspace_;
  client.store_id = store_;
  client.external_id = std::move(external_id);
  client.source = "api";
  client.created_at = client.updated_at = kThen;
  return client;
}

model::Payment SalesConformance::make_payment(const model::OrderId& order,
                                              std::optional<std::string> external_id) {
  model::Payment payment;
  payment.id = ids_.next_id<model::PaymentId>();
  payment.workspace_id = workspace_;
  payment.store_id = store_;
  payment.order_id = order;
  payment.external_id = std::move(external_id);
  payment.method = "card";
  payment.amount = 50;
  payment.currency = "EUR";
  payment.paid_at = payment.created_at = kThen;
  return payment;
}

model::Product SalesConformance::make_product(std::string sku) {
  model::Product product;
  product.id = ids_.next_id<model::ProductId>();
  product.workspace_id = workspace_;
  product.sku = std::move(sku);
  product.name = "Paper";
  product.currency = "EUR";
  product.created_at = product.updated_at = kThen;
  return product;
}

// --- Stores

TEST_P(SalesConformance, StoresComeBackByTheirIdAndByTheirNameInAnyCase) {
  for (const std::string& text : awkward_texts(kIndexedBytesMax)) {
    const model::Store store{ids_.next_id<model::StoreId>(), workspace_, text, "EUR", text, kThen};
    ASSERT_EQ(done([&](Connection& c) { return stores::insert(c, store); }), "value");
    for (const std::string& by : {store.id.text(), store.id.uuid().text(), text}) {
      const auto found = must(read([&](Connection& c) { return stores::find(c, workspace_, by); }));
      ASSERT_TRUE(found) << by.substr(0, 40);
      EXPECT_EQ(fields(*found), fields(store));
    }
  }
  const model::Store store{ids_.next_id<model::StoreId>(), workspace_, "Käse", "EUR", "", kThen};
  ASSERT_EQ(done([&](Connection& c) { return stores::insert(c, store); }), "value");
  const auto find = [&](const model::WorkspaceId& workspace, std::string_view by) {
    return must(read([&](Connection& c) { return stores::find(c, workspace, by); })).has_value();
  };
  EXPECT_TRUE(find(workspace_, "KÄSE"));
  EXPECT_FALSE(find(workspace_, "Käs"));
  EXPECT_FALSE(find(other_workspace_, "Käse"));
  EXPECT_FALSE(find(other_workspace_, store.id.text()));

  model::Store same{ids_.next_id<model::StoreId>(), workspace_, "kÄSE", "EUR", "", kThen};
  const auto insert = [&] { return done([&](Connection& c) { return stores::insert(c, same); }); };
  EXPECT_EQ(insert(), "conflict store_exists");
  same.workspace_id = other_workspace_;
  EXPECT_EQ(insert(), "value");
  EXPECT_EQ(
      must(read([&](Connection& c) { return stores::list(c, other_workspace_, {}); })).rows.size(),
      1u);
}

TEST_P(SalesConformance, AStoreCountsItsOrdersFromOne) {
  const auto add = [&](std::string name) {
    const model::Store store{
        ids_.next_id<model::StoreId>(), workspace_, std::move(name), "EUR", "SO-", kThen};
    EXPECT_EQ(done([&](Connection& c) { return stores::insert(c, store); }), "value");
    return store.id;
  };
  const auto next = [&](const model::WorkspaceId& workspace, const model::StoreId& store) {
    return write([&](Connection& c) { return stores::next_number(c, workspace, store); });
  };
  const model::StoreId one = add("One"), two = add("Two");
  EXPECT_EQ(must(next(workspace_, one)), 1);
  EXPECT_EQ(must(next(workspace_, one)), 2);
  EXPECT_EQ(must(next(workspace_, two)), 1);
  EXPECT_EQ(outcome(next(other_workspace_, one)), "not_found store_not_found");
  std::vector<Unit> units(30, [&](Connection& c) -> Answer {
    const auto number = stores::next_number(c, workspace_, one);
    if (!number) return fail(number.error());
    return static_cast<int>(*number);
  });
  std::set<int> given;
  for (const Answer& answer : write_together(units)) given.insert(must(answer));
  EXPECT_EQ(given.size(), 30u);
  EXPECT_EQ(*given.rbegin(), 32) << "none was left out";
}

// --- Clients

TEST_P(SalesConformance, ClientsComeBackWithAllTheirFields) {
  for (const std::string& text : awkward_texts(kIndexedBytesMax)) {
    model::Client client = make_client(text);
    ASSERT_EQ(done([&](Connection& c) { return clients::insert(c, client); }), "value");
    const auto find = [&] {
      return must(read([&](Connection& c) { return clients::find(c, workspace_, client.id); }));
    };
    EXPECT_EQ(fields(find()), fields(client));
    client.email = client.name = client.phone = text;
    client.said_at = kNoon;
    client.updated_at = kNoon + 1ms;
    ASSERT_EQ(done([&](Connection& c) { return clients::update(c, client); }), "value");
    EXPECT_EQ(fields(find()), fields(client));
    const auto found = must(read(
        [&](Connection& c) { return clients::find_by_external(c, workspace_, store_, text); }));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, client.id);
  }
  EXPECT_EQ(outcome(read([&](Connection& c) {
              return clients::find(c, workspace_, ids_.next_id<model::ClientId>());
            })),
            "not_found client_not_found");
}

TEST_P(SalesConformance, AnExternalIdIsOneClientsOfItsStore) {
  const auto insert = [&](const model::Client& client) {
    return done([&](Connection& c) { return clients::insert(c, client); });
  };
  ASSERT_EQ(insert(make_client("cust-1")), "value");
  EXPECT_EQ(insert(make_client("cust-1")), "conflict client_exists");
  EXPECT_EQ(insert(make_client("CUST-1")), "value");
  EXPECT_EQ(insert(make_client({})), "value");
  EXPECT_EQ(insert(make_client({})), "value") << "any number may have none";
  model::Client elsewhere = make_client("cust-1");
  elsewhere.store_id = ids_.next_id<model::StoreId>();
  EXPECT_EQ(insert(elsewhere), "value");
  elsewhere = make_client("cust-1");
  elsewhere.workspace_id = other_workspace_;
  EXPECT_EQ(insert(elsewhere), "value");
}

TEST_P(SalesConformance, AnEmailFindsTheOldestClientInAnyCase) {
  const auto add = [&](std::optional<std::string> external_id, std::string email) {
    model::Client client = make_client(std::move(external_id));
    client.email = std::move(email);
    EXPECT_EQ(done([&](Connection& c) { return clients::insert(c, client); }), "value");
    return std::optional(client.id);
  };
  const auto find = [&](std::string_view email, bool only_nameless) {
    return must(read([&](Connection& c) {
             return clients::find_by_email(c, workspace_, store_, email, only_nameless);
           }))
        .transform([](const model::Client& client) { return client.id; });
  };
  const auto known = add("cust-1", "Ada@Example.com");
  const auto guest = add({}, "ada@example.com");
  add({}, "ada@example.com");
  EXPECT_EQ(find("ADA@example.com", false), known);
  EXPECT_EQ(find("ADA@example.com", true), guest);
  EXPECT_EQ(find("bob@example.com", false), std::nullopt);
  EXPECT_FALSE(must(read([&](Connection& c) {
    return clients::find_by_email(c, workspace_, ids_.next_id<model::StoreId>(), "ada@example.com");
  })));
}

// --- Orders

TEST_P(SalesConformance, OrdersComeBackWithAllTheirFields) {
  for (const std::string& text : awkward_texts(kIndexedBytesMax)) {
    model::SalesOrder order = make_order(text);
    order.source = order.number = text;
    ASSERT_EQ(done([&](Connection& c) { return sales_orders::insert(c, order); }), "value");
    const auto find = [&] {
      return must(read([&](Connection& c) { return sales_orders::find(c, workspace_, order.id); }));
    };
    EXPECT_EQ(fields(find()), fields(order));
    order.client_id = ids_.next_id<model::ClientId>();
    order.client = {text, text, text, text};
    order.state = {model::SalesStatus::kCancelled, model::kMinorMax, 7, 8};
    order.items = {{text, text, {1, 12}, {-999'999'999'999'999, 0}}, order.items[0]};
    order.shipping_total = 1;
    order.tax_total = 2;
    order.discount_total = 3;
    order.note = text;
    order.metadata = R"({"a":[1,null]})";
    order.currency = "BTC";
    order.placed_at = order.updated_at = kNoon;
    ASSERT_EQ(done([&](Connection& c) { return sales_orders::update(c, order); }), "value");
    EXPECT_EQ(fields(find()), fields(order));
    const auto found = must(read([&](Connection& c) {
      return sales_orders::find_by_external(c, workspace_, store_, text);
    }));
    ASSERT_TRUE(found);
    EXPECT_EQ(fields(*found), fields(order));
  }
}

TEST_P(SalesConformance, AnExternalIdIsOneOrdersOfItsStore) {
  const auto insert = [&](const model::SalesOrder& order) {
    return done([&](Connection& c) { return sales_orders::insert(c, order); });
  };
  const model::SalesOrder order = make_order("1001");
  ASSERT_EQ(insert(order), "value");
  EXPECT_EQ(insert(make_order("1001")), "conflict order_exists");
  model::SalesOrder elsewhere = make_order("1001");
  elsewhere.store_id = ids_.next_id<model::StoreId>();
  EXPECT_EQ(insert(elsewhere), "value");
  elsewhere = make_order("1001");
  elsewhere.workspace_id = other_workspace_;
  EXPECT_EQ(insert(elsewhere), "value");
  EXPECT_EQ(outcome(read(
                [&](Connection& c) { return sales_orders::find(c, other_workspace_, order.id); })),
            "not_found order_not_found");
  EXPECT_FALSE(must(read([&](Connection& c) {
    return sales_orders::find_by_external(c, workspace_, ids_.next_id<model::StoreId>(), "1001");
  })));
}

TEST_P(SalesConformance, OrdersAreListedByEachFilter) {
  for (int i = 1; i <= 4; ++i) {
    model::SalesOrder order = make_order(std::to_string(i));
    order.number = fmt::format("SO-{}", i % 3);
    if (i == 2) order.store_id = ids_.next_id<model::StoreId>();
    if (i == 3) order.state.status = model::SalesStatus::kShipped;
    ASSERT_EQ(done([&](Connection& c) { return sales_orders::insert(c, order); }), "value");
  }
  using sales_orders::Filter;
  const auto listed = [&](const Filter& filter, const PageRequest& page = {}) {
    std::string all;
    const auto found =
        must(read([&](Connection& c) { return sales_orders::list(c, workspace_, filter, page); }));
    for (const model::SalesOrder& order : found.rows) all += order.external_id;
    return all;
  };
  EXPECT_EQ(listed({}), "4321");
  PageRequest two;
  two.limit = 2;
  EXPECT_EQ(listed({}, two), "43");
  EXPECT_EQ(listed(by(&Filter::store_id, store_)), "431");
  EXPECT_EQ(listed(by(&Filter::external_id, "2")), "2");
  EXPECT_EQ(listed(by(&Filter::number, "SO-1")), "41");
  EXPECT_EQ(listed(by(&Filter::status, model::SalesStatus::kShipped)), "3");
  EXPECT_TRUE(must(read([&](Connection& c) {
                return sales_orders::list(c, other_workspace_, {}, {});
              })).rows.empty());
}

// Details too deep for parse_json() ended the hub, at whoever asked for them.
TEST_P(SalesConformance, AnOrderThatCannotBeReadFailsWhoeverAsksForIt) {
  const model::SalesOrder order = make_order("1001");
  ASSERT_EQ(done([&](Connection& c) { return sales_orders::insert(c, order); }), "value");
  const auto details = std::string(kJsonDepthMax + 1, '[') + std::string(kJsonDepthMax + 1, ']');
  ASSERT_EQ(done([&](Connection& c) {
              return c.write(
                  "UPDATE sales_orders SET details = $3 WHERE workspace_id = $1 AND "
                  "id = $2",
                  {workspace_, order.id, details});
            }),
            "value");
  const std::string unreadable = "internal order_unreadable";
  EXPECT_EQ(
      outcome(read([&](Connection& c) { return sales_orders::find(c, workspace_, order.id); })),
      unreadable);
  EXPECT_EQ(outcome(read([&](Connection& c) {
              return sales_orders::find_by_external(c, workspace_, store_, "1001");
            })),
            unreadable);
  EXPECT_EQ(outcome(read([&](Connection& c) { return sales_orders::list(c, workspace_, {}, {}); })),
            unreadable);
  EXPECT_EQ(
      outcome(read([&](Connection& c) { return sales_orders::list_changed(c, workspace_, {}); })),
      unreadable);
}

// --- Payments and shipments

TEST_P(SalesConformance, PaymentsComeBackWithAllTheirFields) {
  const auto order = ids_.next_id<model::OrderId>();
  std::vector<model::Payment> all = {make_payment(order, {})};
  for (const std::string& text : awkward_texts(kIndexedBytesMax)) {
    all.push_back(make_payment(order, text));
    all.back().method = text;
    all.back().reference = text;
    all.back().amount = model::kMinorMax;
  }
  for (const model::Payment& payment : all) {
    ASSERT_EQ(done([&](Connection& c) { return payments::insert(c, payment); }), "value");
  }
  model::Payment& refunded = all.back();
  refunded.state = model::PaymentState::kRefunded;
  refunded.refunded_at = kNoon;
  ASSERT_EQ(done([&](Connection& c) {
              return payments::mark_refunded(c, workspace_, refunded.id, kNoon);
            }),
            "value");
  const auto found =
      must(read([&](Connection& c) { return payments::of_order(c, workspace_, order); }));
  ASSERT_EQ(found.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(fields(found[i]), fields(all[i]));
    EXPECT_EQ(
        fields(must(read([&](Connection& c) { return payments::find(c, workspace_, all[i].id); }))),
        fields(all[i]));
    if (!all[i].external_id) continue;
    const auto by_external = must(read([&](Connection& c) {
      return payments::find_by_external(c, workspace_, store_, *all[i].external_id);
    }));
    ASSERT_TRUE(by_external);
    EXPECT_EQ(by_external->id, all[i].id);
  }
  EXPECT_TRUE(must(read([&](Connection& c) {
                return payments::of_order(c, other_workspace_, order);
              })).empty());
  EXPECT_EQ(
      outcome(read([&](Connection& c) { return payments::find(c, other_workspace_, all[0].id); })),
      "not_found payment_not_found");
}

TEST_P(SalesConformance, AnExternalIdIsOnePaymentsOfItsStore) {
  const auto insert = [&](const model::Payment& payment) {
    return done([&](Connection& c) { return payments::insert(c, payment); });
  };
  const auto order = ids_.next_id<model::OrderId>();
  ASSERT_EQ(insert(make_payment(order, "tx-1")), "value");
  EXPECT_EQ(insert(make_payment(ids_.next_id<model::OrderId>(), "tx-1")),
            "conflict payment_exists");
  model::Payment elsewhere = make_payment(order, "tx-1");
  elsewhere.store_id = ids_.next_id<model::StoreId>();
  EXPECT_EQ(insert(elsewhere), "value");
  EXPECT_EQ(insert(make_payment(order, {})), "value");
  EXPECT_EQ(insert(make_payment(order, {})), "value") << "any number may have none";
}

TEST_P(SalesConformance, ShipmentsComeBackWithAllTheirFields) {
  model::Shipment shipment;
  shipment.id = ids_.next_id<model::ShipmentId>();
  shipment.workspace_id = workspace_;
  shipment.order_id = ids_.next_id<model::OrderId>();
  shipment.shipped_at = shipment.created_at = kThen;
  ASSERT_EQ(done([&](Connection& c) { return shipments::insert(c, shipment); }), "value");
  const auto find = [&](const model::WorkspaceId& workspace) {
    return read([&](Connection& c) { return shipments::find(c, workspace, shipment.id); });
  };
  EXPECT_EQ(fields(must(find(workspace_))), fields(shipment));
  for (const std::string& text : awkward_texts()) {
    shipment.carrier = shipment.tracking_number = shipment.tracking_url = text;
    shipment.shipped_at = kNoon;
    shipment.delivered_at = kNoon + 1ms;
    ASSERT_EQ(done([&](Connection& c) { return shipments::update(c, shipment); }), "value");
    EXPECT_EQ(fields(must(find(workspace_))), fields(shipment));
  }
  EXPECT_EQ(outcome(find(other_workspace_)), "not_found shipment_not_found");
  model::Shipment second = shipment;
  second.id = ids_.next_id<model::ShipmentId>();
  ASSERT_EQ(done([&](Connection& c) { return shipments::insert(c, second); }), "value");
  const auto all = must(
      read([&](Connection& c) { return shipments::of_order(c, workspace_, shipment.order_id); }));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].id, second.id);
}

// --- Products and suppliers

TEST_P(SalesConformance, AProductIsPutByItsSku) {
  for (const std::string& text : awkward_texts(kIndexedBytesMax)) {
    model::Product product = make_product(text);
    const auto put = [&] { return done([&](Connection& c) { return products::put(c, product); }); };
    const auto find = [&](const model::WorkspaceId& workspace) {
      return must(read([&](Connection& c) { return products::find_by_sku(c, workspace, text); }));
    };
    ASSERT_EQ(put(), "value");
    EXPECT_EQ(fields(find(workspace_).value()), fields(product));
    EXPECT_FALSE(find(other_workspace_));

    const model::ProductId first = product.id;
    product.id = ids_.next_id<model::ProductId>();
    product.name = text;
    product.description = text;
    product.currency = "KWD";
    product.price = model::kMinorMax;
    product.is_published = false;
    product.supplier_id = ids_.next_id<model::SupplierId>();
    product.updated_at = kNoon;
    ASSERT_EQ(put(), "value");
    product.id = first;
    EXPECT_EQ(fields(find(workspace_).value()), fields(product));
    EXPECT_EQ(
        fields(must(read([&](Connection& c) { return products::find(c, workspace_, first); }))),
        fields(product));
  }
  EXPECT_EQ(outcome(read([&](Connection& c) {
              return products::find(c, workspace_, ids_.next_id<model::ProductId>());
            })),
            "not_found product_not_found");
}

TEST_P(SalesConformance, OnlyPublishedProductsAreInTheirList) {
  for (int i = 1; i <= 4; ++i) {
    model::Product product = make_product(std::to_string(i));
    product.is_published = i != 2;
    product.updated_at = kNoon - std::chrono::milliseconds(i);
    ASSERT_EQ(done([&](Connection& c) { return products::put(c, product); }), "value");
  }
  std::string changed, all;
  for (const model::Product& product :
       must(read([&](Connection& c) { return products::list_changed(c, workspace_, {}); })).rows) {
    changed += product.sku;
  }
  for (const model::Product& product :
       must(read([&](Connection& c) { return products::list(c, workspace_, {}); })).rows) {
    all += product.sku;
  }
  EXPECT_EQ(changed, "431") << "the latest change last";
  EXPECT_EQ(all, "4321") << "the newest first";
}

TEST_P(SalesConformance, SuppliersAreChangedAndKeepTheirNamesApart) {
  model::Supplier supplier{ids_.next_id<model::SupplierId>(), workspace_, "Acme", kThen};
  const model::Supplier other{ids_.next_id<model::SupplierId>(), workspace_, "Other", kThen};
  for (const auto& made : {supplier, other}) {
    ASSERT_EQ(done([&](Connection& c) { return suppliers::insert(c, made); }), "value");
  }
  const auto update = [&] {
    return done([&](Connection& c) { return suppliers::update(c, supplier); });
  };
  supplier.name = "ACME";
  supplier.email = "sales@example.com";
  supplier.phone = "+1";
  supplier.claimed_at = kNoon;
  supplier.updated_at = kNoon + 1ms;
  EXPECT_EQ(update(), "value") << "its own name, in another case";
  const auto found =
      must(read([&](Connection& c) { return suppliers::find(c, workspace_, "acme"); }));
  EXPECT_EQ(fields(found.value()), fields(supplier));
  supplier.name = "OTHER";
  EXPECT_EQ(update(), "conflict supplier_exists");
}

}  // namespace waybill::store
