// A driver whose connections wait at a gate before each transaction, until the simulation lets them
// through. So the database's own threads run at moments that the seed decides, what is committed
// together is the same each time, and a hub can die with transactions that never begin.

#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "store/connection.h"

namespace waybill::simulation {

// Between the simulation and one thread of a database. The thread passes it before it begins the
// units it has taken.
class Gate {
 public:
  // From now on each transaction waits.
  void shut();
  // Returns once a transaction waits. Requires: one will come.
  void wait_for_one();
  // Lets the waiting one through. It is over once the next one waits.
  void let_through();
  // The process has died: nothing begins any more.
  void kill();

  // On the database's thread. False: it has died.
  bool pass();

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  bool open_ = true;
  bool dead_ = false;
  int came_ = 0;
  int went_ = 0;
};

class GatedDriver final : public store::Driver {
 public:
  // The gates outlive the connections.
  GatedDriver(std::unique_ptr<store::Driver> driver, Gate& reading, Gate& writing)
      : driver_(std::move(driver)), reading_(reading), writing_(writing) {}

  // Does not sync: what a machine loses with its power is not simulated.
  Result<std::unique_ptr<store::Connection>> connect(store::Connection::Access access) override;
  int writers() const override { return driver_->writers(); }

 private:
  std::unique_ptr<store::Driver> driver_;
  Gate& reading_;
  Gate& writing_;
};

}  // namespace waybill::simulation
