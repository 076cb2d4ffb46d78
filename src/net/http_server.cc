#include "net/http_server.h"

#include <algorithm>
#include <array>
#include <exception>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "net/http_head.h"

namespace waybill::net {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

namespace {

using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kFirstReadBytes = 4096;
// What a connection holds while nothing is asked of it.
constexpr std::size_t kIdleBytesMax = 2 * kFirstReadBytes;
// How long, and for how many reads of 16 KiB, a refused client is listened to.
constexpr std::chrono::seconds kRefusalWait{5};
constexpr int kRefusedReadsMax = 128;
// So many connections beyond the limit are told so at a time; others just end.
constexpr std::size_t kTurnedAwayMax = 256;
constexpr std::chrono::seconds kGoodbyeWait{1};
using Parser = http::request_parser<http::string_body>;

// What of the head is needed by handlers and error shapes.
Request take_head(const http::request<http::string_body>& message, const std::string& peer) {
  Request request;
  request.peer = peer;
  request.method = std::string(message.method_string());
  const auto target = message.target();
  const std::size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != target.npos) request.query = std::string(target.substr(question + 1));
  request.headers.reserve(8);
  for (const auto& field : message) {
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  return request;
}

bool is_number(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Beast 1.81 takes a Transfer-Encoding without chunked, and chunked in HTTP/1.0, where a proxy
// before us may have seen another end of the body (request smuggling, RFC 9112 §6.3). Both lengths
// at once, and two of either, it refuses itself.
// Equal lengths, in a list or twice, it takes for one; a proxy may not.
Result<void> check_framing(const http::request<http::string_body>& message) {
  const auto [length, behind] = message.equal_range(http::field::content_length);
  if (length != behind && (std::next(length) != behind || !is_number(length->value()))) {
    return fail(Code::kInvalid, "malformed_http",
                "This is not HTTP: the Content-Length is not one number.");
  }
  if (message.count(http::field::transfer_encoding) == 0) return {};
  if (message.version() < 11 ||
      !beast::iequals(message[http::field::transfer_encoding], "chunked")) {
    return fail(Code::kInvalid, "transfer_encoding_unsupported",
                "The only transfer coding is chunked, in HTTP/1.1.");
  }
  return {};
}

// What to answer when reading failed; nothing if there is nobody to answer.
std::optional<Error> read_error(beast::error_code error, const ServerLimits& limits) {
  if (error == http::error::body_limit) {
    return Error(Code::kTooLarge, "body_too_large",
                 fmt::format("The body is larger than {} bytes.", limits.body_bytes_max));
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Error(Code::kTooLarge, "header_too_large",
                 fmt::format("The header is larger than {} bytes.", limits.header_bytes_max));
  }
  if (error == beast::error::timeout) {
    return Error(Code::kTimeout, "request_timeout", "The request did not arrive in time.");
  }
  // What else Beast calls an HTTP error is a message it cannot read; the end of the connection, and
  // the network's errors, have nobody left to answer.
  if (error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return Error(Code::kInvalid, "malformed_http", "This is not HTTP: " + error.message() + ".");
  }
  return std::nullopt;
}

// `connection` is a Connection header, or nothing.
void append_response(std::string& out, const Response& response, std::string_view connection,
                     bool is_head) {
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(reason_phrase(response.status)).append("\r\n");
  for (const Header& header : response.headers) {
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (response.status != 204) {
    out.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  }
  out.append(connection).append("\r\n");
  if (!is_head) out += response.body;
}

constexpr std::string_view kClose = "Connection: close\r\n";

std::string_view connection_header(bool keep_alive, unsigned version) {
  if (!keep_alive) return kClose;
  return version < 11 ? "Connection: keep-alive\r\n" : "";
}

// How often deadlines are looked at.
std::chrono::milliseconds watch_interval(const ServerLimits& limits) {
  const auto shortest = std::min({limits.idle, limits.header, limits.body, limits.write});
  return std::clamp<std::chrono::milliseconds>(shortest / 4, std::chrono::milliseconds(10),
                                               std::chrono::seconds(1));
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(asio::io_context& context, Log& log, ServerLimits limits, Handler handler,
       ErrorRenderer render_error)
      : context_(context),
        log_(log),
        limits_(limits),
        handler_(std::move(handler)),
        render_error_(std::move(render_error)),
        acceptor_(context),
        watch_timer_(context),
        tasks_(context, log) {}

  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port) {
    const auto refuse = [&](std::string_view reason, const std::string& why) {
      return fail(Code::kUnavailable, reason,
                  fmt::format("Cannot listen on {}:{}: {}.", host, port, why));
    };
    beast::error_code error;
    const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
    if (error) return refuse("address_not_ours", "the host must be an IP address");
    acceptor_.open(address.is_v4() ? tcp::v4() : tcp::v6(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind({address, port}, error);
    if (error == asio::error::address_in_use) return refuse("address_in_use", "it is in use");
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return refuse("address_not_ours", error.message());
    tasks_.spawn("accept", accept());
    tasks_.spawn("deadlines", watch());
    return acceptor_.local_endpoint().port();
  }

  void use_certificate(std::shared_ptr<const ServerCertificate> certificate) {
    certificate_ = std::move(certificate);
  }

  Task<void> stop(std::chrono::milliseconds patience) {
    stopping_ = true;
    beast::error_code ignored;
    acceptor_.close(ignored);
    for (Session* session : sessions_) {
      if (session->idle) session->socket.cancel(ignored);
    }
    give_up_ = Deadline::after(patience);
    watch_timer_.cancel();
    co_await tasks_.join();
  }

  std::size_t connections() const { return connections_; }

 private:
  // A connection, whatever is spoken over its socket: what stop() and the deadlines need of it.
  struct Session {
    explicit Session(tcp::socket& of_stream) : socket(of_stream) {}

    // The next operation on the socket ends within `limit`.
    void expect_within(std::chrono::milliseconds limit) {
      timed_out = false;
      deadline = Deadline::after(limit);
    }

    tcp::socket& socket;
    bool idle = true;  // No request is under way: nothing is lost if it ends.
    Deadline deadline = Deadline::never();
    bool timed_out = false;
  };

  // Ends what takes too long. One look at all connections now and then, where a timer for each
  // would cost every request three settings of it. Cancelling leaves the socket open (a timeout of
  // Beast's closes it), so that the client can still be told.
  Task<void> watch() {
    beast::error_code ignored;
    while (!stopping_ || !sessions_.empty()) {
      watch_timer_.expires_at(std::min(Deadline::after(interval_), give_up_).time_point());
      co_await watch_timer_.async_wait(kAwait);
      for (Session* session : sessions_) {
        if (!session->deadline.passed()) continue;
        session->timed_out = true;
        session->socket.cancel(ignored);
      }
      if (!give_up_.passed()) continue;
      for (Session* session : sessions_) session->socket.close(ignored);
      give_up_ = Deadline::never();
    }
  }

  Task<void> accept() {
    while (acceptor_.is_open()) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwait);
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
      if (error) {
        // Out of descriptors: wait for some to be freed rather than spin.
        log_.warn("accept_failed", {{"what", error.message()}});
        asio::steady_timer pause(context_, std::chrono::milliseconds(100));
        co_await pause.async_wait(kAwait);
        continue;
      }
      if (connections_ >= limits_.connections_max) {
        if (certificate_ || turned_away_ >= kTurnedAwayMax) continue;
        ++turned_away_;
        tasks_.spawn("turn_away", turn_away(std::move(socket)));
        continue;
      }
      ++connections_;
      socket.set_option(tcp::no_delay(true), error);
      if (certificate_) {
        tasks_.spawn("session", serve(TlsStream(std::move(socket), certificate_->context())));
      } else {
        tasks_.spawn("session", serve(std::move(socket)));
      }
    }
  }

  template <class Stream>
  Task<void> serve(Stream stream) {
    tcp::socket& socket = socket_of(stream);
    beast::error_code error;
    const auto remote = socket.remote_endpoint(error);
    const std::string peer = error ? "" : remote.address().to_string();
    Session session(socket);
    sessions_.insert(&session);
    beast::flat_buffer buffer(limits_.header_bytes_max + limits_.body_bytes_max + 4096);
    std::string out;
    try {
      bool go_on = !stopping_ && co_await begin(stream, session, peer);
      while (go_on && !stopping_) {
        go_on = co_await serve_request(stream, session, buffer, peer, out);
      }
      co_await say_goodbye(stream, session);
    } catch (const std::exception& e) {
      log_.error("session_failed", {{"what", e.what()}});
    }
    --connections_;
    leave(session);
  }

  // Not in a destructor: when the io_context ends first, it destroys this frame after the server.
  void leave(Session& session) {
    beast::error_code ignored;
    session.socket.shutdown(tcp::socket::shutdown_both, ignored);
    sessions_.erase(&session);
    if (stopping_ && sessions_.empty()) watch_timer_.cancel();
  }

  static tcp::socket& socket_of(tcp::socket& stream) { return stream; }
  static tcp::socket& socket_of(TlsStream& stream) { return stream.next_layer(); }

  // Shakes hands. False: they do not speak TLS, or not ours.
  Task<bool> begin(TlsStream& stream, Session& session, const std::string& peer) {
    session.expect_within(limits_.header);
    auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kAwait);
    session.deadline = Deadline::never();
    if (error) log_.debug("tls_handshake_failed", {{"peer", peer}, {"what", error.message()}});
    co_return !error;
  }
  Task<bool> begin(tcp::socket&, Session&, const std::string&) { co_return true; }

  // Tells the other end of TLS that this is the end, and does not wait for it to say the same.
  Task<void> say_goodbye(TlsStream& stream, Session& session) {
    if (SSL_is_init_finished(stream.native_handle()) != 1) co_return;
    SSL_set_shutdown(stream.native_handle(),
                     SSL_get_shutdown(stream.native_handle()) | SSL_RECEIVED_SHUTDOWN);
    session.expect_within(kGoodbyeWait);
    co_await stream.async_shutdown(kAwait);
  }
  Task<void> say_goodbye(tcp::socket&, Session&) { co_return; }

  // Tells a connection that is one too many, before it has asked anything.
  Task<void> turn_away(tcp::socket socket) {
    if (stopping_) {
      --turned_away_;
      co_return;
    }
    Session session(socket);
    sessions_.insert(&session);
    try {
      std::string out;
      append_response(out,
                      render_error_(Request{}, Error(Code::kUnavailable, "connections_max_reached",
                                                     "The hub has as many connections as it takes; "
                                                     "try again later.")),
                      kClose, false);
      session.expect_within(kGoodbyeWait);
      co_await asio::async_write(socket, asio::buffer(out), kAwait);
      co_await read_rest(session);
    } catch (const std::exception& e) {
      log_.error("session_failed", {{"what", e.what()}});
    }
    --turned_away_;
    leave(session);
  }

  // One request and its answer. False: the connection is to be closed.
  template <class Stream>
  Task<bool> serve_request(Stream& stream, Session& session, beast::flat_buffer& buffer,
                           const std::string& peer, std::string& out) {
    Parser parser;
    parser.header_limit(limits_.header_bytes_max);
    parser.body_limit(limits_.body_bytes_max);

    if (buffer.size() == 0) {
      // Ten thousand connections that once sent or got something large must not keep room for it.
      if (buffer.capacity() > kIdleBytesMax) buffer.shrink_to_fit();
      if (out.capacity() > kIdleBytesMax) out = std::string();
      session.idle = true;
      session.expect_within(limits_.idle);
      auto [error, count] =
          co_await stream.async_read_some(buffer.prepare(kFirstReadBytes), kAwait);
      if (error) co_return false;
      buffer.commit(count);
    }
    session.idle = false;
    session.expect_within(limits_.header);
    std::size_t head_bytes = 0;
    auto head_error = parse_head(parser, buffer, head_bytes, limits_.header_bytes_max);
    while (head_error == http::error::need_more) {
      auto [error, count] =
          co_await stream.async_read_some(buffer.prepare(kFirstReadBytes), kAwait);
      buffer.commit(count);
      head_error = error ? error : parse_head(parser, buffer, head_bytes, limits_.header_bytes_max);
    }
    if (head_error) co_return co_await refuse(stream, session, parser, peer, head_error);
    if (auto framing = check_framing(parser.get()); !framing) {
      co_return co_await refuse(stream, session, parser, peer, framing.error());
    }
    if (!parser.is_done()) {
      session.expect_within(limits_.body);
      if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        co_await asio::async_write(stream, asio::buffer(go_on), kAwait);
      }
      auto [body_error, body_bytes] = co_await http::async_read(stream, buffer, parser, kAwait);
      if (body_error) co_return co_await refuse(stream, session, parser, peer, body_error);
    }
    session.deadline = Deadline::never();

    Request request = take_head(parser.get(), peer);
    request.body = std::move(parser.get().body());
    const Response response = co_await handle(request);
    const bool keep_alive = parser.get().keep_alive() && !response.close && !stopping_;
    out.clear();
    append_response(out, response, connection_header(keep_alive, parser.get().version()),
                    request.method == "HEAD");
    session.expect_within(limits_.write);
    auto [write_error, written] = co_await asio::async_write(stream, asio::buffer(out), kAwait);
    co_return !write_error && keep_alive;
  }

  Task<Response> handle(Request& request) {
    try {
      co_return co_await handler_(request);
    } catch (const std::exception& e) {
      log_.error("handler_failed", {{"path", request.path}, {"what", e.what()}});
    }
    Response response = render_error_(
        request, Error(Code::kInternal, "handler_failed", "The hub failed at this request."));
    response.close = true;
    co_return response;
  }

  template <class Stream>
  Task<bool> refuse(Stream& stream, Session& session, const Parser& parser, const std::string& peer,
                    beast::error_code error) {
    const auto told =
        read_error(session.timed_out ? beast::error_code(beast::error::timeout) : error, limits_);
    if (!told) co_return false;
    co_return co_await refuse(stream, session, parser, peer, *told);
  }

  // Answers what cannot be handled, and closes: where the next request begins is unknown.
  template <class Stream>
  Task<bool> refuse(Stream& stream, Session& session, const Parser& parser, const std::string& peer,
                    Error error) {
    const Response response = render_error_(take_head(parser.get(), peer), error);
    std::string out;
    append_response(out, response, kClose, parser.get().method() == http::verb::head);
    session.expect_within(kRefusalWait);
    co_await asio::async_write(stream, asio::buffer(out), kAwait);
    co_await say_goodbye(stream, session);
    session.expect_within(kRefusalWait);
    co_await read_rest(session);
    co_return false;
  }

  // A client that is still sending would be reset, and lose the answer, if we closed at once
  // (RFC 9112 §9.6): read a little of the rest first.
  Task<void> read_rest(Session& session) {
    beast::error_code ignored;
    session.socket.shutdown(tcp::socket::shutdown_send, ignored);
    std::array<char, 16 * 1024> rest;
    for (int reads = 0; reads < kRefusedReadsMax; ++reads) {
      auto [read_error, count] =
          co_await session.socket.async_read_some(asio::buffer(rest), kAwait);
      if (read_error) break;
    }
  }

  asio::io_context& context_;
  Log& log_;
  const ServerLimits limits_;
  const Handler handler_;
  const ErrorRenderer render_error_;
  tcp::acceptor acceptor_;
  asio::steady_timer watch_timer_;
  const std::chrono::milliseconds interval_ = watch_interval(limits_);
  std::set<Session*> sessions_;
  std::size_t connections_ = 0;  // Counted when they are accepted, which is before their session.
  std::size_t turned_away_ = 0;
  std::shared_ptr<const ServerCertificate> certificate_;  // Null: plain HTTP.
  bool stopping_ = false;
  Deadline give_up_ = Deadline::never();  // When stop()'s patience ends.
  TaskGroup tasks_;
};

HttpServer::HttpServer(asio::io_context& context, Log& log, ServerLimits limits, Handler handler,
                       ErrorRenderer render_error)
    : impl_(std::make_unique<Impl>(context, log, limits, std::move(handler),
                                   std::move(render_error))) {}
HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen(const std::string& host, std::uint16_t port) {
  return impl_->listen(host, port);
}
void HttpServer::use_certificate(std::shared_ptr<const ServerCertificate> certificate) {
  impl_->use_certificate(std::move(certificate));
}
Task<void> HttpServer::stop(std::chrono::milliseconds patience) { return impl_->stop(patience); }
std::size_t HttpServer::connections() const { return impl_->connections(); }

}  // namespace waybill::net
