// How ProcureIQ's API writes records, and reads what names them.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_text.h"
#include "base/secret.h"
#include "dialect/dialect.h"
#include "model/delivery.h"
#include "model/endpoint.h"
#include "store/connection.h"
#include "store/page.h"
#include "surfaces/native/call.h"
#include "surfaces/platform_records.h"

namespace waybill::surfaces::procureiq {

// The dialect of ProcureIQ's webhooks.
const dialect::Dialect& dialect_of(const native::Call& call);

std::string webhook_id(const model::EndpointId& id);
// The {webhook} of the path. Fails with kNotFound (webhook_not_found).
Result<model::EndpointId> path_webhook_id(const native::Call& call);

// A webhook is an endpoint of the dialect procureiq; those of others are not there.
// Both fail with kNotFound (webhook_not_found).
Result<model::Endpoint> find_webhook(store::Connection& connection, const native::Call& call,
                                     const model::EndpointId& id);
Result<model::Endpoint> find_webhook_to_change(store::Connection& connection,
                                               const native::Call& call,
                                               const model::EndpointId& id);

// With its secret where that is given.
std::string text_of(const model::Endpoint& endpoint, const Secret& secret = {});

// A delivery, with its last try.
struct DeliveryRow {
  model::Delivery delivery;
  std::optional<model::Attempt> last;
};
std::string text_of(const DeliveryRow& row, const dialect::Dialect& dialect);

// {"success": true, "data": …}
std::string text_of_data(std::string_view json);

// {"success": true, "data": [ … ], "pagination": {"total", "limit", "offset"}}
template <class Rows, class TextOfOne>
std::string text_of_list(const Rows& rows, std::int64_t total, const store::PageRequest& page,
                         TextOfOne text_of_one) {
  std::string out;
  ObjectText object(out);
  object.add("success", true);
  append_list(object, rows, total, page, text_of_one);
  object.end();
  return out;
}

}  // namespace waybill::surfaces::procureiq
