#include "bench/ledger/receiver.h"

#include <array>
#include <chrono>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace waybill::bench {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kDripInterval{1};
constexpr std::chrono::milliseconds kAcceptPause{10};

constexpr std::string_view kTaken =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
constexpr std::string_view kCorrupted =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\ncorrupted";
constexpr std::string_view kEndlessHead = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

std::string_view text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string empty_answer(int status, std::string_view more = {}) {
  return fmt::format("HTTP/1.1 {} Because\r\n{}Content-Length: 0\r\n\r\n", status, more);
}

}  // namespace

struct Receiver::Request {
  http::request<http::string_body> message;

  std::string_view header(std::string_view name) const {
    return text_of(message[boost::beast::string_view(name.data(), name.size())]);
  }
};

Receiver::Receiver(asio::io_context& context, Log& log, Ledger& ledger, Endpoints& endpoints,
                   std::string_view secret, std::uint16_t port, Control control)
    : context_(context),
      ledger_(ledger),
      endpoints_(endpoints),
      verifier_(secret),
      control_(std::move(control)),
      acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), port)),
      tasks_(context, log) {}

void Receiver::start() { tasks_.spawn("accept", accept()); }

Task<void> Receiver::accept() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(as_values);
    if (!error) {
      tasks_.spawn("converse", converse(std::move(socket)));
      continue;
    }
    asio::steady_timer timer(context_, kAcceptPause);
    co_await timer.async_wait(as_values);
  }
}

Task<void> Receiver::converse(tcp::socket socket) {
  socket.set_option(tcp::no_delay(true));
  boost::beast::flat_buffer buffer;
  for (;;) {
    Request request;
    const auto [error, bytes] =
        co_await http::async_read(socket, buffer, request.message, as_values);
    if (error) co_return;  // Mostly the end of the connection.
    const std::string_view path = text_of(request.message.target());
    if (const auto place = endpoints_.find(path)) {
      if (!co_await serve_hook(socket, *place, request)) co_return;
    } else {
      const ControlAnswer answer =
          control_(text_of(request.message.method_string()), path, request.message.body());
      const std::string text =
          fmt::format("HTTP/1.1 {} Because\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
                      answer.status, answer.media_type, answer.body.size(), answer.body);
      if (!co_await send(socket, text)) co_return;
    }
    if (!request.message.keep_alive()) co_return;
  }
}

Task<bool> Receiver::serve_hook(tcp::socket& socket, Endpoints::Place place,
                                const Request& request) {
  const Moment now = moment_now();
  const auto read = verifier_.read(request.header("X-ProcuLink-Event"),
                                   request.header("X-ProcuLink-Signature"), request.message.body());
  const auto attempt = ledger_.judge(place.group, place.member, read);
  if (attempt.verdict == Ledger::Try::Verdict::kCorrupted) {
    co_return co_await send(socket, kCorrupted);
  }
  const Behaviour& behaviour = endpoints_.behaviour(place.group);
  const bool takes = behaviour.takes_all() && attempt.number > behaviour.tries;
  if (takes && attempt.verdict == Ledger::Try::Verdict::kGood) {
    ledger_.take(place.group, place.member, attempt, now);
  }
  if (takes && behaviour.delay.count() == 0) co_return co_await send(socket, kTaken);
  // A copy: it may be told to behave otherwise meanwhile.
  Behaviour as_told = behaviour;
  co_return co_await answer_as(socket, std::move(as_told), attempt);
}

Task<bool> Receiver::answer_as(tcp::socket& socket, Behaviour behaviour,
                               const Ledger::Try& attempt) {
  using Kind = Behaviour::Kind;
  switch (behaviour.kind) {
    case Kind::kHealthy: co_return co_await send(socket, kTaken);
    case Kind::kDelay: {
      asio::steady_timer timer(context_, behaviour.delay);
      co_await timer.async_wait(as_values);
      co_return co_await send(socket, kTaken);
    }
    case Kind::kFail:
      if (attempt.number > behaviour.tries) co_return co_await send(socket, kTaken);
      co_return co_await send(socket, empty_answer(behaviour.status));
    case Kind::kStatus: co_return co_await send(socket, empty_answer(behaviour.status));
    case Kind::kRedirect:
      co_return co_await send(
          socket, empty_answer(302, fmt::format("Location: {}\r\n", behaviour.location)));
    case Kind::kNever: co_await wait_for_end(socket); break;
    case Kind::kDrip: co_await drip(socket); break;
    case Kind::kEndless: co_await send_without_end(socket); break;
    case Kind::kReset:
      socket.set_option(asio::socket_base::linger(true, 0));
      socket.close();
      break;
  }
  co_return false;
}

Task<bool> Receiver::send(tcp::socket& socket, std::string_view bytes) {
  const auto [error, written] =
      co_await asio::async_write(socket, asio::buffer(bytes.data(), bytes.size()), as_values);
  co_return !error;
}

Task<void> Receiver::drip(tcp::socket& socket) {
  asio::steady_timer timer(context_);
  for (std::size_t at = 0;; at = (at + 1) % kTaken.size()) {
    if (!co_await send(socket, kTaken.substr(at, 1))) co_return;
    timer.expires_after(kDripInterval);
    co_await timer.async_wait(as_values);
  }
}

Task<void> Receiver::send_without_end(tcp::socket& socket) {
  const std::string block(16 * 1024, '.');
  bool going = co_await send(socket, kEndlessHead);
  while (going) going = co_await send(socket, block);
}

Task<void> Receiver::wait_for_end(tcp::socket& socket) {
  std::array<char, 1024> ignored;
  for (;;) {
    const auto [error, bytes] = co_await socket.async_read_some(asio::buffer(ignored), as_values);
    if (error) co_return;
  }
}

}  // namespace waybill::bench
