#include "surfaces/woocommerce_orders.h"

#include <utility>
#include <vector>

#include "store/list_clock.h"
#include "store/stores.h"

namespace waybill::surfaces {
namespace {

constexpr std::size_t kStoresMax = 100'000;  // Remembered; then all are forgotten at once.

struct Done {
  intake::TakenIn taken;
  std::vector<intake::Accepted> accepted;
};

}  // namespace

bool is_of_hub(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout ||
         error.code == Code::kInternal;
}

Task<Result<model::Store>> WooCommerceOrders::find_store(model::WorkspaceId workspace,
                                                         model::StoreId id) {
  if (const auto known = stores_.find(id); known != stores_.end()) co_return known->second;
  const auto found = co_await database_.read([&](store::Connection& connection) {
    return store::stores::find(connection, workspace, id.text());
  });
  if (!found) co_return fail(found.error());
  if (!*found || (*found)->id != id) {
    co_return fail(Code::kNotFound, "store_not_found", "There is no such store.");
  }
  if (stores_.size() >= kStoresMax) stores_.clear();
  stores_.emplace(id, **found);
  co_return **found;
}

Task<Result<intake::TakenIn>> WooCommerceOrders::take_in(model::WorkspaceId workspace,
                                                         model::StoreId store, std::string source,
                                                         const json::object& order,
                                                         model::TraceContext trace) {
  const auto found = co_await find_store(workspace, store);
  if (!found) co_return fail(found.error());
  const auto message = model::woocommerce::read_order(order, found->currency);
  if (!message) co_return fail(message.error());
  const intake::LeaseTerms terms = dispatcher_.lease_terms();
  const Timestamp now = clock_.now();
  const auto unit = [&](store::Connection& connection) -> Result<Done> {
    intake::SalesUnit sales(connection, acceptance_, ids_, terms, workspace, now, trace);
    WAYBILL_TRY(sales.begin());
    const auto taken = intake::take_in(sales, connection, *found, source, *message);
    if (!taken) return fail(taken.error());
    return Done{*taken, sales.take_accepted()};
  };
  auto done =
      co_await database_.run(unit, store::Priority::kNew, store::list_clock::order_of(workspace));
  if (!done) co_return fail(done.error());
  for (intake::Accepted& accepted : done->accepted) dispatcher_.hand_over(std::move(accepted));
  co_return done->taken;
}

Task<Result<intake::WooCommerceOutcome>> WooCommerceOrders::foresee(model::WorkspaceId workspace,
                                                                    model::StoreId store,
                                                                    const json::object& order) {
  const auto found = co_await find_store(workspace, store);
  if (!found) co_return fail(found.error());
  const auto message = model::woocommerce::read_order(order, found->currency);
  if (!message) co_return fail(message.error());
  co_return co_await database_.read(
      [&](store::Connection& connection) { return intake::foresee(connection, *found, *message); });
}

}  // namespace waybill::surfaces
