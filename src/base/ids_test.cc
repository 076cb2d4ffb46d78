#include "base/ids.h"

#include <sstream>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill {
namespace {

using namespace std::chrono_literals;

struct PearTag {
  static constexpr const char* kPrefix = "pear";
};
using PearId = Id<PearTag>;

constexpr std::string_view kText = "0190c4f0-1234-7abc-8def-0123456789ab";
constexpr std::string_view kCrockford = "01J32F04HMFAY8VVR14D2PF2DB";

std::int64_t millis_of(const Uuid& uuid) {
  std::int64_t millis = 0;
  for (const std::uint8_t byte : uuid.bytes().first(6)) millis = millis << 8 | byte;
  return millis;
}

class IdGeneratorTest : public testing::Test {
 protected:
  boost::asio::io_context context_;
  ManualClock clock_{context_};
  IdGenerator generator_{clock_, /*seed=*/1};
};

TEST(Uuid, IsReadInEitherFormAndCase) {
  const Uuid uuid = Uuid::parse(kText).value();
  EXPECT_EQ(uuid.text(), kText);
  EXPECT_EQ(uuid.crockford(), kCrockford);
  EXPECT_EQ(Uuid::parse("0190C4F0-1234-7ABC-8DEF-0123456789AB"), uuid);
  EXPECT_EQ(Uuid::parse_crockford(kCrockford), uuid);
  EXPECT_EQ(Uuid::parse_crockford("01j32f04hmfay8vvr14d2pf2db"), uuid);
  EXPECT_EQ(Uuid::from_bytes(uuid.bytes()), uuid);
}

TEST(Uuid, ReadsTheLettersThatLookLikeDigits) {
  EXPECT_EQ(Uuid::parse_crockford("OIJ32FO4HMFAY8VVRL4D2PF2DB"), Uuid::parse(kText));
  EXPECT_EQ(Uuid::parse_crockford("oij32fo4hmfay8vvrl4d2pf2db"), Uuid::parse(kText));
}

TEST(Uuid, CoversItsWholeRange) {
  Uuid least, greatest;
  least = Uuid::parse_crockford("00000000000000000000000000").value();
  greatest = Uuid::parse_crockford("7ZZZZZZZZZZZZZZZZZZZZZZZZZ").value();
  EXPECT_TRUE(least.is_nil());
  EXPECT_EQ(greatest.text(), "ffffffff-ffff-ffff-ffff-ffffffffffff");
  // Each character from other bits, on both sides of where a word ends.
  const std::string digits = "0123456789ABCDEFGHJKMNPQRS";
  EXPECT_EQ(Uuid::parse_crockford(digits).value().crockford(), digits);
  EXPECT_EQ(greatest.crockford(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  EXPECT_EQ(Uuid::parse_crockford("80000000000000000000000000"), std::nullopt)
      << "129 bits do not fit";
}

TEST(Uuid, RefusesWhatIsNotOne) {
  for (const std::string_view text :
       {"", "0190c4f0-1234-7abc-8def-0123456789a", "0190c4f0-1234-7abc-8def-0123456789abc",
        "0190c4f012347abc8def0123456789ab", "0190c4f0-1234-7abc-8def-0123456789ag",
        "0190c4f01-234-7abc-8def-0123456789ab", "0190c4f0-1234-7abc-8def-01234567-9ab",
        "{190c4f0-1234-7abc-8def-0123456789a}", "0190c4f0_1234_7abc_8def_0123456789ab"}) {
    EXPECT_EQ(Uuid::parse(text), std::nullopt) << text;
  }
  for (const std::string_view text :
       {"", "01J32F04HMFAY8VVR14D2PF2D", "01J32F04HMFAY8VVR14D2PF2DBB",
        "U1J32F04HMFAY8VVR14D2PF2DB", "01J32F04HMFAY8VVR14D2PF2DU", "01J32F04HMFAY-VVR14D2PF2DB",
        "01J32F04HMFAY VVR14D2PF2DB", "-1J32F04HMFAY8VVR14D2PF2DB", "91J32F04HMFAY8VVR14D2PF2DB",
        "01J32F04HMFAY8VVR14D2PF2\xc3\xa9"}) {
    EXPECT_EQ(Uuid::parse_crockford(text), std::nullopt) << text;
  }
  EXPECT_EQ(Uuid::from_bytes(Bytes(15)), std::nullopt);
  EXPECT_EQ(Uuid::from_bytes(Bytes(17)), std::nullopt);
}

TEST(Id, IsWrittenWithItsPrefixAndReadWithAndWithout) {
  const PearId id(Uuid::parse(kText).value());
  const std::string text = "pear_" + std::string(kCrockford);
  std::ostringstream printed;
  printed << id;
  EXPECT_EQ(id.text(), text);
  EXPECT_EQ(printed.str(), text);
  EXPECT_EQ(PearId::parse(text), id);
  EXPECT_EQ(PearId::parse(kText), id);
  EXPECT_FALSE(id.is_nil());
  EXPECT_TRUE(PearId().is_nil());
}

TEST(Id, RefusesTheIdsOfOtherThings) {
  const std::string crockford(kCrockford);
  for (const std::string& text :
       {"ep_" + crockford, "PEAR_" + crockford, "pear" + crockford, "pear-" + crockford, crockford,
        "pears_" + crockford, "pear_" + std::string(kText), std::string("pear_"),
        std::string("pear"), std::string()}) {
    EXPECT_EQ(PearId::parse(text), std::nullopt) << text;
  }
}

TEST_F(IdGeneratorTest, MakesUuidsOfVersion7WithTheTimeInFront) {
  const Uuid uuid = generator_.next();
  EXPECT_EQ(millis_of(uuid), unix_millis(clock_.now()));
  EXPECT_EQ(uuid.bytes()[6] >> 4, 7);
  EXPECT_EQ(uuid.bytes()[8] >> 6, 2);
}

TEST_F(IdGeneratorTest, IdsGrowAlsoBeyond4096InAMillisecond) {
  Uuid last = generator_.next();
  for (int i = 1; i < 20'000; ++i) {
    const Uuid next = generator_.next();
    ASSERT_GT(next, last) << "id " << i;
    ASSERT_GT(next.crockford(), last.crockford()) << "id " << i;
    ASSERT_EQ(next.bytes()[6] >> 4, 7) << "the counter ran into the version, id " << i;
    last = next;
  }
  EXPECT_EQ(millis_of(last), unix_millis(clock_.now()) + 4)
      << "20,000 ids borrow four milliseconds";
}

TEST_F(IdGeneratorTest, IdsGrowWhenTheClockIsSetBack) {
  const Uuid before = generator_.next();
  clock_.step(-1h);
  Uuid last = before;
  for (int i = 0; i < 5000; ++i) {
    const Uuid next = generator_.next();
    ASSERT_GT(next, last) << "id " << i;
    last = next;
  }
  clock_.step(2h);
  const Uuid after = generator_.next();
  EXPECT_GT(after, last);
  EXPECT_EQ(millis_of(after), unix_millis(clock_.now())) << "back to the time it is";
}

TEST_F(IdGeneratorTest, AreDifferentForEachSeedAndTheSameForOne) {
  IdGenerator same(clock_, 1);
  IdGenerator other(clock_, 2);
  const Uuid first = generator_.next();
  EXPECT_EQ(same.next(), first);
  EXPECT_NE(other.next(), first);
}

TEST_F(IdGeneratorTest, IdsCanBeKeysOfHashTables) {
  std::unordered_set<PearId> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(generator_.next_id<PearId>());
  EXPECT_EQ(ids.size(), 1000u);
  EXPECT_TRUE(ids.contains(*ids.begin()));
}

}  // namespace
}  // namespace waybill
