// An order of WooCommerce's on its way into the store, whether a webhook brought it or the hub
// asked for it: one unit of the database, whose events go to the dispatcher after the commit.
//
// Used from the thread of the io_context only.

#pragma once

#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/task.h"
#include "delivery/dispatcher.h"
#include "intake/acceptance.h"
#include "intake/woocommerce.h"
#include "model/trace_context.h"
#include "model/trade.h"
#include "store/database.h"

namespace waybill::surfaces {

// Whether it is the hub that could not take an order in, whatever was in it. Anything else is the
// order's own, and stays as it is however often it comes.
bool is_of_hub(const Error& error);

class WooCommerceOrders {
 public:
  // Everything given outlives it.
  WooCommerceOrders(const Clock& clock, IdGenerator& ids, store::Database& database,
                    const intake::Acceptance& acceptance, delivery::Dispatcher& dispatcher)
      : clock_(clock),
        ids_(ids),
        database_(database),
        acceptance_(acceptance),
        dispatcher_(dispatcher) {}

  // `source`: what a new order is said to come from. Returns once all is durable.
  // Fails as model::woocommerce::read_order() and intake::take_in(), with kNotFound
  // (store_not_found), and as Database::run().
  Task<Result<intake::TakenIn>> take_in(model::WorkspaceId workspace, model::StoreId store,
                                        std::string source, const json::object& order,
                                        model::TraceContext trace = {});

  // What would come of it. Fails as take_in().
  Task<Result<intake::WooCommerceOutcome>> foresee(model::WorkspaceId workspace,
                                                   model::StoreId store, const json::object& order);

 private:
  // Fails with kNotFound (store_not_found).
  Task<Result<model::Store>> find_store(model::WorkspaceId workspace, model::StoreId id);

  const Clock& clock_;
  IdGenerator& ids_;
  store::Database& database_;
  const intake::Acceptance& acceptance_;
  delivery::Dispatcher& dispatcher_;
  // A store's currency and prefix never change.
  std::unordered_map<model::StoreId, model::Store> stores_;
};

}  // namespace waybill::surfaces
