// BrokerWorkers publish for the handlers that write to brokers. Every handler in use has a thread
// of its own with a connection of its own, so that a broker that hangs holds up nobody else. The
// thread takes all that waits as one batch, and each message gets its own outcome.
//
// Promises:
//   1. An attempt ends within its timeout, and a second more, whatever the broker does. When nobody
//      waits for a batch any longer its connection is cut, and made anew for the next one.
//   2. There are at most threads_max threads, and queue_max messages wait for one. What finds no
//      room is kLater, which uses up no try; for a thread it waits room_wait before. So it does
//      where the system has no thread left.
//   3. A thread without work ends after idle_ends.
//   4. stop() ends at once: what is under way is cut.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/task.h"
#include "delivery/channels/broker.h"
#include "model/ids.h"

namespace waybill::delivery {

struct BrokerLimits {
  std::size_t threads_max = 64;
  std::size_t batch_max = 256;
  std::size_t queue_max = 4096;
  std::chrono::milliseconds tick = std::chrono::seconds(10);  // Between calls of Broker::idle().
  std::chrono::milliseconds idle_ends = std::chrono::seconds(60);
  // Else what finds no thread comes again as fast as the store can write that it did not.
  std::chrono::milliseconds room_wait = std::chrono::seconds(1);
};

class BrokerWorker;
class BrokerRoom;

class BrokerWorkers {
 public:
  using Make = std::function<std::unique_ptr<Broker>()>;

  explicit BrokerWorkers(boost::asio::io_context& context, BrokerLimits limits = {});
  ~BrokerWorkers();
  BrokerWorkers(const BrokerWorkers&) = delete;
  BrokerWorkers& operator=(const BrokerWorkers&) = delete;

  // Publishes through the handler's own connection. `settings` is what the broker is made of: when
  // it is another than before, the connection is made anew.
  Task<BrokerOutcome> publish(model::EndpointId handler, std::string settings, Make make,
                              BrokerMessage message, std::chrono::milliseconds timeout);

  // What waits is published, then the connection is closed.
  void forget(const model::EndpointId& handler);
  void stop();

  // Threads that have not ended.
  std::size_t threads();

 private:
  std::shared_ptr<BrokerWorker> find(const model::EndpointId& handler, const std::string& settings,
                                     Make make);
  Task<std::shared_ptr<BrokerWorker>> wait_for(model::EndpointId handler, std::string settings,
                                               Make make, Deadline by);
  void reap();
  bool make_room();

  boost::asio::io_context& context_;
  const BrokerLimits limits_;
  std::map<model::EndpointId, std::shared_ptr<BrokerWorker>> workers_;
  std::vector<std::shared_ptr<BrokerWorker>> leaving_;
  const std::shared_ptr<BrokerRoom> room_;
};

}  // namespace waybill::delivery
