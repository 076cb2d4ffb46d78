// What holds of sales whatever is done to them, and whoever is told of it.

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "intake/sales_fixture.h"
#include "model/sales_order_reference.h"

namespace waybill::intake {
namespace {

using model::SalesAction;

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
