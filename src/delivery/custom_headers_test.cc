#include "delivery/custom_headers.h"

#include <sstream>

#include <gtest/gtest.h>

#include "delivery/dispatcher_fixture.h"

namespace waybill::delivery {
namespace {

const dialect::Dialect& dialect_called(std::string_view name) {
  const dialect::Dialect* found = built_in_dialects().find(name);
  WAYBILL_CHECK(found != nullptr, "it is built in");
  return *found;
}

std::string verdict(const std::string& name, const std::string& value = "v",
                    std::string_view dialect = "standard-webhooks") {
  const auto checked = check_custom_header(dialect_called(dialect), {name, Secret(value)});
  return checked ? "good" : checked.error().reason;
}

TEST(CustomHeaders, AreWhatReceiversAskFor) {
  for (const char* name : {"Authorization", "X-Tenant", "x-api-key", "Cookie", "Accept", "Metadat",
                           "Contents", "X-Content", "!#$%&'*+-.^_`|~09AZaz"}) {
    EXPECT_EQ(verdict(name), "good") << name;
  }
}

TEST(CustomHeaders, OfTheConnectionTheBodyTheTraceAndMetadataServicesAreForbidden) {
  for (const char* name : {"Host",
                           "HOST",
                           "Connection",
                           "Keep-Alive",
                           "TE",
                           "Trailer",
                           "Transfer-Encoding",
                           "Upgrade",
                           "Expect",
                           "HTTP2-Settings",
                           "Content-Type",
                           "content-length",
                           "Content-Encoding",
                           "Content-",
                           "Proxy-Authorization",
                           "proxy-connection",
                           "Accept-Encoding",
                           "User-Agent",
                           "traceparent",
                           "Tracestate",
                           "Metadata",
                           "Metadata-Flavor",
                           "X-aws-ec2-metadata-token",
                           "X-Google-Metadata-Request"}) {
    EXPECT_EQ(verdict(name), "header_forbidden") << name;
  }
}

TEST(CustomHeaders, OfTheDialectAreForbiddenAlsoThoseOfRetriesAndSignatures) {
  for (const dialect::Dialect* dialect :
       {&dialect_called("standard-webhooks"), &dialect_called("proculink"),
        &dialect_called("procureiq"), &dialect_called("precoro"), &dialect_called("peptideclients"),
        &dialect_called("proign")}) {
    for (const auto& header : dialect->headers) {
      EXPECT_EQ(verdict(header.name, "v", dialect->name), "header_forbidden")
          << dialect->name << " " << header.name;
    }
    if (!dialect->signature) continue;
    for (const std::string& name :
         {dialect->signature->header, dialect->signature->rotation_header}) {
      if (name.empty()) continue;
      EXPECT_EQ(verdict(name, "v", dialect->name), "header_forbidden")
          << dialect->name << " " << name;
    }
  }
  EXPECT_EQ(verdict("Webhook-Signature"), "header_forbidden");
  EXPECT_EQ(verdict("Webhook-Signature", "v", "proculink"), "good") << "not one of ProcuLink's";
}

TEST(CustomHeaders, HaveNamesAndValuesThatCanStandInARequest) {
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a:"),
                                  std::string("ä"), std::string("a\r\nb"), std::string(101, 'a')}) {
    EXPECT_EQ(verdict(name), "header_invalid") << name;
  }
  EXPECT_EQ(verdict(std::string(100, 'a')), "good");
  for (const std::string& value :
       {std::string(), std::string(" v"), std::string("v "), std::string("v\r\nHost: x"),
        std::string("v\t"), std::string("ä"), std::string("\x7f"), std::string(1'001, 'v'),
        std::string("***")}) {
    EXPECT_EQ(verdict("X-A", value), "header_invalid") << value;
  }
  EXPECT_EQ(verdict("X-A", std::string(1'000, '~')), "good");
}

TEST(CustomHeaders, NoMessageHoldsTheValue) {
  for (const char* name : {"Host", "webhook-id", "a b", "X-A"}) {
    const auto checked =
        check_custom_header(dialect_called("standard-webhooks"), {name, Secret("hush\n")});
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().message.find("hush"), std::string::npos) << name;
  }
}

TEST(CustomHeaders, AreSealedForTheirEndpointAndOpenInTheirOrder) {
  const auto box = crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value();
  boost::asio::io_context context;
  ManualClock clock(context);
  IdGenerator ids(clock, 1);
  const auto id = ids.next_id<model::EndpointId>();
  const std::vector<CustomHeader> headers = {
      {"X-B", Secret("two")}, {"1", Secret("\"\\")}, {"X-A", Secret("Bearer hush")}};

  const model::SealedHeaders sealed = seal_headers(box, headers, id);
  EXPECT_EQ(sealed.names, (std::vector<std::string>{"X-B", "1", "X-A"}));
  EXPECT_EQ(as_text(sealed.sealed).find("hush"), std::string_view::npos);
  EXPECT_EQ(open_headers(box, sealed, id).value(), headers);
  EXPECT_FALSE(open_headers(box, sealed, ids.next_id<model::EndpointId>()));

  EXPECT_TRUE(seal_headers(box, {}, id).sealed.empty());
  EXPECT_EQ(open_headers(box, {}, id).value(), std::vector<CustomHeader>());
}

}  // namespace
}  // namespace waybill::delivery
