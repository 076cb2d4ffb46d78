#include "net/client_address.h"

#include <gtest/gtest.h>

namespace waybill::net {
namespace {

struct Case {
  const char* what;
  const char* peer;
  std::vector<const char*> headers;  // Of X-Forwarded-For.
  const char* expected;
};

std::string address_of(const Case& c, std::string_view trusted) {
  Request request;
  request.peer = c.peer;
  request.headers.push_back({"X-Real-IP", "203.0.113.9"});
  for (const char* value : c.headers) request.headers.push_back({"x-forwarded-for", value});
  const auto networks = trusted.empty() ? std::vector<Network>() : parse_networks(trusted).value();
  return client_address(request, networks);
}

TEST(ClientAddress, IsTheRightMostThatIsNoTrustedProxy) {
  for (const Case& c : {
           Case{"nobody forwarded it", "10.0.0.1", {}, "10.0.0.1"},
           Case{"one proxy", "10.0.0.1", {"192.0.2.7"}, "192.0.2.7"},
           Case{"two proxies", "10.0.0.1", {"192.0.2.7, 10.0.0.2"}, "192.0.2.7"},
           Case{"the caller's own word is left of it",
                "10.0.0.1",
                {"198.51.100.1, 192.0.2.7"},
                "192.0.2.7"},
           Case{"also where it names a trusted proxy",
                "10.0.0.1",
                {"198.51.100.1, 10.0.0.9, 192.0.2.7, 10.0.0.2"},
                "192.0.2.7"},
           Case{"headers follow each other",
                "10.0.0.1",
                {"198.51.100.1", "192.0.2.7", "10.0.0.2"},
                "192.0.2.7"},
           Case{"all are trusted", "10.0.0.1", {"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
           Case{"a peer that is no proxy", "192.0.2.1", {"198.51.100.1"}, "192.0.2.1"},
           Case{"a proxy of IPv6", "fd00::1", {"2001:db8::7"}, "2001:db8::7"},
           Case{"a proxy whose address is mapped", "::ffff:10.0.0.1", {"192.0.2.7"}, "192.0.2.7"},
           Case{"a caller whose address is mapped", "10.0.0.1", {"::ffff:192.0.2.7"}, "192.0.2.7"},
           Case{"with a port", "10.0.0.1", {"192.0.2.7:4711"}, "192.0.2.7"},
           Case{"with a port, of IPv6", "10.0.0.1", {"[2001:db8::7]:4711"}, "2001:db8::7"},
           Case{"in brackets", "10.0.0.1", {"[2001:db8::7]"}, "2001:db8::7"},
           Case{"with blanks", "10.0.0.1", {"198.51.100.1 ,\t192.0.2.7 "}, "192.0.2.7"},
           Case{"what cannot be read ends it", "10.0.0.1", {"192.0.2.7, unknown"}, "10.0.0.1"},
           Case{"behind a proxy", "10.0.0.1", {"192.0.2.7, unknown, 10.0.0.2"}, "10.0.0.2"},
           Case{"an empty one ends it", "10.0.0.1", {"192.0.2.7, "}, "10.0.0.1"},
           Case{"an empty header", "10.0.0.1", {""}, "10.0.0.1"},
           Case{"half a bracket", "10.0.0.1", {"[2001:db8::7"}, "10.0.0.1"},
           Case{"a peer that is no address", "", {"192.0.2.7"}, ""},
       }) {
    EXPECT_EQ(address_of(c, "10.0.0.0/24,fd00::/8"), c.expected) << c.what;
  }
}

TEST(ClientAddress, IsThePeersWhereNoProxyIsTrusted) {
  const Case c{"", "10.0.0.1", {"192.0.2.7"}, ""};
  EXPECT_EQ(address_of(c, ""), "10.0.0.1");
  EXPECT_EQ(address_of(c, "10.0.0.2"), "10.0.0.1");
}

}  // namespace
}  // namespace waybill::net
