// What changes a supplier, and tells of it.

#include <functional>
#include <utility>

#include "model/event.h"
#include "store/list_clock.h"
#include "store/suppliers.h"
#include "surfaces/native/accepted.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::native {
namespace {

using store::Connection;

// An optional member that null takes away.
struct Field {
  bool is_asked = false;
  std::optional<std::string> value;

  void apply(std::optional<std::string>& to) const {
    if (is_asked) to = value;
  }
};

Field read_field(ObjectReader& body, std::string_view name, ObjectReader::Length length) {
  if (body.is_null(name)) return {true, std::nullopt};
  auto value = body.optional_text(name, length);
  const bool is_asked = value.has_value();
  return {is_asked, std::move(value)};
}

bool says_the_same(const model::Supplier& a, const model::Supplier& b) {
  return a.name == b.name && a.email == b.email && a.phone == b.phone &&
         a.claimed_at == b.claimed_at;
}

std::string claimed_data(const model::Supplier& supplier) {
  std::string data;
  ObjectText(data)
      .add("vendor_id", supplier.id.uuid().text())
      .add("name", supplier.name)
      .add("claimed_at", supplier.claimed_at)
      .end();
  return data;
}

std::string detail_of(const model::Supplier& supplier) {
  std::string detail;
  ObjectText(detail)
      .add("name", supplier.name)
      .add("email", supplier.email)
      .add("phone", supplier.phone)
      .add("claimed_at", supplier.claimed_at)
      .end();
  return detail;
}

// How a supplier is changed, and by which event that is told.
struct Alteration {
  std::function<void(model::Supplier& supplier)> apply;
  std::string_view event_type;
  std::function<std::string(const model::Supplier& supplier)> event_data;
  std::string_view action;  // In the audit log.
};

Result<intake::Accepted> tell(Connection& connection, const Call& call,
                              const model::Supplier& supplier, const Alteration& alteration,
                              const intake::LeaseTerms& terms) {
  model::Event event;
  event.id = call.services.ids.next_id<model::EventId>();
  event.workspace_id = call.workspace_id;
  event.type = alteration.event_type;
  event.occurred_at = call.now;
  event.subject = supplier.id.text();
  event.data = alteration.event_data(supplier);
  event.trace = trace_of(call.request);
  return call.services.acceptance.accept(connection, event, terms, call.now);
}

Result<Change> alter(Connection& connection, const Call& call, const model::SupplierId& id,
                     const Alteration& alteration, const intake::LeaseTerms& terms) {
  const auto stamp = store::list_clock::take(connection, call.workspace_id, call.now);
  if (!stamp) return fail(stamp.error());
  const auto before = store::suppliers::find(connection, call.workspace_id, id.text());
  if (!before) return fail(before.error());
  // A supplier may be called like another's id; here it is the id that counts.
  if (!*before || (*before)->id != id) {
    return fail(Code::kNotFound, "supplier_not_found", "There is no such supplier.");
  }
  model::Supplier after = **before;
  alteration.apply(after);
  if (says_the_same(**before, after)) return Change{200, text_of(after), {}, {}};
  after.updated_at = *stamp;
  WAYBILL_TRY(store::suppliers::update(connection, after));
  auto accepted = tell(connection, call, after, alteration, terms);
  if (!accepted) return fail(accepted.error());
  return Change{200, text_of(after), AuditNote{alteration.action, id.text(), detail_of(after), {}},
                hand_over(*std::move(accepted))};
}

Task<Result<Reply>> alter_supplier(Call& call, model::SupplierId id, Alteration alteration) {
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await make_change(
      call, [&](Connection& connection) { return alter(connection, call, id, alteration, terms); },
      store::list_clock::order_of(call.workspace_id));
}

}  // namespace

Task<Result<Reply>> update_supplier(Call& call) {
  const auto id = path_id<model::SupplierId>(call.request, "supplier");
  if (!id) co_return fail(id.error());
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const auto name = body.optional_text("name", {1, 200});
  const Field email = read_field(body, "email", {1, 254});
  const Field phone = read_field(body, "phone", {1, 100});
  WAYBILL_CO_TRY(body.done());
  Alteration alteration;
  alteration.apply = [name, email, phone](model::Supplier& supplier) {
    if (name) supplier.name = *name;
    email.apply(supplier.email);
    phone.apply(supplier.phone);
  };
  alteration.event_type = model::kSupplierUpdated;
  alteration.event_data = model::supplier_data;
  alteration.action = "supplier.update";
  co_return co_await alter_supplier(call, *id, std::move(alteration));
}

Task<Result<Reply>> claim_supplier(Call& call) {
  const auto id = path_id<model::SupplierId>(call.request, "supplier");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  Alteration alteration;
  alteration.apply = [now = call.now](model::Supplier& supplier) {
    // Claimed is claimed: a second time changes nothing.
    if (!supplier.claimed_at) supplier.claimed_at = now;
  };
  alteration.event_type = model::kVendorClaimed;
  alteration.event_data = claimed_data;
  alteration.action = "supplier.claim";
  co_return co_await alter_supplier(call, *id, std::move(alteration));
}

}  // namespace waybill::surfaces::native
