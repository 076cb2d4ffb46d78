#include "app/request_log.h"

#include <memory>
#include <string>

#include "app/store_fixture.h"
#include "store/request_log.h"

namespace waybill::app {
namespace {

using namespace std::chrono_literals;

class RequestLogTest : public StoreTest {
 protected:
  RequestLogTest() { begin(true); }
  ~RequestLogTest() override { end(*requests); }

  void begin(bool with_bodies) {
    requests =
        std::make_unique<RequestLog>(context, clock, log, ids, *database,
                                     RequestLog::Options{.node = node, .with_bodies = with_bodies});
    requests->start();
    settle();
  }
  template <class T>
  T run(Task<T> task) {
    T result = StoreTest::run(std::move(task));
    settle();
    return result;
  }

  net::Request request(std::string body = "") const {
    net::Request made;
    made.method = "POST";
    made.path = "/api/ingress/acme/orders";
    made.query = "key=secret";
    made.body = std::move(body);
    made.id = "the-request";
    made.workspace = workspace.uuid();
    made.api_key = key.uuid();
    return made;
  }
  void note(net::Request noted, const net::Response& response = net::Response::json(201, "{}")) {
    requests->note(noted, response, clock.now(), 1500us);
  }
  std::vector<model::LoggedRequest> rows() {
    auto page = run(database->read([&](store::Connection& c) {
      return store::request_log::list(c, workspace, {}, {200, std::nullopt});
    }));
    return std::move(page.value().rows);
  }
  model::LoggedRequest only_row() {
    const auto all = rows();
    EXPECT_EQ(all.size(), 1u);
    return run(database->read([&](store::Connection& c) {
             return store::request_log::find(c, workspace, all.at(0).id);
           }))
        .value();
  }
  store::key_usage::Usage usage(const model::ApiKeyId& of) {
    auto found = run(database->read([&](store::Connection& c) {
      return store::key_usage::find(c, workspace, of, of, clock.now());
    }));
    return found.value()[of];
  }

  const Uuid node = ids.next();
  const model::WorkspaceId workspace = ids.next_id<model::WorkspaceId>();
  const model::ApiKeyId key = ids.next_id<model::ApiKeyId>();
  std::unique_ptr<RequestLog> requests;
};

TEST_F(RequestLogTest, HasARowOfEachRequestWithinHalfASecond) {
  net::Response response = net::Response::json(400, R"({"error":"no","email":"a"})");
  response.error_code = "member_missing";
  note(request(R"({"client":{"id":1},"sku":"4711"})"), response);
  clock.run_for(500ms);
  const model::LoggedRequest row = only_row();
  EXPECT_EQ(row.at, ManualClock::kNoon);
  EXPECT_EQ(row.key_id, key);
  EXPECT_EQ(row.method, "POST");
  EXPECT_EQ(row.path, "/api/ingress/acme/orders") << "without its query";
  EXPECT_EQ(row.status, 400);
  EXPECT_EQ(row.error_code, "member_missing");
  EXPECT_EQ(row.latency, 1500us);
  EXPECT_EQ(row.request_id, "the-request");
  EXPECT_EQ(row.request_bytes, 32);
  EXPECT_EQ(row.response_bytes, 26);
  EXPECT_EQ(row.request_body, R"({"client":{"id":"***"},"sku":"4711"})");
  EXPECT_EQ(row.response_body, R"({"error":"no","email":"***"})");
  EXPECT_EQ(requests->counters().rows, 1u);
}

TEST_F(RequestLogTest, LeavesOutWhatIsNoWorkspaces) {
  net::Request nobodys = request();
  nobodys.workspace.reset();
  note(nobodys);
  clock.run_for(1s);
  EXPECT_TRUE(rows().empty());
  EXPECT_FALSE(usage(key).last_used_at);
}

TEST_F(RequestLogTest, KeepsTheBeginningOfALargeBody) {
  std::string body = R"({"items":[)";
  while (body.size() < 100'000) body += R"({"sku":"plain"},)";
  const auto size = std::ssize(body);
  note(request(body), net::Response::json(200, body));
  clock.run_for(1s);
  const model::LoggedRequest row = only_row();
  EXPECT_EQ(row.request_bytes, size);
  EXPECT_EQ(row.request_body->size(), RequestLog::kBodyBytesMax);
  EXPECT_EQ(row.response_body->size(), RequestLog::kBodyBytesMax);
}

TEST_F(RequestLogTest, KeepsNothingOfABodyThatIsNoJson) {
  note(request("webhook_id=7&email=jane"), net::Response::with_body(200, "text/plain", "ok"));
  clock.run_for(1s);
  const model::LoggedRequest row = only_row();
  EXPECT_FALSE(row.request_body);
  EXPECT_FALSE(row.response_body);
  EXPECT_EQ(row.request_bytes, 23);
}

TEST_F(RequestLogTest, KeepsNoBodiesIfItIsToldSo) {
  end(*requests);
  begin(/*with_bodies=*/false);
  note(request(R"({"sku":"plain"})"));
  clock.run_for(1s);
  EXPECT_FALSE(only_row().request_body);
  EXPECT_EQ(only_row().request_bytes, 15);
}

TEST_F(RequestLogTest, WritesWhatWaitsWhenItStops) {
  for (int i = 0; i < 3; ++i) note(request());
  end(*requests);
  EXPECT_EQ(rows().size(), 3u);
  EXPECT_EQ(usage(key).requests_24h, 3);
}

TEST_F(RequestLogTest, DropsAndCountsWhatIsTooMuch) {
  for (std::size_t i = 0; i < RequestLog::kRowsMax + 7; ++i) note(request());
  EXPECT_EQ(requests->counters().dropped, 7u);
  clock.run_for(1s);
  EXPECT_EQ(requests->counters().rows, RequestLog::kRowsMax);
  EXPECT_EQ(usage(key).requests_24h, std::int64_t{RequestLog::kRowsMax} + 7)
      << "what a key was used for is counted all the same";
  note(request());
  clock.run_for(1s);
  EXPECT_EQ(requests->counters().rows, RequestLog::kRowsMax + 1);
}

TEST_F(RequestLogTest, BoundsWhatItHoldsByBytesToo) {
  const std::string body(RequestLog::kBodyBytesMax, 'x');
  std::size_t noted = 0;
  while (requests->counters().dropped == 0 && noted < 100'000) {
    note(request(body));
    ++noted;
  }
  constexpr std::size_t kExpected = RequestLog::kBytesMax / RequestLog::kBodyBytesMax;
  EXPECT_NEAR(static_cast<double>(noted), static_cast<double>(kExpected), 100);
}

TEST_F(RequestLogTest, CountsWhatKeysAreUsedFor) {
  note(request());
  note(request(), net::Response::json(404, "{}"));
  clock.run_for(1s);
  note(request(), net::Response::json(304, "{}"));
  clock.run_for(1s);
  note(request(), net::Response::json(500, "{}"));
  clock.run_for(1s);
  EXPECT_EQ(usage(key).requests_24h, 4);
  EXPECT_EQ(usage(key).errors_24h, 2);
  EXPECT_EQ(usage(key).last_used_at, ManualClock::kNoon + 1s);
}

// Each refused request moved it, so that a revoked key that somebody tried looked like one in use.
TEST_F(RequestLogTest, ARefusedRequestIsCountedButIsNoUseOfItsKey) {
  const auto refuse = [&] {
    note(request(), net::Response::json(401, "{}"));
    clock.run_for(1s);
  };
  refuse();
  EXPECT_EQ(usage(key).requests_24h, 1);
  EXPECT_EQ(usage(key).errors_24h, 1);
  EXPECT_FALSE(usage(key).last_used_at);
  note(request());
  clock.run_for(1s);
  const Timestamp used = clock.now() - 1s;
  refuse();
  EXPECT_EQ(usage(key).last_used_at, used);
  refuse();
  EXPECT_EQ(usage(key).last_used_at, used) << "written with no other use";
}

TEST_F(RequestLogTest, TellsNoPersonInAPath) {
  net::Request made = request();
  made.path = "/integrations/v1/orders/by-external/Jane-7";
  note(made);
  made.path = "/v1/clients/jane%40example.com/" + std::string(2'000, 'x');
  note(made);
  clock.run_for(1s);
  const auto all = rows();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].path, "/integrations/v1/orders/by-external/***");
  EXPECT_TRUE(all[0].path.starts_with("/v1/clients/***/xxx")) << all[0].path;
  EXPECT_EQ(all[0].path.size(), 1'024u);
}

TEST_F(RequestLogTest, WritesTheUseOfManyKeysByTurns) {
  std::vector<model::ApiKeyId> keys(3 * RequestLog::kKeysOfUnit);
  for (auto& one : keys) one = ids.next_id<model::ApiKeyId>();
  for (int round = 0; round < 8; ++round) {
    for (const auto& one : keys) {
      net::Request made = request();
      made.api_key = one.uuid();
      note(made);
    }
    clock.run_for(RequestLog::kBetweenWrites);
  }
  // Each has had its turn, although all of them were busy all the time.
  for (const auto& one : keys) ASSERT_GE(usage(one).requests_24h, 5) << one;
  end(*requests);
  for (const auto& one : keys) ASSERT_EQ(usage(one).requests_24h, 8) << one;
  begin(true);
}

TEST_F(RequestLogTest, GoesOnAfterAFailureOfTheStore) {
  const auto script = [&](const char* text) {
    return run(database->run([text](store::Connection& c) { return c.run_script(text); }));
  };
  ASSERT_TRUE(
      script("CREATE TRIGGER full BEFORE INSERT ON request_log BEGIN "
             "SELECT RAISE(ABORT, 'the test wants this to fail'); END"));
  ASSERT_TRUE(
      script("CREATE TRIGGER full_too BEFORE INSERT ON api_key_usage BEGIN "
             "SELECT RAISE(ABORT, 'the test wants this to fail'); END"));
  note(request());
  clock.run_for(1s);
  EXPECT_EQ(requests->counters().dropped, 1u);
  ASSERT_TRUE(script("DROP TRIGGER full; DROP TRIGGER full_too"));
  note(request());
  clock.run_for(1s);
  EXPECT_EQ(rows().size(), 1u);
  EXPECT_EQ(usage(key).requests_24h, 2) << "what was counted meanwhile is not lost";
}

}  // namespace
}  // namespace waybill::app
