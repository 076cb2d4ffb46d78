// A driver that passes everything on to another one, and fails when it is told to: as a disk or a
// server does that goes away in the middle.
//
//   auto faults = std::make_shared<Faults>();
//   FaultyDriver driver(make_real_driver(), faults);
//   faults->arm(3, Faults::Lasting::kOnce);   // The third call from now on fails, and only that
//   one.
//
// A call that fails does nothing, and answers with kUnavailable (database_unavailable).

#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "store/connection.h"

namespace waybill::store {

// What fails, and when: shared by a FaultyDriver, all its connections and a test. Any thread.
class Faults {
 public:
  enum class Call { kBegin, kExecute, kQuery, kSavepoint, kCommit };
  enum class Lasting { kOnce, kFromThenOn };

  // The `nth` call from now on fails, counted from 1 among calls of kind `only` or all of them.
  void arm(int nth, Lasting lasting, std::optional<Call> only = std::nullopt);
  void disarm();
  // True if anything has failed since arm().
  bool fired() const;

  // Counts a call; true if it is to fail.
  bool strikes(Call call);

 private:
  mutable std::mutex mutex_;
  int left_ = 0;  // Calls until the failing one, itself included; 0: none is to fail.
  Lasting lasting_ = Lasting::kOnce;
  std::optional<Call> only_;
  bool fired_ = false;
};

class FaultyDriver final : public Driver {
 public:
  FaultyDriver(std::unique_ptr<Driver> driver, std::shared_ptr<Faults> faults)
      : driver_(std::move(driver)), faults_(std::move(faults)) {}

  Result<std::unique_ptr<Connection>> connect(Connection::Access access) override;
  int writers() const override { return 1; }  // So that it is known which call is the nth.

 private:
  std::unique_ptr<Driver> driver_;
  std::shared_ptr<Faults> faults_;
};

}  // namespace waybill::store
