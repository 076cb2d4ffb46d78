#include "surfaces/woocommerce_reconciler.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/bytes.h"
#include "net/header.h"
#include "net/url.h"
#include "store/woocommerce.h"

namespace waybill::surfaces {
namespace {

constexpr std::chrono::minutes kPauseAfterFailure{1};  // Of the hub's own store.
constexpr net::Deadlines kDeadlines{.connect = std::chrono::seconds(10),
                                    .first_byte = std::chrono::seconds(60),
                                    .total = std::chrono::seconds(120)};
// A shop that answers nonsense for ever is one that answers nonsense.
constexpr int kPagesMax = 100'000;

// "2026-05-19T12:00:00": as the REST API reads times.
std::string shop_time(Timestamp time) { return iso_time(time).substr(0, 19); }

std::optional<Timestamp> modified_of(const json::object& order) {
  const json::value* modified = order.if_contains("date_modified_gmt");
  if (!modified || !modified->is_string()) return std::nullopt;
  return parse_iso_time(std::string(modified->get_string()) + "Z");
}

// Of an order as it is now.
std::string identity_of(const json::object& order) {
  std::string identity;
  for (const std::string_view name : {"id", "date_modified_gmt"}) {
    if (const json::value* part = order.if_contains(name)) append_json(identity, *part);
  }
  return identity;
}

std::optional<int> pages_total(const net::ClientResponse& response) {
  const auto header = net::find_header(response.headers, "X-WP-TotalPages");
  if (!header) return std::nullopt;
  int total = 0;
  const auto [end, error] = std::from_chars(header->data(), header->data() + header->size(), total);
  return error == std::errc{} ? std::optional(total) : std::nullopt;
}

constexpr std::string_view kHubStopping = "hub_stopping";
std::unexpected<Error> stopped() {
  return fail(Code::kUnavailable, kHubStopping, "The hub is stopping.");
}

std::unexpected<Error> no_page(std::string what) {
  return fail(Code::kUnavailable, "shop_answer_invalid", std::move(what));
}

Result<void> check_status(const net::ClientResponse& response, const net::Url& url) {
  const int status = response.status;
  if (status == 200) return {};
  if (status == 401 || status == 403) {
    return fail(Code::kUnavailable, "shop_refused",
                fmt::format("{} does not accept the consumer key ({}): it needs to be one that may "
                            "read.",
                            url.authority(), status));
  }
  if (status >= 500 || status == 429) {
    return fail(Code::kUnavailable, "shop_unreachable",
                fmt::format("{} answered {}.", url.authority(), status));
  }
  return no_page(
      fmt::format("{} answered {}: the address has to be that of a site with "
                  "WooCommerce, and its permalinks other than plain.",
                  url.authority(), status));
}

}  // namespace

// One answer.
struct WooCommerceReconciler::Page {
  json::array orders;
  bool is_last = false;
  bool is_unreadable = false;  // It is more than is read, or not to be parsed: ask for less.
};

WooCommerceReconciler::WooCommerceReconciler(Parts parts)
    : context_(parts.context),
      clock_(parts.clock),
      log_(parts.log),
      database_(parts.database),
      secret_box_(parts.secret_box),
      orders_(parts.orders),
      send_(std::move(parts.send)),
      is_ours_(std::move(parts.is_ours)),
      timer_(parts.context),
      stop_(parts.context, boost::asio::steady_timer::time_point::max()),
      tasks_(parts.context, parts.log) {}

void WooCommerceReconciler::start() { tasks_.spawn("woocommerce_reconciler", run()); }

void WooCommerceReconciler::begin_stop() {
  stopping_ = true;
  timer_.cancel();
  stop_.cancel();
}

Task<void> WooCommerceReconciler::stop() {
  begin_stop();
  co_await tasks_.join();
}

Task<void> WooCommerceReconciler::run() {
  while (!stopping_) {
    Timestamp next = clock_.now() + kBetweenLooks;
    if (!is_ours_ || is_ours_()) {
      if (const auto done = co_await run_due(); !done) {
        log_.warn("woocommerce_reconcile_failed", {{"what", done.error().message}});
        next = clock_.now() + kPauseAfterFailure;
      }
    }
    co_await wait_until(next);
  }
}

Task<Result<void>> WooCommerceReconciler::run_due() {
  const Timestamp before = clock_.now() - kBetweenRuns;
  const auto due = co_await database_.read([&](store::Connection& connection) {
    return store::woocommerce::due_shops(connection, before);
  });
  if (!due) co_return fail(due.error());
  // One that is slow or has much to tell holds up no more than its own place.
  std::size_t next = 0;
  TaskGroup places(context_, log_);
  for (int place = 0; place < kShopsAtOnce; ++place) {
    places.spawn("woocommerce_reconciler", run_next(*due, next));
  }
  co_await places.join();
  co_return Result<void>();
}

Task<void> WooCommerceReconciler::run_next(const std::vector<Shop>& shops, std::size_t& next) {
  while (!stopping_ && next < shops.size()) {
    const Shop& shop = shops[next++];
    ReconcileOptions options;
    options.until = clock_.now() + clock_.hub_time(kRunMax);
    const auto done = co_await reconcile(shop.workspace_id, shop.store_id, options);
    // Its row says what is wrong with a shop; the others have their turn.
    if (!done) {
      log_.warn("woocommerce_reconcile_failed", {{"store", shop.store_id.text()},
                                                 {"reason", done.error().reason},
                                                 {"what", done.error().message}});
    } else if (done->was_cut) {
      log_.info("woocommerce_reconcile_cut",
                {{"store", shop.store_id.text()}, {"read", done->read}});
    }
  }
}

Task<Result<Reconciled>> WooCommerceReconciler::reconcile(model::WorkspaceId workspace,
                                                          model::StoreId store,
                                                          ReconcileOptions options) {
  const auto shop = co_await database_.read([&](store::Connection& connection) {
    return store::woocommerce::find_shop(connection, workspace, store);
  });
  if (!shop) co_return fail(shop.error());
  if (!*shop) {
    co_return fail(Code::kNotFound, "woocommerce_not_connected",
                   "The hub does not know this store's shop: connect it first.");
  }
  const auto place = running_.emplace(workspace, store);
  if (!place.second) {
    co_return fail(Code::kConflict, "reconcile_running", "A run of this shop is under way.");
  }
  Reconciled done;
  Shop found = **shop;
  if (options.since) {
    done.since = *options.since;
  } else if (found.good_until) {
    done.since = *found.good_until - kOverlap;
  } else {
    done.since = clock_.wall_now() - kFirstReach;
  }
  const auto read = co_await read_pages(found, options, done);
  const auto noted = co_await note(found, options, done, read);
  running_.erase(place.first);
  ++runs_;
  if (!read) co_return fail(read.error());
  if (!noted) co_return fail(noted.error());
  co_return done;
}

Task<Result<void>> WooCommerceReconciler::read_pages(Shop& shop, const ReconcileOptions& options,
                                                     Reconciled& done) {
  Timestamp after = done.since;
  std::optional<Timestamp> newest;
  // Of the last page: the next one may begin with some of them again.
  std::set<std::string> seen;
  int per_page = kPerPage;
  for (int number = 1; done.pages < kPagesMax; ++done.pages) {
    const auto page = co_await ask(shop, after, per_page, number);
    if (!page) co_return fail(page.error());
    if (page->is_unreadable && per_page > 1) {
      per_page = std::max(1, per_page / 10);
      number = 1;
      continue;
    }
    // One order alone: those behind it do not wait for it.
    if (page->is_unreadable)
      count_unreadable(shop, "unknown", Error(Code::kInvalid, "order_unparsable", ""), done);
    std::set<std::string> here;
    for (const json::value& order : page->orders) {
      if (stopping_) co_return stopped();
      if (!order.is_object()) co_return no_page("The page holds something that is no order.");
      std::string identity = identity_of(order.get_object());
      const bool was_seen = seen.contains(identity);
      here.insert(std::move(identity));
      if (was_seen) continue;
      WAYBILL_CO_TRY(co_await take_in(shop, order.get_object(), options, done));
      const auto modified = modified_of(order.get_object());
      if (modified && (!newest || *modified > *newest)) newest = modified;
    }
    seen = std::move(here);
    WAYBILL_CO_TRY(co_await note_progress(shop, options, done, newest));
    // The next run begins so much before; less than that would be the same again, for ever.
    const bool is_further = newest && *newest > done.since + kOverlap;
    done.was_cut = !page->is_last && is_further && options.until && clock_.now() >= *options.until;
    if (page->is_last || done.was_cut) {
      ++done.pages;
      co_return Result<void>();
    }
    // `modified_after` leaves out its own second, in which there may be more.
    const Timestamp next = newest ? *newest - std::chrono::seconds(1) : after;
    if (next > after) {
      after = next;
      number = 1;
      per_page = std::min(kPerPage, per_page * 10);
    } else {
      ++number;
    }
  }
  co_return no_page("The pages of orders do not end.");
}

Task<Result<void>> WooCommerceReconciler::note_progress(Shop& shop, const ReconcileOptions& options,
                                                        const Reconciled& done,
                                                        std::optional<Timestamp> newest) {
  if (options.dry_run) co_return Result<void>();
  // A date to come would leave out all that changes until then.
  const Timestamp until =
      std::min(newest ? std::max(*newest, done.since) : done.since, clock_.wall_now());
  // What begins after the good point leaves a gap, and what ends before it is nothing new.
  const bool leaves_gap = shop.good_until && done.since > *shop.good_until;
  if (leaves_gap || (shop.good_until && until <= *shop.good_until)) co_return Result<void>();
  shop.good_until = until;
  co_return co_await database_.run(
      [&](store::Connection& connection) { return store::woocommerce::note_run(connection, shop); },
      store::Priority::kOwn);
}

Task<Result<net::ClientResponse>> WooCommerceReconciler::send(net::ClientRequest request) {
  using namespace boost::asio::experimental::awaitable_operators;
  if (stopping_) co_return stopped();
  auto first = co_await (send_(std::move(request)) ||
                         stop_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable)));
  if (auto* response = std::get_if<0>(&first)) co_return std::move(*response);
  co_return stopped();
}

Task<Result<WooCommerceReconciler::Page>> WooCommerceReconciler::ask(const Shop& shop,
                                                                     Timestamp after, int per_page,
                                                                     int number) {
  const auto secret = secret_box_.open(shop.sealed_consumer_secret, shop.store_id.bytes());
  if (!secret) co_return fail(secret.error());
  auto url = net::parse_url(fmt::format(
      "{}/wp-json/wc/v3/orders?modified_after={}&dates_are_gmt=true&orderby=modified&order=asc"
      "&per_page={}&page={}",
      shop.url, percent_encode(shop_time(after)), per_page, number));
  if (!url) co_return fail(url.error());
  net::ClientRequest request;
  request.method = "GET";
  request.url = *url;
  request.headers = {
      {"Authorization",
       "Basic " + base64(as_bytes(fmt::format("{}:{}", shop.consumer_key, secret->reveal())))},
      {"Accept", "application/json"}};
  request.deadlines = kDeadlines;
  request.answer_bytes_max = kAnswerBytesMax;
  auto response = co_await send(std::move(request));
  if (!response && response.error().reason == kHubStopping) co_return fail(response.error());
  if (!response) {
    co_return fail(Code::kUnavailable, "shop_unreachable", response.error().message);
  }
  WAYBILL_CO_TRY(check_status(*response, *url));
  Page page;
  auto body =
      response->cut ? Result<json::value>(json::value(json::array())) : parse_json(response->body);
  page.is_unreadable = response->cut || (!body && response->body.starts_with('['));
  if (!page.is_unreadable && (!body || !body->is_array())) {
    co_return no_page("The answer is no page of orders.");
  }
  if (body) page.orders = std::move(body->get_array());
  const auto total = pages_total(*response);
  const bool is_short = !page.is_unreadable && std::ssize(page.orders) < per_page;
  const bool is_empty = !page.is_unreadable && page.orders.empty();
  page.is_last = is_empty || (total ? number >= *total : is_short);
  co_return page;
}

Task<Result<void>> WooCommerceReconciler::take_in(const Shop& shop, const json::object& order,
                                                  const ReconcileOptions& options,
                                                  Reconciled& done) {
  using Outcome = intake::WooCommerceOutcome;
  Result<Outcome> outcome = Outcome::kUnchanged;
  if (options.dry_run) {
    outcome = co_await orders_.foresee(shop.workspace_id, shop.store_id, order);
  } else {
    const auto taken =
        co_await orders_.take_in(shop.workspace_id, shop.store_id, "woocommerce", order);
    if (taken) outcome = taken->outcome;
    if (!taken) outcome = fail(taken.error());
  }
  // What the hub cannot do now is asked for again; what is wrong with one order stays so.
  if (!outcome && is_of_hub(outcome.error())) co_return fail(outcome.error());
  if (!outcome) {
    const json::value* id = order.if_contains("id");
    count_unreadable(shop, id ? write_json(*id) : "none", outcome.error(), done);
    co_return Result<void>();
  }
  ++done.read;
  switch (*outcome) {
    case Outcome::kCreated: ++done.created; break;
    case Outcome::kUpdated: ++done.updated; break;
    case Outcome::kUnchanged: ++done.unchanged; break;
    case Outcome::kIgnored:
    case Outcome::kNoted: ++done.ignored; break;
  }
  co_return Result<void>();
}

void WooCommerceReconciler::count_unreadable(const Shop& shop, std::string_view order,
                                             const Error& error, Reconciled& done) {
  ++done.read;
  ++done.unreadable;
  log_.warn("woocommerce_order_unreadable", {{"store", shop.store_id.text()},
                                             {"order", order},
                                             {"reason", error.reason},
                                             {"path", error.path}});
}

Task<Result<void>> WooCommerceReconciler::note(Shop shop, const ReconcileOptions& options,
                                               Reconciled& done, const Result<void>& outcome) {
  if (options.dry_run) {
    done.good_until = shop.good_until;
    co_return Result<void>();
  }
  shop.last_run_at = clock_.now();
  shop.failure_reason = outcome ? "" : outcome.error().reason;
  shop.failure = outcome ? "" : outcome.error().message;
  if (outcome) {
    shop.last_success_at = shop.last_run_at;
    shop.last_read = done.read;
    shop.last_changed = done.created + done.updated;
  }
  done.good_until = shop.good_until;
  co_return co_await database_.run(
      [&](store::Connection& connection) { return store::woocommerce::note_run(connection, shop); },
      store::Priority::kOwn);
}

Task<void> WooCommerceReconciler::wait_until(Timestamp when) {
  while (!stopping_ && clock_.now() < when) co_await clock_.wait_until(when, timer_);
}

}  // namespace waybill::surfaces
