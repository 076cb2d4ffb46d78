#include "store/postgres/postgres_address.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

namespace waybill::store {
namespace {

PostgresAddress address(std::string_view url) {
  auto parsed = PostgresAddress::parse(url);
  EXPECT_TRUE(parsed) << url << ": " << parsed.error().message;
  return parsed.value();
}

std::string parameter(const PostgresAddress& address, std::string_view keyword) {
  const auto found =
      std::ranges::find(address.parameters(), keyword, &std::pair<std::string, std::string>::first);
  return found == address.parameters().end() ? "none" : found->second;
}

std::string refusal(std::string_view url) {
  const auto parsed = PostgresAddress::parse(url);
  if (parsed) return "none: " + parsed->shown();
  EXPECT_EQ(parsed.error().code, Code::kInvalid);
  EXPECT_EQ(parsed.error().reason, "database_url_invalid");
  return parsed.error().message;
}

TEST(PostgresAddress, IsShownWithoutItsPasswordAndOptions) {
  struct Case {
    std::string url, shown;
  };
  for (const Case& c :
       {Case{"postgres://waybill:hunter2@db1/hub?sslmode=verify-full",
             "postgres://waybill@db1/hub"},
        Case{"postgresql://db1:5433/hub", "postgres://db1:5433/hub"},
        Case{"postgres://u@db1,db2:5433/hub", "postgres://u@db1,db2:5433/hub"},
        Case{"postgres://u@db1:1,db2:2/hub", "postgres://u@db1:1,db2:2/hub"},
        Case{"postgres://u@db/hub?password=hunter2", "postgres://u@db/hub"},
        Case{"postgres://u@db/hub?pass%77ord=hunter2", "postgres://u@db/hub"},
        Case{"postgres://u@db/hub?sslpassword=hunter2", "postgres://u@db/hub"},
        Case{"postgres://[::1]:5432/hub", "postgres://[::1]:5432/hub"},
        Case{"postgres://[2001:db8::1],db2/hub", "postgres://[2001:db8::1],db2/hub"},
        Case{"postgres:///hub?host=/run/postgresql", "postgres://%2Frun%2Fpostgresql/hub"},
        Case{"postgres://%2Frun%2Fpostgresql:5433/hub", "postgres://%2Frun%2Fpostgresql:5433/hub"},
        Case{"postgres://me%40azure:x@db/a%20b", "postgres://me%40azure@db/a%20b"},
        Case{"postgres:///?hostaddr=10.0.0.7&dbname=hub", "postgres://10.0.0.7/hub"},
        Case{"postgres://", "postgres:///"}}) {
    EXPECT_EQ(address(c.url).shown(), c.shown) << c.url;
  }
}

TEST(PostgresAddress, WhatIsShownLeadsToTheSameServer) {
  for (const char* url : {"postgres://u@db1:1,[2001:db8::1]:2/hub", "postgres:///hub?host=/run/x",
                          "postgres://me%40azure@db/a%20b%25"}) {
    const PostgresAddress first = address(url);
    const PostgresAddress again = address(first.shown());
    for (const char* keyword : {"host", "port", "user", "dbname"}) {
      EXPECT_EQ(parameter(again, keyword), parameter(first, keyword)) << url << " " << keyword;
    }
  }
}

TEST(PostgresAddress, KeepsThePasswordApart) {
  for (const char* url :
       {"postgres://u:h%40nter2@db/hub", "postgres://u@db/hub?password=h%40nter2"}) {
    const PostgresAddress found = address(url);
    EXPECT_TRUE(found.has_password()) << url;
    EXPECT_TRUE(found.holds_secret()) << url;
    EXPECT_EQ(found.password().reveal(), "h@nter2") << url;
    EXPECT_EQ(parameter(found, "password"), "none") << url;
  }
  for (const char* url : {"postgres://u@db/hub", "postgres://u:@db/hub"}) {
    EXPECT_FALSE(address(url).has_password()) << url;
    EXPECT_FALSE(address(url).holds_secret()) << url;
  }
  const PostgresAddress key = address("postgres://u@db/hub?sslpassword=hunter2");
  EXPECT_FALSE(key.has_password());
  EXPECT_TRUE(key.holds_secret());
}

TEST(PostgresAddress, TakesAPasswordFromElsewhere) {
  PostgresAddress found = address("postgres://u@db/hub");
  found.set_password(Secret("from a file"));
  EXPECT_EQ(found.password().reveal(), "from a file");
  EXPECT_EQ(found.shown(), "postgres://u@db/hub");
}

TEST(PostgresAddress, AddsWhatTheUriLeavesOutAndNothingElse) {
  const PostgresAddress usual = address("postgres://db1,db2/hub");
  EXPECT_EQ(parameter(usual, "target_session_attrs"), "read-write");
  EXPECT_EQ(parameter(usual, "application_name"), "waybill");
  EXPECT_EQ(parameter(usual, "sslmode"), "none") << "libpq's own";

  const PostgresAddress own =
      address("postgres://db/hub?target_session_attrs=any&application_name=mine&sslmode=require");
  EXPECT_EQ(parameter(own, "target_session_attrs"), "any");
  EXPECT_EQ(parameter(own, "application_name"), "mine");
  EXPECT_EQ(parameter(own, "sslmode"), "require");
}

TEST(PostgresAddress, RefusesWhatIsNone) {
  for (const char* url : {"", "sqlite", "mysql://db/hub", "postgres:/db/hub", "host=db dbname=hub",
                          "postgres://db/hub?nonsense=1", "postgres://[::1/hub",
                          "postgres://db:one/hub", "postgres://db/hub?sslmode"}) {
    EXPECT_TRUE(refusal(url).starts_with("it is like postgres://USER@HOST:PORT/DATABASE")) << url;
  }
  EXPECT_NE(refusal("postgres://db/hub?nonsense=1").find("nonsense"), std::string::npos);
}

// libpq takes "ss@db" for the host of postgres://u:p@ss@db/hub: it was shown, and logged.
TEST(PostgresAddress, NeverTellsAPasswordThatIsNotEncoded) {
  for (const char* url :
       {"postgres://u:p@hunter2@db/hub", "postgres://u:p/hunter2@db/hub",
        "postgres://u:12/hunter2@db/hub", "postgres://u:%hunter2@db/hub",
        "postgres://u:p/?hunter2@db/hub", "postgres://u:hunter2/x@db/hub",
        "postgres://u:hunter2@db/hub?nonsense=1", "postgres://u:p?hunter2=@x@db/hub"}) {
    const std::string told = refusal(url);
    EXPECT_TRUE(told.starts_with("it is like")) << url << ": " << told;
    EXPECT_EQ(told.find("hunter2"), std::string::npos) << url << ": " << told;
  }
  EXPECT_NE(refusal("postgres://u:p@ss@db/hub").find("%40"), std::string::npos);
}

TEST(PostgresAddress, IsPrivateOnThisMachineOrWithTls) {
  for (const char* url :
       {"postgres:///hub", "postgres:///hub?host=/run/postgresql", "postgres://localhost/hub",
        "postgres://127.0.0.1:5433/hub", "postgres://[::1]/hub", "postgres://localhost,127.0.0.2/h",
        "postgres://db/hub?sslmode=require", "postgres://db/hub?sslmode=verify-ca",
        "postgres://db1,db2/hub?sslmode=verify-full", "postgres://db/hub?ssl=true",
        "postgres://db/hub?hostaddr=127.0.0.1"}) {
    EXPECT_TRUE(address(url).is_private()) << url;
  }
  for (const char* url :
       {"postgres://db/hub", "postgres://10.0.0.1/hub?sslmode=prefer",
        "postgres://db/hub?sslmode=disable", "postgres://db/hub?sslmode=allow",
        "postgres://localhost,db/hub", "postgres://localhost/hub?hostaddr=10.0.0.1",
        "postgres://127.0.0.1.example/hub", "postgres://[2001:db8::1]/hub"}) {
    EXPECT_FALSE(address(url).is_private()) << url;
  }
}

TEST(PostgresAddress, CountsWhatLibpqsOwnVariablesSay) {
  // One thread, and nothing else here reads them. NOLINTBEGIN(concurrency-mt-unsafe)
  ASSERT_EQ(::setenv("PGHOST", "db.example", 1), 0);
  EXPECT_FALSE(address("postgres:///hub").is_private());
  ASSERT_EQ(::setenv("PGSSLMODE", "verify-full", 1), 0);
  EXPECT_TRUE(address("postgres:///hub").is_private());
  EXPECT_FALSE(address("postgres:///hub?sslmode=prefer").is_private());
  ASSERT_EQ(::unsetenv("PGHOST"), 0);
  ASSERT_EQ(::unsetenv("PGSSLMODE"), 0);
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace
}  // namespace waybill::store
