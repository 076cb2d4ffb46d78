// Takes in what WooCommerce says of an order, by webhook or by its REST API: what is stored in the
// end depends on the set of messages alone (model/woocommerce.h), and so does which orders,
// payments and clients there are and what they say. Only their ids and the times at which the hub
// did something are its own.
//
// Whatever else changes an order (the integration API, an operator) stays, until the shop says
// another thing about the same.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "intake/sales.h"
#include "model/trade.h"
#include "model/woocommerce.h"
#include "store/connection.h"

namespace waybill::intake {

enum class WooCommerceOutcome {
  kIgnored,    // Its status means nothing here.
  kUnchanged,  // Older than what is known, or the same again.
  kNoted,      // Kept, but there is no order: one that was never more than cancelled.
  kCreated,    // There is an order now.
  kUpdated,
};
std::string_view outcome_name(WooCommerceOutcome outcome);  // "ignored" …

struct TakenIn {
  WooCommerceOutcome outcome = WooCommerceOutcome::kIgnored;
  std::optional<model::OrderId> order_id;
};

// `source`: what a new order and client are said to come from.
// Requires: `sales` has begun, on `connection`.
// Fails with kConflict (payment_exists) where a payment of another order has the external id that
// this one's is to have, and as Connection::execute().
Result<TakenIn> take_in(SalesUnit& sales, store::Connection& connection, const model::Store& store,
                        std::string_view source, const model::woocommerce::Message& message);

// What would come of it; writes nothing.
Result<WooCommerceOutcome> foresee(store::Connection& connection, const model::Store& store,
                                   const model::woocommerce::Message& message);

}  // namespace waybill::intake
