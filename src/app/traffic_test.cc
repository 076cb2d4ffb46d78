#include "app/traffic.h"

#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill::app {
namespace {

class TrafficTest : public testing::Test {
 protected:
  TrafficTest() { traffic.add_surface("native"); }

  std::string id_for(const char* given) {
    net::Request request;
    if (given) request.headers = {{"x-request-id", given}};
    return traffic.request_id(request);
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  Log log{Log::Level::kOff};
  IdGenerator ids{clock, /*seed=*/1};
  Traffic traffic{log, ids, /*every_request=*/false};
};

TEST_F(TrafficTest, TakesTheCallersIdIfItIsShortAndHarmless) {
  EXPECT_EQ(id_for("req-1.A_b"), "req-1.A_b");
  const std::string longest(64, 'a');
  EXPECT_EQ(id_for(longest.c_str()), longest);
  for (const std::string& bad : {std::string(), std::string(65, 'a'), std::string("a b"),
                                 std::string("a\"b"), std::string("a\xc3\xa4")}) {
    const std::string made = id_for(bad.c_str());
    EXPECT_NE(made, bad);
    EXPECT_TRUE(Uuid::parse(made)) << made;
  }
  EXPECT_NE(id_for(nullptr), id_for(nullptr));
}

TEST_F(TrafficTest, CountsByTheStatusFirstDigitAndAnswersTheId) {
  net::Request request;
  request.id = "r-1";
  for (const int status : {200, 201, 404, 503}) {
    net::Response response;
    response.status = status;
    traffic.note(0, request, response, std::chrono::milliseconds(2));
    EXPECT_EQ(*net::find_header(response.headers, "X-Request-Id"), "r-1");
  }
  const auto& surface = traffic.surfaces()[0];
  EXPECT_EQ(surface.answers, (std::array<std::uint64_t, 5>{0, 2, 0, 1, 1}));
  EXPECT_EQ(surface.seconds.count(), 4u);
  EXPECT_NEAR(surface.seconds.sum(), 0.008, 1e-9);
}

}  // namespace
}  // namespace waybill::app
