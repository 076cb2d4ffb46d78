#include "intake/sales.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/manual_clock.h"
#include "base/rng.h"
#include "base/temporary_folder.h"
#include "model/sales_order_reference.h"
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
namespace {

using namespace std::chrono_literals;
using model::SalesAction;
using model::SalesStatus;

const dialect::DialectRegistry& registry() {
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

TEST_F(SalesTest, AnOrderComesWithItsClientAndItsPayment) {
  OrderDraft whole = draft();
  whole.client = {"cust-1", "ada@example.com", "Ada", {}};
  whole.payment = payment(500, "tx-1");
  whole.note = "ring twice";
  whole.metadata = R"({"gift":true})";

  const PlacedOrder placed = place(whole).value();

  EXPECT_FALSE(placed.duplicate);
  EXPECT_EQ(told(), (Types{"client.created", "order.created", "payment.recorded"}));
  const model::SalesOrder order = stored(placed.order.id);
  EXPECT_EQ(told(1).subject, order.id.text());
  EXPECT_EQ(told(1).data, model::order_created_data(order));
  EXPECT_EQ(order.number, "SO-1");
  EXPECT_EQ(order.placed_at, clock_.now());
  EXPECT_EQ(order.updated_at, stamp_);
  EXPECT_EQ(order.state, (model::SalesState{SalesStatus::kOpen, 2'000, 500, 0}));
  EXPECT_EQ(order.note, "ring twice");
  EXPECT_EQ(order.metadata, R"({"gift":true})");
  EXPECT_EQ(client(order.client_id.value()).email, "ada@example.com");
  ASSERT_EQ(payments(order.id).size(), 1u);
  EXPECT_EQ(payments(order.id)[0].paid_at, clock_.now());
  EXPECT_EQ(payments(order.id)[0].id, placed.payments.at(0).id);
}

TEST_F(SalesTest, AKnownOrderIsReturnedAsItIs) {
  OrderDraft first = draft();
  first.payment = payment(500, "tx-1");
  const PlacedOrder placed = place(first).value();
  OrderDraft again = draft("1001", 9'999);
  again.client.email = "other@example.com";

  const PlacedOrder duplicate = place(again).value();

  EXPECT_TRUE(duplicate.duplicate);
  EXPECT_EQ(duplicate.order.id, placed.order.id);
  EXPECT_EQ(duplicate.order.state.total, 2'000);
  EXPECT_EQ(duplicate.order.updated_at, placed.order.updated_at);
  EXPECT_EQ(duplicate.payments.size(), 1u);
  EXPECT_TRUE(told_.empty());
  const model::Store other = add_store("Other", "");
  const auto elsewhere =
      in_unit([&](SalesUnit& sales) { return sales.place(other, again); }).value();
  EXPECT_FALSE(elsewhere.duplicate) << "another store's";
  EXPECT_EQ(elsewhere.order.number, "1");
}

TEST_F(SalesTest, AStoreNumbersItsOrdersUnlessTheShopDoes) {
  OrderDraft numbered = draft("b");
  numbered.number = "WC-77";
  EXPECT_EQ(place(draft("a"))->order.number, "SO-1");
  EXPECT_EQ(place(numbered)->order.number, "WC-77");
  EXPECT_EQ(place(draft("c"))->order.number, "SO-2");
}

TEST_F(SalesTest, WhatIsWrongWithAnOrderIsFoundBeforeAnythingIsWritten) {
  OrderDraft first = draft("1");
  first.payment = payment(100, "tx-1");
  ASSERT_TRUE(place(first));
  OrderDraft same_payment = draft("2");
  same_payment.client.email = "ada@example.com";
  same_payment.payment = payment(100, "tx-1");
  EXPECT_EQ(reason(place(same_payment)), "payment_exists");
  OrderDraft too_much = draft("2");
  too_much.client.email = "ada@example.com";
  too_much.payment = payment(2'001);
  EXPECT_EQ(reason(place(too_much)), "overpayment");
  EXPECT_EQ(place(draft("2"))->order.number, "SO-2") << "no number was lost";
}

TEST_F(SalesTest, AnOrderCanBeInAnyStatusFromTheStart) {
  const auto placed_as = [&](SalesStatus status) {
    OrderDraft made = draft(std::string(model::sales_status_name(status)));
    made.status = status;
    const auto order = place(made).value().order;
    EXPECT_EQ(stored(order.id).state.status, status);
    return told();
  };
  EXPECT_EQ(placed_as(SalesStatus::kOpen), (Types{"order.created"}));
  EXPECT_EQ(placed_as(SalesStatus::kShipped), (Types{"order.created", "order.shipped"}));
  EXPECT_EQ(placed_as(SalesStatus::kDelivered), (Types{"order.created", "order.delivered"}));
  EXPECT_EQ(placed_as(SalesStatus::kCancelled), (Types{"order.created", "order.cancelled"}));
}

TEST_F(SalesTest, AnOrderWhoseClientSaysNothingHasNone) {
  const auto placed = place(draft());
  EXPECT_FALSE(placed->order.client_id);
  EXPECT_EQ(told(), (Types{"order.created"}));
  const auto known = put(person("cust-1", "ada@example.com"));
  OrderDraft of_client = draft("2");
  of_client.client.email = "somebody@example.com";
  of_client.client_id = known->client.id;
  EXPECT_EQ(place(of_client)->order.client_id, known->client.id);
  EXPECT_EQ(told(), (Types{"order.created"})) << "the caller has put the client already";
}

TEST_F(SalesTest, PaymentsAddUpAndAKnownOneIsReturned) {
  const model::OrderId order = place(draft())->order.id;
  const model::OrderId other = place(draft("2"))->order.id;

  const auto paid = pay(order, payment(1'500, "tx-1")).value();
  EXPECT_EQ(told(), (Types{"payment.recorded"}));
  EXPECT_EQ(told(0).subject, paid.payment.id.text());
  EXPECT_EQ(paid.order.state.payment_status(), model::PaymentStatus::kPartiallyPaid);
  EXPECT_EQ(stored(order).updated_at, stamp_);
  const auto again = pay(order, payment(9, "tx-1")).value();
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.payment.id, paid.payment.id);
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(reason(pay(other, payment(9, "tx-1"))), "payment_exists");
  EXPECT_EQ(reason(pay(order, payment(501))), "overpayment");
  EXPECT_EQ(pay(order, payment(500))->order.state.payment_status(), model::PaymentStatus::kPaid);
  ASSERT_TRUE(cancel(other));
  EXPECT_EQ(reason(pay(other, payment(1))), "order_cancelled");
}

TEST_F(SalesTest, APaymentIsRefundedOnce) {
  const model::OrderId order = place(draft())->order.id;
  const model::PaymentId id = pay(order, payment(2'000))->payment.id;
  const model::Store other = add_store("Other", "");
  EXPECT_EQ(reason(in_unit([&](SalesUnit& sales) { return sales.refund(id, other.id); })),
            "payment_not_found");
  EXPECT_EQ(reason(refund(model::PaymentId(ids_.next()))), "payment_not_found");

  const auto refunded = refund(id).value();

  EXPECT_EQ(told(), (Types{"payment.refunded"}));
  EXPECT_EQ(refunded.payment.refunded_at, clock_.now());
  EXPECT_EQ(refunded.order.state, (model::SalesState{SalesStatus::kOpen, 2'000, 0, 2'000}));
  EXPECT_EQ(payments(order)[0].state, model::PaymentState::kRefunded);
  EXPECT_EQ(payments(order)[0].refunded_at, clock_.now());
  EXPECT_EQ(reason(refund(id)), "payment_refunded");
  EXPECT_TRUE(pay(order, payment(2'000))) << "it is owed again";
}

TEST_F(SalesTest, CancellingAgainTellsNothing) {
  const model::OrderId order = place(draft())->order.id;
  ASSERT_TRUE(cancel(order));
  EXPECT_EQ(told(), (Types{"order.cancelled"}));
  EXPECT_EQ(told(0).data, model::order_changed_data(stored(order)));
  const Timestamp changed = stored(order).updated_at;
  ASSERT_TRUE(cancel(order));
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(stored(order).updated_at, changed);
  const model::OrderId sent = place(draft("2"))->order.id;
  ASSERT_TRUE(ship(sent));
  EXPECT_EQ(reason(cancel(sent)), "order_not_cancellable");
}

TEST_F(SalesTest, AShipmentTellsOfItsTracking) {
  const model::OrderId order = place(draft())->order.id;
  ShipmentDraft first;
  first.carrier = "UPS";
  const auto shipment = ship(order, first).value();
  EXPECT_EQ(told(), (Types{"order.shipped"}));
  EXPECT_EQ(told(0).subject, order.text());
  ShipmentDraft tracked;
  tracked.tracking_number = "1Z999";

  const auto track = [&](const model::ShipmentId& id) {
    return in_unit([&](SalesUnit& sales) { return sales.add_tracking(id, tracked); });
  };
  EXPECT_EQ(track(shipment.id)->carrier, "UPS") << "what is not said stays";
  EXPECT_EQ(told(), (Types{"shipment.tracking_added"}));
  EXPECT_EQ(told(0).subject, shipment.id.text());
  EXPECT_EQ(shipments(order)[0].tracking_number, "1Z999");
  ASSERT_TRUE(track(shipment.id));
  EXPECT_TRUE(told_.empty()) << "it had this number";
  EXPECT_EQ(reason(track(model::ShipmentId(ids_.next()))), "shipment_not_found");

  tracked.tracking_number = "1Z000";
  ASSERT_TRUE(ship(order, tracked));
  EXPECT_EQ(told(), (Types{"shipment.tracking_added"})) << "a second parcel";
  EXPECT_EQ(shipments(order).size(), 2u);
  EXPECT_EQ(stored(order).updated_at, stamp_);
}

TEST_F(SalesTest, WhatArrivesWasDeliveredWithItsShipments) {
  const model::OrderId order = place(draft())->order.id;
  ShipmentDraft tracked;
  tracked.tracking_number = "1Z999";
  ASSERT_TRUE(ship(order, tracked));
  EXPECT_EQ(told(), (Types{"order.shipped", "shipment.tracking_added"}));
  ASSERT_TRUE(deliver(order));
  EXPECT_EQ(told(), (Types{"order.delivered"}));
  EXPECT_NE(told(0).data.find("1Z999"), std::string::npos);
  EXPECT_EQ(shipments(order)[0].delivered_at, clock_.now());
  ASSERT_TRUE(deliver(order));
  EXPECT_TRUE(told_.empty());
  const model::OrderId cancelled = place(draft("2"))->order.id;
  ASSERT_TRUE(cancel(cancelled));
  EXPECT_EQ(reason(deliver(cancelled)), "order_cancelled");
  EXPECT_EQ(reason(ship(cancelled)), "order_cancelled");
}

TEST_F(SalesTest, ContentIsReplacedWithoutTheState) {
  OrderDraft first = draft();
  first.payment = payment(2'000);
  const model::OrderId order = place(first)->order.id;
  ASSERT_TRUE(deliver(order));
  OrderDraft other = draft("1001", 3'000);
  other.client.email = "ada@example.com";
  other.status = SalesStatus::kCancelled;
  const auto replace = [&](const OrderDraft& with) {
    return act(order, [&](SalesUnit& sales, const model::SalesOrder& o) {
      return sales.replace_content(o, with);
    });
  };

  const model::SalesOrder replaced = replace(other).value();

  EXPECT_EQ(told(), (Types{"client.created"}));
  EXPECT_EQ(replaced.state, (model::SalesState{SalesStatus::kDelivered, 3'000, 2'000, 0}));
  EXPECT_EQ(replaced.number, "SO-1");
  EXPECT_TRUE(replaced.client_id);
  EXPECT_EQ(stored(order).updated_at, stamp_);
  const Timestamp changed = stamp_;
  ASSERT_TRUE(replace(other));
  EXPECT_EQ(stored(order).updated_at, changed) << "nothing differs";
  EXPECT_TRUE(told_.empty());
  other.items[0].quantity = {2, 0};
  ASSERT_TRUE(replace(other));
  EXPECT_EQ(stored(order).updated_at, stamp_);
}

TEST_F(SalesTest, AnOrderOfAnotherStoreIsNotThere) {
  const model::OrderId order = place(draft())->order.id;
  const model::Store other = add_store("Other", "");
  const auto find = [&](const model::StoreId& store) {
    return in_unit([&](SalesUnit& sales) { return sales.find(order, store); });
  };
  EXPECT_TRUE(find(store_.id));
  EXPECT_EQ(reason(find(other.id)), "order_not_found");
}

TEST_F(SalesTest, AClientIsFoundByItsIdAndThenByItsEmail) {
  const auto ada = put(person("cust-1", "Ada@Example.com"));
  EXPECT_TRUE(ada->is_new);
  EXPECT_EQ(told(), (Types{"client.created"}));
  EXPECT_EQ(told(0).subject, ada->client.id.text());
  EXPECT_EQ(put(person("cust-1", {}))->client.id, ada->client.id);
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(put(person({}, "ada@example.COM"))->client.id, ada->client.id);
  EXPECT_EQ(told(), (Types{"client.updated"})) << "written in another way";
  EXPECT_NE(put(person("cust-2", "ada@example.com"))->client.id, ada->client.id)
      << "somebody else, with the same e-mail";

  const auto guest = put(person({}, "bob@example.com"));
  const auto registered = put(person("cust-3", "bob@example.com"));
  EXPECT_EQ(registered->client.id, guest->client.id) << "a guest who has an id now";
  EXPECT_EQ(client(guest->client.id).external_id, "cust-3");
  ClientDraft by_id_alone = person("cust-4", "eve@example.com");
  by_id_alone.match_email = false;
  const auto eve = put(person({}, "eve@example.com"));
  EXPECT_NE(put(by_id_alone)->client.id, eve->client.id);
}

TEST_F(SalesTest, WhatAClientDoesNotSayStays) {
  ClientDraft whole = person("cust-1", "ada@example.com");
  whole.name = "Ada";
  whole.phone = "+1";
  const auto id = put(whole)->client.id;
  ClientDraft moved = person("cust-1", {});
  moved.phone = "+2";
  EXPECT_TRUE(put(moved)->has_changed);
  EXPECT_EQ(client(id).name, "Ada");
  EXPECT_EQ(client(id).email, "ada@example.com");
  EXPECT_EQ(client(id).phone, "+2");
  EXPECT_EQ(client(id).updated_at, stamp_);
}

TEST_F(SalesTest, AnOlderWordOfAClientDoesNotReplaceANewerOne) {
  const Timestamp noon = ManualClock::kNoon;
  const auto said = [&](std::string name, Timestamp at) {
    ClientDraft made = person("cust-1", {});
    made.name = std::move(name);
    made.said_at = at;
    return put(made).value();
  };
  const auto id = said("second", noon + 2min).client.id;
  EXPECT_FALSE(said("first", noon + 1min).has_changed);
  EXPECT_EQ(client(id).name, "second");
  EXPECT_FALSE(said("second", noon + 5min).has_changed) << "the same, said later";
  EXPECT_FALSE(said("third", noon + 3min).has_changed) << "said before that";
  EXPECT_TRUE(said("fourth", noon + 6min).has_changed);
  EXPECT_EQ(client(id).said_at, noon + 6min);
}

// Whatever is done to orders, in whatever order: what is stored is what the reference says, events
// are told of what was done alone, and refusals write nothing (in_unit() sees to that).
TEST_F(SalesTest, AnySequenceOfActionsIsStoredAsTheReferenceSays) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    model::SalesReference reference{rng.between(0, 20) * 100};
    const model::OrderId order = place(draft(std::to_string(seed), reference.total))->order.id;
    std::vector<model::Payment> kept;
    for (int step = 0; step < 25; ++step) {
      const auto what = fmt::format("seed {}, step {}", seed, step);
      const auto action = static_cast<SalesAction>(rng.between(0, 5));
      const auto before = reference.state();
      std::string outcome, type, refusal;
      if (action == SalesAction::kPay) {
        const model::Minor amount = rng.between(1, 10) * 100;
        const auto paid = pay(order, payment(amount));
        if (paid) kept.push_back(paid->payment);
        outcome = reason(paid);
        refusal = reference.act(action, amount);
        type = "payment.recorded";
      } else if (action == SalesAction::kRefund) {
        if (kept.empty()) continue;
        const auto chosen = kept.begin() + rng.between(0, std::ssize(kept) - 1);
        outcome = reason(refund(chosen->id));
        refusal = reference.act(action, chosen->amount);
        kept.erase(chosen);
        type = "payment.refunded";
      } else {
        outcome = action == SalesAction::kCancel ? reason(cancel(order))
                  : action == SalesAction::kShip ? reason(ship(order))
                  : action == SalesAction::kDeliver
                      ? reason(deliver(order))
                      : reason(act(order, [](auto& sales, auto& o) { return sales.reopen(o); }));
        refusal = reference.act(action, 0);
        type = action == SalesAction::kCancel    ? "order.cancelled"
               : action == SalesAction::kShip    ? "order.shipped"
               : action == SalesAction::kDeliver ? "order.delivered"
                                                 : "";
      }
      ASSERT_EQ(outcome, refusal) << what;
      ASSERT_EQ(stored(order).state, reference.state()) << what;
      const bool moved = reference.state() != before;
      ASSERT_EQ(told(), moved && !type.empty() ? Types{type} : Types{}) << what;
    }
    const auto paid = payments(order);
    ASSERT_EQ(std::ranges::count(paid, model::PaymentState::kRecorded, &model::Payment::state),
              std::ssize(kept));
  }
}

// Who is told of what, and that it is what the dialect promises: a platform that has no word for it
// is left out, and so is Precoro, whose notices need the number of a document.
TEST_F(SalesTest, EveryEventIsWhatTheDialectsThatKnowItPromise) {
  const std::map<std::string, Types> expected = {
      {"order.created",
       {"peptideclients", "proculink", "procureiq", "proign", "standard-webhooks"}},
      {"order.cancelled", {"procureiq", "standard-webhooks"}},
      {"order.shipped", {"peptideclients", "procureiq", "proign", "standard-webhooks"}},
      {"order.delivered", {"peptideclients", "procureiq", "standard-webhooks"}},
      {"client.created", {"peptideclients", "standard-webhooks"}},
      {"client.updated", {"peptideclients", "standard-webhooks"}},
      {"payment.recorded", {"peptideclients", "procureiq", "standard-webhooks"}},
      {"payment.refunded", {"procureiq", "standard-webhooks"}},
      {"shipment.tracking_added", {"peptideclients", "standard-webhooks"}}};
  std::vector<store::endpoints::Subscription> all;
  for (const std::string& name : registry().names()) {
    auto& subscription = all.emplace_back();
    subscription.id = ids_.next_id<model::EndpointId>();
    subscription.dialect = name;
    subscription.event_types = {"*"};
  }
  std::set<std::string> seen;
  const auto check = [&] {
    for (const Accepted& accepted : told_) {
      const model::Event& event = *accepted.event;
      seen.insert(event.type);
      const auto plan = routing::plan(event, {}, all, registry());
      Types who;
      for (const routing::Match& match : plan.matched) {
        who.push_back(match.subscription->dialect);
        const json::value data = parse_json(event.data).value();
        const auto verdict = check_data(registry(), std::array{match.subscription}, event, data);
        EXPECT_TRUE(verdict) << verdict.error().path << " " << verdict.error().message;
      }
      std::ranges::sort(who);
      ASSERT_TRUE(expected.contains(event.type)) << event.type;
      EXPECT_EQ(who, expected.at(event.type)) << event.type;
      EXPECT_FALSE(event.subject.empty());
    }
  };
  // With as little as an order can have, and with all there is.
  OrderDraft least = draft("1", 0);
  least.source = "";
  least.currency = "POINTS";
  least.items.clear();
  OrderDraft most = draft("2", 12'345);
  most.number = "WC-1";
  most.client = {"cust-1", "ada@example.com", "Ada \"Käse\"", "+1"};
  most.items.push_back({{}, "Discount", {25, 1}, {-99, 2}});
  most.items.push_back({{}, "", {1, 12}, {}});
  most.payment = payment(2'345, "tx-1");
  ShipmentDraft tracked;
  tracked.carrier = "UPS";
  tracked.tracking_number = "1Z999";
  tracked.tracking_url = "https://carrier.example/1Z999";
  for (const OrderDraft& draft : {least, most}) {
    const PlacedOrder placed = place(draft).value();
    check();
    if (draft.payment) {
      ASSERT_TRUE(refund(placed.payments.at(0).id));
      check();
    }
    ASSERT_TRUE(ship(placed.order.id, draft.payment ? tracked : ShipmentDraft{}));
    check();
    ASSERT_TRUE(deliver(placed.order.id));
    check();
  }
  ASSERT_TRUE(cancel(place(draft("3"))->order.id));
  check();
  ASSERT_TRUE(put(person("cust-1", "lovelace@example.com")));
  check();
  EXPECT_EQ(seen.size(), expected.size());
}

}  // namespace
}  // namespace waybill::intake
