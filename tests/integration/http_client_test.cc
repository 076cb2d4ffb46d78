#include "net/http_client.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/certificates.h"
#include "integration/peer.h"

namespace waybill::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::HasSubstr;

using Answer = Result<ClientResponse>;
using Addresses = std::vector<asio::ip::address>;

constexpr std::size_t kAnswerBytesMax = 64 * 1024;

std::string outcome(const Answer& answer) {
  if (answer) return std::to_string(answer->status);
  return std::string(code_name(answer.error().code)) + " " + answer.error().reason;
}

class HttpClientTest : public testing::Test {
 protected:
  HttpClientTest() { make_client({}); }

  void make_client(ClientOptions options, bool allow_private_networks = true) {
    make_client(std::move(options), EgressGuard(allow_private_networks));
  }
  void make_client(ClientOptions options, EgressGuard guard) {
    client_ = std::make_unique<HttpClient>(loop_.context(), std::move(guard), std::move(options));
  }

  ClientRequest to(const std::string& url) {
    ClientRequest request;
    request.url = parse_url(url).value();
    request.body = "hello";
    return request;
  }
  ClientRequest to_listener(const std::string& target = "/hook") {
    return to("http://127.0.0.1:" + std::to_string(listener_.port()) + target);
  }
  // Starts to send; `answer()` waits for the end of it.
  void send(ClientRequest request) {
    answer_.reset();
    loop_.start(client_->send(std::move(request)), answer_);
  }
  Answer answer() {
    loop_.run_until([&] { return answer_.has_value(); });
    return *std::exchange(answer_, std::nullopt);
  }
  // The answer if the other end, once it has read the request, writes `text` and ends the
  // connection.
  Answer answer_to(std::string_view text, ClientRequest request) {
    send(std::move(request));
    Peer peer = listener_.accept();
    peer.read();
    peer.send(text);
    peer.close();
    return answer();
  }
  Answer answer_to(std::string_view text) { return answer_to(text, to_listener()); }

  static constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  Loop loop_;
  Listener listener_{loop_};
  std::unique_ptr<HttpClient> client_;
  std::optional<Answer> answer_;
};

// --- Requests and answers
// ---------------------------------------------------------------------------

TEST_F(HttpClientTest, SendsARequestAndReturnsTheAnswer) {
  ClientRequest request = to_listener("/a?b=c");
  request.headers = {{"Content-Type", "application/json"}, {"X-Signature", "abc"}};
  request.body = std::string("b\0dy", 4);
  send(request);
  Peer peer = listener_.accept();
  const Message got = peer.read();
  EXPECT_EQ(got.start, "POST /a?b=c HTTP/1.1");
  EXPECT_EQ(got.header("host"), "127.0.0.1:" + std::to_string(listener_.port()));
  EXPECT_EQ(got.header("user-agent"), "Waybill");
  EXPECT_EQ(got.header("content-type"), "application/json");
  EXPECT_EQ(got.header("x-signature"), "abc");
  EXPECT_EQ(got.header("content-length"), "4");
  EXPECT_EQ(got.header("connection"), "-");
  EXPECT_EQ(got.body, request.body);

  peer.send("HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nRetry-After: 7\r\n\r\nthere");
  const Answer answered = answer();
  ASSERT_EQ(outcome(answered), "202");
  EXPECT_EQ(answered->body, "there");
  EXPECT_FALSE(answered->cut);
  ASSERT_NE(find_header(answered->headers, "retry-after"), nullptr);
  EXPECT_EQ(*find_header(answered->headers, "retry-after"), "7");
}

// Two of them would not be what the platform sends.
TEST_F(HttpClientTest, ARequestsOwnUserAgentReplacesTheClients) {
  ClientRequest request = to_listener("/");
  request.headers = {{"user-agent", "PeptideClients-Webhook/1.0"}};
  send(request);
  Peer peer = listener_.accept();
  const Message got = peer.read();
  std::vector<std::string> agents;
  for (const auto& [name, value] : got.headers) {
    if (same_header_name(name, "User-Agent")) agents.push_back(value);
  }
  EXPECT_EQ(agents, std::vector<std::string>{"PeptideClients-Webhook/1.0"});
  peer.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(outcome(answer()), "204");
}

TEST_F(HttpClientTest, SendsGetWithoutALengthAndPostWithoutABodyWithOne) {
  for (const auto& [method, length] : {std::pair("GET", "-"), std::pair("POST", "0")}) {
    ClientRequest request = to_listener();
    request.method = method;
    request.body.clear();
    send(request);
    Peer peer = listener_.accept();
    EXPECT_EQ(peer.read().header("content-length"), length);
    peer.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(outcome(answer()), "204");
  }
}

TEST_F(HttpClientTest, RefusesAHeaderWithALineBreak) {
  for (const Header& header : {Header{"A", "b\r\nC: d"}, Header{"A\nB", "c"}, Header{"A", "\r"}}) {
    ClientRequest request = to_listener();
    request.headers = {header};
    send(request);
    EXPECT_EQ(outcome(answer()), "invalid header_invalid");
  }
  EXPECT_FALSE(listener_.has_caller());
}

TEST_F(HttpClientTest, ReadsAnswersOfEveryFraming) {
  struct Case {
    const char* what;
    const char* text;
    const char* body;
  };
  for (const Case& c :
       {Case{"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"},
        Case{
            "chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n0\r\n\r\n",
            "abc"},
        Case{"until the end", "HTTP/1.1 200 OK\r\n\r\nabc", "abc"},
        Case{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nabc", "abc"},
        Case{"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
        Case{"no reason phrase", "HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nabc", "abc"},
        Case{"interim answers first",
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
             "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
             "abc"}}) {
    const Answer answered = answer_to(c.text);
    ASSERT_EQ(outcome(answered), "200") << c.what;
    EXPECT_EQ(answered->body, c.body) << c.what;
    EXPECT_FALSE(answered->cut) << c.what;
  }
}

TEST_F(HttpClientTest, ReadsNoBodyAfterHead204And304) {
  ClientRequest head = to_listener();
  head.method = "HEAD";
  EXPECT_EQ(outcome(answer_to("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", head)), "200");
  EXPECT_EQ(outcome(answer_to("HTTP/1.1 204 No Content\r\n\r\n")), "204");
  EXPECT_EQ(outcome(answer_to("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n")), "304");
}

TEST_F(HttpClientTest, DoesNotFollowARedirect) {
  const std::string elsewhere = "http://127.0.0.1:" + std::to_string(listener_.port()) + "/else";
  for (const char* status : {"301", "302", "307", "308"}) {
    const Answer answered =
        answer_to("HTTP/1.1 " + std::string(status) + " Moved\r\nLocation: " + elsewhere +
                  "\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(outcome(answered), status);
    EXPECT_FALSE(listener_.has_caller());
  }
}

TEST_F(HttpClientTest, TakesAnAnswerThatComesBeforeTheRequestHasBeenRead) {
  ClientRequest request = to_listener();
  request.body = std::string(16 * 1024 * 1024, 'x');
  send(request);
  Peer peer = listener_.accept();
  peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  loop_.poll();
  peer.close();  // With the request unread, which resets the connection.
  EXPECT_EQ(outcome(answer()), "413");
}

// --- Large answers
// ----------------------------------------------------------------------------------

TEST_F(HttpClientTest, CutsALargeAnswerAndKeepsItsStatus) {
  const std::string big(kAnswerBytesMax + 1, 'x');
  for (const std::string& text :
       {"HTTP/1.1 503 Busy\r\nContent-Length: " + std::to_string(big.size()) + "\r\n\r\n" + big,
        "HTTP/1.1 503 Busy\r\nContent-Length: 99999999999\r\n\r\n" + big,
        "HTTP/1.1 503 Busy\r\n\r\n" + big,
        "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + big +
            "\r\n0\r\n\r\n"}) {
    send(to_listener());
    Peer peer = listener_.accept();
    peer.read();
    peer.send_later(text);
    const Answer answered = answer();
    ASSERT_EQ(outcome(answered), "503") << text.substr(0, 60);
    EXPECT_TRUE(answered->cut);
    EXPECT_EQ(answered->body, big.substr(0, kAnswerBytesMax));
    EXPECT_EQ(peer.read_to_end(), "") << "the connection is not kept";
  }
}

TEST_F(HttpClientTest, DoesNotCutAnAnswerThatFits) {
  const std::string big(kAnswerBytesMax, 'x');
  send(to_listener());
  Peer peer = listener_.accept();
  peer.read();
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + big);
  const Answer answered = answer();
  ASSERT_EQ(outcome(answered), "200");
  EXPECT_FALSE(answered->cut);
  EXPECT_EQ(answered->body, big);
}

TEST_F(HttpClientTest, CutsAnAnswerWithoutEnd) {
  send(to_listener());
  Peer peer = listener_.accept();
  peer.read();
  peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  int chunks = 0;
  while (!answer_ && chunks < 1000 && peer.send("3e8\r\n" + std::string(1000, 'x') + "\r\n")) {
    ++chunks;
    loop_.poll();
  }
  const Answer answered = answer();
  ASSERT_EQ(outcome(answered), "200");
  EXPECT_TRUE(answered->cut);
  EXPECT_LT(chunks, 1000);
}

TEST_F(HttpClientTest, ReadsAsMuchOfAnAnswerAsItsOptionsSay) {
  ClientOptions options;
  options.answer_bytes_max = 3'000'000;
  make_client(options);
  for (const bool fits : {true, false}) {
    const std::string big(options.answer_bytes_max + (fits ? 0 : 1), 'x');
    send(to_listener());
    Peer peer = listener_.accept();
    peer.read();
    peer.send_later("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(big.size()) +
                    "\r\n\r\n" + big);
    const Answer answered = answer();
    ASSERT_EQ(outcome(answered), "200");
    EXPECT_EQ(answered->cut, !fits);
    EXPECT_EQ(answered->body.size(), options.answer_bytes_max);
  }
}

// --- Failures
// ---------------------------------------------------------------------------------------

TEST_F(HttpClientTest, TellsWhatIsWrongWithAnAnswer) {
  struct Case {
    const char* what;
    std::string text;
    const char* outcome;
  };
  for (const Case& c : {
           Case{"nothing", "", "unavailable connection_lost"},
           Case{"half a head", "HTTP/1.1 200 OK\r\nConte", "unavailable connection_lost"},
           Case{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
                "unavailable connection_lost"},
           Case{"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
                "unavailable connection_lost"},
           Case{"interim alone", "HTTP/1.1 100 Continue\r\n\r\n", "unavailable connection_lost"},
           Case{"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "unavailable response_malformed"},
           Case{"bad status", "HTTP/1.1 abc OK\r\n\r\n", "unavailable response_malformed"},
           Case{"bad length", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                "unavailable response_malformed"},
           Case{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "unavailable response_malformed"},
           Case{"large head", "HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n",
                "unavailable response_malformed"},
       }) {
    const Answer answered = answer_to(c.text);
    EXPECT_EQ(outcome(answered), c.outcome) << c.what;
    if (!answered) EXPECT_THAT(answered.error().message, testing::EndsWith(".")) << c.what;
    EXPECT_FALSE(listener_.has_caller()) << c.what << ": a new connection is not tried again";
  }
}

// As RefusesAHeadThatIsTooLargeHoweverItIsSent of the server: Beast measured it from the last field
// it had read, so a receiver could fill the hub's memory until the deadline.
TEST_F(HttpClientTest, GivesUpOnAHeadWithoutEndHoweverItIsSent) {
  send(to_listener());
  Peer peer = listener_.accept();
  peer.read();
  peer.send("HTTP/1.1 200 OK\r\nX");
  int fields = 0;
  while (!answer_ && fields < 5000 && peer.send(": " + std::string(95, 'y') + "\r\nX")) {
    ++fields;
    loop_.poll();
  }
  EXPECT_EQ(outcome(answer()), "unavailable response_malformed");
  EXPECT_LT(fields, 5000);
}

TEST_F(HttpClientTest, GivesUpAfterManyInterimAnswers) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(outcome(answer_to(text)), "unavailable response_malformed");
}

TEST_F(HttpClientTest, TellsOfAReset) {
  send(to_listener());
  Peer peer = listener_.accept();
  peer.read();
  peer.reset();
  EXPECT_EQ(outcome(answer()), "unavailable connection_lost");
}

TEST_F(HttpClientTest, TellsWhereItCannotConnect) {
  const std::string url = "http://127.0.0.1:" + std::to_string(listener_.port()) + "/";
  listener_.close();
  send(to(url));
  const Answer answered = answer();
  EXPECT_EQ(outcome(answered), "unavailable connect_failed");
  EXPECT_THAT(answered.error().message, HasSubstr("127.0.0.1:"));
}

TEST_F(HttpClientTest, TellsWhichNameDoesNotResolve) {
  send(to("http://no..such.name/"));
  const Answer answered = answer();
  EXPECT_EQ(outcome(answered), "unavailable name_not_resolved");
  EXPECT_THAT(answered.error().message, HasSubstr("no..such.name"));
}

// --- Deadlines
// --------------------------------------------------------------------------------------

// A port whose queue of connections is full answers nothing at all, like a host that is switched
// off.
TEST_F(HttpClientTest, GivesUpConnecting) {
  Listener full(loop_, /*backlog=*/0);
  std::vector<asio::ip::tcp::socket> queue;
  for (int i = 0; i < 4; ++i) {
    queue.emplace_back(loop_.context());
    queue.back().async_connect(full.acceptor().local_endpoint(), [](boost::system::error_code) {});
  }
  loop_.poll();
  ClientRequest request = to("http://127.0.0.1:" + std::to_string(full.port()) + "/");
  request.deadlines.connect = 100ms;
  send(request);
  EXPECT_EQ(outcome(answer()), "timeout connect_timeout");
}

TEST_F(HttpClientTest, GivesUpWaitingForTheAnswer) {
  for (const bool by_first_byte : {true, false}) {
    ClientRequest request = to_listener();
    (by_first_byte ? request.deadlines.first_byte : request.deadlines.total) = 100ms;
    send(request);
    Peer peer = listener_.accept();
    peer.read();
    EXPECT_EQ(outcome(answer()), "timeout response_timeout");
    EXPECT_EQ(peer.read_to_end(), "") << "the connection is not kept";
    EXPECT_FALSE(listener_.has_caller());
  }
}

TEST_F(HttpClientTest, GivesUpOnOneWhoDoesNotReadTheRequest) {
  ClientRequest request = to_listener();
  request.body = std::string(16 * 1024 * 1024, 'x');
  request.deadlines.total = 100ms;
  send(request);
  Peer peer = listener_.accept();
  EXPECT_EQ(outcome(answer()), "timeout response_timeout");
}

// Neither a head nor a body that comes drop by drop can put the deadline off.
TEST_F(HttpClientTest, GivesUpOnAnAnswerThatDrips) {
  for (const char* start :
       {"HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"}) {
    ClientRequest request = to_listener();
    request.deadlines.total = 150ms;
    send(request);
    Peer peer = listener_.accept();
    peer.read();
    peer.send(start);
    const Stopwatch watch;
    asio::steady_timer timer(loop_.context());
    while (!answer_ && watch.elapsed() < 10s) {
      bool fired = false;
      timer.expires_after(10ms);
      timer.async_wait([&](boost::system::error_code) { fired = true; });
      loop_.run_until([&] { return fired; });
      peer.send("x");
    }
    EXPECT_EQ(outcome(answer()), "timeout response_timeout") << start;
    EXPECT_LT(watch.elapsed(), 5s);
  }
}

// The deadline for the head ends with the head.
TEST_F(HttpClientTest, GivesTheBodyTheWholeTime) {
  ClientRequest request = to_listener();
  request.deadlines.first_byte = 400ms;
  send(request);
  Peer peer = listener_.accept();
  peer.read();
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  bool later = false;
  asio::steady_timer timer(loop_.context(), 600ms);
  timer.async_wait([&](boost::system::error_code) { later = true; });
  loop_.run_until([&] { return later; });
  peer.send("ok");
  EXPECT_EQ(outcome(answer()), "200");
}

// --- Kept connections
// -------------------------------------------------------------------------------

TEST_F(HttpClientTest, UsesAConnectionAgain) {
  send(to_listener("/0"));
  Peer peer = listener_.accept();
  for (int i = 0; i < 5; ++i) {
    if (i > 0) send(to_listener("/" + std::to_string(i)));
    EXPECT_EQ(peer.read().start, "POST /" + std::to_string(i) + " HTTP/1.1");
    peer.send(kOk);
    EXPECT_EQ(outcome(answer()), "200");
  }
  EXPECT_FALSE(listener_.has_caller());
}

TEST_F(HttpClientTest, DoesNotUseAConnectionAgainThatIsNotFit) {
  for (const char* text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Forged\r\n"}) {
    send(to_listener());
    Peer first = listener_.accept();
    first.read();
    first.send(text);
    EXPECT_EQ(outcome(answer()), "200");
    send(to_listener());
    Peer second = listener_.accept();
    second.read();
    second.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(outcome(answer()), "201") << text;
  }
}

TEST_F(HttpClientTest, DoesNotUseAConnectionAgainThatWasIdleForLong) {
  ClientOptions options;
  options.idle = 0ms;
  make_client(options);
  for (int i = 0; i < 2; ++i) {
    send(to_listener());
    Peer peer = listener_.accept();
    peer.read();
    peer.send(kOk);
    EXPECT_EQ(outcome(answer()), "200");
  }
}

TEST_F(HttpClientTest, KeepsNoMoreConnectionsThanTheLimits) {
  for (const bool per_origin : {true, false}) {
    ClientOptions options;
    (per_origin ? options.idle_per_origin_max : options.idle_max) = 1;
    make_client(options);
    std::optional<Answer> answers[2];
    std::vector<Peer> peers;
    for (auto& each : answers) {
      loop_.start(client_->send(to_listener()), each);
      peers.push_back(listener_.accept());
      peers.back().read();
    }
    for (Peer& peer : peers) peer.send(kOk);
    loop_.run_until([&] { return answers[0] && answers[1]; });
    send(to_listener());
    EXPECT_EQ(peers[0].read().start, "POST /hook HTTP/1.1");
    EXPECT_EQ(peers[1].read_to_end(), "");
    peers[0].send(kOk);
    EXPECT_EQ(outcome(answer()), "200");
  }
}

TEST_F(HttpClientTest, EndsKeptConnectionsWhenToldTo) {
  send(to_listener());
  Peer peer = listener_.accept();
  peer.read();
  peer.send(kOk);
  EXPECT_EQ(outcome(answer()), "200");
  client_->close_idle();
  EXPECT_EQ(peer.read_to_end(), "");
}

TEST_F(HttpClientTest, SendsOnceMoreWhenAKeptConnectionHasEnded) {
  for (const bool reset : {false, true}) {
    send(to_listener("/first"));
    Peer first = listener_.accept();
    first.read();
    first.send(kOk);
    EXPECT_EQ(outcome(answer()), "200");
    if (reset) {
      first.reset();
    } else {
      first.close();
    }

    send(to_listener("/second"));
    Peer second = listener_.accept();
    const Message again = second.read();
    EXPECT_EQ(again.start, "POST /second HTTP/1.1");
    EXPECT_EQ(again.body, "hello");
    second.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(outcome(answer()), "201");
  }
}

TEST_F(HttpClientTest, SendsOnceMoreAlsoWhenTheRequestHadBeenRead) {
  send(to_listener("/first"));
  Peer first = listener_.accept();
  first.read();
  first.send(kOk);
  EXPECT_EQ(outcome(answer()), "200");

  send(to_listener("/second"));
  EXPECT_EQ(first.read().start, "POST /second HTTP/1.1");
  first.close();
  Peer second = listener_.accept();
  EXPECT_EQ(second.read().start, "POST /second HTTP/1.1");
  second.close();
  EXPECT_EQ(outcome(answer()), "unavailable connection_lost") << "once, not for ever";
  EXPECT_FALSE(listener_.has_caller());
}

TEST_F(HttpClientTest, DoesNotSendAgainAfterAByteOfTheAnswer) {
  send(to_listener("/first"));
  Peer peer = listener_.accept();
  peer.read();
  peer.send(kOk);
  EXPECT_EQ(outcome(answer()), "200");

  send(to_listener("/second"));
  peer.read();
  peer.send("H");
  loop_.poll();
  peer.close();
  EXPECT_EQ(outcome(answer()), "unavailable connection_lost");
  EXPECT_FALSE(listener_.has_caller());
}

TEST_F(HttpClientTest, DoesNotSendAgainAfterATimeout) {
  send(to_listener("/first"));
  Peer peer = listener_.accept();
  peer.read();
  peer.send(kOk);
  EXPECT_EQ(outcome(answer()), "200");

  ClientRequest slow = to_listener("/second");
  slow.deadlines.first_byte = 100ms;
  send(slow);
  peer.read();
  EXPECT_EQ(outcome(answer()), "timeout response_timeout");
  EXPECT_FALSE(listener_.has_caller());
}

// --- The egress guard
// -------------------------------------------------------------------------------

TEST_F(HttpClientTest, DoesNotConnectToAnAddressThatIsNotPublic) {
  make_client({}, /*allow_private_networks=*/false);
  struct Case {
    const char* host;
    const char* named;
  };
  for (const Case& c : {Case{"127.0.0.1", "127.0.0.1"}, Case{"localhost", ""}, Case{"[::1]", "::1"},
                        Case{"[::ffff:127.0.0.1]", "127.0.0.1"}, Case{"2130706433", "127.0.0.1"},
                        Case{"0x7f.1", "127.0.0.1"}, Case{"0", "0.0.0.0"}}) {
    send(to("http://" + std::string(c.host) + ":" + std::to_string(listener_.port()) + "/"));
    const Answer answered = answer();
    ASSERT_EQ(outcome(answered), "forbidden address_blocked") << c.host;
    EXPECT_THAT(answered.error().message, HasSubstr(c.named)) << c.host;
    EXPECT_THAT(answered.error().message, HasSubstr("--allow-private-networks")) << c.host;
  }
  EXPECT_FALSE(listener_.has_caller());
}

TEST_F(HttpClientTest, ConnectsToANameWhenPrivateNetworksAreAllowed) {
  send(to("http://localhost:" + std::to_string(listener_.port()) + "/"));
  Peer peer = listener_.accept();
  EXPECT_EQ(peer.read().header("host"), "localhost:" + std::to_string(listener_.port()));
  peer.send(kOk);
  EXPECT_EQ(outcome(answer()), "200");
}

Task<Result<Addresses>> found(Addresses addresses) { co_return addresses; }
Addresses addresses(std::initializer_list<const char*> texts) {
  Addresses all;
  for (const char* text : texts) all.push_back(asio::ip::make_address(text));
  return all;
}

// Two addresses with one port: the receiver's, which the guard lets pass as it would a public one,
// and one inside, which nothing may reach.
class HttpClientGuardTest : public HttpClientTest {
 protected:
  // The name resolves to what `script` says, one after the other.
  void resolve_to(std::vector<Addresses> script) {
    script_ = std::move(script);
    ClientOptions options;
    options.resolve = [this](const std::string& name) {
      EXPECT_EQ(name, "receiver.example");
      return found(script_.at(asked_++));
    };
    make_client(std::move(options), EgressGuard(false, parse_networks("127.0.0.2").value()));
  }
  ClientRequest to_name() {
    return to("http://receiver.example:" + std::to_string(outside_.port()) + "/hook");
  }

  // Two addresses with one port, which somebody else's connection may have at either of them.
  using Doors = std::pair<std::unique_ptr<Listener>, std::unique_ptr<Listener>>;
  static Doors open_doors(Loop& loop) {
    for (int tries = 1;; ++tries) {
      auto outside = std::make_unique<Listener>(loop, 16, "127.0.0.2");
      try {
        auto inside = std::make_unique<Listener>(loop, 16, "127.0.0.1", outside->port());
        return {std::move(outside), std::move(inside)};
      } catch (const boost::system::system_error& error) {
        if (error.code() != boost::asio::error::address_in_use || tries == 100) throw;
      }
    }
  }

  const Doors doors_ = open_doors(loop_);
  Listener& outside_ = *doors_.first;
  Listener& inside_ = *doors_.second;
  std::vector<Addresses> script_;
  std::size_t asked_ = 0;
};

// A name server that answers with a public address when the hub checks and with a private one when
// it connects (DNS rebinding): there is one question, and its answer is connected to.
TEST_F(HttpClientGuardTest, ConnectsToTheAddressThatWasVettedWhateverTheNameIsNext) {
  resolve_to({addresses({"127.0.0.2"}), addresses({"127.0.0.1"})});
  send(to_name());
  Peer peer = outside_.accept();
  EXPECT_EQ(peer.read().header("host"), "receiver.example:" + std::to_string(outside_.port()));
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(outcome(answer()), "200");
  EXPECT_EQ(asked_, 1u);

  send(to_name());
  EXPECT_EQ(outcome(answer()), "forbidden address_blocked");
  EXPECT_EQ(asked_, 2u);
  EXPECT_FALSE(inside_.has_caller());
}

// A kept connection stays with its address, too.
TEST_F(HttpClientGuardTest, AsksForTheNameOnceForEachConnection) {
  resolve_to({addresses({"127.0.0.2"}), addresses({"127.0.0.1"})});
  send(to_name());
  Peer peer = outside_.accept();
  for (int i = 0; i < 3; ++i) {
    if (i > 0) send(to_name());
    peer.read();
    peer.send(kOk);
    EXPECT_EQ(outcome(answer()), "200");
  }
  EXPECT_EQ(asked_, 1u);

  // The connection is lost as it is used: the new one is vetted like the first.
  peer.close();
  send(to_name());
  EXPECT_EQ(outcome(answer()), "forbidden address_blocked");
  EXPECT_FALSE(inside_.has_caller());
}

TEST_F(HttpClientGuardTest, VetsEveryAddressOfAName) {
  const std::vector<Addresses> mixed = {
      addresses({"127.0.0.2", "127.0.0.1"}), addresses({"127.0.0.1", "127.0.0.2"}),
      addresses({"127.0.0.2", "127.0.0.2", "::1"}), addresses({"127.0.0.2", "::ffff:127.0.0.1"})};
  resolve_to(mixed);
  for (std::size_t i = 0; i < mixed.size(); ++i) {
    send(to_name());
    EXPECT_EQ(outcome(answer()), "forbidden address_blocked") << i;
  }
  EXPECT_FALSE(outside_.has_caller());
  EXPECT_FALSE(inside_.has_caller());
}

TEST_F(HttpClientGuardTest, DoesNotFollowARedirectInside) {
  resolve_to({addresses({"127.0.0.2"})});
  send(to_name());
  Peer peer = outside_.accept();
  peer.read();
  peer.send("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:" +
            std::to_string(inside_.port()) + "/admin\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(outcome(answer()), "307");
  EXPECT_FALSE(inside_.has_caller());
}

TEST_F(HttpClientGuardTest, NamesTheAddressAndTheSettings) {
  resolve_to({addresses({"127.0.0.1"})});
  send(to_name());
  const Answer answered = answer();
  ASSERT_EQ(outcome(answered), "forbidden address_blocked");
  for (const char* part : {"127.0.0.1", "--allow-networks 127.0.0.1", "--allow-private-networks"}) {
    EXPECT_THAT(answered.error().message, HasSubstr(part));
  }
}

// --- TLS
// --------------------------------------------------------------------------------------------

// One connection after the other, each of which is answered `requests` times.
// `version_max`: of TLS; 0: the newest.
Task<void> serve_tls(Listener& listener, Certificate certificate, int connections, int requests,
                     int version_max = 0) {
  constexpr auto await = asio::as_tuple(asio::use_awaitable);
  asio::ssl::context tls(asio::ssl::context::tls_server);
  // Without this, OpenSSL itself refuses what is older than 1.2.
  SSL_CTX_set_cipher_list(tls.native_handle(), "ALL:@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(tls.native_handle(), version_max);
  tls.use_certificate(asio::buffer(certificate.certificate_pem), asio::ssl::context::pem);
  tls.use_private_key(asio::buffer(certificate.key_pem), asio::ssl::context::pem);
  for (int i = 0; i < connections; ++i) {
    auto [error, socket] = co_await listener.acceptor().async_accept(await);
    if (error) co_return;
    asio::ssl::stream<asio::ip::tcp::socket> stream(std::move(socket), tls);
    auto [refused] = co_await stream.async_handshake(asio::ssl::stream_base::server, await);
    if (refused) continue;
    for (int k = 0; k < requests; ++k) {
      std::string text(1024, '\0');
      auto [read_error, count] = co_await stream.async_read_some(asio::buffer(text), await);
      if (read_error) break;
      const std::string body = "over TLS " + std::to_string(k);
      const std::string out =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      co_await asio::async_write(stream, asio::buffer(out), await);
    }
  }
}

class HttpClientTlsTest : public HttpClientTest {
 protected:
  ~HttpClientTlsTest() override {
    ::unsetenv("SSL_CERT_FILE");
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }

  // Makes a client that trusts `certificate`, as an operator would: by OpenSSL's own setting.
  void trust(const Certificate& certificate) {
    std::ofstream(file_) << certificate.certificate_pem;
    ::setenv("SSL_CERT_FILE", file_.c_str(), 1);
    make_client({});
  }
  ClientRequest over_tls(const std::string& host) {
    return to("https://" + host + ":" + std::to_string(listener_.port()) + "/");
  }

  std::filesystem::path file_ = std::filesystem::temp_directory_path() /
                                ("waybill-test-" + std::to_string(::getpid()) + ".pem");
  bool served_ = false;
};

TEST_F(HttpClientTlsTest, SendsOverTlsAndUsesTheConnectionAgain) {
  const Certificate certificate = make_certificate("DNS:localhost,IP:127.0.0.1");
  trust(certificate);
  loop_.start(serve_tls(listener_, certificate, 2, 2), served_);
  for (const char* host : {"localhost", "127.0.0.1"}) {
    for (const char* body : {"over TLS 0", "over TLS 1"}) {
      send(over_tls(host));
      const Answer answered = answer();
      ASSERT_EQ(outcome(answered), "200") << answered.error().message;
      EXPECT_EQ(answered->body, body);
    }
  }
  loop_.run_until([&] { return served_; });
}

TEST_F(HttpClientTlsTest, RefusesACertificateThatNobodyTrusts) {
  loop_.start(serve_tls(listener_, make_certificate("DNS:localhost"), 1, 1), served_);
  send(over_tls("localhost"));
  const Answer answered = answer();
  EXPECT_EQ(outcome(answered), "unavailable tls_failed");
  EXPECT_THAT(answered.error().message, HasSubstr("certificate verify failed"));
  EXPECT_THAT(answered.error().message, HasSubstr("localhost:"));
  loop_.run_until([&] { return served_; });
}

TEST_F(HttpClientTlsTest, RefusesACertificateForAnotherNameOrTime) {
  for (const auto& [name, days_left] : {std::pair("DNS:example.com,IP:127.0.0.2", 1),
                                        std::pair("DNS:localhost,IP:127.0.0.1", -1)}) {
    const Certificate certificate = make_certificate(name, days_left);
    trust(certificate);
    for (const char* host : {"localhost", "127.0.0.1"}) {
      served_ = false;
      loop_.start(serve_tls(listener_, certificate, 1, 1), served_);
      send(over_tls(host));
      EXPECT_EQ(outcome(answer()), "unavailable tls_failed") << name << " for " << host;
      loop_.run_until([&] { return served_; });
    }
  }
}

TEST_F(HttpClientTlsTest, TrustsTheAuthoritiesOfItsOptionsBesideTheSystems) {
  const Certificate authority = make_certificate("DNS:authority.example");
  const Certificate issued = make_certificate("DNS:localhost", 1, &authority);
  const Certificate systems = make_certificate("DNS:localhost");
  struct Case {
    const char* what;
    Certificate shown;
    std::string trusted;
    const char* outcome;
  };
  for (const Case& c :
       {Case{"issued", issued, authority.certificate_pem, "200"},
        Case{"not trusted", issued, "", "unavailable tls_failed"},
        Case{"by another", issued, make_certificate("DNS:authority.example").certificate_pem,
             "unavailable tls_failed"},
        Case{"itself", systems, systems.certificate_pem, "200"},
        Case{"one of several", issued,
             make_certificate("DNS:x").certificate_pem + authority.certificate_pem, "200"},
        Case{"another name", make_certificate("DNS:example.com", 1, &authority),
             authority.certificate_pem, "unavailable tls_failed"},
        Case{"too old", make_certificate("DNS:localhost", -1, &authority),
             authority.certificate_pem, "unavailable tls_failed"}}) {
    ClientOptions options;
    options.ca_certificates = c.trusted;
    make_client(options);
    served_ = false;
    loop_.start(serve_tls(listener_, c.shown, 1, 1), served_);
    send(over_tls("localhost"));
    EXPECT_EQ(outcome(answer()), c.outcome) << c.what;
    client_->close_idle();
    loop_.run_until([&] { return served_; });
  }

  trust(systems);
  ClientOptions options;
  options.ca_certificates = authority.certificate_pem;
  make_client(options);
  for (const Certificate& shown : {systems, issued}) {
    loop_.start(serve_tls(listener_, shown, 1, 1), served_);
    send(over_tls("localhost"));
    EXPECT_EQ(outcome(answer()), "200");
    client_->close_idle();
  }
}

TEST_F(HttpClientTlsTest, TrustsThePinnedCertificateAloneWhateverItsName) {
  const Certificate pinned = make_certificate("DNS:hub.example", -1);
  const Certificate other = make_certificate("DNS:hub.example,DNS:localhost");
  ClientOptions options;
  options.pinned_certificate = pinned.certificate_pem;
  options.ca_certificates = other.certificate_pem;
  make_client(options);
  loop_.start(serve_tls(listener_, pinned, 1, 1), served_);
  send(over_tls("localhost"));
  EXPECT_EQ(outcome(answer()), "200");
  client_->close_idle();

  loop_.start(serve_tls(listener_, other, 1, 1), served_);
  send(over_tls("localhost"));
  const Answer answered = answer();
  ASSERT_EQ(outcome(answered), "unavailable tls_failed");
  EXPECT_THAT(answered.error().message, HasSubstr("another certificate"));
}

TEST_F(HttpClientTlsTest, SpeaksNothingOlderThanTls12) {
  const Certificate certificate = make_certificate("DNS:localhost");
  ClientOptions options;
  options.ca_certificates = certificate.certificate_pem;
  make_client(options);
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    served_ = false;
    loop_.start(serve_tls(listener_, certificate, 1, 1, version), served_);
    send(over_tls("localhost"));
    const Answer answered = answer();
    ASSERT_EQ(outcome(answered), "unavailable tls_failed");
    EXPECT_THAT(answered.error().message, HasSubstr("protocol version"));
    loop_.run_until([&] { return served_; });
  }
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    loop_.start(serve_tls(listener_, certificate, 1, 1, version), served_);
    send(over_tls("localhost"));
    EXPECT_EQ(outcome(answer()), "200") << version;
    client_->close_idle();
  }
}

TEST_F(HttpClientTlsTest, TellsOfAServerThatSpeaksNoTls) {
  send(over_tls("localhost"));
  Peer peer = listener_.accept();
  peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_EQ(outcome(answer()), "unavailable tls_failed");

  send(over_tls("localhost"));
  listener_.accept().close();
  EXPECT_EQ(outcome(answer()), "unavailable tls_failed");
}

TEST_F(HttpClientTlsTest, GivesUpOnAHandshakeThatDoesNotCome) {
  ClientRequest request = over_tls("localhost");
  request.deadlines.connect = 100ms;
  send(request);
  Peer peer = listener_.accept();
  EXPECT_EQ(outcome(answer()), "timeout connect_timeout");
}

}  // namespace
}  // namespace waybill::net
