// The operations of ProcureIQ's API, in one table.

#pragma once

#include <string_view>
#include <vector>

#include "surfaces/native/call.h"

namespace waybill::surfaces::procureiq {

// Whose webhooks and words these are.
inline constexpr std::string_view kDialect = "procureiq";

struct Operation {
  std::string_view method;
  std::string_view path;
  std::string_view scope;  // Empty: any key may.
  native::Operate operate;
  std::vector<std::string_view> query = {};  // The parameters it takes; others are refused.
};

// All but the one that answers from the API's own counters.
const std::vector<Operation>& operations();

// webhooks.cc
Task<Result<native::Reply>> register_webhook(native::Call& call);
Task<Result<native::Reply>> list_webhooks(native::Call& call);
Task<Result<native::Reply>> get_webhook(native::Call& call);
Task<Result<native::Reply>> change_webhook(native::Call& call);   // What the body has.
Task<Result<native::Reply>> replace_webhook(native::Call& call);  // All of it.
Task<Result<native::Reply>> delete_webhook(native::Call& call);
Task<Result<native::Reply>> test_webhook(native::Call& call);
// deliveries.cc
Task<Result<native::Reply>> list_deliveries(native::Call& call);
Task<Result<native::Reply>> replay_delivery(native::Call& call);

}  // namespace waybill::surfaces::procureiq
