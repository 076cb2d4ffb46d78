// Posts signed messages at a rate, and prints how long they took to be answered, as a line of JSON.
//
//   waybill_bench_sender --port PORT --path PATH --messages FILE --rate 2000 --seconds 10
//
// An open loop: a latency begins when the message was due, whether or not a connection was free for
// it. FILE was made by receipt.py: the body in the first line, then a line for each message: nine
// digits, a space, and the signature of the body with these digits for each "000000000".

#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/task.h"
#include "bench/bare_server.h"
#include "bench/ledger/histogram.h"
#include "bench/ledger/moment.h"

namespace waybill::bench {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr int kConnections = 64;
constexpr std::chrono::seconds kPatience{30};
constexpr std::string_view kPlaceholder = "000000000";

struct Plan {
  tcp::endpoint to;
  std::string path;
  std::string body;
  std::vector<std::string> signed_lines;  // "000000001 5f…"
  double rate = 0;
};

class Sender {
 public:
  Sender(asio::io_context& context, Plan plan)
      : context_(context), plan_(std::move(plan)), began_(moment_now()), tasks_(context, log_) {
    for (int i = 0; i < kConnections; ++i) tasks_.spawn("send", send());
  }

  // What is printed once all are answered.
  std::string report() const {
    std::string refused;
    for (const auto& [status, count] : refused_) {
      refused += fmt::format("{}\"{}\":{}", refused.empty() ? "" : ",", status, count);
    }
    return fmt::format(
        R"({{"answered":{},"broken":{},"refused":{{{}}},"p50_ms":{},"p99_ms":{},"max_ms":{},)"
        R"("seconds":{}}})",
        answered_.count(), broken_, refused, millis_at(0.5), millis_at(0.99),
        static_cast<double>(answered_.max_micros()) / 1000,
        static_cast<double>(micros_between(began_, ended_)) / 1e6);
  }

 private:
  double millis_at(double share) const {
    return static_cast<double>(answered_.micros_at(share)) / 1000;
  }

  std::string render(std::string_view line) const {
    const std::string_view digits = line.substr(0, kPlaceholder.size());
    std::string body = plan_.body;
    for (auto at = body.find(kPlaceholder); at != std::string::npos;
         at = body.find(kPlaceholder, at)) {
      body.replace(at, kPlaceholder.size(), digits);
      at += kPlaceholder.size();
    }
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n"
        "x-procureiq-signature: sha256={}\r\nContent-Length: {}\r\n\r\n{}",
        plan_.path, plan_.to.port(), line.substr(kPlaceholder.size() + 1), body.size(), body);
  }

  Task<void> send() {
    boost::beast::tcp_stream stream(context_);
    boost::beast::flat_buffer buffer;
    const auto [error] = co_await stream.async_connect(plan_.to, as_values);
    WAYBILL_CHECK(!error, "the receiver listens");
    stream.socket().set_option(tcp::no_delay(true));
    while (next_ < plan_.signed_lines.size()) {
      const std::size_t slot = next_++;
      const std::string request = render(plan_.signed_lines[slot]);
      const Moment due = began_ + std::chrono::microseconds(static_cast<std::int64_t>(
                                      static_cast<double>(slot) * 1'000'000 / plan_.rate));
      asio::steady_timer timer(context_, due);
      co_await timer.async_wait(as_values);
      stream.expires_after(kPatience);
      const auto [write_error, sent] =
          co_await asio::async_write(stream, asio::buffer(request), as_values);
      http::response<http::string_body> response;
      const auto [read_error, read] =
          co_await http::async_read(stream, buffer, response, as_values);
      ended_ = moment_now();
      if (write_error || read_error) {
        ++broken_;
        co_return;
      }
      if (response.result_int() != 200) {
        ++refused_[response.result_int()];
      } else {
        answered_.add(micros_between(due, ended_));
      }
    }
  }

  asio::io_context& context_;
  const Plan plan_;
  const Moment began_;
  Moment ended_{};
  std::size_t next_ = 0;
  Histogram answered_;
  std::map<unsigned, int> refused_;
  int broken_ = 0;
  Log log_;
  TaskGroup tasks_;
};

Plan read_plan(int count, char** words) {
  Plan plan;
  const int port = std::stoi(required_option(count, words, "--port"));
  plan.to = {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)};
  plan.path = required_option(count, words, "--path");
  plan.rate = std::stod(required_option(count, words, "--rate"));
  const double seconds = std::stod(required_option(count, words, "--seconds"));
  std::ifstream file(required_option(count, words, "--messages"));
  WAYBILL_CHECK(static_cast<bool>(std::getline(file, plan.body)), "the file of messages is there");
  const auto messages = static_cast<std::size_t>(plan.rate * seconds);
  for (std::string line; plan.signed_lines.size() < messages && std::getline(file, line);) {
    plan.signed_lines.push_back(line);
  }
  WAYBILL_CHECK(plan.signed_lines.size() == messages, "as many messages are signed as are sent");
  return plan;
}

}  // namespace
}  // namespace waybill::bench

int main(int count, char** words) {
  using namespace waybill::bench;
  boost::asio::io_context context(1);
  Sender sender(context, read_plan(count, words));
  context.run();
  std::cout << sender.report() << std::endl;
}
