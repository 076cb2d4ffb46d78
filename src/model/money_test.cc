#include "model/money.h"

#include <map>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace waybill::model {
namespace {

// "2.5", or the reason of the refusal.
std::string read(std::string_view text) {
  const auto decimal = parse_decimal(text);
  return decimal ? decimal->text() : decimal.error().reason;
}

std::string read_json(std::string_view text) {
  const auto decimal = decimal_from_json(parse_json(text).value());
  return decimal ? decimal->text() : decimal.error().reason;
}

Decimal decimal(std::string_view text) { return parse_decimal(text).value(); }

std::string shown(const Result<Minor>& amount) {
  return amount ? std::to_string(*amount) : amount.error().reason;
}

TEST(Currency, HasTheDecimalsOfIso4217) {
  // Every code of ISO 4217's list one of active currencies whose minor unit is not 2.
  const std::map<int, std::vector<std::string>> unusual = {
      {0,
       {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
        "VUV", "XAF", "XOF", "XPF"}},
      {3, {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}},
      {4, {"CLF", "UYW"}}};
  for (const auto& [digits, codes] : unusual) {
    for (const std::string& code : codes) EXPECT_EQ(currency_digits(code), digits) << code;
  }
  for (const char* code :
       {"AED", "AFN", "BAM", "BGN", "CAD", "CHF", "CZK", "EUR", "GBP", "HKD", "INR", "MXN", "MRU",
        "PLN", "SLE", "USD", "UYU", "VES", "WST", "XCD", "XCG", "YER", "ZAR", "ZMW", "ZWG"}) {
    EXPECT_EQ(currency_digits(code), 2) << code;
    EXPECT_TRUE(is_known_currency(code)) << code;
  }
}

// An everyday order in toman is one of ten millions and more, which had no place below kMinorMax
// while the code had eight decimals.
TEST(Currency, OfEveryShopIsKnown) {
  // get_woocommerce_currencies() of WooCommerce 9, but for those of ISO 4217's list of today.
  const std::map<std::string, int> listed = {{"ANG", 2}, {"BGN", 2}, {"BTC", 8}, {"BYR", 0},
                                             {"CUC", 2}, {"GGP", 2}, {"HRK", 2}, {"IMP", 2},
                                             {"IRT", 0}, {"JEP", 2}, {"PRB", 2}, {"VEF", 2}};
  for (const auto& [code, digits] : listed) {
    EXPECT_EQ(currency_digits(code), digits) << code;
    EXPECT_TRUE(is_known_currency(code)) << code;
  }
  for (const char* former : {"LTL", "LVL", "MRO", "SLL", "STD", "ZWL"}) {
    EXPECT_EQ(currency_digits(former), 2) << former;
    EXPECT_TRUE(is_known_currency(former)) << former;
  }
  for (const char* coin : {"BCH", "BTC", "DOGE", "ETH", "LTC", "USDC", "USDT", "XBT", "XRP"}) {
    EXPECT_EQ(currency_digits(coin), 8) << coin;
    EXPECT_TRUE(is_known_currency(coin)) << coin;
  }
  EXPECT_EQ(shown(to_minor(decimal("125000000"), currency_digits("IRT"))), "125000000");
}

TEST(Currency, OfNoListHasFourDecimals) {
  for (const char* code : {"XAU", "XTS", "POINTS", "eur", "", "EU", "EURO", "btc"}) {
    EXPECT_EQ(currency_digits(code), 4) << code;
    EXPECT_FALSE(is_known_currency(code)) << code;
  }
  EXPECT_TRUE(is_known_currency("UYW")) << "which has as many";
  EXPECT_EQ(shown(to_minor(decimal("99999999999"), kUnknownDigits)), "999999999990000");
}

TEST(Currency, CodesAreThreeToTwelveCapitalsAndDigits) {
  for (const char* code : {"EUR", "BTC", "USDT", "A00", "POINTS2026AB"}) {
    EXPECT_TRUE(is_currency_code(code)) << code;
  }
  for (const char* code : {"", "EU", "eur", "EuR", "1EU", "EU R", "EU-", "ABCDEFGHIJKLM", "€€€"}) {
    EXPECT_FALSE(is_currency_code(code)) << code;
  }
}

TEST(Decimal, IsReadAsItIsWrittenWithoutZerosAtItsEnd) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"12", "12"},
      {"-0.50", "-0.5"},
      {"12.3400", "12.34"},
      {"0", "0"},
      {"-0", "0"},
      {"-0.00", "0"},
      {"007.10", "7.1"},
      {"1000", "1000"},
      {"0.000000000001", "0.000000000001"},
      {"999999999999999", "999999999999999"},
      {"-999999999999.999", "-999999999999.999"},
      {"0.123456789012", "0.123456789012"},
      {"1.00000000000000000000", "1"},
      {"100.00", "100"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(read(text), expected) << text;
  EXPECT_EQ(decimal("12.3400"), (Decimal{1234, 2}));
  EXPECT_EQ(decimal("1000"), (Decimal{1000, 0}));
  EXPECT_EQ((Decimal{2000, 2}.text()), "20");
  EXPECT_EQ((Decimal{2050, 2}.number()), "20.5");
}

TEST(Decimal, RefusesWhatIsNone) {
  for (const char* text : {"", "-", ".", ".5", "1.", " 1", "1 ", "1e3", "+1", "--1", "1.2.3", "1,5",
                           "0x1", "NaN", "Infinity", "1.-5", "12a", "٣", "-.5"}) {
    EXPECT_EQ(read(text), "amount_invalid") << text;
  }
  EXPECT_EQ(read(std::string_view("1\0", 2)), "amount_invalid");
}

TEST(Decimal, RefusesMoreThanFifteenDigitsOrTwelveDecimals) {
  const std::string long_text = "1" + std::string(5'000, '0');
  for (const std::string& text :
       {std::string("1000000000000000"), std::string("1234567890.1234567"),
        std::string("0.0000000000001"), std::string("99999999999999999999999999"), long_text,
        "0." + std::string(5'000, '1')}) {
    EXPECT_EQ(read(text), "amount_out_of_range") << text.substr(0, 40);
  }
}

TEST(Decimal, ComesFromAJsonTextOrNumber) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("12.50")", "12.5"},
      {"12.50", "12.5"},
      {"-3", "-3"},
      {"0.1", "0.1"},
      {"29.35", "29.35"},
      {"1e3", "1000"},
      {"1.5e-7", "0.00000015"},
      {"0.000001", "0.000001"},
      {"999999999999999", "999999999999999"},
      {"-0.0", "0"},
      {"123456789012.345", "123456789012.345"},
      {"1e-12", "0.000000000001"},
      {"1e21", "amount_out_of_range"},
      {"1e-13", "amount_out_of_range"},
      {"1000000000000000", "amount_out_of_range"},
      {"9007199254740993", "amount_inexact"},
      {"18446744073709551615", "amount_inexact"},
      {"0.12345678901234567", "amount_inexact"},
      {"9.333333333333334", "amount_inexact"},
      {R"("9.333333333333334")", "amount_out_of_range"},
      {R"("1e3")", "amount_invalid"},
      {"null", "amount_invalid"},
      {"true", "amount_invalid"},
      {"[]", "amount_invalid"},
      {"{}", "amount_invalid"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(read_json(text), expected) << text;
}

// A decimal of up to 15 digits is the same as a text, as a JSON number, and read back from either.
TEST(Decimal, IsTheSameAsATextAndAsANumber) {
  const std::uint64_t seed = 20'260'519;
  Rng rng(seed);
  for (int i = 0; i < 20'000; ++i) {
    const int digits = static_cast<int>(rng.between(1, 15));
    std::int64_t unscaled = 0;
    for (int d = 0; d < digits; ++d) unscaled = unscaled * 10 + rng.between(0, 9);
    if (rng.between(0, 1) == 1) unscaled = -unscaled;
    std::string text = Decimal{unscaled, static_cast<int>(rng.between(0, 12))}.text();
    const Decimal value = decimal(text);
    const std::string number = value.number();
    const json::value parsed = parse_json(number).value();
    EXPECT_EQ(write_json(parsed), number) << "seed " << seed << ", " << text;
    EXPECT_EQ(decimal_from_json(parsed).value(), value) << "seed " << seed << ", " << text;
    EXPECT_EQ(decimal(value.text()), value) << "seed " << seed << ", " << text;
  }
}

TEST(Amount, IsAWholeNumberOfMinorUnits) {
  struct Case {
    std::string_view amount;
    int digits;
    std::string expected;
  };
  const std::vector<Case> cases = {{"12.5", 2, "1250"},
                                   {"-12.34", 2, "-1234"},
                                   {"12", 0, "12"},
                                   {"12.345", 3, "12345"},
                                   {"0", 2, "0"},
                                   {"12.345", 2, "amount_too_precise"},
                                   {"0.5", 0, "amount_too_precise"},
                                   {"0.00000001", 8, "1"},
                                   {"9999999999999.99", 2, "999999999999999"},
                                   {"10000000000000", 2, "1000000000000000"},
                                   {"10000000000001", 2, "amount_out_of_range"},
                                   {"-10000000000001", 2, "amount_out_of_range"},
                                   {"999999999999999", 0, "999999999999999"},
                                   {"999999999999999", 8, "amount_out_of_range"}};
  for (const Case& c : cases) {
    EXPECT_EQ(shown(to_minor(decimal(c.amount), c.digits)), c.expected) << c.amount;
  }
}

TEST(Amount, OfALineIsRoundedHalfAwayFromZero) {
  struct Case {
    std::string_view quantity, price;
    int digits;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {"3", "9.99", 2, "2997"},
      {"1", "0.005", 2, "1"},
      {"1", "0.0049", 2, "0"},
      {"1", "-0.005", 2, "-1"},
      {"1", "-0.0049", 2, "0"},
      {"0.5", "0.01", 2, "1"},
      {"1", "2.675", 2, "268"},  // Which a double has as 2.67499…
      {"1.005", "1000", 2, "100500"},
      {"3", "0.5", 0, "2"},
      {"2", "12.5", 3, "25000"},
      {"2", "0", 2, "0"},
      {"0.000000000001", "0.000000000001", 2, "0"},
      {"0.999999999999", "0.999999999999", 0, "1"},
      {"999999999999999", "999999999999999", 2, "amount_out_of_range"},
      {"999999999999999", "-999999999999999", 8, "amount_out_of_range"},
      {"100000", "100000000", 2, "1000000000000000"},
      {"100000.001", "100000000", 2, "amount_out_of_range"}};
  for (const Case& c : cases) {
    EXPECT_EQ(shown(multiply(decimal(c.quantity), decimal(c.price), c.digits)), c.expected)
        << c.quantity << " × " << c.price;
  }
}

TEST(Amount, IsWrittenWithTheDecimalsOfItsCurrency) {
  struct Case {
    Minor amount;
    int digits;
    std::string text, number;
  };
  const std::vector<Case> cases = {{123450, 2, "1234.50", "1234.5"},
                                   {0, 2, "0.00", "0"},
                                   {5, 2, "0.05", "0.05"},
                                   {-5, 2, "-0.05", "-0.05"},
                                   {-12345, 2, "-123.45", "-123.45"},
                                   {1200, 0, "1200", "1200"},
                                   {0, 0, "0", "0"},
                                   {1000, 3, "1.000", "1"},
                                   {12345, 4, "1.2345", "1.2345"},
                                   {15000, 4, "1.50", "1.5"},
                                   {100000000, 8, "1.00", "1"},
                                   {150000000, 8, "1.50", "1.5"},
                                   {123456789, 8, "1.23456789", "1.23456789"},
                                   {1, 8, "0.00000001", "1e-8"},
                                   {-15, 8, "-0.00000015", "-1.5e-7"},
                                   {100, 8, "0.000001", "0.000001"},
                                   {0, 8, "0.00", "0"},
                                   {kMinorMax, 2, "10000000000000.00", "10000000000000"}};
  for (const Case& c : cases) {
    EXPECT_EQ(amount_text(c.amount, c.digits), c.text);
    EXPECT_EQ(amount_number(c.amount, c.digits), c.number);
    // A receiver's JSON reader reads it as it is.
    EXPECT_EQ(write_json(parse_json(c.number).value()), c.number);
  }
}

// Why kMinorMax is no higher, though a double has whole numbers up to 2^53.
TEST(Amount, UpToTheLargestIsADoubleOfItsOwn) {
  for (const int digits : {0, 2, 3, 4, 8}) {
    for (Minor below = 0; below < 200; ++below) {
      const std::string number = amount_number(kMinorMax - below, digits);
      EXPECT_EQ(write_json(parse_json(number).value()), number);
    }
  }
}

}  // namespace
}  // namespace waybill::model
