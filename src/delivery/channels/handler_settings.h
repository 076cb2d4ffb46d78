// Reads the settings of a handler: a JSON object whose members are all known and of their types.
//
//   SettingsReader reader(settings);
//   FileSettings made{.name = reader.text("name"), .payload = reader.payload()};
//   WAYBILL_TRY(reader.end());
//
// The first fault is kept, and told at the end; what is read after one is empty.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "delivery/endpoint_directory.h"
#include "delivery/outgoing_event.h"
#include "model/delivery.h"
#include "model/message.h"

namespace waybill::delivery {

// What a handler is given of a message.
enum class Payload {
  kMessage,  // The JSON object of handled_message.h.
  kBody,     // The exact bytes that were received.
};
std::string payload_of(Payload payload, const model::MessageContent& content,
                       const model::Delivery& delivery, int attempt);

class SettingsReader {
 public:
  // `settings` outlives the reader.
  explicit SettingsReader(const json::object& settings) : settings_(settings) {}

  // A text of 1 to `most` bytes without control characters.
  std::string text(std::string_view name, std::size_t most = kTextMax);
  // The same, or nothing where the member is missing.
  std::optional<std::string> optional_text(std::string_view name, std::size_t most = kTextMax);
  // The same, where a text that says nothing is as good as none.
  std::string text_or_empty(std::string_view name, std::size_t most = kTextMax);
  // A whole number from `least` on, or nothing where the member is missing.
  std::optional<std::int64_t> optional_number(std::string_view name, std::int64_t least);
  // An array of 1 to `most` texts, which may be empty and hold anything but NUL.
  std::vector<std::string> texts(std::string_view name, std::size_t most);
  // "payload": "message" or "body".
  Payload payload(Payload usual = Payload::kMessage);

  // Notes a fault of a member that the caller has found; the first one is kept.
  void refuse(std::string_view name, std::string message);

  // Fails with kInvalid (handler_settings_invalid): the first fault, or a member that nobody has
  // read. Its path is "$.NAME".
  Result<void> end() const;

 private:
  static constexpr std::size_t kTextMax = 4096;

  const json::value* member(std::string_view name);

  const json::object& settings_;
  std::vector<std::string_view> known_;
  std::optional<Error> fault_;
};

// A handler's settings as they are stored; an empty object for none.
// Fails with kInternal (handler_settings_unreadable).
Result<json::object> settings_of(const Target& target);

}  // namespace waybill::delivery
