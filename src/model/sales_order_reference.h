// The rules of an order's states once more, for tests: written down from the requirements instead
// of from the table, as an order that knows what was done to it.

#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "model/sales_order.h"

namespace waybill::model {

struct SalesReference {
  Minor total;
  bool cancelled = false, shipped = false, delivered = false;
  std::vector<Minor> kept = {}, given_back = {};

  Minor sum(const std::vector<Minor>& of) const {
    Minor all = 0;
    for (const Minor amount : of) all += amount;
    return all;
  }
  // What comes of it: "" or the refusal.
  std::string act(SalesAction action, Minor amount) {
    const bool gone = shipped || delivered;
    if (action == SalesAction::kReopen) return cancelled = shipped = delivered = false, "";
    if (action == SalesAction::kCancel)
      return gone ? "order_not_cancellable" : (cancelled = true, "");
    if (action == SalesAction::kRefund) {
      kept.erase(std::ranges::find(kept, amount));
      return given_back.push_back(amount), "";
    }
    if (cancelled) return "order_cancelled";
    if (action == SalesAction::kShip) return shipped = true, "";
    if (action == SalesAction::kDeliver) return delivered = true, "";
    if (sum(kept) + amount > total) return "overpayment";
    return kept.push_back(amount), "";
  }
  SalesState state() const {
    const auto status = cancelled   ? SalesStatus::kCancelled
                        : delivered ? SalesStatus::kDelivered
                        : shipped   ? SalesStatus::kShipped
                                    : SalesStatus::kOpen;
    return {status, total, sum(kept), sum(given_back)};
  }
};

}  // namespace waybill::model
