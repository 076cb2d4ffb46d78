#include "delivery/channels/broker_settings.h"

#include <algorithm>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

namespace waybill::delivery {
namespace {

constexpr std::string_view kHidden = "…";

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

}  // namespace

Result<BrokerUrl> read_broker_url(std::string_view text, std::string_view scheme,
                                  std::uint16_t port) {
  const auto refuse = [&](std::string_view why) {
    return fail(
        Code::kInvalid, "handler_settings_invalid",
        fmt::format("The URL {}; it is like {}://user:password@host:{}.", why, scheme, port));
  };
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return refuse("cannot be read: special characters of a password are written as %40");
  const boost::urls::url_view view = *parsed;
  BrokerUrl url;
  url.tls = view.scheme() == fmt::format("{}s", scheme);
  if (!url.tls && view.scheme() != scheme) return refuse(fmt::format("is not {}://", scheme));
  if (view.has_query() || view.has_fragment()) return refuse("has more behind its path");
  url.user = view.user();
  url.password = Secret(view.password());
  url.host = view.host_address();
  if (url.host.empty()) return refuse("names no host");
  url.port = view.has_port() ? view.port_number() : port;
  if (url.port == 0) return refuse("names no port");
  url.path = view.path();
  if (!url.path.empty()) url.path.erase(0, 1);
  if (has_control(url.user) || has_control(url.password.reveal()) || has_control(url.host) ||
      has_control(url.path)) {
    return refuse("has a control character");
  }
  return url;
}

std::string hide_password(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(kHidden);
  const std::size_t begin = scheme + 3;
  // A password may hold unescaped slashes, which a parser refuses, and which are none of its end
  // here.
  const std::size_t at = url.rfind('@');
  std::string shown(url);
  if (at != std::string_view::npos && at >= begin) {
    const std::size_t colon = url.find(':', begin);
    if (colon < at) shown.replace(colon + 1, at - colon - 1, kHidden);
  }
  // What PostgreSQL takes as parameters: password, sslpassword.
  for (std::size_t from = 0; (from = shown.find("password=", from)) != std::string::npos;) {
    from += std::string_view("password=").size();
    shown.replace(from, std::min(shown.find('&', from), shown.size()) - from, kHidden);
  }
  return shown;
}

}  // namespace waybill::delivery
