// A LoggedRequest is a row of a workspace's request log: one request that came with a key of it, or
// was about it, and what it was answered. What it holds of bodies has neither secrets nor personal
// data in it.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "model/ids.h"

namespace waybill::model {

struct LoggedRequest {
  LoggedRequestId id;
  WorkspaceId workspace_id;
  Timestamp at{};  // When it had come.
  std::optional<ApiKeyId> key_id;
  std::string method;
  std::string path;  // As it came, without the query.
  int status = 0;
  std::string error_code;  // The stable word for what went wrong; empty for a success.
  std::chrono::microseconds latency{0};
  std::string request_id;          // As X-Request-Id told it.
  std::int64_t request_bytes = 0;  // Sizes of the whole bodies.
  std::int64_t response_bytes = 0;
  // The first of both, redacted (app/redaction.h). Nothing: no JSON, or the log keeps no bodies.
  std::optional<std::string> request_body;
  std::optional<std::string> response_body;
};

}  // namespace waybill::model
