#include "app/request_log_bound.h"

#include <memory>
#include <string>
#include <vector>

#include "app/store_fixture.h"
#include "store/request_log.h"

namespace waybill::app {
namespace {

using namespace std::chrono_literals;

class RequestLogBoundTest : public StoreTest {
 protected:
  ~RequestLogBoundTest() override {
    if (bound) end(*bound);
  }

  // Rows of about a kilobyte, written now.
  void add(const model::WorkspaceId& workspace, int count) {
    std::vector<model::LoggedRequest> rows(static_cast<std::size_t>(count));
    for (model::LoggedRequest& row : rows) {
      row.id = ids.next_id<model::LoggedRequestId>();
      row.workspace_id = workspace;
      row.at = clock.now();
      row.status = 200;
      row.request_body = std::string(864, 'x');
    }
    ASSERT_TRUE(run(database->run(
        [&](store::Connection& c) { return store::request_log::insert(c, node, rows); })));
  }
  std::int64_t count(const model::WorkspaceId& workspace) {
    return *run(database->read([&](store::Connection& c) {
      return c.query("SELECT 1 FROM request_log WHERE workspace_id = $1", {workspace},
                     [](const store::Row&) {});
    }));
  }
  std::int64_t hours() {
    return *run(database->read([](store::Connection& c) {
      return c.query("SELECT 1 FROM request_log_hours", {}, [](const store::Row&) {});
    }));
  }
  void begin(std::optional<std::chrono::milliseconds> kept, std::int64_t bytes_max) {
    bound = std::make_unique<RequestLogBound>(
        context, clock, log, *database,
        RequestLogBound::Options{
            .node = node, .kept = kept, .bytes_max = bytes_max, .is_ours = [this] {
              return is_ours;
            }});
    bound->start();
  }

  const Uuid node = ids.next();
  const model::WorkspaceId acme = ids.next_id<model::WorkspaceId>();
  const model::WorkspaceId other = ids.next_id<model::WorkspaceId>();
  std::unique_ptr<RequestLogBound> bound;
  bool is_ours = true;
};

TEST_F(RequestLogBoundTest, RowsGoWhenTheirHourIsOldEnough) {
  add(acme, 1'200);
  add(other, 3);
  clock.run_for(1h);
  add(acme, 5);
  begin(24h, 1 << 30);
  clock.run_for(23h + 58min);
  EXPECT_EQ(count(acme), 1'205) << "a minute before it is";
  clock.run_for(3min);
  EXPECT_EQ(count(acme), 5);
  EXPECT_EQ(count(other), 0);
  EXPECT_EQ(hours(), 1);
  EXPECT_EQ(bound->deleted(), 1'203u);
  clock.run_for(1h);
  EXPECT_EQ(count(acme), 0);
  EXPECT_EQ(hours(), 0);
  EXPECT_EQ(bound->bytes(), 0);
}

TEST_F(RequestLogBoundTest, TheOldestGoWhereThereIsTooMuch) {
  add(acme, 1'000);
  clock.run_for(1h);
  add(other, 1'000);
  clock.run_for(1h);
  add(acme, 1'000);
  begin(std::nullopt, 2'100 * 1024);
  clock.run_for(1min);
  EXPECT_EQ(count(other), 1'000);
  EXPECT_LE(count(acme), 1'100);
  EXPECT_GE(count(acme), 1'100 - RequestLogBound::kStepRows) << "and no more than it takes";
  EXPECT_LE(bound->bytes(), 2'100 * 1024);
  // What is left is counted right.
  EXPECT_EQ(bound->bytes(), (count(acme) + count(other)) * 1024);
}

TEST_F(RequestLogBoundTest, AnHourThatIsNotOverIsBoundedToo) {
  add(acme, 3'000);
  add(other, 3'000);
  begin(std::nullopt, 1'024 * 1024);
  clock.run_for(30s);
  EXPECT_LE(count(acme) + count(other), 1'024);
  EXPECT_EQ(bound->bytes(), (count(acme) + count(other)) * 1024);
  add(acme, 3'000);
  clock.run_for(1min);
  EXPECT_LE(count(acme) + count(other), 1'024);
}

TEST_F(RequestLogBoundTest, StepsLeaveRoomForOthers) {
  add(acme, 5 * RequestLogBound::kStepRows);
  clock.run_for(100h);
  begin(24h, 1 << 30);
  settle();
  EXPECT_EQ(count(acme), 4 * RequestLogBound::kStepRows) << "the first one is made at once";
  clock.run_for(RequestLogBound::kPause);
  EXPECT_EQ(count(acme), 3 * RequestLogBound::kStepRows);
}

TEST_F(RequestLogBoundTest, AnotherNodeIsLeftToDoIt) {
  is_ours = false;
  add(acme, 3);
  clock.run_for(100h);
  begin(24h, 1 << 30);
  clock.run_for(2h);
  EXPECT_EQ(count(acme), 3);
  is_ours = true;
  clock.run_for(1min);
  EXPECT_EQ(count(acme), 0);
}

}  // namespace
}  // namespace waybill::app
