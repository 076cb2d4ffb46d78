#include "net/url.h"

#include <gtest/gtest.h>

namespace waybill::net {
namespace {

TEST(ParseUrl, TakesAnAddressApart) {
  struct Case {
    const char* text;
    bool tls;
    const char* host;
    std::uint16_t port;
    const char* target;
    const char* authority;
  };
  for (const Case& c : {
           Case{"https://example.com", true, "example.com", 443, "/", "example.com"},
           Case{"http://example.com", false, "example.com", 80, "/", "example.com"},
           Case{"https://example.com/a/b?c=d&e", true, "example.com", 443, "/a/b?c=d&e",
                "example.com"},
           Case{"https://example.com?c=d", true, "example.com", 443, "/?c=d", "example.com"},
           Case{"HTTPS://EXAMPLE.com/A", true, "example.com", 443, "/A", "example.com"},
           Case{"https://example.com:443/", true, "example.com", 443, "/", "example.com"},
           Case{"http://example.com:443/", false, "example.com", 443, "/", "example.com:443"},
           Case{"https://example.com:8443/", true, "example.com", 8443, "/", "example.com:8443"},
           Case{"http://127.0.0.1:8080/", false, "127.0.0.1", 8080, "/", "127.0.0.1:8080"},
           Case{"http://[::1]/", false, "::1", 80, "/", "[::1]"},
           Case{"http://[2001:DB8::1]:8080/", false, "2001:db8::1", 8080, "/",
                "[2001:db8::1]:8080"},
           Case{"https://example.com/a%20b%2Fc?d=%C3%A4", true, "example.com", 443,
                "/a%20b%2Fc?d=%C3%A4", "example.com"},
           Case{"https://example.com/a#fragment", true, "example.com", 443, "/a", "example.com"},
       }) {
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url) << c.text << ": " << url.error().message;
    EXPECT_EQ(url->tls, c.tls) << c.text;
    EXPECT_EQ(url->host, c.host) << c.text;
    EXPECT_EQ(url->port, c.port) << c.text;
    EXPECT_EQ(url->target, c.target) << c.text;
    EXPECT_EQ(url->authority(), c.authority) << c.text;
  }
}

TEST(ParseUrl, GivesOneOriginToAddressesThatShareAConnection) {
  const auto origin = [](const char* text) { return parse_url(text).value().origin(); };
  EXPECT_EQ(origin("https://example.com/a"), origin("https://EXAMPLE.com:443/b?c"));
  EXPECT_NE(origin("https://example.com/"), origin("http://example.com/"));
  EXPECT_NE(origin("https://example.com/"), origin("https://example.com:8443/"));
  EXPECT_NE(origin("http://example.com:443/"), origin("https://example.com:443/"));
}

TEST(ParseUrl, RefusesWithAReasonThatNamesTheText) {
  struct Case {
    std::string text;
    const char* why;
  };
  for (const Case& c : {
           Case{"", "no absolute URL"},
           // It was 1.2.3.4, and "GET .5/" was sent to it.
           Case{"https://1.2.3.4.5/", "names no host"},
           Case{"http://127.0.0.1.example.com:8080/", "names no host"},
           Case{"http://10.0.0.1example.com?a", "names no host"},
           Case{"example.com/hook", "no absolute URL"},
           Case{"/hook", "no absolute URL"},
           Case{"//example.com/hook", "no absolute URL"},
           Case{"https://example.com/a b", "no absolute URL"},
           Case{"https://example.com/\r\nX: y", "no absolute URL"},
           Case{"https://example.com/ä", "no absolute URL"},
           Case{"https://[::1", "no absolute URL"},
           Case{"https://example.com/%zz", "no absolute URL"},
           Case{"ftp://example.com/", "neither http:// nor https://"},
           Case{"file:///etc/passwd", "neither http:// nor https://"},
           Case{"javascript:alert(1)", "neither http:// nor https://"},
           Case{"https://user:secret@example.com/", "a user name or password"},
           Case{"https://user@example.com/", "a user name or password"},
           Case{"https:///hook", "names no host"},
           Case{"https:hook", "names no host"},
           Case{"https://:8080/", "names no host"},
           Case{"https://example.com:0/", "names no port"},
           Case{"https://example.com:65536/", "names no port"},
           Case{"https://example.com/" + std::string(2000, 'a'), "longer than 2,000 characters"},
       }) {
    const auto url = parse_url(c.text);
    ASSERT_FALSE(url) << c.text;
    EXPECT_EQ(url.error().code, Code::kInvalid);
    EXPECT_EQ(url.error().reason, "url_invalid");
    EXPECT_NE(url.error().message.find(c.why), std::string::npos) << url.error().message;
  }
}

}  // namespace
}  // namespace waybill::net
