// The ids of Waybill's records, each a type of its own.

#pragma once

#include <string_view>

#include "base/ids.h"

namespace waybill::model {

#define WAYBILL_ID(Name, prefix)                        \
  struct Name##Tag {                                    \
    static constexpr std::string_view kPrefix = prefix; \
  };                                                    \
  using Name##Id = Id<Name##Tag>

WAYBILL_ID(Workspace, "ws");
WAYBILL_ID(ApiKey, "key");
WAYBILL_ID(Supplier, "sup");
WAYBILL_ID(Order, "ord");
WAYBILL_ID(Event, "evt");
WAYBILL_ID(Endpoint, "ep");
WAYBILL_ID(Delivery, "dlv");
WAYBILL_ID(AuditEntry, "aud");
WAYBILL_ID(User, "usr");
WAYBILL_ID(Replay, "rpl");
WAYBILL_ID(Store, "sto");
WAYBILL_ID(Client, "cli");
WAYBILL_ID(Payment, "pay");
WAYBILL_ID(Shipment, "shp");
WAYBILL_ID(Product, "prd");
WAYBILL_ID(LoggedRequest, "req");
WAYBILL_ID(Source, "src");
WAYBILL_ID(Message, "msg");

#undef WAYBILL_ID

}  // namespace waybill::model
