// The lists that are read by the list clock: store/list_clock.h.

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/rng.h"
#include "conformance/store_conformance.h"
#include "store/clients.h"
#include "store/list_clock.h"
#include "store/sales_orders.h"
#include "store/suppliers.h"

namespace waybill::store {

using namespace std::chrono_literals;

TEST_P(SalesConformance, TheListClockOnlyGoesForward) {
  const auto take = [&](const model::WorkspaceId& workspace, Timestamp now) {
    return must(write([&](Connection& c) { return list_clock::take(c, workspace, now); }));
  };
  EXPECT_EQ(take(workspace_, kNoon), kNoon);
  EXPECT_EQ(take(workspace_, kNoon), kNoon + 1ms);
  EXPECT_EQ(take(workspace_, kNoon - 1h), kNoon + 2ms) << "where a clock was set back";
  EXPECT_EQ(take(workspace_, kNoon + 2ms), kNoon + 3ms);
  EXPECT_EQ(take(workspace_, kNoon + 4ms), kNoon + 4ms);
  EXPECT_EQ(take(other_workspace_, kNoon - 1h), kNoon - 1h) << "each workspace has its own";
  EXPECT_NE(list_clock::order_of(workspace_), list_clock::order_of(other_workspace_));
  EXPECT_NE(list_clock::order_of(workspace_), 0u);
}

TEST_P(SalesConformance, AListIsReadPageByPageByItsLatestChanges) {
  std::vector<model::OrderId> inserted;
  for (int i = 0; i < 5; ++i) {
    model::SalesOrder order = make_order(std::to_string(i));
    order.updated_at = kNoon + std::chrono::milliseconds(i / 2);
    ASSERT_EQ(done([&](Connection& c) { return sales_orders::insert(c, order); }), "value");
    inserted.push_back(order.id);
  }
  model::SalesOrder elsewhere = make_order("1");
  elsewhere.workspace_id = other_workspace_;
  ASSERT_EQ(done([&](Connection& c) { return sales_orders::insert(c, elsewhere); }), "value");
  for (const int limit : {1, 2, 3, 4, 5, 6}) {
    std::vector<model::OrderId> seen;
    list_clock::Request request{limit, {}};
    do {
      const auto page = must(
          read([&](Connection& c) { return sales_orders::list_changed(c, workspace_, request); }));
      EXPECT_LE(page.rows.size(), static_cast<std::size_t>(limit));
      for (const model::SalesOrder& order : page.rows) seen.push_back(order.id);
      request.after = page.next;
    } while (request.after && seen.size() < 10);
    EXPECT_EQ(seen, inserted) << limit;
  }
  EXPECT_TRUE(must(read([&](Connection& c) {
                return clients::list_changed(c, workspace_, {});
              })).rows.empty());
  EXPECT_TRUE(must(read([&](Connection& c) {
                return suppliers::list_changed(c, workspace_, {});
              })).rows.empty());
}

// One who reads a list while it is being written.
struct SalesConformance::Reading {
  model::WorkspaceId workspace;
  Rng rng;
  std::optional<list_clock::Position> after = {};
  std::map<model::OrderId, Timestamp> seen = {};  // The latest of each.
  int pages = 0;
  bool in_order = true;

  // Takes in a page. False if there was nothing new.
  bool take(const list_clock::Page<model::SalesOrder>& page) {
    ++pages;
    for (const model::SalesOrder& order : page.rows) {
      const list_clock::Position at{order.updated_at, order.id.uuid()};
      const bool is_later = !after || std::pair(at.at, at.id) > std::pair(after->at, after->id);
      in_order = in_order && is_later;
      after = at;
      seen[order.id] = order.updated_at;
    }
    return !page.rows.empty();
  }
};

// Inserts and changes `count` orders, one after the other.
Task<int> SalesConformance::write_orders(int writer, int count, std::uint64_t seed,
                                         std::vector<Written>& written) {
  Rng rng(seed);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    Written& workspace = written[static_cast<std::size_t>(rng.between(0, std::ssize(written) - 1))];
    model::SalesOrder order = make_order(fmt::format("{}-{}", writer, i));
    order.workspace_id = workspace.id;
    const bool is_new = workspace.orders.empty() || rng.between(0, 2) == 0;
    if (!is_new) {
      auto known = workspace.orders.begin();
      std::advance(known, rng.between(0, std::ssize(workspace.orders) - 1));
      order.id = known->first;
    }
    // Clocks of nodes differ.
    const Timestamp now = kNoon + std::chrono::milliseconds(i + rng.between(-20, 20));
    const auto unit = [&order, is_new, now](Connection& c) -> Result<Timestamp> {
      const auto stamp = list_clock::take(c, order.workspace_id, now);
      if (!stamp) return fail(stamp.error());
      model::SalesOrder changed = order;
      changed.updated_at = *stamp;
      WAYBILL_TRY(is_new ? sales_orders::insert(c, changed) : sales_orders::update(c, changed));
      return *stamp;
    };
    const auto stamp =
        co_await database_->run(unit, Priority::kNew, list_clock::order_of(workspace.id));
    refused += stamp ? 0 : 1;
    if (stamp) {
      Timestamp& latest = workspace.orders[order.id];
      latest = std::max(latest, *stamp);
    }
  }
  co_return refused;
}

Task<int> SalesConformance::read_orders(Reading& reading, const bool& writing) {
  // Until nothing is left for a page that was asked for when all was written.
  for (bool is_over = false; !is_over;) {
    const bool was_written = !writing;
    const int limit = static_cast<int>(reading.rng.between(1, 7));
    const list_clock::Request request{limit, reading.after};
    const auto unit = [&reading, &request](Connection& c) {
      return sales_orders::list_changed(c, reading.workspace, request);
    };
    const auto page = co_await database_->read(unit);
    if (!page) co_return -1;
    is_over = !reading.take(*page) && was_written;
  }
  co_return reading.pages;
}

// Whoever reads while others write misses nothing, sees no change twice, and sees all in order.
TEST_P(SalesConformance, AListLosesNothingWhileItIsBeingWritten) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    open({.units_per_commit_max = static_cast<std::size_t>(seed) * 4});
    std::vector<Written> written(3);
    std::vector<Reading> readings;
    for (Written& one : written) {
      one.id = ids_.next_id<model::WorkspaceId>();
      readings.push_back({one.id, Rng(seed + readings.size())});
    }
    bool writing = true;
    constexpr int kWriters = 12, kEach = 40;
    std::vector<std::optional<int>> refused(kWriters), pages(readings.size());
    for (std::size_t i = 0; i < readings.size(); ++i) {
      start(read_orders(readings[i], writing), pages[i]);
    }
    for (int i = 0; i < kWriters; ++i) {
      start(write_orders(i, kEach, seed * 100 + static_cast<std::uint64_t>(i), written),
            refused[static_cast<std::size_t>(i)]);
    }
    const auto all = [](const auto& answers) {
      return std::ranges::all_of(answers, [](const auto& answer) { return answer.has_value(); });
    };
    context_.restart();
    while (!all(refused)) context_.run_one();
    writing = false;
    while (!all(pages)) context_.run_one();

    for (const auto& answer : refused) EXPECT_EQ(answer, 0) << "seed " << seed;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      EXPECT_GT(pages[i].value(), 10) << "seed " << seed;
      EXPECT_TRUE(readings[i].in_order) << "seed " << seed << ", workspace " << i;
      EXPECT_TRUE(readings[i].seen == written[i].orders) << "seed " << seed << ", workspace " << i;
    }
  }
}

// Transactions of many workspaces take their clocks in the same order, whatever order they came in.
TEST_P(SalesConformance, TransactionsDoNotWaitForEachOthersListClocks) {
  open({.units_per_commit_max = 8});
  const std::vector<model::WorkspaceId> workspaces = {ids_.next_id<model::WorkspaceId>(),
                                                      ids_.next_id<model::WorkspaceId>()};
  constexpr int kUnits = 400;
  std::vector<std::optional<Result<Timestamp>>> stamps(kUnits);
  for (int i = 0; i < kUnits; ++i) {
    // A, B, B, A, …
    const auto& workspace = workspaces[static_cast<std::size_t>((i + 1) / 2 % 2)];
    const auto unit = [workspace](Connection& c) { return list_clock::take(c, workspace, kNoon); };
    start(database_->run(unit, Priority::kNew, list_clock::order_of(workspace)),
          stamps[static_cast<std::size_t>(i)]);
  }
  context_.restart();
  context_.run();
  std::set<Timestamp> given;
  for (const auto& stamp : stamps) given.insert(must(stamp.value()));
  EXPECT_EQ(given.size(), kUnits / 2u) << "each workspace has given the same times, once each";
  EXPECT_EQ(database_->counters().batches_run_again, 0u);
  EXPECT_EQ(database_->counters().failed, 0u);
}

}  // namespace waybill::store
