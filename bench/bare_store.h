// The database of the bare programs: an order, its idempotency key, its event and its delivery in
// SQLite, and the attempts at sending it, as durable as the hub's (WAL, synchronous=FULL).
//
// All that is waiting when the writer thread is free becomes one transaction: group commit. What
// the hub's store does beside that (records, conflicts, leases, audit, reading back) is left out.
//
// Everything but the writer itself is called on the thread of `context` only.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/task.h"

namespace waybill::bench {

class BareStore {
 public:
  // Makes bare.sqlite in `folder`, which exists and holds none. Aborts if it cannot.
  // `with_payments`: each order comes with its payment, another row and another event.
  BareStore(boost::asio::io_context& context, const std::string& folder,
            bool with_payments = false);
  ~BareStore();
  BareStore(const BareStore&) = delete;
  BareStore& operator=(const BareStore&) = delete;

  // Stores an order with its key, event and delivery, all with the number it returns; when it
  // returns, they are on disk.
  // Requires: `number` and `body` live until then.
  Task<std::int64_t> insert_order(std::string_view number, std::string_view body);

  // Stores what a platform has sent, with the digest it is known again by, its event and the
  // delivery to its handler; when it returns, they are on disk. One that is there already is not
  // stored again.
  // Requires: `id`, `type` and `body` live until then.
  Task<void> insert_message(std::string_view id, std::string_view type, std::string_view body);

  // Records that a delivery was answered with `status`. Nobody waits for it.
  void record_attempt(std::int64_t delivery, int status);

 private:
  struct NewOrder {
    std::string_view number;
    std::string_view body;
    boost::asio::steady_timer committed;  // Cancelled when it is.
    std::int64_t id = 0;
    std::string_view message_type = {};  // Of a message, whose own id is `number`. Empty: an order.
  };
  struct Attempt {
    std::int64_t delivery;
    int status;
  };
  struct Batch {
    std::vector<NewOrder*> orders;
    std::vector<Attempt> attempts;
  };
  class Tables;

  Task<void> insert(NewOrder& order);
  void write_batches(const std::string& file, bool with_payments);

  boost::asio::io_context& context_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Batch waiting_;  // Under mutex_, as is stopping_.
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace waybill::bench
