#include "store/sources.h"

#include <string>

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_text.h"
#include "store/changes.h"

namespace waybill::store::sources {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, name, dialect, state, token_hash, token, secrets, settings, "
    "created_at, updated_at FROM sources";
constexpr const char* kOne = " WHERE workspace_id = $1 AND id = $2";

std::string settings_to_column(const model::SourceSettings& settings) {
  const auto millis = [](const std::optional<std::chrono::milliseconds>& duration) {
    return duration.transform([](auto d) { return std::int64_t{d.count()}; });
  };
  std::string text;
  ObjectText(text)
      .add("remember_ms", settings.remember.count())
      .add_if("quiet_after_ms", millis(settings.quiet_after))
      .add_if("tolerance_ms", millis(settings.tolerance))
      .end();
  return text;
}

model::SourceSettings settings_from_column(std::string_view column) {
  const auto read = parse_json(column);
  WAYBILL_CHECK(read && read->is_object(), "stored settings are the JSON we wrote");
  const json::object& object = read->get_object();
  const auto millis = [&](std::string_view name) -> std::optional<std::chrono::milliseconds> {
    const json::value* value = object.if_contains(name);
    if (!value || !value->is_int64()) return std::nullopt;
    return std::chrono::milliseconds(value->get_int64());
  };
  model::SourceSettings settings;
  settings.remember = millis("remember_ms").value_or(settings.remember);
  settings.quiet_after = millis("quiet_after_ms");
  settings.tolerance = millis("tolerance_ms");
  return settings;
}

model::Source read(const Row& row) {
  model::Source source;
  source.id = row.id<model::SourceId>(0);
  source.workspace_id = row.id<model::WorkspaceId>(1);
  source.name = row.string(2);
  source.dialect = row.string(3);
  const auto state = model::parse_source_state(row.text(4));
  WAYBILL_CHECK(state.has_value(), "a stored source has the words we wrote");
  source.state = *state;
  source.token_hash = row.byte_string(5);
  source.token = row.byte_string(6);
  source.secrets = row.byte_string(7);
  source.settings = settings_from_column(row.text(8));
  source.created_at = row.time(9);
  source.updated_at = row.time(10);
  return source;
}

Error not_found() { return {Code::kNotFound, "source_not_found", "There is no such source."}; }

Error name_taken(std::string_view name) {
  return {Code::kConflict, "source_exists",
          fmt::format("There is a source called \"{}\" already.", name)};
}

// Whether another one that is not deleted has the name.
Result<bool> is_taken(Connection& connection, const model::Source& source) {
  const auto found = connection.query(
      "SELECT 1 FROM sources WHERE workspace_id = $1 AND name = $2 AND id <> $3 "
      "AND state <> 'deleted'",
      {source.workspace_id, source.name, source.id}, [](const Row&) {});
  if (!found) return fail(found.error());
  return *found > 0;
}

Result<std::optional<model::Source>> find_one(Connection& connection, std::string_view sql,
                                              std::initializer_list<Param> params) {
  std::optional<model::Source> found;
  WAYBILL_TRY(connection.query(sql, params, [&](const Row& row) { found = read(row); }));
  return found;
}

Result<model::Source> known(Result<std::optional<model::Source>> found) {
  if (!found) return fail(found.error());
  if (!*found) return fail(not_found());
  return **std::move(found);
}

Result<std::vector<model::Source>> find_all(Connection& connection, std::string_view sql,
                                            std::initializer_list<Param> params) {
  std::vector<model::Source> all;
  WAYBILL_TRY(connection.query(sql, params, [&](const Row& row) { all.push_back(read(row)); }));
  return all;
}

}  // namespace

Result<void> insert(Connection& connection, const model::Source& source) {
  const auto inserted = connection.execute(
      "INSERT INTO sources (workspace_id, id, name, dialect, state, token_hash, token, secrets, "
      "settings, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
      "ON CONFLICT DO NOTHING",
      {source.workspace_id, source.id, source.name, source.dialect,
       model::source_state_name(source.state), source.token_hash, source.token, source.secrets,
       settings_to_column(source.settings), source.created_at, source.updated_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 0) return fail(name_taken(source.name));
  return changes::source_changed(connection, source.id);
}

Result<std::optional<model::Source>> find(Connection& connection,
                                          const model::WorkspaceId& workspace,
                                          std::string_view id_or_name) {
  static const std::string by_id = std::string(kSelect) + kOne;
  static const std::string by_name =
      std::string(kSelect) + " WHERE workspace_id = $1 AND name = $2 AND state <> 'deleted'";
  if (const auto id = model::SourceId::parse(id_or_name)) {
    auto found = find_one(connection, by_id, {workspace, *id});
    if (!found || *found) return found;
  }
  return find_one(connection, by_name, {workspace, id_or_name});
}

Result<model::Source> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::SourceId& id) {
  static const std::string sql = std::string(kSelect) + kOne;
  return known(find_one(connection, sql, {workspace, id}));
}

Result<model::Source> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                                     const model::SourceId& id) {
  const std::string sql = fmt::format("{}{} {}", kSelect, kOne, connection.row_lock());
  return known(find_one(connection, sql, {workspace, id}));
}

Result<std::optional<model::Source>> find_by_token(Connection& connection, ByteView token_hash) {
  static const std::string sql =
      std::string(kSelect) + " WHERE token_hash = $1 AND state = 'active'";
  return find_one(connection, sql, {token_hash});
}

Result<std::vector<model::Source>> of_dialect(Connection& connection, std::string_view dialect) {
  static const std::string sql =
      std::string(kSelect) + " WHERE dialect = $1 AND state = 'active' ORDER BY id";
  return find_all(connection, sql, {dialect});
}

Result<std::vector<model::Source>> active(Connection& connection) {
  static const std::string sql = std::string(kSelect) + " WHERE state = 'active' ORDER BY id";
  return find_all(connection, sql, {});
}

Result<Page<model::Source>> list(Connection& connection, const model::WorkspaceId& workspace,
                                 const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  select.where("state =", model::source_state_name(model::SourceState::kActive));
  return select.page<model::Source>(connection, page, read,
                                    [](const model::Source& row) { return row.id.uuid(); });
}

Result<void> update(Connection& connection, const model::Source& source) {
  const auto taken = is_taken(connection, source);
  if (!taken) return fail(taken.error());
  if (*taken) return fail(name_taken(source.name));
  const auto changed = connection.execute(
      "UPDATE sources SET name = $3, state = $4, token_hash = $5, token = $6, secrets = $7, "
      "settings = $8, updated_at = $9 WHERE workspace_id = $1 AND id = $2",
      {source.workspace_id, source.id, source.name, model::source_state_name(source.state),
       source.token_hash, source.token, source.secrets, settings_to_column(source.settings),
       source.updated_at});
  if (!changed) return fail(changed.error());
  if (*changed == 0) return fail(not_found());
  return changes::source_changed(connection, source.id);
}

}  // namespace waybill::store::sources
