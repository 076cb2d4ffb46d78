#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "integration/certificates.h"
#include "integration/peer.h"
#include "integration/tls_peer.h"
#include "net/http_server.h"

namespace waybill::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

Task<Response> echo(Request& request) {
  co_return Response::with_body(200, "text/plain",
                                request.method + " " + request.path + ": " + request.body + ".");
}

std::shared_ptr<const ServerCertificate> served(const Certificate& made) {
  return ServerCertificate::create(made.certificate_pem, made.key_pem).value();
}

class HttpServerTlsTest : public testing::Test {
 protected:
  ~HttpServerTlsTest() override {
    if (server_) loop_.await(server_->stop(0ms));
  }
  void serve() {
    server_ = std::make_unique<HttpServer>(
        loop_.context(), log_, limits_, echo, [](const Request& request, const Error& error) {
          return Response::with_body(status_of(error), "text/plain",
                                     error.reason + " at " + request.path);
        });
    server_->use_certificate(served(certificate_));
    port_ = server_->listen("127.0.0.1", 0).value();
  }
  void wait(std::chrono::milliseconds time) {
    bool later = false;
    boost::asio::steady_timer timer(loop_.context(), time);
    timer.async_wait([&](boost::system::error_code) { later = true; });
    loop_.run_until([&] { return later; });
  }

  static constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

  const Certificate certificate_ = make_certificate("DNS:localhost,IP:127.0.0.1");
  Loop loop_;
  Log log_{Log::Level::kOff};
  ServerLimits limits_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
};

TEST_F(HttpServerTlsTest, ServesManyRequestsOfAConnection) {
  serve();
  TlsPeer peer(loop_, port_);
  ASSERT_EQ(peer.refused(), "");
  EXPECT_EQ(peer.certificate_pem(), certificate_.certificate_pem);
  for (const std::size_t size : {0u, 1u, 100u, 20'000u, 1'000'000u, 3u}) {
    const std::string body(size, 'x');
    ASSERT_TRUE(peer.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) +
                          "\r\n\r\n" + body));
    const std::string answered = peer.read_until(".");
    const std::string rest = peer.read_until("POST /b: " + body + ".");
    EXPECT_THAT(answered + rest, StartsWith("HTTP/1.1 200 OK\r\n")) << size;
    EXPECT_TRUE((answered + rest).ends_with("POST /b: " + body + ".")) << size;
  }
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(HttpServerTlsTest, SpeaksNothingOlderThanTls12) {
  serve();
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    EXPECT_THAT(TlsPeer(loop_, port_, version).refused(), HasSubstr("protocol version"));
  }
  EXPECT_EQ(TlsPeer(loop_, port_, TLS1_2_VERSION).version(), "TLSv1.2");
  EXPECT_EQ(TlsPeer(loop_, port_).version(), "TLSv1.3");
}

TEST_F(HttpServerTlsTest, ShowsNewConnectionsTheNewCertificateAndLetsOldOnesGoOn) {
  serve();
  TlsPeer old(loop_, port_);
  const Certificate renewed = make_certificate("DNS:localhost");
  server_->use_certificate(served(renewed));
  TlsPeer fresh(loop_, port_);
  EXPECT_EQ(old.certificate_pem(), certificate_.certificate_pem);
  EXPECT_EQ(fresh.certificate_pem(), renewed.certificate_pem);
  for (TlsPeer* peer : {&old, &fresh}) {
    ASSERT_TRUE(peer->send(kGet));
    EXPECT_THAT(peer->read_until("GET /a: ."), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
}

// Neither silence nor a byte now and then can hold a connection that has not shaken hands.
TEST_F(HttpServerTlsTest, EndsAHandshakeThatIsTooSlow) {
  limits_.header = 200ms;
  limits_.idle = limits_.body = limits_.write = 10 * kPatience;
  serve();
  const Stopwatch watch;
  EXPECT_EQ(Peer(loop_, port_).read_to_end(), "");

  Peer dripping(loop_, port_);
  // The start of a ClientHello that says it is 512 bytes long.
  for (const char c : std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)) {
    dripping.send(std::string_view(&c, 1));
    wait(10ms);
  }
  while (server_->connections() > 0 && watch.elapsed() < 10s) {
    dripping.send("x");
    wait(20ms);
  }
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_LT(watch.elapsed(), 5s);
}

TEST_F(HttpServerTlsTest, EndsWhatIsNoTls) {
  serve();
  Peer plain(loop_, port_);
  plain.send(kGet);
  const std::string answered = plain.read_to_end();
  EXPECT_EQ(answered.find("HTTP/1.1"), std::string::npos);
  loop_.run_until([&] { return server_->connections() == 0; });
  EXPECT_EQ(TlsPeer(loop_, port_).refused(), "");
}

TEST_F(HttpServerTlsTest, TellsAClientThatIsTooSlowAndThatThisIsTheEnd) {
  limits_.body = 150ms;
  serve();
  TlsPeer peer(loop_, port_);
  peer.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  const std::string answered = peer.read_to_end();
  EXPECT_THAT(answered, StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_THAT(answered, HasSubstr("request_timeout at /slow"));
  EXPECT_TRUE(peer.was_told_goodbye());
}

TEST_F(HttpServerTlsTest, RefusesWhatIsTooLargeWhileItIsStillSent) {
  limits_.body_bytes_max = 1000;
  serve();
  TlsPeer peer(loop_, port_);
  peer.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 1500000\r\n\r\n" +
            std::string(1'000'000, 'x'));
  EXPECT_THAT(peer.read_until("body_too_large at /big"), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTlsTest, ForgetsAClientThatLeaves) {
  serve();
  for (int i = 0; i < 3; ++i) {
    TlsPeer peer(loop_, port_);
    if (i == 1) peer.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Le");
    if (i == 2) peer.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  }
  loop_.run_until([&] { return server_->connections() == 0; });
  EXPECT_EQ(TlsPeer(loop_, port_).refused(), "");
}

TEST_F(HttpServerTlsTest, StopEndsIdleConnectionsAndHandshakesAtOnce) {
  serve();
  Peer silent(loop_, port_);
  TlsPeer unused(loop_, port_);
  TlsPeer used(loop_, port_);
  used.send(kGet);
  used.read_until("GET /a: .");
  loop_.run_until([&] { return server_->connections() == 3; });
  loop_.poll();
  const Stopwatch watch;
  loop_.await(server_->stop(kPatience));
  EXPECT_LT(watch.elapsed(), kPatience / 2);
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(unused.read_to_end(), "");
  EXPECT_TRUE(unused.was_told_goodbye());
  EXPECT_EQ(used.read_to_end(), "");
  EXPECT_TRUE(used.was_told_goodbye());
}

TEST_F(HttpServerTlsTest, EndsAConnectionBeyondTheLimitWithoutAHandshake) {
  limits_.connections_max = 1;
  serve();
  TlsPeer first(loop_, port_);
  EXPECT_EQ(Peer(loop_, port_).read_to_end(), "");
  first.send(kGet);
  EXPECT_THAT(first.read_until("GET /a: ."), StartsWith("HTTP/1.1 200 OK\r\n"));
}

// --- Certificates
// -----------------------------------------------------------------------------------

std::string reason_for(const std::string& chain, const std::string& key) {
  const auto created = ServerCertificate::create(chain, key);
  if (created) return "";
  EXPECT_EQ(created.error().code, Code::kInvalid);
  EXPECT_THAT(created.error().message, testing::EndsWith("."));
  return created.error().reason;
}

TEST(ServerCertificate, IsACertificateAndItsKey) {
  const Certificate authority = make_certificate("DNS:authority");
  const Certificate made = make_certificate("DNS:localhost", 1, &authority);
  const Certificate other = make_certificate("DNS:localhost");
  const std::string chain = made.certificate_pem + authority.certificate_pem;
  EXPECT_EQ(reason_for(made.certificate_pem, made.key_pem), "");
  EXPECT_EQ(reason_for(chain, made.key_pem), "");
  EXPECT_EQ(reason_for(made.certificate_pem, other.key_pem), "certificate_mismatch");
  EXPECT_EQ(reason_for(authority.certificate_pem + made.certificate_pem, made.key_pem),
            "certificate_mismatch")
      << "the server's own comes first";
  EXPECT_EQ(reason_for("", made.key_pem), "certificate_invalid");
  EXPECT_EQ(reason_for("hello", made.key_pem), "certificate_invalid");
  EXPECT_EQ(reason_for(made.key_pem, made.key_pem), "certificate_invalid");
  EXPECT_EQ(reason_for(made.certificate_pem, ""), "key_invalid");
  EXPECT_EQ(reason_for(made.certificate_pem, made.certificate_pem), "key_invalid");
  EXPECT_EQ(reason_for(made.certificate_pem, made.key_pem.substr(0, made.key_pem.size() / 2)),
            "key_invalid");
}

TEST(ServerCertificate, IsNotADamagedOne) {
  const Certificate made = make_certificate("DNS:localhost");
  std::string damaged = make_certificate("DNS:localhost").certificate_pem;
  damaged[damaged.size() / 2] = '!';
  EXPECT_EQ(reason_for(damaged, made.key_pem), "certificate_invalid");
  EXPECT_EQ(reason_for(made.certificate_pem + damaged, made.key_pem), "certificate_invalid");
  EXPECT_EQ(
      reason_for(made.certificate_pem.substr(0, made.certificate_pem.size() / 2), made.key_pem),
      "certificate_invalid");
}

}  // namespace
}  // namespace waybill::net
