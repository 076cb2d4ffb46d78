#include "delivery/custom_headers.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json.h"
#include "net/header.h"

namespace waybill::delivery {
namespace {

constexpr std::array<std::string_view, 15> kForbidden = {
    "Accept-Encoding",   "Connection", "Expect",          "Host",        "HTTP2-Settings",
    "Keep-Alive",        "Metadata",   "Metadata-Flavor", "TE",          "Trailer",
    "Transfer-Encoding", "Upgrade",    "User-Agent",      "traceparent", "tracestate"};
// Whole families.
constexpr std::array<std::string_view, 4> kForbiddenPrefixes = {
    "Content-", "Proxy-", "X-aws-ec2-metadata-", "X-Google-Metadata-"};

// RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

// A receiver would cut off what is blank at its ends.
bool is_value(std::string_view text) {
  return !text.empty() && text.size() <= kHeaderValueMax && text.front() != ' ' &&
         text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// Whether requests of the dialect have it already, at the first try or later, or signed.
bool is_of_dialect(const dialect::Dialect& dialect, std::string_view name) {
  const auto is_name = [&](const std::string& taken) {
    return !taken.empty() && net::same_header_name(taken, name);
  };
  if (std::ranges::any_of(dialect.headers, is_name, &dialect::Dialect::HeaderRule::name)) {
    return true;
  }
  const auto& signature = dialect.signature;
  return signature && (is_name(signature->header) || is_name(signature->rotation_header) ||
                       is_name(signature->id_header) || is_name(signature->timestamp_header));
}

bool is_forbidden(std::string_view name) {
  return std::ranges::any_of(kForbidden,
                             [&](auto taken) { return net::same_header_name(taken, name); }) ||
         std::ranges::any_of(kForbiddenPrefixes, [&](auto prefix) {
           return net::same_header_name(prefix, name.substr(0, prefix.size()));
         });
}

}  // namespace

Result<void> check_custom_header(const dialect::Dialect& dialect, const CustomHeader& header) {
  const std::string& name = header.name;
  if (name.empty() || name.size() > kHeaderNameMax || !is_token(name)) {
    return fail(Code::kInvalid, "header_invalid",
                fmt::format("A header's name has 1 to {} letters, digits and !#$%&'*+-.^_`|~.",
                            kHeaderNameMax));
  }
  if (is_forbidden(name)) {
    return fail(Code::kInvalid, "header_forbidden",
                fmt::format("{} cannot be set: the hub sets it, or nobody may.", name));
  }
  if (is_of_dialect(dialect, name)) {
    return fail(Code::kInvalid, "header_forbidden",
                fmt::format("{} cannot be set: it is one of {}'s own.", name, dialect.title));
  }
  if (!is_value(header.value.reveal())) {
    return fail(Code::kInvalid, "header_invalid",
                fmt::format("A header's value has 1 to {} printable ASCII characters, the first "
                            "and the last of which are no spaces.",
                            kHeaderValueMax));
  }
  if (header.value.reveal() == kHeaderMask) {
    return fail(Code::kInvalid, "header_invalid",
                fmt::format("{} stands for a value that is not shown: give the value itself.",
                            kHeaderMask));
  }
  return {};
}

model::SealedHeaders seal_headers(const crypto::SecretBox& secret_box,
                                  const std::vector<CustomHeader>& headers,
                                  const model::EndpointId& endpoint) {
  model::SealedHeaders sealed;
  if (headers.empty()) return sealed;
  json::array values;
  for (const CustomHeader& header : headers) {
    sealed.names.push_back(header.name);
    values.emplace_back(header.value.reveal());
  }
  sealed.sealed = secret_box.seal(write_json(values), endpoint.bytes());
  return sealed;
}

Result<std::vector<CustomHeader>> open_headers(const crypto::SecretBox& secret_box,
                                               const model::SealedHeaders& headers,
                                               const model::EndpointId& endpoint) {
  std::vector<CustomHeader> opened;
  if (headers.sealed.empty()) return opened;
  const auto text = secret_box.open(headers.sealed, endpoint.bytes());
  if (!text) return fail(text.error());
  const auto values = parse_json(text->reveal());
  WAYBILL_CHECK(values && values->is_array() && values->get_array().size() == headers.names.size(),
                "sealed headers have a value for each name");
  for (const json::value& value : values->get_array()) {
    opened.push_back({headers.names[opened.size()], Secret(json::value_to<std::string>(value))});
  }
  return opened;
}

}  // namespace waybill::delivery
