#include "bench/ledger/order_request.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waybill::bench {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

OrderTarget target() {
  return {.host = "127.0.0.1:8080",
          .path = "/api/ingress/acme/orders",
          .key = "plk_x",
          .supplier = "Acme Paper Ltd"};
}

TEST(OrderRequest, IsAWholePostOfThatOrder) {
  const OrderRequest request(target(), "L1-0-000000000");
  std::string buffer;
  for (int lines = 1; lines <= Ledger::kLinesMax; ++lines) {
    const std::string text(request.render(buffer, "L1-0-000000042", lines));
    EXPECT_THAT(text, StartsWith("POST /api/ingress/acme/orders HTTP/1.1\r\nHost: 127.0.0.1:8080"));
    EXPECT_THAT(text, HasSubstr("\r\nX-ProcuLink-Key: plk_x\r\n"));
    EXPECT_THAT(text, HasSubstr("\r\nIdempotency-Key: L1-0-000000042\r\n"));
    const std::string body = text.substr(text.find("\r\n\r\n") + 4);
    EXPECT_THAT(text, HasSubstr("Content-Length: " + std::to_string(body.size()) + "\r\n"));
    const auto order = boost::json::parse(body);
    EXPECT_EQ(order.at("orderNumber"), "L1-0-000000042");
    EXPECT_EQ(order.at("supplierId"), "Acme Paper Ltd");
    EXPECT_EQ(order.at("lines").as_array().size(), static_cast<std::size_t>(lines));
  }
}

TEST(OrderRequest, LeavesTheKeyOutIfAsked) {
  OrderTarget without = target();
  without.keyed = false;
  std::string buffer;
  EXPECT_THAT(
      std::string(OrderRequest(without, "L1-0-000000000").render(buffer, "L1-0-000000001", 1)),
      Not(HasSubstr("Idempotency-Key")));
}

}  // namespace
}  // namespace waybill::bench
