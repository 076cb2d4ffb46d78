// What was given up, found by what it is of, sent again and dismissed: store/deliveries.h.

#include <algorithm>

#include "conformance/store_conformance.h"
#include "store/endpoints.h"
#include "store/messages.h"

namespace waybill::store {

using namespace std::chrono_literals;
using model::DeliveryState;

namespace {

std::vector<model::DeliveryId> sorted_ids(const std::vector<model::Delivery>& all) {
  std::vector<model::DeliveryId> ids;
  for (const model::Delivery& delivery : all) ids.push_back(delivery.id);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace

void DeadLetterConformance::SetUp() {
  DeliveryConformance::SetUp();
  source_ = ids_.next_id<model::SourceId>();
  endpoint_ = add_endpoint();
  handler_ = endpoint_;
  handler_.id = ids_.next_id<model::EndpointId>();
  handler_.source_id = source_;
  handler_.channel = model::Channel::kHttp;
  ASSERT_EQ(outcome(write([&](Connection& c) { return endpoints::insert(c, handler_); })), "value");
}

model::Message DeadLetterConformance::add_message(std::string type, std::string external_id) {
  model::Message message;
  message.id = ids_.next_id<model::MessageId>();
  message.workspace_id = workspace_;
  message.source_id = source_;
  message.type = std::move(type);
  message.external_id = std::move(external_id);
  const auto bytes = message.id.bytes();
  message.key = Bytes(bytes.begin(), bytes.end());
  message.body_hash = Bytes(32, 1);
  message.received_at = clock_.now();
  EXPECT_FALSE(
      must(write([&](Connection& c) { return messages::insert(c, message, kNoon); })).has_value());
  return message;
}

model::Delivery DeadLetterConformance::drop(const model::Endpoint& to,
                                            const model::EventId& event) {
  model::Delivery delivery;
  delivery.id = ids_.next_id<model::DeliveryId>();
  delivery.workspace_id = workspace_;
  delivery.event_id = event;
  delivery.endpoint_id = to.id;
  delivery.event_type = "message.received";
  delivery.state = DeliveryState::kDropped;
  delivery.created_at = clock_.now();
  delivery.finished_at = clock_.now();
  EXPECT_EQ(
      outcome(write([&](Connection& c) { return deliveries::insert(c, delivery, std::nullopt); })),
      "value");
  return delivery;
}

std::vector<model::DeliveryId> DeadLetterConformance::found(const deliveries::Filter& filter) {
  return sorted_ids(
      must(read([&](Connection& c) { return deliveries::list(c, workspace_, filter, {}); })).rows);
}

TEST_P(DeadLetterConformance, AreFoundByWhatTheyAreOf) {
  const auto paid = add_message("order.paid", "42");
  const auto sent = add_message("order.sent", "43");
  const auto of_paid = drop(handler_, paid.event_id());
  const auto of_sent = drop(handler_, sent.event_id());
  const auto fetched_event = ids_.next_id<model::EventId>();
  ASSERT_TRUE(must(write([&](Connection& c) {
    return messages::set_fetched(c, workspace_, sent.id, fetched_event);
  })));
  const auto of_fetched = drop(handler_, fetched_event);
  const auto of_event = drop(endpoint_, ids_.next_id<model::EventId>());

  deliveries::Filter filter;
  filter.state = DeliveryState::kDropped;
  EXPECT_EQ(found(filter), sorted_ids({of_paid, of_sent, of_fetched, of_event}));
  filter.source = source_;
  EXPECT_EQ(found(filter), sorted_ids({of_paid, of_sent, of_fetched}));
  filter.message_type = "order.sent";
  EXPECT_EQ(found(filter), sorted_ids({of_sent, of_fetched})) << "by either event";
  filter.external_id = "43";
  EXPECT_EQ(found(filter), sorted_ids({of_sent, of_fetched}));
  filter.external_id = "42";
  EXPECT_TRUE(found(filter).empty());
  filter.source = ids_.next_id<model::SourceId>();
  EXPECT_TRUE(found(filter).empty());
  EXPECT_EQ(must(read([&](Connection& c) {
              return messages::find_by_event(c, workspace_, fetched_event);
            }))
                .value()
                .id,
            sent.id);
  EXPECT_FALSE(must(read([&](Connection& c) {
                 return messages::find_by_event(c, workspace_, of_event.event_id);
               })).has_value());
}

TEST_P(DeadLetterConformance, AreSentAgainByWhatTheyAreOf) {
  const auto paid = add_message("order.paid", "42");
  const auto sent = add_message("order.sent", "43");
  const auto of_paid = drop(handler_, paid.event_id());
  const auto of_sent = drop(handler_, sent.event_id());
  const auto of_event = drop(endpoint_, ids_.next_id<model::EventId>());
  deliveries::Filter filter;
  filter.message_type = "order.paid";
  const auto retried = must(write(
      [&](Connection& c) { return deliveries::retry_dropped(c, workspace_, filter, kNoon, 10); }));
  EXPECT_EQ(sorted_ids(retried), sorted_ids({of_paid}));
  EXPECT_EQ(find_delivery(of_paid).state, DeliveryState::kPending);
  EXPECT_EQ(find_delivery(of_paid).finished_at, std::nullopt);
  EXPECT_EQ(find_delivery(of_sent).state, DeliveryState::kDropped);
  EXPECT_EQ(find_delivery(of_event).state, DeliveryState::kDropped);
}

TEST_P(DeadLetterConformance, OneIsDismissedWithItsReason) {
  const auto dropped = drop(endpoint_, ids_.next_id<model::EventId>());
  const auto dismiss = [&](const model::Delivery& delivery) {
    return write([&](Connection& c) {
      return deliveries::dismiss(c, workspace_, delivery.id, "Entered by hand.", kNoon + 1h);
    });
  };
  const auto dismissed = must(dismiss(dropped));
  for (const model::Delivery& seen : {dismissed, find_delivery(dropped)}) {
    EXPECT_EQ(seen.state, DeliveryState::kCancelled);
    EXPECT_EQ(seen.reason, "Entered by hand.");
    EXPECT_EQ(seen.finished_at, kNoon + 1h);
  }
  EXPECT_EQ(outcome(dismiss(dropped)), "conflict delivery_not_dropped");
  EXPECT_EQ(outcome(dismiss(add_delivery(endpoint_, kNoon))), "conflict delivery_not_dropped");
  EXPECT_EQ(outcome(retry(dropped, kNoon)), "conflict delivery_cancelled");
  model::Delivery elsewhere = dropped;
  elsewhere.id = ids_.next_id<model::DeliveryId>();
  EXPECT_EQ(outcome(dismiss(elsewhere)), "not_found delivery_not_found");
}

TEST_P(DeadLetterConformance, ManyAreDismissedTheNewestFirst) {
  std::vector<model::Delivery> dropped;
  for (int i = 0; i < 3; ++i) {
    clock_.step(1h);
    dropped.push_back(drop(handler_, add_message("order.paid", std::to_string(i)).event_id()));
  }
  const auto other = drop(endpoint_, ids_.next_id<model::EventId>());
  const auto waiting = add_delivery(handler_, kNoon);
  deliveries::Filter filter;
  filter.source = source_;
  filter.since = kNoon + 2h;
  const auto dismiss = [&](int limit) {
    return must(write([&](Connection& c) {
      return deliveries::dismiss_dropped(c, workspace_, filter, "Too old.", kNoon, limit);
    }));
  };
  EXPECT_EQ(dismiss(1), 1);
  EXPECT_EQ(find_delivery(dropped[2]).reason, "Too old.");
  EXPECT_EQ(find_delivery(dropped[1]).state, DeliveryState::kDropped);
  EXPECT_EQ(dismiss(10), 1);
  EXPECT_EQ(dismiss(10), 0);
  EXPECT_EQ(find_delivery(dropped[0]).state, DeliveryState::kDropped) << "before that time";
  EXPECT_EQ(find_delivery(other).state, DeliveryState::kDropped);
  EXPECT_EQ(find_delivery(waiting).state, DeliveryState::kPending);
}

}  // namespace waybill::store
