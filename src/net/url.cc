#include "net/url.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

namespace waybill::net {
namespace {
constexpr std::size_t kUrlCharsMax = 2000;
}

std::string Url::origin() const {
  std::string text = tls ? "https://" : "http://";
  return text.append(host).append(":").append(std::to_string(port));
}

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) text.append(":").append(std::to_string(port));
  return text;
}

Result<Url> parse_url(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kInvalid, "url_invalid", fmt::format("\"{}\" {}.", text.substr(0, 200), why));
  };
  if (text.size() > kUrlCharsMax) return refuse("is longer than 2,000 characters");
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return refuse("is no absolute URL, such as https://example.com/hook");
  const boost::urls::url_view view = *parsed;

  Url url;
  if (view.scheme_id() == boost::urls::scheme::https) {
    url.tls = true;
  } else if (view.scheme_id() != boost::urls::scheme::http) {
    return refuse("is neither http:// nor https://");
  }
  if (view.has_userinfo()) return refuse("has a user name or password in it");
  url.host = view.encoded_host_address();
  for (char& c : url.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (url.host.empty()) return refuse("names no host");
  url.port = view.has_port() ? view.port_number() : (url.tls ? 443 : 80);
  if (url.port == 0) return refuse("names no port that can be reached");
  url.target = view.encoded_path();
  // Boost 1.81 takes the 1.2.3.4 of https://1.2.3.4.example.com/ for the host, and what follows it
  // for a path.
  if (!url.target.empty() && url.target.front() != '/') return refuse("names no host");
  if (url.target.empty()) url.target = "/";
  if (view.has_query()) url.target += "?" + std::string(view.encoded_query());
  return url;
}

}  // namespace waybill::net
