// Reads the bodies of the integration API: orders, payments, refunds, clients. The platform does
// not publish their shapes; these are ours (docs/platforms/peptideclients.md), and are kept.
//
// Members that nobody asked for are passed over, and null is the same as nothing. Amounts are
// decimal texts or numbers, and are checked to the last digit.
//
// All fail with kInvalid and the JSON path of the fault (member_missing, member_type,
// member_invalid, currency_invalid, currency_differs, metadata_too_large, or as model/money.h), but
// for what is said beside them.

#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "intake/sales.h"
#include "model/money.h"
#include "model/trade.h"

namespace waybill::surfaces::peptideclients {

inline constexpr std::size_t kItemsMax = 1000;
inline constexpr std::size_t kMetadataBytesMax = 16 * 1024;  // As write_json() writes it.

// {external_id, number?, placed_at?, currency?, client?, items, shipping_total?, tax_total?,
// discount_total?, total?, payment?, note?, metadata?}. What it names no currency for is in that of
// `store`. Each line is rounded once, to the currency's minor unit; a `total` has to be the sum.
// Fails also with kInvalid (total_mismatch), and as model::total_of().
Result<intake::OrderDraft> read_order(const json::object& body, const model::Store& store,
                                      std::string source);

// {external_id?, method, amount, currency?, reference?, paid_at?}: its amount is not yet in minor
// units, since that takes the order's currency.
struct PaymentInput {
  intake::PaymentDraft draft;
  model::Decimal amount;
  std::optional<std::string> currency;
  std::string path;  // Of the object in its body: "$", "$.payment".

  // Fails with kInvalid: currency_differs from the order's, or an amount that is not above zero or
  // has more decimals than the currency.
  Result<intake::PaymentDraft> in(std::string_view order_currency) const;
};
Result<PaymentInput> read_payment(const json::object& body);

// {amount?}: nothing for all of it.
Result<std::optional<model::Decimal>> read_refund(const json::object& body);

// {external_id?, email?, name?, phone?}, with the first or the second.
Result<intake::ClientDraft> read_client(const json::object& body, std::string source);

}  // namespace waybill::surfaces::peptideclients
