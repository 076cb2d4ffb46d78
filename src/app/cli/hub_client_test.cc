#include "app/cli/hub_client.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <unistd.h>

#include <gtest/gtest.h>

#include "app/data_directory.h"
#include "base/temporary_folder.h"

namespace waybill::app::cli {
namespace {
namespace fs = std::filesystem;

class FindHubTest : public testing::Test {
 protected:
  FindHubTest() { variables_["WAYBILL_DATA"] = folder_.path(); }

  void a_hub_runs() {
    std::ofstream(url_file(folder_)) << "http://127.0.0.1:4711\n";
    std::ofstream(token_file(folder_)) << "wba_local\n";
  }
  HubAddress found(std::optional<std::string> url = {}, std::optional<std::string> token = {}) {
    const auto hub = find_hub({url, token, {}}, [this](const std::string& name) {
      const auto variable = variables_.find(name);
      return variable == variables_.end() ? std::nullopt : std::optional(variable->second);
    });
    EXPECT_TRUE(hub);
    return hub.value_or(HubAddress{});
  }

  const TemporaryFolder folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(FindHubTest, IsTheOneOfThisMachineWithItsToken) {
  a_hub_runs();

  const HubAddress hub = found();

  EXPECT_EQ(hub.url, "http://127.0.0.1:4711");
  EXPECT_EQ(hub.token.reveal(), "wba_local");
  EXPECT_EQ(hub.token_source, (folder_ / "admin.token").string());
}

TEST_F(FindHubTest, TakesWhatIsGivenBeforeVariablesBeforeFiles) {
  a_hub_runs();
  variables_["WAYBILL_URL"] = "http://hub.example:1/";
  variables_["WAYBILL_TOKEN"] = "wbk_variable";

  EXPECT_EQ(found().url, "http://hub.example:1");
  EXPECT_EQ(found().token.reveal(), "wbk_variable");
  EXPECT_EQ(found("http://other.example:2", "wbk_given").url, "http://other.example:2");
  EXPECT_EQ(found("http://other.example:2", "wbk_given").token.reveal(), "wbk_given");
}

TEST_F(FindHubTest, GivesTheLocalTokenToNoOtherMachine) {
  a_hub_runs();

  EXPECT_TRUE(found("https://hub.example").token.empty());
  EXPECT_TRUE(found("http://10.0.0.7:8080").token.empty());
  EXPECT_EQ(found("http://localhost:8080").token.reveal(), "wba_local");
  EXPECT_EQ(found("http://[::1]:8080").token.reveal(), "wba_local");
}

TEST_F(FindHubTest, GuessesTheUsualAddressWhereNoHubRuns) {
  const HubAddress hub = found();

  EXPECT_EQ(hub.url, "http://127.0.0.1:8080");
  EXPECT_TRUE(hub.token.empty());
}

TEST_F(FindHubTest, RefusesWhatIsNoAddress) {
  const auto hub = find_hub({.url = "localhost:8080"},
                            [](const std::string&) -> std::optional<std::string> { return {}; });

  ASSERT_FALSE(hub);
  EXPECT_EQ(hub.error().code, Code::kInvalid);
}

// Made by `openssl req -x509`; it opens nothing.
constexpr std::string_view kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBgjCCASmgAwIBAgIUSwOXGnstlUN95NV9j2Bg91n1C/0wCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLaHViLmV4YW1wbGUwIBcNMjYxMTIxMDgyNDI5WhgPMjEyNjEw
MjgwODI0MjlaMBYxFDASBgNVBAMMC2h1Yi5leGFtcGxlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAECrGEuTmCYXwD8p2yaqIDg+CwVz+oAjQ84Vat/MkcCzCn5lFT
SYW1QLeZa8HrWze59PYClAoc8B8JxJY/i56BDKNTMFEwHQYDVR0OBBYEFMHn2MnP
qOLYQ6A1kmN1Xd+GOd2kMB8GA1UdIwQYMBaAFMHn2MnPqOLYQ6A1kmN1Xd+GOd2k
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgYrj2sZuVhRGrZ+PP
Hv5aJ2p1ubp3nnsoU3A30TwtFIICIEsmhESR77jKsA+6+M/V3FpeEJWWgiragA73
uuCQbL23
-----END CERTIFICATE-----
)";

// The hub of this machine need not have a certificate that anybody trusts; another's must.
TEST_F(FindHubTest, KnowsTheHubOfThisMachineByTheCertificateItHasLeft) {
  a_hub_runs();
  std::ofstream(url_file(folder_)) << "https://127.0.0.1:4711\n";
  std::ofstream(certificate_file(folder_)) << kCertificate;

  EXPECT_EQ(found().pinned_certificate, kCertificate);
  EXPECT_EQ(found("https://127.0.0.1:4711").pinned_certificate, "");
  variables_["WAYBILL_URL"] = "https://hub.example";
  EXPECT_EQ(found().pinned_certificate, "");
}

TEST_F(FindHubTest, TakesAuthoritiesFromAFileThatIsGiven) {
  const std::string file = folder_ / "ca.pem";
  std::ofstream(file) << kCertificate;
  EXPECT_EQ(found().ca_certificates, "");
  variables_["WAYBILL_CA_FILE"] = file;
  EXPECT_EQ(found().ca_certificates, kCertificate);

  const auto none = [](const std::string&) -> std::optional<std::string> { return {}; };
  const auto given = find_hub({.ca_file = file}, none);
  ASSERT_TRUE(given);
  EXPECT_EQ(given->ca_certificates, kCertificate);
  std::ofstream(folder_ / "hello") << "hello";
  for (const char* name : {"hello", "not-there"}) {
    const auto refused = find_hub({.ca_file = folder_ / name}, none);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, Code::kInvalid);
    EXPECT_NE(refused.error().message.find(name), std::string::npos);
  }
}

TEST(WithQuery, EscapesWhatItMust) {
  EXPECT_EQ(with_query("/a", {}), "/a");
  EXPECT_EQ(with_query("/a", {{"since", "2026-11-21T04:30:00+02:00"}, {"type", "a.b"}}),
            "/a?since=2026-11-21T04%3A30%3A00%2B02%3A00&type=a.b");
}

}  // namespace
}  // namespace waybill::app::cli
