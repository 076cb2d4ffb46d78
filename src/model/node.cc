#include "model/node.h"

namespace waybill::model {

std::string_view node_state_name(NodeState state) {
  switch (state) {
    case NodeState::kLive: return "live";
    case NodeState::kSilent: return "silent";
    case NodeState::kStopped: return "stopped";
    case NodeState::kShared: return "shared";
  }
  return "silent";
}

NodeState node_state(const Node& node, Timestamp now, std::chrono::milliseconds believed) {
  if (node.stopped_at) return NodeState::kStopped;
  if (node.seen_at + believed < now) return NodeState::kSilent;
  return node.shared_at ? NodeState::kShared : NodeState::kLive;
}

bool is_live(NodeState state) { return state == NodeState::kLive || state == NodeState::kShared; }

}  // namespace waybill::model
