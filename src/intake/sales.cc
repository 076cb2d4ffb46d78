#include "intake/sales.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/event.h"
#include "store/clients.h"
#include "store/list_clock.h"
#include "store/payments.h"
#include "store/sales_orders.h"
#include "store/shipments.h"
#include "store/stores.h"

namespace waybill::intake {
namespace {

using model::SalesAction;
using model::SalesStatus;

std::unexpected<Error> payment_exists(const model::Payment& payment) {
  return fail(Code::kConflict, "payment_exists",
              fmt::format("The payment \"{}\" is another order's.",
                          payment.external_id.value_or(payment.id.text())));
}

// What brings an open order to `status`; nothing for an open one.
std::optional<SalesAction> action_towards(SalesStatus status) {
  switch (status) {
    case SalesStatus::kOpen: return std::nullopt;
    case SalesStatus::kShipped: return SalesAction::kShip;
    case SalesStatus::kDelivered: return SalesAction::kDeliver;
    case SalesStatus::kCancelled: return SalesAction::kCancel;
  }
  return std::nullopt;
}

// What an order says, from what came.
void set_content(model::SalesOrder& order, const OrderDraft& draft) {
  if (draft.number) order.number = *draft.number;
  if (draft.placed_at) order.placed_at = *draft.placed_at;
  order.currency = draft.currency;
  order.client = draft.client;
  order.items = draft.items;
  order.shipping_total = draft.shipping_total;
  order.tax_total = draft.tax_total;
  order.discount_total = draft.discount_total;
  order.state.total = draft.total;
  order.note = draft.note;
  order.metadata = draft.metadata;
}

bool say_the_same(const model::SalesOrder& a, const model::SalesOrder& b) {
  return a.number == b.number && a.placed_at == b.placed_at && a.currency == b.currency &&
         a.client_id == b.client_id && a.state == b.state &&
         model::write_details(a) == model::write_details(b);
}

// True if `into` is another one now.
bool take_over(std::optional<std::string>& into, const std::optional<std::string>& said) {
  if (!said || into == said) return false;
  into = said;
  return true;
}

}  // namespace

SalesUnit::SalesUnit(store::Connection& connection, const Acceptance& acceptance, IdGenerator& ids,
                     const LeaseTerms& terms, const model::WorkspaceId& workspace, Timestamp now,
                     model::TraceContext trace)
    : connection_(connection),
      acceptance_(acceptance),
      ids_(ids),
      terms_(terms),
      workspace_(workspace),
      now_(now),
      trace_(std::move(trace)) {}

Result<void> SalesUnit::begin() {
  const auto stamp = store::list_clock::take(connection_, workspace_, now_);
  if (!stamp) return fail(stamp.error());
  stamp_ = *stamp;
  return {};
}

Result<void> SalesUnit::tell(std::string_view type, std::string subject, std::string data) {
  model::Event event;
  event.id = ids_.next_id<model::EventId>();
  event.workspace_id = workspace_;
  event.type = type;
  event.occurred_at = now_;
  event.subject = std::move(subject);
  event.data = std::move(data);
  event.trace = trace_;
  if (!subscriptions_) {
    auto found = store::endpoints::subscriptions(connection_, workspace_);
    if (!found) return fail(found.error());
    subscriptions_ = *std::move(found);
  }
  auto accepted =
      acceptance_.accept_among(connection_, std::move(event), *subscriptions_, terms_, now_);
  if (!accepted) return fail(accepted.error());
  accepted_.push_back(*std::move(accepted));
  return {};
}

model::Payment SalesUnit::payment_of(const model::SalesOrder& order, const PaymentDraft& draft) {
  model::Payment payment;
  payment.id = ids_.next_id<model::PaymentId>();
  payment.workspace_id = workspace_;
  payment.store_id = order.store_id;
  payment.order_id = order.id;
  payment.external_id = draft.external_id;
  payment.method = draft.method;
  payment.amount = draft.amount;
  payment.currency = order.currency;
  payment.reference = draft.reference;
  payment.paid_at = draft.paid_at.value_or(now_);
  payment.created_at = now_;
  return payment;
}

Result<std::optional<model::Payment>> SalesUnit::known_payment(const model::StoreId& store,
                                                               const PaymentDraft& draft) {
  if (!draft.external_id) return std::optional<model::Payment>();
  return store::payments::find_by_external(connection_, workspace_, store, *draft.external_id);
}

Result<std::optional<PlacedOrder>> SalesUnit::known_order(const model::StoreId& store,
                                                          const std::string& external_id) {
  auto known = store::sales_orders::find_by_external(connection_, workspace_, store, external_id);
  if (!known) return fail(known.error());
  if (!*known) return std::optional<PlacedOrder>();
  auto payments = store::payments::of_order(connection_, workspace_, (*known)->id);
  if (!payments) return fail(payments.error());
  return PlacedOrder{**std::move(known), *std::move(payments), true};
}

Result<model::SalesOrder> SalesUnit::compose(const model::Store& store, const OrderDraft& draft) {
  model::SalesOrder order;
  order.id = ids_.next_id<model::OrderId>();
  order.workspace_id = workspace_;
  order.store_id = store.id;
  order.source = draft.source;
  order.external_id = draft.external_id;
  order.placed_at = now_;
  set_content(order, draft);
  order.created_at = now_;
  order.updated_at = stamp_;
  if (draft.payment) {
    const auto known = known_payment(store.id, *draft.payment);
    if (!known) return fail(known.error());
    if (*known) return payment_exists(**known);
    const auto paid = model::act_on(order.state, SalesAction::kPay, draft.payment->amount);
    if (!paid) return fail(paid.error());
    order.state = *paid;
  }
  if (const auto action = action_towards(draft.status)) {
    const auto moved = model::act_on(order.state, *action);
    if (!moved) return fail(moved.error());
    order.state = *moved;
  }
  return order;
}

Result<std::optional<model::ClientId>> SalesUnit::client_of(const model::StoreId& store,
                                                            const OrderDraft& draft) {
  if (draft.client_id || draft.client.is_empty()) return draft.client_id;
  ClientDraft said;
  said.source = draft.source;
  said.external_id = draft.client.external_id;
  said.email = draft.client.email;
  said.name = draft.client.name;
  said.phone = draft.client.phone;
  const auto put = put_client(store, said);
  if (!put) return fail(put.error());
  return std::optional(put->client.id);
}

Result<PlacedOrder> SalesUnit::place(const model::Store& store, const OrderDraft& draft) {
  auto known = known_order(store.id, draft.external_id);
  if (!known) return fail(known.error());
  if (*known) return **std::move(known);
  // Finds whatever is wrong, before anything is written.
  auto order = compose(store, draft);
  if (!order) return fail(order.error());

  const auto client = client_of(store.id, draft);
  if (!client) return fail(client.error());
  order->client_id = *client;
  if (!draft.number) {
    const auto number = store::stores::next_number(connection_, workspace_, store.id);
    if (!number) return fail(number.error());
    order->number = fmt::format("{}{}", store.number_prefix, *number);
  }
  WAYBILL_TRY(store::sales_orders::insert(connection_, *order));
  WAYBILL_TRY(tell(model::kOrderCreated, order->id.text(), model::order_created_data(*order)));

  PlacedOrder placed{*std::move(order), {}, false};
  if (draft.payment) {
    placed.payments.push_back(payment_of(placed.order, *draft.payment));
    const model::Payment& payment = placed.payments.back();
    WAYBILL_TRY(store::payments::insert(connection_, payment));
    WAYBILL_TRY(tell(model::kPaymentRecorded, payment.id.text(),
                     model::payment_data(payment, placed.order)));
  }
  WAYBILL_TRY(tell_status(placed.order));
  return placed;
}

// An order that was placed as what it is has no shipment but the one that says so.
Result<void> SalesUnit::tell_status(const model::SalesOrder& order) {
  switch (order.state.status) {
    case SalesStatus::kOpen: return {};
    case SalesStatus::kCancelled:
      return tell(model::kOrderCancelled, order.id.text(), model::order_changed_data(order));
    case SalesStatus::kDelivered:
      return tell(model::kOrderDelivered, order.id.text(),
                  model::delivery_data(order, nullptr, now_));
    case SalesStatus::kShipped: {
      const model::Shipment shipment = shipment_of(order, {});
      WAYBILL_TRY(store::shipments::insert(connection_, shipment));
      return tell(model::kOrderShipped, order.id.text(), model::shipment_data(shipment, order));
    }
  }
  return {};
}

Result<model::SalesOrder> SalesUnit::replace_content(const model::SalesOrder& order,
                                                     const OrderDraft& draft) {
  model::SalesOrder changed = order;
  set_content(changed, draft);
  const auto client = client_of(order.store_id, draft);
  if (!client) return fail(client.error());
  changed.client_id = *client;
  if (say_the_same(order, changed)) return order;
  return save(std::move(changed));
}

Result<model::SalesOrder> SalesUnit::save(model::SalesOrder order) {
  order.updated_at = stamp_;
  WAYBILL_TRY(store::sales_orders::update(connection_, order));
  return order;
}

Result<model::SalesOrder> SalesUnit::find(const model::OrderId& id,
                                          const std::optional<model::StoreId>& store) {
  auto found = store::sales_orders::find(connection_, workspace_, id);
  if (found && store && found->store_id != *store) {
    return fail(Code::kNotFound, "order_not_found", "There is no such order.");
  }
  return found;
}

Result<RecordedPayment> SalesUnit::record_payment(const model::SalesOrder& order,
                                                  const PaymentDraft& draft) {
  auto known = known_payment(order.store_id, draft);
  if (!known) return fail(known.error());
  if (*known) {
    if ((*known)->order_id != order.id) return payment_exists(**known);
    return RecordedPayment{**std::move(known), order, true};
  }
  const auto state = model::act_on(order.state, SalesAction::kPay, draft.amount);
  if (!state) return fail(state.error());
  const model::Payment payment = payment_of(order, draft);
  WAYBILL_TRY(store::payments::insert(connection_, payment));
  auto paid = moved(order, *state);
  if (!paid) return fail(paid.error());
  WAYBILL_TRY(
      tell(model::kPaymentRecorded, payment.id.text(), model::payment_data(payment, *paid)));
  return RecordedPayment{payment, *std::move(paid), false};
}

Result<RecordedPayment> SalesUnit::refund(const model::PaymentId& id,
                                          const std::optional<model::StoreId>& store) {
  auto payment = store::payments::find(connection_, workspace_, id);
  if (!payment) return fail(payment.error());
  if (store && payment->store_id != *store) {
    return fail(Code::kNotFound, "payment_not_found", "There is no such payment.");
  }
  if (payment->state == model::PaymentState::kRefunded) {
    return fail(Code::kConflict, "payment_refunded", "This payment has been refunded already.");
  }
  const auto order = find(payment->order_id);
  if (!order) return fail(order.error());
  const auto state = model::act_on(order->state, SalesAction::kRefund, payment->amount);
  if (!state) return fail(state.error());
  payment->state = model::PaymentState::kRefunded;
  payment->refunded_at = now_;
  WAYBILL_TRY(store::payments::mark_refunded(connection_, workspace_, id, now_));
  auto refunded = moved(*order, *state);
  if (!refunded) return fail(refunded.error());
  WAYBILL_TRY(
      tell(model::kPaymentRefunded, payment->id.text(), model::payment_data(*payment, *refunded)));
  return RecordedPayment{*std::move(payment), *std::move(refunded), false};
}

Result<model::SalesOrder> SalesUnit::moved(const model::SalesOrder& order,
                                           const model::SalesState& state) {
  if (order.state == state) return order;
  model::SalesOrder changed = order;
  changed.state = state;
  return save(std::move(changed));
}

Result<model::SalesOrder> SalesUnit::cancel(const model::SalesOrder& order) {
  const auto state = model::act_on(order.state, SalesAction::kCancel);
  if (!state) return fail(state.error());
  if (*state == order.state) return order;
  auto cancelled = moved(order, *state);
  if (!cancelled) return fail(cancelled.error());
  WAYBILL_TRY(tell(model::kOrderCancelled, order.id.text(), model::order_changed_data(*cancelled)));
  return cancelled;
}

Result<model::SalesOrder> SalesUnit::reopen(const model::SalesOrder& order) {
  const auto state = model::act_on(order.state, SalesAction::kReopen);
  if (!state) return fail(state.error());
  return moved(order, *state);
}

model::Shipment SalesUnit::shipment_of(const model::SalesOrder& order, const ShipmentDraft& draft) {
  model::Shipment shipment;
  shipment.id = ids_.next_id<model::ShipmentId>();
  shipment.workspace_id = workspace_;
  shipment.order_id = order.id;
  shipment.carrier = draft.carrier;
  shipment.tracking_number = draft.tracking_number;
  shipment.tracking_url = draft.tracking_url;
  shipment.shipped_at = draft.shipped_at.value_or(now_);
  shipment.created_at = now_;
  return shipment;
}

Result<model::Shipment> SalesUnit::ship(const model::SalesOrder& order,
                                        const ShipmentDraft& draft) {
  const auto state = model::act_on(order.state, SalesAction::kShip);
  if (!state) return fail(state.error());
  model::Shipment shipment = shipment_of(order, draft);
  WAYBILL_TRY(store::shipments::insert(connection_, shipment));
  // Also for a further parcel, or whoever reads the list of orders would miss it.
  model::SalesOrder changed = order;
  changed.state = *state;
  const auto shipped = save(std::move(changed));
  if (!shipped) return fail(shipped.error());
  // A second parcel of an order that is on its way is no second order.shipped.
  if (order.state.status == SalesStatus::kOpen) {
    WAYBILL_TRY(
        tell(model::kOrderShipped, order.id.text(), model::shipment_data(shipment, *shipped)));
  }
  if (shipment.tracking_number) WAYBILL_TRY(tell_tracking(shipment, *shipped));
  return shipment;
}

Result<void> SalesUnit::tell_tracking(const model::Shipment& shipment,
                                      const model::SalesOrder& order) {
  return tell(model::kTrackingAdded, shipment.id.text(), model::shipment_data(shipment, order));
}

Result<model::Shipment> SalesUnit::add_tracking(const model::ShipmentId& id,
                                                const ShipmentDraft& draft) {
  auto shipment = store::shipments::find(connection_, workspace_, id);
  if (!shipment) return fail(shipment.error());
  const auto order = find(shipment->order_id);
  if (!order) return fail(order.error());
  const bool has_number = take_over(shipment->tracking_number, draft.tracking_number);
  const bool has_carrier = take_over(shipment->carrier, draft.carrier);
  const bool has_url = take_over(shipment->tracking_url, draft.tracking_url);
  const bool has_time = draft.shipped_at && *draft.shipped_at != shipment->shipped_at;
  if (has_time) shipment->shipped_at = *draft.shipped_at;
  if (!has_number && !has_carrier && !has_url && !has_time) return shipment;
  WAYBILL_TRY(store::shipments::update(connection_, *shipment));
  // Or whoever reads the list of orders would miss it.
  WAYBILL_TRY(save(*order));
  if (has_number) WAYBILL_TRY(tell_tracking(*shipment, *order));
  return shipment;
}

Result<model::SalesOrder> SalesUnit::deliver(const model::SalesOrder& order) {
  const auto state = model::act_on(order.state, SalesAction::kDeliver);
  if (!state) return fail(state.error());
  if (*state == order.state) return order;
  auto shipments = store::shipments::of_order(connection_, workspace_, order.id);
  if (!shipments) return fail(shipments.error());
  for (model::Shipment& shipment : *shipments) {
    if (shipment.delivered_at) continue;
    shipment.delivered_at = now_;
    WAYBILL_TRY(store::shipments::update(connection_, shipment));
  }
  auto delivered = moved(order, *state);
  if (!delivered) return fail(delivered.error());
  const model::Shipment* latest = shipments->empty() ? nullptr : &shipments->back();
  WAYBILL_TRY(tell(model::kOrderDelivered, order.id.text(),
                   model::delivery_data(*delivered, latest, now_)));
  return delivered;
}

Result<std::optional<model::Client>> SalesUnit::known_client(const model::StoreId& store,
                                                             const ClientDraft& draft) {
  if (draft.external_id) {
    auto known =
        store::clients::find_by_external(connection_, workspace_, store, *draft.external_id);
    if (!known || *known) return known;
  }
  if (!draft.email || !draft.match_email) return std::optional<model::Client>();
  // Whoever has another external id is somebody else, with the same e-mail.
  return store::clients::find_by_email(connection_, workspace_, store, *draft.email,
                                       draft.external_id.has_value());
}

Result<PutClient> SalesUnit::put_client(const model::StoreId& store, const ClientDraft& draft) {
  auto known = known_client(store, draft);
  if (!known) return fail(known.error());
  PutClient put{known->value_or(model::Client()), !*known, !*known};
  model::Client& client = put.client;
  if (put.is_new) {
    client.id = ids_.next_id<model::ClientId>();
    client.workspace_id = workspace_;
    client.store_id = store;
    client.source = draft.source;
    client.created_at = now_;
  } else if (draft.said_at && client.said_at && *client.said_at > *draft.said_at) {
    return put;
  }
  const auto take = [&](std::optional<std::string>& into, const std::optional<std::string>& said) {
    if (draft.is_whole && !said && into) {
      into.reset();
      put.has_changed = true;
    }
    put.has_changed |= take_over(into, said);
  };
  take(client.external_id, draft.external_id);
  take(client.email, draft.email);
  take(client.name, draft.name);
  take(client.phone, draft.phone);
  const bool is_later_word = draft.said_at && draft.said_at != client.said_at;
  if (is_later_word) client.said_at = draft.said_at;
  if (put.has_changed) client.updated_at = stamp_;
  if (put.is_new) {
    WAYBILL_TRY(store::clients::insert(connection_, client));
  } else if (put.has_changed || is_later_word) {
    WAYBILL_TRY(store::clients::update(connection_, client));
  }
  if (put.has_changed) {
    WAYBILL_TRY(tell(put.is_new ? model::kClientCreated : model::kClientUpdated, client.id.text(),
                     model::client_data(client)));
  }
  return put;
}

}  // namespace waybill::intake
