// Handlers that insert a row for each message into a table of PostgreSQL: a batch is a transaction,
// and a message is handled once that is committed. The message's id is the table's key, and a row
// that is there already is left as it is, so a second attempt changes nothing: the effect is
// exactly once.

#pragma once

#include "delivery/channels/broker_channel.h"

namespace waybill::delivery {

// Fails as read_sql_settings().
Result<BrokerPlan> sql_plan(const json::object& settings);

}  // namespace waybill::delivery
