// When each platform tries again, when it gives up and when it switches an endpoint off, as its
// documents say, on virtual time and with the dialects as they are built in.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "delivery/dispatcher_fixture.h"

namespace waybill::delivery {
namespace {

using std::chrono::seconds;

constexpr std::string_view kHost = "a.example";
// An order that every dialect can tell of, but for its `document_id`: another one each time.
constexpr std::string_view kOrder =
    R"(,"order_id":"01941f29-7c00-7aaa-8000-000000000001","idn":5,)"
    R"("number":"PO-1","supplier_id":"01941f29-7c00-7bbb-8000-000000000002",)"
    R"("supplier_name":"Acme","status":"needs_review","line_count":1})";

class SchedulesTest : public DispatcherTest {
 protected:
  model::Endpoint subscribe(const std::string& dialect) {
    model::Endpoint made = add_endpoint(std::string(kHost), {}, dialect);
    if (built_in_dialects().find(dialect)->signature) {
      made.secrets.current = secret_box.seal("your-webhook-secret", made.id.bytes());
      in_store([&](store::Connection& c) { return store::endpoints::update(c, made); });
    }
    return made;
  }

  void answer_with(std::function<Result<net::ClientResponse>()> answer) {
    answers[std::string(kHost)] = std::move(answer);
  }
  // One answer for each request, and the last one for all that follow.
  void answer_in_turn(std::vector<Result<net::ClientResponse>> turns) {
    answer_with([this, turns = std::move(turns)] {
      return turns[std::min(arrivals.size(), turns.size()) - 1];
    });
  }

  void publish_order(Node& node) {
    model::Event event = new_event(workspace);
    event.data = R"({"document_id":)" + std::to_string(++orders_) + std::string(kOrder);
    const intake::LeaseTerms terms = node.dispatcher.lease_terms();
    hand_over(node, in_store([&](store::Connection& c) {
                return acceptance.accept(c, event, terms, clock.now());
              }));
    settle();
  }

  // When each request came, after the first.
  std::vector<seconds> times() const {
    std::vector<seconds> found;
    for (const Arrival& arrival : arrivals) {
      found.push_back(std::chrono::duration_cast<seconds>(arrival.at - arrivals.front().at));
    }
    return found;
  }
  // The values of one header, "none" where it is missing.
  std::vector<std::string> sent(std::string_view header) const {
    std::vector<std::string> found;
    for (const Arrival& arrival : arrivals) {
      const std::string* value = net::find_header(arrival.headers, header);
      found.push_back(value ? *value : "none");
    }
    return found;
  }
  std::size_t different(std::string_view header) const {
    const std::vector<std::string> values = sent(header);
    return std::set<std::string>(values.begin(), values.end()).size();
  }
  std::vector<std::pair<model::Outcome, int>> outcomes(const model::Delivery& delivery) {
    std::vector<std::pair<model::Outcome, int>> found;
    for (const model::Attempt& attempt : attempts(delivery)) {
      found.emplace_back(attempt.outcome, attempt.status_code.value_or(0));
    }
    return found;
  }

  // The only delivery there is.
  model::Delivery delivery(const model::Endpoint& endpoint) {
    const auto rows = deliveries(endpoint);
    WAYBILL_CHECK(rows.size() == 1, "there is one delivery");
    return rows[0];
  }

  // Each wait may differ from the listed one by a tenth.
  void expect_times(const std::vector<seconds>& listed_waits) {
    ASSERT_EQ(arrivals.size(), listed_waits.size() + 1);
    for (std::size_t i = 0; i < listed_waits.size(); ++i) {
      const auto waited = arrivals[i + 1].at - arrivals[i].at;
      EXPECT_GE(waited, listed_waits[i] * 9 / 10) << "before request " << i + 2;
      EXPECT_LE(waited, listed_waits[i] * 11 / 10) << "before request " << i + 2;
    }
  }

 private:
  int orders_ = 100'000;
};

using Times = std::vector<seconds>;
using Values = std::vector<std::string>;

// --- ProcuLink ----------------------------------------------------------------------------------

// R-PL-31, R-PL-32.
TEST_F(SchedulesTest, ProcuLinkSwitchesAnEndpointOffAtTheThirdFailure) {
  const model::Endpoint endpoint = subscribe("proculink");
  answer_with([] { return status(500); });
  Node& node = add_node();

  publish_order(node);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 1);
  clock.run_for(2min);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 2);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive) << "after two";
  clock.run_for(6min);

  EXPECT_EQ(stored(endpoint).consecutive_failures, 3);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kDeactivated);
  EXPECT_NE(stored(endpoint).state_reason, "");
  // A dead URL is not hammered for ever, whatever else happens in the workspace.
  publish_order(node);
  clock.run_for(2 * 24h);
  expect_times({60s, 300s});
  EXPECT_EQ(different("X-ProcuLink-Signature"), 1u) << "the same bytes each time";
}

// R-PL-32: three in a row, of whichever events.
TEST_F(SchedulesTest, ProcuLinkCountsTheFailuresOfDifferentEvents) {
  const model::Endpoint endpoint = subscribe("proculink");
  answer_with([] { return status(500); });
  Node& node = add_node();

  publish_order(node);
  publish_order(node);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive);
  publish_order(node);

  EXPECT_EQ(stored(endpoint).state, EndpointState::kDeactivated);
  EXPECT_EQ(arrivals.size(), 3u);
}

// R-PL-33.
TEST_F(SchedulesTest, ASingleSuccessResetsProcuLinksCount) {
  const model::Endpoint endpoint = subscribe("proculink");
  answer_in_turn({status(500), status(500), status(200), status(500), status(500), status(200)});
  Node& node = add_node();

  publish_order(node);
  clock.run_for(1h);
  publish_order(node);
  clock.run_for(1h);

  EXPECT_EQ(arrivals.size(), 6u);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 0);
}

// --- Precoro ------------------------------------------------------------------------------------

// R-PR-18, R-PR-19.
TEST_F(SchedulesTest, PrecoroCounts202AsAFailureAndSwitchesOffAtTheFifth) {
  const model::Endpoint endpoint = subscribe("precoro");
  answer_in_turn({status(202), status(202), status(204), status(302), status(202)});
  Node& node = add_node();

  publish_order(node);
  clock.run_for(1h);
  EXPECT_EQ(arrivals.size(), 4u);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive) << "after four";
  clock.run_for(3h);

  EXPECT_EQ(stored(endpoint).state, EndpointState::kDeactivated);
  EXPECT_NE(stored(endpoint).state_reason, "");
  publish_order(node);
  clock.run_for(2 * 24h);
  expect_times({1min, 5min, 30min, 2h});
  const auto first = deliveries(endpoint).back();
  EXPECT_EQ(outcomes(first),
            (std::vector<std::pair<model::Outcome, int>>{{model::Outcome::kRefused, 202},
                                                         {model::Outcome::kRefused, 202},
                                                         {model::Outcome::kRefused, 204},
                                                         {model::Outcome::kRefused, 302},
                                                         {model::Outcome::kRefused, 202}}));
}

TEST_F(SchedulesTest, PrecoroTakes200And201) {
  const model::Endpoint endpoint = subscribe("precoro");
  answer_in_turn({status(201), status(200)});
  Node& node = add_node();

  publish_order(node);
  publish_order(node);
  clock.run_for(24h);

  EXPECT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 2u);
}

// A-PR-8: five tries of the same notice, not five failures of whichever.
TEST_F(SchedulesTest, PrecoroStaysOnWhenFiveNoticesFailOnceEach) {
  const model::Endpoint endpoint = subscribe("precoro");
  answer_with([this] { return status(arrivals.size() <= 5 ? 500 : 200); });
  Node& node = add_node();

  for (int i = 0; i < 5; ++i) publish_order(node);
  EXPECT_EQ(arrivals.size(), 5u);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive);
  clock.run_for(1h);

  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 5u);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive);
}

// A fifth try that succeeds is no failure.
TEST_F(SchedulesTest, PrecorosFifthTryMaySucceed) {
  const model::Endpoint endpoint = subscribe("precoro");
  answer_in_turn({status(202), status(500), status(503), status(404), status(200)});
  Node& node = add_node();

  publish_order(node);
  clock.run_for(24h);

  EXPECT_EQ(delivery(endpoint).state, DeliveryState::kSucceeded);
  EXPECT_EQ(delivery(endpoint).attempts_made, 5);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive);
}

// --- PeptideClients -----------------------------------------------------------------------------

// R-PC-37, R-PC-39 to R-PC-41, A-PC-3.
TEST_F(SchedulesTest, PeptideClientsTriesFiveTimesAndDropsTheDelivery) {
  const model::Endpoint endpoint = subscribe("peptideclients");
  answer_in_turn({status(302), status(500), fail(Code::kTimeout, "response_timeout", "late"),
                  fail(Code::kUnavailable, "name_not_resolved", "no such name"), status(404)});
  Node& node = add_node();

  publish_order(node);
  clock.run_for(150min);
  EXPECT_EQ(delivery(endpoint).state, DeliveryState::kRetrying);
  clock.run_for(2 * 24h);

  EXPECT_EQ(times(), (Times{0s, 1min, 6min, 36min, 156min}));
  EXPECT_EQ(delivery(endpoint).state, DeliveryState::kDropped);
  EXPECT_EQ(delivery(endpoint).due_at, std::nullopt);
  EXPECT_EQ(outcomes(delivery(endpoint)),
            (std::vector<std::pair<model::Outcome, int>>{{model::Outcome::kRefused, 302},
                                                         {model::Outcome::kRefused, 500},
                                                         {model::Outcome::kTimeout, 0},
                                                         {model::Outcome::kConnectionError, 0},
                                                         {model::Outcome::kRefused, 404}}));
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive) << "the next event is sent";
  // The time is of the try, and signed with it; the ids are the delivery's.
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const auto unix = std::chrono::duration_cast<seconds>(arrivals[i].at.time_since_epoch());
    EXPECT_EQ(sent("X-PC-Timestamp")[i], std::to_string(unix.count()));
    EXPECT_TRUE(sent("X-PC-Signature")[i].starts_with("t=" + std::to_string(unix.count()) + ","));
  }
  EXPECT_EQ(different("X-PC-Signature"), 5u);
  EXPECT_EQ(different("X-PC-Delivery-Id"), 1u);
  EXPECT_EQ(different("X-PC-Event-Id"), 1u);
}

// --- PROIGN -------------------------------------------------------------------------------------

// R-PG-25, R-PG-26, R-PG-29, A-PG-2 to A-PG-4.
TEST_F(SchedulesTest, ProignSendsSixRequestsAndCountsItsRetriesFromZero) {
  const model::Endpoint endpoint = subscribe("proign");
  answer_with([] { return status(500); });
  Node& node = add_node();

  publish_order(node);
  clock.run_for(4 * 24h);

  EXPECT_EQ(times(), (Times{0min, 1min, 6min, 36min, 156min, 156min + 24h}));
  EXPECT_EQ(sent("X-Proign-Retry-Count"), (Values{"none", "0", "1", "2", "3", "4"}));
  EXPECT_EQ(different("X-Proign-Delivery-ID"), 6u);
  EXPECT_EQ(different("X-Proign-Signature"), 1u) << "the same bytes each time";
  EXPECT_EQ(sent("X-Proign-Signature")[0].substr(0, 7), "sha256=");
  EXPECT_EQ(delivery(endpoint).state, DeliveryState::kDropped);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive);
}

// The wait begins with the failure, not with the request: R-PG-27 lets a receiver take half a
// minute.
TEST_F(SchedulesTest, ProignWaitsFromTheFailureOn) {
  subscribe("proign");
  answer_with([] { return status(500); });
  held_hosts = {std::string(kHost)};
  Node& node = add_node();

  publish_order(node);
  clock.run_for(20s);
  release_all();
  clock.run_for(2min);

  EXPECT_EQ(times(), (Times{0s, 80s}));
}

}  // namespace
}  // namespace waybill::delivery
