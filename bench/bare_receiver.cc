// The receiver of webhooks, for the bare program and for the hub alike: answers 200 and counts.
// It verifies no signature, so that what is measured is the sender.
//
//   waybill_bench_bare_receiver --delay-ms 0      how long it takes to answer

#include <chrono>
#include <cstdint>
#include <string>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "bench/bare_server.h"

namespace waybill::bench {
namespace {

Task<Answer> count_webhook(std::int64_t& received, boost::asio::io_context& context,
                           std::chrono::milliseconds delay) {
  if (delay.count() > 0) {
    boost::asio::steady_timer timer(context, delay);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  ++received;
  co_return Answer{.status = 200, .body = "{}"};
}

}  // namespace
}  // namespace waybill::bench

int main(int count, char** words) {
  using namespace waybill::bench;
  const std::chrono::milliseconds delay(std::stoi(required_option(count, words, "--delay-ms")));
  boost::asio::io_context context(1);
  std::int64_t received = 0;
  BareServer server(
      context, [&](const std::string&) { return count_webhook(received, context, delay); },
      [&] { return fmt::format(R"({{"received":{}}})", received); });
  server.run();
}
