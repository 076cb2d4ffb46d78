// What the request log may keep of a body: its JSON with "***" for whatever is a secret or tells of
// a person. And the same of a path.
//
// Left out are the strings and numbers
//   - of members whose names say so, in either case and with any separators ("firstName" is
//     "first_name"), and everything inside such members;
//   - inside objects and lists whose names begin with "customer", "client", "billing" or "shipping"
//     ("shipping_total" is a plain number, "shipping_address" is not);
//   - called "value" beside a "name" or "key" that says so: {"name": "billing_phone", "value": …}.
// So is any string that looks like an e-mail address, a key, or JSON in a string; of addresses in
// strings, their queries; and of those that are the value of a member called so ("webhook_url"),
// all but scheme and host. What is no JSON is not kept at all, and what is no more JSON from some
// place on, not from there on.
//
// One pass, without allocating for each value; it may be given the beginning of a body alone.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace waybill::app {

inline constexpr std::string_view kRedacted = "***";

// `body`: all of it or its beginning. At most `bytes_max` bytes come of it. Nothing: it is neither
// an object nor an array.
std::optional<std::string> redact(std::string_view body, std::size_t bytes_max);

// Whether the value of a member called `name` is left out, whatever it is.
bool is_redacted_name(std::string_view name);

// A path, not decoded: left out are what a shop calls its order (behind "by-external"), whatever
// may be an e-mail address, and the token of a source.
std::string redact_path(std::string_view path);

}  // namespace waybill::app
