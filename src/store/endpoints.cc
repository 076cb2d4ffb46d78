#include "store/endpoints.h"

#include <map>

#include "store/changes.h"
#include "store/columns.h"

namespace waybill::store::endpoints {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, dialect, url, description, event_types, state, state_reason, secret, "
    "previous_secret, previous_secret_expires_at, overrides, consecutive_failures, created_at, "
    "updated_at, name, filter, owner_id, header_names, headers, in_order, failing, "
    "channel, source_id, channel_settings, order_by FROM endpoints";

model::EndpointState read_state(std::string_view name) {
  const auto state = model::parse_endpoint_state(name);
  WAYBILL_CHECK(state.has_value(), "a stored endpoint state is one we wrote");
  return *state;
}

model::Endpoint read(const Row& row) {
  model::Endpoint endpoint;
  endpoint.id = row.id<model::EndpointId>(0);
  endpoint.workspace_id = row.id<model::WorkspaceId>(1);
  endpoint.dialect = row.string(2);
  endpoint.url = row.string(3);
  endpoint.description = row.string(4);
  endpoint.event_types = list_from_column(row.text(5));
  endpoint.state = read_state(row.text(6));
  endpoint.state_reason = row.string(7);
  endpoint.secrets.current = row.byte_string(8);
  endpoint.secrets.previous = row.byte_string(9);
  endpoint.secrets.previous_expires_at = row.time_or_null(10);
  endpoint.overrides = overrides_from_column(row.text(11));
  endpoint.consecutive_failures = static_cast<int>(row.integer(12));
  endpoint.created_at = row.time(13);
  endpoint.updated_at = row.time(14);
  endpoint.name = row.string(15);
  endpoint.filter = row.string(16);
  endpoint.owner_id = row.id_or_null<model::UserId>(17);
  endpoint.headers.names = list_from_column(row.text(18));
  endpoint.headers.sealed = row.byte_string(19);
  endpoint.in_order = row.integer(20) != 0;
  endpoint.failing = row.integer(21) != 0;
  const auto channel = model::parse_channel(row.text(22));
  WAYBILL_CHECK(channel.has_value(), "a stored channel is one we wrote");
  endpoint.channel = *channel;
  endpoint.source_id = row.id_or_null<model::SourceId>(23);
  if (!row.is_null(24)) endpoint.channel_settings = row.byte_string(24);
  endpoint.order_by = row.string_or_null(25).value_or("");
  return endpoint;
}

constexpr const char* kOne = " WHERE workspace_id = $1 AND id = $2";

Error not_found() { return {Code::kNotFound, "endpoint_not_found", "There is no such endpoint."}; }

Result<model::Endpoint> find_by(Connection& connection, std::string_view sql,
                                const model::WorkspaceId& workspace, const model::EndpointId& id) {
  std::optional<model::Endpoint> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(not_found());
  return *std::move(found);
}

Result<void> read_roles(Connection& connection, const model::WorkspaceId& workspace,
                        std::vector<Subscription>& subscriptions) {
  std::map<model::UserId, std::vector<std::string>> roles;
  WAYBILL_TRY(connection.query(
      "SELECT id, roles FROM users WHERE workspace_id = $1 AND id IN (SELECT owner_id FROM "
      "endpoints "
      "WHERE workspace_id = $1 AND owner_id IS NOT NULL AND state <> 'deleted')",
      {workspace},
      [&](const Row& row) { roles[row.id<model::UserId>(0)] = list_from_column(row.text(1)); }));
  for (Subscription& subscription : subscriptions) {
    if (subscription.owner_id) subscription.owner_roles = roles[*subscription.owner_id];
  }
  return {};
}

}  // namespace

Result<void> insert(Connection& connection, const model::Endpoint& endpoint) {
  WAYBILL_TRY(connection.execute(
      "INSERT INTO endpoints (workspace_id, id, dialect, url, description, event_types, state, "
      "state_reason, secret, previous_secret, previous_secret_expires_at, overrides, "
      "consecutive_failures, created_at, updated_at, name, filter, owner_id, header_names, "
      "headers, "
      "in_order, failing, channel, source_id, channel_settings, order_by) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
      "$15, "
      "$16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)",
      {endpoint.workspace_id,
       endpoint.id,
       endpoint.dialect,
       endpoint.url,
       endpoint.description,
       list_to_column(endpoint.event_types),
       model::endpoint_state_name(endpoint.state),
       endpoint.state_reason,
       endpoint.secrets.current,
       endpoint.secrets.previous,
       endpoint.secrets.previous_expires_at,
       overrides_to_column(endpoint.overrides),
       endpoint.consecutive_failures,
       endpoint.created_at,
       endpoint.updated_at,
       endpoint.name,
       endpoint.filter,
       endpoint.owner_id,
       list_to_column(endpoint.headers.names),
       endpoint.headers.sealed,
       int{endpoint.in_order},
       int{endpoint.failing},
       model::channel_name(endpoint.channel),
       endpoint.source_id,
       endpoint.channel_settings,
       endpoint.order_by}));
  return {};
}

Result<model::Endpoint> find(Connection& connection, const model::WorkspaceId& workspace,
                             const model::EndpointId& id) {
  static const std::string sql = std::string(kSelect) + kOne;
  return find_by(connection, sql, workspace, id);
}

Result<model::Endpoint> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                                       const model::EndpointId& id) {
  const std::string sql = std::string(kSelect) + kOne + " " + std::string(connection.row_lock());
  return find_by(connection, sql, workspace, id);
}

Result<Page<model::Endpoint>> list(Connection& connection, const model::WorkspaceId& workspace,
                                   const Filter& filter, const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  if (filter.state) {
    select.where("state =", model::endpoint_state_name(*filter.state));
  } else {
    select.where("state <>", model::endpoint_state_name(model::EndpointState::kDeleted));
  }
  select.where_if("dialect =", filter.dialect);
  if (filter.source) {
    select.where("source_id =", *filter.source);
  } else if (filter.handlers) {
    select.where("source_id IS NOT NULL AND workspace_id =", workspace);
  } else {
    select.where("source_id IS NULL AND workspace_id =", workspace);
  }
  return select.page<model::Endpoint>(connection, page, read,
                                      [](const model::Endpoint& row) { return row.id.uuid(); });
}

Result<int> count(Connection& connection, const model::WorkspaceId& workspace,
                  std::string_view dialect, Counted counted) {
  int count = 0;
  const bool active = counted == Counted::kActive;
  WAYBILL_TRY(connection.query(
      active ? "SELECT count(*) FROM endpoints "
               "WHERE workspace_id = $1 AND dialect = $2 AND source_id IS NULL "
               "AND state = 'active'"
             : "SELECT count(*) FROM endpoints "
               "WHERE workspace_id = $1 AND dialect = $2 AND source_id IS NULL "
               "AND state <> 'deleted'",
      {workspace, dialect}, [&](const Row& row) { count = static_cast<int>(row.integer(0)); }));
  return count;
}

Result<bool> has_url(Connection& connection, const model::WorkspaceId& workspace,
                     std::string_view dialect, std::string_view url,
                     const model::EndpointId& except) {
  const auto found = connection.query(
      "SELECT 1 FROM endpoints WHERE workspace_id = $1 AND dialect = $2 AND url = $3 "
      "AND id <> $4 AND source_id IS NULL AND state <> 'deleted'",
      {workspace, dialect, url, except}, [](const Row&) {});
  if (!found) return fail(found.error());
  return *found > 0;
}

Result<void> update(Connection& connection, const model::Endpoint& endpoint) {
  const auto changed = connection.execute(
      "UPDATE endpoints SET url = $3, description = $4, event_types = $5, state = $6, "
      "state_reason = $7, secret = $8, previous_secret = $9, previous_secret_expires_at = $10, "
      "overrides = $11, consecutive_failures = $12, updated_at = $13, name = $14, filter = $15, "
      "owner_id = $16, header_names = $17, headers = $18, failing = $19, channel_settings = $20 "
      "WHERE workspace_id = $1 AND id = $2",
      {endpoint.workspace_id,
       endpoint.id,
       endpoint.url,
       endpoint.description,
       list_to_column(endpoint.event_types),
       model::endpoint_state_name(endpoint.state),
       endpoint.state_reason,
       endpoint.secrets.current,
       endpoint.secrets.previous,
       endpoint.secrets.previous_expires_at,
       overrides_to_column(endpoint.overrides),
       endpoint.consecutive_failures,
       endpoint.updated_at,
       endpoint.name,
       endpoint.filter,
       endpoint.owner_id,
       list_to_column(endpoint.headers.names),
       endpoint.headers.sealed,
       int{endpoint.failing},
       endpoint.channel_settings});
  if (!changed) return fail(changed.error());
  if (*changed == 0) return fail(not_found());
  return changes::endpoint_changed(connection, endpoint.workspace_id, endpoint.id);
}

Result<void> update_health(Connection& connection, const model::Endpoint& endpoint,
                           model::EndpointState before) {
  const auto changed = connection.execute(
      "UPDATE endpoints SET consecutive_failures = $3, state = $4, state_reason = $5, "
      "updated_at = $6, failing = $7 WHERE workspace_id = $1 AND id = $2",
      {endpoint.workspace_id, endpoint.id, endpoint.consecutive_failures,
       model::endpoint_state_name(endpoint.state), endpoint.state_reason, endpoint.updated_at,
       int{endpoint.failing}});
  if (!changed) return fail(changed.error());
  if (*changed == 0) return fail(not_found());
  if (endpoint.state == before) return {};
  return changes::endpoint_changed(connection, endpoint.workspace_id, endpoint.id);
}

Result<void> forget_failures(Connection& connection, const model::WorkspaceId& workspace,
                             const model::EndpointId& id) {
  return connection.write(
      "UPDATE endpoints SET consecutive_failures = 0 "
      "WHERE workspace_id = $1 AND id = $2 AND consecutive_failures <> 0",
      {workspace, id});
}

Result<std::vector<Subscription>> subscriptions(Connection& connection,
                                                const model::WorkspaceId& workspace) {
  std::vector<Subscription> all;
  bool owned = false;
  WAYBILL_TRY(connection.query(
      "SELECT id, dialect, event_types, state, filter, owner_id, overrides, "
      "in_order, channel, source_id, order_by FROM endpoints "
      "WHERE workspace_id = $1 AND state <> 'deleted' ORDER BY id",
      {workspace}, [&](const Row& row) {
        all.push_back({row.id<model::EndpointId>(0), row.string(1), list_from_column(row.text(2)),
                       read_state(row.text(3)), row.string(4), row.id_or_null<model::UserId>(5)});
        Subscription& added = all.back();
        added.in_order = row.integer(7) != 0;
        if (!row.is_null(9)) {
          const auto channel = model::parse_channel(row.text(8));
          WAYBILL_CHECK(channel.has_value(), "a stored channel is one we wrote");
          added.channel = *channel;
          added.source_id = row.id<model::SourceId>(9);
          added.order_by = row.string_or_null(10).value_or("");
        }
        owned = owned || all.back().owner_id;
        // Read for every event: most endpoints override nothing.
        const std::string_view overrides = row.text(6);
        if (overrides.find("\"coalescing\"") != std::string_view::npos) {
          all.back().coalescing = overrides_from_column(overrides).coalescing;
        }
      }));
  if (owned) WAYBILL_TRY(read_roles(connection, workspace, all));
  return all;
}

}  // namespace waybill::store::endpoints
