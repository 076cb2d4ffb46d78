#include "model/money.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

namespace waybill::model {
namespace {

// As wide as the product of two decimals.
__extension__ using Wide = __int128;

constexpr std::size_t kSignificantDigitsMax = 15;
constexpr int kScaleMax = 12;
constexpr int kDigitsOfMost = 2;
// Of more, zeros at the end are no habit of anybody.
constexpr int kDigitsInFull = 3;

struct Digits {
  std::string_view currency;
  int digits;
};

// ISO 4217's currencies in use, but those whose minor unit is two decimals.
constexpr std::array kUnusual = {
    Digits{"BHD", 3}, Digits{"BIF", 0}, Digits{"CLF", 4}, Digits{"CLP", 0}, Digits{"DJF", 0},
    Digits{"GNF", 0}, Digits{"IQD", 3}, Digits{"ISK", 0}, Digits{"JOD", 3}, Digits{"JPY", 0},
    Digits{"KMF", 0}, Digits{"KRW", 0}, Digits{"KWD", 3}, Digits{"LYD", 3}, Digits{"OMR", 3},
    Digits{"PYG", 0}, Digits{"RWF", 0}, Digits{"TND", 3}, Digits{"UGX", 0}, Digits{"UYI", 0},
    Digits{"UYW", 4}, Digits{"VND", 0}, Digits{"VUV", 0}, Digits{"XAF", 0}, Digits{"XOF", 0},
    Digits{"XPF", 0},
};
// What WooCommerce has beside, or had, of none.
constexpr auto kWhole = std::to_array<std::string_view>({"BYR", "IRT"});
// By the market's habit: a satoshi is 10^-8.
constexpr int kDigitsOfCrypto = 8;
constexpr auto kCrypto = std::to_array<std::string_view>(
    {"ADA", "BCH", "BNB", "BTC", "DAI",  "DASH", "DOGE", "DOT", "ETC", "ETH", "LTC",
     "POL", "SOL", "TON", "TRX", "USDC", "USDT", "XBT",  "XLM", "XMR", "XRP", "ZEC"});
// All else. Codes that were withdrawn (ANG, BGN, HRK, LTL …) or that no standard has (GGP, IMP,
// JEP, PRB) are here, as shops still name them. Metals and units of account have no minor unit, and
// are not here.
constexpr auto kUsual = std::to_array<std::string_view>(
    {"AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
     "BGN", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF",
     "CHE", "CHF", "CHW", "CNY", "COP", "COU", "CRC", "CUC", "CUP", "CVE", "CZK", "DKK", "DOP",
     "DZD", "EEK", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GGP", "GHS", "GIP",
     "GMD", "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG", "HUF", "IDR", "ILS", "IMP", "INR", "IRR",
     "JEP", "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL",
     "LTL", "LVL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRO", "MRU", "MUR", "MVR",
     "MWK", "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN",
     "PGK", "PHP", "PKR", "PLN", "PRB", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG",
     "SEK", "SGD", "SHP", "SLE", "SLL", "SOS", "SRD", "SSP", "STD", "STN", "SVC", "SYP", "SZL",
     "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "USN", "UYU", "UZS",
     "VED", "VEF", "VES", "WST", "XCD", "XCG", "YER", "ZAR", "ZMK", "ZMW", "ZWG", "ZWL"});

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<int> known_digits(std::string_view currency) {
  if (std::ranges::binary_search(kUsual, currency)) return kDigitsOfMost;
  for (const Digits& unusual : kUnusual) {
    if (unusual.currency == currency) return unusual.digits;
  }
  if (std::ranges::binary_search(kWhole, currency)) return 0;
  if (std::ranges::binary_search(kCrypto, currency)) return kDigitsOfCrypto;
  return std::nullopt;
}

std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

std::unexpected<Error> out_of_range() {
  return fail(Code::kInvalid, "amount_out_of_range",
              "An amount has at most 15 significant digits, and at most 12 decimals.");
}

std::unexpected<Error> invalid() {
  return fail(Code::kInvalid, "amount_invalid", "An amount is a decimal, as \"12.50\".");
}

// ±`digits` × 10^`exponent`. `digits` has no sign and no point.
Result<Decimal> assemble(std::string_view digits, int exponent, bool is_negative) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return Decimal{};
  const std::size_t last = digits.find_last_not_of('0');
  exponent += static_cast<int>(digits.size() - 1 - last);
  digits = digits.substr(0, last + 1);
  const std::size_t zeros = exponent > 0 ? static_cast<std::size_t>(exponent) : 0;
  if (digits.size() + zeros > kSignificantDigitsMax || -exponent > kScaleMax) return out_of_range();
  std::int64_t unscaled = 0;
  for (const char digit : digits) unscaled = unscaled * 10 + (digit - '0');
  unscaled *= power_of_ten(static_cast<int>(zeros));
  return Decimal{is_negative ? -unscaled : unscaled, std::max(-exponent, 0)};
}

// `units` / 10^`digits` with exactly so many decimals.
std::string plain_text(std::int64_t units, int digits) {
  std::string text = std::to_string(std::abs(units));
  const auto decimals = static_cast<std::size_t>(digits);
  if (text.size() <= decimals) text.insert(0, decimals + 1 - text.size(), '0');
  if (decimals > 0) text.insert(text.size() - decimals, 1, '.');
  if (units < 0) text.insert(0, 1, '-');
  return text;
}

// Without the zeros at its end, but with at least `kept` decimals. Requires: `text` has a point.
void drop_zeros(std::string& text, std::size_t kept) {
  const std::size_t point = text.find('.');
  std::size_t end = text.size();
  while (end > point + 1 + kept && text[end - 1] == '0') --end;
  if (end == point + 1) end = point;
  text.resize(end);
}

Decimal normalized(Decimal amount) {
  while (amount.scale > 0 && amount.unscaled % 10 == 0) {
    amount.unscaled /= 10;
    --amount.scale;
  }
  return amount;
}

Result<Minor> within_limit(Wide amount) {
  if (amount > kMinorMax || amount < -kMinorMax) {
    return fail(Code::kInvalid, "amount_out_of_range", "This amount is too large.");
  }
  return static_cast<Minor>(amount);
}

// Of a number as JavaScript writes it: "-12.5", "1e+21", "1.5e-7".
Result<Decimal> parse_number(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  int exponent = 0;
  if (const std::size_t e = text.find('e'); e != std::string_view::npos) {
    exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
    text = text.substr(0, e);
  }
  std::string digits(text);
  if (const std::size_t point = digits.find('.'); point != std::string::npos) {
    exponent -= static_cast<int>(digits.size() - point - 1);
    digits.erase(point, 1);
  }
  const std::size_t first = digits.find_first_not_of('0');
  const std::size_t last = digits.find_last_not_of('0');
  if (first != std::string::npos && last - first + 1 > kSignificantDigitsMax) {
    return fail(Code::kInvalid, "amount_inexact",
                "A number of more than 15 digits loses some of them on its way: send the amount "
                "as a text.");
  }
  return assemble(digits, exponent, is_negative);
}

}  // namespace

int currency_digits(std::string_view currency) {
  return known_digits(currency).value_or(kUnknownDigits);
}

bool is_known_currency(std::string_view currency) { return known_digits(currency).has_value(); }

bool is_currency_code(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  return text.size() >= 3 && text.size() <= 12 && is_letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || is_digit(c); });
}

std::string Decimal::text() const {
  const Decimal least = normalized(*this);
  return plain_text(least.unscaled, least.scale);
}

std::string Decimal::number() const {
  const Decimal least = normalized(*this);
  std::string digits = std::to_string(std::abs(least.unscaled));
  const int exponent = static_cast<int>(digits.size()) - 1 - least.scale;
  // JavaScript writes what is below a millionth with an exponent.
  if (least.unscaled == 0 || exponent >= -6) return text();
  if (digits.size() > 1) digits.insert(1, 1, '.');
  return fmt::format("{}{}e{}", least.unscaled < 0 ? "-" : "", digits, exponent);
}

Result<Decimal> parse_decimal(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (whole.empty() || (point != std::string_view::npos && fraction.empty())) return invalid();
  if (!std::ranges::all_of(whole, is_digit) || !std::ranges::all_of(fraction, is_digit)) {
    return invalid();
  }
  // So long that a scale might not fit an int.
  if (text.size() > 100) return out_of_range();
  return assemble(std::string(whole).append(fraction), -static_cast<int>(fraction.size()),
                  is_negative);
}

Result<Decimal> decimal_from_json(const json::value& value) {
  if (value.is_string()) return parse_decimal(value.get_string());
  if (value.is_int64()) return parse_number(std::to_string(value.get_int64()));
  if (value.is_uint64()) return parse_number(std::to_string(value.get_uint64()));
  if (value.is_double()) return parse_number(json_number(value.get_double()));
  return invalid();
}

Result<Minor> to_minor(const Decimal& amount, int digits) {
  if (amount.scale > digits) {
    return fail(Code::kInvalid, "amount_too_precise",
                fmt::format("This currency's amounts have at most {} decimals.", digits));
  }
  return within_limit(Wide{amount.unscaled} * power_of_ten(digits - amount.scale));
}

Result<Minor> multiply(const Decimal& quantity, const Decimal& price, int digits) {
  Wide product = Wide{quantity.unscaled} * price.unscaled;
  const int excess = quantity.scale + price.scale - digits;
  if (excess < 0) return within_limit(product * power_of_ten(-excess));
  // Two steps, as 10^24 is no 64-bit number.
  Wide divisor = power_of_ten(std::min(excess, kScaleMax));
  divisor *= power_of_ten(std::max(excess - kScaleMax, 0));
  const Wide half = divisor / 2;
  product += product < 0 ? -half : half;
  return within_limit(product / divisor);
}

std::string amount_text(Minor amount, int digits) {
  std::string text = plain_text(amount, digits);
  if (digits > kDigitsInFull) drop_zeros(text, kDigitsOfMost);
  return text;
}

std::string amount_number(Minor amount, int digits) { return Decimal{amount, digits}.number(); }

}  // namespace waybill::model
