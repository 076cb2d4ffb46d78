// JSON that other programs can check.
//
// Reading is strict: UTF-8, no duplicate members, numbers within range, bounded depth; doubles come
// out exact (Boost.JSON 1.81's own parser is not). Every fault is told with its JSON path.
//
// Writing gives the bytes that JavaScript's JSON.stringify(JSON.parse(text)) gives back unchanged,
// since some receivers sign those again instead of the bytes they were sent. For a text that
// parse_json takes, write_json gives what JavaScript would: tests/conformance asks Node.
//
// These functions keep no state; any thread may call them.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/result.h"

namespace waybill {

namespace json = boost::json;

// Arrays and objects inside each other: 64 are read, the 65th is refused.
inline constexpr std::size_t kJsonDepthMax = 64;

// An integer is an int64 if it fits, else a uint64 if that fits, else the nearest double. What is
// too small for a double is zero, as in JavaScript. Takes linear time and bounded stack whatever
// the text is; how long it may be is the caller's to limit.
//
// Fails with kInvalid, the path of the fault ("$.lines[0].quantity", "$[\"a b\"]"; where there is
// no value yet, of the array or object around it), and a message that tells line and column.
// Reasons:
//   malformed_json       It is not JSON (RFC 8259), or nothing, or more than one value.
//   invalid_utf8         Not UTF-8, or an escape that UTF-8 has no bytes for: half a surrogate
//   pair. duplicate_member     An object names a member twice, however the names are escaped.
//   number_out_of_range  Too large for a double, or an exponent of more than nine digits.
//   too_deep             More than kJsonDepthMax arrays and objects inside each other.
//
// `memory`: where the value lives; a json::monotonic_resource makes a short life cheap.
Result<json::value> parse_json(std::string_view text, json::storage_ptr memory = {});

// Fixed point of JSON.stringify: no white space, member order kept but for integer-like names
// (JavaScript moves "0" to "4294967294" to the front, ascending), numbers as JavaScript prints them
// (integers beyond 2^53 as the nearest double), `/` and non-ASCII unescaped, control characters as
// \b \f \n \r \t or \u00xx.
// Requires: every double is finite, every text valid UTF-8, as in what parse_json returns.
std::string write_json(const json::value& value);
void append_json(std::string& out, const json::value& value);
// The same text with two spaces of indentation, for people: JSON.stringify(value, null, 2).
std::string write_json_pretty(const json::value& value);

// `text` in quotes. Requires: valid UTF-8.
void append_json_string(std::string& out, std::string_view text);
// As JavaScript's Number.prototype.toString. Requires: finite.
std::string json_number(double number);

// True if `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);

}  // namespace waybill
