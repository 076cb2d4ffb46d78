// A database on SQLite in a folder of its own, with a clock and a loop that tests turn by hand: for
// the parts of the hub that work on the store beside the requests.

#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/log.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "store/database.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    auto opened = store::Database::open(
        context, log, std::make_unique<store::SqliteDriver>(folder / "waybill.db"), clock.now());
    WAYBILL_CHECK(opened.has_value(), opened.error().message);
    database = *std::move(opened);
    clock.set_settle([this] { settle(); });
  }

  // Until nothing can go on without the clock.
  void settle() {
    for (;;) {
      context.restart();
      const std::size_t ran = context.poll();
      if (database->unanswered() > 0) {
        context.restart();
        context.run_one();
      } else if (ran == 0) {
        return;
      }
    }
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
    });
    while (!result) {
      context.restart();
      context.run_one();
    }
    return *std::move(result);
  }
  // Stops a part that works in the background.
  template <class Part>
  void end(Part& part) {
    boost::asio::co_spawn(context, part.stop(), [](std::exception_ptr) {});
    settle();
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  Log log{Log::Level::kOff};
  IdGenerator ids{clock, /*seed=*/1};
  const TemporaryFolder folder;
  std::unique_ptr<store::Database> database;
};

}  // namespace waybill::app
