#include "bench/bare_store.h"

#include <sqlite3.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/sha.h>

#include "base/check.h"

namespace waybill::bench {
namespace asio = boost::asio;
namespace {

// As the hub's own (store/sqlite/sqlite_driver.cc).
constexpr const char* kPragmas =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;"
    "PRAGMA cache_size=-65536;";

constexpr const char* kTables = R"sql(
  CREATE TABLE idempotency (key BLOB PRIMARY KEY, order_id INTEGER, expires_at INTEGER)
    WITHOUT ROWID;
  CREATE TABLE orders (id INTEGER PRIMARY KEY, workspace INTEGER, number TEXT, body TEXT,
    created_at INTEGER);
  CREATE UNIQUE INDEX orders_number ON orders (workspace, number);
  CREATE TABLE events (id INTEGER PRIMARY KEY, workspace INTEGER, type TEXT, body TEXT,
    created_at INTEGER);
  CREATE TABLE deliveries (id INTEGER PRIMARY KEY, event_id INTEGER, endpoint_id INTEGER,
    state TEXT, due_at INTEGER, attempts_made INTEGER);
  CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'pending';
  CREATE TABLE payments (id INTEGER PRIMARY KEY, workspace INTEGER, number TEXT,
    order_id INTEGER, created_at INTEGER);
  CREATE UNIQUE INDEX payments_number ON payments (workspace, number);
  CREATE TABLE messages (id INTEGER PRIMARY KEY, source INTEGER, external_id TEXT, type TEXT,
    key BLOB, body_hash BLOB, received_at INTEGER);
  CREATE UNIQUE INDEX messages_key ON messages (source, key);
  CREATE TABLE attempts (id INTEGER PRIMARY KEY, delivery_id INTEGER, started_at INTEGER,
    latency_ms INTEGER, status_code INTEGER);
)sql";

// Behind the ids of the orders' events, which are those of the orders.
constexpr std::int64_t kPaymentEvents = std::int64_t{1} << 40;

void require(bool ok, sqlite3* database) {
  WAYBILL_CHECK(ok, database == nullptr ? "out of memory" : sqlite3_errmsg(database));
}

class Digest {
 public:
  explicit Digest(std::string_view text) {
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes_);
  }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_), sizeof bytes_}; }

 private:
  unsigned char bytes_[SHA256_DIGEST_LENGTH];
};

class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    require(sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) == SQLITE_OK, database);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // True if there was a row. `values` need only live until it returns.
  template <class... Values>
  bool run(const Values&... values) {
    int column = 0;
    (bind(++column, values), ...);
    const int status = sqlite3_step(statement_);
    require(status == SQLITE_DONE || status == SQLITE_ROW, database_);
    sqlite3_reset(statement_);
    return status == SQLITE_ROW;
  }

 private:
  void bind(int column, std::int64_t value) { sqlite3_bind_int64(statement_, column, value); }
  void bind(int column, std::string_view text) {
    sqlite3_bind_text(statement_, column, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
  }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

// An open database; closed after every statement on it is gone.
class Connection {
 public:
  explicit Connection(const std::string& file) {
    require(sqlite3_open(file.c_str(), &handle_) == SQLITE_OK, handle_);
    execute(kPragmas);
    execute(kTables);
  }
  ~Connection() { sqlite3_close(handle_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* handle() const { return handle_; }

 private:
  void execute(const char* sql) {
    require(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, handle_);
  }
  sqlite3* handle_ = nullptr;
};

}  // namespace

class BareStore::Tables {
 public:
  Tables(const std::string& file, bool with_payments)
      : connection_(file), with_payments_(with_payments) {}

  void write(const Batch& batch) {
    begin_.run();
    for (NewOrder* order : batch.orders) {
      if (order->message_type.empty()) {
        insert(*order);
      } else {
        insert_message(*order);
      }
    }
    for (const Attempt& attempt : batch.attempts) {
      finish_delivery_.run(attempt.delivery);
      insert_attempt_.run(attempt.delivery, attempt.delivery, std::int64_t{1},
                          std::int64_t{attempt.status});
    }
    commit_.run();
  }

 private:
  void insert(NewOrder& order) {
    const Digest digest(order.body);
    const std::string_view key = digest.text();
    WAYBILL_CHECK(!find_key_.run(key), "bench/orders.lua makes no order twice");
    const std::int64_t id = order.id = ++orders_;
    insert_key_.run(key, id, id);
    insert_order_.run(id, order.number, order.body, id);
    insert_event_.run(id, order.body, id);
    insert_delivery_.run(id, id, id);
    if (!with_payments_) return;
    insert_payment_.run(id, order.number, id, id);
    insert_payment_event_.run(kPaymentEvents + id, order.body, id);
  }

  void insert_message(const NewOrder& message) {
    const Digest key(message.number);
    const Digest body(message.body);
    const std::int64_t id = orders_ + 1;
    // With RETURNING there is a row unless the key was there.
    if (!insert_message_.run(id, message.number, message.message_type, key.text().substr(0, 16),
                             body.text(), id)) {
      return;
    }
    orders_ = id;
    insert_message_event_.run(id, message.body, id);
    insert_delivery_.run(id, id, id);
  }

  Connection connection_;
  const bool with_payments_;
  std::int64_t orders_ = 0;
  Statement begin_{connection_.handle(), "BEGIN IMMEDIATE"};
  Statement commit_{connection_.handle(), "COMMIT"};
  Statement find_key_{connection_.handle(), "SELECT order_id FROM idempotency WHERE key = ?"};
  Statement insert_key_{connection_.handle(), "INSERT INTO idempotency VALUES (?, ?, ?)"};
  Statement insert_order_{connection_.handle(), "INSERT INTO orders VALUES (?, 1, ?, ?, ?)"};
  Statement insert_event_{connection_.handle(),
                          "INSERT INTO events VALUES (?, 1, 'order.created', ?, ?)"};
  Statement insert_payment_{connection_.handle(), "INSERT INTO payments VALUES (?, 1, ?, ?, ?)"};
  Statement insert_payment_event_{connection_.handle(),
                                  "INSERT INTO events VALUES (?, 1, 'payment.recorded', ?, ?)"};
  Statement insert_message_{connection_.handle(),
                            "INSERT INTO messages VALUES (?, 1, ?, ?, ?, ?, ?) "
                            "ON CONFLICT (source, key) DO NOTHING RETURNING id"};
  Statement insert_message_event_{connection_.handle(),
                                  "INSERT INTO events VALUES (?, 1, 'message.received', ?, ?)"};
  Statement insert_delivery_{connection_.handle(),
                             "INSERT INTO deliveries VALUES (?, ?, 1, 'pending', ?, 0)"};
  Statement finish_delivery_{
      connection_.handle(),
      "UPDATE deliveries SET state = 'succeeded', attempts_made = 1 WHERE id = ?"};
  Statement insert_attempt_{connection_.handle(), "INSERT INTO attempts VALUES (NULL, ?, ?, ?, ?)"};
};

BareStore::BareStore(asio::io_context& context, const std::string& folder, bool with_payments)
    : context_(context), writer_([this, folder, with_payments] {
        write_batches(folder + "/bare.sqlite", with_payments);
      }) {}

BareStore::~BareStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  writer_.join();
}

Task<std::int64_t> BareStore::insert_order(std::string_view number, std::string_view body) {
  NewOrder order{.number = number,
                 .body = body,
                 .committed = asio::steady_timer(context_, asio::steady_timer::time_point::max())};
  co_await insert(order);
  co_return order.id;
}

Task<void> BareStore::insert_message(std::string_view id, std::string_view type,
                                     std::string_view body) {
  NewOrder message{.number = id,
                   .body = body,
                   .committed = asio::steady_timer(context_, asio::steady_timer::time_point::max()),
                   .message_type = type};
  co_await insert(message);
}

Task<void> BareStore::insert(NewOrder& order) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.orders.push_back(&order);
  }
  changed_.notify_one();
  // The news comes as a task of this thread, so it cannot come before the wait has begun.
  co_await order.committed.async_wait(asio::as_tuple(asio::use_awaitable));
}

void BareStore::record_attempt(std::int64_t delivery, int status) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.attempts.push_back({delivery, status});
  }
  changed_.notify_one();
}

void BareStore::write_batches(const std::string& file, bool with_payments) {
  Tables tables(file, with_payments);
  for (;;) {
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] {
        return stopping_ || !waiting_.orders.empty() || !waiting_.attempts.empty();
      });
      if (stopping_) return;
      std::swap(batch, waiting_);
    }
    tables.write(batch);
    asio::post(context_, [orders = std::move(batch.orders)] {
      for (NewOrder* order : orders) order->committed.cancel();
    });
  }
}

}  // namespace waybill::bench
