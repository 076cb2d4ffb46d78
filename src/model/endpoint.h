// An Endpoint is a webhook subscription: where to send which events, how, and how it fares.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/ids.h"
#include "model/retry_schedule.h"

namespace waybill::model {

//   active ⇄ paused       by an operator
//   active → deactivated  by its failures, or by a 410 from the receiver; resumed by an operator
//   any    → deleted      its waiting deliveries are cancelled
//
// A paused or deactivated endpoint keeps collecting deliveries, and sends them when it is resumed.
enum class EndpointState { kActive, kPaused, kDeactivated, kDeleted };
std::string_view endpoint_state_name(EndpointState state);
std::optional<EndpointState> parse_endpoint_state(std::string_view name);

// How what is owed to a destination leaves. kWebhook is an Endpoint, a subscription of the
// workspace's events; all others are Handlers, of what one Source has received. They share their
// states, their table, their deliveries and the dispatcher.
enum class Channel {
  kWebhook,
  kHttp,     // The original bytes, signed again in a dialect, or not.
  kCommand,  // A program: JSON on its standard input.
  kFile,     // A line of JSON appended.
  kRedis,    // A stream.
  kAmqp,     // RabbitMQ.
  kKafka,
  kSql,      // A row of a table in PostgreSQL.
  kPublish,  // A canonical event of the workspace.
  kFetch,    // The document that the message names; what is fetched goes to the other handlers.
};
inline constexpr std::size_t kChannels = 10;
std::string_view channel_name(Channel channel);
std::optional<Channel> parse_channel(std::string_view name);

// A signing secret as it is stored: sealed by crypto::SecretBox for its endpoint. Empty: none.
struct SealedSecrets {
  Bytes current;
  Bytes previous;                                // Signs beside the current one …
  std::optional<Timestamp> previous_expires_at;  // … until then.
};

// In which the same is sent once. A window of 0: everything is sent.
struct CoalescingOverride {
  std::chrono::milliseconds window{0};
  bool trailing = false;  // The last is sent when the window ends, and not the first at once.

  friend bool operator==(const CoalescingOverride&, const CoalescingOverride&) = default;
};

// Headers of its own that an endpoint is sent with each request. What they say may be a secret: it
// is stored sealed, like the secrets.
struct SealedHeaders {
  std::vector<std::string> names;  // In the order in which they are sent.
  Bytes sealed;                    // Empty: none.
};

// What an endpoint may set otherwise than its dialect does. Nothing: as the dialect says.
struct EndpointOverrides {
  std::optional<std::vector<RetrySchedule::Delay>> retry;
  std::optional<int> attempts_max;                   // Tries of one delivery.
  std::optional<std::chrono::milliseconds> timeout;  // From connecting to the answer's end.
  std::optional<int> rate_per_second;                // Requests started.
  std::optional<int> in_flight_max;                  // Requests at one time.
  std::optional<CoalescingOverride> coalescing;
  std::optional<int> deactivate_after;        // Failures in a row that switch it off; 0 is never.
  std::optional<bool> exhausted_deactivates;  // Whether the last try of a delivery does.

  friend bool operator==(const EndpointOverrides&, const EndpointOverrides&) = default;
};

struct Endpoint {
  EndpointId id;
  WorkspaceId workspace_id;
  std::string dialect;
  std::string url;
  std::string name;  // For people. May be empty.
  std::string description;
  std::vector<std::string> event_types;  // Of the dialect's catalogue, or "*".
  std::string filter;                    // JSON (routing/filter.h). Empty: everything passes.
  std::optional<UserId> owner_id;        // Whose roles decide what it is sent. Nothing: everything.
  EndpointState state = EndpointState::kActive;
  std::string state_reason;  // Why it is not active: a sentence for people.
  SealedSecrets secrets;
  SealedHeaders headers;
  EndpointOverrides overrides;
  // One delivery at a time, in the order of their ids (delivery/dispatcher.h). Fixed when it is
  // made, since every delivery carries it.
  bool in_order = false;
  int consecutive_failures = 0;
  bool failing = false;  // Too many of its latest attempts failed (delivery/failure_rates.h).
  Timestamp created_at{};
  Timestamp updated_at{};

  // Of a Handler:
  Channel channel = Channel::kWebhook;
  std::optional<SourceId> source_id;  // Whose messages it handles. Nothing: it is an endpoint.
  // JSON (delivery/channel_settings.h), sealed for its id, since it may hold passwords. Empty:
  // none.
  Bytes channel_settings;
  // A text template of what a message says (dialect/receipt.h): messages for which it makes the
  // same are handled one at a time, in the order of their receipt; others side by side. Fixed when
  // it is made. Empty: no order, but for in_order.
  std::string order_by;

  bool is_handler() const { return source_id.has_value(); }
};

}  // namespace waybill::model
