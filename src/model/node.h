// A Node is one running hub: with PostgreSQL, one of several on the same database. Its id survives
// a restart; its boot id does not.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"

namespace waybill::model {

struct Node {
  // Real time: how often a node says that it lives, and how long that is believed.
  static constexpr std::chrono::seconds kBeat{5};
  static constexpr std::chrono::seconds kBelieved{20};

  Uuid id;
  Uuid boot;
  std::string name;
  std::string version;
  std::string address;  // Its URL, as it calls itself.
  Timestamp started_at{};
  Timestamp seen_at{};  // On its own clock.
  // When it last found that another one writes under its id. Nothing: none does.
  std::optional<Timestamp> shared_at;
  std::optional<Timestamp> stopped_at;

  friend bool operator==(const Node&, const Node&) = default;
};

enum class NodeState {
  kLive,
  kSilent,   // Not heard of for too long, and it never said that it would stop.
  kStopped,  // It has ended as it should.
  kShared,   // Live, twice: two hubs run with one id, from a data directory and its copy.
};
std::string_view node_state_name(NodeState state);

// `believed`: kBelieved, as hub time.
NodeState node_state(const Node& node, Timestamp now, std::chrono::milliseconds believed);

// True for what takes part: live, or shared.
bool is_live(NodeState state);

}  // namespace waybill::model
