// Sales are taken in here: orders of shops, their payments, shipments and clients. Whichever door
// they come by (the integration API, WooCommerce, the management API), the same functions change
// the records and write the events that tell of it, in the caller's transaction.
//
//   SalesUnit sales(connection, acceptance, ids, terms, workspace, now);
//   WAYBILL_TRY(sales.begin());
//   auto placed = sales.place(store, draft);
//   … sales.take_accepted() goes to the dispatcher after the commit.
//
// What a caller did wrong is found before anything is written, so that a refusal may be stored and
// answered like a success; of the failures, only those of the database need a rollback.

#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "intake/acceptance.h"
#include "model/order.h"
#include "model/sales_order.h"
#include "model/trace_context.h"
#include "model/trade.h"
#include "store/connection.h"
#include "store/endpoints.h"

namespace waybill::intake {

struct PaymentDraft {
  std::optional<std::string> external_id;
  std::string method;
  model::Minor amount = 0;
  std::optional<std::string> reference;
  std::optional<Timestamp> paid_at;  // Nothing: now.
};

struct OrderDraft {
  std::string source;
  std::string external_id;
  std::optional<std::string> number;  // Nothing: the store's next.
  std::optional<Timestamp> placed_at;
  std::string currency;
  model::OrderClient client;
  // Whom the order belongs to, where the caller has put them already; else `client` is put.
  std::optional<model::ClientId> client_id;
  std::vector<model::SalesItem> items;
  model::Minor shipping_total = 0;
  model::Minor tax_total = 0;
  model::Minor discount_total = 0;
  model::Minor total = 0;  // Checked by whoever read it.
  std::optional<PaymentDraft> payment;
  std::optional<std::string> note;
  std::string metadata;
  model::SalesStatus status = model::SalesStatus::kOpen;  // What it is from the start.
};

struct ClientDraft {
  std::string source;
  std::optional<std::string> external_id;
  std::optional<std::string> email;
  std::optional<std::string> name;
  std::optional<std::string> phone;
  // When the shop said so, where it tells; what is there and newer then stays.
  std::optional<Timestamp> said_at;
  // Match by external_id, then by e-mail (R-PC-8); false: by external_id alone.
  bool match_email = true;
  // What it does not say, the client does not have; else that stays.
  bool is_whole = false;
};

struct ShipmentDraft {
  std::optional<std::string> carrier;
  std::optional<std::string> tracking_number;
  std::optional<std::string> tracking_url;
  std::optional<Timestamp> shipped_at;  // Nothing: now.
};

// The record that is there now, and whether it was there before.
struct PlacedOrder {
  model::SalesOrder order;
  std::vector<model::Payment> payments;
  bool duplicate = false;
};
struct RecordedPayment {
  model::Payment payment;
  model::SalesOrder order;
  bool duplicate = false;
};
struct PutClient {
  model::Client client;
  bool is_new = false;
  bool has_changed = false;  // True for a new one.
};

// One unit of work on the sales of one workspace. Lives no longer than the unit.
class SalesUnit {
 public:
  SalesUnit(store::Connection& connection, const Acceptance& acceptance, IdGenerator& ids,
            const LeaseTerms& terms, const model::WorkspaceId& workspace, Timestamp now,
            model::TraceContext trace = {});

  // Takes the workspace's list clock: to be called once, before anything else of the unit.
  Result<void> begin();

  // A new order, its client and its payment: order.created, client.created or .updated,
  // payment.recorded; for a status other than open, as the functions below. An order that the store
  // has under this external id is returned as it is. order.created tells of the order as it is when
  // all of that is done.
  // Fails with kConflict (payment_exists: the payment's external id is another's; overpayment).
  Result<PlacedOrder> place(const model::Store& store, const OrderDraft& draft);

  // Replaces what an order says (client, items, totals, currency, number and time where given,
  // note, metadata) by `draft`, but not its state; the draft's payment and status are ignored.
  // Writes nothing where nothing differs. No event.
  Result<model::SalesOrder> replace_content(const model::SalesOrder& order,
                                            const OrderDraft& draft);

  // Fails with kNotFound (order_not_found), also for an order of another store where `store` is
  // given.
  Result<model::SalesOrder> find(const model::OrderId& id,
                                 const std::optional<model::StoreId>& store = std::nullopt);

  // payment.recorded. A payment that the store has under this external id is returned as it is if
  // it is this order's. Fails as act_on(), and with kConflict (payment_exists).
  Result<RecordedPayment> record_payment(const model::SalesOrder& order, const PaymentDraft& draft);

  // payment.refunded. Fails with kNotFound (payment_not_found; also for one of another store), or
  // kConflict (payment_refunded).
  Result<RecordedPayment> refund(const model::PaymentId& id,
                                 const std::optional<model::StoreId>& store = std::nullopt);

  // What the shop that owns the order says of the payment with the draft's external id, whatever is
  // recorded of it, and whether or not act_on() would allow it: payment.recorded for a new one,
  // payment.refunded once it is given back. One that is refunded stays so.
  // Fails with kConflict (payment_exists) for another order's.
  // Requires: the draft has an external id.
  Result<RecordedPayment> put_payment(const model::SalesOrder& order, const PaymentDraft& draft,
                                      bool is_refunded);

  // Takes back that the order has a payment with this external id: it was told of an order that is
  // another one now, such as one in another currency. It is as if it had never been recorded, but
  // for the events that told of it. Without one, or with another order's, nothing.
  Result<model::SalesOrder> remove_payment(const model::SalesOrder& order,
                                           const std::string& external_id);

  // order.cancelled; a second time, nothing. Fails as act_on().
  Result<model::SalesOrder> cancel(const model::SalesOrder& order);
  // Open again, whatever it was. No event.
  Result<model::SalesOrder> reopen(const model::SalesOrder& order);

  // order.shipped, and shipment.tracking_added where there is a number. For an order that has been
  // shipped before, a further shipment, without order.shipped. Fails as act_on().
  Result<model::Shipment> ship(const model::SalesOrder& order, const ShipmentDraft& draft);
  // What the draft says of a shipment that is there; what it does not say stays. For another
  // tracking number, shipment.tracking_added.
  // Fails with kNotFound (shipment_not_found).
  Result<model::Shipment> add_tracking(const model::ShipmentId& id, const ShipmentDraft& draft);
  // order.delivered; a second time, nothing. Fails as act_on().
  Result<model::SalesOrder> deliver(const model::SalesOrder& order);

  // client.created, or client.updated where something differs. What the draft does not say stays,
  // unless it is whole.
  // An e-mail finds the oldest client that has it, but with an external id in the draft only one
  // without: a client that has another external id is somebody else.
  Result<PutClient> put_client(const model::StoreId& store, const ClientDraft& draft);

  // The deliveries of all events so far, for the dispatcher.
  std::vector<Accepted> take_accepted() { return std::move(accepted_); }

  // The updated_at of everything this unit changes.
  Timestamp stamp() const { return stamp_; }

 private:
  Result<void> tell(std::string_view type, std::string subject, std::string data);
  Result<void> tell_status(const model::SalesOrder& order);
  Result<void> tell_tracking(const model::Shipment& shipment, const model::SalesOrder& order);

  Result<std::optional<PlacedOrder>> known_order(const model::StoreId& store,
                                                 const std::string& external_id);
  Result<std::optional<model::Payment>> known_payment(const model::StoreId& store,
                                                      const PaymentDraft& draft);
  Result<std::optional<model::Client>> known_client(const model::StoreId& store,
                                                    const ClientDraft& draft);
  // A draft's order in the state it will have; nothing is written.
  Result<model::SalesOrder> compose(const model::Store& store, const OrderDraft& draft);
  Result<std::optional<model::ClientId>> client_of(const model::StoreId& store,
                                                   const OrderDraft& draft);
  model::Payment payment_of(const model::SalesOrder& order, const PaymentDraft& draft);
  model::Shipment shipment_of(const model::SalesOrder& order, const ShipmentDraft& draft);

  // The order in `state`, written if it was in another.
  Result<model::SalesOrder> moved(const model::SalesOrder& order, const model::SalesState& state);
  Result<model::SalesOrder> save(model::SalesOrder order);

  store::Connection& connection_;
  const Acceptance& acceptance_;
  IdGenerator& ids_;
  const LeaseTerms& terms_;
  const model::WorkspaceId workspace_;
  const Timestamp now_;
  const model::TraceContext trace_;
  Timestamp stamp_{};
  std::vector<Accepted> accepted_;
  // Read once for all that the unit tells.
  std::optional<std::vector<store::endpoints::Subscription>> subscriptions_;
};

}  // namespace waybill::intake
