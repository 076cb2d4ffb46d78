#include "store/changes.h"

#include <algorithm>
#include <string>

namespace waybill::store::changes {
namespace {

constexpr std::string_view kEndpoint = "endpoint";
constexpr std::string_view kKey = "key";
constexpr std::string_view kSource = "source";
constexpr std::string_view kDue = "due";

void add(std::string& text, const Uuid& uuid) {
  text += ' ';
  text += uuid.text();
}

// The words of a message, one after the other.
class Words {
 public:
  explicit Words(std::string_view text) : left_(text) {}

  bool empty() const { return left_.empty(); }
  std::string_view next() {
    const std::size_t end = left_.find(' ');
    const std::string_view word = left_.substr(0, end);
    left_.remove_prefix(end == std::string_view::npos ? left_.size() : end + 1);
    return word;
  }
  std::optional<Uuid> next_uuid() { return Uuid::parse(next()); }
  std::optional<EndpointRef> next_endpoint() {
    const auto workspace = next_uuid();
    const auto endpoint = next_uuid();
    if (!workspace || !endpoint) return std::nullopt;
    return EndpointRef{model::WorkspaceId(*workspace), model::EndpointId(*endpoint)};
  }

 private:
  std::string_view left_;
};

std::optional<Message> parse_due(Words words) {
  const auto by = words.next_uuid();
  if (!by) return std::nullopt;
  Due due{*by, {}};
  while (!words.empty()) {
    const auto endpoint = words.next_endpoint();
    if (!endpoint) return std::nullopt;
    due.endpoints.push_back(*endpoint);
  }
  return due;
}

}  // namespace

Result<void> endpoint_changed(Connection& connection, const model::WorkspaceId& workspace,
                              const model::EndpointId& endpoint) {
  std::string text(kEndpoint);
  add(text, workspace.uuid());
  add(text, endpoint.uuid());
  return connection.notify(text);
}

Result<void> key_changed(Connection& connection, const model::ApiKeyId& key) {
  std::string text(kKey);
  add(text, key.uuid());
  return connection.notify(text);
}

Result<void> source_changed(Connection& connection, const model::SourceId& source) {
  std::string text(kSource);
  add(text, source.uuid());
  return connection.notify(text);
}

Result<void> due(Connection& connection, const Uuid& by, std::span<const EndpointRef> endpoints) {
  while (!endpoints.empty()) {
    const auto some = endpoints.first(std::min(kDueMax, endpoints.size()));
    std::string text(kDue);
    add(text, by);
    for (const EndpointRef& endpoint : some) {
      add(text, endpoint.workspace.uuid());
      add(text, endpoint.endpoint.uuid());
    }
    WAYBILL_TRY(connection.notify(text));
    endpoints = endpoints.subspan(some.size());
  }
  return {};
}

std::optional<Message> parse(std::string_view text) {
  Words words(text);
  const std::string_view kind = words.next();
  if (kind == kEndpoint) {
    const auto endpoint = words.next_endpoint();
    if (!endpoint || !words.empty()) return std::nullopt;
    return EndpointChanged{*endpoint};
  }
  if (kind == kKey) {
    const auto key = words.next_uuid();
    if (!key || !words.empty()) return std::nullopt;
    return KeyChanged{model::ApiKeyId(*key)};
  }
  if (kind == kSource) {
    const auto source = words.next_uuid();
    if (!source || !words.empty()) return std::nullopt;
    return SourceChanged{model::SourceId(*source)};
  }
  if (kind == kDue) return parse_due(words);
  return std::nullopt;
}

}  // namespace waybill::store::changes
