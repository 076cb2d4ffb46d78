// W-3: what WordPress 6 makes of each of these by wp_specialchars_decode(…, ENT_QUOTES).

#include <gtest/gtest.h>

#include "model/woocommerce.h"

namespace waybill::model::woocommerce {
namespace {

TEST(WooCommerceEntities, AllThatWordPressDecodesIsDecoded) {
  for (const auto& [text, decoded] :
       {std::pair("&amp;", "&"),     std::pair("&#038;", "&"),   std::pair("&#38;", "&"),
        std::pair("&#x26;", "&"),    std::pair("&#x0026;", "&"), std::pair("&lt;", "<"),
        std::pair("&#060;", "<"),    std::pair("&#60;", "<"),    std::pair("&gt;", ">"),
        std::pair("&#062;", ">"),    std::pair("&#0062;", ">"),  std::pair("&quot;", "\""),
        std::pair("&#034;", "\""),   std::pair("&#x22;", "\""),  std::pair("&#039;", "'"),
        std::pair("&#39;", "'"),     std::pair("&#x27;", "'"),   std::pair("&#X027;", "'"),
        std::pair("a&amp;b", "a&b"), std::pair("&&lt;;", "&<;"), std::pair("", "")}) {
    EXPECT_EQ(decode_entities(text), decoded) << text;
  }
}

TEST(WooCommerceEntities, AnythingElseStaysAsItIs) {
  for (const char* text : {"&", "&;", "&#", "&#;", "&#0", "&#x", "&#039", "&#x3c;", "&copy;",
                           "&apos;", "&AMP;", "& amp;", "&#380;", "&#x260;", "100 % & more"}) {
    EXPECT_EQ(decode_entities(text), text);
  }
}

TEST(WooCommerceEntities, WhatWasDecodedIsNotDecodedAgain) {
  EXPECT_EQ(decode_entities("&amp;lt;"), "&lt;");
  EXPECT_EQ(decode_entities("&amp;#039;"), "&#039;");
}

}  // namespace
}  // namespace waybill::model::woocommerce
