// What a Schema is made of once compiled: schema_loader.cc makes it, schema.cc checks by it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "dialect/schema.h"
#include "dialect/text_format.h"

namespace re2 {
class RE2;
}

namespace waybill::dialect {

// Sets of JSON's types. kInteger is a part of kNumber: a number without a fraction, 1.0 included.
enum TypeBit : std::uint8_t {
  kNullType = 1,
  kBooleanType = 2,
  kObjectType = 4,
  kArrayType = 8,
  kNumberType = 16,
  kStringType = 32,
  kIntegerType = 64,
};
inline constexpr std::uint8_t kAnyType = 127;

struct TypeName {
  std::string_view word;    // In a schema.
  std::string_view spoken;  // To people.
  TypeBit bit;
};
inline constexpr TypeName kTypeNames[] = {
    {"null", "null", kNullType},
    {"boolean", "true or false", kBooleanType},
    {"object", "an object", kObjectType},
    {"array", "an array", kArrayType},
    {"number", "a number", kNumberType},
    {"string", "a text", kStringType},
    {"integer", "a whole number", kIntegerType},
};

struct Schema::Rules {
  std::uint8_t types = kAnyType;  // None: nothing fits.
  std::optional<json::value> constant;
  std::optional<json::array> choices;

  std::optional<json::value> minimum, maximum, above, below;  // Numbers.

  std::size_t characters_min = 0, characters_max = SIZE_MAX;
  std::shared_ptr<const re2::RE2> pattern;
  const TextFormat* format = nullptr;

  std::size_t items_min = 0, items_max = SIZE_MAX;
  std::shared_ptr<const Rules> items;

  std::vector<std::pair<std::string, std::shared_ptr<const Rules>>> properties;
  std::vector<std::string> required;
  std::shared_ptr<const Rules> other_properties;  // Null: whatever.
};

}  // namespace waybill::dialect
