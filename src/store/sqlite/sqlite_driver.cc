#include "store/sqlite/sqlite_driver.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <sqlite3.h>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "store/sqlite/sqlite_backup.h"

namespace waybill::store {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using DatabaseHandle = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

// WAL and FULL: a commit survives the loss of power. The page cache holds the upper levels of every
// index. A log that once grew large is cut when it is used anew.
constexpr const char* kPragmas =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;"
    "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF;";

constexpr int kPageBytes = 4096;
// Pages in the log, from which on it is copied into the database; from which on the writer waits
// for readers, so that it can begin anew; and after which it tries that again.
constexpr int kCheckpointPages = 4'000;
constexpr int kRestartPages = 16'384;
constexpr int kRestartAgainPages = 4'096;
constexpr int kRestartWaitMillis = 100;
constexpr int kBusyMillis = 5'000;

}  // namespace

// The state of the log, as the writer sees it after each commit and others ask for it.
class SqliteDriver::WriteAheadLog {
 public:
  // sqlite3_wal_hook(): the commit is done, and its lock released.
  static int after_commit(void* self, sqlite3* database, const char* name, int pages) {
    static_cast<WriteAheadLog*>(self)->look_at(database, name, pages);
    return SQLITE_OK;  // The commit has succeeded, whatever became of the checkpoint.
  }

  StorageUse use() const { return {0, bytes_, behind_, checkpoints_, failed_}; }

 private:
  void look_at(sqlite3* database, const char* name, int pages) {
    bytes_ = std::int64_t{pages} * kPageBytes;
    if (pages < kCheckpointPages) {
      behind_ = bytes_.load();
      restart_at_ = kRestartPages;
      return;
    }
    if (pages < restart_at_) return checkpoint(database, name, SQLITE_CHECKPOINT_PASSIVE);
    // After a full copy new reads need the database alone, so this waits for the older ones only.
    sqlite3_busy_timeout(database, kRestartWaitMillis);
    checkpoint(database, name, SQLITE_CHECKPOINT_RESTART);
    sqlite3_busy_timeout(database, kBusyMillis);
    restart_at_ = pages + kRestartAgainPages;
  }

  void checkpoint(sqlite3* database, const char* name, int mode) {
    int pages = 0;
    int copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(database, name, mode, &pages, &copied);
    ++checkpoints_;
    // Busy is no failure: some of it was copied, and the rest will be.
    if (code != SQLITE_OK && code != SQLITE_BUSY) ++failed_;
    if (pages >= 0 && copied >= 0) behind_ = std::int64_t{pages - copied} * kPageBytes;
  }

  int restart_at_ = kRestartPages;  // The writer's own.
  std::atomic<std::int64_t> bytes_ = 0;
  std::atomic<std::int64_t> behind_ = 0;
  std::atomic<std::uint64_t> checkpoints_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
};

namespace {

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  std::int64_t integer(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }
  std::string_view text(int column) const override {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    return {reinterpret_cast<const char*>(text), size(column)};
  }
  ByteView bytes(int column) const override {
    const void* blob = sqlite3_column_blob(statement_, column);
    return {static_cast<const std::uint8_t*>(blob), size(column)};
  }

 private:
  std::size_t size(int column) const {
    return static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  }
  sqlite3_stmt* statement_;
};

// So that a statement can be looked up by a view of its text.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
};

Error describe(sqlite3* database, std::string_view sql) {
  const int code = sqlite3_extended_errcode(database);
  const std::string message = sqlite3_errmsg(database);
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
      if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) {
        return {Code::kConflict, "unique_violation", message};
      }
      return {Code::kInternal, "database_error", message};
    case SQLITE_FULL: return {Code::kUnavailable, "database_full", "The disk is full."};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
      return {Code::kUnavailable, "database_unavailable",
              fmt::format("The database cannot be used now: {}.", message)};
    default: return {Code::kInternal, "database_error", fmt::format("{} in: {}", message, sql)};
  }
}

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(DatabaseHandle database, std::shared_ptr<SqliteDriver::WriteAheadLog> log)
      : log_(std::move(log)), database_(std::move(database)) {}

  Result<std::int64_t> execute(std::string_view sql, Params params) override {
    Result<std::int64_t> done = query(sql, params, [](const Row&) {});
    if (!done) return done;
    return sqlite3_changes64(database_.get());
  }

  Result<std::int64_t> query(std::string_view sql, Params params, RowVisitor visit) override {
    if (failure_) {
      return fail(
          Code::kInternal, "transaction_failed",
          "A statement before this one has failed: nothing more can be done but to give up.");
    }
    auto rows = run(sql, params, visit);
    // SQLite itself would go on, even commit each further statement by itself after some errors.
    if (!rows) failure_ = rows.error();
    return rows;
  }

  Result<void> run_script(std::string_view script) override {
    const std::string text(script);
    if (sqlite3_exec(database_.get(), text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      return fail(describe(database_.get(), script));
    }
    return {};
  }

  // One writer: nobody else can take what we are looking at.
  std::string_view claim_lock() const override { return ""; }
  std::string_view row_lock() const override { return ""; }
  std::string_view migration_word(std::string_view name) const override {
    if (name == "bytes") return "BLOB";
    if (name == "bigint") return "INTEGER";
    if (name == "clustered") return "WITHOUT ROWID";
    WAYBILL_CHECK(false, "a migration uses known words");
    return {};
  }

  // There is one process, which knows what it has done.
  Result<void> notify(std::string_view) override { return {}; }

  Result<void> copy_to(const std::filesystem::path& file, const std::stop_token& stop) override {
    // A transaction sees nothing in particular before its first statement.
    WAYBILL_TRY(query("SELECT count(*) FROM sqlite_master", {}, [](const Row&) {}));
    return copy_database(database_.get(), file, stop);
  }

  Result<void> begin(Access access) override {
    rollback();  // Of a transaction whose own rollback failed.
    return simple(access == Access::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
  }
  Result<void> commit() override { return simple("COMMIT"); }
  void rollback() override {
    // After some errors SQLite has rolled back by itself.
    if (sqlite3_get_autocommit(database_.get()) == 0) (void)simple("ROLLBACK");
    failure_.reset();
  }
  Result<void> lock_migrations() override { return {}; }  // BEGIN IMMEDIATE has locked all.
  Result<void> savepoint() override { return simple("SAVEPOINT unit"); }
  Result<void> release_savepoint() override { return simple("RELEASE unit"); }
  Result<void> rollback_to_savepoint() override {
    // Such as a full disk: the whole transaction is gone, for one reason.
    if (failure_ && sqlite3_get_autocommit(database_.get()) != 0) return fail(*failure_);
    failure_.reset();
    WAYBILL_TRY(simple("ROLLBACK TO unit"));
    return simple("RELEASE unit");
  }
  std::int64_t changes_made() const override { return sqlite3_total_changes64(database_.get()); }
  bool is_broken() const override {
    return failure_ || sqlite3_get_autocommit(database_.get()) != 0;
  }

 private:
  Result<void> simple(std::string_view sql) {
    auto done = run(sql, {}, [](const Row&) {});
    if (!done) return fail(done.error());
    return {};
  }

  // Also when a visitor throws, or the statement could not be used again.
  struct Reset {
    sqlite3_stmt* statement;
    ~Reset() { sqlite3_reset(statement); }
  };

  Result<std::int64_t> run(std::string_view sql, Params params, RowVisitor visit) {
    const auto prepared = prepare(sql);
    if (!prepared) return fail(prepared.error());
    sqlite3_stmt* statement = (*prepared)->statement.get();
    bind(**prepared, params);
    const Reset reset{statement};
    const SqliteRow row(statement);
    std::int64_t rows = 0;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      visit(row);
      ++rows;
    }
    if (code != SQLITE_DONE) return fail(describe(database_.get(), sql));
    return rows;
  }

  struct Prepared {
    Statement statement;
    std::vector<int> positions;  // SQLite's number of $1, $2 …
  };
  using Statements = std::unordered_map<std::string, Prepared, TextHash, std::equal_to<>>;

  // Nearly every text is a literal, which is found faster by where it stands than by what it says.
  // That is compared nevertheless: a text that was made may stand where another one stood.
  Result<const Prepared*> prepare(std::string_view sql) {
    const auto address = std::bit_cast<std::uintptr_t>(sql.data());
    Statements::const_pointer& nearby = by_address_[address / 16 % by_address_.size()];
    if (nearby && nearby->first == sql) return &nearby->second;
    auto found = prepare_by_text(sql);
    if (!found) return fail(found.error());
    nearby = *found;
    return &nearby->second;
  }

  Result<Statements::const_pointer> prepare_by_text(std::string_view sql) {
    const auto found = statements_.find(sql);
    if (found != statements_.end()) return &*found;
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
      return fail(describe(database_.get(), sql));
    }
    Prepared prepared{Statement(raw), {}};
    // SQLite sees $1 as a parameter *named* "$1", and numbers names by their first use.
    const int count = sqlite3_bind_parameter_count(raw);
    for (int i = 1; i <= count; ++i) {
      const int at = sqlite3_bind_parameter_index(raw, fmt::format("${}", i).c_str());
      WAYBILL_CHECK(at > 0, "parameters are $1, $2 … without a gap");
      prepared.positions.push_back(at);
    }
    return &*statements_.emplace(std::string(sql), std::move(prepared)).first;
  }

  static void bind(const Prepared& prepared, Params params) {
    WAYBILL_CHECK(params.size() == prepared.positions.size(), "as many values as parameters");
    for (std::size_t i = 0; i < params.size(); ++i) {
      bind_one(prepared.statement.get(), prepared.positions[i], params[i]);
    }
  }

  static void bind_one(sqlite3_stmt* statement, int at, const Param& param) {
    // The views outlive the step, and the next call binds anew: nothing is copied.
    if (const auto* number = std::get_if<std::int64_t>(&param.value())) {
      sqlite3_bind_int64(statement, at, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&param.value())) {
      sqlite3_bind_text64(statement, at, text->data() ? text->data() : "", text->size(),
                          SQLITE_STATIC, SQLITE_UTF8);
    } else if (const auto* bytes = std::get_if<ByteView>(&param.value())) {
      // A null pointer would bind NULL, and an empty byte string is not NULL.
      const void* data = bytes->data() ? static_cast<const void*>(bytes->data()) : "";
      sqlite3_bind_blob64(statement, at, data, bytes->size(), SQLITE_STATIC);
    } else {
      sqlite3_bind_null(statement, at);
    }
  }

  std::shared_ptr<SqliteDriver::WriteAheadLog> log_;  // Longer than the handle whose hook it is.
  DatabaseHandle database_;
  std::optional<Error> failure_;  // Of a statement of this transaction, or savepoint.
  Statements statements_;
  std::array<Statements::const_pointer, 256> by_address_{};  // Some of them.
};

}  // namespace

Result<std::unique_ptr<Connection>> SqliteDriver::connect_to_look() const {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(file_.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  DatabaseHandle database(raw);
  if (code != SQLITE_OK) {
    return fail(
        Code::kUnavailable, "database_unavailable",
        fmt::format("Cannot open the database {}: {}.", file_.string(), sqlite3_errstr(code)));
  }
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 5000);
  return std::make_unique<SqliteConnection>(std::move(database), log_);
}

SqliteDriver::SqliteDriver(std::filesystem::path file)
    : file_(std::move(file)), log_(std::make_shared<WriteAheadLog>()) {}

StorageUse SqliteDriver::use() const {
  StorageUse use = log_->use();
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file_, error);
  if (!error) use.bytes = static_cast<std::int64_t>(bytes);
  return use;
}

Result<std::unique_ptr<Connection>> SqliteDriver::connect(Connection::Access access) {
  // Nobody asks SQLite how much memory it has, and keeping count locks a mutex at each allocation.
  // Refused once SQLite is in use, which is as well.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(file_.c_str(), &raw, flags, nullptr);
  DatabaseHandle database(raw);
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kUnavailable, "database_unavailable",
                fmt::format("Cannot open the database {}: {}.", file_.string(), why));
  };
  if (code != SQLITE_OK) return refuse(sqlite3_errstr(code));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyMillis);
  if (sqlite3_exec(raw, kPragmas, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return refuse(sqlite3_errmsg(raw));
  }
  if (access == Connection::Access::kRead &&
      sqlite3_exec(raw, "PRAGMA query_only=ON", nullptr, nullptr, nullptr) != SQLITE_OK) {
    return refuse(sqlite3_errmsg(raw));
  }
  if (access == Connection::Access::kWrite) {
    sqlite3_wal_hook(raw, WriteAheadLog::after_commit, log_.get());
  }
  return std::make_unique<SqliteConnection>(std::move(database), log_);
}

}  // namespace waybill::store
