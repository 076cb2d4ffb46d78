#include "intake/sales.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "intake/sales_fixture.h"

namespace waybill::intake {
namespace {

using model::SalesStatus;

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

}  // namespace
}  // namespace waybill::intake
