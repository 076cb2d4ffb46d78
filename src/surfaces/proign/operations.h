// The operations of PROIGN's API, in one table.

#pragma once

#include <string_view>
#include <vector>

#include "surfaces/native/call.h"

namespace waybill::surfaces::proign {

// Whose webhooks and words these are.
inline constexpr std::string_view kDialect = "proign";

struct Operation {
  std::string_view method;
  std::string_view path;  // Below each of the API's addresses.
  native::Operate operate;
  std::vector<std::string_view> query = {};  // The parameters it takes; others are refused.

  bool is_read() const { return method == "GET"; }
};

const std::vector<Operation>& operations();

// subscriptions.cc
Task<Result<native::Reply>> create_subscription(native::Call& call);
Task<Result<native::Reply>> list_subscriptions(native::Call& call);
Task<Result<native::Reply>> get_subscription(native::Call& call);
Task<Result<native::Reply>> delete_subscription(native::Call& call);
Task<Result<native::Reply>> test_subscription(native::Call& call);
Task<Result<native::Reply>> list_deliveries(native::Call& call);
// events.cc
Task<Result<native::Reply>> publish_event(native::Call& call);
Task<Result<native::Reply>> list_events(native::Call& call);
Task<Result<native::Reply>> get_event(native::Call& call);
Task<Result<native::Reply>> replay_event(native::Call& call);

}  // namespace waybill::surfaces::proign
