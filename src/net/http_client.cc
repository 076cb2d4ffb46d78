#include "net/http_client.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "base/clock.h"
#include "net/http_head.h"
#include "net/resolver.h"

namespace waybill::net {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kHeadBytesMax = 32 * 1024;
constexpr std::size_t kReadBytes = 4 * 1024;
constexpr int kHeadsMax = 8;
constexpr std::size_t kLinkBufferBytesMax = 128 * 1024;  // A head, and a piece of the body.

// A body that keeps its first `bytes_max` bytes and ends the reading with body_limit after them.
struct CappedBody {
  struct value_type {
    std::string text;
    std::size_t bytes_max = 0;
  };
  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(http::header<isRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>& length, beast::error_code& error) {
      error = {};
      // No more than that on a stranger's word.
      if (length) body_.text.reserve(std::min({*length, body_.bytes_max, kReserveMax}));
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& error) {
      error = {};
      std::size_t taken = 0;
      for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
           ++at) {
        const asio::const_buffer buffer = *at;
        const std::size_t room = body_.bytes_max - body_.text.size();
        body_.text.append(static_cast<const char*>(buffer.data()), std::min(room, buffer.size()));
        if (buffer.size() > room) error = http::error::body_limit;
        taken += buffer.size();
      }
      return taken;
    }
    void finish(beast::error_code& error) { error = {}; }

   private:
    static constexpr std::size_t kReserveMax = 64 * 1024;
    value_type& body_;
  };
};

// One connection to an origin.
struct Link {
  using Plain = beast::tcp_stream;
  using Tls = beast::ssl_stream<beast::tcp_stream>;
  std::variant<Plain, Tls> stream;
  beast::flat_buffer buffer{kLinkBufferBytesMax};
  Deadline idle_until = Deadline::never();

  template <class... Args>
  explicit Link(Args&&... args) : stream(std::forward<Args>(args)...) {}

  beast::tcp_stream& tcp_layer() {
    return stream.index() == 0 ? std::get<Plain>(stream) : std::get<Tls>(stream).next_layer();
  }
};

// What reading one answer came to.
struct Exchange {
  std::optional<Error> error;
  ClientResponse response;
  bool keep = false;       // The connection can serve another request.
  bool untouched = false;  // It ended before a byte of the answer.
};

// How one answer is read.
struct Reading {
  Deadline head_by;
  Deadline all_by;
  bool is_head = false;
  std::size_t bytes_max = 0;
};

bool has_line_break(std::string_view text) {
  return text.find('\r') != std::string_view::npos || text.find('\n') != std::string_view::npos;
}

std::string write_request(const ClientRequest& request, std::string_view user_agent) {
  std::string out;
  out.reserve(512 + request.body.size());
  out.append(request.method).append(" ").append(request.url.target);
  out.append(" HTTP/1.1\r\nHost: ").append(request.url.authority()).append("\r\n");
  if (!find_header(request.headers, "User-Agent")) {
    out.append("User-Agent: ").append(user_agent).append("\r\n");
  }
  for (const Header& header : request.headers) {
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (!request.body.empty() || request.method != "GET") {
    out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  out.append("\r\n").append(request.body);
  return out;
}

Error describe(beast::error_code error, std::string_view doing) {
  if (error == beast::error::timeout || error == asio::error::operation_aborted) {
    return {Code::kTimeout, "response_timeout",
            fmt::format("No complete answer within the deadline ({}).", doing)};
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error == asio::error::eof || error == asio::error::connection_reset ||
      error == asio::error::broken_pipe) {
    return {Code::kUnavailable, "connection_lost",
            fmt::format("The connection ended while {}.", doing)};
  }
  if (error.category() == http::make_error_code(http::error::bad_method).category()) {
    return {Code::kUnavailable, "response_malformed",
            fmt::format("The answer is not HTTP: {}.", error.message())};
  }
  return {Code::kUnavailable, "connection_lost",
          fmt::format("The connection failed while {}: {}.", doing, error.message())};
}

using Parser = http::response_parser<CappedBody>;

// Reads a head that is not an interim one (1xx), of which there may be some first (RFC 9110 §15.2).
template <class Stream>
Task<beast::error_code> read_head(Stream& stream, beast::flat_buffer& buffer,
                                  std::optional<Parser>& parser, const Reading& reading) {
  for (int heads = 0; heads < kHeadsMax; ++heads) {
    parser.emplace();
    parser->get().body().bytes_max = reading.bytes_max;
    parser->skip(reading.is_head);
    parser->header_limit(kHeadBytesMax);
    parser->body_limit(boost::none);
    std::size_t head_bytes = 0;
    beast::error_code error = http::error::need_more;
    if (buffer.size() > 0) error = parse_head(*parser, buffer, head_bytes, kHeadBytesMax);
    while (error == http::error::need_more) {
      auto [failed, count] = co_await stream.async_read_some(buffer.prepare(kReadBytes), kAwait);
      buffer.commit(count);
      error = failed ? failed : parse_head(*parser, buffer, head_bytes, kHeadBytesMax);
    }
    if (error || parser->get().result_int() / 100 != 1) co_return error;
  }
  co_return http::error::bad_status;
}

template <class Stream>
Task<Exchange> exchange(Stream& stream, beast::tcp_stream& layer, beast::flat_buffer& buffer,
                        const std::string& text, Reading reading) {
  Exchange result;
  layer.expires_at(std::min(reading.head_by, reading.all_by).time_point());
  auto [write_error, written] = co_await asio::async_write(stream, asio::buffer(text), kAwait);
  if (write_error == beast::error::timeout) {
    result.error = describe(write_error, "sending the request");
    co_return result;
  }
  // Who refuses a request may answer and close before having read all of it.
  std::optional<Parser> parser;
  beast::error_code error = co_await read_head(stream, buffer, parser, reading);
  if (error && write_error && error != beast::error::timeout) error = write_error;
  if (!error && !parser->is_done()) {
    layer.expires_at(reading.all_by.time_point());
    auto [body_error, body_bytes] = co_await http::async_read(stream, buffer, *parser, kAwait);
    error = body_error;
  }
  if (error && error != http::error::body_limit) {
    result.untouched = !parser->got_some() && error != beast::error::timeout;
    result.error = describe(error, write_error                ? "sending the request"
                                   : parser->is_header_done() ? "reading the answer's body"
                                                              : "waiting for the answer");
    co_return result;
  }
  const auto& message = parser->get();
  result.response.status = static_cast<int>(message.result_int());
  result.response.cut = error == http::error::body_limit;
  for (const auto& field : message) {
    result.response.headers.push_back(
        {std::string(field.name_string()), std::string(field.value())});
  }
  result.keep = !error && !write_error && parser->keep_alive() && buffer.size() == 0;
  result.response.body = std::move(parser->get().body().text);
  co_return result;
}

using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

Certificate first_certificate(const std::string& pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  WAYBILL_CHECK(certificate != nullptr, "the caller has had the pinned certificate checked");
  return certificate;
}

}  // namespace

class HttpClient::Impl {
 public:
  Impl(asio::io_context& context, EgressGuard guard, ClientOptions options)
      : context_(context),
        guard_(std::move(guard)),
        options_(std::move(options)),
        resolver_(context),
        tls_(asio::ssl::context::tls_client),
        drop_next_(Deadline::after(options_.idle)) {
    tls_.set_default_verify_paths();
    tls_.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_min_proto_version(tls_.native_handle(), TLS1_2_VERSION);
    if (!options_.ca_certificates.empty()) {
      beast::error_code error;
      tls_.add_certificate_authority(asio::buffer(options_.ca_certificates), error);
      WAYBILL_CHECK(!error, "the caller has had the CA certificates checked");
    }
    if (!options_.pinned_certificate.empty())
      pinned_ = first_certificate(options_.pinned_certificate);
  }

  Task<Result<ClientResponse>> send(ClientRequest request) {
    for (const Header& header : request.headers) {
      if (has_line_break(header.name) || has_line_break(header.value)) {
        co_return fail(Code::kInvalid, "header_invalid",
                       fmt::format("The header {} has a line break in it.", header.name));
      }
    }
    const std::string origin = request.url.origin();
    const std::string text = write_request(request, options_.user_agent);
    const Deadline all_by = Deadline::after(request.deadlines.total);

    for (int round = 0;; ++round) {
      std::unique_ptr<Link> link = round == 0 ? take_idle(origin) : nullptr;
      const bool reused = link != nullptr;
      if (!reused) {
        auto connected = co_await connect(request.url, request.deadlines, all_by);
        if (!connected) co_return fail(connected.error());
        link = std::move(*connected);
      }
      const Reading reading{Deadline::after(request.deadlines.first_byte), all_by,
                            request.method == "HEAD",
                            request.answer_bytes_max.value_or(options_.answer_bytes_max)};
      Exchange result;
      if (auto* plain = std::get_if<Link::Plain>(&link->stream)) {
        result = co_await exchange(*plain, *plain, link->buffer, text, reading);
      } else {
        auto& tls = std::get<Link::Tls>(link->stream);
        result = co_await exchange(tls, tls.next_layer(), link->buffer, text, reading);
      }
      if (result.error) {
        if (reused && result.untouched) continue;
        co_return fail(*result.error);
      }
      if (result.keep) keep(origin, std::move(link));
      co_return std::move(result.response);
    }
  }

  void close_idle() {
    idle_.clear();
    idle_count_ = 0;
  }

 private:
  std::unique_ptr<Link> take_idle(const std::string& origin) {
    const auto found = idle_.find(origin);
    if (found == idle_.end()) return nullptr;
    std::unique_ptr<Link> link;
    auto& links = found->second;
    if (!links.empty() && !links.back()->idle_until.passed()) {
      link = std::move(links.back());
      links.pop_back();
      --idle_count_;
    } else {
      idle_count_ -= links.size();  // The newest is at the back: all of them are too old.
      links.clear();
    }
    if (links.empty()) idle_.erase(found);
    return link;
  }

  void keep(const std::string& origin, std::unique_ptr<Link> link) {
    if (idle_count_ >= options_.idle_max || drop_next_.passed()) drop_old();
    if (idle_count_ >= options_.idle_max) return;
    auto& links = idle_[origin];
    if (links.size() >= options_.idle_per_origin_max) return;
    link->tcp_layer().expires_never();
    link->idle_until = Deadline::after(options_.idle);
    links.push_back(std::move(link));
    ++idle_count_;
  }

  void drop_old() {
    for (auto& [origin, links] : idle_) {
      idle_count_ -=
          std::erase_if(links, [](const auto& link) { return link->idle_until.passed(); });
    }
    drop_next_ = Deadline::after(options_.idle / 2);
    std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
  }

  Task<Result<std::unique_ptr<Link>>> connect(const Url& url, const Deadlines& deadlines,
                                              Deadline all_by) {
    const Deadline by = std::min(all_by, Deadline::after(deadlines.connect));
    auto addresses = co_await resolve(url, by);
    if (!addresses) co_return fail(addresses.error());
    for (const tcp::endpoint& address : *addresses) {
      if (auto allowed = guard_.check(address.address()); !allowed) co_return fail(allowed.error());
    }
    auto link = url.tls ? std::make_unique<Link>(std::in_place_type<Link::Tls>, context_, tls_)
                        : std::make_unique<Link>(std::in_place_type<Link::Plain>, context_);
    beast::tcp_stream& layer = link->tcp_layer();
    layer.expires_at(by.time_point());
    auto [error, used] = co_await layer.async_connect(*addresses, kAwait);
    if (error) co_return fail(connect_error(url, error));
    beast::error_code ignored;
    layer.socket().set_option(tcp::no_delay(true), ignored);
    if (url.tls) WAYBILL_CO_TRY(co_await shake_hands(std::get<Link::Tls>(link->stream), url));
    co_return std::move(link);
  }

  // The other end has proved to be who it should be.
  Task<Result<void>> shake_hands(Link::Tls& tls, const Url& url) {
    SSL_set_tlsext_host_name(tls.native_handle(), url.host.c_str());
    if (pinned_) {
      tls.set_verify_callback([](bool, asio::ssl::verify_context&) { return true; });
    } else {
      tls.set_verify_callback(asio::ssl::host_name_verification(url.host));
    }
    auto [error] = co_await tls.async_handshake(asio::ssl::stream_base::client, kAwait);
    if (error == beast::error::timeout) co_return fail(connect_error(url, error));
    std::string why = error ? error.message() : "";
    if (!error && pinned_) {
      const Certificate shown(SSL_get1_peer_certificate(tls.native_handle()), X509_free);
      if (!shown || X509_cmp(shown.get(), pinned_.get()) != 0) why = "it shows another certificate";
    }
    if (why.empty()) co_return Result<void>{};
    co_return fail(Code::kUnavailable, "tls_failed",
                   fmt::format("TLS with {} failed: {}.", url.authority(), why));
  }

  static Error connect_error(const Url& url, beast::error_code error) {
    if (error == beast::error::timeout) {
      return {Code::kTimeout, "connect_timeout",
              fmt::format("No connection to {} within the deadline.", url.authority())};
    }
    return {Code::kUnavailable, "connect_failed",
            fmt::format("Cannot connect to {}: {}.", url.authority(), error.message())};
  }

  // The name is asked for here and nowhere else: what is returned is vetted, and connected to.
  Task<Result<std::vector<tcp::endpoint>>> resolve(const Url& url, Deadline by) {
    beast::error_code literal_error;
    const auto literal = asio::ip::make_address(url.host, literal_error);
    if (!literal_error) co_return std::vector{tcp::endpoint(literal, url.port)};

    const auto addresses = options_.resolve ? co_await options_.resolve(url.host)
                                            : co_await resolver_.find(url.host, by);
    if (!addresses) co_return fail(addresses.error());
    std::vector<tcp::endpoint> endpoints;
    for (const auto& address : *addresses) endpoints.emplace_back(address, url.port);
    co_return endpoints;
  }

  asio::io_context& context_;
  const EgressGuard guard_;
  const ClientOptions options_;
  Resolver resolver_;
  asio::ssl::context tls_;
  Certificate pinned_{nullptr, X509_free};
  std::unordered_map<std::string, std::vector<std::unique_ptr<Link>>> idle_;
  std::size_t idle_count_ = 0;
  Deadline drop_next_;  // When idle connections are next looked through.
};

HttpClient::HttpClient(asio::io_context& context, EgressGuard guard, ClientOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(guard), std::move(options))) {}
HttpClient::~HttpClient() = default;

Task<Result<ClientResponse>> HttpClient::send(ClientRequest request) {
  return impl_->send(std::move(request));
}
void HttpClient::close_idle() { impl_->close_idle(); }

}  // namespace waybill::net
