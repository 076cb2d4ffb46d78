// What one node tells the others, through the database: what their caches must forget, and what has
// come to be due. Said inside a unit, so that it goes out with its commit, or never.
//
// With a database that belongs to one process nobody is told: it knows what it does itself.

#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "model/ids.h"
#include "store/connection.h"

namespace waybill::store::changes {

struct EndpointRef {
  model::WorkspaceId workspace;
  model::EndpointId endpoint;

  friend bool operator==(const EndpointRef&, const EndpointRef&) = default;
};

// An endpoint was changed, paused, resumed, switched off or deleted.
struct EndpointChanged : EndpointRef {};
// A key works no more, or has another secret; or there is one more that nobody asks for by its
// text.
struct KeyChanged {
  model::ApiKeyId key;
};
// A source was made, changed or deleted.
struct SourceChanged {
  model::SourceId source;
};
// `by` has written deliveries to these that it may not make all by itself.
struct Due {
  Uuid by;  // The node.
  std::vector<EndpointRef> endpoints;
};
using Message = std::variant<EndpointChanged, KeyChanged, SourceChanged, Due>;

// How many endpoints one message of kind Due has room for.
inline constexpr std::size_t kDueMax = 90;

// All fail as Connection::notify().
Result<void> endpoint_changed(Connection& connection, const model::WorkspaceId& workspace,
                              const model::EndpointId& endpoint);
Result<void> key_changed(Connection& connection, const model::ApiKeyId& key);
Result<void> source_changed(Connection& connection, const model::SourceId& source);
// In as many messages as it takes.
Result<void> due(Connection& connection, const Uuid& by, std::span<const EndpointRef> endpoints);

// What was heard. Nothing for what this version does not know.
std::optional<Message> parse(std::string_view text);

}  // namespace waybill::store::changes
