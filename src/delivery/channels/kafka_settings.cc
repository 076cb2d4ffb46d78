#include "delivery/channels/kafka_settings.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "dialect/receipt.h"

namespace waybill::delivery {
namespace {

constexpr std::size_t kTopicCharsMax = 249;

bool is_topic(std::string_view name) {
  return name.size() <= kTopicCharsMax && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

bool is_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == 0 || text.empty() || text.find_first_of("/@ ") != std::string_view::npos) {
    return false;
  }
  if (colon == std::string_view::npos) return true;
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc() && rest == end && port != 0;
}

bool are_addresses(std::string_view text) {
  for (;;) {
    const std::size_t comma = text.find(',');
    if (!is_address(text.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<KafkaSettings> read_kafka_settings(const json::object& settings) {
  SettingsReader reader(settings);
  KafkaSettings read;
  read.brokers = reader.text("brokers");
  read.topic = reader.text("topic");
  const std::string key = reader.text_or_empty("key");
  read.payload = reader.payload();
  if (!are_addresses(read.brokers)) {
    reader.refuse("brokers", "The brokers are written as host:9092,host:9092.");
  }
  if (!is_topic(read.topic)) {
    reader.refuse("topic",
                  "A topic has at most 249 letters, digits, dots, dashes and underscores.");
  }
  if (!key.empty()) {
    auto parsed = dialect::parse_message_template(key);
    if (parsed) {
      read.key = *std::move(parsed);
    } else {
      reader.refuse("key", parsed.error().message);
    }
  }
  if (auto good = reader.end(); !good) return fail(good.error());
  return read;
}

}  // namespace waybill::delivery
