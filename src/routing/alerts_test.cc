// Who is told of an alert.

#include <gtest/gtest.h>

#include "base/manual_clock.h"
#include "routing/routing.h"

namespace waybill::routing {
namespace {

class RoutingAlertsTest : public testing::Test {
 protected:
  Subscription subscription(std::string dialect, std::vector<std::string> types) {
    Subscription made;
    made.id = ids.next_id<model::EndpointId>();
    made.dialect = std::move(dialect);
    made.event_types = std::move(types);
    return made;
  }
  // Which of `subscriptions` are told, by their index.
  std::vector<std::size_t> told(std::string_view type, std::vector<Subscription> subscriptions,
                                const model::EndpointId& about) {
    model::Event event;
    event.type = type;
    event.subject = about.text();
    event.data = "{}";
    std::vector<std::size_t> found;
    for (const Match& match : plan(event, model::Workspace(), subscriptions, *dialects).matched) {
      found.push_back(static_cast<std::size_t>(match.subscription - subscriptions.data()));
    }
    return found;
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  const model::EndpointId other = ids.next_id<model::EndpointId>();
  const Result<dialect::DialectRegistry> dialects = dialect::DialectRegistry::load({});
};

using Indices = std::vector<std::size_t>;

TEST_F(RoutingAlertsTest, AreToldToWhoeverNamesThemAndToAStarOfTheirOwnCatalogue) {
  const std::vector<Subscription> all = {
      subscription("standard-webhooks", {"*"}),
      subscription("standard-webhooks", {"*", "delivery.dropped"}),
      subscription("waybill", {"*"}),
      subscription("waybill", {"endpoint.deactivated"}),
      subscription("proculink", {"*"}),
  };
  EXPECT_EQ(told("delivery.dropped", all, other), (Indices{1, 2}));
  EXPECT_EQ(told("endpoint.deactivated", all, other), (Indices{2, 3}));
  EXPECT_EQ(told("endpoint.failing", all, other), (Indices{2}));
  EXPECT_EQ(told("order.created", all, other), (Indices{0, 1, 4})) << "no alert";
}

TEST_F(RoutingAlertsTest, AreNotToldToTheEndpointTheyAreAbout) {
  const std::vector<Subscription> all = {subscription("waybill", {"*"}),
                                         subscription("waybill", {"endpoint.failing"})};
  EXPECT_EQ(told("endpoint.failing", all, all[0].id), (Indices{1}));
  EXPECT_EQ(told("endpoint.failing", all, all[1].id), (Indices{0}));
  EXPECT_EQ(told("order.created", {subscription("standard-webhooks", {"*"})}, other), (Indices{0}));
}

}  // namespace
}  // namespace waybill::routing
