#include "net/client_address.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "net/header.h"

namespace waybill::net {
namespace {

namespace ip = boost::asio::ip;

std::optional<ip::address> parse_address(std::string_view text) {
  boost::system::error_code error;
  auto address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  return address;
}

// "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:4711".
std::optional<ip::address> parse_entry(std::string_view entry) {
  if (entry.starts_with('[')) {
    const std::size_t end = entry.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return parse_address(entry.substr(1, end - 1));
  }
  if (std::ranges::count(entry, ':') == 1) entry = entry.substr(0, entry.find(':'));
  return parse_address(entry);
}

// All entries of all such headers, in the order they were added.
std::vector<std::string_view> forwarded_for(const Request& request) {
  std::vector<std::string_view> entries;
  for (const Header& header : request.headers) {
    if (!same_header_name(header.name, "X-Forwarded-For")) continue;
    std::string_view list = header.value;
    for (;;) {
      const std::size_t comma = list.find(',');
      entries.push_back(trimmed(list.substr(0, comma)));
      if (comma == std::string_view::npos) break;
      list.remove_prefix(comma + 1);
    }
  }
  return entries;
}

}  // namespace

std::string client_address(const Request& request, const std::vector<Network>& trusted) {
  if (trusted.empty()) return request.peer;
  const auto is_trusted = [&](const ip::address& address) {
    return std::ranges::any_of(trusted,
                               [&](const Network& network) { return network.contains(address); });
  };
  auto caller = parse_address(request.peer);
  if (!caller || !is_trusted(*caller)) return request.peer;
  std::vector<std::string_view> entries = forwarded_for(request);
  for (; !entries.empty() && is_trusted(*caller); entries.pop_back()) {
    const auto before = parse_entry(entries.back());
    if (!before) break;
    caller = before;
  }
  return caller->to_string();
}

}  // namespace waybill::net
