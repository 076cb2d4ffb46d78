#include "intake/order_intake.h"

#include <utility>

#include <fmt/format.h>

#include "base/json_text.h"
#include "model/event.h"
#include "store/audit_log.h"
#include "store/orders.h"
#include "store/suppliers.h"

namespace waybill::intake {
namespace {

constexpr std::string_view kScope = "orders";

// Of everything the order says; `lines` are its lines as they are stored.
crypto::Digest fingerprint(const model::Order& order, std::string_view lines) {
  std::string text;
  text.reserve(256 + lines.size());
  ObjectText(text)
      .add("number", order.number)
      .add("date", order.order_date)
      .add("currency", order.currency)
      .add("supplier", order.supplier_id)
      .add_json("lines", lines)
      .end();
  return crypto::sha256(text);
}

// An explicit key never meets a derived one.
crypto::Digest explicit_key(std::string_view key) {
  return crypto::sha256(fmt::format("key:{}", key));
}

}  // namespace

crypto::Digest derived_key(std::string_view workspace_slug, const model::SupplierId& supplier,
                           const std::optional<std::string>& number,
                           const std::vector<model::OrderLine>& lines) {
  std::string text = "derived:";
  text.reserve(128 + 128 * lines.size());
  ObjectText shape(text);
  shape.add("workspace", workspace_slug).add("supplier", supplier).add("number", number);
  append_array(shape.member("lines"), lines, [](std::string& out, const model::OrderLine& line) {
    ObjectText(out)
        .add("code", line.item_code)
        .add("quantity", line.quantity)
        .add("unit", line.unit)
        .add("price", line.unit_price)
        .end();
  });
  shape.end();
  return crypto::sha256(text);
}

// Everything that is made before the unit runs, so that the unit can run again.
struct OrderIntake::Draft {
  model::Order order;
  std::string lines;  // The order's, as they are stored: written once for all that needs them.
  model::Event event;
  store::idempotency::Key key;
  store::idempotency::Entry entry;
};

Task<Result<OrderReceipt>> OrderIntake::receive(OrderRequest request, LeaseTerms terms) {
  auto supplier = co_await find_supplier(request);
  if (!supplier) co_return fail(supplier.error());

  Draft draft;
  model::Order& order = draft.order;
  order.id = ids_.next_id<model::OrderId>();
  order.workspace_id = request.workspace_id;
  order.surface = request.surface;
  order.number = std::move(request.number);
  order.order_date = std::move(request.order_date);
  order.currency = std::move(request.currency);
  order.supplier_id = (*supplier)->id;
  order.supplier_name = (*supplier)->name;
  order.lines = std::move(request.lines);
  order.created_at = clock_.now();
  draft.lines = model::write_lines(order.lines);

  draft.event.id = ids_.next_id<model::EventId>();
  draft.event.workspace_id = request.workspace_id;
  draft.event.type = model::kOrderCreated;
  draft.event.occurred_at = order.created_at;
  draft.event.subject = order.id.text();
  draft.event.data = model::order_event_data(order, draft.lines);
  draft.event.trace = std::move(request.trace);

  draft.key = {request.workspace_id, kScope,
               request.idempotency_key ? explicit_key(*request.idempotency_key)
                                       : derived_key(request.workspace_slug, order.supplier_id,
                                                     order.number, order.lines)};
  const ByteView id = order.id.bytes();
  draft.entry = {fingerprint(order, draft.lines), 201, Bytes(id.begin(), id.end())};

  auto receipt = co_await database_.run(
      [&](store::Connection& connection) { return store(connection, request, draft, terms); },
      store::Priority::kNew, store::lock_order(draft.key.hash));
  if (receipt) ++(receipt->replay ? counters_.duplicates : counters_.accepted);
  co_return receipt;
}

Task<Result<std::shared_ptr<const model::Supplier>>> OrderIntake::find_supplier(
    const OrderRequest& request) {
  std::string name(as_text(request.workspace_id.bytes()));
  name += request.supplier;
  if (const auto known = suppliers_.find(name); known != suppliers_.end()) {
    co_return known->second;
  }
  auto found = co_await database_.read([&](store::Connection& connection) {
    return store::suppliers::find(connection, request.workspace_id, request.supplier);
  });
  if (!found) co_return fail(found.error());
  if (!*found) {
    co_return fail(Code::kInvalid, "supplier_not_found",
                   fmt::format("Supplier {} not found.", request.supplier), request.supplier_path);
  }
  auto supplier = std::make_shared<const model::Supplier>(**std::move(found));
  if (suppliers_.size() >= kSuppliersMax) suppliers_.clear();
  suppliers_.emplace(std::move(name), supplier);
  co_return supplier;
}

Result<OrderReceipt> OrderIntake::store(store::Connection& connection, const OrderRequest& request,
                                        const Draft& draft, const LeaseTerms& terms) const {
  const Timestamp now = draft.order.created_at;
  auto earlier = store::idempotency::claim(connection, draft.key, draft.entry, now);
  if (!earlier) return fail(earlier.error());
  if (*earlier) return repeat(connection, request, draft, **earlier);

  WAYBILL_TRY(store::orders::insert(connection, draft.order, draft.lines));
  auto accepted = acceptance_.accept(connection, draft.event, terms, now);
  if (!accepted) return fail(accepted.error());
  return OrderReceipt{draft.order.id, draft.order.status, draft.order.lines.size(), false,
                      *std::move(accepted)};
}

Result<OrderReceipt> OrderIntake::repeat(store::Connection& connection, const OrderRequest& request,
                                         const Draft& draft,
                                         const store::idempotency::Entry& entry) const {
  const auto uuid = Uuid::from_bytes(entry.response);
  WAYBILL_CHECK(uuid.has_value(), "an order's idempotency entry holds its id");
  const auto original =
      store::orders::find(connection, request.workspace_id, model::OrderId(*uuid));
  if (!original) return fail(original.error());
  if (entry.fingerprint != draft.entry.fingerprint) {
    WAYBILL_TRY(store::audit_log::insert(
        connection,
        {ids_.next_id<model::AuditEntryId>(), request.workspace_id, draft.order.created_at,
         request.actor, "order.repeat_differed", original->id.text(), "{}"}));
  }
  return OrderReceipt{original->id, original->status, original->lines.size(), true, {}};
}

}  // namespace waybill::intake
