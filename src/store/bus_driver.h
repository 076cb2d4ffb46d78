// A driver whose databases hear each other, for tests: within this process, what a server does with
// NOTIFY between several. It passes everything else on to another driver.
//
//   auto bus = std::make_shared<Bus>();
//   BusDriver one(make_driver(file), bus), two(make_driver(file), bus);
//
// A message is heard once its transaction is committed, before the commit is answered; not at all
// if that was rolled back.

#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/connection.h"

namespace waybill::store {

// What all listeners hear, and whether they do. Any thread.
class Bus {
 public:
  // Nobody hears any more what is said, and nobody has noticed yet.
  void lose();
  // Nobody hears any more what is said, and knows it; or everybody does again.
  void cut();
  void mend();

  // All that was said and committed, also while it was cut.
  std::vector<std::string> said() const;

 private:
  friend class BusDriver;
  friend class BusConnection;
  friend class BusListener;

  void publish(const std::vector<std::string>& messages);
  void add(const Hearing* hearing);
  void remove(const Hearing* hearing);

  mutable std::mutex mutex_;
  std::vector<const Hearing*> hearings_;
  std::vector<std::string> said_;
  bool is_cut_ = false;
};

class BusDriver final : public Driver {
 public:
  BusDriver(std::unique_ptr<Driver> driver, std::shared_ptr<Bus> bus)
      : driver_(std::move(driver)), bus_(std::move(bus)) {}

  Result<std::unique_ptr<Connection>> connect(Connection::Access access) override;
  int writers() const override { return driver_->writers(); }
  std::unique_ptr<Listener> listen(Hearing hearing) override;

 private:
  std::unique_ptr<Driver> driver_;
  std::shared_ptr<Bus> bus_;
};

}  // namespace waybill::store
