// The NodeRegistry keeps this node's row among the nodes of its database, and knows the others. So
// each knows how many share the work, and which one does what one alone should do.
//
// Every five seconds it says that this node lives, and reads who else does. A node that has not
// been seen for twenty seconds counts as gone; after a week its row is removed. It warns where
// something is wrong with the nodes themselves: their clocks differ (clocks_differ), or two run
// with one id (node_id_shared).
//
// Used from the thread of the io_context only.

#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/task.h"
#include "model/node.h"
#include "store/database.h"

namespace waybill::app {

struct NodeIdentity {
  Uuid id;    // The same after a restart.
  Uuid boot;  // Never the same twice.
  std::string name;
  std::string version;
};

class NodeRegistry {
 public:
  // Real time. By so much another node's clock may be ahead of ours: what is more is seen if it has
  // spoken just now, and in any case if it is more by a beat. …
  static constexpr std::chrono::seconds kClockSlack{2};
  // … and so long a node that is gone is remembered.
  static constexpr std::chrono::days kRemembered{7};

  // Everything given outlives it. `on_live` is called with the number of live nodes, this one
  // included, when it has changed; it is 1 at first.
  NodeRegistry(boost::asio::io_context& context, Clock& clock, Log& log, store::Database& database,
               NodeIdentity identity, std::function<void(int live)> on_live);

  // Says for the first time that this node lives, at `address`, and goes on saying so.
  // Fails as Database::run().
  Task<Result<void>> start(std::string address);
  // Says that it has stopped.
  Task<void> stop();

  int live() const { return live_; }
  // True if no live node has a lower id than this one: then it does what one node alone should do.
  // True too as long as the others cannot be read: better twice than not at all.
  bool is_first() const;

 private:
  Task<void> run();
  Task<Result<void>> beat();
  void look_at(const std::vector<model::Node>& nodes);
  void look_at_clock(const model::Node& other, Timestamp now);
  Timestamp ago(std::chrono::milliseconds real) const {
    return clock_.now() - clock_.hub_time(real);
  }

  Clock& clock_;
  Log& log_;
  store::Database& database_;
  const std::function<void(int live)> on_live_;
  model::Node self_;
  bool started_ = false;
  int live_ = 1;
  bool has_lower_ = false;  // A live one has a lower id …
  Timestamp read_at_{};     // … as it was then.
  std::set<Uuid> ahead_;    // Whose clock has been complained of.
  bool stopping_ = false;
  boost::asio::steady_timer timer_;
  TaskGroup tasks_;
};

}  // namespace waybill::app
