#include "store/messages.h"

#include <fmt/format.h>

namespace waybill::store::messages {
namespace {

// How often insert() looks again for who has the key.
constexpr int kRoundsMax = 5;

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, source_id, external_id, type, key, body_hash, body_bytes, address, "
    "received_at, duplicates, differing, last_duplicate_at, fetched_event_id, published_event_id "
    "FROM messages";

model::Message read(const Row& row) {
  model::Message message;
  message.id = row.id<model::MessageId>(0);
  message.workspace_id = row.id<model::WorkspaceId>(1);
  message.source_id = row.id<model::SourceId>(2);
  message.external_id = row.string(3);
  message.type = row.string(4);
  if (!row.is_null(5)) message.key = row.byte_string(5);
  message.body_hash = row.byte_string(6);
  message.body_bytes = row.integer(7);
  message.address = row.string(8);
  message.received_at = row.time(9);
  message.duplicates = row.integer(10);
  message.differing = row.integer(11);
  message.last_duplicate_at = row.time_or_null(12);
  message.fetched_event_id = row.id_or_null<model::EventId>(13);
  message.published_event_id = row.id_or_null<model::EventId>(14);
  return message;
}

Result<bool> insert_new(Connection& connection, const model::Message& message) {
  const auto inserted = connection.execute(
      "INSERT INTO messages (workspace_id, id, source_id, external_id, type, key, body_hash, "
      "body_bytes, address, received_at, duplicates, differing) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0) ON CONFLICT DO NOTHING",
      {message.workspace_id, message.id, message.source_id, message.external_id, message.type,
       message.key, message.body_hash, message.body_bytes, message.address, message.received_at});
  if (!inserted) return fail(inserted.error());
  return *inserted == 1;
}

Result<std::optional<model::Message>> find_same(Connection& connection,
                                                const model::Message& message) {
  const std::string sql =
      fmt::format("{} WHERE workspace_id = $1 AND source_id = $2 AND key = $3 {}", kSelect,
                  connection.row_lock());
  std::optional<model::Message> found;
  WAYBILL_TRY(connection.query(sql, {message.workspace_id, message.source_id, message.key},
                               [&](const Row& row) { found = read(row); }));
  return found;
}

Result<void> note_duplicate(Connection& connection, model::Message& known,
                            const model::Message& again) {
  ++known.duplicates;
  if (known.body_hash != again.body_hash) ++known.differing;
  known.last_duplicate_at = again.received_at;
  return connection.write(
      "UPDATE messages SET duplicates = $3, differing = $4, last_duplicate_at = $5 "
      "WHERE workspace_id = $1 AND id = $2",
      {known.workspace_id, known.id, known.duplicates, known.differing, known.last_duplicate_at});
}

// Calls `use` with the statement for what passes `filter`. SQLite takes the primary key for every
// list by id unless another index is asked for: the one that leaves the fewest rows.
template <class Use>
auto select(const model::WorkspaceId& workspace, const Filter& filter, Use use) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  const Uuid since = filter.since ? Uuid::lowest_at(*filter.since) : Uuid();
  const Uuid until = filter.until ? Uuid::lowest_at(*filter.until) : Select::highest();
  if (filter.external_id && !filter.external_id->empty()) {
    // As a literal, so that the index of them serves.
    select.where("external_id <> '' AND workspace_id =", workspace);
    select.walk("external_id", *filter.external_id, since, until);
    select.where_if("source_id =", filter.source);
    select.where_if("type =", filter.type);
    return use(select);
  }
  select.where_if("external_id =", filter.external_id);
  if (filter.source) {
    select.walk("source_id", *filter.source, since, until);
    select.where_if("type =", filter.type);
  } else if (filter.type) {
    select.walk("type", *filter.type, since, until);
  } else {
    select.where("id >=", since);
    select.where("id <", until);
  }
  return use(select);
}

Result<bool> changed_one(const Result<std::int64_t>& changed) {
  if (!changed) return fail(changed.error());
  return *changed == 1;
}

}  // namespace

Result<std::optional<model::Message>> insert(Connection& connection, const model::Message& message,
                                             Timestamp remembered_since) {
  // Another transaction may take the key, or give it up, between any two of these statements.
  for (int round = 0; round < kRoundsMax; ++round) {
    const auto is_new = insert_new(connection, message);
    if (!is_new) return fail(is_new.error());
    if (*is_new) return std::nullopt;
    auto known = find_same(connection, message);
    if (!known) return fail(known.error());
    if (!*known) continue;
    if ((*known)->received_at >= remembered_since) {
      WAYBILL_TRY(note_duplicate(connection, **known, message));
      return known;
    }
    WAYBILL_TRY(
        connection.execute("UPDATE messages SET key = NULL WHERE workspace_id = $1 AND id = $2",
                           {message.workspace_id, (*known)->id}));
  }
  return fail(Code::kUnavailable, std::string(kTransactionConflict),
              "Others write messages with the same key at this moment.");
}

Result<model::Message> find(Connection& connection, const model::WorkspaceId& workspace,
                            const model::MessageId& id) {
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  std::optional<model::Message> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(Code::kNotFound, "message_not_found", "There is no such message.");
  return *std::move(found);
}

Result<std::optional<model::Message>> find_by_event(Connection& connection,
                                                    const model::WorkspaceId& workspace,
                                                    const model::EventId& event) {
  // One after the other: of an OR, SQLite makes a walk over all messages, and so it does of an
  // equation with the second.
  static const std::string by_id = fmt::format("{} WHERE workspace_id = $1 AND id = $2", kSelect);
  static const std::string by_fetched =
      fmt::format("{} WHERE workspace_id = $1 AND fetched_event_id BETWEEN $2 AND $2", kSelect);
  std::optional<model::Message> found;
  const auto take = [&](const Row& row) { found = read(row); };
  WAYBILL_TRY(connection.query(by_id, {workspace, event}, take));
  if (!found) WAYBILL_TRY(connection.query(by_fetched, {workspace, event}, take));
  return found;
}

Result<Page<model::Message>> list(Connection& connection, const model::WorkspaceId& workspace,
                                  const Filter& filter, const PageRequest& page) {
  return select(workspace, filter, [&](Select& found) {
    return found.page<model::Message>(connection, page, read,
                                      [](const model::Message& row) { return row.id.uuid(); });
  });
}

Result<std::int64_t> count(Connection& connection, const model::WorkspaceId& workspace,
                           const Filter& filter) {
  return select(workspace, filter, [&](const Select& found) { return found.count(connection); });
}

Result<bool> set_fetched(Connection& connection, const model::WorkspaceId& workspace,
                         const model::MessageId& id, const model::EventId& event) {
  return changed_one(
      connection.execute("UPDATE messages SET fetched_event_id = $3 "
                         "WHERE workspace_id = $1 AND id = $2 AND fetched_event_id IS NULL",
                         {workspace, id, event}));
}

Result<bool> replace_fetched(Connection& connection, const model::WorkspaceId& workspace,
                             const model::MessageId& id, const model::EventId& event) {
  return changed_one(connection.execute(
      "UPDATE messages SET fetched_event_id = $3 WHERE workspace_id = $1 AND id = $2",
      {workspace, id, event}));
}

Result<bool> set_published(Connection& connection, const model::WorkspaceId& workspace,
                           const model::MessageId& id, const model::EventId& event) {
  return changed_one(
      connection.execute("UPDATE messages SET published_event_id = $3 "
                         "WHERE workspace_id = $1 AND id = $2 AND published_event_id IS NULL",
                         {workspace, id, event}));
}

Result<std::optional<Timestamp>> last_received(Connection& connection,
                                               const model::WorkspaceId& workspace,
                                               const model::SourceId& source) {
  std::optional<Timestamp> last;
  WAYBILL_TRY(
      connection.query("SELECT received_at FROM messages WHERE workspace_id = $1 "
                       "AND source_id BETWEEN $2 AND $2 ORDER BY source_id DESC, id DESC LIMIT 1",
                       {workspace, source}, [&](const Row& row) { last = row.time(0); }));
  return last;
}

}  // namespace waybill::store::messages
