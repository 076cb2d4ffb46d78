// The EgressGuard decides which addresses the hub sends to. A URL comes from a user; without this,
// the hub would fetch for them whatever its own network can reach.
//
// It judges addresses, not names: the client resolves a name, has every address judged, and
// connects to the judged address, so a name that resolves otherwise a moment later changes nothing.

#pragma once

#include <utility>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "base/result.h"
#include "net/network.h"

namespace waybill::net {

class EgressGuard {
 public:
  // `allow_private_networks`: let everything pass (`--allow-private-networks`), for receivers on
  // the hub's own machine or network. `allow_networks`: let these pass, too (`--allow-networks`).
  explicit EgressGuard(bool allow_private_networks, std::vector<Network> allow_networks = {})
      : allow_private_networks_(allow_private_networks),
        allow_networks_(std::move(allow_networks)) {}

  // Fails with kForbidden (address_blocked) for loopback, private, link-local, CGNAT, multicast,
  // documentation, benchmarking, reserved and unspecified addresses, for the metadata services
  // among them, and for IPv6 forms that carry such an IPv4 address. The message names the address
  // and the settings that would allow it.
  Result<void> check(const boost::asio::ip::address& address) const;

 private:
  bool allow_private_networks_;
  std::vector<Network> allow_networks_;
};

// Why an address is not a public one ("private network"), or null for a public one.
const char* why_not_public(const boost::asio::ip::address& address);

}  // namespace waybill::net
