#include "store/stores.h"

#include <fmt/format.h>

#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/trade.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::string_view kCurrencyDefault = "EUR";
constexpr std::string_view kNumberPrefixDefault = "SO-";

}  // namespace

std::string read_currency(ObjectReader& body, std::string_view name, std::string_view otherwise) {
  const std::string currency = body.optional_text(name, {1, 20}).value_or(std::string(otherwise));
  if (!body.has_fault() && !model::is_currency_code(currency)) {
    body.refuse(name, "member_invalid",
                "This has to be a currency's code: three to twelve of A-Z and 0-9, as EUR.");
  }
  return currency;
}

Result<model::Store> find_named_store(store::Connection& connection,
                                      const model::WorkspaceId& workspace,
                                      std::string_view id_or_name) {
  // No name has a NUL, and PostgreSQL takes none in a text.
  if (!id_or_name.contains('\0')) {
    auto found = store::stores::find(connection, workspace, id_or_name);
    if (!found) return fail(found.error());
    if (*found) return **std::move(found);
  }
  return fail(Code::kNotFound, "store_not_found", "There is no such store.");
}

Task<Result<Reply>> create_store(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  model::Store store;
  store.name = body.text("name", {1, 200});
  store.currency = read_currency(body, "currency", kCurrencyDefault);
  store.number_prefix =
      body.optional_text("number_prefix", {0, 20}).value_or(std::string(kNumberPrefixDefault));
  WAYBILL_CO_TRY(body.done());
  store.id = call.services.ids.next_id<model::StoreId>();
  store.workspace_id = call.workspace_id;
  store.created_at = call.now;
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(store::stores::insert(connection, store));
    std::string detail;
    ObjectText(detail)
        .add("name", store.name)
        .add("currency", store.currency)
        .add("number_prefix", store.number_prefix)
        .end();
    return Change{201, text_of(store), AuditNote{"store.create", store.id.text(), detail, {}}, {}};
  });
}

Task<Result<Reply>> list_stores(Call& call) {
  const auto page = call.query.page();
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::stores::list(connection, call.workspace_id, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_store(Call& call) {
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return find_named_store(connection, call.workspace_id, call.request.param("store"));
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of(*found)};
}

}  // namespace waybill::surfaces::native
