#include "store/payments.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace waybill::store::payments {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, store_id, order_id, external_id, method, amount, currency, "
    "reference, state, paid_at, created_at, refunded_at FROM payments";

model::Payment read(const Row& row) {
  model::Payment payment;
  payment.id = row.id<model::PaymentId>(0);
  payment.workspace_id = row.id<model::WorkspaceId>(1);
  payment.store_id = row.id<model::StoreId>(2);
  payment.order_id = row.id<model::OrderId>(3);
  payment.external_id = row.string_or_null(4);
  payment.method = row.string(5);
  payment.amount = row.integer(6);
  payment.currency = row.string(7);
  payment.reference = row.string_or_null(8);
  const auto state = model::parse_payment_state(row.text(9));
  WAYBILL_CHECK(state.has_value(), "a stored payment's state is one we wrote");
  payment.state = *state;
  payment.paid_at = row.time(10);
  payment.created_at = row.time(11);
  payment.refunded_at = row.time_or_null(12);
  return payment;
}

}  // namespace

Result<void> insert(Connection& connection, const model::Payment& payment) {
  const auto inserted = connection.execute(
      "INSERT INTO payments (workspace_id, id, store_id, order_id, external_id, method, amount, "
      "currency, reference, state, paid_at, created_at, refunded_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING",
      {payment.workspace_id, payment.id, payment.store_id, payment.order_id, payment.external_id,
       payment.method, payment.amount, payment.currency, payment.reference,
       model::payment_state_name(payment.state), payment.paid_at, payment.created_at,
       payment.refunded_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 1) return {};
  return fail(Code::kConflict, "payment_exists",
              fmt::format("The store has a payment \"{}\" already.",
                          payment.external_id.value_or(payment.id.text())));
}

Result<model::Payment> find(Connection& connection, const model::WorkspaceId& workspace,
                            const model::PaymentId& id) {
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  std::optional<model::Payment> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (found) return *std::move(found);
  return fail(Code::kNotFound, "payment_not_found", "There is no such payment.");
}

Result<std::optional<model::Payment>> find_by_external(Connection& connection,
                                                       const model::WorkspaceId& workspace,
                                                       const model::StoreId& store,
                                                       std::string_view external_id) {
  static const std::string sql =
      std::string(kSelect) + " WHERE workspace_id = $1 AND store_id = $2 AND external_id = $3";
  std::optional<model::Payment> found;
  WAYBILL_TRY(connection.query(sql, {workspace, store, external_id},
                               [&](const Row& row) { found = read(row); }));
  return found;
}

Result<std::vector<model::Payment>> of_order(Connection& connection,
                                             const model::WorkspaceId& workspace,
                                             const model::OrderId& order) {
  static const std::string sql =
      std::string(kSelect) + " WHERE workspace_id = $1 AND order_id = $2 ORDER BY id";
  std::vector<model::Payment> all;
  WAYBILL_TRY(
      connection.query(sql, {workspace, order}, [&](const Row& row) { all.push_back(read(row)); }));
  return all;
}

Result<void> update(Connection& connection, const model::Payment& payment) {
  return connection.write(
      "UPDATE payments SET method = $3, amount = $4, currency = $5, reference = $6, state = $7, "
      "paid_at = $8, refunded_at = $9 WHERE workspace_id = $1 AND id = $2",
      {payment.workspace_id, payment.id, payment.method, payment.amount, payment.currency,
       payment.reference, model::payment_state_name(payment.state), payment.paid_at,
       payment.refunded_at});
}

Result<void> erase(Connection& connection, const model::Payment& payment) {
  return connection.write("DELETE FROM payments WHERE workspace_id = $1 AND id = $2",
                          {payment.workspace_id, payment.id});
}

Result<void> mark_refunded(Connection& connection, const model::WorkspaceId& workspace,
                           const model::PaymentId& id, Timestamp at) {
  return connection.write(
      "UPDATE payments SET state = $3, refunded_at = $4 WHERE workspace_id = $1 AND id = $2",
      {workspace, id, model::payment_state_name(model::PaymentState::kRefunded), at});
}

}  // namespace waybill::store::payments
