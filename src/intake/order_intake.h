// The OrderIntake takes orders exactly once: an order, its event and the deliveries of that event
// are written in one transaction with the key that makes a repeat the same request.
//
// Which key that is: the caller's Idempotency-Key, or one derived from what the order says
// (R-PL-17, R-PL-18). A repeat within 24 hours gets the original order (R-PL-19), also with another
// content (A-PL-7); that it differed is written to the audit log.
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/task.h"
#include "crypto/digest.h"
#include "intake/acceptance.h"
#include "model/order.h"
#include "model/trace_context.h"
#include "store/database.h"
#include "store/idempotency.h"

namespace waybill::intake {

// An order as a surface has read and checked it.
struct OrderRequest {
  model::WorkspaceId workspace_id;
  std::string workspace_slug;
  std::string_view surface;   // A literal: "proculink".
  std::string actor;          // Who sent it, for the audit log: the id of the key.
  std::string supplier;       // Its id, or its name in any case.
  std::string supplier_path;  // Where the request names it, for the error: "$.supplierId".
  std::optional<std::string> idempotency_key;
  std::optional<std::string> number;
  std::optional<std::string> order_date;
  std::optional<std::string> currency;
  std::vector<model::OrderLine> lines;
  model::TraceContext trace;
};

struct OrderCounters {
  std::uint64_t accepted = 0;
  std::uint64_t duplicates = 0;  // Answered with the order that was there.
};

// The order that the caller now has: a new one, or the original of a repeat.
struct OrderReceipt {
  model::OrderId id;
  model::OrderStatus status = model::OrderStatus::kNeedsReview;
  std::size_t line_count = 0;
  bool replay = false;
  Accepted accepted;  // Of a new order: for the dispatcher.
};

class OrderIntake {
 public:
  static constexpr std::size_t kSuppliersMax =
      100'000;  // Remembered; then all are forgotten at once.

  // Everything given outlives it.
  OrderIntake(const Clock& clock, IdGenerator& ids, store::Database& database,
              const Acceptance& acceptance)
      : clock_(clock), ids_(ids), database_(database), acceptance_(acceptance) {}

  // Returns once the order is durable. The receipt's `accepted` is then handed to the dispatcher
  // that gave the terms. Fails with kInvalid (supplier_not_found), or as Database::run().
  Task<Result<OrderReceipt>> receive(OrderRequest request, LeaseTerms terms);

  const OrderCounters& counters() const { return counters_; }

 private:
  struct Draft;

  Task<Result<std::shared_ptr<const model::Supplier>>> find_supplier(const OrderRequest& request);
  Result<OrderReceipt> store(store::Connection& connection, const OrderRequest& request,
                             const Draft& draft, const LeaseTerms& terms) const;
  Result<OrderReceipt> repeat(store::Connection& connection, const OrderRequest& request,
                              const Draft& draft, const store::idempotency::Entry& entry) const;

  const Clock& clock_;
  IdGenerator& ids_;
  store::Database& database_;
  const Acceptance& acceptance_;
  OrderCounters counters_;
  // By workspace and the text that named it. A supplier is never renamed or removed.
  std::unordered_map<std::string, std::shared_ptr<const model::Supplier>> suppliers_;
};

// What tells one order from another where the caller gives no key: workspace, supplier, order
// number, and each line's code, quantity, unit and price (A-PL-8). White space and member order of
// the request have no part in it.
crypto::Digest derived_key(std::string_view workspace_slug, const model::SupplierId& supplier,
                           const std::optional<std::string>& number,
                           const std::vector<model::OrderLine>& lines);

}  // namespace waybill::intake
