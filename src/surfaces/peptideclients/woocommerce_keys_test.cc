// How much work it is to find a key, and who may cause it (A-PC-1).

#include "surfaces/peptideclients/woocommerce_keys.h"

#include <chrono>
#include <iostream>
#include <map>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/manual_clock.h"
#include "crypto/digest.h"

namespace waybill::surfaces::peptideclients {
namespace {

using namespace std::chrono_literals;
using Found = Result<WooCommerceKeys::Key>;
constexpr std::size_t kMiB = 1024 * 1024;

class WooCommerceKeysTest : public testing::Test {
 public:
  void add_keys(int count) {
    for (int i = 0; i < count; ++i) {
      auto key = std::make_shared<model::ApiKey>();
      const crypto::Digest digest = crypto::sha256(std::to_string(i));
      key->id = model::ApiKeyId(Uuid::from_bytes(ByteView(digest).first(Uuid::kSize)).value());
      key->signing_secret = Secret(fmt::format("the secret of {}", i));
      all.push_back(key);
    }
  }
  // `key`: whose secret it is signed with; none of them for -1.
  static WooCommerceKeys::Signed message(std::string_view body, int key, std::string source,
                                         std::string peer = "192.0.2.1") {
    const std::string secret = fmt::format("the secret of {}", key);
    return {std::move(source), std::move(peer), body,
            base64(crypto::hmac_sha256(as_bytes(secret), {body}))};
  }
  void begin(WooCommerceKeys::Signed said, std::optional<Found>& found) {
    const auto search = [](WooCommerceKeysTest& test, WooCommerceKeys::Signed what) -> Task<Found> {
      co_return co_await test.keys.find(test.all, std::move(what), test.now);
    };
    boost::asio::co_spawn(context, search(*this, std::move(said)),
                          [&found](std::exception_ptr, Found made) { found = std::move(made); });
  }
  static std::string reason(const std::optional<Found>& found) {
    if (!found) return "none";
    return *found ? "found" : found->error().reason;
  }
  std::string find(WooCommerceKeys::Signed said) {
    std::optional<Found> found;
    begin(std::move(said), found);
    context.restart();
    context.run();
    return reason(found);
  }

  boost::asio::io_context context;
  WooCommerceKeys keys;
  std::vector<WooCommerceKeys::Key> all;
  Timestamp now = ManualClock::kNoon;
};

// Legitimate shops that came while four others were looked for were refused, and their messages
// lost (W-8).
TEST_F(WooCommerceKeysTest, FewSearchesRunAtOnceAndABoundedNumberWaits) {
  add_keys(200);
  const std::string body(50 * 1024, 'x');
  const std::size_t room = WooCommerceKeys::kSearchesMax + WooCommerceKeys::kWaitingMax;
  std::vector<std::optional<Found>> found(room + 3);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const int signer = i + 4 == room ? 199 : -1;
    begin(message(body, signer, "", fmt::format("192.0.2.{}", i)), found[i]);
  }
  context.run();
  std::map<std::string, std::size_t> reasons;
  for (const auto& one : found) ++reasons[reason(one)];
  EXPECT_EQ(reasons["signature_invalid"], room - 1);
  EXPECT_EQ(reasons["found"], 1u) << "it has waited";
  EXPECT_EQ(reasons["signature_search_busy"], 3u);
  EXPECT_EQ(find(message(body, 7, "")), "found") << "all places are free again";
}

// The limit counted searches: twenty a second, each of a thousand keys with a MiB.
TEST_F(WooCommerceKeysTest, WhatIsBoundedIsTheWork) {
  add_keys(50);
  const std::string large(kMiB, 'x');
  EXPECT_EQ(find(message(large, -1, "a")), "signature_invalid");
  EXPECT_EQ(find(message(large, -1, "b")), "rate_limited") << "50 MiB of 32 are spent";
  EXPECT_EQ(find(message(large, -1, "b", "192.0.2.2")), "signature_invalid") << "another";
  now += 700ms;
  EXPECT_EQ(find(message("small", 49, "b")), "found");
  now += 10s;
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(find(message("small", -1, "b")), "signature_invalid") << i;
  }
  for (const char* peer : {"2001:db8::1", "2001:db8::2:3"}) {
    now += 10s;
    find(message(large, -1, "b", "2001:db8::1"));
    EXPECT_EQ(find(message(large, -1, "b", peer)), "rate_limited") << peer;
  }
}

// Those that were waiting as the first spent everything.
TEST_F(WooCommerceKeysTest, WhoWaitedIsHeldToTheBudgetToo) {
  add_keys(50);
  const std::string large(kMiB, 'x');
  std::vector<std::optional<Found>> found(20);
  for (auto& one : found) begin(message(large, -1, ""), one);
  context.run();
  std::map<std::string, int> reasons;
  for (const auto& one : found) ++reasons[reason(one)];
  EXPECT_EQ(reasons["signature_invalid"], WooCommerceKeys::kSearchesMax);
  EXPECT_EQ(reasons["rate_limited"], 20 - WooCommerceKeys::kSearchesMax);
}

// The name of a site is no secret: whoever sends with it had its keys tried without a limit.
TEST_F(WooCommerceKeysTest, TriesOfAKnownSourceThatFailAreBoundedToo) {
  add_keys(8);
  for (int i = 0; i < 8; ++i) ASSERT_EQ(find(message("x", i, "shop")), "found");
  const std::string large(4 * kMiB, 'x');
  std::uint64_t before = 0;
  for (int i = 0; i < 10; ++i) {
    before = keys.tried();
    find(message(large, -1, "shop"));
  }
  EXPECT_EQ(keys.tried(), before) << "neither its keys nor all were tried";
  EXPECT_EQ(find(message("x", 3, "shop", "192.0.2.2")), "found") << "the shop itself";
  now += 10s;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(find(message(large, 7, "shop")), "found") << "what is signed costs nothing; " << i;
  }
}

TEST_F(WooCommerceKeysTest, TriesOfAKnownSourceGiveWayToo) {
  add_keys(8);
  for (int i = 0; i < 8; ++i) ASSERT_EQ(find(message("x", i, "shop")), "found");
  const std::string large(8 * kMiB, 'x');
  find(message(large, -1, "another"));
  ASSERT_EQ(find(message("x", -1, "another")), "rate_limited") << "so that no search is made";
  const std::uint64_t before = keys.tried();
  std::optional<Found> found;
  begin(message(large, -1, "shop"), found);
  int turns = 0;
  const auto count = [](WooCommerceKeysTest& test, std::optional<Found>& end,
                        int& counted) -> Task<void> {
    while (!end) {
      ++counted;
      co_await boost::asio::post(test.context, boost::asio::use_awaitable);
    }
  };
  boost::asio::co_spawn(context, count(*this, found, turns), [](std::exception_ptr) {});
  context.restart();
  context.run();
  EXPECT_EQ(reason(found), "rate_limited");
  EXPECT_EQ(keys.tried(), before + 8);
  EXPECT_GE(turns, 8) << "each takes more than a millisecond";
}

// The worst case: the key that signed is the last of a thousand, and its site is not known. What
// it takes is printed; bench builds without sanitizers measure it.
TEST_F(WooCommerceKeysTest, FindsTheLastOfAThousand) {
  add_keys(1'000);
  const std::string body(3'000, 'x');
  std::chrono::microseconds best = std::chrono::hours(1);
  for (int round = 0; round < 20; ++round) {
    const std::string name = fmt::format("192.0.2.{}", round);
    std::optional<Found> found;
    begin(message(body, 999, name, name), found);
    const Stopwatch stopwatch;
    context.restart();
    context.run();
    best = std::min(best, stopwatch.elapsed());
    ASSERT_EQ(reason(found), "found");
    EXPECT_EQ(**found, all.back());
  }
  std::cout << "the last of 1,000 keys, 3,000 bytes: " << best.count() << " us at best\n";
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
