#include "app/cli/hub_client.h"

#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include "app/cli/command.h"
#include "app/data_directory.h"
#include "app/files.h"
#include "app/version.h"
#include "base/bytes.h"
#include "crypto/random.h"
#include "net/http.h"
#include "net/http_client.h"
#include "net/tls.h"
#include "net/url.h"

namespace waybill::app::cli {
namespace {

constexpr std::string_view kDefaultUrl = "http://127.0.0.1:8080";

bool is_this_machine(const std::string& host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

// The code of the error that a status stands for: the reverse of net::status_of().
Code code_of(int status) {
  if (status == 408) return Code::kTimeout;
  if (status == 429) return Code::kUnavailable;
  if (status == 431) return Code::kTooLarge;
  for (const Code code :
       {Code::kInvalid, Code::kUnauthenticated, Code::kForbidden, Code::kNotFound, Code::kConflict,
        Code::kTooLarge, Code::kUnsupported, Code::kUnavailable, Code::kTimeout}) {
    if (net::status_of(Error(code, "")) == status) return code;
  }
  return status >= 500 ? Code::kInternal : Code::kInvalid;
}

std::string text_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  const json::string* text = value ? value->if_string() : nullptr;
  return text ? std::string(text->data(), text->size()) : "";
}

Error not_waybill(const std::string& url, int status) {
  return {Code::kUnavailable, "hub_not_waybill",
          fmt::format("What answers at {} is no Waybill hub, or not this version of it (HTTP {}). "
                      "Check --url and WAYBILL_URL.",
                      url, status)};
}

// What `file` holds; nothing if there is none.
Result<std::string> read_ca_file(const std::optional<std::string>& file) {
  if (!file) return std::string();
  auto text = read_bytes(*file, net::kPemBytesMax);
  if (!text) return usage_error(text.error().message);
  if (const auto good = net::check_certificates(*text); !good) {
    return usage_error(
        fmt::format("{} is no file of certificates: {}", *file, good.error().message));
  }
  return text;
}

// The certificate that a hub of this machine has left beside its address.
std::string published_certificate(const std::filesystem::path& data) {
  auto text = read_bytes(certificate_file(data), net::kPemBytesMax);
  return text && net::check_certificates(*text) ? *std::move(text) : "";
}

// What the hub has answered, or why it could not be asked.
Result<HubClient::Answer> read_answer(const Result<net::ClientResponse>& sent,
                                      const HubAddress& hub) {
  if (!sent) {
    if (sent.error().code == Code::kTimeout) {
      return fail(Code::kTimeout, "hub_timeout",
                  fmt::format("The hub at {} did not answer in time.", hub.url));
    }
    if (sent.error().reason == "tls_failed") {
      return fail(Code::kUnavailable, "hub_untrusted",
                  fmt::format("{} If that is the hub, name the certificate it shows, or the one of "
                              "its authority, with --ca-file or WAYBILL_CA_FILE.",
                              sent.error().message));
    }
    return fail(Code::kUnavailable, "hub_unreachable",
                fmt::format("No hub answers at {}. {} Start one with: waybill serve", hub.url,
                            sent.error().message));
  }
  if (sent->cut) {
    return fail(Code::kTooLarge, "answer_too_large",
                "The answer is larger than this program reads at once. Ask for less with --limit.");
  }
  auto parsed = parse_json(sent->body);
  const bool succeeded = sent->status >= 200 && sent->status < 300;
  if (succeeded && parsed) return HubClient::Answer{sent->status, std::move(*parsed)};

  const json::object* problem = parsed ? parsed->if_object() : nullptr;
  const std::string reason = problem ? text_member(*problem, "code") : "";
  if (succeeded || reason.empty()) return fail(not_waybill(hub.url, sent->status));
  std::string detail = text_member(*problem, "detail");
  if (sent->status == 401 && hub.token.empty()) {
    detail += fmt::format(
        " There is no token in {}. Give one with --token or WAYBILL_TOKEN, or name the hub's data "
        "directory in WAYBILL_DATA.",
        hub.token_source);
  } else if (sent->status == 401) {
    detail += fmt::format(" The token was taken from {}.", hub.token_source);
  }
  return fail(code_of(sent->status), reason, std::move(detail), text_member(*problem, "path"));
}

}  // namespace

Result<HubAddress> find_hub(const GivenHub& given, const Environment& environment) {
  HubAddress hub;
  // Where there is no home folder, there is no local hub to know of; the other ways are still open.
  hub.data = data_folder(environment).value_or(std::filesystem::path());
  const auto named = given.url ? given.url : environment("WAYBILL_URL");
  hub.url = named ? *named : read_file(url_file(hub.data)).value_or(std::string(kDefaultUrl));
  if (!named) hub.pinned_certificate = published_certificate(hub.data);
  auto authorities = read_ca_file(given.ca_file ? given.ca_file : environment("WAYBILL_CA_FILE"));
  if (!authorities) return fail(authorities.error());
  hub.ca_certificates = std::move(*authorities);
  while (hub.url.ends_with('/')) hub.url.pop_back();
  const auto parsed = net::parse_url(hub.url);
  if (!parsed) {
    return usage_error(
        fmt::format("'{}' cannot be the hub's address: {} "
                    "It looks like http://127.0.0.1:8080.",
                    hub.url, parsed.error().message));
  }

  if (given.token) {
    hub.token = Secret(*given.token);
    hub.token_source = "--token";
  } else if (auto variable = environment("WAYBILL_TOKEN")) {
    hub.token = Secret(std::move(*variable));
    hub.token_source = "WAYBILL_TOKEN";
  } else {
    hub.token_source = token_file(hub.data).string();
    if (!is_this_machine(parsed->host)) return hub;
    auto text = read_file(hub.token_source);
    if (text) {
      hub.token = Secret(std::move(*text));
    } else if (text.error().code == Code::kForbidden) {
      return fail(Code::kForbidden, "token_unreadable",
                  fmt::format("{} It belongs to the user who runs the hub; as another user, give a "
                              "token with --token or WAYBILL_TOKEN.",
                              text.error().message));
    }
  }
  return hub;
}

class HubClient::Impl {
 public:
  explicit Impl(const HubAddress& hub, boost::asio::io_context* context)
      : own_(context != nullptr ? nullptr : std::make_unique<boost::asio::io_context>()),
        context_(context != nullptr ? *context : *own_),
        client_(context_, net::EgressGuard(/*allow_private_networks=*/true),
                {.user_agent = fmt::format("waybill/{}", version()),
                 .answer_bytes_max = kAnswerBytesMax,
                 .ca_certificates = hub.ca_certificates,
                 .pinned_certificate = hub.pinned_certificate}) {}

  Task<Result<net::ClientResponse>> send(net::ClientRequest request) {
    return client_.send(std::move(request));
  }

  Result<Answer> run(Task<Result<Answer>> task) {
    std::optional<Result<Answer>> answer;
    boost::asio::co_spawn(context_, std::move(task),
                          [&](std::exception_ptr failure, Result<Answer> got) {
                            if (!failure) answer.emplace(std::move(got));
                          });
    // Until the answer is there; a kept connection would hold run() longer.
    context_.restart();
    while (!answer && context_.run_one() > 0) {
    }
    if (!answer) return fail(Code::kInternal, "The request ended without an answer.");
    return std::move(*answer);
  }

 private:
  std::unique_ptr<boost::asio::io_context> own_;
  boost::asio::io_context& context_;
  net::HttpClient client_;
};

HubClient::HubClient(HubAddress hub)
    : hub_(std::move(hub)), impl_(std::make_unique<Impl>(hub_, nullptr)) {}
HubClient::HubClient(HubAddress hub, boost::asio::io_context& context)
    : hub_(std::move(hub)), impl_(std::make_unique<Impl>(hub_, &context)) {}
HubClient::~HubClient() = default;

Result<HubClient::Answer> HubClient::ask(std::string_view method, std::string_view path,
                                         const Query& query, const json::value& body,
                                         std::string idempotency_key,
                                         std::chrono::seconds patience) {
  return impl_->run(ask_on_context(std::string(method), std::string(path), query, body,
                                   std::move(idempotency_key), patience));
}

Task<Result<HubClient::Answer>> HubClient::ask_on_context(std::string method, std::string path,
                                                          Query query, json::value body,
                                                          std::string idempotency_key,
                                                          std::chrono::seconds patience) {
  net::ClientRequest request;
  request.deadlines.first_byte = patience;
  request.deadlines.total = patience;
  request.method = method;
  auto url = net::parse_url(hub_.url + with_query(path, query));
  if (!url) co_return fail(url.error());
  request.url = std::move(*url);
  if (!hub_.token.empty()) {
    request.headers.push_back({"Authorization", "Bearer " + hub_.token.reveal()});
  }
  if (method == "POST") {
    if (idempotency_key.empty()) idempotency_key = base64url(crypto::random_bytes(18));
    request.headers.push_back({"Idempotency-Key", std::move(idempotency_key)});
  }
  if (!body.is_null()) {
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = write_json(body);
  }

  const auto sent = co_await impl_->send(std::move(request));
  co_return read_answer(sent, hub_);
}

std::string with_query(std::string_view path, const Query& query) {
  std::string out(path);
  for (const auto& [name, value] : query) {
    out += out.size() == path.size() ? '?' : '&';
    out += percent_encode(name) + '=' + percent_encode(value);
  }
  return out;
}

}  // namespace waybill::app::cli
