// A trace (W3C Trace Context) on its way from a request to the webhooks that follow from it.

#include "surfaces/request_trace.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "surfaces/hub_fixture.h"

namespace waybill::surfaces {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kParent = "00-" + std::string(kTrace) + "-00f067aa0ba902b7-01";

class RequestTrace : public HubFixture {
 public:
  RequestTrace() {
    call("POST", "/hub/v1/workspaces", R"({"slug":"acme"})");
    for (const char* dialect : {"standard-webhooks", "proculink"}) {
      call("POST", "/hub/v1/workspaces/acme/endpoints",
           R"({"url":"https://a.example/hook","event_types":["*"],"dialect":")" +
               std::string(dialect) + "\"}");
    }
  }
  net::Response publish(Headers headers) {
    return call(
        "POST", "/hub/v1/workspaces/acme/events",
        R"({"type":"order.created","data":{"order_id":"01941f29-7c00-7aaa-8000-000000000001",)"
        R"("supplier_id":"01941f29-7c00-7bbb-8000-000000000002","supplier_name":"S",)"
        R"("status":"needs_review","line_count":1,"lines":[{}]}})",
        std::move(headers));
  }
  std::vector<std::string> sent_headers(std::string_view name) const {
    std::vector<std::string> all;
    for (const auto& request : sent) {
      const std::string* value = net::find_header(request.headers, name);
      all.push_back(value ? *value : "none");
    }
    return all;
  }
};

TEST_F(RequestTrace, IsPassedOnWithEachAttemptUnderAParentOfItsOwn) {
  receiver = [](const net::ClientRequest&) {
    net::ClientResponse refused;
    refused.status = 500;
    return refused;
  };
  ASSERT_EQ(publish({{"traceparent", kParent}, {"tracestate", "congo=t61rcWkgMzE"}}).status, 201);
  clock.run_for(2h);

  ASSERT_GE(sent.size(), 3u);
  std::set<std::string> parents;
  for (const std::string& parent : sent_headers("traceparent")) {
    ASSERT_EQ(parent.size(), kParent.size());
    EXPECT_EQ(parent.substr(0, 36), "00-" + std::string(kTrace) + "-");
    EXPECT_EQ(parent.substr(52), "-01");
    parents.insert(parent);
  }
  EXPECT_EQ(parents.size(), sent.size());
  EXPECT_FALSE(parents.contains(kParent));
  for (const std::string& state : sent_headers("tracestate")) EXPECT_EQ(state, "congo=t61rcWkgMzE");
}

TEST_F(RequestTrace, OfNoneOrAnInvalidOneNothingIsSent) {
  ASSERT_EQ(publish({}).status, 201);
  ASSERT_EQ(publish({{"traceparent", "00-bad"}, {"tracestate", "a=1"}}).status, 201);
  ASSERT_EQ(publish({{"tracestate", "a=1"}}).status, 201);
  ASSERT_EQ(publish({{"traceparent", kParent}, {"traceparent", kParent}}).status, 201);
  ASSERT_GE(sent.size(), 4u);
  for (const char* name : {"traceparent", "tracestate"}) {
    for (const std::string& value : sent_headers(name)) EXPECT_EQ(value, "none");
  }
}

TEST_F(RequestTrace, ChangesNothingOfTheWebhookItself) {
  // Endpoints that are not known yet are read side by side: which is sent to first is left to
  // chance.
  publish({});
  sent.clear();
  publish({});
  const auto plain = sent;
  sent.clear();
  publish({{"traceparent", kParent}});
  ASSERT_EQ(sent.size(), plain.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    ASSERT_EQ(sent[i].headers.size(), plain[i].headers.size() + 1);
    for (std::size_t h = 0; h < plain[i].headers.size(); ++h) {
      EXPECT_EQ(sent[i].headers[h].name, plain[i].headers[h].name);
    }
  }
}

TEST_F(RequestTrace, AStateInSeveralFieldsIsOne) {
  net::Request request;
  request.headers = {{"TraceParent", kParent}, {"tracestate", "a=1"}, {"TraceState", "b=2"}};
  EXPECT_EQ(trace_of(request).state, "a=1,b=2");
}

}  // namespace
}  // namespace waybill::surfaces
