// The Recorder writes what came of attempts into the store. While the store cannot be written to,
// an outcome is kept and tried again, since nobody else has the delivery meanwhile: promise 5 of
// delivery/dispatcher.h.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/task.h"
#include "delivery/pauses.h"
#include "delivery/units.h"
#include "store/database.h"
#include "store/messages.h"

namespace waybill::delivery {

class Recorder {
 public:
  // Everything given outlives it.
  Recorder(boost::asio::io_context& context, Clock& clock, store::Database& database,
           const Alerts& alerts)
      : clock_(clock), database_(database), alerts_(alerts), pauses_(context, clock) {}

  // As record(), once the store can be written to. `decided` outlives the call.
  Task<Result<Recorded>> write(const Record& decided, Timestamp now) {
    const auto unit = [&](store::Connection& connection) {
      return record(connection, decided, alerts_, now);
    };
    auto locks = record_locks(decided);
    if (locks == 0 && decided.follow_up)
      locks = co_await message_lock(decided.follow_up->of, decided.delivery.workspace_id);
    auto written = co_await database_.run(unit, store::Priority::kOwn, locks);
    while (!written && written.error().code == Code::kUnavailable && !stopping_) {
      co_await pauses_.wait_until(clock_.now() + kPause);
      written = co_await database_.run(unit, store::Priority::kOwn, locks);
    }
    co_return written;
  }

  // What cannot be written now is not waited for any more.
  void begin_stop() {
    stopping_ = true;
    pauses_.end_all();
  }

 private:
  // The place of a message's row: as of its duplicates, which lock it too (intake/receiver.h). They
  // know no id, but the key. 0: it has none any more, and so no duplicates.
  Task<store::LockOrder> message_lock(model::MessageId id, model::WorkspaceId workspace) {
    const auto message = co_await database_.read(
        [&](store::Connection& connection) {
          return store::messages::find(connection, workspace, id);
        },
        store::Priority::kOwn);
    const bool has_key = message && !message->key.empty();
    co_return has_key ? store::lock_order(message->key) : store::LockOrder(0);
  }

  // After a failure, before the same outcome is tried again: soon. Hub time.
  static constexpr std::chrono::seconds kPause{1};

  Clock& clock_;
  store::Database& database_;
  const Alerts& alerts_;
  Pauses pauses_;
  bool stopping_ = false;
};

}  // namespace waybill::delivery
