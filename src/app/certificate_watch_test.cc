#include "app/certificate_watch.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <unistd.h>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "base/manual_clock.h"
#include "base/temporary_folder.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Two pairs, made by `openssl req -x509`; they open nothing.
constexpr std::string_view kFirstCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBiDCCAS2gAwIBAgIUZcPpjFVDkQMwVyYCwgh6jkSSk2swCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNZmlyc3QuZXhhbXBsZTAgFw0yNjExMjEwODI0MjlaGA8yMTI2
MTAyODA4MjQyOVowGDEWMBQGA1UEAwwNZmlyc3QuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABJ0FiDkrL7/FSn0xpocZoi9TzRT9Vi88Z730pwWKGLiN
KqymXYD3xFTJF36l8JQrL0o1DUtjC5y41bTIZcTHKAOjUzBRMB0GA1UdDgQWBBTb
G2f5gspf4GemJtOeShYAit3lMzAfBgNVHSMEGDAWgBTbG2f5gspf4GemJtOeShYA
it3lMzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCqv/UvUoXA
cvaQL2rWFgIz89E+wf9a5zMYDOEwpsxIHQIhAOmFpVVFTxi2ac66O7sJ5Xhivet+
EZfFgh5anTC7ZXYl
-----END CERTIFICATE-----
)";
constexpr std::string_view kFirstKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcQF+9SsiklPDyOSm
jTQ2b0lwqG18P4wym50ILVI2HHKhRANCAASdBYg5Ky+/xUp9MaaHGaIvU80U/VYv
PGe99KcFihi4jSqspl2A98RUyRd+pfCUKy9KNQ1LYwucuNW0yGXExygD
-----END PRIVATE KEY-----
)";

constexpr std::string_view kSecondCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUJfHCt4Z/lhOnqXQAVtI46ogpcyAwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOc2Vjb25kLmV4YW1wbGUwIBcNMjYxMTIxMDgyNDMwWhgPMjEy
NjEwMjgwODI0MzBaMBkxFzAVBgNVBAMMDnNlY29uZC5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEX4y8OnsGqiQPIOCVB8k0WF51VktgMzP8QyIa0J6K
YK4F7YNOV6ln4e/0AB06UC+GWASDUdMsvzu+L+XYxCzJL6NTMFEwHQYDVR0OBBYE
FJMmw8nN+c846E8EQFxIJymJe7bJMB8GA1UdIwQYMBaAFJMmw8nN+c846E8EQFxI
JymJe7bJMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMKbN5Vy
XxVwiqW1FNPC+DkALc3s3b3w2nwR2P4FWyWlAiARHN9Ulrzo3eFbSSJc1dqVvpmh
WlWs9G3C3fToKVVi9A==
-----END CERTIFICATE-----
)";
constexpr std::string_view kSecondKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2l61t6yTSfaUmEao
wb1HVwBvSA5845IFEP4LOXIJvuOhRANCAARfjLw6ewaqJA8g4JUHyTRYXnVWS2Az
M/xDIhrQnopgrgXtg05XqWfh7/QAHTpQL4ZYBINR0yy/O74v5djELMkv
-----END PRIVATE KEY-----
)";

class CertificateWatchTest : public testing::Test {
 protected:
  ~CertificateWatchTest() override {
    bool stopped = false;
    boost::asio::co_spawn(context_, watch().stop(),
                          [&](const std::exception_ptr&) { stopped = true; });
    context_.restart();
    context_.poll();
    EXPECT_TRUE(stopped);
  }

  void put(std::string_view certificate, std::string_view key) {
    std::ofstream(files_.certificate) << certificate;
    std::ofstream(files_.key) << key;
  }
  CertificateWatch& watch() {
    if (!watch_) {
      watch_ = std::make_unique<CertificateWatch>(
          context_, log_, clock_, files_, [this](const CertificateWatch::Certificate& certificate) {
            used_.push_back(certificate->chain_pem());
          });
    }
    return *watch_;
  }
  std::string refusal() {
    const auto loaded = watch().load();
    if (loaded) return "";
    EXPECT_EQ(loaded.error().code, Code::kInvalid);
    EXPECT_EQ(loaded.error().reason, "tls_files_invalid");
    return loaded.error().message;
  }

  boost::asio::io_context context_;
  ManualClock clock_{context_};
  Log log_{Log::Level::kOff};
  const TemporaryFolder folder_;
  const CertificateFiles files_{folder_ / "chain.pem", folder_ / "key.pem"};
  std::vector<std::string> used_;
  std::unique_ptr<CertificateWatch> watch_;
};

using Used = std::vector<std::string>;

TEST_F(CertificateWatchTest, HandsOverThePairOfItsFiles) {
  put(kFirstCertificate, kFirstKey);
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(used_, (Used{std::string(kFirstCertificate)}));
}

TEST_F(CertificateWatchTest, RefusesToBeginWithWhatCannotBeServedWithAndNamesTheFile) {
  EXPECT_NE(refusal().find("chain.pem"), std::string::npos) << "not there";
  put(kFirstCertificate, kFirstKey);
  fs::remove(files_.key);
  EXPECT_NE(refusal().find("key.pem"), std::string::npos) << "not there";
  put("hello", kFirstKey);
  EXPECT_NE(refusal().find("chain.pem"), std::string::npos);
  put(kFirstCertificate, "hello");
  EXPECT_NE(refusal().find("key.pem"), std::string::npos);
  put(kFirstCertificate, kSecondKey);
  EXPECT_NE(refusal().find("key.pem"), std::string::npos) << "another certificate's";
  EXPECT_TRUE(used_.empty());
}

TEST_F(CertificateWatchTest, TakesANewPairWithinAMinute) {
  put(kFirstCertificate, kFirstKey);
  ASSERT_EQ(refusal(), "");
  watch().start();
  clock_.run_for(10min);
  EXPECT_EQ(used_.size(), 1u) << "the same again is nothing new";

  put(kSecondCertificate, kSecondKey);
  clock_.run_for(1min);
  EXPECT_EQ(used_, (Used{std::string(kFirstCertificate), std::string(kSecondCertificate)}));
}

TEST_F(CertificateWatchTest, TakesANewPairAtOnceWhenToldTo) {
  put(kFirstCertificate, kFirstKey);
  ASSERT_EQ(refusal(), "");
  watch().look();
  EXPECT_EQ(used_.size(), 1u);
  put(kSecondCertificate, kSecondKey);
  watch().look();
  EXPECT_EQ(used_.size(), 2u);
}

// Two files are not replaced at once: between them is a minute, at worst, in which they do not fit.
TEST_F(CertificateWatchTest, KeepsTheOldPairWhileTheNewOneIsBroken) {
  put(kFirstCertificate, kFirstKey);
  ASSERT_EQ(refusal(), "");
  watch().start();
  for (const auto& [certificate, key] :
       {std::pair(kSecondCertificate, kFirstKey), std::pair(kFirstCertificate, kSecondKey),
        std::pair(std::string_view("hello"), kFirstKey),
        std::pair(std::string_view(), kFirstKey)}) {
    put(certificate, key);
    clock_.run_for(3min);
    EXPECT_EQ(used_.size(), 1u);
  }
  fs::remove(files_.certificate);
  clock_.run_for(3min);
  EXPECT_EQ(used_.size(), 1u);

  put(kSecondCertificate, kSecondKey);
  clock_.run_for(1min);
  EXPECT_EQ(used_, (Used{std::string(kFirstCertificate), std::string(kSecondCertificate)}));
}

TEST_F(CertificateWatchTest, TakesTheOldPairAgainAfterABrokenOne) {
  put(kFirstCertificate, kFirstKey);
  ASSERT_EQ(refusal(), "");
  put("hello", kFirstKey);
  watch().look();
  put(kFirstCertificate, kFirstKey);
  watch().look();
  EXPECT_EQ(used_.back(), kFirstCertificate);
}

}  // namespace
}  // namespace waybill::app
