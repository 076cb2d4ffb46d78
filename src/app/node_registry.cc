#include "app/node_registry.h"

#include <algorithm>
#include <utility>

#include "store/nodes.h"

namespace waybill::app {

using model::Node;

NodeRegistry::NodeRegistry(boost::asio::io_context& context, Clock& clock, Log& log,
                           store::Database& database, NodeIdentity identity,
                           std::function<void(int live)> on_live)
    : clock_(clock),
      log_(log),
      database_(database),
      on_live_(std::move(on_live)),
      self_{.id = identity.id,
            .boot = identity.boot,
            .name = std::move(identity.name),
            .version = std::move(identity.version),
            .address = {},
            .shared_at = {},
            .stopped_at = {}},
      timer_(context),
      tasks_(context, log) {}

Task<Result<void>> NodeRegistry::start(std::string address) {
  self_.address = std::move(address);
  self_.started_at = clock_.now();
  WAYBILL_CO_TRY(co_await beat());
  started_ = true;
  tasks_.spawn("node registry", run());
  co_return Result<void>();
}

Task<void> NodeRegistry::stop() {
  stopping_ = true;
  timer_.cancel();
  co_await tasks_.join();
  if (!std::exchange(started_, false)) co_return;
  const Timestamp now = clock_.now();
  const auto noted = co_await database_.run(
      [&](store::Connection& connection) {
        return store::nodes::note_stop(connection, self_.id, self_.boot, now);
      },
      store::Priority::kOwn);
  // The others find out by themselves, a little later.
  if (!noted) log_.info("stop_not_noted", {{"what", noted.error().message}});
}

Task<void> NodeRegistry::run() {
  while (!stopping_) {
    co_await clock_.wait_until(clock_.now() + clock_.hub_time(Node::kBeat), timer_);
    if (stopping_) co_return;
    // A database that cannot be used is told of by the database.
    [[maybe_unused]] const auto done = co_await beat();
  }
}

Task<Result<void>> NodeRegistry::beat() {
  Node self = self_;
  self.seen_at = clock_.now();
  const Timestamp remembered = ago(kRemembered);
  // Somebody else's boot in our row: before the first beat our own former life, later another node.
  const bool was_ours = started_;
  auto nodes = co_await database_.run(
      [&](store::Connection& connection) -> Result<std::vector<Node>> {
        Node row = self;
        const auto before = store::nodes::find(connection, self.id);
        if (!before) return fail(before.error());
        if (was_ours && *before && (*before)->boot != self.boot) row.shared_at = self.seen_at;
        WAYBILL_TRY(store::nodes::save(connection, row));
        WAYBILL_TRY(store::nodes::remove_silent(connection, remembered));
        return store::nodes::list(connection);
      },
      store::Priority::kOwn);
  if (!nodes) co_return fail(nodes.error());
  look_at(*nodes);
  co_return Result<void>();
}

void NodeRegistry::look_at(const std::vector<Node>& nodes) {
  const Timestamp now = clock_.now();
  const auto believed = clock_.hub_time(Node::kBelieved);
  int live = 1;
  bool has_lower = false;
  for (const Node& node : nodes) {
    if (node.id == self_.id) {
      if (node.shared_at) {
        log_.error("node_id_shared",
                   {{"node", node.id.text()},
                    {"what",
                     "Another hub runs with this node's id: one data directory is a copy of "
                     "the other's. Stop one, and remove node.id from its directory."}});
      }
      continue;
    }
    look_at_clock(node, now);
    if (!model::is_live(model::node_state(node, now, believed))) continue;
    ++live;
    has_lower = has_lower || node.id < self_.id;
  }
  has_lower_ = has_lower;
  read_at_ = now;
  if (std::exchange(live_, live) != live) on_live_(live);
}

// Leases and schedules are compared with each node's own clock.
void NodeRegistry::look_at_clock(const Node& other, Timestamp now) {
  const auto ahead = other.seen_at - now;
  if (ahead <= clock_.hub_time(kClockSlack)) {
    ahead_.erase(other.id);
  } else if (ahead_.insert(other.id).second) {
    log_.warn("clocks_differ",
              {{"node", other.name}, {"node_id", other.id.text()}, {"ahead_ms", ahead.count()}});
  }
}

bool NodeRegistry::is_first() const { return !has_lower_ || read_at_ < ago(Node::kBelieved); }

}  // namespace waybill::app
