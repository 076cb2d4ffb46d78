// How PROIGN's API writes records.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_text.h"
#include "dialect/dialect.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "store/deliveries.h"
#include "store/page.h"
#include "surfaces/native/call.h"
#include "surfaces/platform_records.h"

namespace waybill::surfaces::proign {

inline constexpr std::string_view kSubscriptionPrefix = "sub";

// The dialect of PROIGN's webhooks.
const dialect::Dialect& dialect_of(const native::Call& call);

// A subscription, without its secret.
std::string text_of(const model::Endpoint& endpoint);

// One request that was sent. `delivery_id` is that of its header X-Proign-Delivery-ID.
std::string text_of(const store::deliveries::Try& tried, const dialect::Dialect& dialect);
std::string delivery_id(const model::DeliveryId& id, int attempt);

// An event as subscribers receive it. Fails as dialect::render_body().
Result<std::string> envelope_of(const native::Call& call, const dialect::Dialect& dialect,
                                const model::Event& event);
// The same; data that cannot be sent is shown as it was published.
std::string text_of(const native::Call& call, const dialect::Dialect& dialect,
                    const model::Event& event);

// {"data": …}
std::string text_of_data(std::string_view json);

// {"data": [ … ], "pagination": {"total", "limit", "offset"}}. `text_of_one` writes each of `rows`.
template <class Rows, class TextOfOne>
std::string text_of_list(const Rows& rows, std::int64_t total, const store::PageRequest& page,
                         TextOfOne text_of_one) {
  std::string out;
  ObjectText object(out);
  append_list(object, rows, total, page, text_of_one);
  object.end();
  return out;
}

}  // namespace waybill::surfaces::proign
