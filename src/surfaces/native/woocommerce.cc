// What an operator says of WooCommerce: what its statuses mean, and whom to ask for what was
// missed.

#include "store/woocommerce.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "base/json_text.h"
#include "net/url.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/trade.h"
#include "surfaces/woocommerce_reconciler.h"

namespace waybill::surfaces::native {
namespace {

namespace woocommerce = store::woocommerce;
using model::woocommerce::Action;
using model::woocommerce::Shop;

// --- Statuses ------------------------------------------------------------------------------------

Result<std::string> read_status(const Call& call) {
  const std::string& status = call.request.param("status");
  if (model::woocommerce::is_status(status)) return status;
  return fail(Code::kNotFound, "status_not_found",
              "A status is \"*\", or 1 to 64 of a-z, 0-9, \"-\" and \"_\", without \"wc-\" before "
              "it.");
}

bool has_default(std::string_view status) {
  for (const auto& rule : model::woocommerce::default_statuses()) {
    if (rule.status == status) return true;
  }
  return false;
}

void append_rule(std::string& out, std::string_view status, Action action, bool is_default) {
  ObjectText(out)
      .add("status", status)
      .add("action", model::woocommerce::action_name(action))
      .add("is_default", is_default)
      .end();
}

// The hub's rows in their order, and those of an operator's own before the last, which is "*".
std::string text_of_rules(std::map<std::string, Action> said) {
  std::string out;
  ObjectText object(out);
  std::string& rows = object.member("rows");
  rows += '[';
  for (const auto& rule : model::woocommerce::default_statuses()) {
    if (rule.status == model::woocommerce::kAnyStatus) {
      for (const auto& [status, action] : said) {
        if (has_default(status)) continue;
        append_rule(rows, status, action, false);
        rows += ',';
      }
    }
    const auto own = said.find(std::string(rule.status));
    append_rule(rows, rule.status, own == said.end() ? rule.action : own->second,
                own == said.end());
    rows += ',';
  }
  rows.back() = ']';
  object.end();
  return out;
}

std::string text_of_rule(std::string_view status, Action action, bool is_default) {
  std::string out;
  append_rule(out, status, action, is_default);
  return out;
}

// --- Shops ---------------------------------------------------------------------------------------

Result<model::StoreId> find_store(store::Connection& connection, const Call& call) {
  const auto found = find_named_store(connection, call.workspace_id, call.request.param("store"));
  if (!found) return fail(found.error());
  return found->id;
}

Result<Shop> find_shop(store::Connection& connection, const Call& call) {
  const auto store = find_store(connection, call);
  if (!store) return fail(store.error());
  auto shop = woocommerce::find_shop(connection, call.workspace_id, *store);
  if (!shop) return fail(shop.error());
  if (*shop) return **std::move(shop);
  return fail(Code::kNotFound, "woocommerce_not_connected",
              "The hub does not know this store's shop.");
}

// A key as WooCommerce itself shows it.
std::string ending_of(const std::string& key) {
  constexpr std::size_t kShown = 7;
  return "…" + (key.size() > kShown ? key.substr(key.size() - kShown) : std::string());
}

std::string text_of_shop(const Shop& shop) {
  std::string out;
  ObjectText object(out);
  object.add("store_id", shop.store_id)
      .add("url", shop.url)
      .add("consumer_key", ending_of(shop.consumer_key))
      .add("enabled", shop.is_enabled)
      .add("good_until", shop.good_until)
      .add("last_run_at", shop.last_run_at)
      .add("last_success_at", shop.last_success_at);
  if (shop.failure_reason.empty()) {
    object.add_json("failure", "null");
  } else {
    ObjectText(object.member("failure"))
        .add("reason", shop.failure_reason)
        .add("message", replace_invalid_utf8(shop.failure))
        .end();
  }
  object.add("last_read", shop.last_read)
      .add("last_changed", shop.last_changed)
      .add("created_at", shop.created_at)
      .add("updated_at", shop.updated_at)
      .end();
  return out;
}

Result<void> check_url(const std::string& text, const Services& services) {
  const auto url = net::parse_url(text);
  if (!url) return fail(url.error());
  if (url->target.find('?') != std::string::npos) {
    return fail(Code::kInvalid, "url_invalid", "This has to be a site's address, without a query.");
  }
  if (url->tls || services.allow_insecure_endpoints) return {};
  return fail(Code::kInvalid, "url_not_https",
              "The key of a shop travels over https:// only; the hub's setting "
              "--allow-insecure-endpoints would allow http://.");
}

struct Connect {
  std::string url;
  std::string consumer_key;
  std::optional<std::string> consumer_secret;
  std::optional<bool> is_enabled;
};

Result<Connect> read_connect(const Call& call) {
  const auto object = read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  Connect connect;
  connect.url = body.text("url", {1, 1'000});
  while (connect.url.ends_with('/')) connect.url.pop_back();
  if (!body.has_fault()) body.check("url", check_url(connect.url, call.services));
  connect.consumer_key = body.text("consumer_key", {1, 200});
  // They are one text in the request, parted by it.
  if (connect.consumer_key.find(':') != std::string::npos) {
    body.refuse("consumer_key", "member_invalid", "A consumer key has no colon.");
  }
  connect.consumer_secret = body.optional_text("consumer_secret", {1, 200});
  connect.is_enabled = body.optional_flag("enabled");
  WAYBILL_TRY(body.done());
  return connect;
}

bool same_origin(const std::string& a, const std::string& b) {
  const auto one = net::parse_url(a);
  const auto other = net::parse_url(b);
  return one && other && one->origin() == other->origin();
}

// A secret was given for one site and one key. Whoever may change those, but was never told it,
// must not be able to have it sent to a place of their own.
Result<void> check_secret(const std::optional<Shop>& before, const Connect& connect) {
  if (connect.consumer_secret) return {};
  if (!before) {
    return fail(Code::kInvalid, "member_missing", "A new shop needs its consumer secret.",
                "$.consumer_secret");
  }
  if (before->consumer_key == connect.consumer_key && same_origin(before->url, connect.url)) {
    return {};
  }
  return fail(Code::kInvalid, "member_missing",
              "Another site, or another consumer key, needs its consumer secret again.",
              "$.consumer_secret");
}

Result<Change> connect_shop(store::Connection& connection, const Call& call,
                            const Connect& connect) {
  const auto store = find_store(connection, call);
  if (!store) return fail(store.error());
  const auto before = woocommerce::find_shop(connection, call.workspace_id, *store);
  if (!before) return fail(before.error());
  WAYBILL_TRY(check_secret(*before, connect));
  Shop shop = before->value_or(Shop());
  // Another site has other orders: what was read of the former one says nothing of them.
  if (*before && (*before)->url != connect.url) {
    shop = Shop();
    shop.sealed_consumer_secret = (*before)->sealed_consumer_secret;
    shop.created_at = (*before)->created_at;
  }
  shop.workspace_id = call.workspace_id;
  shop.store_id = *store;
  shop.url = connect.url;
  shop.consumer_key = connect.consumer_key;
  if (connect.consumer_secret) {
    shop.sealed_consumer_secret =
        call.services.secret_box.seal(*connect.consumer_secret, store->bytes());
  }
  shop.is_enabled = connect.is_enabled.value_or(!*before || (*before)->is_enabled);
  if (!*before) shop.created_at = call.now;
  // A run that is under way is about what was there before, and sees it by this.
  shop.updated_at = std::max(call.now, shop.updated_at + std::chrono::milliseconds(1));
  WAYBILL_TRY(woocommerce::put_shop(connection, shop));
  std::string detail;
  ObjectText(detail)
      .add("url", shop.url)
      .add("enabled", shop.is_enabled)
      .add("key_changed", !*before || (*before)->consumer_key != connect.consumer_key)
      .add("secret_changed", connect.consumer_secret.has_value())
      .end();
  return Change{*before ? 200 : 201,
                text_of_shop(shop),
                AuditNote{"woocommerce.connect", store->text(), detail, {}},
                {}};
}

// A run that has begun may have taken orders in, whatever became of it. It is no one transaction,
// so its entry is written after it.
Task<Result<void>> note_run(Call& call, model::StoreId store, ReconcileOptions options,
                            std::string outcome) {
  AuditNote note{"woocommerce.reconcile", store.text(), {}, {}};
  ObjectText(note.detail).add("since", options.since).add("outcome", outcome).end();
  co_return co_await call.services.database.run(
      [&](store::Connection& connection) { return write_audit(connection, call, note); },
      store::Priority::kOwn);
}

bool has_begun(const Result<Reconciled>& run) {
  return run || (run.error().code != Code::kNotFound && run.error().code != Code::kConflict);
}

std::string text_of_run(const Reconciled& run, model::StoreId store, bool is_dry) {
  std::string text;
  ObjectText(text)
      .add("store_id", store)
      .add("dry_run", is_dry)
      .add("since", run.since)
      .add("good_until", run.good_until)
      .add("pages", run.pages)
      .add("read", run.read)
      .add("created", run.created)
      .add("updated", run.updated)
      .add("unchanged", run.unchanged)
      .add("ignored", run.ignored)
      .add("unreadable", run.unreadable)
      .end();
  return text;
}

}  // namespace

Task<Result<Reply>> list_woocommerce_statuses(Call& call) {
  auto said = co_await call.services.database.read([&](store::Connection& connection) {
    return woocommerce::list_actions(connection, call.workspace_id);
  });
  if (!said) co_return fail(said.error());
  co_return Reply{200, text_of_rules(*std::move(said))};
}

Task<Result<Reply>> set_woocommerce_status(Call& call) {
  const auto status = read_status(call);
  if (!status) co_return fail(status.error());
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const auto action = model::woocommerce::parse_action(body.text("action", {1, 50}));
  if (!action && !body.has_fault()) {
    body.refuse("action", "member_invalid",
                fmt::format("This has to be one of {}.",
                            fmt::join(model::woocommerce::action_names(), ", ")));
  }
  WAYBILL_CO_TRY(body.done());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(woocommerce::set_action(connection, call.workspace_id, *status, *action));
    std::string text = text_of_rule(*status, *action, false);
    return Change{200, text, AuditNote{"woocommerce.status", *status, text, {}}, {}};
  });
}

Task<Result<Reply>> reset_woocommerce_status(Call& call) {
  const auto status = read_status(call);
  if (!status) co_return fail(status.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto was_set = woocommerce::reset_action(connection, call.workspace_id, *status);
    if (!was_set) return fail(was_set.error());
    const auto action = woocommerce::find_action(connection, call.workspace_id, *status);
    if (!action) return fail(action.error());
    Change change{200, text_of_rule(*status, *action, true), {}, {}};
    if (*was_set) change.audit = AuditNote{"woocommerce.status", *status, change.body, {}};
    return change;
  });
}

Task<Result<Reply>> connect_woocommerce(Call& call) {
  const auto connect = read_connect(call);
  if (!connect) co_return fail(connect.error());
  co_return co_await make_change(call, [&](store::Connection& connection) {
    return connect_shop(connection, call, *connect);
  });
}

Task<Result<Reply>> get_woocommerce(Call& call) {
  const auto shop = co_await call.services.database.read(
      [&](store::Connection& connection) { return find_shop(connection, call); });
  if (!shop) co_return fail(shop.error());
  co_return Reply{200, text_of_shop(*shop)};
}

Task<Result<Reply>> disconnect_woocommerce(Call& call) {
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto shop = find_shop(connection, call);
    if (!shop) return fail(shop.error());
    WAYBILL_TRY(woocommerce::remove_shop(connection, call.workspace_id, shop->store_id));
    std::string detail;
    ObjectText(detail).add("url", shop->url).end();
    return Change{200,
                  text_of_shop(*shop),
                  AuditNote{"woocommerce.disconnect", shop->store_id.text(), detail, {}},
                  {}};
  });
}

Task<Result<Reply>> reconcile_woocommerce(Call& call) {
  const auto object = read_optional_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  ReconcileOptions options;
  if (body.has("since")) options.since = body.moment("since", call.now);
  options.dry_run = body.optional_flag("dry_run").value_or(false);
  WAYBILL_CO_TRY(body.done());
  const auto shop = co_await call.services.database.read(
      [&](store::Connection& connection) { return find_shop(connection, call); });
  if (!shop) co_return fail(shop.error());
  WAYBILL_CHECK(call.services.woocommerce != nullptr, "a hub has a reconciler");
  const auto done =
      co_await call.services.woocommerce->reconcile(call.workspace_id, shop->store_id, options);
  if (!options.dry_run && has_begun(done)) {
    const auto noted =
        co_await note_run(call, shop->store_id, options, done ? "done" : done.error().reason);
    if (done && !noted) co_return fail(noted.error());
  }
  if (!done) co_return fail(done.error());
  co_return Reply{200, text_of_run(*done, shop->store_id, options.dry_run)};
}

}  // namespace waybill::surfaces::native
