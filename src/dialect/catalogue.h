// What a dialect's catalogue promises its receivers, and whether an event's data keeps it.

#pragma once

#include "base/result.h"
#include "dialect/dialect.h"

namespace waybill::dialect {

// Passes if the data that this dialect would send for `message` fits the schema of its catalogue;
// also for an event that the catalogue does not list. Renders what has a template of its own.
//
// Fails with kInvalid (event_data_invalid). The message names the dialect, its event and, where a
// template made what does not fit, the place in the rendered data. The path is in the canonical
// data: "$.lines[0].quantity"; "$" if what does not fit was not taken from there.
Result<void> check_data(const Dialect& dialect, const Message& message);

}  // namespace waybill::dialect
