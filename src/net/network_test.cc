#include "net/network.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waybill::net {
namespace {

namespace ip = boost::asio::ip;

bool holds(const std::string& network, const std::string& address) {
  const auto parsed = Network::parse(network);
  EXPECT_TRUE(parsed) << network;
  return parsed && parsed->contains(ip::make_address(address));
}

TEST(Network, HoldsTheAddressesFromItsFirstToItsLast) {
  struct Case {
    const char* network;
    const char* before;
    const char* first;
    const char* last;
    const char* after;
  };
  for (const Case& c :
       {Case{"10.1.0.0/16", "10.0.255.255", "10.1.0.0", "10.1.255.255", "10.2.0.0"},
        Case{"192.168.4.0/22", "192.168.3.255", "192.168.4.0", "192.168.7.255", "192.168.8.0"},
        Case{"10.1.2.3", "10.1.2.2", "10.1.2.3", "10.1.2.3", "10.1.2.4"},
        Case{"10.1.2.3/32", "10.1.2.2", "10.1.2.3", "10.1.2.3", "10.1.2.4"},
        Case{"fd00::/8", "fcff:ffff::", "fd00::", "fdff:ffff::1", "fe00::"},
        Case{"fd12:3456::/33",
             "fd12:3455:ffff::", "fd12:3456::", "fd12:3456:7fff:ffff::", "fd12:3456:8000::"},
        Case{"::1", "::", "::1", "::1", "::2"}}) {
    EXPECT_FALSE(holds(c.network, c.before)) << c.network;
    EXPECT_TRUE(holds(c.network, c.first)) << c.network;
    EXPECT_TRUE(holds(c.network, c.last)) << c.network;
    EXPECT_FALSE(holds(c.network, c.after)) << c.network;
  }
}

TEST(Network, JudgesTheMappedFormOfAnIpv4AddressAsThatAddress) {
  EXPECT_TRUE(holds("10.1.0.0/16", "::ffff:10.1.2.3"));
  EXPECT_FALSE(holds("10.1.0.0/16", "::ffff:10.2.2.3"));
  EXPECT_TRUE(holds("::ffff:10.1.0.0/112", "10.1.2.3"));
  EXPECT_TRUE(holds("::ffff:10.1.0.0/112", "::ffff:10.1.2.3"));
  // Other forms that carry it are other addresses.
  EXPECT_FALSE(holds("10.1.0.0/16", "::10.1.2.3"));
  EXPECT_FALSE(holds("10.1.0.0/16", "64:ff9b::10.1.2.3"));
}

TEST(Network, OfAllAddressesIsOfOneKind) {
  EXPECT_TRUE(holds("0.0.0.0/0", "10.1.2.3"));
  EXPECT_TRUE(holds("0.0.0.0/0", "::ffff:10.1.2.3"));
  EXPECT_FALSE(holds("0.0.0.0/0", "::1"));
  EXPECT_TRUE(holds("::/0", "::1"));
  EXPECT_FALSE(holds("::/0", "10.1.2.3"));
  EXPECT_FALSE(holds("::/0", "::ffff:10.1.2.3"));
}

TEST(Network, RefusesWhatIsNone) {
  for (const char* text :
       {"", "10", "10.1.2", "example.com", "10.1.0.0/", "10.1.0.0/x", "10.1.0.0/-1", "10.1.0.0/+8",
        "10.1.0.0/33", "10.1.0.0/16/16", "10.1.0.0/16 ", "fd00::/129", "fe80::%1/64", "[::1]",
        "10.1.2.3/16", "fd00::1/8", "999.0.0.0/8", "0x0a.0.0.0/8"}) {
    const auto network = Network::parse(text);
    ASSERT_FALSE(network) << text;
    EXPECT_EQ(network.error().reason, "network_invalid");
    EXPECT_THAT(network.error().message, testing::HasSubstr("\"" + std::string(text) + "\""));
  }
}

TEST(Networks, AreAListWithCommas) {
  const auto networks = parse_networks("10.1.0.0/16, fd00::/8");
  ASSERT_TRUE(networks) << networks.error().message;
  ASSERT_EQ(networks->size(), 2u);
  EXPECT_TRUE((*networks)[1].contains(ip::make_address("fd00::1")));

  for (const char* text : {"", ",", "10.1.0.0/16,", "10.1.0.0/16,,fd00::/8", "10.1.0.0/16;::1"}) {
    EXPECT_FALSE(parse_networks(text)) << text;
  }
  EXPECT_THAT(parse_networks("10.1.0.0/16,10.300.0.0/8").error().message,
              testing::HasSubstr("\"10.300.0.0/8\""));
}

}  // namespace
}  // namespace waybill::net
