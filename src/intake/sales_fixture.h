// What tests of SalesUnit work with: a database with one workspace and one store, and units of work
// on it.

#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "intake/sales.h"
#include "store/clients.h"
#include "store/list_clock.h"
#include "store/migrations.h"
#include "store/payments.h"
#include "store/sales_orders.h"
#include "store/shipments.h"
#include "store/sqlite/sqlite_driver.h"
#include "store/stores.h"
#include "store/workspaces.h"

namespace waybill::intake {

using namespace std::chrono_literals;

inline const dialect::DialectRegistry& registry() {
  static const auto loaded = dialect::DialectRegistry::load({}).value();
  return loaded;
}

// A database, one store, and units of work on it.
class SalesTest : public testing::Test {
 protected:
  // Runs a transaction that must not fail.
  template <class Unit>
  auto in_store(Unit unit) {
    EXPECT_TRUE(connection_->begin(store::Connection::Access::kWrite));
    auto result = unit(*connection_);
    WAYBILL_CHECK(result.has_value(), result.error().message);
    EXPECT_TRUE(connection_->commit());
    if constexpr (!std::is_void_v<typename decltype(result)::value_type>) {
      return *std::move(result);
    }
  }

  SalesTest() {
    store::SqliteDriver driver(folder_ / "waybill.db");
    connection_ = driver.connect(store::Connection::Access::kWrite).value();
    EXPECT_TRUE(store::migrate(*connection_, clock_.now()));
    model::Workspace workspace;
    workspace.id = workspace_;
    workspace.slug = workspace.name = "acme";
    in_store([&](store::Connection& c) { return store::workspaces::insert(c, workspace); });
    store_ = add_store("Main", "SO-");
  }

  model::Store add_store(std::string name, std::string prefix) {
    const model::Store made{ids_.next_id<model::StoreId>(),
                            workspace_,
                            std::move(name),
                            "EUR",
                            std::move(prefix),
                            clock_.now()};
    in_store([&](store::Connection& c) { return store::stores::insert(c, made); });
    return made;
  }

  // Runs one unit of sales, each a second after the former. What it tells of is in `told_`. A
  // refusal is committed too, and has written nothing.
  template <class Unit>
  auto in_unit(Unit unit) {
    clock_.step(1s);
    EXPECT_TRUE(connection_->begin(store::Connection::Access::kWrite));
    SalesUnit sales(*connection_, acceptance_, ids_, terms_, workspace_, clock_.now());
    EXPECT_TRUE(sales.begin());
    const std::int64_t changes = connection_->changes_made();
    auto result = unit(sales);
    told_ = sales.take_accepted();
    if (!result) {
      EXPECT_EQ(connection_->changes_made(), changes) << result.error().reason;
      EXPECT_TRUE(told_.empty());
    }
    stamp_ = sales.stamp();
    EXPECT_TRUE(connection_->commit());
    return result;
  }

  Result<PlacedOrder> place(const OrderDraft& draft) {
    return in_unit([&](SalesUnit& sales) { return sales.place(store_, draft); });
  }
  Result<PutClient> put(const ClientDraft& draft) {
    return in_unit([&](SalesUnit& sales) { return sales.put_client(store_.id, draft); });
  }
  // Does something to an order as it is stored.
  template <class Act>
  auto act(const model::OrderId& id, Act act) {
    return in_unit([&](SalesUnit& sales) {
      const auto order = sales.find(id);
      WAYBILL_CHECK(order.has_value(), order.error().message);
      return act(sales, *order);
    });
  }
  auto cancel(const model::OrderId& id) {
    return act(id, [](SalesUnit& sales, const model::SalesOrder& o) { return sales.cancel(o); });
  }
  auto deliver(const model::OrderId& id) {
    return act(id, [](SalesUnit& sales, const model::SalesOrder& o) { return sales.deliver(o); });
  }
  auto ship(const model::OrderId& id, const ShipmentDraft& draft = {}) {
    return act(id,
               [&](SalesUnit& sales, const model::SalesOrder& o) { return sales.ship(o, draft); });
  }
  auto pay(const model::OrderId& id, const PaymentDraft& draft) {
    return act(id, [&](SalesUnit& sales, const model::SalesOrder& o) {
      return sales.record_payment(o, draft);
    });
  }
  auto refund(const model::PaymentId& id) {
    return in_unit([&](SalesUnit& sales) { return sales.refund(id); });
  }

  model::SalesOrder stored(const model::OrderId& id) {
    return in_store(
        [&](store::Connection& c) { return store::sales_orders::find(c, workspace_, id); });
  }
  std::vector<model::Payment> payments(const model::OrderId& id) {
    return in_store(
        [&](store::Connection& c) { return store::payments::of_order(c, workspace_, id); });
  }
  std::vector<model::Shipment> shipments(const model::OrderId& id) {
    return in_store(
        [&](store::Connection& c) { return store::shipments::of_order(c, workspace_, id); });
  }
  model::Client client(const model::ClientId& id) {
    return in_store([&](store::Connection& c) { return store::clients::find(c, workspace_, id); });
  }

  // The types of what the latest unit told, in their order.
  std::vector<std::string> told() const {
    std::vector<std::string> types;
    for (const Accepted& accepted : told_) types.push_back(accepted.event->type);
    return types;
  }
  const model::Event& told(std::size_t index) const { return *told_.at(index).event; }

  static OrderDraft draft(std::string external_id = "1001", model::Minor total = 2'000) {
    OrderDraft made;
    made.source = "api";
    made.external_id = std::move(external_id);
    made.currency = "EUR";
    made.items = {{"A-1", "Paper", {1, 0}, {total, 2}}};
    made.total = total;
    return made;
  }
  static PaymentDraft payment(model::Minor amount, std::optional<std::string> external_id = {}) {
    PaymentDraft made;
    made.external_id = std::move(external_id);
    made.method = "card";
    made.amount = amount;
    return made;
  }
  static ClientDraft person(std::optional<std::string> external_id,
                            std::optional<std::string> email) {
    ClientDraft made;
    made.source = "api";
    made.external_id = std::move(external_id);
    made.email = std::move(email);
    return made;
  }

  boost::asio::io_context context_;
  ManualClock clock_{context_};
  IdGenerator ids_{clock_, /*seed=*/1};
  const TemporaryFolder folder_;
  std::unique_ptr<store::Connection> connection_;
  const Acceptance acceptance_{registry(), ids_};
  const LeaseTerms terms_{};
  const model::WorkspaceId workspace_ = ids_.next_id<model::WorkspaceId>();
  model::Store store_;
  std::vector<Accepted> told_;
  Timestamp stamp_{};
};

using Types = std::vector<std::string>;

template <class T>
std::string reason(const Result<T>& result) {
  return result ? "" : result.error().reason;
}

}  // namespace waybill::intake
