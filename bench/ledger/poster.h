// Posts orders to a hub, in one of two ways:
//
//   closed loop   each connection posts its next order as soon as the last is answered
//   open loop     so many a second, whether or not they are answered. A latency begins when the
//                 order was to be posted, not when a connection was free for it: what a stalled hub
//                 holds up counts against it (no coordinated omission)
//
// Each order ends as acknowledged or refused. A connection that dies, or an answer that leaves it
// open, is followed by the same post with the same Idempotency-Key, until it is answered or the
// patience is over. So a hub may be killed and started again meanwhile. A hub of several nodes is
// posted to on all of them, and what one does not answer, or answers with 503, goes to the next.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/log.h"
#include "base/result.h"
#include "base/task.h"
#include "bench/ledger/ledger.h"
#include "bench/ledger/order_request.h"

namespace waybill::bench {

struct LoadPlan {
  std::string name, workspace;
  std::vector<std::uint32_t> groups;  // That are to receive every order.
  OrderTarget target;
  std::vector<boost::asio::ip::tcp::endpoint> nodes;  // The connections are spread over them.
  int connections = 64;
  double rate = 0;                                // Orders a second; 0 is the closed loop.
  std::uint64_t orders = 0;                       // Ends after so many; 0 is no such end.
  double seconds = 0;                             // Ends after so long; 0 is no such end.
  std::chrono::milliseconds patience{60'000};     // For one order without an answer.
  std::chrono::milliseconds answer_wait{30'000};  // Before the same order is posted again.
};

// Reads "http://127.0.0.1:8080/api/ingress/acme/orders" into the plan's nodes and target.
// Fails with kInvalid: the host is an IP address, the port is there, and all nodes have one path.
Result<void> add_orders_url(LoadPlan& plan, std::string_view url);

class Poster {
 public:
  // Given ones outlive it.
  Poster(boost::asio::io_context& context, Log& log, Ledger& ledger);
  ~Poster();

  // Begins to post.
  // Fails with kInvalid if the name is taken or the plan cannot be followed.
  Result<void> start(LoadPlan plan);
  // No new order is begun; those under way are seen to their end. False if there is no such load.
  bool stop(std::string_view name);
  // The loads that have not ended.
  std::vector<std::string> running() const;

 private:
  struct Running;
  struct Connection;
  struct Answer {
    int status = 0;
    std::string body;
    bool has_retry_after = false;
  };

  Task<void> work(Running& load, std::size_t node);
  Task<std::optional<Moment>> next_slot(Running& load);
  Task<void> settle(Running& load, Connection& connection, OrderKey key, std::string_view request);
  // True if the answer ends the order. `was_open`: a former post of it was not answered.
  bool conclude(OrderKey key, const Answer& answer, bool was_open);
  // True if the answer sends the order to another node, which it may end at.
  bool defer(const Running& load, OrderKey key, const Answer& answer);
  Task<std::optional<Answer>> exchange(Running& load, Connection& connection,
                                       std::string_view request);
  Task<void> pause(std::chrono::milliseconds wait);

  boost::asio::io_context& context_;
  Ledger& ledger_;
  std::deque<std::unique_ptr<Running>> loads_;
  TaskGroup tasks_;
};

}  // namespace waybill::bench
