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

// No amount is above it: of up to 15 digits, wherever the point is, a JSON number and a double say
// the same, so that every reader of an event's "amount" reads the same. (The whole numbers up to
// 2^53 that a double tells apart too are no measure: it has 90000000000000.01 as …0.015625.)
inline constexpr Minor kMinorMax = 1'000'000'000'000'000;

// How many decimals the minor unit of `currency` stands for: by ISO 4217, 2 for EUR, 0 for JPY, 3
// for KWD; of what else shops can be set to (WooCommerce's list has withdrawn and local codes, IRT
// for one) what they are priced in; of the known cryptocurrencies 8. A code that is in no list (a
// shop's own) has kUnknownDigits.
//
// Amounts are stored in minor units alone: once orders are, the digits of a code never change, nor
// does a code that is in no list move into one with others.
inline constexpr int kUnknownDigits = 4;
int currency_digits(std::string_view currency);
// Whether it is in one of the lists.
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

// "1234.50" for 123450 and 2 digits, as the APIs write money: always with all decimals of a
// currency of up to 3; of one of more with at least 2, and no further zeros at the end.
std::string amount_text(Minor amount, int digits);
// The same as a JSON number, as events have it: 1234.5.
std::string amount_number(Minor amount, int digits);

}  // namespace waybill::model
