#include "store/products.h"

#include <algorithm>
#include <optional>
#include <string>

#include "model/money.h"
#include "store/list_clock.h"
#include "store/suppliers.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/trade.h"

namespace waybill::surfaces::native {
namespace {

using store::Connection;

constexpr std::size_t kSkuBytesMax = 200;

Error no_product() { return {Code::kNotFound, "product_not_found", "There is no such product."}; }

// The {sku} of the path, which is UTF-8. What is no SKU names nothing.
Result<std::string> path_sku(const net::Request& request) {
  const std::string& sku = request.param("sku");
  const bool has_control =
      std::ranges::any_of(sku, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  const bool is_blank = sku.find_first_not_of(' ') == std::string::npos;
  if (!has_control && !is_blank && sku.size() <= kSkuBytesMax) return sku;
  return fail(Code::kInvalid, "sku_invalid",
              "A SKU has 1 to 200 bytes, no control characters, and is not blank.");
}

model::Minor read_price(ObjectReader& body, const json::object& members, int digits) {
  const json::value* price = members.if_contains("price");
  if (!body.has("price") || !price) {
    if (!body.has_fault()) body.refuse("price", "member_missing", "\"price\" is missing.");
    return 0;
  }
  const auto decimal = model::decimal_from_json(*price);
  if (!decimal) {
    body.check("price", fail(decimal.error()));
    return 0;
  }
  if (decimal->unscaled < 0) {
    body.refuse("price", "member_invalid", "A price is not below zero.");
    return 0;
  }
  const auto minor = model::to_minor(*decimal, digits);
  if (!minor) body.check("price", fail(minor.error()));
  return minor.value_or(0);
}

struct Wanted {
  model::Product product;
  std::optional<std::string> supplier;  // As the caller names it.
};

Result<Wanted> read_product(const Call& call, const std::string& sku) {
  const auto object = read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  Wanted wanted;
  model::Product& product = wanted.product;
  product.workspace_id = call.workspace_id;
  product.sku = sku;
  product.name = body.text("name", {1, 200});
  if (!body.is_null("description")) {
    product.description = body.optional_text("description", {0, 2'000});
  }
  product.currency = read_currency(body, "currency");
  product.price = read_price(body, *object, model::currency_digits(product.currency));
  product.is_published = body.optional_flag("published").value_or(true);
  if (!body.is_null("supplier")) wanted.supplier = body.optional_text("supplier", {1, 200});
  WAYBILL_TRY(body.done());
  return wanted;
}

bool says_the_same(const model::Product& a, const model::Product& b) {
  return a.name == b.name && a.description == b.description && a.currency == b.currency &&
         a.price == b.price && a.is_published == b.is_published && a.supplier_id == b.supplier_id;
}

// `wanted` with its supplier, and with what the product of its SKU has already: its id and times.
struct Found {
  model::Product product;
  bool is_new = false;
  bool has_changed = false;
};

Result<Found> find_product(Connection& connection, const Call& call, const Wanted& wanted,
                           const model::ProductId& new_id) {
  Found found{wanted.product, true, true};
  if (wanted.supplier) {
    const auto supplier = store::suppliers::find(connection, call.workspace_id, *wanted.supplier);
    if (!supplier) return fail(supplier.error());
    if (!*supplier) {
      return fail(Code::kNotFound, "supplier_not_found", "There is no such supplier.",
                  "$.supplier");
    }
    found.product.supplier_id = (*supplier)->id;
  }
  const auto before =
      store::products::find_by_sku(connection, call.workspace_id, found.product.sku);
  if (!before) return fail(before.error());
  found.product.id = new_id;
  found.product.created_at = call.now;
  if (!*before) return found;
  found.is_new = false;
  found.has_changed = !says_the_same(**before, found.product);
  found.product.id = (*before)->id;
  found.product.created_at = (*before)->created_at;
  found.product.updated_at = (*before)->updated_at;
  return found;
}

std::string detail_of(const model::Product& product) {
  std::string detail;
  ObjectText(detail)
      .add("sku", product.sku)
      .add("name", product.name)
      .add("price", model::amount_text(product.price, model::currency_digits(product.currency)))
      .add("currency", product.currency)
      .add("published", product.is_published)
      .add("supplier_id", product.supplier_id)
      .end();
  return detail;
}

}  // namespace

Task<Result<Reply>> put_product(Call& call) {
  const auto sku = path_sku(call.request);
  if (!sku) co_return fail(sku.error());
  const auto wanted = read_product(call, *sku);
  if (!wanted) co_return fail(wanted.error());
  const auto new_id = call.services.ids.next_id<model::ProductId>();
  co_return co_await make_change(
      call,
      [&](Connection& connection) -> Result<Change> {
        const auto stamp = store::list_clock::take(connection, call.workspace_id, call.now);
        if (!stamp) return fail(stamp.error());
        auto found = find_product(connection, call, *wanted, new_id);
        if (!found) return fail(found.error());
        model::Product& product = found->product;
        if (!found->has_changed) return Change{200, text_of(product), {}, {}};
        product.updated_at = *stamp;
        WAYBILL_TRY(store::products::put(connection, product));
        return Change{found->is_new ? 201 : 200,
                      text_of(product),
                      AuditNote{"product.put", product.id.text(), detail_of(product), {}},
                      {}};
      },
      store::list_clock::order_of(call.workspace_id));
}

Task<Result<Reply>> list_products(Call& call) {
  const auto page = call.query.page();
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](Connection& connection) {
    return store::products::list(connection, call.workspace_id, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_product(Call& call) {
  const auto sku = path_sku(call.request);
  if (!sku) co_return fail(no_product());
  const auto found = co_await call.services.database.read([&](Connection& connection) {
    return store::products::find_by_sku(connection, call.workspace_id, *sku);
  });
  if (!found) co_return fail(found.error());
  if (!*found) co_return fail(no_product());
  co_return Reply{200, text_of(**found)};
}

}  // namespace waybill::surfaces::native
