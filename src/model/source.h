// A Source is a door for a foreign platform's webhooks: POST /in/{token}. What comes in is a
// Message (model/message.h), handled by the source's Handlers (model/endpoint.h: destinations with
// a source_id).

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/ids.h"

namespace waybill::model {

enum class SourceState { kActive, kDeleted };
std::string_view source_state_name(SourceState state);
std::optional<SourceState> parse_source_state(std::string_view name);

struct SourceSettings {
  // How long a message is known again (R-PQ-40).
  std::chrono::milliseconds remember{std::chrono::hours(30 * 24)};
  // An alert if nothing has come for so long. Nothing: none.
  std::optional<std::chrono::milliseconds> quiet_after;
  // Instead of what the dialect allows a signed time to be off by.
  std::optional<std::chrono::milliseconds> tolerance;

  friend bool operator==(const SourceSettings&, const SourceSettings&) = default;
};

struct Source {
  SourceId id;
  WorkspaceId workspace_id;
  std::string name;
  std::string dialect;  // What is sent here speaks it.
  SourceState state = SourceState::kActive;
  Bytes token_hash;  // SHA-256 of the last segment of its path, by which it is found.
  Bytes token;       // The same, sealed for its id, so that an operator can see it again.
  // A JSON array, sealed for its id: [{"secret": "…", "expires_at": 1700000000000}], newest first.
  // Each verifies until it expires. Empty: none yet, and nothing can be received in a dialect that
  // signs (R-PQ-37).
  Bytes secrets;
  SourceSettings settings;
  Timestamp created_at{};
  Timestamp updated_at{};
};

// The path it is reached at: "/in/" and the token.
inline constexpr std::string_view kSourcePath = "/in/";

}  // namespace waybill::model
