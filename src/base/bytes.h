// Bytes and the texts they are written as.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace waybill {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower case.
std::string hex(ByteView bytes);
// Both cases are read. Nothing if it is not hex.
std::optional<Bytes> parse_hex(std::string_view text);

// RFC 4648 §4, padded.
std::string base64(ByteView bytes);
// Padded or not; nothing if there is any other character, or bits are left over.
std::optional<Bytes> parse_base64(std::string_view text);
// RFC 4648 §5, without padding: safe in a URL.
std::string base64url(ByteView bytes);
std::optional<Bytes> parse_base64url(std::string_view text);

// "Acme Ltd" and "ACME LTD" fold to the same text: ASCII letters and the letters of Latin-1,
// Latin Extended-A, Greek and Cyrillic; other characters stay as they are. For comparing names.
std::string fold_case(std::string_view utf8);

// "%41" to "A". Nothing if a % is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text);
// Everything but RFC 3986's unreserved characters is escaped.
std::string percent_encode(std::string_view text);

}  // namespace waybill
