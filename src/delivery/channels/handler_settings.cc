#include "delivery/channels/handler_settings.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "delivery/handled_message.h"

namespace waybill::delivery {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

std::string path_of(std::string_view name) { return fmt::format("$.{}", name); }

}  // namespace

std::string payload_of(Payload payload, const model::MessageContent& content,
                       const model::Delivery& delivery, int attempt) {
  return payload == Payload::kBody ? content.body : handled_json(content, delivery, attempt);
}

const json::value* SettingsReader::member(std::string_view name) {
  known_.push_back(name);
  return settings_.if_contains(name);
}

void SettingsReader::refuse(std::string_view name, std::string message) {
  if (fault_) return;
  fault_.emplace(Code::kInvalid, "handler_settings_invalid", std::move(message), path_of(name));
}

std::string SettingsReader::text(std::string_view name, std::size_t most) {
  auto found = optional_text(name, most);
  if (!found && !settings_.contains(name)) {
    refuse(name, fmt::format("The handler needs \"{}\".", name));
  }
  return std::move(found).value_or(std::string());
}

std::optional<std::string> SettingsReader::optional_text(std::string_view name, std::size_t most) {
  const json::value* found = member(name);
  if (!found) return std::nullopt;
  const json::string* text = found->if_string();
  if (!text || text->empty() || text->size() > most || std::ranges::any_of(*text, is_control)) {
    refuse(name, fmt::format("It is a text of 1 to {} bytes without control characters.", most));
    return std::nullopt;
  }
  return std::string(*text);
}

std::string SettingsReader::text_or_empty(std::string_view name, std::size_t most) {
  const json::value* found = settings_.if_contains(name);
  if (found && found->is_string() && found->get_string().empty()) {
    known_.push_back(name);
    return {};
  }
  return optional_text(name, most).value_or(std::string());
}

std::optional<std::int64_t> SettingsReader::optional_number(std::string_view name,
                                                            std::int64_t least) {
  const json::value* found = member(name);
  if (!found) return std::nullopt;
  if (found->is_int64() && found->get_int64() >= least) return found->get_int64();
  refuse(name, fmt::format("It is a whole number from {} on.", least));
  return std::nullopt;
}

std::vector<std::string> SettingsReader::texts(std::string_view name, std::size_t most) {
  std::vector<std::string> texts;
  const json::value* found = member(name);
  const json::array* array = found ? found->if_array() : nullptr;
  if (array && !array->empty() && array->size() <= most) {
    for (const json::value& item : *array) {
      const json::string* text = item.if_string();
      if (!text || text->size() > kTextMax || std::string_view(*text).contains('\0')) break;
      texts.emplace_back(*text);
    }
    if (texts.size() == array->size()) return texts;
  }
  refuse(name, fmt::format("It is an array of 1 to {} texts of at most {} bytes, without NUL.",
                           most, kTextMax));
  return {};
}

Payload SettingsReader::payload(Payload usual) {
  const json::value* found = member("payload");
  if (!found) return usual;
  const json::string* text = found->if_string();
  if (text && *text == "message") return Payload::kMessage;
  if (text && *text == "body") return Payload::kBody;
  refuse("payload",
         "It is \"message\", a JSON object that tells all, or \"body\", the exact bytes "
         "that were received.");
  return usual;
}

Result<void> SettingsReader::end() const {
  if (fault_) return fail(*fault_);
  for (const auto& [name, value] : settings_) {
    if (std::ranges::find(known_, std::string_view(name)) != known_.end()) continue;
    return fail(
        Code::kInvalid, "handler_settings_invalid",
        fmt::format("A handler of this kind has no setting \"{}\".", std::string_view(name)),
        path_of(name));
  }
  return {};
}

Result<json::object> settings_of(const Target& target) {
  if (target.channel_settings.empty()) return json::object();
  auto read = parse_json(target.channel_settings.reveal());
  if (!read || !read->is_object()) {
    return fail(Code::kInternal, "handler_settings_unreadable",
                "The handler's settings cannot be read.");
  }
  return std::move(read->get_object());
}

}  // namespace waybill::delivery
