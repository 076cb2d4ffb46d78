// Changes a member of JSON that a person has named: `--set lines.0.quantity=5`.

#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace waybill::app::cli {

// `assignment` is PATH=VALUE. PATH is names and, in arrays, indices, with dots between them;
// objects on the way that are not there are made, and the index after an array's last adds to it.
// VALUE is JSON, or a text if it is none.
// Fails with kUsage.
Result<void> set_member(json::value& data, std::string_view assignment);

}  // namespace waybill::app::cli
