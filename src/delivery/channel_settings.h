// What a handler of each kind is told of itself: JSON, sealed in Endpoint::channel_settings, and
// here as a struct. One file for all of them, since the management API reads and shows them.

#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "model/endpoint.h"

namespace waybill::delivery {

// Whether `settings` are those of a handler of this kind: all members known and of their types.
// Fails with kInvalid (handler_settings_invalid) and the path of the fault, or (channel_unknown)
// for one that this hub was not built with.
Result<void> check_channel_settings(model::Channel channel, const json::object& settings);

// The members that hold passwords, or URLs with a password in them: shown as "…" (of a URL, its
// password alone).
std::string shown_channel_settings(model::Channel channel, const json::object& settings);

// Whether only the operator may make one (the admin token): it runs programs, writes files, or
// connects to servers that the egress guard does not judge.
bool is_operators(model::Channel channel);

}  // namespace waybill::delivery
