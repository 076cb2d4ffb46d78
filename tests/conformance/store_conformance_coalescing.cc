// The windows in which the same is sent once: store/coalescing.h.

#include "conformance/store_conformance.h"
#include "store/coalescing.h"
#include "store/deliveries.h"
#include "store/events.h"

namespace waybill::store {

using namespace std::chrono_literals;
using coalescing::Window;

TEST_P(StoreConformance, CoalescingWindowsAreOpenedOnceUntilTheyEnd) {
  const Window window{workspace_, ids_.next_id<model::EndpointId>(), crypto::sha256("order 7")};
  const auto open = [&](const Window& which, Timestamp now) {
    return must(write(
        [&](Connection& c) { return coalescing::open(c, which, now, now + 30s, std::nullopt); }));
  };
  EXPECT_TRUE(open(window, kNoon));
  EXPECT_FALSE(open(window, kNoon));
  EXPECT_FALSE(open(window, kNoon + 30s - 1ms)) << "what is swallowed does not lengthen it";
  EXPECT_TRUE(open(window, kNoon + 30s));
  EXPECT_FALSE(open(window, kNoon + 31s));

  Window other_key = window;
  other_key.key = crypto::sha256("order 8");
  Window other_endpoint = window;
  other_endpoint.endpoint_id = ids_.next_id<model::EndpointId>();
  Window elsewhere = window;
  elsewhere.workspace_id = other_workspace_;
  for (const Window& other : {other_key, other_endpoint, elsewhere}) {
    EXPECT_TRUE(open(other, kNoon + 31s));
  }
}

TEST_P(DeliveryConformance, CoalescingReplacesTheEventOfTheDeliveryThatWaits) {
  const model::Endpoint endpoint = add_endpoint();
  const Window window{workspace_, endpoint.id, crypto::sha256("order 7")};
  const model::Delivery waiting = add_delivery(endpoint, kNoon + 30s);
  EXPECT_TRUE(must(write(
      [&](Connection& c) { return coalescing::open(c, window, kNoon, kNoon + 30s, waiting.id); })));
  const auto replace = [&](const model::EventId& event) {
    return must(write([&](Connection& c) { return coalescing::replace(c, window, event); }));
  };
  const auto second = ids_.next_id<model::EventId>();
  const auto third = ids_.next_id<model::EventId>();
  EXPECT_EQ(replace(second), waiting.event_id);
  EXPECT_EQ(replace(third), second);
  EXPECT_EQ(find_delivery(waiting).event_id, third);

  const deliveries::Lease lease{ids_.next(), kNoon + 90s};
  const auto claimed = must(write([&](Connection& c) {
    return deliveries::claim_due(c, workspace_, endpoint.id, kNoon + 30s, lease, 10);
  }));
  ASSERT_EQ(claimed.size(), 1u);
  EXPECT_EQ(replace(second), std::nullopt) << "it is on its way";
  EXPECT_EQ(find_delivery(waiting).event_id, third);
}

TEST_P(StoreConformance, CoalescingWithoutAWaitingDeliveryReplacesNothing) {
  const Window window{workspace_, add_endpoint().id, crypto::sha256("order 7")};
  const auto event = ids_.next_id<model::EventId>();
  const auto replace = [&] {
    return must(write([&](Connection& c) { return coalescing::replace(c, window, event); }));
  };
  EXPECT_EQ(replace(), std::nullopt);
  EXPECT_TRUE(must(write([&](Connection& c) {
    return coalescing::open(c, window, kNoon, kNoon + 30s, std::nullopt);
  })));
  EXPECT_EQ(replace(), std::nullopt);
}

TEST_P(StoreConformance, CoalescingWindowsThatEndedAreErasedInSteps) {
  const auto endpoint = ids_.next_id<model::EndpointId>();
  for (int i = 0; i < 5; ++i) {
    const Window window{workspace_, endpoint, crypto::sha256(std::to_string(i))};
    ASSERT_TRUE(must(write([&](Connection& c) {
      return coalescing::open(c, window, kNoon, kNoon + i * 1s, std::nullopt);
    })));
  }
  const auto erase = [&](const model::WorkspaceId& workspace) {
    return must(
        write([&](Connection& c) { return coalescing::erase_ended(c, workspace, kNoon + 3s, 2); }));
  };
  EXPECT_EQ(erase(other_workspace_), 0);
  EXPECT_EQ(erase(workspace_), 2);
  EXPECT_EQ(erase(workspace_), 1) << "those at 0, 1 and 2 s";
  EXPECT_EQ(erase(workspace_), 0);
}

}  // namespace waybill::store
