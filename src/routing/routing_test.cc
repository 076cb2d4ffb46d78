#include "routing/routing.h"

#include <gtest/gtest.h>

namespace waybill::routing {
namespace {

using store::endpoints::Subscription;

const dialect::DialectRegistry& dialects() {
  static const auto registry = dialect::DialectRegistry::load({});
  EXPECT_TRUE(registry.has_value());
  return *registry;
}

Subscription subscription(std::string dialect, std::vector<std::string> types,
                          model::EndpointState state = model::EndpointState::kActive) {
  return {model::EndpointId(), std::move(dialect), std::move(types), state};
}

TEST(Routing, AnEndpointGetsTheEventsItNamesAndEveryEventForAStar) {
  const std::vector<Subscription> all = {
      subscription("proculink", {"order.created"}),
      subscription("proculink", {"order.failed"}),
      subscription("standard-webhooks", {"*"}),
  };
  const Plan made = plan("order.created", all, dialects());
  ASSERT_EQ(made.matched.size(), 2u);
  EXPECT_EQ(made.matched[0], &all[0]);
  EXPECT_EQ(made.matched[1], &all[2]);
  EXPECT_FALSE(made.unmatched_reason);
}

TEST(Routing, PausedAndDeactivatedEndpointsCollect) {
  const std::vector<Subscription> all = {
      subscription("proculink", {"*"}, model::EndpointState::kPaused),
      subscription("proculink", {"*"}, model::EndpointState::kDeactivated),
  };
  EXPECT_EQ(plan("order.created", all, dialects()).matched.size(), 2u);
}

TEST(Routing, AnEventThatMatchesNothingSaysWhy) {
  const std::vector<Subscription> other_type = {subscription("proculink", {"order.failed"})};
  EXPECT_EQ(plan("order.created", {}, dialects()).unmatched_reason,
            "The workspace has no endpoint.");
  EXPECT_EQ(plan("order.created", other_type, dialects()).unmatched_reason,
            "No endpoint subscribes to order.created.");
  EXPECT_EQ(plan("stock.low", other_type, dialects()).unmatched_reason,
            "No endpoint's dialect has an event for stock.low.");
}

}  // namespace
}  // namespace waybill::routing
