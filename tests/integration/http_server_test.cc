#include "net/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "integration/peer.h"

namespace waybill::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

// "POST /path?query from 127.0.0.1: body"
Task<Response> echo(Request& request) {
  std::string text = request.method + " " + request.path;
  if (!request.query.empty()) text += "?" + request.query;
  text += " from " + request.peer + ": " + request.body;
  co_return Response::with_body(200, "text/plain", std::move(text));
}

Task<Response> answer(Response response) { co_return response; }

// Waits until a test lets it go on.
class Gate {
 public:
  explicit Gate(Loop& loop)
      : timer_(loop.context(), boost::asio::steady_timer::time_point::max()) {}

  Task<Response> pass(Request& request) {
    ++waiting_;
    if (!open_) {
      co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    --waiting_;
    co_return co_await echo(request);
  }
  void open() {
    open_ = true;
    timer_.cancel();
  }
  int waiting() const { return waiting_; }

 private:
  boost::asio::steady_timer timer_;
  bool open_ = false;
  int waiting_ = 0;
};

class HttpServerTest : public testing::Test {
 protected:
  ~HttpServerTest() override {
    if (server_) loop_.await(server_->stop(0ms));
  }

  void serve(Handler handler = echo) {
    server_ = std::make_unique<HttpServer>(
        loop_.context(), log_, limits_,
        [this, handler = std::move(handler)](Request& request) {
          ++handled_;
          return handler(request);
        },
        [](const Request& request, const Error& error) {
          return Response::with_body(status_of(error), "text/plain",
                                     error.reason + " at " + request.path);
        });
    const auto port = server_->listen("127.0.0.1", 0);
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }
  Peer connect() { return {loop_, port_}; }
  // What is answered to `text` until the end of the connection.
  std::string ask(std::string_view text) {
    Peer peer = connect();
    peer.send(text);
    peer.end();
    return peer.read_to_end();
  }
  void expect_still_serving() {
    Peer peer = connect();
    peer.send("GET /still HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(peer.read().body, "GET /still from 127.0.0.1: ");
  }
  void until_all_have_left() {
    loop_.run_until([&] { return server_->connections() == 0; });
  }

  Loop loop_;
  Log log_{Log::Level::kOff};
  ServerLimits limits_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  int handled_ = 0;
};

// --- Requests
// ---------------------------------------------------------------------------------------

TEST_F(HttpServerTest, HandsARequestOverAndSendsTheAnswer) {
  Request seen;
  serve([&](Request& request) {
    seen = request;
    return answer(Response::json(201, R"({"a":1})"));
  });
  Peer peer = connect();
  peer.send(
      "POST /a/b%20c?d=e&f HTTP/1.1\r\nHost: example.com\r\nX-One: 1\r\nx-one:  2 \r\n"
      "Content-Length: 4\r\n\r\n");
  peer.send(std::string_view("b\0dy", 4));
  const Message message = peer.read();

  EXPECT_EQ(message.start, "HTTP/1.1 201 Created");
  EXPECT_EQ(message.header("content-type"), "application/json");
  EXPECT_EQ(message.header("content-length"), "7");
  EXPECT_EQ(message.header("connection"), "-");
  EXPECT_EQ(message.body, R"({"a":1})");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/a/b%20c");
  EXPECT_EQ(seen.query, "d=e&f");
  EXPECT_EQ(seen.header("host"), "example.com");
  EXPECT_EQ(seen.header("X-ONE"), "1");
  ASSERT_EQ(seen.headers.size(), 4u);
  EXPECT_EQ(seen.headers[2].value, "2");
  EXPECT_EQ(seen.body, std::string_view("b\0dy", 4));
  EXPECT_EQ(seen.peer, "127.0.0.1");
}

TEST_F(HttpServerTest, TakesMethodsItHasNeverHeardOf) {
  serve();
  EXPECT_THAT(ask("BREW /pot HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              HasSubstr("BREW /pot from"));
}

TEST_F(HttpServerTest, JoinsAChunkedBody) {
  serve();
  Peer peer = connect();
  peer.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\n1;extension=x\r\nd\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(peer.read().body, "POST / from 127.0.0.1: abcd0123456789");
  peer.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(peer.read().body, "GET /next from 127.0.0.1: ");
}

TEST_F(HttpServerTest, ReadsARequestThatComesByteByByte) {
  serve();
  Peer peer = connect();
  for (const char c :
       std::string_view("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")) {
    ASSERT_TRUE(peer.send(std::string_view(&c, 1)));
    loop_.poll();
  }
  EXPECT_EQ(peer.read().body, "POST /slow from 127.0.0.1: abc");
}

TEST_F(HttpServerTest, SendsNoBodyInAnswerToHead) {
  serve();
  Peer peer = connect();
  peer.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(peer.read(/*is_head=*/true).header("content-length"), "24");
  EXPECT_EQ(peer.read().body, "GET /b from 127.0.0.1: ");
}

TEST_F(HttpServerTest, SendsNoContentLengthWithoutContent) {
  serve([](Request&) {
    Response response;
    response.status = 204;
    return answer(response);
  });
  Peer peer = connect();
  peer.send("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message message = peer.read();
  EXPECT_EQ(message.start, "HTTP/1.1 204 No Content");
  EXPECT_EQ(message.header("content-length"), "-");
}

// --- Connections
// ------------------------------------------------------------------------------------

TEST_F(HttpServerTest, KeepsTheConnectionAsTheClientWishes) {
  serve();
  struct Case {
    const char* head;
    bool kept;
    const char* connection;
  };
  for (const Case& c : {Case{"GET / HTTP/1.1\r\nHost: a\r\n", true, "-"},
                        Case{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", false, "close"},
                        Case{"GET / HTTP/1.0\r\n", false, "close"},
                        Case{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", true, "keep-alive"}}) {
    Peer peer = connect();
    peer.send(std::string(c.head) + "\r\n");
    const Message first = peer.read();
    EXPECT_EQ(first.status(), "200") << c.head;
    EXPECT_EQ(first.header("connection"), c.connection) << c.head;
    peer.send(std::string(c.head) + "\r\n");
    EXPECT_EQ(peer.read().status(), c.kept ? "200" : "") << c.head;
  }
}

TEST_F(HttpServerTest, EndsTheConnectionAsTheHandlerWishes) {
  serve([](Request&) {
    Response response;
    response.close = true;
    return answer(response);
  });
  Peer peer = connect();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(peer.read().header("connection"), "close");
  EXPECT_EQ(peer.read_to_end(), "");
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
  serve();
  Peer peer = connect();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    all += "PUT /" + std::to_string(i) +
           " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n";
  }
  peer.send_later(all);
  for (int i = 0; i < 50; ++i) {
    const std::string path = "/" + std::to_string(i);
    ASSERT_EQ(peer.read().body, "POST " + path + " from 127.0.0.1: abc");
    ASSERT_EQ(peer.read().body, "PUT " + path + " from 127.0.0.1: de");
  }
}

TEST_F(HttpServerTest, ServesManyConnectionsAtOnce) {
  Gate gate(loop_);
  serve([&](Request& request) { return gate.pass(request); });
  std::vector<Peer> peers;
  for (int i = 0; i < 50; ++i) {
    peers.push_back(connect());
    peers.back().send("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  loop_.run_until([&] { return gate.waiting() == 50; });
  EXPECT_EQ(server_->connections(), 50u);
  gate.open();
  for (std::size_t i = 0; i < peers.size(); ++i) {
    EXPECT_EQ(peers[i].read().body, "GET /" + std::to_string(i) + " from 127.0.0.1: ");
  }
}

TEST_F(HttpServerTest, TakesNoMoreConnectionsThanTheLimit) {
  limits_.connections_max = 2;
  serve();
  Peer first = connect();
  Peer second = connect();
  for (Peer* peer : {&first, &second}) {
    peer->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(peer->read().status(), "200");
  }
  Peer third = connect();
  const std::string answered = third.read_to_end();
  EXPECT_THAT(answered, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answered, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answered, testing::EndsWith("connections_max_reached at "));
  EXPECT_EQ(server_->connections(), 2u);
  EXPECT_EQ(handled_, 2);

  first.close();
  loop_.run_until([&] { return server_->connections() == 1; });
  expect_still_serving();
}

// A client that asks before it reads must not lose the answer to a reset.
TEST_F(HttpServerTest, TellsAConnectionBeyondTheLimitThoughItIsStillSending) {
  limits_.connections_max = 0;
  serve();
  Peer peer = connect();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
    loop_.poll();
  }
  EXPECT_EQ(peer.read().status(), "503");
  EXPECT_EQ(handled_, 0);
}

// Turning away must not become a way to hold connections.
TEST_F(HttpServerTest, LetsGoOfConnectionsBeyondTheLimitThatDoNotLeave) {
  limits_.connections_max = 0;
  serve();
  std::vector<Peer> peers;
  for (int i = 0; i < 300; ++i) peers.push_back(connect());
  int told = 0;
  for (Peer& peer : peers) {
    const std::string answered = peer.read_to_end();
    EXPECT_TRUE(answered.empty() || answered.starts_with("HTTP/1.1 503 ")) << answered;
    told += answered.empty() ? 0 : 1;
  }
  EXPECT_GE(told, 200);
  const Stopwatch watch;
  loop_.await(server_->stop(kPatience));
  EXPECT_LT(watch.elapsed(), kPatience / 2);
}

TEST_F(HttpServerTest, ForgetsAClientThatLeavesAtAnyByte) {
  serve();
  const std::string request =
      "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t sent = 0; sent < request.size(); ++sent) {
    for (const bool reset : {false, true}) {
      Peer peer = connect();
      peer.send(request.substr(0, sent));
      loop_.poll();
      if (reset) {
        peer.reset();
      } else {
        peer.end();
        const std::string answered = peer.read_to_end();
        EXPECT_TRUE(answered.empty() || answered.starts_with("HTTP/1.1 400")) << sent << answered;
      }
    }
  }
  until_all_have_left();
  EXPECT_EQ(handled_, 0);
  expect_still_serving();
}

TEST_F(HttpServerTest, LetsTheHandlerEndWhenTheClientHasLeft) {
  Gate gate(loop_);
  serve([&](Request& request) { return gate.pass(request); });
  Peer peer = connect();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.run_until([&] { return gate.waiting() == 1; });
  peer.reset();
  loop_.poll();
  EXPECT_EQ(gate.waiting(), 1);
  gate.open();
  until_all_have_left();
  expect_still_serving();
}

TEST_F(HttpServerTest, AnswersForAHandlerThatThrows) {
  serve([](Request& request) -> Task<Response> {
    if (request.path == "/still") return echo(request);
    throw std::runtime_error("a bug in a handler");
  });
  Peer peer = connect();
  peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message message = peer.read();
  EXPECT_EQ(message.status(), "500");
  EXPECT_EQ(message.body, "handler_failed at /a");
  EXPECT_EQ(peer.read_to_end(), "");
  until_all_have_left();
  expect_still_serving();
}

// --- Expect: 100-continue
// ---------------------------------------------------------------------------

TEST_F(HttpServerTest, TellsAClientThatWaitsToGoOn) {
  serve();
  Peer peer = connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(peer.read().start, "HTTP/1.1 100 Continue");
  peer.send("abc");
  EXPECT_EQ(peer.read().body, "POST / from 127.0.0.1: abc");
}

TEST_F(HttpServerTest, TellsAClientThatWaitsNotToSendTooMuch) {
  limits_.body_bytes_max = 10;
  serve();
  Peer peer = connect();
  peer.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read().start, "HTTP/1.1 413 Content Too Large");
}

// --- Refusals
// ---------------------------------------------------------------------------------------

TEST_F(HttpServerTest, RefusesWhatIsMalformedOrAmbiguous) {
  serve();
  struct Case {
    const char* what;
    std::string text;
    const char* reason;
  };
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  const std::string chunk = "3\r\nabc\r\n0\r\n\r\n";
  for (const Case& c : {
           Case{"no HTTP", "\x16\x03\x01\x02\xfc\x01\xfc\x03\x03 TLS\r\n\r\n", "malformed_http"},
           Case{"words", "hello\r\n\r\n", "malformed_http"},
           Case{"another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "malformed_http"},
           Case{"no version", "GET /\r\nHost: a\r\n\r\n", "malformed_http"},
           Case{"space in the path", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "malformed_http"},
           Case{"header without a colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", "malformed_http"},
           Case{"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "malformed_http"},
           Case{"control character", "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", "malformed_http"},
           Case{"line feeds alone", "GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", "malformed_http"},
           Case{"length is a word", post + "Content-Length: x\r\n\r\nabc", "malformed_http"},
           Case{"length below zero", post + "Content-Length: -1\r\n\r\nabc", "malformed_http"},
           Case{"length with a sign", post + "Content-Length: +3\r\n\r\nabc", "malformed_http"},
           Case{"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                "malformed_http"},
           Case{"a list of lengths", post + "Content-Length: 3, 4\r\n\r\nabcd", "malformed_http"},
           // Beast takes it for 3.
           Case{"a list of one length", post + "Content-Length: 3, 3\r\n\r\nabc", "malformed_http"},
           Case{"the same length twice", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
                "malformed_http"},
           Case{"length beyond 64 bits", post + "Content-Length: 99999999999999999999\r\n\r\nabc",
                "malformed_http"},
           Case{"bad chunk size", post + "Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n0\r\n\r\n",
                "malformed_http"},
           Case{"chunk longer than it says",
                post + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", "malformed_http"},
           Case{"chunk size beyond 64 bits",
                post + "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\nabc\r\n0\r\n\r\n",
                "malformed_http"},
           Case{"both lengths",
                post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
                "malformed_http"},
           Case{"both lengths, the other way",
                post + "Transfer-Encoding: chunked\r\nContent-Length: 13\r\n\r\n" + chunk,
                "malformed_http"},
           Case{"gzip", post + "Transfer-Encoding: gzip\r\n\r\nabc",
                "transfer_encoding_unsupported"},
           Case{"gzip and chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunk,
                "transfer_encoding_unsupported"},
           Case{"chunked twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n" + chunk,
                "transfer_encoding_unsupported"},
           Case{"two codings",
                post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
                "malformed_http"},
           Case{"chunked and identity",
                post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunk,
                "malformed_http"},
           Case{"vertical tab",
                post +
                    "Transfer-Encoding: \x0b"
                    "chunked\r\n\r\n" +
                    chunk,
                "malformed_http"},
           Case{"chunked in HTTP/1.0",
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
                "transfer_encoding_unsupported"},
       }) {
    const std::string answered = ask(c.text + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(answered, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << c.what;
    EXPECT_THAT(answered, HasSubstr(std::string(c.reason) + " at ")) << c.what;
    EXPECT_THAT(answered, HasSubstr("Connection: close\r\n")) << c.what;
    EXPECT_EQ(answered.find("HTTP/1.1", 1), std::string::npos)
        << c.what << ": one answer, not more";
  }
  EXPECT_EQ(handled_, 0);
  expect_still_serving();
}

TEST_F(HttpServerTest, RefusesAHeadThatIsTooLarge) {
  limits_.header_bytes_max = 1000;
  serve();
  const auto request = [](std::size_t padding) {
    return "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + std::string(padding, 'x') +
           "\r\n\r\n";
  };
  EXPECT_THAT(ask(request(900)), StartsWith("HTTP/1.1 200 OK\r\n"));
  for (const std::size_t padding : {1000u, 5000u, 500'000u}) {
    EXPECT_THAT(ask(request(padding)), StartsWith("HTTP/1.1 431 ")) << padding;
  }
  EXPECT_THAT(ask("GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"),
              HasSubstr("header_too_large at "));
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 500; ++i) many += "X: y\r\n";
  EXPECT_THAT(ask(many + "\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(handled_, 1);
}

// Beast measures a head from the last field it has read, so that a head without end was read, and
// kept, as long as each piece ended with the first letter of the next field.
TEST_F(HttpServerTest, RefusesAHeadThatIsTooLargeHoweverItIsSent) {
  limits_.header_bytes_max = 1000;
  serve();
  Peer peer = connect();
  peer.send("GET / HTTP/1.1\r\nX");
  for (int i = 0; i < 20; ++i) {
    loop_.poll();
    peer.send(": " + std::string(95, 'y') + "\r\nX");
  }
  peer.send(": y\r\n\r\n");
  EXPECT_EQ(peer.read().status(), "431");
  EXPECT_EQ(handled_, 0);
  expect_still_serving();
}

TEST_F(HttpServerTest, RefusesABodyThatIsTooLargeAndTakesOneThatFits) {
  limits_.body_bytes_max = 100'000;
  serve();
  const auto with_length = [](std::size_t size) {
    return "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " +
           std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
  };
  const auto chunked = [](std::size_t size) {
    std::string text =
        "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t i = 0; i < size / 1000; ++i)
      text += "3e8\r\n" + std::string(1000, 'x') + "\r\n";
    return text + (size % 1000 ? "1\r\nx\r\n0\r\n\r\n" : "0\r\n\r\n");
  };
  for (const std::string& fits : {with_length(100'000), chunked(100'000)}) {
    EXPECT_THAT(ask(fits), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  // Also when it is so large that the client is still sending when it is answered.
  for (const std::string& large :
       {with_length(100'001), with_length(1'500'000), chunked(100'001), chunked(1'500'000)}) {
    Peer peer = connect();
    EXPECT_TRUE(peer.send(large)) << "a reset while it is sending could cost it the answer";
    const Message message = peer.read();
    EXPECT_EQ(message.status(), "413") << large.size();
    EXPECT_EQ(message.body, "body_too_large at /a");
  }
  EXPECT_EQ(handled_, 2);
  expect_still_serving();
}

TEST_F(HttpServerTest, RefusesABodyBeforeItIsSent) {
  limits_.body_bytes_max = 10;
  serve();
  Peer peer = connect();
  peer.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(peer.read().status(), "413");
}

// --- Deadlines
// --------------------------------------------------------------------------------------

TEST_F(HttpServerTest, TellsAClientThatIsTooSlow) {
  struct Case {
    std::chrono::milliseconds ServerLimits::* limit;
    const char* text;
  };
  const char* post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  const char* cut = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab";
  const char* chunk = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na";
  for (const Case& c : {Case{&ServerLimits::header, "G"},
                        Case{&ServerLimits::header, "GET / HTTP/1.1\r\nHost: a\r\n"},
                        Case{&ServerLimits::body, post}, Case{&ServerLimits::body, cut},
                        Case{&ServerLimits::body, chunk}}) {
    if (server_) loop_.await(server_->stop(0ms));
    limits_ = {};
    limits_.header = limits_.body = limits_.idle = 10 * kPatience;
    limits_.*c.limit = 100ms;
    serve();
    Peer peer = connect();
    peer.send(c.text);
    const Message message = peer.read();
    EXPECT_EQ(message.start, "HTTP/1.1 408 Request Timeout") << c.text;
    EXPECT_EQ(message.header("connection"), "close");
    EXPECT_THAT(message.body, StartsWith("request_timeout at "));
    EXPECT_EQ(peer.read_to_end(), "");
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, GivesABodyItsOwnTime) {
  limits_.header = 50ms;
  serve();
  Peer peer = connect();
  peer.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
  bool later = false;
  boost::asio::steady_timer timer(loop_.context(), 200ms);
  timer.async_wait([&](boost::system::error_code) { later = true; });
  loop_.run_until([&] { return later; });
  peer.send("abc");
  EXPECT_EQ(peer.read().status(), "200");
}

// A deadline is for the whole of a head or body: a byte now and then does not put it off.
TEST_F(HttpServerTest, IsNotHeldUpByAClientThatSendsAByteNowAndThen) {
  struct Case {
    const char* what;
    const char* start;
    const char* drop;
  };
  for (const Case& c :
       {Case{"request line", "G", "E"}, Case{"head", "GET / HTTP/1.1\r\n", "X: y\r\n"},
        Case{"body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", "x"},
        Case{"chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
             "1\r\nx\r\n"},
        Case{"one chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
             "x"}}) {
    if (server_) loop_.await(server_->stop(0ms));
    limits_.header = limits_.body = 150ms;
    serve();
    Peer peer = connect();
    peer.send(c.start);
    const Stopwatch watch;
    bool answered = false;
    boost::asio::steady_timer timer(loop_.context());
    while (!answered && watch.elapsed() < 10s) {
      bool fired = false;
      timer.expires_after(20ms);
      timer.async_wait([&](boost::system::error_code) { fired = true; });
      loop_.run_until([&] { return fired; });
      answered = peer.socket().available() > 0;
      if (!answered) peer.send(c.drop);
    }
    EXPECT_EQ(peer.read().status(), "408") << c.what;
    EXPECT_LT(watch.elapsed(), 5s) << c.what;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, ClosesAnIdleConnectionWithoutAWord) {
  limits_.idle = 300ms;
  serve();
  EXPECT_EQ(connect().read_to_end(), "");
  Peer peer = connect();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(peer.read().status(), "200");
  EXPECT_EQ(peer.read_to_end(), "");
  until_all_have_left();
}

TEST_F(HttpServerTest, GivesUpOnAClientThatDoesNotReadItsAnswer) {
  limits_.write = 100ms;
  serve([](Request&) {
    return answer(Response::with_body(200, "text/plain", std::string(64 * 1024 * 1024, 'x')));
  });
  Peer peer = connect();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.run_until([&] { return handled_ == 1; });
  until_all_have_left();
}

TEST_F(HttpServerTest, DoesNotHurryItsHandlers) {
  limits_.idle = limits_.header = limits_.body = limits_.write = 300ms;
  Gate gate(loop_);
  serve([&](Request& request) { return gate.pass(request); });
  Peer peer = connect();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.run_until([&] { return gate.waiting() == 1; });
  bool later = false;
  boost::asio::steady_timer timer(loop_.context(), 600ms);
  timer.async_wait([&](boost::system::error_code) { later = true; });
  loop_.run_until([&] { return later; });
  gate.open();
  EXPECT_EQ(peer.read().status(), "200");
}

// --- Start and stop
// ---------------------------------------------------------------------------------

TEST_F(HttpServerTest, NamesAnAddressThatItCannotListenOn) {
  serve();
  HttpServer second(loop_.context(), log_, {}, echo, nullptr);
  const auto in_use = second.listen("127.0.0.1", port_);
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().code, Code::kUnavailable);
  EXPECT_EQ(in_use.error().reason, "address_in_use");
  EXPECT_THAT(in_use.error().message, HasSubstr("127.0.0.1:" + std::to_string(port_)));
  for (const char* host : {"192.0.2.1", "example.com", ""}) {
    HttpServer third(loop_.context(), log_, {}, echo, nullptr);
    const auto not_ours = third.listen(host, 0);
    ASSERT_FALSE(not_ours) << host;
    EXPECT_EQ(not_ours.error().reason, "address_not_ours") << host;
    EXPECT_THAT(not_ours.error().message, HasSubstr(host));
  }
}

TEST_F(HttpServerTest, StopEndsIdleConnectionsAtOnceAndTakesNoMore) {
  serve();
  Peer unused = connect();
  Peer used = connect();
  used.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(used.read().status(), "200");
  loop_.run_until([&] { return server_->connections() == 2; });

  const Stopwatch watch;
  loop_.await(server_->stop(kPatience));
  EXPECT_LT(watch.elapsed(), kPatience / 2);
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_EQ(unused.read_to_end(), "");
  EXPECT_EQ(used.read_to_end(), "");
  EXPECT_THROW(connect(), std::runtime_error);
}

TEST_F(HttpServerTest, StopWaitsForARequestUnderWay) {
  Gate gate(loop_);
  serve([&](Request& request) { return gate.pass(request); });
  Peer peer = connect();
  peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.run_until([&] { return gate.waiting() == 1; });
  bool stopped = false;
  loop_.start(server_->stop(kPatience), stopped);
  loop_.poll();
  EXPECT_THROW(connect(), std::runtime_error);
  EXPECT_FALSE(stopped);

  gate.open();
  const Message message = peer.read();
  EXPECT_EQ(message.body, "GET /a from 127.0.0.1: ");
  EXPECT_EQ(message.header("connection"), "close");
  loop_.run_until([&] { return stopped; });
  EXPECT_EQ(peer.read_to_end(), "");
}

TEST_F(HttpServerTest, StopLosesPatienceWithASlowClient) {
  serve();
  Peer peer = connect();
  peer.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab");
  loop_.run_until([&] { return server_->connections() == 1; });
  loop_.poll();
  loop_.await(server_->stop(50ms));
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_EQ(peer.read_to_end(), "");
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, StopLosesPatienceButWaitsForTheHandler) {
  Gate gate(loop_);
  serve([&](Request& request) { return gate.pass(request); });
  Peer peer = connect();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.run_until([&] { return gate.waiting() == 1; });
  bool stopped = false;
  loop_.start(server_->stop(10ms), stopped);
  EXPECT_EQ(peer.read_to_end(), "") << "the connection is ended";
  EXPECT_FALSE(stopped);
  gate.open();
  loop_.run_until([&] { return stopped; });
}

// A process that is told to end at once does not wait for its connections.
TEST_F(HttpServerTest, MayEndWithItsContextWhileConnectionsAreOpen) {
  auto context = std::make_unique<boost::asio::io_context>();
  auto server = std::make_unique<HttpServer>(*context, log_, ServerLimits{}, echo, nullptr);
  const std::uint16_t port = server->listen("127.0.0.1", 0).value();
  boost::asio::ip::tcp::socket idle(loop_.context());
  idle.connect({boost::asio::ip::address_v4::loopback(), port});
  while (server->connections() == 0) context->run_one();
  context->stop();
  server.reset();
  context.reset();
}

}  // namespace
}  // namespace waybill::net
