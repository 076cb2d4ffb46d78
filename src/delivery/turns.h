// Turns decides who is next: workspaces in rotation, and within each its endpoints in rotation. So
// a workspace with a thousand busy endpoints gets as many turns as one with a single one.

#pragma once

#include <deque>
#include <unordered_map>

#include "model/ids.h"

namespace waybill::delivery {

template <class Item>
class Turns {
 public:
  bool empty() const { return workspaces_.empty(); }

  // Puts `item` at the end of its workspace's rotation. Requires: it is not waiting already.
  void add(const model::WorkspaceId& workspace, Item* item) {
    auto& items = items_[workspace];
    if (items.empty()) workspaces_.push_back(workspace);
    items.push_back(item);
  }

  // Takes the next out. Requires: !empty().
  Item* next() {
    const model::WorkspaceId workspace = workspaces_.front();
    workspaces_.pop_front();
    const auto found = items_.find(workspace);
    Item* const item = found->second.front();
    found->second.pop_front();
    if (found->second.empty()) {
      items_.erase(found);
    } else {
      workspaces_.push_back(workspace);
    }
    return item;
  }

 private:
  std::deque<model::WorkspaceId> workspaces_;  // Those with an item waiting, each once.
  std::unordered_map<model::WorkspaceId, std::deque<Item*>> items_;
};

}  // namespace waybill::delivery
