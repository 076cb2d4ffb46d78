#include "dialect/receipt.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/bytes.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "dialect/vocabulary.h"

namespace waybill::dialect {
namespace {

using AllReceived = std::array<Value, kReceivedVariables>;

auto unfit(std::string message, std::string path = {}) {
  return fail(Code::kInvalid, "message_unfit", std::move(message), std::move(path));
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

// Asks the request for what `of` names, and for nothing else.
void fill(AllReceived& values, const Template& of, const ReceivedRequest& request) {
  for (const std::string_view name : of.variables()) {
    if (name == kReceived[kReceivedDigest].name) {
      values[kReceivedDigest] = request.digest();
    } else if (name == kReceived[kReceivedHeader].name) {
      values[kReceivedHeader] = &request.header_json();
    } else if (name == kReceived[kReceivedBody].name && request.body_json()) {
      values[kReceivedBody] = &*request.body_json();
    }
  }
}

// What went wrong with `of`, as the request's fault.
Error told(const Error& error, const Template& of, const ReceivedRequest& request) {
  const bool names_body = std::ranges::count(of.variables(), kReceived[kReceivedBody].name) > 0;
  if (names_body && !request.body_json()) {
    const Error& cause = request.body_json().error();
    return Error(Code::kInvalid, "message_unfit",
                 fmt::format("The body is no JSON: {}", cause.message), cause.path);
  }
  return Error(Code::kInvalid, "message_unfit", error.message, error.path);
}

Result<std::string> render(const Template& of, Scope scope, const ReceivedRequest& request) {
  std::string text;
  const Result<void> made = of.append_text(scope, text);
  if (!made) return fail(told(made.error(), of, request));
  return text;
}

// It is kept, listed and searched as text.
Result<std::string> checked(std::string_view what, std::string text, std::size_t bytes_max) {
  const bool plain = is_utf8(text) && std::ranges::none_of(text, [](char c) {
                       return (c >= 0 && c < ' ') || c == '\x7F';
                     });
  if (!plain) return unfit(fmt::format("The message's {} is no plain text.", what));
  if (text.size() > bytes_max) {
    return unfit(fmt::format("The message's {} has more than {} bytes.", what, bytes_max));
  }
  return text;
}

// Without what follows: "text/plain; charset=utf-8" is "text/plain".
std::string media_type(const ReceivedRequest& request) {
  const std::string* const value = net::find_header(request.headers(), "Content-Type");
  if (!value) return {};
  return lower(trimmed(std::string_view(*value).substr(0, value->find(';'))));
}

bool is_ping(const PingRule& rule, const ReceivedRequest& request) {
  if (!rule.without_header.empty() &&
      net::find_header(request.headers(), rule.without_header) != nullptr) {
    return false;
  }
  if (!rule.content_type.empty() && media_type(request) != rule.content_type) return false;
  if (rule.pattern && !re2::RE2::FullMatch(request.body(), *rule.pattern)) return false;
  if (rule.when.empty()) return true;
  const Result<std::string> made = render_message_template(rule.when, request);
  return made && *made == rule.equals;
}

bool has_dot_segment(std::string_view path) {
  path.remove_prefix(1);
  for (bool more = true; more;) {
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    if (segment.empty() || segment == "." || segment == "..") return true;
    more = end != std::string_view::npos;
    if (more) path.remove_prefix(end + 1);
  }
  return false;
}

bool fits_header(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

const Result<json::value>& ReceivedRequest::body_json() const {
  if (!body_json_) body_json_.emplace(parse_json(body_, &memory_));
  return *body_json_;
}

const json::value& ReceivedRequest::header_json() const {
  if (!header_json_) {
    json::object object(&memory_);
    object.reserve(headers_.size());
    // emplace() leaves what is there already.
    for (const net::Header& header : headers_) object.emplace(lower(header.name), header.value);
    header_json_.emplace(std::move(object));
  }
  return *header_json_;
}

std::string_view ReceivedRequest::digest() const {
  if (digest_.empty()) digest_ = hex(crypto::sha256(body_));
  return digest_;
}

const PingRule* find_ping(const ReceiptRules& rules, const ReceivedRequest& request,
                          bool is_signed) {
  for (const PingRule& rule : rules.pings) {
    if (rule.is_signed == is_signed && is_ping(rule, request)) return &rule;
  }
  return nullptr;
}

Result<std::string> render_answer(const ReceiptAnswer& answer, const ReceivedRequest& request) {
  if (answer.body.empty()) return std::string();
  AllReceived values;
  fill(values, answer.body, request);
  if (answer.body.is_text()) return render(answer.body, request_stretch(values), request);
  std::string text;
  const Result<void> made = answer.body.append_json(request_stretch(values), text);
  if (!made) return fail(told(made.error(), answer.body, request));
  return text;
}

Result<ReceivedMessage> read_message(const ReceiptRules& rules, const ReceivedRequest& request) {
  AllReceived values;
  for (const Template* of : {&rules.id, &rules.type, &rules.key, &rules.environment}) {
    fill(values, *of, request);
  }
  ReceivedMessage message;
  const auto read = [&](std::string_view what, const Template& of, std::size_t bytes_max) {
    Result<std::string> text = render(of, request_stretch(values), request);
    return text ? checked(what, *std::move(text), bytes_max) : text;
  };
  Result<std::string> id = read("id", rules.id, ReceivedMessage::kIdBytesMax);
  if (!id) return fail(std::move(id).error());
  // A header cannot hold JSON's null, so PeptideClients writes the word (A-PC-4).
  if (*id != "null") message.id = *std::move(id);
  Result<std::string> type = read("type", rules.type, ReceivedMessage::kTypeBytesMax);
  if (!type) return fail(std::move(type).error());
  const auto named = rules.types.find(*type);
  message.type = named == rules.types.end() ? *std::move(type) : named->second;

  if (!message.type.empty()) values[kReceivedType] = std::string_view(message.type);
  if (!message.id.empty()) values[kReceivedId] = std::string_view(message.id);
  Result<std::string> key = render(rules.key, message_stretch(values), request);
  if (!key) return fail(std::move(key).error());
  message.key = key->empty() ? message.id : *std::move(key);
  if (message.key.empty()) message.key = fmt::format("{}:{}", message.type, request.digest());

  const Result<std::string> environment =
      render(rules.environment, message_stretch(values), request);
  if (!environment) return fail(environment.error());
  if (std::ranges::count(rules.production, *environment) > 0) {
    message.environment = Environment::kProduction;
  } else if (std::ranges::count(rules.sandbox, *environment) > 0) {
    message.environment = Environment::kSandbox;
  }
  return message;
}

Result<std::optional<FetchRequest>> fetch_request(const FetchRules& rules, std::string_view type,
                                                  const ReceivedRequest& request,
                                                  const json::object& settings) {
  auto path = rules.paths.find(std::string(type));
  if (path == rules.paths.end()) path = rules.paths.find("*");
  if (path == rules.paths.end()) return std::optional<FetchRequest>();

  const json::value all_settings = settings;
  AllReceived values;
  values[kReceivedSettings] = &all_settings;
  if (!type.empty()) values[kReceivedType] = type;
  FetchRequest made;
  fill(values, path->second, request);
  const Result<void> written = path->second.append_url_path(fetch_stretch(values), made.path);
  if (!written) return fail(told(written.error(), path->second, request));
  if (has_dot_segment(made.path)) {
    return unfit(fmt::format("{} is no path of a document.", made.path));
  }
  for (const auto& [name, value] : rules.headers) {
    fill(values, value, request);
    Result<std::string> text = render(value, fetch_stretch(values), request);
    if (!text) return fail(std::move(text).error());
    if (!fits_header(*text)) {
      return unfit(fmt::format("The header {} would not be printable ASCII.", name));
    }
    made.headers.push_back({name, *std::move(text)});
  }
  return std::optional(std::move(made));
}

Result<std::string> render_message_template(const Template& of, const ReceivedRequest& request) {
  AllReceived values;
  fill(values, of, request);
  return render(of, request_stretch(values), request);
}

}  // namespace waybill::dialect
