// What every driver promises, as tests: the promises of store/database.h by number, and every
// function of the record files. A driver passes all of them unchanged:
//
//   WAYBILL_INSTANTIATE_STORE_CONFORMANCE(DriverUnderTest{…});
//
// in a test that links the OBJECT library waybill_store_conformance. (Not a static one: nothing
// refers to the tests in it, so the linker would leave them out.)

#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "model/delivery.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "model/message.h"
#include "model/node.h"
#include "model/order.h"
#include "model/replay.h"
#include "model/sales_order.h"
#include "model/source.h"
#include "model/trade.h"
#include "model/workspace.h"
#include "store/api_keys.h"
#include "store/database.h"
#include "store/deliveries.h"
#include "store/documents.h"
#include "store/keyed_deliveries.h"
#include "store/messages.h"

namespace waybill::store {

struct DriverUnderTest {
  std::string name;  // Ends up in the tests' names: "Sqlite".
  // Opens a database that belongs to `folder`: the same one each time, and empty at first. The
  // folder is made for one test and removed after it.
  std::function<std::unique_ptr<Driver>(const std::filesystem::path& folder)> make;
  // Rows of (table, index, its first column), for every primary key, unique index and foreign key
  // there is.
  std::string unique_keys_sql;

  friend std::ostream& operator<<(std::ostream& out, const DriverUnderTest& driver) {
    return out << driver.name;
  }
};

inline std::string driver_name(const testing::TestParamInfo<DriverUnderTest>& info) {
  return info.param.name;
}

// What `result` holds. An error fails the test, and ends it.
template <class T>
T must(Result<T> result) {
  if (!result) ADD_FAILURE() << result.error().reason << ": " << result.error().message;
  return std::move(result).value();
}

// "conflict slug_taken", or "value".
template <class T>
std::string outcome(const Result<T>& result) {
  if (result) return "value";
  return std::string(code_name(result.error().code)) + " " + result.error().reason;
}

// A filter with one condition.
template <class Filter, class T>
Filter by(std::optional<T> Filter::* field, const std::type_identity_t<T>& value) {
  Filter filter;
  filter.*field = value;
  return filter;
}

class StoreConformance : public testing::TestWithParam<DriverUnderTest> {
 protected:
  // A unit of the tests below: what it returns is their business.
  using Unit = std::function<Result<int>(Connection&)>;
  using Answer = Result<int>;

  StoreConformance();
  ~StoreConformance() override;
  void SetUp() override { open(); }

  std::unique_ptr<Driver> make_driver() const { return GetParam().make(folder_); }
  // Opens the database, over a driver of the test's own if there is one, with a table of notes:
  // notes (name primary key, amount).
  void open(DatabaseOptions options = {}, std::unique_ptr<Driver> driver = nullptr);
  void close() { database_.reset(); }

  // Runs the io_context until `task` has returned.
  template <class T>
  T await(Task<T> task) {
    std::optional<T> answer;
    start(std::move(task), answer);
    context_.restart();
    while (!answer) context_.run_one();
    return *std::move(answer);
  }
  // Starts `task`; its answer will be in `answer`.
  template <class T>
  void start(Task<T> task, std::optional<T>& answer) {
    boost::asio::co_spawn(context_, std::move(task),
                          [&answer](std::exception_ptr failure, T value) {
                            if (failure) std::rethrow_exception(failure);
                            answer.emplace(std::move(value));
                          });
  }
  template <class F>
  auto write(F unit) {
    return await(database_->run(std::move(unit)));
  }
  template <class F>
  auto read(F unit) {
    return await(database_->read(std::move(unit)));
  }

  // Hands in `units` while the writers are held up, so that they wait together and go into as few
  // transactions as can be: one, for a driver with one writer. `before_release` runs when all wait.
  std::vector<Answer> write_together(
      const std::vector<Unit>& units, const std::function<void()>& before_release = [] {});

  // Notes.
  static Result<int> add_note(Connection& connection, std::string_view name, int amount = 0);
  // The amount; nothing if there is no such note.
  std::optional<int> note(std::string_view name);
  std::int64_t count_notes();

  // Records that differ in their ids alone, each inserted. They belong to workspace_, unless
  // another is given.
  model::Workspace add_workspace(std::string slug);
  model::Endpoint add_endpoint(model::EndpointState state = model::EndpointState::kActive,
                               std::optional<model::WorkspaceId> workspace = std::nullopt);
  // Texts that stores and their bindings have been known to harm. Those of a column with an index
  // are at most kIndexedBytesMax long.
  static constexpr std::size_t kIndexedBytesMax = 2'000;
  static std::vector<std::string> awkward_texts(std::size_t longest = 1024 * 1024);
  static std::vector<Bytes> awkward_bytes();

  static constexpr Timestamp kNoon = ManualClock::kNoon;

  boost::asio::io_context context_;
  Log log_{Log::Level::kOff};
  ManualClock clock_{context_};
  IdGenerator ids_{clock_, /*seed=*/1};
  const TemporaryFolder folder_;
  int writers_ = 0;  // Of the database.
  std::unique_ptr<Database> database_;
  model::WorkspaceId workspace_;
  model::WorkspaceId other_workspace_;
};

// The same folder and driver, without a Database: the tables, and how they come to be.
class MigrationConformance : public StoreConformance {
 protected:
  void SetUp() override { connection_ = must(make_driver()->connect(Connection::Access::kWrite)); }

  // Runs one statement in a transaction of its own.
  void change(std::string_view sql, std::initializer_list<Param> params = {});
  // The rows of schema_migrations.
  std::vector<std::string> applied();

  std::unique_ptr<Connection> connection_;
};

// What is owed, who is working on it, and what came of it.
class DeliveryConformance : public StoreConformance {
 protected:
  using Lease = deliveries::Lease;

  Lease lease_until(Timestamp until) const { return {node_, until}; }

  // Inserts a delivery to `endpoint`: waiting and due at `due`, or leased.
  model::Delivery add_delivery(const model::Endpoint& endpoint, Timestamp due,
                               const std::optional<Lease>& lease = std::nullopt);
  // Inserts one and brings it into `state`, in the way that it would get there.
  model::Delivery make(const model::Endpoint& endpoint, model::DeliveryState state);
  // An attempt at `delivery` has ended.
  Result<void> finish(model::Delivery delivery, const Lease& lease, const model::NextState& next,
                      Timestamp now = kNoon);

  model::Delivery find_delivery(const model::Delivery& delivery);
  std::vector<model::Attempt> attempts(const model::Delivery& delivery);
  std::optional<Timestamp> next_due(const model::Endpoint& endpoint);
  std::vector<model::Delivery> claim(const model::Endpoint& endpoint, Timestamp now,
                                     const Lease& lease, int limit = 100);
  Result<void> release(const model::Delivery& delivery, const Lease& lease, Timestamp now);
  std::int64_t release_all_of(const Uuid& node, Timestamp now);
  std::int64_t cancel_waiting(const model::Endpoint& endpoint, Timestamp now);
  Result<model::Delivery> retry(const model::Delivery& delivery, Timestamp now);

  const Uuid node_ = ids_.next();
  const Uuid other_node_ = ids_.next();
};

// What is made one at a time.
class OrderConformance : public DeliveryConformance {
 protected:
  model::Endpoint add_ordered(model::EndpointState state = model::EndpointState::kActive);
  // The next one; nothing if it is not its time.
  std::optional<model::DeliveryId> claim_next(const model::Endpoint& endpoint, Timestamp now,
                                              const Lease& lease);
  std::optional<Timestamp> next_in_order(const model::Endpoint& endpoint, Timestamp now);
};

// What is made one at a time of each key.
class KeyedConformance : public DeliveryConformance {
 protected:
  model::Endpoint add_keyed(model::EndpointState state = model::EndpointState::kActive);
  model::Delivery add_keyed_delivery(const model::Endpoint& endpoint, std::int64_t key,
                                     Timestamp due);
  std::vector<model::DeliveryId> claim_heads(const model::Endpoint& endpoint, Timestamp now,
                                             const Lease& lease, int limit = 100,
                                             std::int64_t after = deliveries::kBeforeAllKeys);
  std::optional<model::DeliveryId> claim_of(const model::Endpoint& endpoint, std::int64_t key,
                                            Timestamp now, const Lease& lease);
  deliveries::KeysDue keys_due(const model::Endpoint& endpoint, Timestamp now);
  std::optional<Timestamp> due_of(const model::Endpoint& endpoint, std::int64_t key, Timestamp now);
};

// What is deleted for its age, and by what the hub watches over itself.
class UpkeepConformance : public DeliveryConformance {
 protected:
  model::Event add_event(model::TraceContext trace = {});
  // What whole sweeps find, in steps of two rows.
  std::vector<Uuid> old_deliveries(Timestamp before);
  std::vector<Uuid> old_events(Timestamp before);
};

// What was given up: of a handler of one source, with messages, and of an endpoint.
class DeadLetterConformance : public DeliveryConformance {
 protected:
  void SetUp() override;
  model::Message add_message(std::string type, std::string external_id);
  // A dead letter of `event` at `to`.
  model::Delivery drop(const model::Endpoint& to, const model::EventId& event);
  std::vector<model::DeliveryId> found(const deliveries::Filter& filter);

  model::SourceId source_;
  model::Endpoint endpoint_;
  model::Endpoint handler_;
};

// Jobs that send many events, and what they go through.
class ReplayConformance : public DeliveryConformance {
 protected:
  model::Replay add_replay(const model::EndpointId& endpoint);
  void insert(const model::Replay& replay);
  void update(const model::Replay& replay);
  model::Replay find(const model::ReplayId& id);
  std::vector<model::ReplayId> running(int limit = 100);
  model::EventId add_event(const std::string& type, const std::string& subject = "");
};

// What makes one hub of many nodes.
class NodeConformance : public StoreConformance {
 protected:
  model::Node make_node(std::string name = "one");
  void save(const model::Node& node);
  std::optional<model::Node> find(const Uuid& id);
  std::vector<model::Node> list();
  // What a unit says to other nodes while it runs, which must succeed.
  std::vector<std::string> said_by(const std::function<Result<void>(Connection&)>& unit);
};

// What keys of an integration have beside others, and what keys were used for.
class KeyConformance : public StoreConformance {
 protected:
  void SetUp() override;
  model::ApiKey woocommerce_key(std::string secret);  // Not inserted.
  std::string insert(const model::ApiKey& key);       // Its outcome, as that of rotate().
  std::string rotate(const model::ApiKey& key, const std::string& secret,
                     std::optional<Timestamp> former_until, Timestamp now);
  // As good as sealed, for a store that looks at nothing of it.
  static Bytes sealed(const Secret& secret);
  api_keys::Stored stored(const model::ApiKey& key);
  std::vector<model::ApiKeyId> all_of_woocommerce();

  void use(const model::ApiKeyId& key, Timestamp at, int requests, int errors,
           const std::optional<Uuid>& node = {});
  // Requests, errors, and when it was used last; nothing if it never was.
  using Usage = std::tuple<std::int64_t, std::int64_t, std::optional<Timestamp>>;
  std::optional<Usage> usage(const model::ApiKeyId& key, Timestamp now);
  std::int64_t fold(Timestamp now, int limit = 100);

  model::Workspace acme_;
  const Uuid node_ = ids_.next();
};

// What other systems keep here.
class DocumentConformance : public StoreConformance {
 protected:
  documents::Key key(std::string_view kind = "invoice") const { return {workspace_, kind}; }
  model::Document make(std::int64_t id, std::string_view kind = "invoice");
  Answer insert(const model::Document& document);
  Answer update(const model::Document& document);
  std::int64_t next_idn(std::string_view kind = "invoice");
  void note_idn(std::int64_t idn);
  // The summaries of the invoices, which are their ids.
  std::vector<std::string> listed(const documents::Filter& filter, std::int64_t offset = 0,
                                  std::int64_t limit = 100);
};

// What shops push in, and the lists it is read by.
class SalesConformance : public StoreConformance {
 protected:
  // What a workspace's orders are in the end, as their writers were told.
  struct Written {
    model::WorkspaceId id;
    std::map<model::OrderId, Timestamp> orders;
  };
  struct Reading;

  // Runs a unit that returns nothing, and tells its outcome.
  template <class F>
  std::string done(F unit) {
    return outcome(write(std::move(unit)));
  }
  model::SalesOrder make_order(std::string external_id);
  model::Client make_client(std::optional<std::string> external_id);
  model::Payment make_payment(const model::OrderId& order, std::optional<std::string> external_id);
  model::Product make_product(std::string sku);
  // How many were refused.
  Task<int> write_orders(int writer, int count, std::uint64_t seed, std::vector<Written>& written);
  // Until `writing` is over and nothing is left. How many pages that were; -1 for a failure.
  Task<int> read_orders(Reading& reading, const bool& writing);

  const model::StoreId store_ = ids_.next_id<model::StoreId>();
};

// Doors for foreign webhooks, and what came in by them.
class SourceConformance : public StoreConformance {
 protected:
  model::Source make_source(std::string name, std::string dialect = "procureiq");
  std::string insert(const model::Source& source);  // Its outcome, as that of update().
  std::string update(const model::Source& source);
  std::optional<model::Source> find(std::string_view id_or_name);
  std::optional<model::Source> find_by_token(const model::Source& source);
  std::vector<std::string> names_of_dialect(std::string_view dialect);

  // Of source_, with `key` for its external id, too.
  model::Message make_message(std::string_view key, Timestamp at, std::string_view body = "{}");
  // The one that was there, if it was received since then.
  std::optional<model::Message> insert(const model::Message& message, Timestamp remembered_since);
  model::Message find(const model::Message& message);
  // Two databases where the driver lets two nodes share one, else none.
  std::vector<std::unique_ptr<Database>> open_nodes();
  // So many of each key at once, over all nodes, with nothing from before `at` remembered. By
  // external id, how many were new.
  std::map<std::string, int> insert_twins(std::span<const std::unique_ptr<Database>> nodes,
                                          Timestamp at, int twins, int keys);
  // The external ids.
  std::vector<std::string> listed(const messages::Filter& filter);

  const model::SourceId source_ = ids_.next_id<model::SourceId>();
};

}  // namespace waybill::store

#define WAYBILL_INSTANTIATE_STORE_CONFORMANCE(...)                                                 \
  INSTANTIATE_TEST_SUITE_P(Drivers, StoreConformance, testing::Values(__VA_ARGS__), driver_name);  \
  INSTANTIATE_TEST_SUITE_P(Drivers, MigrationConformance, testing::Values(__VA_ARGS__),            \
                           driver_name);                                                           \
  INSTANTIATE_TEST_SUITE_P(Drivers, DeliveryConformance, testing::Values(__VA_ARGS__),             \
                           driver_name);                                                           \
  INSTANTIATE_TEST_SUITE_P(Drivers, DeadLetterConformance, testing::Values(__VA_ARGS__),           \
                           driver_name);                                                           \
  INSTANTIATE_TEST_SUITE_P(Drivers, DocumentConformance, testing::Values(__VA_ARGS__),             \
                           driver_name);                                                           \
  INSTANTIATE_TEST_SUITE_P(Drivers, ReplayConformance, testing::Values(__VA_ARGS__), driver_name); \
  INSTANTIATE_TEST_SUITE_P(Drivers, OrderConformance, testing::Values(__VA_ARGS__), driver_name);  \
  INSTANTIATE_TEST_SUITE_P(Drivers, KeyedConformance, testing::Values(__VA_ARGS__), driver_name);  \
  INSTANTIATE_TEST_SUITE_P(Drivers, KeyConformance, testing::Values(__VA_ARGS__), driver_name);    \
  INSTANTIATE_TEST_SUITE_P(Drivers, NodeConformance, testing::Values(__VA_ARGS__), driver_name);   \
  INSTANTIATE_TEST_SUITE_P(Drivers, SalesConformance, testing::Values(__VA_ARGS__), driver_name);  \
  INSTANTIATE_TEST_SUITE_P(Drivers, SourceConformance, testing::Values(__VA_ARGS__), driver_name); \
  INSTANTIATE_TEST_SUITE_P(Drivers, UpkeepConformance, testing::Values(__VA_ARGS__), driver_name)
