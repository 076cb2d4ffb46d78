// How both halves of PeptideClients' API write records. Ids are UUIDs, amounts decimal texts with
// all decimals of their currency, times RFC 3339 with milliseconds; what is not known is null, and
// no member is ever left out.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_text.h"
#include "model/order.h"
#include "model/sales_order.h"
#include "model/trade.h"

namespace waybill::surfaces::peptideclients {

// Each adds the members of one record to an object, so that an answer can have more.
//
// Those that the answer to a new order has as well come first: id, external_id, number, status,
// payment_status, currency, total. `payments` are the order's.
void write(ObjectText& object, const model::SalesOrder& order,
           const std::vector<model::Payment>& payments);
void write(ObjectText& object, const model::Payment& payment);
void write(ObjectText& object, const model::Client& client);
void write(ObjectText& object, const model::Product& product);
// A vendor, as PeptideClients calls a supplier.
void write(ObjectText& object, const model::Supplier& supplier);

// The members of an order that the short answer (to a new one, a cancel, a payment) begins with:
// id, external_id, number, status, payment_status, currency, total.
void write_head(ObjectText& object, const model::SalesOrder& order);

// One record, alone.
template <class T, class... Context>
std::string text_of(const T& record, const Context&... context) {
  std::string out;
  ObjectText object(out);
  write(object, record, context...);
  object.end();
  return out;
}

}  // namespace waybill::surfaces::peptideclients
