#include "simulation/gated_driver.h"

#include <optional>
#include <utility>

namespace waybill::simulation {
namespace {

using store::Connection;

class GatedConnection final : public Connection {
 public:
  GatedConnection(std::unique_ptr<Connection> connection, Gate& gate)
      : connection_(std::move(connection)), gate_(gate) {}

  Result<std::int64_t> execute(std::string_view sql, Params params) override {
    if (unbegun_) return fail(*unbegun_);
    return connection_->execute(sql, params);
  }
  Result<std::int64_t> query(std::string_view sql, Params params,
                             store::RowVisitor visit) override {
    if (unbegun_) return fail(*unbegun_);
    return connection_->query(sql, params, visit);
  }
  Result<void> write(std::string_view sql, Params params) override {
    if (unbegun_) return fail(*unbegun_);
    return connection_->write(sql, params);
  }
  Result<void> run_script(std::string_view script) override {
    return connection_->run_script(script);
  }
  Result<void> notify(std::string_view message) override { return connection_->notify(message); }
  Result<void> copy_to(const std::filesystem::path& file, const std::stop_token& stop) override {
    return connection_->copy_to(file, stop);
  }
  std::string_view claim_lock() const override { return connection_->claim_lock(); }
  std::string_view row_lock() const override { return connection_->row_lock(); }
  std::string_view migration_word(std::string_view name) const override {
    return connection_->migration_word(name);
  }

  // The executor takes what waits, begins, and ends by a commit, or by a rollback after which it
  // begins the same units once more. So a begin that follows the first rollback is no new batch.
  Result<void> begin(Access access) override {
    if (batch_ != Batch::kRunsAgain && !gate_.pass()) {
      return fail(Code::kUnavailable, "process_died", "The simulated process has died.");
    }
    auto begun = connection_->begin(access);
    // A database that cannot begin answers all that waits, and that of Life too, which has to stay
    // and wait at the gate. So what could not begin fails at its first statement.
    if (!begun) unbegun_ = begun.error();
    batch_ = batch_ == Batch::kRunsAgain ? Batch::kLast : Batch::kFirst;
    return {};
  }
  Result<void> flush() override { return connection_->flush(); }
  Result<void> lock_migrations() override { return connection_->lock_migrations(); }
  Result<void> commit() override {
    batch_ = Batch::kNone;
    return connection_->commit();
  }
  void rollback() override {
    batch_ = batch_ == Batch::kFirst ? Batch::kRunsAgain : Batch::kNone;
    unbegun_.reset();
    connection_->rollback();
  }
  Result<void> savepoint() override {
    if (unbegun_) return fail(*unbegun_);
    return connection_->savepoint();
  }
  Result<void> release_savepoint() override { return connection_->release_savepoint(); }
  Result<void> rollback_to_savepoint() override { return connection_->rollback_to_savepoint(); }
  std::int64_t changes_made() const override { return connection_->changes_made(); }
  bool is_broken() const override { return unbegun_ || connection_->is_broken(); }

 private:
  enum class Batch { kNone, kFirst, kRunsAgain, kLast };
  std::unique_ptr<Connection> connection_;
  Gate& gate_;
  Batch batch_ = Batch::kNone;
  std::optional<Error> unbegun_;
};

}  // namespace

void Gate::shut() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

void Gate::wait_for_one() {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [this] { return came_ > went_; });
}

void Gate::let_through() {
  const std::lock_guard lock(mutex_);
  ++went_;
  moved_.notify_all();
}

void Gate::kill() {
  const std::lock_guard lock(mutex_);
  dead_ = true;
  moved_.notify_all();
}

bool Gate::pass() {
  std::unique_lock lock(mutex_);
  if (open_ || dead_) return !dead_;
  const int place = ++came_;
  moved_.notify_all();
  moved_.wait(lock, [&] { return dead_ || went_ >= place; });
  return !dead_;
}

Result<std::unique_ptr<Connection>> GatedDriver::connect(Connection::Access access) {
  auto connection = driver_->connect(access);
  if (!connection) return connection;
  WAYBILL_TRY((*connection)->run_script("PRAGMA synchronous=OFF"));
  return std::make_unique<GatedConnection>(
      *std::move(connection), access == Connection::Access::kRead ? reading_ : writing_);
}

}  // namespace waybill::simulation
