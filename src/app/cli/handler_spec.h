// A handler in one word of the command line, as the management API takes it:
//
//   https://…, http://…                       posted to
//   command:/path/to/program arg …            run; quotes and backslashes part as in a shell
//   file:NAME                                 a line of JSON appended
//   redis://[:PASSWORD@]HOST:PORT[/DB]?stream=NAME[&maxlen=N]
//   amqp://USER:PASSWORD@HOST:PORT/VHOST?exchange=NAME[&routing_key=KEY]
//   kafka://HOST:PORT[,HOST:PORT]/TOPIC[?key=TEMPLATE]
//   postgresql://USER:PASSWORD@HOST:PORT/DATABASE?table=NAME
//   publish, fetch
//
// What follows the ? is decoded, and becomes settings; the rest of a URL stays as it is written.

#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace waybill::app::cli {

// The members "channel", "url" (of http) and "settings".
// Fails with kInvalid (usage) and a message that names the part that is wrong, but no password.
Result<json::object> parse_handler_spec(std::string_view spec);

// Adds "name=value" texts to the settings. Fails likewise.
Result<void> add_settings(json::object& handler, const std::vector<std::string>& texts);

}  // namespace waybill::app::cli
