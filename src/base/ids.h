// Every record's id is one 128-bit UUIDv7 (RFC 9562 §5.7), sortable by time. How it is written
// depends on who reads it: as a UUID, or as a prefix and 26 characters of Crockford's base 32
// ("evt_01HX…"). Both forms are read everywhere.

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/rng.h"

namespace waybill {

class Uuid {
 public:
  static constexpr std::size_t kSize = 16;

  Uuid() = default;  // All zero: no id.
  explicit Uuid(const std::array<std::uint8_t, kSize>& bytes) : bytes_(bytes) {}
  // Nothing if there are not exactly 16 bytes.
  static std::optional<Uuid> from_bytes(ByteView bytes);
  // "0190c4f0-…", in either case.
  static std::optional<Uuid> parse(std::string_view text);
  // 26 characters of Crockford's base 32, in either case.
  static std::optional<Uuid> parse_crockford(std::string_view text);

  // Not above any UUIDv7 made at `time` or later: turns a time into a bound on ids.
  static Uuid lowest_at(Timestamp time);

  // When it was made, to the millisecond. Requires: it is a UUIDv7.
  Timestamp time() const;

  ByteView bytes() const { return bytes_; }
  bool is_nil() const { return *this == Uuid(); }
  std::string text() const;       // "0190c4f0-…"
  std::string crockford() const;  // 26 characters, upper case

  friend auto operator<=>(const Uuid&, const Uuid&) = default;

 private:
  std::array<std::uint8_t, kSize> bytes_{};
};

// The id of one kind of record. `Tag::kPrefix` is the text before the underscore.
template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(const Uuid& uuid) : uuid_(uuid) {}

  // "ep_01HX…" with this kind's prefix, or a plain UUID.
  static std::optional<Id> parse(std::string_view text) {
    constexpr std::string_view prefix = Tag::kPrefix;
    std::optional<Uuid> uuid;
    if (text.size() > prefix.size() && text.starts_with(prefix) && text[prefix.size()] == '_') {
      uuid = Uuid::parse_crockford(text.substr(prefix.size() + 1));
    } else {
      uuid = Uuid::parse(text);
    }
    if (!uuid) return std::nullopt;
    return Id(*uuid);
  }

  const Uuid& uuid() const { return uuid_; }
  ByteView bytes() const { return uuid_.bytes(); }
  bool is_nil() const { return uuid_.is_nil(); }
  std::string text() const { return std::string(Tag::kPrefix) + "_" + uuid_.crockford(); }

  friend auto operator<=>(const Id&, const Id&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.text(); }

 private:
  Uuid uuid_;
};

// Makes ids that only grow, also within a millisecond and when the clock is set back.
// Any thread may call it.
class IdGenerator {
 public:
  IdGenerator(const Clock& clock, std::uint64_t seed);

  Uuid next();
  template <class SomeId>
  SomeId next_id() {
    return SomeId(next());
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  Rng rng_;
  std::int64_t last_millis_ = 0;
  std::uint32_t sequence_ = 0;  // The 12 bits of rand_a: a counter within the millisecond.
};

}  // namespace waybill

template <>
struct std::hash<waybill::Uuid> {
  std::size_t operator()(const waybill::Uuid& uuid) const noexcept {
    // The last eight bytes of a UUIDv7 are random.
    std::size_t value;
    std::memcpy(&value, uuid.bytes().data() + 8, sizeof value);
    return value;
  }
};

template <class Tag>
struct std::hash<waybill::Id<Tag>> {
  std::size_t operator()(const waybill::Id<Tag>& id) const noexcept {
    return std::hash<waybill::Uuid>()(id.uuid());
  }
};
