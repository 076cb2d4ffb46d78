#include "net/egress_guard.h"

#include <string>

#include <gtest/gtest.h>

namespace waybill::net {
namespace {

namespace ip = boost::asio::ip;

std::string why(const std::string& address) {
  const char* reason = why_not_public(ip::make_address(address));
  return reason ? reason : "";
}

TEST(EgressGuard, KnowsEveryRangeByItsFirstAndLastAddress) {
  struct Case {
    const char* first;
    const char* last;
    const char* reason;
  };
  for (const Case& c : {
           Case{"0.0.0.0", "0.255.255.255", "unspecified"},
           Case{"10.0.0.0", "10.255.255.255", "private network"},
           Case{"100.64.0.0", "100.127.255.255", "carrier-grade NAT"},
           Case{"127.0.0.0", "127.255.255.255", "loopback"},
           Case{"169.254.0.0", "169.254.255.255", "link-local, where cloud metadata is served"},
           Case{"172.16.0.0", "172.31.255.255", "private network"},
           Case{"192.0.0.0", "192.0.0.255", "protocol assignments"},
           Case{"192.0.2.0", "192.0.2.255", "documentation"},
           Case{"192.88.99.0", "192.88.99.255", "6to4 relay"},
           Case{"192.168.0.0", "192.168.255.255", "private network"},
           Case{"198.18.0.0", "198.19.255.255", "benchmarking"},
           Case{"198.51.100.0", "198.51.100.255", "documentation"},
           Case{"203.0.113.0", "203.0.113.255", "documentation"},
           Case{"224.0.0.0", "239.255.255.255", "multicast"},
           Case{"240.0.0.0", "255.255.255.255", "reserved"},
           Case{"::", "::", "unspecified"},
           Case{"::1", "::1", "loopback"},
           Case{"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local-use NAT64"},
           Case{"100::", "100::ffff:ffff:ffff:ffff", "discard-only"},
           Case{"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol assignments"},
           Case{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
           Case{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
           Case{"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing"},
           Case{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private network (ULA)"},
           Case{"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"},
           Case{"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local"},
           Case{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
       }) {
    EXPECT_EQ(why(c.first), c.reason) << c.first;
    EXPECT_EQ(why(c.last), c.reason) << c.last;
  }
}

TEST(EgressGuard, LetsPassWhatLiesBesideTheRanges) {
  for (const char* address : {"1.0.0.0",
                              "9.255.255.255",
                              "11.0.0.0",
                              "100.63.255.255",
                              "100.128.0.0",
                              "126.255.255.255",
                              "128.0.0.0",
                              "169.253.255.255",
                              "169.255.0.0",
                              "172.15.255.255",
                              "172.32.0.0",
                              "191.255.255.255",
                              "192.0.1.0",
                              "192.0.3.0",
                              "192.88.98.255",
                              "192.88.100.0",
                              "192.167.255.255",
                              "192.169.0.0",
                              "198.17.255.255",
                              "198.20.0.0",
                              "198.51.99.255",
                              "198.51.101.0",
                              "203.0.112.255",
                              "203.0.114.0",
                              "223.255.255.255",
                              "8.8.8.8",
                              "2000::",
                              "2001:200::",
                              "2001:db7:ffff::",
                              "2001:db9::",
                              "2001:4860:4860::8888",
                              "2606:4700::1111",
                              "3ffe::",
                              "3fff:1000::"}) {
    EXPECT_EQ(why(address), "") << address;
  }
}

// One address in a private network has many names; each is judged by the IPv4 address inside.
TEST(EgressGuard, JudgesIpv6FormsByTheIpv4AddressTheyCarry) {
  struct Case {
    const char* address;
    const char* reason;
  };
  for (const Case& c : {
           Case{"::ffff:127.0.0.1", "loopback"},
           Case{"::ffff:10.1.2.3", "private network"},
           Case{"::ffff:169.254.169.254", "link-local, where cloud metadata is served"},
           Case{"::ffff:8.8.8.8", ""},
           Case{"::ffff:0:10.1.2.3", "reserved"},  // RFC 2765
           Case{"::127.0.0.1", "loopback"},
           Case{"::10.1.2.3", "private network"},
           Case{"64:ff9b::127.0.0.1", "loopback"},
           Case{"64:ff9b::192.168.1.1", "private network"},
           Case{"64:ff9b::8.8.8.8", ""},
           Case{"2002:7f00:1::", "loopback"},
           Case{"2002:a01:203::1", "private network"},
           Case{"2002:c0a8:101:1:2:3:4:5", "private network"},
           Case{"2002:808:808::1", ""},
       }) {
    EXPECT_EQ(why(c.address), c.reason) << c.address;
  }
}

TEST(EgressGuard, RefusesIpv6AddressesThatNobodyHasBeenGiven) {
  for (const char* address : {"64:ff9b:2::1", "200::1", "1fff:ffff::", "4000::", "8000::1",
                              "::1:0:0:1", "::fffe:127.0.0.1"}) {
    EXPECT_EQ(why(address), "reserved") << address;
  }
}

TEST(EgressGuard, NamesTheAddressTheReasonAndTheSettings) {
  const auto refused = EgressGuard(false).check(ip::make_address("10.1.2.3"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kForbidden);
  EXPECT_EQ(refused.error().reason, "address_blocked");
  for (const char* part :
       {"10.1.2.3", "private network", "--allow-networks 10.1.2.3", "--allow-private-networks"}) {
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
  }
  EXPECT_TRUE(EgressGuard(false).check(ip::make_address("8.8.8.8")));
}

TEST(EgressGuard, LetsEverythingPassWhenPrivateNetworksAreAllowed) {
  for (const char* address : {"127.0.0.1", "10.1.2.3", "::1", "fe80::1", "8.8.8.8"}) {
    EXPECT_TRUE(EgressGuard(true).check(ip::make_address(address))) << address;
  }
}

TEST(EgressGuard, LetsPassWhatTheListNamesAndNothingElse) {
  const EgressGuard guard(false, parse_networks("10.1.0.0/16,fd00::/8").value());
  for (const char* address : {"10.1.0.0", "10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "8.8.8.8"}) {
    EXPECT_TRUE(guard.check(ip::make_address(address))) << address;
  }
  for (const char* address : {"10.2.0.0", "::ffff:10.2.0.0", "127.0.0.1", "169.254.169.254", "::1",
                              "fc00::1", "2002:a01:203::1", "64:ff9b::10.1.2.3"}) {
    EXPECT_FALSE(guard.check(ip::make_address(address))) << address;
  }
}

// What the message says is what an operator types.
TEST(EgressGuard, LetsPassWhatItsOwnMessageSaysItWould) {
  for (const char* blocked : {"10.1.2.3", "::ffff:10.1.2.3", "::1", "64:ff9b::10.1.2.3"}) {
    const auto address = ip::make_address(blocked);
    const std::string message = EgressGuard(false).check(address).error().message;
    constexpr std::string_view flag = "--allow-networks ";
    const std::string rest = message.substr(message.find(flag) + flag.size());
    const auto networks = parse_networks(rest.substr(0, rest.find(' ')));
    ASSERT_TRUE(networks) << message;
    EXPECT_TRUE(EgressGuard(false, *networks).check(address)) << blocked;
  }
}

}  // namespace
}  // namespace waybill::net
