// How answers look for people: tables and lines of key and value, aligned and plain.
//
// What comes from elsewhere (an order's description, a receiver's answer) cannot steer the
// terminal: control characters are written as \xNN.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace waybill::app::cli {

struct Column {
  std::string_view title;
  std::string_view member;  // "id", "effective.timeout"
};

// A line of titles and a line for each row. Missing and null members are "-".
std::string render_table(const std::vector<Column>& columns, const json::array& rows);

// A line for each member; objects inside as "outer.inner", lists of objects as tables below.
std::string describe(const json::object& object);

// `text` with control characters made visible; line breaks too unless `keep_lines`.
std::string printable(std::string_view text, bool keep_lines = false);

}  // namespace waybill::app::cli
