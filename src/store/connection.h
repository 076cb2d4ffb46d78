// A Connection runs SQL inside a transaction that somebody else (Database) began and will end.
//
// SQL is written once, for every driver: parameters are $1, $2 …; only what SQLite and PostgreSQL
// share (ON CONFLICT, RETURNING, row values) is used. Statements are prepared once for each text,
// so texts come from a small fixed set: never put a value into one.
//
// One thread at a time.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace waybill::store {

// What $n stands for. Texts and bytes are views: they need only outlive the call.
class Param {
 public:
  using Value = std::variant<std::monostate, std::int64_t, std::string_view, ByteView>;

  Param(std::nullopt_t) {}
  Param(std::integral auto number) : value_(static_cast<std::int64_t>(number)) {}
  Param(std::string_view text) : value_(text) {}
  Param(const std::string& text) : value_(std::string_view(text)) {}
  Param(const char* text) : value_(std::string_view(text)) {}
  Param(ByteView bytes) : value_(bytes) {}
  Param(const Bytes& bytes) : value_(ByteView(bytes)) {}
  Param(const Uuid& uuid) : value_(uuid.bytes()) {}
  template <class Tag>
  Param(const Id<Tag>& id) : value_(id.bytes()) {}
  Param(Timestamp time) : value_(unix_millis(time)) {}
  template <class T>
  Param(const std::optional<T>& maybe) {
    if (maybe) value_ = Param(*maybe).value_;
  }

  const Value& value() const { return value_; }

 private:
  Value value_;
};

// The reason of a kUnavailable by which another transaction has come first: the same done again may
// succeed. A server's alone.
inline constexpr std::string_view kTransactionConflict = "transaction_conflict";

// One row of a result; columns count from 0. Views are valid until the next row.
class Row {
 public:
  virtual ~Row() = default;
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual std::string_view text(int column) const = 0;
  virtual ByteView bytes(int column) const = 0;

  Timestamp time(int column) const { return from_unix_millis(integer(column)); }
  std::optional<Timestamp> time_or_null(int column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
  }
  std::string string(int column) const { return std::string(text(column)); }
  std::optional<std::string> string_or_null(int column) const {
    return is_null(column) ? std::nullopt : std::optional(string(column));
  }
  Bytes byte_string(int column) const {
    const ByteView view = bytes(column);
    return {view.begin(), view.end()};
  }
  template <class SomeId>
  SomeId id(int column) const {
    const auto uuid = Uuid::from_bytes(bytes(column));
    WAYBILL_CHECK(uuid.has_value(), "a stored id has 16 bytes");
    return SomeId(*uuid);
  }
  template <class SomeId>
  std::optional<SomeId> id_or_null(int column) const {
    return is_null(column) ? std::nullopt : std::optional(id<SomeId>(column));
  }
};

// A reference to anything that can be called with a row. It need only outlive the call.
class RowVisitor {
 public:
  template <class F>
    requires std::is_invocable_v<F&, const Row&>
  RowVisitor(F&& visit)  // NOLINT(bugprone-forwarding-reference-overload)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(visit)))),
        call_([](void* object, const Row& row) {
          (*static_cast<std::remove_reference_t<F>*>(object))(row);
        }) {}
  void operator()(const Row& row) const { call_(object_, row); }

 private:
  void* object_;
  void (*call_)(void*, const Row&);
};

class Connection {
 public:
  using Params = std::span<const Param>;
  virtual ~Connection() = default;

  // Runs a statement that changes rows. Returns how many it changed.
  // Fails with kConflict (unique_violation) for a key that exists, kUnavailable (database_full,
  // database_unavailable), kInternal (database_error).
  // After a failure the unit returns an error: everything it changed will be rolled back, and
  // further statements fail with kInternal (transaction_failed).
  virtual Result<std::int64_t> execute(std::string_view sql, Params params) = 0;

  // Runs a statement that returns rows, and visits each in order. Returns how many there were.
  // Fails as execute().
  virtual Result<std::int64_t> query(std::string_view sql, Params params, RowVisitor visit) = 0;

  // Runs a statement that changes rows and whose answer nobody waits for: a database server gets it
  // together with those that follow, which saves a journey each. If it fails, so does the next
  // statement, or the unit. A parameter is copied if it is kept. Fails as execute().
  virtual Result<void> write(std::string_view sql, Params params) {
    const auto changed = execute(sql, params);
    if (!changed) return fail(changed.error());
    return {};
  }

  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Param> params) {
    return execute(sql, Params(params.begin(), params.size()));
  }
  Result<void> write(std::string_view sql, std::initializer_list<Param> params) {
    return write(sql, Params(params.begin(), params.size()));
  }
  Result<std::int64_t> query(std::string_view sql, std::initializer_list<Param> params,
                             RowVisitor visit) {
    return query(sql, Params(params.begin(), params.size()), visit);
  }

  // Runs a script of statements without parameters or results: migrations.
  virtual Result<void> run_script(std::string_view script) = 0;

  // What differs between drivers and has no common SQL.
  //
  // Appended to the SELECT by which due work is claimed: "" or "FOR UPDATE SKIP LOCKED".
  virtual std::string_view claim_lock() const = 0;
  // Appended to a SELECT of one row that is then changed by what was read: "" or "FOR UPDATE".
  virtual std::string_view row_lock() const = 0;
  // Types and clauses in migrations: {bytes}, {bigint}, {clustered} …
  virtual std::string_view migration_word(std::string_view name) const = 0;

  // Tells every Listener of this database, in this process or another, once this transaction is
  // committed; nobody if it is not. At most 7,999 bytes, without NUL. Fails as execute().
  virtual Result<void> notify(std::string_view message) = 0;

  // Writes what this transaction sees of the whole database into `file`, durably and for its owner
  // alone; a file there is replaced. Others go on writing meanwhile. Wholly or not at all: until
  // all is written it is `file` with .part behind its name, which a failure removes. Fails with
  // kUnavailable (backup_failed, backup_no_room, backup_stopped), or kInvalid (backup_unsupported)
  // where the database server has tools of its own for it.
  virtual Result<void> copy_to(const std::filesystem::path& file, const std::stop_token& stop) = 0;

  // Used by Database and migrate() alone.
  enum class Access { kRead, kWrite };
  virtual Result<void> begin(Access access) = 0;
  virtual Result<void> commit() = 0;
  virtual void rollback() = 0;
  // Sends what write() has kept, and tells whether all of it was done.
  virtual Result<void> flush() { return {}; }
  // Until the transaction ends, no other one migrates this database.
  virtual Result<void> lock_migrations() = 0;
  virtual Result<void> savepoint() = 0;  // Not nested: there is at most one.
  virtual Result<void> release_savepoint() = 0;
  virtual Result<void> rollback_to_savepoint() = 0;
  // Grows with every row changed: tells whether a failed unit left something to roll back.
  virtual std::int64_t changes_made() const = 0;
  // True if a statement has failed: the transaction, or the savepoint if there is one, can only be
  // rolled back now.
  virtual bool is_broken() const = 0;
};

// What a database takes on the disk, where the driver can tell.
struct StorageUse {
  std::int64_t bytes = 0;       // Of the database itself.
  std::int64_t log_bytes = 0;   // Of its write-ahead log.
  std::int64_t log_behind = 0;  // Bytes of the log that are not in the database yet: a long read.
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpoints_failed = 0;
};

// Hears what is said by Connection::notify(), from when it was made until it ends. The functions
// are called on a thread of its own, one at a time.
struct Hearing {
  std::function<void(std::string_view message)> on_message;
  // True: from now on every message is heard; the ones before may have been missed. False: the
  // connection is lost, and what is said is missed until it is true again.
  std::function<void(bool hears)> on_change;
};
class Listener {
 public:
  virtual ~Listener() = default;  // Waits for a call that is under way.
};

// Opens connections to one database.
class Driver {
 public:
  virtual ~Driver() = default;
  // Fails with kUnavailable (database_unavailable), saying what cannot be opened and why.
  virtual Result<std::unique_ptr<Connection>> connect(Connection::Access access) = 0;
  // How many connections may write at one time: 1 for SQLite.
  virtual int writers() const = 0;
  // Null where there is one process to a database, which need not be told what it does itself.
  // Begins by itself, and again after each failure; on_change tells.
  virtual std::unique_ptr<Listener> listen(Hearing) { return nullptr; }
  // Any thread.
  virtual StorageUse use() const { return {}; }
};

}  // namespace waybill::store
