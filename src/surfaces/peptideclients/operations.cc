#include "surfaces/peptideclients/operations.h"

#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.h"
#include "store/payments.h"
#include "store/sales_orders.h"
#include "surfaces/native/request_reader.h"
#include "surfaces/peptideclients/order_reader.h"
#include "surfaces/peptideclients/render.h"

namespace waybill::surfaces::peptideclients {
namespace {

using native::path_id;

Answer render_placed(const intake::PlacedOrder& placed) {
  Answer answer{placed.duplicate ? 200 : 201, {}};
  answer.body.reserve(320);
  ObjectText object(answer.body);
  write_head(object, placed.order);
  object.add("duplicate", placed.duplicate).add("created_at", placed.order.created_at).end();
  return answer;
}

// A payment, and where it leaves its order.
std::string payment_text(const intake::RecordedPayment& recorded, bool with_duplicate) {
  const model::SalesOrder& order = recorded.order;
  const int digits = model::currency_digits(order.currency);
  std::string body;
  body.reserve(640);
  ObjectText object(body);
  write(object, recorded.payment);
  if (with_duplicate) object.add("duplicate", recorded.duplicate);
  ObjectText(object.member("order"))
      .add("id", order.id.uuid().text())
      .add("status", model::sales_status_name(order.state.status))
      .add("payment_status", model::payment_status_name(order.state.payment_status()))
      .add("total", model::amount_text(order.state.total, digits))
      .add("paid_total", model::amount_text(order.state.paid, digits))
      .end();
  object.end();
  return body;
}

Result<Answer> render_order(store::Connection& connection, const model::SalesOrder& order) {
  const auto payments = store::payments::of_order(connection, order.workspace_id, order.id);
  if (!payments) return fail(payments.error());
  return Answer{200, text_of(order, *payments)};
}

Result<Perform> create_order(const Input& input) {
  auto draft = read_order(input.body, input.store, input.key.source);
  if (!draft) return fail(draft.error());
  return [draft = *std::move(draft)](Work& work) -> Result<Answer> {
    const auto placed = work.sales.place(work.store, draft);
    if (!placed) return fail(placed.error());
    return render_placed(*placed);
  };
}

Result<Perform> find_order(const Input& input) {
  // No text that is stored has one, and PostgreSQL would not so much as compare it.
  if (input.request.param("external_id").contains('\0')) {
    return fail(Code::kNotFound, "order_not_found", "No external_id has a NUL character.");
  }
  return [external_id = input.request.param("external_id")](Work& work) -> Result<Answer> {
    const model::Store& store = work.store;
    const auto order = store::sales_orders::find_by_external(work.connection, store.workspace_id,
                                                             store.id, external_id);
    if (!order) return fail(order.error());
    if (!*order) {
      return fail(Code::kNotFound, "order_not_found",
                  "This store has no order with this external_id.");
    }
    return render_order(work.connection, **order);
  };
}

Result<Perform> record_payment(const Input& input) {
  const auto id = path_id<model::OrderId>(input.request, "order");
  if (!id) return fail(id.error());
  auto payment = read_payment(input.body);
  if (!payment) return fail(payment.error());
  return [id = *id, payment = *std::move(payment)](Work& work) -> Result<Answer> {
    const auto order = work.sales.find(id, work.store.id);
    if (!order) return fail(order.error());
    const auto draft = payment.in(order->currency);
    if (!draft) return fail(draft.error());
    const auto recorded = work.sales.record_payment(*order, *draft);
    if (!recorded) return fail(recorded.error());
    return Answer{recorded->duplicate ? 200 : 201, payment_text(*recorded, true)};
  };
}

Result<Perform> cancel_order(const Input& input) {
  const auto id = path_id<model::OrderId>(input.request, "order");
  if (!id) return fail(id.error());
  return [id = *id](Work& work) -> Result<Answer> {
    const auto order = work.sales.find(id, work.store.id);
    if (!order) return fail(order.error());
    const auto cancelled = work.sales.cancel(*order);
    if (!cancelled) return fail(cancelled.error());
    return render_order(work.connection, *cancelled);
  };
}

// Full refunds only (R-PC-7): an amount may say how much that is.
Result<void> check_is_whole(Work& work, const model::PaymentId& id, const model::Decimal& amount) {
  const auto payment = store::payments::find(work.connection, work.store.workspace_id, id);
  if (!payment) return fail(payment.error());
  // Of one that is another store's or was refunded before, refunding it tells.
  if (payment->store_id != work.store.id) return {};
  if (payment->state == model::PaymentState::kRefunded) return {};
  const int digits = model::currency_digits(payment->currency);
  const auto minor = model::to_minor(amount, digits);
  if (minor && *minor == payment->amount) return {};
  return fail(Code::kInvalid, "full_refund_only",
              fmt::format("The payment is of {}, and is refunded as a whole.",
                          model::amount_text(payment->amount, digits)),
              "$.amount");
}

Result<Perform> refund_payment(const Input& input) {
  const auto id = path_id<model::PaymentId>(input.request, "payment");
  if (!id) return fail(id.error());
  const auto amount = read_refund(input.body);
  if (!amount) return fail(amount.error());
  return [id = *id, amount = *amount](Work& work) -> Result<Answer> {
    if (amount) WAYBILL_TRY(check_is_whole(work, id, *amount));
    const auto refunded = work.sales.refund(id, work.store.id);
    if (!refunded) return fail(refunded.error());
    return Answer{200, payment_text(*refunded, false)};
  };
}

Result<Perform> put_client(const Input& input) {
  auto draft = read_client(input.body, input.key.source);
  if (!draft) return fail(draft.error());
  return [draft = *std::move(draft)](Work& work) -> Result<Answer> {
    const auto put = work.sales.put_client(work.store.id, draft);
    if (!put) return fail(put.error());
    Answer answer{put->is_new ? 201 : 200, {}};
    ObjectText object(answer.body);
    write(object, put->client);
    object.add("created", put->is_new).end();
    return answer;
  };
}

constexpr std::array<std::string_view, 3> kOrderCodes = {"total_mismatch", "overpayment",
                                                         "payment_exists"};
constexpr std::array<std::string_view, 1> kFindCodes = {"order_not_found"};
constexpr std::array<std::string_view, 4> kPaymentCodes = {"order_not_found", "order_cancelled",
                                                           "payment_exists", "overpayment"};
constexpr std::array<std::string_view, 2> kCancelCodes = {"order_not_found",
                                                          "order_not_cancellable"};
constexpr std::array<std::string_view, 3> kRefundCodes = {"payment_not_found", "payment_refunded",
                                                          "full_refund_only"};

constexpr std::array<Operation, 6> kOperations = {{
    {"createOrder", "POST", "/integrations/v1/orders", "orders:write", BodyRule::kRequired,
     kOrderCodes, create_order},
    {"findOrder", "GET", "/integrations/v1/orders/by-external/{external_id}", "", BodyRule::kNone,
     kFindCodes, find_order},
    {"recordPayment", "POST", "/integrations/v1/orders/{order}/payments", "payments:write",
     BodyRule::kRequired, kPaymentCodes, record_payment},
    {"cancelOrder", "POST", "/integrations/v1/orders/{order}/cancel", "orders:cancel",
     BodyRule::kOptional, kCancelCodes, cancel_order},
    {"refundPayment", "POST", "/integrations/v1/payments/{payment}/refund", "payments:refund",
     BodyRule::kOptional, kRefundCodes, refund_payment},
    {"putClient",
     "POST",
     "/integrations/v1/clients",
     "clients:write",
     BodyRule::kRequired,
     {},
     put_client},
}};

}  // namespace

std::span<const Operation> operations() { return kOperations; }

}  // namespace waybill::surfaces::peptideclients
