// What the tests of handlers add to those of the dispatcher: a source's messages, handlers of them,
// and a channel that the test programs.

#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "delivery/dispatcher_fixture.h"
#include "model/message.h"

namespace waybill::delivery {

class HandlerTest : public DispatcherTest {
 protected:
  // One attempt that has begun.
  struct Made {
    Timestamp at;
    std::string body;
    int number;
  };

  class Scripted final : public Channel {
   public:
    explicit Scripted(HandlerTest& test) : test_(test) {}
    Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                        OutgoingEvent& event) override;

   private:
    HandlerTest& test_;
  };

  HandlerTest() {
    handlers[model::Channel::kCommand] = handlers[model::Channel::kFetch] = &channel;
  }
  ~HandlerTest() override { release(); }

  model::Endpoint add_handler(const std::string& order_by = {},
                              model::EndpointOverrides overrides = {},
                              model::Channel kind = model::Channel::kCommand);
  // One message with this body. Returns its id.
  model::MessageId receive_message(Node& node, const std::string& body);
  // Bodies, in the order in which their attempts began.
  std::vector<std::string> bodies() const;
  // What all attempts that are held get, and holds no more.
  void release();
  // Ends the attempts that are held now, and holds those that begin then.
  void step();
  void set_nodes(int live);

  static Tried ended(model::Outcome outcome,
                     std::optional<model::RetrySchedule::Delay> retry_after = std::nullopt) {
    Tried tried;
    tried.attempt.outcome = outcome;
    tried.attempt.retry_after = retry_after;
    return tried;
  }

  Scripted channel{*this};
  std::vector<Made> made;
  // What an attempt comes to. Empty: it succeeds.
  std::function<Tried(const Made&, const model::Event&)> script;
  bool holds = false;
  std::set<asio::steady_timer*> waiting;
  const model::SourceId source = ids.next_id<model::SourceId>();
};

}  // namespace waybill::delivery
