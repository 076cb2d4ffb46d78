#include "delivery/handler_fixture.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "crypto/digest.h"
#include "delivery/handled_message.h"
#include "store/messages.h"

namespace waybill::delivery {

Task<Tried> HandlerTest::Scripted::attempt(const model::Delivery& delivery,
                                           std::shared_ptr<const Target> target,
                                           OutgoingEvent& event) {
  WAYBILL_CHECK(!target->dialect, "these handlers sign nothing");
  const auto content = content_of(event);
  WAYBILL_CHECK(content.has_value(), "a handler is given messages");
  const Made one{test_.clock.now(), content->body, delivery.attempts_made + 1};
  test_.made.push_back(one);
  if (test_.holds) {
    asio::steady_timer timer(test_.context, asio::steady_timer::time_point::max());
    test_.waiting.insert(&timer);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    test_.waiting.erase(&timer);
  }
  Tried tried = test_.script ? test_.script(one, event.event()) : ended(model::Outcome::kSucceeded);
  tried.attempt.number = one.number;
  tried.attempt.started_at = one.at;
  co_return tried;
}

model::Endpoint HandlerTest::add_handler(const std::string& order_by,
                                         model::EndpointOverrides overrides, model::Channel kind) {
  model::Endpoint handler;
  handler.id = ids.next_id<model::EndpointId>();
  handler.workspace_id = workspace;
  handler.event_types = {"*"};
  handler.overrides = std::move(overrides);
  handler.channel = kind;
  handler.source_id = source;
  handler.order_by = order_by;
  handler.created_at = handler.updated_at = clock.now();
  in_store([&](store::Connection& c) { return store::endpoints::insert(c, handler); });
  return handler;
}

model::MessageId HandlerTest::receive_message(Node& node, const std::string& body) {
  model::MessageContent content;
  content.source = "shop";
  content.dialect = "proign";
  content.received_at = clock.now();
  content.body = body;
  model::Event event = new_event(workspace);
  content.id = model::MessageId(event.id.uuid());
  event.type = model::kMessageReceived;
  event.subject = source.text();
  event.data = model::message_data(content);
  model::Message message;
  message.id = model::MessageId(event.id.uuid());
  message.workspace_id = workspace;
  message.source_id = source;
  const ByteView id = message.id.bytes();
  message.key = Bytes(id.begin(), id.end());
  message.body_hash = message.key;
  message.received_at = clock.now();
  const intake::LeaseTerms terms = node.dispatcher.lease_terms();
  auto accepted = in_store([&](store::Connection& c) -> Result<intake::Accepted> {
    auto inserted = store::messages::insert(c, message, clock.now() - 24h);
    if (!inserted) return fail(inserted.error());
    return acceptance.accept(c, event, terms, clock.now());
  });
  hand_over(node, std::move(accepted));
  settle();
  return message.id;
}

std::vector<std::string> HandlerTest::bodies() const {
  std::vector<std::string> all;
  for (const Made& one : made) all.push_back(one.body);
  return all;
}

void HandlerTest::release() {
  holds = false;
  step();
}

void HandlerTest::step() {
  for (auto* timer : waiting) timer->cancel();
  settle();
}

void HandlerTest::set_nodes(int live) {
  for (auto& node : nodes) node->dispatcher.set_nodes(live);
  settle();
}

}  // namespace waybill::delivery
