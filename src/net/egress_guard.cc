#include "net/egress_guard.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace waybill::net {
namespace {
namespace ip = boost::asio::ip;

struct Range4 {
  std::uint32_t network;
  int bits;
  const char* name;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA's special-purpose registry (RFC 6890 and its successors).
constexpr std::array kRanges4 = {
    Range4{v4(0, 0, 0, 0), 8, "unspecified"},
    Range4{v4(10, 0, 0, 0), 8, "private network"},
    Range4{v4(100, 64, 0, 0), 10, "carrier-grade NAT"},
    Range4{v4(127, 0, 0, 0), 8, "loopback"},
    Range4{v4(169, 254, 0, 0), 16, "link-local, where cloud metadata is served"},
    Range4{v4(172, 16, 0, 0), 12, "private network"},
    Range4{v4(192, 0, 0, 0), 24, "protocol assignments"},
    Range4{v4(192, 0, 2, 0), 24, "documentation"},
    Range4{v4(192, 88, 99, 0), 24, "6to4 relay"},
    Range4{v4(192, 168, 0, 0), 16, "private network"},
    Range4{v4(198, 18, 0, 0), 15, "benchmarking"},
    Range4{v4(198, 51, 100, 0), 24, "documentation"},
    Range4{v4(203, 0, 113, 0), 24, "documentation"},
    Range4{v4(224, 0, 0, 0), 4, "multicast"},
    Range4{v4(240, 0, 0, 0), 4, "reserved"},
};

struct Range6 {
  std::array<std::uint8_t, 16> network;
  int bits;
  const char* name;
};

constexpr std::array kRanges6 = {
    Range6{{0x01, 0x00}, 64, "discard-only"},
    Range6{{0x20, 0x01, 0x00, 0x00}, 23, "protocol assignments"},
    Range6{{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
    Range6{{0x3f, 0xff}, 20, "documentation"},
    Range6{{0x5f, 0x00}, 16, "segment routing"},
    Range6{{0xfc, 0x00}, 7, "private network (ULA)"},
    Range6{{0xfe, 0x80}, 10, "link-local"},
    Range6{{0xfe, 0xc0}, 10, "site-local"},
    Range6{{0xff, 0x00}, 8, "multicast"},
};

const char* why_not_public4(std::uint32_t address) {
  for (const Range4& range : kRanges4) {
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - range.bits);
    if ((address & mask) == range.network) return range.name;
  }
  return nullptr;
}

bool in_range(const ip::address_v6::bytes_type& bytes, const Range6& range) {
  for (int bit = 0; bit < range.bits; ++bit) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const int mask = 0x80 >> (bit % 8);
    if ((bytes[at] & mask) != (range.network[at] & mask)) return false;
  }
  return true;
}

std::uint32_t v4_at(const ip::address_v6::bytes_type& bytes, std::size_t at) {
  return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

const char* why_not_public6(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  const auto starts_with = [&](std::initializer_list<std::uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
  };
  // Forms that carry an IPv4 address: judged by that one.
  const bool mapped_or_compatible = starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) ||
                                    starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  if (address.is_loopback()) return "loopback";
  if (address.is_unspecified()) return "unspecified";
  if (mapped_or_compatible) return why_not_public4(v4_at(bytes, 12));
  if (starts_with({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {  // NAT64
    return why_not_public4(v4_at(bytes, 12));
  }
  if (starts_with({0x00, 0x64, 0xff, 0x9b, 0x00, 0x01})) return "local-use NAT64";
  if (starts_with({0x20, 0x02})) return why_not_public4(v4_at(bytes, 2));  // 6to4
  for (const Range6& range : kRanges6) {
    if (in_range(bytes, range)) return range.name;
  }
  // All unicast that anybody has been given is in 2000::/3. Beside it lie forms that a translator
  // in our own network may turn into IPv4, such as ::ffff:0:10.0.0.1.
  return (bytes[0] & 0xe0) == 0x20 ? nullptr : "reserved";
}

}  // namespace

const char* why_not_public(const ip::address& address) {
  return address.is_v4() ? why_not_public4(address.to_v4().to_uint())
                         : why_not_public6(address.to_v6());
}

Result<void> EgressGuard::check(const ip::address& address) const {
  if (allow_private_networks_) return {};
  const char* why = why_not_public(address);
  if (!why) return {};
  const bool allowed =
      std::any_of(allow_networks_.begin(), allow_networks_.end(),
                  [&](const Network& network) { return network.contains(address); });
  if (allowed) return {};
  const std::string text = address.to_string();
  return fail(
      Code::kForbidden, "address_blocked",
      fmt::format("{} is not a public address ({}); the hub's setting --allow-networks {} or "
                  "--allow-private-networks would let it send there.",
                  text, why, text));
}

}  // namespace waybill::net
