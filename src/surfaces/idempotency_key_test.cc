#include "surfaces/idempotency_key.h"

#include <string>

#include <gtest/gtest.h>

namespace waybill::surfaces {
namespace {

net::Request with_key(std::string key, std::string method = "POST") {
  net::Request request;
  request.method = std::move(method);
  request.headers.push_back({"idempotency-key", std::move(key)});
  return request;
}

TEST(IdempotencyKey, IsOfVisibleCharacters) {
  for (const std::string& key : {std::string("k"), std::string("!\"#~"), std::string(255, 'x')}) {
    const net::Request request = with_key(key);
    const auto found = idempotency_key(request);
    ASSERT_TRUE(found) << key;
    EXPECT_EQ(*found, key);
  }
  for (const std::string& key :
       {std::string(), std::string(256, 'x'), std::string("a b"), std::string(" a"),
        std::string("a\tb"), std::string("\x7f"), std::string("\xC3\xA4"), std::string(1, '\0')}) {
    const auto found = idempotency_key(with_key(key));
    ASSERT_FALSE(found) << key;
    EXPECT_EQ(found.error().code, Code::kInvalid);
    EXPECT_EQ(found.error().reason, "idempotency_key_invalid");
  }
}

TEST(IdempotencyKey, CountsForAPostAlone) {
  net::Request none;
  none.method = "POST";
  EXPECT_EQ(idempotency_key(none).value(), std::nullopt);
  EXPECT_EQ(idempotency_key(with_key("k", "GET")).value(), std::nullopt);
  EXPECT_EQ(idempotency_key(with_key("a b", "PUT")).value(), std::nullopt);
}

}  // namespace
}  // namespace waybill::surfaces
