#include "base/ids.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace waybill {
namespace {

constexpr auto kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t byte = 0; byte < pairs.size(); ++byte) {
    pairs[byte] = {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return pairs;
}();
constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// Crockford's reading: I and L are 1, O is 0, case does not matter.
int crockford_value(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'I' || c == 'L') c = '1';
  if (c == 'O') c = '0';
  const std::size_t at = kCrockford.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::optional<Uuid> Uuid::from_bytes(ByteView bytes) {
  if (bytes.size() != kSize) return std::nullopt;
  Uuid uuid;
  std::copy(bytes.begin(), bytes.end(), uuid.bytes_.begin());
  return uuid;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) digits += text[i];
  }
  const auto bytes = parse_hex(digits);
  return bytes ? from_bytes(*bytes) : std::nullopt;
}

std::optional<Uuid> Uuid::parse_crockford(std::string_view text) {
  // 26 characters of 5 bits are 130: the first may only use three of its bits.
  if (text.size() != 26 || crockford_value(text[0]) > 7) return std::nullopt;
  unsigned __int128 number = 0;
  for (const char c : text) {
    const int value = crockford_value(c);
    if (value < 0) return std::nullopt;
    number = (number << 5) | static_cast<unsigned>(value);
  }
  Uuid uuid;
  for (std::size_t i = kSize; i-- > 0; number >>= 8) {
    uuid.bytes_[i] = static_cast<std::uint8_t>(number & 0xFF);
  }
  return uuid;
}

Uuid Uuid::lowest_at(Timestamp time) {
  Uuid uuid;
  const std::int64_t millis = unix_millis(time);
  for (std::size_t i = 0; i < 6; ++i) {
    uuid.bytes_[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  }
  return uuid;
}

Timestamp Uuid::time() const {
  std::int64_t millis = 0;
  for (std::size_t i = 0; i < 6; ++i) millis = millis * 256 + bytes_[i];
  return from_unix_millis(millis);
}

std::string Uuid::text() const {
  std::string text(36, '-');
  char* at = text.data();
  for (std::size_t i = 0; i < kSize; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    at = std::ranges::copy(kHexPairs[bytes_[i]], at).out;
  }
  return text;
}

std::string Uuid::crockford() const {
  unsigned __int128 number = 0;
  for (const std::uint8_t byte : bytes_) number = (number << 8) | byte;
  std::string text(26, '0');
  // Twelve at a time: 60 bits, as many as one word has.
  for (std::size_t left = text.size(); left > 0; number >>= 60) {
    auto word = static_cast<std::uint64_t>(number);
    for (std::size_t end = left > 12 ? left - 12 : 0; left > end; word >>= 5) {
      text[--left] = kCrockford[word & 31];
    }
  }
  return text;
}

IdGenerator::IdGenerator(const Clock& clock, std::uint64_t seed) : clock_(clock), rng_(seed) {}

Uuid IdGenerator::next() {
  const std::int64_t now = unix_millis(clock_.now());
  const std::lock_guard lock(mutex_);
  if (now > last_millis_) {
    last_millis_ = now;
    sequence_ = 0;
  } else if (++sequence_ > 0xFFF) {
    // More than 4,096 in one millisecond: borrow the next one, as RFC 9562 §6.2 allows.
    ++last_millis_;
    sequence_ = 0;
  }
  const std::uint64_t random = rng_.next();

  std::array<std::uint8_t, Uuid::kSize> bytes;
  for (std::size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<std::uint8_t>(last_millis_ >> (40 - 8 * i));
  }
  bytes[6] = static_cast<std::uint8_t>(0x70 | (sequence_ >> 8));  // version 7
  bytes[7] = static_cast<std::uint8_t>(sequence_);
  for (std::size_t i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::uint8_t>(random >> (8 * i));
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);  // variant
  return Uuid(bytes);
}

}  // namespace waybill
