// net/http_server.h: any bytes at all, sent to the real server over a connection of this machine,
// at once and in two pieces.
//
// However they come, the handler sees the same requests (or a proxy before us, which sees them cut
// otherwise, could be made to see other requests than we do), each of them framed as its header
// says; and every request that is seen or refused gets one well-formed answer.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "base/check.h"
#include "fuzz/target.h"
#include "net/http_server.h"

namespace waybill::fuzz {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

// "A / HTTP/1.1" and two line ends: nothing shorter is a request.
constexpr std::size_t kRequestBytesMin = 16;
constexpr int kStallsMax = 50;
constexpr std::chrono::milliseconds kStall{100};

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c <= '~' && !std::string_view("\"(),/:;<=>?@[\\]{}").contains(c);
  });
}
bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// What the server made of one request: handled, or refused for a reason.
struct Seen {
  std::string method, path, query, body, refusal;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// The length that the header announces must be the one that was read (RFC 9112 §6.3).
void check_framing(const net::Request& request) {
  const auto count = [&](std::string_view name) {
    return std::ranges::count_if(request.headers, [&](const net::Header& header) {
      return net::same_header_name(header.name, name);
    });
  };
  const auto lengths = count("Content-Length");
  const auto codings = count("Transfer-Encoding");
  WAYBILL_CHECK(lengths + codings <= 1, "a request has one length");
  if (codings == 1) return;
  std::uint64_t announced = 0;
  if (lengths == 1) {
    const std::string_view text = *request.header("Content-Length");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), announced);
    WAYBILL_CHECK(error == std::errc() && end == text.data() + text.size(),
                  "a length is a number and nothing else");
  }
  WAYBILL_CHECK(request.body.size() == announced, "a body is as long as was announced");
}

void check_request(const net::Request& request) {
  check_framing(request);
  WAYBILL_CHECK(is_token(request.method), "a method is a word");
  WAYBILL_CHECK(std::ranges::all_of(request.path + request.query,
                                    [](char c) {
                                      const auto byte = static_cast<unsigned char>(c);
                                      return byte > ' ' && byte != 0x7F;
                                    }),
                "a target has no white space and no control characters");
  for (const net::Header& header : request.headers) {
    WAYBILL_CHECK(is_token(header.name), "a header has a name");
    WAYBILL_CHECK(is_field_value(header.value), "a header is one line");
  }
}

// A server with small limits, and the bytes of one connection at a time.
class Harness {
 public:
  Harness()
      : server_(
            context_, log_, limits(), [this](net::Request& request) { return answer(request); },
            [this](const net::Request& request, const Error& error) {
              return refuse(request, error);
            }) {
    port_ = server_.listen("127.0.0.1", 0).value();
  }

  // What still runs may end where it is.
  ~Harness() { context_.stop(); }

  struct Exchange {
    std::vector<Seen> seen;
    std::string answers;
    bool complete = false;  // The answers ended by the end of the connection, not by a reset.
  };

  Exchange exchange(std::initializer_list<std::string_view> pieces) {
    seen_.clear();
    Exchange result;
    boost::system::error_code error;
    tcp::socket client(context_);
    client.connect({asio::ip::address_v4::loopback(), port_}, error);
    WAYBILL_CHECK(!error, "the server accepts");
    client.non_blocking(true);
    client.set_option(tcp::no_delay(true));
    for (const std::string_view piece : pieces) {
      context_.poll();
      asio::write(client, asio::buffer(piece), error);  // Fails if we were refused already.
    }
    client.shutdown(tcp::socket::shutdown_send, error);
    result.complete = read_to_end(client, result.answers);
    client.close(error);
    for (int stalls = 0; server_.connections() > 0; ++stalls) {
      WAYBILL_CHECK(stalls < kStallsMax, "a connection that was closed ends");
      context_.run_one_for(kStall);
    }
    result.seen = std::move(seen_);
    return result;
  }

 private:
  static net::ServerLimits limits() {
    net::ServerLimits limits;
    limits.header_bytes_max = 512;
    limits.body_bytes_max = 1024;
    return limits;
  }

  Task<net::Response> answer(const net::Request& request) {
    check_request(request);
    seen_.push_back({request.method, request.path, request.query, request.body, ""});
    co_return net::Response::with_body(200, "text/plain", request.method + " " + request.path);
  }

  net::Response refuse(const net::Request& request, const Error& error) {
    WAYBILL_CHECK(error.reason != "handler_failed", "no handler fails here");
    seen_.push_back({request.method, "", "", "", error.reason});
    return net::Response::with_body(400, "text/plain", error.reason);
  }

  // False if the connection was reset.
  bool read_to_end(tcp::socket& client, std::string& answers) {
    std::array<char, 4096> buffer;
    for (int stalls = 0;;) {
      context_.poll();
      boost::system::error_code error;
      const std::size_t count = client.read_some(asio::buffer(buffer), error);
      answers.append(buffer.data(), count);
      if (error == asio::error::would_block) {
        WAYBILL_CHECK(++stalls < kStallsMax, "the server answers, and ends");
        context_.run_one_for(kStall);
      } else if (error) {
        return error == asio::error::eof;
      }
    }
  }

  asio::io_context context_;
  Log log_{Log::Level::kOff};
  std::vector<Seen> seen_;
  net::HttpServer server_;
  std::uint16_t port_ = 0;
};

// Takes one line without its end. Requires: there is one.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  WAYBILL_CHECK(end != std::string_view::npos, "an answer's lines have ends");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

// Takes the head of an answer. Returns its status and the length of its body.
std::pair<int, std::size_t> take_head(std::string_view& text) {
  const std::string_view start = take_line(text);
  int status = 0;
  WAYBILL_CHECK(start.size() >= 13 && start.starts_with("HTTP/1.1 ") && start[12] == ' ' &&
                    std::from_chars(start.data() + 9, start.data() + 12, status).ec == std::errc(),
                "an answer begins with its status");
  std::size_t length = 0;
  bool has_length = false;
  for (;;) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    const std::size_t colon = line.find(": ");
    WAYBILL_CHECK(colon != std::string_view::npos && is_token(line.substr(0, colon)) &&
                      is_field_value(line.substr(colon + 2)),
                  "an answer's header is well-formed");
    if (!net::same_header_name(line.substr(0, colon), "Content-Length")) continue;
    WAYBILL_CHECK(!has_length, "an answer has one length");
    has_length = true;
    std::from_chars(line.data() + colon + 2, line.data() + line.size(), length);
  }
  WAYBILL_CHECK(has_length == (status >= 200), "an answer says how long it is");
  return {status, length};
}

void check_answers(const Harness::Exchange& exchange) {
  std::string_view text = exchange.answers;
  std::size_t answered = 0;
  while (!text.empty()) {
    const auto [status, length] = take_head(text);
    if (status == 100) continue;
    WAYBILL_CHECK(answered < exchange.seen.size(), "nothing is answered that nobody asked");
    const Seen& seen = exchange.seen[answered++];
    WAYBILL_CHECK((status == 200) == seen.refusal.empty(), "answers come in the order of requests");
    if (seen.method == "HEAD") continue;
    WAYBILL_CHECK(length <= text.size(), "an answer is as long as it says");
    text.remove_prefix(length);
  }
  WAYBILL_CHECK(answered == exchange.seen.size() || !exchange.complete, "everything is answered");
}

// A refusal is left out: whether a head that never ends is found malformed before its end is
// missed, and so whether anybody is told, does depend on it.
std::span<const Seen> handled(const Harness::Exchange& exchange) {
  const std::span all(exchange.seen);
  return all.empty() || all.back().refusal.empty() ? all : all.first(all.size() - 1);
}

}  // namespace

void try_input(std::string_view input) {
  static Harness harness;
  const Harness::Exchange whole = harness.exchange({input});
  check_answers(whole);
  WAYBILL_CHECK(whole.seen.size() <= input.size() / kRequestBytesMin + 1,
                "no more requests than the bytes can hold");

  std::size_t sum = input.size();
  for (const char c : input) sum = sum * 31 + static_cast<unsigned char>(c);
  const std::size_t cut = input.empty() ? 0 : sum % input.size();
  const Harness::Exchange pieces = harness.exchange({input.substr(0, cut), input.substr(cut)});
  check_answers(pieces);
  WAYBILL_CHECK(std::ranges::equal(handled(pieces), handled(whole)),
                "requests do not depend on how their bytes arrive");
}

}  // namespace waybill::fuzz
