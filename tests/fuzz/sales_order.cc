// The bodies of PeptideClients' integration API: a body is refused with its path, or is an order
// whose total is the sum of its lines, and whose amounts read back.

#include "model/sales_order.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/json.h"
#include "fuzz/target.h"
#include "surfaces/peptideclients/errors.h"
#include "surfaces/peptideclients/order_reader.h"

namespace waybill::fuzz {
namespace {

using namespace surfaces::peptideclients;

void check_refusal(const Error& error) {
  WAYBILL_CHECK(error.code == Code::kInvalid, "a bad body is the caller's fault");
  WAYBILL_CHECK(error.path.starts_with('$') && is_utf8(error.path), "every fault has a path");
  WAYBILL_CHECK(!error.message.empty() && is_utf8(error.message), "every fault has a message");
  const std::string_view code = code_of(error).code;
  WAYBILL_CHECK(code == "invalid_request" || code == "total_mismatch",
                "what cannot be read is told as that");
}

void check_text(const std::optional<std::string>& text) {
  if (!text) return;
  WAYBILL_CHECK(!text->empty() && is_utf8(*text), "a text says something");
  WAYBILL_CHECK(!text->contains('\0'), "a text has no NUL, which PostgreSQL would not take");
}

void check_order(const intake::OrderDraft& draft) {
  const int digits = model::currency_digits(draft.currency);
  WAYBILL_CHECK(model::is_currency_code(draft.currency), "an order has a currency");
  WAYBILL_CHECK(!draft.items.empty() && draft.items.size() <= kItemsMax, "an order has items");
  WAYBILL_CHECK(draft.metadata.size() <= kMetadataBytesMax, "metadata is bounded");
  check_text(draft.external_id);
  check_text(draft.number);
  check_text(draft.note);
  for (const auto& text :
       {draft.client.external_id, draft.client.email, draft.client.name, draft.client.phone}) {
    check_text(text);
  }
  model::Minor sum = draft.shipping_total + draft.tax_total - draft.discount_total;
  for (const model::SalesItem& item : draft.items) {
    check_text(item.name);
    check_text(item.sku);
    WAYBILL_CHECK(item.quantity.unscaled > 0, "a quantity is above zero");
    sum += model::multiply(item.quantity, item.unit_price, digits).value();
  }
  WAYBILL_CHECK(sum == draft.total && sum >= 0 && sum <= model::kMinorMax, "the total is the sum");
  const auto written = model::parse_decimal(model::amount_text(draft.total, digits));
  WAYBILL_CHECK(written && model::to_minor(*written, digits).value() == draft.total,
                "an amount reads back");
  if (draft.payment) {
    WAYBILL_CHECK(draft.payment->amount > 0, "a payment is of something");
    check_text(draft.payment->external_id);
    check_text(draft.payment->method);
    check_text(draft.payment->reference);
  }
}

}  // namespace

void try_input(std::string_view input) {
  const Result<json::value> body = parse_json(input);
  if (!body || !body->is_object()) return;
  const json::object& object = body->get_object();
  model::Store store;
  store.currency = "EUR";
  const auto order = read_order(object, store, "api");
  order ? check_order(*order) : check_refusal(order.error());
  const auto payment = read_payment(object);
  if (!payment) {
    check_refusal(payment.error());
  } else if (const auto draft = payment->in("JPY"); !draft) {
    check_refusal(draft.error());
  }
  if (const auto refund = read_refund(object); !refund) check_refusal(refund.error());
  const auto client = read_client(object, "api");
  if (!client) {
    check_refusal(client.error());
  } else {
    WAYBILL_CHECK(client->external_id || client->email, "a client can be found again");
  }
}

}  // namespace waybill::fuzz
