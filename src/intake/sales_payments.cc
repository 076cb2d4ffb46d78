// What a shop says of the payment of its own order: put_payment() and remove_payment() of
// intake/sales.h.

#include <fmt/format.h>

#include "intake/sales.h"
#include "model/event.h"
#include "store/payments.h"

namespace waybill::intake {
namespace {

bool say_the_same(const model::Payment& a, const model::Payment& b) {
  return a.method == b.method && a.amount == b.amount && a.currency == b.currency &&
         a.reference == b.reference && a.paid_at == b.paid_at && a.state == b.state;
}

}  // namespace

Result<RecordedPayment> SalesUnit::put_payment(const model::SalesOrder& order,
                                               const PaymentDraft& draft, bool is_refunded) {
  const auto known = known_payment(order.store_id, draft);
  if (!known) return fail(known.error());
  if (*known && (*known)->order_id != order.id) {
    return fail(
        Code::kConflict, "payment_exists",
        fmt::format("The payment \"{}\" is another order's.", draft.external_id.value_or("")));
  }
  model::Payment payment = payment_of(order, draft);
  if (*known) {
    payment.id = (*known)->id;
    payment.created_at = (*known)->created_at;
    payment.state = (*known)->state;
    payment.refunded_at = (*known)->refunded_at;
    if (!draft.paid_at) payment.paid_at = (*known)->paid_at;
  }
  const bool is_given_back = is_refunded && payment.state != model::PaymentState::kRefunded;
  if (*known && !is_given_back && say_the_same(**known, payment)) {
    return RecordedPayment{**known, order, true};
  }
  if (!*known) WAYBILL_TRY(store::payments::insert(connection_, payment));
  model::SalesState state = order.state;
  // What the one that is replaced counted for, and what it counts for now.
  if (*known) {
    (payment.state == model::PaymentState::kRefunded ? state.refunded : state.paid) -=
        (*known)->amount;
  }
  (payment.state == model::PaymentState::kRefunded ? state.refunded : state.paid) += payment.amount;
  // Also where the sums stay, or whoever reads the list of orders would miss what else it says.
  model::SalesOrder paid = order;
  paid.state = state;
  auto changed = save(std::move(paid));
  if (!changed) return fail(changed.error());
  if (!*known) {
    WAYBILL_TRY(
        tell(model::kPaymentRecorded, payment.id.text(), model::payment_data(payment, *changed)));
  }
  if (is_given_back) {
    payment.state = model::PaymentState::kRefunded;
    payment.refunded_at = now_;
    state.paid -= payment.amount;
    state.refunded += payment.amount;
    changed = moved(*changed, state);
    if (!changed) return fail(changed.error());
  }
  if (*known || is_given_back) WAYBILL_TRY(store::payments::update(connection_, payment));
  if (is_given_back) {
    WAYBILL_TRY(
        tell(model::kPaymentRefunded, payment.id.text(), model::payment_data(payment, *changed)));
  }
  return RecordedPayment{payment, *std::move(changed), known->has_value()};
}

Result<model::SalesOrder> SalesUnit::remove_payment(const model::SalesOrder& order,
                                                    const std::string& external_id) {
  const auto known =
      store::payments::find_by_external(connection_, workspace_, order.store_id, external_id);
  if (!known) return fail(known.error());
  if (!*known || (*known)->order_id != order.id) return order;
  WAYBILL_TRY(store::payments::erase(connection_, **known));
  model::SalesOrder changed = order;
  ((*known)->state == model::PaymentState::kRefunded ? changed.state.refunded
                                                     : changed.state.paid) -= (*known)->amount;
  return save(std::move(changed));
}

}  // namespace waybill::intake
