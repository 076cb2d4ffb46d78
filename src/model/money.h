// Exact decimals. Money is a whole number of its currency's minor units; a price of one and a
// quantity may have more decimals than that. Nothing of it is ever a double.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace waybill::model {

// So many of a currency's minor units: cents.
using Minor = std::int64_t;

// No amount is above it: up to here a JSON number and a double say the same, so that every reader
// of an event's "amount" reads the same.
inline constexpr Minor kMinorMax = 1'000'000'000'000'000;

// How many decimals the minor unit of `currency` stands for, by ISO 4217: 2 for EUR, 0 for JPY, 3
// for KWD. A code that is not in the list (a shop's own, a cryptocurrency) has kUnknownDigits.
inline constexpr int kUnknownDigits = 8;
int currency_digits(std::string_view currency);
bool is_known_currency(std::string_view currency);
// Three to twelve of A-Z and 0-9, beginning with a letter.
bool is_currency_code(std::string_view text);

// A decimal: `unscaled` / 10^`scale`, without zeros at its end. At most 15 significant digits, and
// at most 12 of them after the point.
struct Decimal {
  std::int64_t unscaled = 0;
  int scale = 0;

  friend bool operator==(const Decimal&, const Decimal&) = default;
  // "2.5", "-3", "0.00000001": without zeros at the end, also where a Decimal made by hand has
  // them.
  std::string text() const;
  // The same as a JSON number, as write_json() would write it: "2.5", "1e-8".
  std::string number() const;
};

// "12", "-0.50", "12.3400", but not "1e3", ".5", "1." or " 1".
// Fails with kInvalid (amount_invalid, amount_out_of_range).
Result<Decimal> parse_decimal(std::string_view text);
// A JSON string as above, or a JSON number. Fails also with kInvalid (amount_inexact) for a number
// of more than 15 significant digits, which no longer is what the caller wrote: send it as a text.
Result<Decimal> decimal_from_json(const json::value& value);

// `amount` in minor units of a currency of `digits` decimals.
// Fails with kInvalid (amount_too_precise, amount_out_of_range).
Result<Minor> to_minor(const Decimal& amount, int digits);
// quantity × price, rounded half away from zero to `digits` decimals.
// Fails with kInvalid (amount_out_of_range).
Result<Minor> multiply(const Decimal& quantity, const Decimal& price, int digits);

// "1234.50" for 123450 and 2 digits, as the APIs write money: always with all decimals of a known
// currency; of an unknown one (kUnknownDigits) with at least 2, and no further zeros at the end.
std::string amount_text(Minor amount, int digits);
// The same as a JSON number, as events have it: 1234.5.
std::string amount_number(Minor amount, int digits);

}  // namespace waybill::model
