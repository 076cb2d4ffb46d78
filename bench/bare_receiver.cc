// The receiver of webhooks, for the bare program and for the hub alike: answers 200 and counts.
// It verifies no signature, so that what is measured is the sender.
//
//   waybill_bench_bare_receiver

#include <cstdint>
#include <string>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "bench/bare_server.h"

namespace waybill::bench {
namespace {

Task<Answer> count_webhook(std::int64_t& received) {
  ++received;
  co_return Answer{.status = 200, .body = "{}"};
}

}  // namespace
}  // namespace waybill::bench

int main() {
  using namespace waybill::bench;
  boost::asio::io_context context(1);
  std::int64_t received = 0;
  BareServer server(
      context, [&](const std::string&) { return count_webhook(received); },
      [&] { return fmt::format(R"({{"received":{}}})", received); });
  server.run();
}
