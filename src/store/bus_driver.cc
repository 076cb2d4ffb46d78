#include "store/bus_driver.h"

#include <algorithm>
#include <utility>

namespace waybill::store {

void Bus::lose() {
  const std::lock_guard lock(mutex_);
  is_cut_ = true;
}

void Bus::cut() {
  const std::lock_guard lock(mutex_);
  is_cut_ = true;
  for (const Hearing* hearing : hearings_) hearing->on_change(false);
}

void Bus::mend() {
  const std::lock_guard lock(mutex_);
  is_cut_ = false;
  for (const Hearing* hearing : hearings_) hearing->on_change(true);
}

std::vector<std::string> Bus::said() const {
  const std::lock_guard lock(mutex_);
  return said_;
}

void Bus::publish(const std::vector<std::string>& messages) {
  const std::lock_guard lock(mutex_);
  for (const std::string& message : messages) {
    said_.push_back(message);
    if (is_cut_) continue;
    for (const Hearing* hearing : hearings_) hearing->on_message(message);
  }
}

void Bus::add(const Hearing* hearing) {
  const std::lock_guard lock(mutex_);
  hearings_.push_back(hearing);
  if (!is_cut_) hearing->on_change(true);
}

void Bus::remove(const Hearing* hearing) {
  const std::lock_guard lock(mutex_);
  std::erase(hearings_, hearing);
}

class BusListener final : public Listener {
 public:
  BusListener(std::shared_ptr<Bus> bus, Hearing hearing)
      : bus_(std::move(bus)), hearing_(std::move(hearing)) {
    bus_->add(&hearing_);
  }
  ~BusListener() override { bus_->remove(&hearing_); }

 private:
  const std::shared_ptr<Bus> bus_;
  const Hearing hearing_;
};

class BusConnection final : public Connection {
 public:
  BusConnection(std::unique_ptr<Connection> connection, std::shared_ptr<Bus> bus)
      : connection_(std::move(connection)), bus_(std::move(bus)) {}

  Result<std::int64_t> execute(std::string_view sql, Params params) override {
    return connection_->execute(sql, params);
  }
  Result<std::int64_t> query(std::string_view sql, Params params, RowVisitor visit) override {
    return connection_->query(sql, params, visit);
  }
  Result<void> write(std::string_view sql, Params params) override {
    return connection_->write(sql, params);
  }
  Result<void> run_script(std::string_view script) override {
    return connection_->run_script(script);
  }
  std::string_view claim_lock() const override { return connection_->claim_lock(); }
  std::string_view row_lock() const override { return connection_->row_lock(); }
  std::string_view migration_word(std::string_view name) const override {
    return connection_->migration_word(name);
  }
  Result<void> notify(std::string_view message) override {
    messages_.emplace_back(message);
    return {};
  }
  Result<void> copy_to(const std::filesystem::path& file, const std::stop_token& stop) override {
    return connection_->copy_to(file, stop);
  }

  Result<void> begin(Access access) override { return connection_->begin(access); }
  Result<void> commit() override {
    WAYBILL_TRY(connection_->commit());
    bus_->publish(std::exchange(messages_, {}));
    return {};
  }
  void rollback() override {
    messages_.clear();
    connection_->rollback();
  }
  Result<void> flush() override { return connection_->flush(); }
  Result<void> lock_migrations() override { return connection_->lock_migrations(); }
  Result<void> savepoint() override {
    kept_ = messages_.size();
    return connection_->savepoint();
  }
  Result<void> release_savepoint() override { return connection_->release_savepoint(); }
  Result<void> rollback_to_savepoint() override {
    messages_.resize(kept_);
    return connection_->rollback_to_savepoint();
  }
  std::int64_t changes_made() const override { return connection_->changes_made(); }
  bool is_broken() const override { return connection_->is_broken(); }

 private:
  const std::unique_ptr<Connection> connection_;
  const std::shared_ptr<Bus> bus_;
  std::vector<std::string> messages_;  // Of the transaction.
  std::size_t kept_ = 0;               // So many of them were said before the savepoint.
};

Result<std::unique_ptr<Connection>> BusDriver::connect(Connection::Access access) {
  auto connection = driver_->connect(access);
  if (!connection) return connection;
  return std::make_unique<BusConnection>(*std::move(connection), bus_);
}

std::unique_ptr<Listener> BusDriver::listen(Hearing hearing) {
  return std::make_unique<BusListener>(bus_, std::move(hearing));
}

}  // namespace waybill::store
