// The bare limit of the whole way: what bare_ingest.cc does, and every order sent on as a signed
// webhook over kept-alive connections, its attempt recorded in batches. A webhook that fails ends
// the program: the receiver beside it does not fail.
//
//   waybill_bench_bare_end_to_end --data DIR --receiver-port PORT

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <openssl/hmac.h>

#include "base/check.h"
#include "bench/bare_server.h"
#include "bench/bare_store.h"

namespace waybill::bench {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
namespace {

// As many as the hub's endpoint is allowed in bench/measure.py (IN_FLIGHT_MAX).
constexpr int kConnections = 64;
constexpr std::chrono::seconds kPatience{30};
constexpr std::string_view kSecret = "bench-secret";
constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

std::string sign(std::string_view body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  std::string text = "sha256=";
  for (unsigned int at = 0; at < size; ++at) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[digest[at] >> 4];
    text += kDigits[digest[at] & 15];
  }
  return text;
}

class EndToEnd {
 public:
  EndToEnd(asio::io_context& context, const std::string& folder, std::uint16_t receiver_port)
      : context_(context),
        store_(context, folder),
        receiver_(asio::ip::address_v4::loopback(), receiver_port),
        tasks_(context, log_) {
    for (int i = 0; i < kConnections; ++i) tasks_.spawn("send", send());
  }

  Task<Answer> take_order(std::string body) {
    const auto order = boost::json::parse(body);
    const std::int64_t id = co_await store_.insert_order(order.at("orderNumber").as_string(), body);
    due_.push_back({id, std::move(body)});
    wake_sender();
    co_return Answer{.status = 201,
                     .body = R"({"id":"01941f29-7c00-7aaa-8000-000000000001","duplicate":false})"};
  }

 private:
  struct Delivery {
    std::int64_t id;
    std::string body;
  };

  Task<void> send() {
    boost::beast::tcp_stream stream(context_);
    boost::beast::flat_buffer buffer;
    const auto [error] = co_await stream.async_connect(receiver_, as_values);
    WAYBILL_CHECK(!error, "the receiver listens");
    stream.socket().set_option(tcp::no_delay(true));
    for (;;) {
      Delivery delivery = co_await next();
      http::request<http::string_body> request(http::verb::post, "/hook", 11);
      request.set(http::field::host, "127.0.0.1");
      request.set(http::field::content_type, "application/json");
      request.set("X-ProcuLink-Event", "order.created");
      request.set("X-ProcuLink-Signature", sign(delivery.body));
      request.body() = std::move(delivery.body);
      request.prepare_payload();
      stream.expires_after(kPatience);
      const auto [write_error, sent] = co_await http::async_write(stream, request, as_values);
      WAYBILL_CHECK(!write_error, "the receiver reads");
      http::response<http::string_body> response;
      const auto [read_error, read] =
          co_await http::async_read(stream, buffer, response, as_values);
      WAYBILL_CHECK(!read_error, "the receiver answers");
      store_.record_attempt(delivery.id, static_cast<int>(response.result_int()));
    }
  }

  Task<Delivery> next() {
    while (due_.empty()) {
      asio::steady_timer woken(context_, asio::steady_timer::time_point::max());
      idle_.push_back(&woken);
      co_await woken.async_wait(as_values);
    }
    Delivery delivery = std::move(due_.front());
    due_.pop_front();
    co_return delivery;
  }

  void wake_sender() {
    if (idle_.empty()) return;
    idle_.back()->cancel();
    idle_.pop_back();
  }

  asio::io_context& context_;
  BareStore store_;
  const tcp::endpoint receiver_;
  std::deque<Delivery> due_;
  std::vector<asio::steady_timer*> idle_;  // Of senders that wait in next().
  Log log_;
  TaskGroup tasks_;
};

}  // namespace
}  // namespace waybill::bench

int main(int count, char** words) {
  using namespace waybill::bench;
  boost::asio::io_context context(1);
  const int port = std::stoi(required_option(count, words, "--receiver-port"));
  EndToEnd end_to_end(context, required_option(count, words, "--data"),
                      static_cast<std::uint16_t>(port));
  BareServer server(context,
                    [&](std::string body) { return end_to_end.take_order(std::move(body)); });
  server.run();
}
