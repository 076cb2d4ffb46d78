#include "base/bytes.h"

#include <gtest/gtest.h>

namespace waybill {
namespace {

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

std::string encode_utf8(char32_t c) {
  const auto byte = [](char32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | (c >> 6)), byte(0x80 | (c & 0x3F))};
  return {byte(0xE0 | (c >> 12)), byte(0x80 | ((c >> 6) & 0x3F)), byte(0x80 | (c & 0x3F))};
}

TEST(Bytes, AreTheSameBytesAsTheirText) {
  const std::string_view text("\0a\xff", 3);
  EXPECT_EQ(as_text(as_bytes(text)), text);
  EXPECT_EQ(as_bytes(text)[2], 0xFF);
}

TEST(Hex, WritesLowerCaseAndReadsBothCases) {
  EXPECT_EQ(hex(Bytes{0x00, 0x0F, 0xA5, 0xFF}), "000fa5ff");
  EXPECT_EQ(hex({}), "");
  EXPECT_EQ(parse_hex("000fa5ff"), (Bytes{0x00, 0x0F, 0xA5, 0xFF}));
  EXPECT_EQ(parse_hex("000FA5fF"), (Bytes{0x00, 0x0F, 0xA5, 0xFF}));
  EXPECT_EQ(parse_hex(""), Bytes{});
}

TEST(Hex, RefusesWhatIsNotHex) {
  for (const std::string_view text : {"0", "abc", "0g", "g0", " 0", "0x", "-1", "0:", "@1", "`1"}) {
    EXPECT_EQ(parse_hex(text), std::nullopt) << text;
  }
}

TEST(Base64, GivesTheVectorsOfRfc4648AndReadsThem) {
  struct Case {
    std::string_view text, padded, url;
  };
  for (const Case& c :
       {Case{"", "", ""}, Case{"f", "Zg==", "Zg"}, Case{"fo", "Zm8=", "Zm8"},
        Case{"foo", "Zm9v", "Zm9v"}, Case{"foob", "Zm9vYg==", "Zm9vYg"},
        Case{"fooba", "Zm9vYmE=", "Zm9vYmE"}, Case{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        Case{"\xfb\xff\xbf", "+/+/", "-_-_"}}) {
    EXPECT_EQ(base64(as_bytes(c.text)), c.padded);
    EXPECT_EQ(base64url(as_bytes(c.text)), c.url);
    EXPECT_EQ(parse_base64(c.padded), bytes_of(c.text)) << c.padded;
    EXPECT_EQ(parse_base64url(c.url), bytes_of(c.text)) << c.url;
  }
}

TEST(Base64, ReadsUnpaddedText) {
  EXPECT_EQ(parse_base64("Zg"), bytes_of("f"));
  EXPECT_EQ(parse_base64("Zm8"), bytes_of("fo"));
  EXPECT_EQ(parse_base64url("Zg=="), bytes_of("f"));
}

TEST(Base64, RefusesWhatNoEncoderWrites) {
  for (const std::string_view text : {"A", "AAAAA", "Zg=", "Zg===", "Z===", "=",
                                      "==", "====", "Zg==Zg==", "Z=g=", "Zm9v====", "Zm9v=", "Zm 8",
                                      "Zm8\n", "Zm8.", "-_-_", "Zh==", "Zm9=", "Zh"}) {
    EXPECT_EQ(parse_base64(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_base64(std::string_view("A\0A", 3)), std::nullopt);
  EXPECT_EQ(parse_base64url("+/+/"), std::nullopt);
}

TEST(Base64, RoundTripsEveryLength) {
  Bytes bytes;
  for (std::size_t length = 0; length < 300; ++length) {
    EXPECT_EQ(parse_base64(base64(bytes)), bytes) << length;
    EXPECT_EQ(parse_base64url(base64url(bytes)), bytes) << length;
    EXPECT_EQ(parse_hex(hex(bytes)), bytes) << length;
    bytes.push_back(static_cast<std::uint8_t>(length * 167 + 13));
  }
}

TEST(FoldCase, MakesUpperAndLowerCaseTheSame) {
  struct Case {
    std::string_view upper, lower;
  };
  for (const Case& c :
       {Case{"ACME LTD [@]", "acme ltd [@]"}, Case{"ÀÖØÞ", "àöøþ"}, Case{"ĀĶĹŇŊŶŸŹŽ", "āķĺňŋŷÿźž"},
        Case{"ΑΡΣΩΪΫ", "αρσωϊϋ"}, Case{"ΆΈΉΊΌΎΏ", "άέήίόύώ"}, Case{"ΝΊΚΟΣ", "νίκος"},
        Case{"АЯЁЀЏ", "аяёѐџ"}, Case{"ҐѠҀҊҾӀӁӍӐӾԀԮ", "ґѡҁҋҿӏӂӎӑӿԁԯ"}}) {
    EXPECT_EQ(fold_case(c.upper), fold_case(c.lower));
  }
  EXPECT_EQ(fold_case("ŻÓŁĆ Łódź"), "żółć łódź");
}

TEST(FoldCase, LeavesOtherCharactersAlone) {
  for (const std::string_view text :
       {"", "×÷ß", "İıĸŉſ", "·ΐ", "҂", "Աա", "漢字", "😀", "123-_.", "ａＡ", "\t\n"}) {
    EXPECT_EQ(fold_case(text), text);
  }
}

TEST(FoldCase, IsDoneAfterOnce) {
  for (char32_t c = 0; c < 0xD800; ++c) {
    const std::string once = fold_case(encode_utf8(c));
    EXPECT_EQ(fold_case(once), once) << static_cast<std::uint32_t>(c);
  }
}

TEST(PercentDecode, ReadsTwoHexDigitsAfterEachPercent) {
  EXPECT_EQ(percent_decode(""), "");
  EXPECT_EQ(percent_decode("%41"), "A");
  EXPECT_EQ(percent_decode("a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(percent_decode("%25%00+"), std::string("%\0+", 3));
  EXPECT_EQ(percent_decode("%C3%A9"), "é");
}

TEST(PercentDecode, RefusesAPercentWithoutThem) {
  for (const std::string_view text : {"%", "%4", "a%", "%4g", "%g4", "%%41", "% 1", "%-1"}) {
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
  }
  EXPECT_EQ(percent_decode(std::string_view("%41").substr(0, 2)), std::nullopt);
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a b/é%"), "a%20b%2F%C3%A9%25");
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

}  // namespace
}  // namespace waybill
