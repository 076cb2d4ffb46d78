#include "conformance/faulty_driver.h"

namespace waybill::store {
namespace {

class FaultyConnection final : public Connection {
 public:
  FaultyConnection(std::unique_ptr<Connection> connection, std::shared_ptr<Faults> faults)
      : connection_(std::move(connection)), faults_(std::move(faults)) {}

  Result<std::int64_t> execute(std::string_view sql, Params params) override {
    if (faults_->strikes(Faults::Call::kExecute)) return break_off();
    return connection_->execute(sql, params);
  }
  Result<std::int64_t> query(std::string_view sql, Params params, RowVisitor visit) override {
    if (faults_->strikes(Faults::Call::kQuery)) return break_off();
    return connection_->query(sql, params, visit);
  }
  Result<void> write(std::string_view sql, Params params) override {
    if (faults_->strikes(Faults::Call::kExecute)) return break_off();
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

  Result<void> notify(std::string_view message) override { return connection_->notify(message); }
  Result<void> copy_to(const std::filesystem::path& file, const std::stop_token& stop) override {
    return connection_->copy_to(file, stop);
  }

  Result<void> begin(Access access) override {
    if (faults_->strikes(Faults::Call::kBegin)) return unavailable();
    return connection_->begin(access);
  }
  Result<void> flush() override { return connection_->flush(); }
  Result<void> lock_migrations() override { return connection_->lock_migrations(); }
  Result<void> commit() override {
    if (faults_->strikes(Faults::Call::kCommit)) return unavailable();
    return connection_->commit();
  }
  void rollback() override {
    broken_ = false;
    connection_->rollback();
  }
  Result<void> savepoint() override {
    if (faults_->strikes(Faults::Call::kSavepoint)) return unavailable();
    return connection_->savepoint();
  }
  Result<void> release_savepoint() override {
    if (faults_->strikes(Faults::Call::kSavepoint)) return unavailable();
    return connection_->release_savepoint();
  }
  Result<void> rollback_to_savepoint() override {
    if (faults_->strikes(Faults::Call::kSavepoint)) return unavailable();
    broken_ = false;
    return connection_->rollback_to_savepoint();
  }
  std::int64_t changes_made() const override { return connection_->changes_made(); }
  bool is_broken() const override { return broken_ || connection_->is_broken(); }

 private:
  std::unexpected<Error> unavailable() {
    return fail(Code::kUnavailable, "database_unavailable", "The test wants this call to fail.");
  }
  std::unexpected<Error> break_off() {
    broken_ = true;
    return unavailable();
  }

  std::unique_ptr<Connection> connection_;
  std::shared_ptr<Faults> faults_;
  bool broken_ = false;
};

}  // namespace

void Faults::arm(int nth, Lasting lasting, std::optional<Call> only) {
  const std::lock_guard lock(mutex_);
  left_ = nth;
  lasting_ = lasting;
  only_ = only;
  fired_ = false;
}

void Faults::disarm() {
  const std::lock_guard lock(mutex_);
  left_ = 0;
}

bool Faults::fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

bool Faults::strikes(Call call) {
  const std::lock_guard lock(mutex_);
  if (left_ == 0 || (only_ && *only_ != call)) return false;
  if (left_ > 1) {
    --left_;
    return false;
  }
  fired_ = true;
  if (lasting_ == Lasting::kOnce) left_ = 0;
  return true;
}

Result<std::unique_ptr<Connection>> FaultyDriver::connect(Connection::Access access) {
  auto connection = driver_->connect(access);
  if (!connection) return connection;
  return std::make_unique<FaultyConnection>(std::move(*connection), faults_);
}

}  // namespace waybill::store
