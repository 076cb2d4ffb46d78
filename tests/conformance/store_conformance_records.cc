// The record files that keep and show: everything but deliveries.

#include <array>
#include <tuple>

#include "conformance/store_conformance.h"
#include "crypto/digest.h"
#include "store/api_keys.h"
#include "store/audit_log.h"
#include "store/endpoints.h"
#include "store/events.h"
#include "store/idempotency.h"
#include "store/orders.h"
#include "store/suppliers.h"
#include "store/workspaces.h"

namespace waybill::store {

using namespace std::chrono_literals;

model::Workspace StoreConformance::add_workspace(std::string slug) {
  model::Workspace workspace{ids_.next_id<model::WorkspaceId>(), std::move(slug), "Name",
                             model::Environment::kProduction, clock_.now()};
  must(write([&](Connection& connection) -> Result<int> {
    WAYBILL_TRY(workspaces::insert(connection, workspace));
    return 0;
  }));
  return workspace;
}

model::Endpoint StoreConformance::add_endpoint(model::EndpointState state,
                                               std::optional<model::WorkspaceId> workspace) {
  model::Endpoint endpoint;
  endpoint.id = ids_.next_id<model::EndpointId>();
  endpoint.workspace_id = workspace.value_or(workspace_);
  endpoint.dialect = "proculink";
  endpoint.url = "https://example.com/hook";
  endpoint.event_types = {"*"};
  endpoint.state = state;
  endpoint.created_at = endpoint.updated_at = clock_.now();
  EXPECT_EQ(outcome(write(
                [&](Connection& connection) { return endpoints::insert(connection, endpoint); })),
            "value");
  return endpoint;
}

namespace {

auto fields(const model::Workspace& w) {
  return std::tuple(w.id, w.slug, w.name, w.environment, unix_millis(w.created_at));
}
std::optional<std::int64_t> millis(const std::optional<Timestamp>& time) {
  return time.transform(unix_millis);
}
auto fields(const model::ApiKey& k) {
  return std::tuple(k.id, k.workspace_id, k.workspace_slug, k.platform, k.name, k.prefix, k.hash,
                    k.scopes, unix_millis(k.created_at), millis(k.expires_at), millis(k.revoked_at),
                    k.user_id);
}
auto fields(const model::Supplier& s) {
  return std::tuple(s.id, s.workspace_id, s.name, unix_millis(s.created_at));
}
auto fields(const model::Order& o) {
  std::vector<std::tuple<std::optional<std::string>, std::optional<std::string>,
                         std::optional<double>, std::optional<std::string>, std::optional<double>>>
      lines;
  for (const model::OrderLine& line : o.lines) {
    lines.emplace_back(line.item_code, line.description, line.quantity, line.unit, line.unit_price);
  }
  return std::tuple(o.id, o.workspace_id, o.surface, o.number, o.order_date, o.currency,
                    o.supplier_id, o.supplier_name, o.status, lines, unix_millis(o.created_at));
}
auto fields(const events::Routed& r) {
  return std::tuple(r.event.id, r.event.workspace_id, r.event.type,
                    unix_millis(r.event.occurred_at), r.event.subject, r.event.data, r.matched,
                    r.unmatched_reason);
}
auto fields(const model::Endpoint& e) {
  std::optional<std::vector<std::int64_t>> retry;
  if (e.overrides.retry) {
    retry.emplace();
    for (const auto delay : *e.overrides.retry) retry->push_back(delay.count());
  }
  return std::tuple(
      e.id, e.workspace_id, e.dialect, e.url, e.description, e.event_types, e.state, e.state_reason,
      e.secrets.current, e.secrets.previous, millis(e.secrets.previous_expires_at), retry,
      e.overrides.timeout.transform([](auto timeout) { return timeout.count(); }),
      e.overrides.rate_per_second, e.overrides.in_flight_max,
      std::tuple(e.name, e.filter, e.owner_id, e.overrides.attempts_max,
                 e.overrides.coalescing.transform([](const model::CoalescingOverride& own) {
                   return std::pair(own.window.count(), own.trailing);
                 }),
                 e.overrides.deactivate_after, e.overrides.exhausted_deactivates),
      std::tuple(e.headers.names, e.headers.sealed, e.in_order, e.failing),
      std::tuple(e.consecutive_failures, unix_millis(e.created_at), unix_millis(e.updated_at)));
}
auto fields(const audit_log::Entry& e) {
  return std::tuple(e.id, e.workspace_id, unix_millis(e.at), e.actor, e.action, e.subject,
                    e.detail);
}

// A time that no default would give.
constexpr Timestamp kThen = ManualClock::kNoon - 1234567ms;

// Walks through all pages of three while `add` adds rows, and gives the ids as they were shown.
template <class List, class Add, class IdOf>
std::vector<Uuid> walk(List list, Add add, IdOf id_of) {
  std::vector<Uuid> shown;
  PageRequest request{3, std::nullopt};
  for (int pages = 0; pages < 20; ++pages) {
    const auto page = list(request);
    EXPECT_LE(page.rows.size(), 3u);
    for (const auto& row : page.rows) shown.push_back(id_of(row).uuid());
    if (!page.next) return shown;
    EXPECT_EQ(page.rows.size(), 3u) << "only the last page may be short";
    request.after = page.next;
    add();
  }
  ADD_FAILURE() << "there is no end to the pages";
  return shown;
}

// Newest first: `ids` were made in this order.
std::vector<Uuid> reversed(std::vector<Uuid> ids) {
  std::reverse(ids.begin(), ids.end());
  return ids;
}

}  // namespace

// Checks a list function: seven rows (two full pages and one), and six (two full ones), each while
// rows are added between the pages.
#define EXPECT_PAGES(add, list)                                                                \
  do {                                                                                         \
    for (const int rows : {7, 6, 0}) {                                                         \
      SCOPED_TRACE(rows);                                                                      \
      workspace_ = model::WorkspaceId(ids_.next());                                            \
      std::vector<Uuid> ids;                                                                   \
      for (int i = 0; i < rows; ++i) ids.push_back((add)().uuid());                            \
      const auto id_of = [](const auto& row) { return id_of_row(row); };                       \
      EXPECT_EQ(walk([&](const PageRequest& page) { return must((list)(page)); }, add, id_of), \
                reversed(ids));                                                                \
    }                                                                                          \
  } while (false)

namespace {
template <class T>
auto id_of_row(const T& row) {
  if constexpr (requires { row.event.id; }) {
    return row.event.id;
  } else {
    return row.id;
  }
}
}  // namespace

// --- Workspaces
// -------------------------------------------------------------------------------------

TEST_P(StoreConformance, WorkspacesComeBackWithAllTheirFields) {
  int number = 0;
  for (const std::string& name : awkward_texts()) {
    for (const auto environment : {model::Environment::kProduction, model::Environment::kSandbox}) {
      const model::Workspace workspace{ids_.next_id<model::WorkspaceId>(),
                                       "slug-" + std::to_string(++number), name, environment,
                                       kThen};
      ASSERT_TRUE(write([&](Connection& c) { return workspaces::insert(c, workspace); }));
      EXPECT_EQ(
          fields(must(read([&](Connection& c) { return workspaces::find(c, workspace.id); }))),
          fields(workspace));
      EXPECT_EQ(fields(must(read(
                    [&](Connection& c) { return workspaces::find_by_slug(c, workspace.slug); }))),
                fields(workspace));
    }
  }
}

TEST_P(StoreConformance, WorkspacesHaveUniqueSlugs) {
  const model::Workspace first = add_workspace("acme");
  model::Workspace second = first;
  second.id = ids_.next_id<model::WorkspaceId>();
  EXPECT_EQ(outcome(write([&](Connection& c) { return workspaces::insert(c, second); })),
            "conflict slug_taken");
  EXPECT_EQ(outcome(read([&](Connection& c) { return workspaces::find(c, second.id); })),
            "not_found workspace_not_found");
  second.slug = "acme-2";
  EXPECT_TRUE(write([&](Connection& c) { return workspaces::insert(c, second); }));
}

TEST_P(StoreConformance, WorkspacesThatAreNotThereAreNotFound) {
  EXPECT_EQ(outcome(read([&](Connection& c) { return workspaces::find(c, workspace_); })),
            "not_found workspace_not_found");
  EXPECT_EQ(outcome(read([&](Connection& c) { return workspaces::find_by_slug(c, "nobody"); })),
            "not_found workspace_not_found");
}

TEST_P(StoreConformance, WorkspacesArePagedNewestFirst) {
  std::vector<Uuid> ids;
  int number = 0;
  const auto add = [&] { return add_workspace("slug-" + std::to_string(++number)).id; };
  for (int i = 0; i < 7; ++i) ids.push_back(add().uuid());
  EXPECT_EQ(walk(
                [&](const PageRequest& page) {
                  return must(read([&](Connection& c) { return workspaces::list(c, page); }));
                },
                add, [](const model::Workspace& workspace) { return workspace.id; }),
            reversed(ids));
}

// --- API keys
// ---------------------------------------------------------------------------------------

namespace {
model::ApiKey make_key(IdGenerator& ids, const model::Workspace& workspace) {
  model::ApiKey key;
  key.id = ids.next_id<model::ApiKeyId>();
  key.workspace_id = workspace.id;
  key.workspace_slug = workspace.slug;
  key.platform = model::KeyPlatform::kProcuLink;
  key.name = "Key";
  key.prefix = "plk_123456";
  key.hash = crypto::sha256(key.id.text());
  key.created_at = kThen;
  return key;
}
}  // namespace

TEST_P(StoreConformance, ApiKeysComeBackWithAllTheirFields) {
  const model::Workspace workspace = add_workspace("acme");
  for (const std::string& text : awkward_texts()) {
    for (const bool full : {false, true}) {
      model::ApiKey key = make_key(ids_, workspace);
      key.name = text;
      key.prefix = text;
      if (full) {
        key.platform = model::KeyPlatform::kWaybill;
        key.scopes = {"orders:*", text, "*"};
        key.expires_at = kThen + 1ms;
        key.revoked_at = kThen + 2ms;
      }
      ASSERT_TRUE(write([&](Connection& c) { return api_keys::insert(c, key); }));
      EXPECT_EQ(fields(must(
                    read([&](Connection& c) { return api_keys::find(c, workspace.id, key.id); }))),
                fields(key));
      const auto by_hash =
          must(read([&](Connection& c) { return api_keys::find_by_hash(c, key.hash); }));
      ASSERT_TRUE(by_hash);
      EXPECT_EQ(fields(by_hash->key), fields(key));
    }
  }
}

TEST_P(StoreConformance, ApiKeysThatAreNotThereAreNotFound) {
  const model::Workspace workspace = add_workspace("acme");
  const model::Workspace other = add_workspace("other");
  const model::ApiKey key = make_key(ids_, workspace);
  ASSERT_TRUE(write([&](Connection& c) { return api_keys::insert(c, key); }));
  for (const auto& [where, id] :
       {std::pair(workspace.id, model::ApiKeyId(ids_.next())), std::pair(other.id, key.id)}) {
    EXPECT_EQ(outcome(read([&](Connection& c) { return api_keys::find(c, where, id); })),
              "not_found key_not_found");
    EXPECT_EQ(outcome(write([&](Connection& c) { return api_keys::revoke(c, where, id, kNoon); })),
              "not_found key_not_found");
  }
  EXPECT_FALSE(must(
      read([&](Connection& c) { return api_keys::find_by_hash(c, crypto::sha256("another")); })));
  EXPECT_FALSE(must(read([&](Connection& c) {
                 return api_keys::find(c, workspace.id, key.id);
               })).revoked_at);
}

TEST_P(StoreConformance, ApiKeysRevokedTwiceKeepTheFirstTime) {
  const model::Workspace workspace = add_workspace("acme");
  const model::ApiKey key = make_key(ids_, workspace);
  ASSERT_TRUE(write([&](Connection& c) { return api_keys::insert(c, key); }));
  for (const auto now : {kNoon, kNoon + 1h}) {
    EXPECT_EQ(must(write([&](Connection& c) {
                return api_keys::revoke(c, workspace.id, key.id, now);
              })).revoked_at,
              kNoon);
  }
  const auto found = must(read([&](Connection& c) { return api_keys::find_by_hash(c, key.hash); }));
  EXPECT_EQ(found.value().key.revoked_at, kNoon) << "revoked keys are found too";
}

TEST_P(StoreConformance, ApiKeysArePagedNewestFirst) {
  int number = 0;
  const auto add = [&] {
    // The list joins the workspace, which has to be there.
    const bool first = !read([&](Connection& c) { return workspaces::find(c, workspace_); });
    const model::Workspace workspace{workspace_, "slug-" + std::to_string(++number), "", {}, kThen};
    if (first) EXPECT_TRUE(write([&](Connection& c) { return workspaces::insert(c, workspace); }));
    const model::ApiKey key = make_key(ids_, workspace);
    EXPECT_TRUE(write([&](Connection& c) { return api_keys::insert(c, key); }));
    return key.id;
  };
  EXPECT_PAGES(add, [&](const PageRequest& page) {
    return read([&](Connection& c) { return api_keys::list(c, workspace_, page); });
  });
}

// --- Suppliers
// --------------------------------------------------------------------------------------

TEST_P(StoreConformance, SuppliersComeBackWithAllTheirFields) {
  for (const std::string& name : awkward_texts(kIndexedBytesMax)) {
    const model::Supplier supplier{ids_.next_id<model::SupplierId>(), workspace_, name, kThen};
    ASSERT_TRUE(write([&](Connection& c) { return suppliers::insert(c, supplier); }));
    for (const std::string& by : {supplier.id.text(), supplier.id.uuid().text(), name}) {
      const auto found =
          must(read([&](Connection& c) { return suppliers::find(c, workspace_, by); }));
      ASSERT_TRUE(found) << by.substr(0, 40);
      EXPECT_EQ(fields(*found), fields(supplier));
    }
  }
}

TEST_P(StoreConformance, SuppliersHaveNamesThatAreUniqueWithoutRegardToCase) {
  const model::Supplier supplier{ids_.next_id<model::SupplierId>(), workspace_, "Müller & Söhne",
                                 kThen};
  ASSERT_TRUE(write([&](Connection& c) { return suppliers::insert(c, supplier); }));
  const model::Supplier same{ids_.next_id<model::SupplierId>(), workspace_, "MÜLLER & SÖHNE",
                             kThen};
  EXPECT_EQ(outcome(write([&](Connection& c) { return suppliers::insert(c, same); })),
            "conflict supplier_exists");
  const auto found =
      must(read([&](Connection& c) { return suppliers::find(c, workspace_, "müller & söhne"); }));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, supplier.id);

  model::Supplier elsewhere = same;
  elsewhere.workspace_id = other_workspace_;
  EXPECT_TRUE(write([&](Connection& c) { return suppliers::insert(c, elsewhere); }))
      << "names are unique in a workspace";
}

TEST_P(StoreConformance, SuppliersOfAnotherWorkspaceAreNotFound) {
  const model::Supplier supplier{ids_.next_id<model::SupplierId>(), workspace_, "Acme", kThen};
  ASSERT_TRUE(write([&](Connection& c) { return suppliers::insert(c, supplier); }));
  for (const std::string& by : {supplier.id.text(), std::string("Acme")}) {
    EXPECT_FALSE(
        must(read([&](Connection& c) { return suppliers::find(c, other_workspace_, by); })));
  }
  EXPECT_FALSE(must(read([&](Connection& c) { return suppliers::find(c, workspace_, "Acm"); })));
  EXPECT_TRUE(must(read([&](Connection& c) {
                return suppliers::list(c, other_workspace_, {});
              })).rows.empty());
}

TEST_P(StoreConformance, SuppliersArePagedNewestFirst) {
  const auto add = [&] {
    const auto id = ids_.next_id<model::SupplierId>();
    const model::Supplier supplier{id, workspace_, id.text(), kThen};
    EXPECT_TRUE(write([&](Connection& c) { return suppliers::insert(c, supplier); }));
    return id;
  };
  EXPECT_PAGES(add, [&](const PageRequest& page) {
    return read([&](Connection& c) { return suppliers::list(c, workspace_, page); });
  });
}

// --- Orders
// -----------------------------------------------------------------------------------------

namespace {
model::Order make_order(IdGenerator& ids, const model::WorkspaceId& workspace) {
  model::Order order;
  order.id = ids.next_id<model::OrderId>();
  order.workspace_id = workspace;
  order.surface = "proculink";
  order.supplier_id = ids.next_id<model::SupplierId>();
  order.supplier_name = "Acme";
  order.lines = {{std::nullopt, std::nullopt, 1, std::nullopt, std::nullopt}};
  order.created_at = kThen;
  return order;
}
}  // namespace

TEST_P(StoreConformance, OrdersComeBackWithAllTheirFields) {
  std::vector<model::Order> orders = {make_order(ids_, workspace_)};
  for (const std::string& text : awkward_texts(kIndexedBytesMax)) {
    model::Order order = make_order(ids_, workspace_);
    order.surface = order.supplier_name = text;
    order.number = order.order_date = order.currency = text;
    order.lines = {{text, text, 0.1, text, 742.5},
                   {"", std::nullopt, 1e-7, "", 0.0},
                   {std::nullopt, "", 123456789012345.0, std::nullopt, -19.99},
                   {}};
    orders.push_back(order);
  }
  for (const model::Order& order : orders) {
    ASSERT_TRUE(write([&](Connection& c) { return orders::insert(c, order); }));
    EXPECT_EQ(
        fields(must(read([&](Connection& c) { return orders::find(c, workspace_, order.id); }))),
        fields(order));
  }
}

TEST_P(StoreConformance, OrdersOfAnotherWorkspaceAreNotFound) {
  const model::Order order = make_order(ids_, workspace_);
  ASSERT_TRUE(write([&](Connection& c) { return orders::insert(c, order); }));
  EXPECT_EQ(
      outcome(read([&](Connection& c) { return orders::find(c, other_workspace_, order.id); })),
      "not_found order_not_found");
  EXPECT_EQ(outcome(read([&](Connection& c) {
              return orders::find(c, workspace_, model::OrderId(ids_.next()));
            })),
            "not_found order_not_found");
  // The same id there is another order.
  model::Order elsewhere = order;
  elsewhere.workspace_id = other_workspace_;
  elsewhere.supplier_name = "Elsewhere";
  ASSERT_TRUE(write([&](Connection& c) { return orders::insert(c, elsewhere); }));
  EXPECT_EQ(must(read([&](Connection& c) {
              return orders::find(c, workspace_, order.id);
            })).supplier_name,
            "Acme");
  EXPECT_EQ(outcome(write([&](Connection& c) { return orders::insert(c, order); })),
            "conflict unique_violation");
}

TEST_P(StoreConformance, OrdersAreListedByFilter) {
  std::vector<model::Order> made;
  for (const char* number : {"A", "B", "A"}) {
    clock_.step(1h);
    model::Order order = make_order(ids_, workspace_);
    order.number = number;
    made.push_back(order);
    ASSERT_TRUE(write([&](Connection& c) { return orders::insert(c, order); }));
    order.workspace_id = other_workspace_;
    ASSERT_TRUE(write([&](Connection& c) { return orders::insert(c, order); }));
  }
  struct Case {
    const char* what;
    orders::Filter filter;
    std::vector<std::size_t> found;
  };
  for (const Case& c :
       {Case{"all", {}, {2, 1, 0}}, Case{"number", by(&orders::Filter::number, "A"), {2, 0}},
        Case{"no such number", by(&orders::Filter::number, "C"), {}},
        Case{"since", by(&orders::Filter::since, kNoon + 2h), {2, 1}},
        Case{"until", by(&orders::Filter::until, kNoon + 2h), {0}},
        Case{"all at once", {"A", kNoon + 1h, kNoon + 3h}, {0}}}) {
    const auto page =
        must(read([&](Connection& x) { return orders::list(x, workspace_, c.filter, {}); }));
    std::vector<model::OrderId> ids, expected;
    for (const model::Order& order : page.rows) ids.push_back(order.id);
    for (const std::size_t i : c.found) expected.push_back(made[i].id);
    EXPECT_EQ(ids, expected) << c.what;
  }
}

TEST_P(StoreConformance, OrdersArePagedNewestFirst) {
  const auto add = [&] {
    const model::Order order = make_order(ids_, workspace_);
    EXPECT_TRUE(write([&](Connection& c) { return orders::insert(c, order); }));
    return order.id;
  };
  EXPECT_PAGES(add, [&](const PageRequest& page) {
    return read([&](Connection& c) { return orders::list(c, workspace_, {}, page); });
  });
}

// --- Events
// -----------------------------------------------------------------------------------------

namespace {
events::Routed make_event(IdGenerator& ids, const model::WorkspaceId& workspace,
                          Timestamp occurred_at = kThen) {
  return {{ids.next_id<model::EventId>(), workspace, "order.created", occurred_at, "ord_1",
           R"({"a":1})"},
          2,
          std::nullopt};
}
}  // namespace

TEST_P(StoreConformance, EventsComeBackWithAllTheirFields) {
  for (const std::string& text : awkward_texts()) {
    for (const bool matched : {true, false}) {
      events::Routed routed = make_event(ids_, workspace_);
      routed.event.type = routed.event.subject = routed.event.data = text;
      if (!matched) {
        routed.matched = 0;
        routed.unmatched_reason = text;
      }
      ASSERT_TRUE(write([&](Connection& c) { return events::insert(c, routed); }));
      EXPECT_EQ(fields(must(read(
                    [&](Connection& c) { return events::find(c, workspace_, routed.event.id); }))),
                fields(routed));
    }
  }
}

TEST_P(StoreConformance, EventsOfAnotherWorkspaceAreNotFound) {
  const events::Routed routed = make_event(ids_, workspace_);
  ASSERT_TRUE(write([&](Connection& c) { return events::insert(c, routed); }));
  for (const auto& [where, id] : {std::pair(other_workspace_, routed.event.id),
                                  std::pair(workspace_, model::EventId(ids_.next()))}) {
    EXPECT_EQ(outcome(read([&](Connection& c) { return events::find(c, where, id); })),
              "not_found event_not_found");
  }
}

TEST_P(StoreConformance, EventsAreListedByFilter) {
  std::vector<events::Routed> made;
  for (int i = 0; i < 3; ++i) {
    clock_.step(1h);
    events::Routed routed = make_event(ids_, workspace_, clock_.now());
    if (i == 1) routed.event.type = "webhook.test";
    if (i == 2) routed.event.subject = "ord_2";
    made.push_back(routed);
    ASSERT_TRUE(write([&](Connection& c) { return events::insert(c, routed); }));
    routed.event.workspace_id = other_workspace_;
    ASSERT_TRUE(write([&](Connection& c) { return events::insert(c, routed); }));
  }
  const auto of_types = [](std::vector<std::string> types) {
    events::Filter filter;
    filter.types = std::move(types);
    return filter;
  };
  struct Case {
    const char* what;
    events::Filter filter;
    std::vector<std::size_t> found;
  };
  for (const Case& c :
       {Case{"all", {}, {2, 1, 0}},
        Case{"type", by(&events::Filter::type, "order.created"), {2, 0}},
        Case{"subject", by(&events::Filter::subject, "ord_1"), {1, 0}},
        Case{"since", by(&events::Filter::since, kNoon + 2h), {2, 1}},
        Case{"until", by(&events::Filter::until, kNoon + 3h), {1, 0}},
        Case{"types", of_types({"a.b", "webhook.test", "order.created"}), {2, 1, 0}},
        Case{"one of types", of_types({"webhook.test"}), {1}},
        Case{"nothing", {"webhook.test", "ord_2", std::nullopt, std::nullopt}, {}}}) {
    const auto page =
        must(read([&](Connection& x) { return events::list(x, workspace_, c.filter, {}); }));
    std::vector<model::EventId> ids, expected;
    for (const events::Routed& routed : page.rows) ids.push_back(routed.event.id);
    for (const std::size_t i : c.found) expected.push_back(made[i].event.id);
    EXPECT_EQ(ids, expected) << c.what;
    EXPECT_EQ(must(read([&](Connection& x) { return events::count(x, workspace_, c.filter); })),
              std::ssize(expected))
        << c.what;
    const PageRequest second{1, std::nullopt, 1};
    const auto next =
        must(read([&](Connection& x) { return events::list(x, workspace_, c.filter, second); }));
    ASSERT_EQ(next.rows.size(), c.found.size() > 1 ? 1u : 0u) << c.what;
    if (!next.rows.empty()) EXPECT_EQ(next.rows[0].event.id, expected[1]) << c.what;
  }
}

TEST_P(StoreConformance, EventsArePagedNewestFirst) {
  const auto add = [&] {
    const events::Routed routed = make_event(ids_, workspace_);
    EXPECT_TRUE(write([&](Connection& c) { return events::insert(c, routed); }));
    return routed.event.id;
  };
  EXPECT_PAGES(add, [&](const PageRequest& page) {
    return read([&](Connection& c) { return events::list(c, workspace_, {}, page); });
  });
}

// --- Endpoints
// --------------------------------------------------------------------------------------

TEST_P(StoreConformance, EndpointsComeBackWithAllTheirFieldsAlsoAfterAnUpdate) {
  for (const std::string& text : awkward_texts()) {
    for (const Bytes& bytes : awkward_bytes()) {
      model::Endpoint endpoint = add_endpoint();
      const auto found = [&] {
        return fields(
            must(read([&](Connection& c) { return endpoints::find(c, workspace_, endpoint.id); })));
      };
      EXPECT_EQ(found(), fields(endpoint));
      endpoint.url = endpoint.description = endpoint.state_reason = text;
      endpoint.event_types = {"order.created", text};
      endpoint.state = model::EndpointState::kDeactivated;
      endpoint.secrets = {bytes, bytes, kThen + 5ms};
      endpoint.overrides.retry = {1ms, 7 * 24h};
      endpoint.overrides.attempts_max = 3;
      endpoint.overrides.timeout = 250ms;
      endpoint.overrides.rate_per_second = 5;
      endpoint.overrides.in_flight_max = 6;
      endpoint.overrides.coalescing = {30s, true};
      endpoint.overrides.deactivate_after = 0;
      endpoint.overrides.exhausted_deactivates = true;
      endpoint.headers = {{"X-One", text}, bytes};
      endpoint.failing = true;
      endpoint.owner_id = ids_.next_id<model::UserId>();
      endpoint.name = endpoint.filter = text;
      endpoint.consecutive_failures = 17;
      endpoint.updated_at = kThen + 9ms;
      ASSERT_TRUE(write([&](Connection& c) { return endpoints::update(c, endpoint); }));
      EXPECT_EQ(found(), fields(endpoint));
      // And back to nothing: no retries is not the same as the dialect's.
      endpoint.secrets = {};
      endpoint.headers = {};
      endpoint.overrides = {};
      endpoint.overrides.retry.emplace();
      ASSERT_TRUE(write([&](Connection& c) { return endpoints::update(c, endpoint); }));
      EXPECT_EQ(found(), fields(endpoint));
    }
  }
}

TEST_P(StoreConformance, EndpointsThatAreInsertedWithEverythingComeBackSo) {
  model::Endpoint endpoint = add_endpoint();
  endpoint.id = ids_.next_id<model::EndpointId>();
  endpoint.description = "All of it";
  endpoint.state = model::EndpointState::kPaused;
  endpoint.state_reason = "An operator said so.";
  endpoint.secrets = {Bytes{1, 2, 3}, Bytes{4}, kThen};
  endpoint.overrides = {std::vector<model::RetrySchedule::Delay>{1min}, 4, 10s,  7, 8,
                        model::CoalescingOverride{0s, false},           9, false};
  endpoint.headers = {{"X-One", "X-Two"}, Bytes{5, 6}};
  endpoint.in_order = true;
  endpoint.failing = true;
  endpoint.name = "The shop";
  endpoint.filter = R"({"currency":"EUR"})";
  endpoint.owner_id = ids_.next_id<model::UserId>();
  endpoint.consecutive_failures = 3;
  endpoint.created_at = kThen;
  ASSERT_TRUE(write([&](Connection& c) { return endpoints::insert(c, endpoint); }));
  EXPECT_EQ(fields(must(
                read([&](Connection& c) { return endpoints::find(c, workspace_, endpoint.id); }))),
            fields(endpoint));
}

TEST_P(StoreConformance, EndpointsHealthIsWrittenWithoutTheRest) {
  const model::Endpoint endpoint = add_endpoint();
  model::Endpoint changed = endpoint;
  changed.url = "https://example.com/not-written";
  changed.consecutive_failures = 5;
  changed.state = model::EndpointState::kDeactivated;
  changed.state_reason = "5 deliveries in a row failed.";
  changed.updated_at = kThen;
  ASSERT_TRUE(
      write([&](Connection& c) { return endpoints::update_health(c, changed, changed.state); }));
  changed.url = endpoint.url;
  EXPECT_EQ(fields(must(
                read([&](Connection& c) { return endpoints::find(c, workspace_, endpoint.id); }))),
            fields(changed));
}

TEST_P(StoreConformance, EndpointsFailuresAreForgottenAndNothingElse) {
  model::Endpoint endpoint = add_endpoint();
  const model::Endpoint other = add_endpoint();
  const auto fail_twice = [&](model::Endpoint failed) {
    failed.consecutive_failures = 2;
    ASSERT_TRUE(
        write([&](Connection& c) { return endpoints::update_health(c, failed, failed.state); }));
  };
  fail_twice(endpoint);
  fail_twice(other);
  ASSERT_TRUE(
      write([&](Connection& c) { return endpoints::forget_failures(c, workspace_, endpoint.id); }));
  const auto find = [&](const model::EndpointId& id) {
    return must(read([&](Connection& c) { return endpoints::find(c, workspace_, id); }));
  };
  EXPECT_EQ(fields(find(endpoint.id)), fields(endpoint));
  EXPECT_EQ(find(other.id).consecutive_failures, 2);
}

TEST_P(StoreConformance, EndpointsOfAnotherWorkspaceAreNotFoundNorChanged) {
  const model::Endpoint endpoint = add_endpoint();
  model::Endpoint elsewhere = endpoint;
  elsewhere.workspace_id = other_workspace_;
  elsewhere.url = "https://example.com/elsewhere";
  model::Endpoint missing = endpoint;
  missing.id = ids_.next_id<model::EndpointId>();
  for (const model::Endpoint& wrong : {elsewhere, missing}) {
    EXPECT_EQ(outcome(read(
                  [&](Connection& c) { return endpoints::find(c, wrong.workspace_id, wrong.id); })),
              "not_found endpoint_not_found");
    EXPECT_EQ(outcome(write([&](Connection& c) { return endpoints::update(c, wrong); })),
              "not_found endpoint_not_found");
    EXPECT_EQ(outcome(write(
                  [&](Connection& c) { return endpoints::update_health(c, wrong, wrong.state); })),
              "not_found endpoint_not_found");
  }
  EXPECT_EQ(fields(must(
                read([&](Connection& c) { return endpoints::find(c, workspace_, endpoint.id); }))),
            fields(endpoint));
}

TEST_P(StoreConformance, EndpointsAreListedCountedAndSubscribedByState) {
  using enum model::EndpointState;
  std::vector<model::Endpoint> made;
  for (const auto state : {kActive, kPaused, kDeactivated, kDeleted}) {
    made.push_back(add_endpoint(state));
    add_endpoint(state, other_workspace_);
  }
  model::Endpoint foreign = made[0];
  foreign.id = ids_.next_id<model::EndpointId>();
  foreign.dialect = "precoro";
  foreign.event_types = {"a", "b"};
  ASSERT_TRUE(write([&](Connection& c) { return endpoints::insert(c, foreign); }));
  made.push_back(foreign);

  struct Case {
    const char* what;
    endpoints::Filter filter;
    std::vector<std::size_t> found;
  };
  for (const Case& c : {Case{"all but deleted", {}, {4, 2, 1, 0}},
                        Case{"paused", by(&endpoints::Filter::state, kPaused), {1}},
                        Case{"deleted", by(&endpoints::Filter::state, kDeleted), {3}},
                        Case{"dialect", by(&endpoints::Filter::dialect, "precoro"), {4}},
                        Case{"both", {kActive, "proculink"}, {0}}}) {
    const auto page =
        must(read([&](Connection& x) { return endpoints::list(x, workspace_, c.filter, {}); }));
    std::vector<model::EndpointId> ids, expected;
    for (const model::Endpoint& endpoint : page.rows) ids.push_back(endpoint.id);
    for (const std::size_t i : c.found) expected.push_back(made[i].id);
    EXPECT_EQ(ids, expected) << c.what;
  }

  const auto count = [&](std::string_view dialect, endpoints::Counted counted) {
    return must(
        read([&](Connection& c) { return endpoints::count(c, workspace_, dialect, counted); }));
  };
  EXPECT_EQ(count("proculink", endpoints::Counted::kAll), 3) << "without deleted ones";
  EXPECT_EQ(count("proculink", endpoints::Counted::kActive), 1);
  EXPECT_EQ(count("precoro", endpoints::Counted::kAll), 1);
  EXPECT_EQ(count("nobody", endpoints::Counted::kAll), 0);

  const auto subscriptions =
      must(read([&](Connection& c) { return endpoints::subscriptions(c, workspace_); }));
  ASSERT_EQ(subscriptions.size(), 4u) << "paused and deactivated ones collect deliveries too";
  EXPECT_EQ(subscriptions[1].id, made[1].id);
  EXPECT_EQ(subscriptions[1].state, kPaused);
  EXPECT_EQ(subscriptions[3].id, foreign.id);
  EXPECT_EQ(subscriptions[3].dialect, "precoro");
  EXPECT_EQ(subscriptions[3].event_types, (std::vector<std::string>{"a", "b"}));
}

TEST_P(StoreConformance, EndpointsTellWhoHasAUrl) {
  model::Endpoint endpoint = add_endpoint();
  const auto taken = [&](std::string_view dialect, const model::EndpointId& except) {
    return must(read([&](Connection& c) {
      return endpoints::has_url(c, workspace_, dialect, endpoint.url, except);
    }));
  };
  EXPECT_TRUE(taken(endpoint.dialect, {}));
  EXPECT_FALSE(taken(endpoint.dialect, endpoint.id)) << "its own";
  EXPECT_FALSE(taken("precoro", {}));
  endpoint.state = model::EndpointState::kDeleted;
  ASSERT_TRUE(write([&](Connection& c) { return endpoints::update(c, endpoint); }));
  EXPECT_FALSE(taken(endpoint.dialect, {}));
}

TEST_P(StoreConformance, EndpointsArePagedNewestFirst) {
  const auto add = [&] { return add_endpoint().id; };
  EXPECT_PAGES(add, [&](const PageRequest& page) {
    return read([&](Connection& c) { return endpoints::list(c, workspace_, {}, page); });
  });
}

// --- Idempotency
// ------------------------------------------------------------------------------------

namespace {
idempotency::Key make_idempotency_key(const model::WorkspaceId& workspace, std::string_view text) {
  return {workspace, "proculink", crypto::sha256(text)};
}
idempotency::Entry make_entry(std::string_view request, Bytes response = {1, 2, 3}) {
  return {crypto::sha256(request), 202, std::move(response)};
}
auto fields(const std::optional<idempotency::Entry>& entry) {
  return entry.transform(
      [](const idempotency::Entry& e) { return std::tuple(e.fingerprint, e.status, e.response); });
}
}  // namespace

TEST_P(StoreConformance, IdempotencyRemembersAsItWasWritten) {
  for (const Bytes& response : awkward_bytes()) {
    const auto key = make_idempotency_key(workspace_, std::to_string(response.size()));
    const auto entry = make_entry("request", response);
    const auto find = [&](const idempotency::Key& which) {
      return fields(must(read([&](Connection& c) { return idempotency::find(c, which, kNoon); })));
    };
    EXPECT_EQ(find(key), std::nullopt);
    EXPECT_FALSE(
        must(write([&](Connection& c) { return idempotency::claim(c, key, entry, kNoon); })));
    EXPECT_EQ(find(key), fields(entry));

    idempotency::Key other = key;
    other.workspace_id = other_workspace_;
    EXPECT_EQ(find(other), std::nullopt) << "of another workspace";
    other = key;
    other.scope = "native";
    EXPECT_EQ(find(other), std::nullopt) << "of another door";
    other = key;
    other.hash = crypto::sha256("another key");
    EXPECT_EQ(find(other), std::nullopt);
  }
}

TEST_P(StoreConformance, IdempotencyGivesTheFirstEntryToWhoeverComesLater) {
  const auto key = make_idempotency_key(workspace_, "key");
  const auto first = make_entry("first");
  ASSERT_FALSE(
      must(write([&](Connection& c) { return idempotency::claim(c, key, first, kNoon); })));
  for (const auto& later : {make_entry("first"), make_entry("another content", {9})}) {
    EXPECT_EQ(fields(must(write(
                  [&](Connection& c) { return idempotency::claim(c, key, later, kNoon + 1h); }))),
              fields(first));
  }
}

TEST_P(StoreConformance, IdempotencyForgetsWhenItsTimeIsOver) {
  const auto key = make_idempotency_key(workspace_, "key");
  const auto first = make_entry("first");
  const auto second = make_entry("second", {9});
  ASSERT_FALSE(
      must(write([&](Connection& c) { return idempotency::claim(c, key, first, kNoon); })));
  const auto claim = [&](const idempotency::Entry& entry, Timestamp now) {
    return fields(
        must(write([&](Connection& c) { return idempotency::claim(c, key, entry, now); })));
  };
  const auto find = [&](Timestamp now) {
    return fields(must(read([&](Connection& c) { return idempotency::find(c, key, now); })));
  };
  const Timestamp end = kNoon + idempotency::kKept;

  EXPECT_EQ(find(end - 1ms), fields(first));
  EXPECT_EQ(claim(second, end - 1ms), fields(first));
  EXPECT_EQ(find(end), std::nullopt);
  EXPECT_EQ(claim(second, end), std::nullopt) << "the place is free again";
  EXPECT_EQ(find(end), fields(second));
  EXPECT_EQ(find(end + idempotency::kKept - 1ms), fields(second)) << "for its own time";
}

// The reason idempotency is in the transaction of what it guards: of many posts with one key, one
// makes.
TEST_P(StoreConformance, IdempotencyLetsExactlyOneOfManyClaimsInOneBatchWin) {
  const auto key = make_idempotency_key(workspace_, "key");
  std::vector<Unit> units;
  for (int i = 0; i < 50; ++i) {
    units.push_back([&, i](Connection& connection) -> Answer {
      const auto known = idempotency::find(connection, key, kNoon);
      if (!known) return fail(known.error());
      if (*known) return (*known)->status;
      WAYBILL_TRY(add_note(connection, "made by " + std::to_string(i)));
      const auto lost =
          idempotency::claim(connection, key, {crypto::sha256("request"), i, {}}, kNoon);
      if (!lost) return fail(lost.error());
      // Made for nothing: give up, so that it is not there.
      if (*lost) return fail(Code::kConflict, "lost", "Another one was first.");
      // One that fails after it has won leaves the place to the others.
      if (i == 0) return fail(Code::kConflict, "of_its_own", "As the test asked.");
      return i;
    });
  }
  const auto answers = write_together(units);
  EXPECT_EQ(outcome(answers[0]), "conflict of_its_own");
  EXPECT_EQ(count_notes(), 1);
  const auto winner = must(read([&](Connection& c) { return idempotency::find(c, key, kNoon); }));
  ASSERT_TRUE(winner);
  EXPECT_GT(winner->status, 0);
  EXPECT_TRUE(note("made by " + std::to_string(winner->status)));
  for (std::size_t i = 1; i < answers.size(); ++i) {
    if (answers[i]) EXPECT_EQ(*answers[i], winner->status) << i;
  }
}

// --- Audit log
// --------------------------------------------------------------------------------------

TEST_P(StoreConformance, AuditLogComesBackWithAllItsFields) {
  for (const std::string& text : awkward_texts()) {
    const audit_log::Entry entry{
        ids_.next_id<model::AuditEntryId>(), workspace_, kThen, text, text, text, text};
    ASSERT_TRUE(write([&](Connection& c) { return audit_log::insert(c, entry); }));
    const auto page =
        must(read([&](Connection& c) { return audit_log::list(c, workspace_, {}, {}); }));
    ASSERT_FALSE(page.rows.empty());
    EXPECT_EQ(fields(page.rows[0]), fields(entry));
  }
}

TEST_P(StoreConformance, AuditLogIsListedByFilter) {
  std::vector<audit_log::Entry> made;
  for (const auto& [action, subject] :
       {std::pair("endpoint.pause", "ep_1"), std::pair("endpoint.resume", "ep_1"),
        std::pair("endpoint.pause", "ep_2")}) {
    made.push_back(
        {ids_.next_id<model::AuditEntryId>(), workspace_, kThen, "admin", action, subject, "{}"});
    ASSERT_TRUE(write([&](Connection& c) { return audit_log::insert(c, made.back()); }));
    audit_log::Entry elsewhere = made.back();
    elsewhere.workspace_id = other_workspace_;
    ASSERT_TRUE(write([&](Connection& c) { return audit_log::insert(c, elsewhere); }));
  }
  struct Case {
    const char* what;
    audit_log::Filter filter;
    std::vector<std::size_t> found;
  };
  for (const Case& c : {Case{"all", {}, {2, 1, 0}},
                        Case{"action", by(&audit_log::Filter::action, "endpoint.pause"), {2, 0}},
                        Case{"subject", by(&audit_log::Filter::subject, "ep_1"), {1, 0}},
                        Case{"both", {"endpoint.pause", "ep_1"}, {0}},
                        Case{"none", by(&audit_log::Filter::action, "endpoint"), {}}}) {
    const auto page =
        must(read([&](Connection& x) { return audit_log::list(x, workspace_, c.filter, {}); }));
    std::vector<model::AuditEntryId> ids, expected;
    for (const audit_log::Entry& entry : page.rows) ids.push_back(entry.id);
    for (const std::size_t i : c.found) expected.push_back(made[i].id);
    EXPECT_EQ(ids, expected) << c.what;
  }
}

TEST_P(StoreConformance, AuditLogIsPagedNewestFirst) {
  const auto add = [&] {
    const audit_log::Entry entry{
        ids_.next_id<model::AuditEntryId>(), workspace_, kThen, "admin", "a", "s", "{}"};
    EXPECT_TRUE(write([&](Connection& c) { return audit_log::insert(c, entry); }));
    return entry.id;
  };
  EXPECT_PAGES(add, [&](const PageRequest& page) {
    return read([&](Connection& c) { return audit_log::list(c, workspace_, {}, page); });
  });
}

}  // namespace waybill::store
