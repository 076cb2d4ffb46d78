// What the request log may keep of a body: its JSON with "***" for whatever is a secret or tells of
// a person.
//
// Left out are the strings and numbers of members whose names say so, in either case and with any
// separators ("firstName" is "first_name"), and everything inside such members; and any string that
// looks like an e-mail address, a key, or JSON in a string. What is no JSON is not kept at all,
// and what is no more JSON from some place on, not from there on.
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

// Whether the value of a member called `name` is left out.
bool is_redacted_name(std::string_view name);

}  // namespace waybill::app
