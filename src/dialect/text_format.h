// What JSON Schema calls the format of a text: dates, addresses and the like. A format that is
// listed here is really checked.

#pragma once

#include <string>
#include <string_view>

namespace waybill::dialect {

struct TextFormat {
  std::string_view name;    // In a schema: "date-time".
  std::string_view spoken;  // To people: "a time, as 2026-11-21T04:30:00Z".
  bool (*fits)(std::string_view text);
};

// Null: no such format.
const TextFormat* find_text_format(std::string_view name);

// "date, date-time, …"
std::string text_format_names();

}  // namespace waybill::dialect
