// Tells the other nodes of what has come to be due in the store, so that they help with it at once:
// without it they would find it at their next slow look. A hint: what is lost of it costs time
// alone.
//
// Saying something is dear to some database servers. So a unit of its own says many things at once,
// at most one in kBetweenUnits, and the same endpoint is named at most once in kBetweenNotices.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/task.h"
#include "delivery/pauses.h"
#include "store/changes.h"
#include "store/database.h"

namespace waybill::delivery {

class DueNotices {
 public:
  // Real time.
  static constexpr std::chrono::milliseconds kBetweenUnits{200};
  static constexpr std::chrono::seconds kBetweenNotices{1};
  // Beyond so many endpoints, the others' slow look finds the rest.
  static constexpr std::size_t kEndpointsMax = 10'000;

  // Everything given outlives it; its work is done in `tasks`, which is joined after stop().
  DueNotices(boost::asio::io_context& context, Clock& clock, store::Database& database,
             const Uuid& node, TaskGroup& tasks);

  // Something is due, to be told soon.
  void note(const model::WorkspaceId& workspace, const model::EndpointId& endpoint);
  // Only collects what is noted from now on, …
  void begin_stop();
  // … and says it: the last thing it does.
  Task<void> stop();

 private:
  struct Noted {
    model::WorkspaceId workspace;
    bool waiting = false;  // To be told.
    Timestamp next{};      // Not again before.
  };

  Task<void> run();
  Task<void> tell(std::vector<store::changes::EndpointRef> endpoints);
  std::vector<store::changes::EndpointRef> take(Timestamp now);

  Clock& clock_;
  store::Database& database_;
  const Uuid node_;
  TaskGroup& tasks_;
  Pauses pauses_;
  std::unordered_map<model::EndpointId, Noted> noted_;
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace waybill::delivery
