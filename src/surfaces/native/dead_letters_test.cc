// What was given up: found, read, sent again and dismissed.

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "surfaces/native/received_fixture.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::string_view kDeliveries = "/hub/v1/workspaces/acme/deliveries";

class DeadLettersTest : public ReceivedTest {
 public:
  DeadLettersTest() {
    handler_id = new_handler(R"("retry": [])");
    handler.outcome = model::Outcome::kRefused;
    receive(receiver::a_message("evt_1"));
    receive(receiver::a_message("evt_2"));
    dropped = ok(200, "GET", std::string(kDeliveries) + "?state=dropped");
  }
  std::size_t count(std::string_view query) {
    const json::value list = ok(200, "GET", fmt::format("{}?state=dropped&{}", kDeliveries, query));
    return at(list, "rows").as_array().size();
  }
  std::string path(std::size_t row, std::string_view more = {}) {
    return fmt::format("{}/{}{}", kDeliveries, text(dropped, "rows", row, "id"), more);
  }

  std::string handler_id;
  json::value dropped;  // Newest first.
};

TEST_F(DeadLettersTest, AreFoundByTheirMessages) {
  EXPECT_EQ(count("source=orders"), 2u);
  EXPECT_EQ(count("endpoint=" + handler_id), 2u);
  EXPECT_EQ(count("message_type=order.shipped"), 2u);
  EXPECT_EQ(count("message_type=order.lost"), 0u);
  EXPECT_EQ(count("external_id=evt_1&source=orders"), 1u);
  EXPECT_EQ(count("type=message.received"), 2u);
  refused(404, "source_not_found", "", "GET", std::string(kDeliveries) + "?source=nowhere");
}

TEST_F(DeadLettersTest, AreReadWithAllAttemptsAndTheMessage) {
  const json::value shown = ok(200, "GET", path(1));
  EXPECT_EQ(text(shown, "attempts", 0, "outcome"), "refused");
  EXPECT_EQ(text(shown, "message", "external_id"), "evt_1");
  EXPECT_EQ(text(ok(200, "GET", path(1), {}, key_with({"deliveries:read"})), "message"), "null");
}

TEST_F(DeadLettersTest, AreSentAgainByWhatTheyAreOf) {
  handler.outcome = model::Outcome::kSucceeded;
  const std::string retry = std::string(kDeliveries) + "/retry-dropped";
  EXPECT_EQ(text(ok(202, "POST", retry, R"({"since": "1h", "external_id": "evt_3"})"), "retried"),
            "0");
  EXPECT_EQ(text(ok(202, "POST", retry, R"({"since": "1h", "external_id": "evt_2"})"), "retried"),
            "1");
  EXPECT_EQ(handler.bodies.back(), receiver::a_message("evt_2"));
  EXPECT_EQ(
      text(ok(202, "POST", retry, fmt::format(R"({{"since": "1h", "handler": "{}"}})", handler_id)),
           "retried"),
      "1");
  EXPECT_EQ(count("source=orders"), 0u);
}

TEST_F(DeadLettersTest, AreNamedByAnEndpointOrAHandlerAndNotByBoth) {
  const std::string both = fmt::format(
      R"({{"since": "1h", "endpoint": "{0}", "handler": "{0}", "reason": "x"}})", handler_id);
  const std::string dismiss = std::string(kDeliveries) + "/dismiss";
  refused(400, "member_invalid", "$.handler", "POST", dismiss, both);
  const std::string told = text(json_of(call("POST", dismiss, both)), "detail");
  EXPECT_NE(told.find(R"("endpoint" or "handler")"), std::string::npos) << told;
  EXPECT_EQ(count("source=orders"), 2u);
}

TEST_F(DeadLettersTest, OneIsDismissedForAReason) {
  refused(400, "member_missing", "$.reason", "POST", path(0, "/dismiss"), "{}");
  const json::value dismissed =
      ok(200, "POST", path(0, "/dismiss"), R"({"reason": "Entered by hand."})");
  EXPECT_EQ(text(dismissed, "state"), "cancelled");
  EXPECT_EQ(text(dismissed, "reason"), "Entered by hand.");
  EXPECT_EQ(count("source=orders"), 1u);
  refused(409, "delivery_not_dropped", "", "POST", path(0, "/dismiss"), R"({"reason": "Again."})");
  refused(409, "delivery_cancelled", "", "POST", path(0, "/retry"));
  const json::value log = ok(200, "GET", "/hub/v1/workspaces/acme/audit?action=delivery.dismiss");
  ASSERT_EQ(at(log, "rows").as_array().size(), 1u);
  EXPECT_EQ(text(log, "rows", 0, "detail", "reason"), "Entered by hand.");
}

TEST_F(DeadLettersTest, ManyAreDismissedByWhatTheyAreOf) {
  const std::string dismiss = std::string(kDeliveries) + "/dismiss";
  refused(400, "member_missing", "$.since", "POST", dismiss, R"({"reason": "Too old."})");
  refused(404, "source_not_found", "", "POST", dismiss,
          R"({"since": "1h", "reason": "Too old.", "source": "nowhere"})");
  const json::value none =
      ok(200, "POST", dismiss, R"({"since": "1h", "reason": "Too old.", "message_type": "other"})");
  EXPECT_EQ(text(none, "dismissed"), "0");
  const json::value all =
      ok(200, "POST", dismiss, R"({"since": "1h", "reason": "Too old.", "source": "orders"})");
  EXPECT_EQ(text(all, "dismissed"), "2");
  EXPECT_EQ(text(all, "more"), "false");
  EXPECT_EQ(count("source=orders"), 0u);
  EXPECT_EQ(std::ranges::count(audit_actions(), "delivery.dismiss_dropped"), 1);
}

// What is not cancelled with it would wait for a handler that does not come back.
TEST_F(DeadLettersTest, OfADeletedSourceStayAndAreNotSentAgain) {
  new_handler();
  handler.outcome = model::Outcome::kTimeout;
  receive(receiver::a_message("evt_3"));
  const json::value deleted = ok(200, "DELETE", "/hub/v1/workspaces/acme/sources/orders");
  EXPECT_EQ(text(deleted, "deleted_handlers"), "2");
  EXPECT_EQ(text(deleted, "cancelled_deliveries"), "1");
  EXPECT_EQ(text(ok(202, "POST", std::string(kDeliveries) + "/retry-dropped", R"({"since": "1h"})"),
                 "retried"),
            "0");
  refused(409, "endpoint_deleted", "", "POST", path(0, "/retry"));
}

}  // namespace
}  // namespace waybill::surfaces::native
