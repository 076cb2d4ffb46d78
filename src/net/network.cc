#include "net/network.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/format.h>

namespace waybill::net {
namespace {
namespace ip = boost::asio::ip;

constexpr int kMappedBits = 96;  // What IPv6 puts before an IPv4 address.

std::array<std::uint8_t, 16> bytes_of(const ip::address& address) {
  return (address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6())
      .to_bytes();
}

bool bit_of(const std::array<std::uint8_t, 16>& bytes, int bit) {
  return (bytes[static_cast<std::size_t>(bit / 8)] & (0x80 >> (bit % 8))) != 0;
}

}  // namespace

Result<Network> Network::parse(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kInvalid, "network_invalid",
                fmt::format("\"{}\" is no network such as 10.1.0.0/16 or fd00::/8: {}.",
                            text.substr(0, 100), why));
  };
  const std::size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  boost::system::error_code error;
  const auto address = ip::make_address(host, error);
  if (error || host.find('%') != std::string::npos) return refuse("there is no IP address in it");

  const int bits_max = address.is_v4() ? 32 : 128;
  int bits = bits_max;
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const auto [end, failure] = std::from_chars(length.data(), length.data() + length.size(), bits);
    if (failure != std::errc{} || end != length.data() + length.size() || bits < 0 ||
        bits > bits_max) {
      return refuse(fmt::format("after the slash comes a number from 0 to {}", bits_max));
    }
  }
  if (address.is_v4()) bits += kMappedBits;
  const Network network(bytes_of(address), bits);
  // Most likely a slip, and either way of reading it would surprise somebody.
  for (int bit = bits; bit < 128; ++bit) {
    if (bit_of(network.first_, bit))
      return refuse("the address has bits beyond the slash's number");
  }
  return network;
}

bool Network::contains(const ip::address& address) const {
  const Bytes bytes = bytes_of(address);
  const bool is_v4 = address.is_v4() || address.to_v6().is_v4_mapped();
  if (is_v4 && bits_ < kMappedBits) return false;
  for (int bit = 0; bit < bits_; ++bit) {
    if (bit_of(bytes, bit) != bit_of(first_, bit)) return false;
  }
  return true;
}

Result<std::vector<Network>> parse_networks(std::string_view list) {
  std::vector<Network> networks;
  for (;;) {
    const std::size_t comma = list.find(',');
    std::string_view part = list.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    auto network = Network::parse(part);
    if (!network) return fail(network.error());
    networks.push_back(*network);
    if (comma == std::string_view::npos) return networks;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace waybill::net
