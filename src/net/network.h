// A Network is a range of IP addresses as an operator writes it: "10.1.0.0/16", "fd00::/8", or a
// single address.
//
// An IPv4 address is the same whether it is written 10.1.2.3 or ::ffff:10.1.2.3, and so is a
// network of them. A wider IPv6 network ("::/0") holds no IPv4 address.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "base/result.h"

namespace waybill::net {

class Network {
 public:
  // Fails with kInvalid (network_invalid), naming the text and what is wrong with it: no address,
  // no such prefix length, or bits set beyond it.
  static Result<Network> parse(std::string_view text);

  bool contains(const boost::asio::ip::address& address) const;

 private:
  using Bytes = std::array<std::uint8_t, 16>;
  Network(const Bytes& first, int bits) : first_(first), bits_(bits) {}

  Bytes first_;  // As IPv6, an IPv4 address in its mapped form.
  int bits_;     // How many of its first bits are those of every address in the network.
};

// "10.1.0.0/16,fd00::/8". Fails as Network::parse(), and for an empty part.
Result<std::vector<Network>> parse_networks(std::string_view list);

}  // namespace waybill::net
