// The request log: store/request_log.h.

#include <chrono>
#include <tuple>

#include "conformance/store_conformance.h"
#include "store/request_log.h"

namespace waybill::store {
namespace {

using namespace std::chrono_literals;
using model::LoggedRequest;

auto fields(const LoggedRequest& row) {
  return std::tuple(row.id, row.workspace_id, row.at, row.key_id, row.method, row.path, row.status,
                    row.error_code, row.latency, row.request_id, row.request_bytes,
                    row.response_bytes);
}

LoggedRequest make(IdGenerator& ids, const model::WorkspaceId& workspace, int status = 200) {
  LoggedRequest row;
  row.id = ids.next_id<model::LoggedRequestId>();
  row.workspace_id = workspace;
  row.at = row.id.uuid().time();
  row.method = "POST";
  row.path = "/v1/orders";
  row.status = status;
  row.latency = 1ms;
  row.request_id = "the-request";
  return row;
}

}  // namespace

TEST_P(StoreConformance, LoggedRequestsComeBackWithAllTheirFields) {
  for (const std::string& text : awkward_texts()) {
    LoggedRequest row = make(ids_, workspace_, 404);
    row.key_id = ids_.next_id<model::ApiKeyId>();
    row.path = row.request_id = row.error_code = text;
    row.request_bytes = INT64_MAX;
    row.response_bytes = 7;
    row.request_body = text;
    const LoggedRequest plain = make(ids_, workspace_);
    const std::vector rows{row, plain};
    ASSERT_TRUE(
        write([&](Connection& c) { return request_log::insert(c, workspace_.uuid(), rows); }));
    for (const LoggedRequest& one : rows) {
      const auto found =
          must(read([&](Connection& c) { return request_log::find(c, workspace_, one.id); }));
      EXPECT_EQ(fields(found), fields(one));
      EXPECT_EQ(found.request_body, one.request_body);
      EXPECT_EQ(found.response_body, one.response_body);
    }
  }
  EXPECT_EQ(outcome(read([&](Connection& c) {
              return request_log::find(c, workspace_, ids_.next_id<model::LoggedRequestId>());
            })),
            "not_found request_not_found");
}

TEST_P(StoreConformance, LoggedRequestsOfAnyNumberAreInsertedInTheirOrder) {
  for (const int count : {1, 31, 32, 33, 100}) {
    const auto workspace = ids_.next_id<model::WorkspaceId>();
    std::vector<LoggedRequest> rows;
    for (int i = 0; i < count; ++i) rows.push_back(make(ids_, workspace, 200 + i));
    ASSERT_TRUE(
        write([&](Connection& c) { return request_log::insert(c, workspace.uuid(), rows); }));
    const auto page =
        must(read([&](Connection& c) { return request_log::list(c, workspace, {}, {200, {}}); }));
    ASSERT_EQ(std::ssize(page.rows), count);
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(fields(page.rows[static_cast<std::size_t>(i)]),
                fields(rows[static_cast<std::size_t>(count - 1 - i)]));
    }
  }
}

TEST_P(StoreConformance, LoggedRequestsAreFoundByTheBeginningOfTheirPath) {
  std::vector<LoggedRequest> rows;
  for (const char* path : {"/v1/orders", "/v1/orders/ä", "/V1/orders", "/v1/order_", "/v1"}) {
    rows.push_back(make(ids_, workspace_));
    rows.back().path = path;
  }
  ASSERT_TRUE(
      write([&](Connection& c) { return request_log::insert(c, workspace_.uuid(), rows); }));
  const auto found = [&](const std::string& path) {
    request_log::Filter filter;
    filter.path = path;
    const auto page =
        must(read([&](Connection& c) { return request_log::list(c, workspace_, filter, {}); }));
    std::string paths;
    for (const LoggedRequest& row : page.rows) paths += row.path + " ";
    return paths;
  };
  EXPECT_EQ(found("/v1/orders"), "/v1/orders/ä /v1/orders ");
  EXPECT_EQ(found("/v1/orders/ä"), "/v1/orders/ä ");
  EXPECT_EQ(found("/v1/order_"), "/v1/order_ ");
  EXPECT_EQ(found("%"), "");
}

TEST_P(StoreConformance, LoggedRequestsAreFoundByTheirReasonWhateverTheirStatus) {
  std::vector<LoggedRequest> rows;
  for (const int status : {200, 200, 400, 500}) rows.push_back(make(ids_, workspace_, status));
  rows[1].error_code = rows[2].error_code = "order_amount_invalid";
  ASSERT_TRUE(
      write([&](Connection& c) { return request_log::insert(c, workspace_.uuid(), rows); }));
  const auto found = [&](std::optional<int> status, std::optional<int> min_status,
                         std::optional<std::string> reason) {
    request_log::Filter filter;
    filter.status = status;
    filter.min_status = min_status;
    filter.error_code = std::move(reason);
    const auto page =
        must(read([&](Connection& c) { return request_log::list(c, workspace_, filter, {}); }));
    std::string statuses;
    for (const LoggedRequest& row : page.rows) statuses += std::to_string(row.status) + " ";
    return statuses;
  };
  const std::string reason = "order_amount_invalid";
  EXPECT_EQ(found({}, {}, reason), "400 200 ");
  EXPECT_EQ(found(200, {}, reason), "200 ");
  EXPECT_EQ(found({}, 400, reason), "400 ");
  EXPECT_EQ(found({}, 400, {}), "500 400 ");
  EXPECT_EQ(found({}, {}, "another"), "");
}

TEST_P(StoreConformance, TheRequestLogKnowsItsOldestRowsAndItsSize) {
  const Uuid one = ids_.next();
  const Uuid other = ids_.next();
  const auto oldest = [&] { return must(read(request_log::find_oldest)); };
  const auto insert = [&](const Uuid& node, int count) {
    std::vector<LoggedRequest> rows;
    for (int i = 0; i < count; ++i) rows.push_back(make(ids_, workspace_));
    const auto done = write([&](Connection& c) { return request_log::insert(c, node, rows); });
    EXPECT_TRUE(done);
  };
  EXPECT_FALSE(oldest());
  insert(one, 2);
  const std::int64_t two_rows = oldest()->bytes_of_all;
  EXPECT_GT(two_rows, 2 * 100);
  insert(other, 2);
  EXPECT_EQ(oldest()->bytes_of_all, 2 * two_rows);
  EXPECT_EQ(oldest()->workspace_id, workspace_);
  EXPECT_LE(oldest()->hour, kNoon);

  // Whichever node deletes: what is left is what is counted.
  const auto erase = [&](int limit) {
    return must(write([&](Connection& c) {
      return request_log::erase(c, other, workspace_, kNoon + 24h, limit);
    }));
  };
  EXPECT_EQ(erase(3), 3);
  EXPECT_EQ(oldest()->bytes_of_all, two_rows / 2);
  EXPECT_EQ(erase(3), 1);
  EXPECT_FALSE(oldest());
  EXPECT_EQ(erase(3), 0);
  insert(one, 1);
  ASSERT_TRUE(
      write([&](Connection& c) { return request_log::forget_hours(c, workspace_, kNoon + 24h); }));
  EXPECT_FALSE(oldest());
}

}  // namespace waybill::store
