// WooCommerce never sends again what did not arrive (W-8). So the hub asks: every hour, and by
// hand, it reads from a shop's REST API the orders that have changed since the last good point, and
// takes in those that are missing or newer, by the function that takes in webhooks.
//
// The good point is a time of the shop's own clock: all that changed until then is here. It moves
// with each page, as they come in the order of change, so that a long run that is cut short is gone
// on with; but never beyond the time it is, whatever a shop says of an order. Each run begins a
// little before it, for what was saved while the last one ran.
//
// Pages are asked for by the time of the last order read, not by their number alone: while they are
// read, orders that change move to the end, and what was first on the next page would be on the
// last one.
//
// One node of several does it. Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/task.h"
#include "crypto/secret_box.h"
#include "model/woocommerce.h"
#include "net/http_client.h"
#include "store/database.h"
#include "surfaces/woocommerce_orders.h"

namespace waybill::surfaces {

struct ReconcileOptions {
  std::optional<Timestamp> since;  // Of the shop's clock. Nothing: the good point.
  bool dry_run = false;            // Read and count; take nothing in, and move no good point.
  // By the hub's clock: then no further page is asked for, and the next run goes on. One that has
  // not come beyond where it began does not end so. Nothing: all are read.
  std::optional<Timestamp> until = {};
};

// What a run has read, and what came of it.
struct Reconciled {
  Timestamp since{};
  std::optional<Timestamp> good_until;
  std::int64_t pages = 0;
  std::int64_t read = 0;  // Orders; the sum of the following.
  std::int64_t created = 0;
  std::int64_t updated = 0;
  std::int64_t unchanged = 0;
  std::int64_t ignored = 0;     // Also what was only noted.
  std::int64_t unreadable = 0;  // The hub could make nothing of them; the log says why.
  bool was_cut = false;         // By ReconcileOptions::until.
};

class WooCommerceReconciler {
 public:
  static constexpr std::chrono::hours kBetweenRuns{1};
  static constexpr std::chrono::minutes kBetweenLooks{1};
  static constexpr std::chrono::minutes kOverlap{5};
  // How far back the first run goes, unless it is told.
  static constexpr std::chrono::hours kFirstReach{24};
  // How long the hourly run reads from one shop, of real time, and from how many at once.
  static constexpr std::chrono::minutes kRunMax{10};
  static constexpr int kShopsAtOnce = 4;
  static constexpr int kPerPage = 100;  // As many as WooCommerce gives.
  static constexpr std::size_t kAnswerBytesMax = 4 * 1024 * 1024;

  using Send = std::function<Task<Result<net::ClientResponse>>(net::ClientRequest)>;

  struct Parts {
    boost::asio::io_context& context;
    Clock& clock;
    Log& log;
    store::Database& database;
    const crypto::SecretBox& secret_box;
    WooCommerceOrders& orders;
    Send send;
    // Whether this node does it every hour: one of several is enough. Null: it does.
    std::function<bool()> is_ours = nullptr;
  };

  // Everything given outlives it.
  explicit WooCommerceReconciler(Parts parts);

  void start();
  // No further page is asked for, and no further order taken in; runs end by that.
  void begin_stop();
  // Waits for the hourly run.
  Task<void> stop();

  // One run. Unless it is a dry one, the shop's row says how it went. What the hub itself cannot do
  // ends it; an order that cannot be read is counted.
  // Fails with kNotFound (woocommerce_not_connected), kConflict (reconcile_running: one of this
  // shop is under way here), or kUnavailable: shop_unreachable, shop_refused (it does not accept
  // the key), shop_answer_invalid (what answers is no WooCommerce, or no page of orders),
  // hub_stopping; or as Database::run().
  Task<Result<Reconciled>> reconcile(model::WorkspaceId workspace, model::StoreId store,
                                     ReconcileOptions options = {});

  std::uint64_t runs() const { return runs_; }

 private:
  using Shop = model::woocommerce::Shop;
  struct Page;

  Task<void> run();
  Task<Result<void>> run_due();
  // One of several that take the next of `shops` until there is none.
  Task<void> run_next(const std::vector<Shop>& shops, std::size_t& next);
  // Moves the shop's good point as it goes.
  Task<Result<void>> read_pages(Shop& shop, const ReconcileOptions& options, Reconciled& done);
  // Until `newest` all is read, but for a dry run. Moves the good point, and writes that.
  Task<Result<void>> note_progress(Shop& shop, const ReconcileOptions& options,
                                   const Reconciled& done, std::optional<Timestamp> newest);
  // The answer, or kUnavailable (hub_stopping) as soon as the hub stops.
  Task<Result<net::ClientResponse>> send(net::ClientRequest request);
  Task<Result<Page>> ask(const Shop& shop, Timestamp after, int per_page, int number);
  Task<Result<void>> take_in(const Shop& shop, const json::object& order,
                             const ReconcileOptions& options, Reconciled& done);
  // `order`: its id, where that can be read.
  void count_unreadable(const Shop& shop, std::string_view order, const Error& error,
                        Reconciled& done);
  Task<Result<void>> note(Shop shop, const ReconcileOptions& options, Reconciled& done,
                          const Result<void>& outcome);
  Task<void> wait_until(Timestamp when);

  boost::asio::io_context& context_;
  Clock& clock_;
  Log& log_;
  store::Database& database_;
  const crypto::SecretBox& secret_box_;
  WooCommerceOrders& orders_;
  const Send send_;
  const std::function<bool()> is_ours_;
  std::set<std::pair<model::WorkspaceId, model::StoreId>> running_;
  std::uint64_t runs_ = 0;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer stop_;  // Waited for beside a shop's answer; cancelled by begin_stop().
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace waybill::surfaces
