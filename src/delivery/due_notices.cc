#include "delivery/due_notices.h"

#include <utility>

namespace waybill::delivery {

DueNotices::DueNotices(boost::asio::io_context& context, Clock& clock, store::Database& database,
                       const Uuid& node, TaskGroup& tasks)
    : clock_(clock), database_(database), node_(node), tasks_(tasks), pauses_(context, clock) {}

void DueNotices::note(const model::WorkspaceId& workspace, const model::EndpointId& endpoint) {
  if (noted_.size() >= kEndpointsMax && !noted_.contains(endpoint)) return;
  Noted& noted = noted_[endpoint];
  noted.workspace = workspace;
  noted.waiting = true;
  if (stopping_ || std::exchange(running_, true)) return;
  tasks_.spawn("tell what is due", run());
}

void DueNotices::begin_stop() {
  stopping_ = true;
  pauses_.end_all();
}

Task<void> DueNotices::stop() {
  std::vector<store::changes::EndpointRef> endpoints;
  for (const auto& [endpoint, noted] : noted_) {
    if (noted.waiting) endpoints.push_back({noted.workspace, endpoint});
  }
  co_await tell(std::move(endpoints));
}

// Runs as long as somebody was told lately, so that nobody is told too often.
Task<void> DueNotices::run() {
  while (!stopping_ && !noted_.empty()) {
    co_await tell(take(clock_.now()));
    if (stopping_) break;
    co_await pauses_.wait_until(clock_.now() + clock_.hub_time(kBetweenUnits));
  }
  running_ = false;
}

Task<void> DueNotices::tell(std::vector<store::changes::EndpointRef> endpoints) {
  if (endpoints.empty()) co_return;
  // Whether it succeeds or not: it is a hint.
  [[maybe_unused]] const auto told = co_await database_.run([&](store::Connection& connection) {
    return store::changes::due(connection, node_, endpoints);
  });
}

// What is to be told now; forgets whom it need not spare any more.
std::vector<store::changes::EndpointRef> DueNotices::take(Timestamp now) {
  std::vector<store::changes::EndpointRef> endpoints;
  for (auto at = noted_.begin(); at != noted_.end();) {
    Noted& noted = at->second;
    if (now < noted.next) {
      ++at;
    } else if (noted.waiting) {
      endpoints.push_back({noted.workspace, at->first});
      noted.waiting = false;
      noted.next = now + clock_.hub_time(kBetweenNotices);
      ++at;
    } else {
      at = noted_.erase(at);
    }
  }
  return endpoints;
}

}  // namespace waybill::delivery
