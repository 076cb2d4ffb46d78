#include "store/documents.h"

#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace waybill::store::documents {
namespace {

constexpr std::string_view kColumns =
    "workspace_id, kind, id, uuid, idn, content, summary, created_by, status, approved_on, "
    "supplier_id, enabled, created_at, modified_at";

std::optional<std::int64_t> number_or_null(const Row& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

model::Document read(const Row& row) {
  model::Document document;
  document.workspace_id = row.id<model::WorkspaceId>(0);
  document.kind = row.string(1);
  document.id = row.integer(2);
  const auto uuid = Uuid::from_bytes(row.bytes(3));
  WAYBILL_CHECK(uuid.has_value(), "a stored UUID has 16 bytes");
  document.uuid = *uuid;
  document.idn = number_or_null(row, 4);
  document.content = row.string(5);
  document.summary = row.string(6);
  if (!row.is_null(7)) document.created_by = row.id<model::UserId>(7);
  document.status = number_or_null(row, 8);
  document.approved_on = row.string_or_null(9);
  document.supplier_id = number_or_null(row, 10);
  if (!row.is_null(11)) document.enabled = row.integer(11) != 0;
  document.created_at = row.time(12);
  document.modified_at = row.time(13);
  return document;
}

Result<std::optional<model::Document>> find_by(Connection& connection, std::string_view condition,
                                               const Key& key, std::int64_t number,
                                               std::string_view lock = {}) {
  const std::string sql =
      fmt::format("SELECT {} FROM documents WHERE workspace_id = $1 AND kind = $2 AND {} = $3 {}",
                  kColumns, condition, lock);
  std::optional<model::Document> found;
  WAYBILL_TRY(connection.query(sql, {key.workspace_id, key.kind, number},
                               [&](const Row& row) { found = read(row); }));
  return found;
}

Result<model::Document> found(Result<std::optional<model::Document>> document) {
  if (!document) return fail(document.error());
  if (*document) return **std::move(document);
  return fail(Code::kNotFound, "document_not_found", "There is no such document.");
}

// Looked for first: a statement that fails ends the unit, without saying which index it was.
Result<void> check_idn_free(Connection& connection, const model::Document& document) {
  if (!document.idn) return {};
  const Key key{document.workspace_id, document.kind};
  const auto other = find_by(connection, "idn", key, *document.idn);
  if (!other) return fail(other.error());
  if (!*other || (*other)->id == document.id) return {};
  return fail(Code::kConflict, "document_idn_taken",
              fmt::format("The {} {} has the IDN {}.", document.kind, (*other)->id, *document.idn),
              "$.idn");
}

// Builds the conditions of list(). The values stand in a fixed number of places, the last of them
// again and again, so that there are few texts of statements.
class Conditions {
 public:
  explicit Conditions(const Key& key) : params_{key.workspace_id, key.kind} {}

  template <class T>
  void add_if(std::string_view condition, const std::optional<T>& value) {
    if (!value) return;
    params_.emplace_back(*value);
    text_ += fmt::format(" AND {} ${}", condition, params_.size());
  }
  void add_any(std::string_view column, const std::vector<std::int64_t>& values) {
    WAYBILL_CHECK(values.size() <= Filter::kValuesMax, "a list of values has its limit");
    if (values.empty()) return;
    text_ += fmt::format(" AND {} IN (", column);
    for (std::size_t i = 0; i < Filter::kValuesMax; ++i) {
      params_.emplace_back(i < values.size() ? values[i] : values.back());
      text_ += fmt::format("{}${}", i ? ", " : "", params_.size());
    }
    text_ += ')';
  }

  std::string where() const { return " WHERE workspace_id = $1 AND kind = $2" + text_; }
  const std::vector<Param>& params() const { return params_; }

 private:
  std::vector<Param> params_;
  std::string text_;
};

Conditions conditions_of(const Key& key, const Filter& filter) {
  Conditions conditions(key);
  conditions.add_if("modified_at >=", filter.modified_since);
  conditions.add_if("approved_on >=", filter.approved_from);
  conditions.add_if("approved_on <=", filter.approved_until);
  conditions.add_any("status", filter.statuses);
  conditions.add_any("supplier_id", filter.suppliers);
  conditions.add_if("enabled =", filter.enabled.transform([](bool on) { return on ? 1 : 0; }));
  conditions.add_if("created_by =", filter.created_by);
  return conditions;
}

}  // namespace

Result<void> lock_kind(Connection& connection, const Key& key) {
  return connection.write(
      "INSERT INTO document_sequences (workspace_id, kind, last_idn) VALUES ($1, $2, 0) "
      "ON CONFLICT (workspace_id, kind) DO UPDATE SET last_idn = document_sequences.last_idn",
      {key.workspace_id, key.kind});
}

Result<std::int64_t> next_idn(Connection& connection, const Key& key) {
  std::int64_t idn = 0;
  WAYBILL_TRY(connection.query(
      "INSERT INTO document_sequences (workspace_id, kind, last_idn) VALUES ($1, $2, 1) "
      "ON CONFLICT (workspace_id, kind) DO UPDATE SET last_idn = document_sequences.last_idn + 1 "
      "RETURNING last_idn",
      {key.workspace_id, key.kind}, [&](const Row& row) { idn = row.integer(0); }));
  return idn;
}

Result<void> note_idn(Connection& connection, const Key& key, std::int64_t idn) {
  return connection.write(
      "INSERT INTO document_sequences (workspace_id, kind, last_idn) VALUES ($1, $2, $3) "
      "ON CONFLICT (workspace_id, kind) DO UPDATE SET last_idn = excluded.last_idn "
      "WHERE document_sequences.last_idn < excluded.last_idn",
      {key.workspace_id, key.kind, idn});
}

Result<void> insert(Connection& connection, const model::Document& document) {
  WAYBILL_TRY(check_idn_free(connection, document));
  const auto inserted = connection.execute(
      "INSERT INTO documents (workspace_id, kind, id, uuid, idn, content, summary, created_by, "
      "status, approved_on, supplier_id, enabled, created_at, modified_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "
      "ON CONFLICT (workspace_id, kind, id) DO NOTHING",
      {document.workspace_id, document.kind, document.id, document.uuid, document.idn,
       document.content, document.summary, document.created_by, document.status,
       document.approved_on, document.supplier_id,
       document.enabled.transform([](bool on) { return on ? 1 : 0; }), document.created_at,
       document.modified_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 1) return {};
  return fail(Code::kConflict, "document_exists",
              fmt::format("There is a {} {} already.", document.kind, document.id));
}

Result<void> update(Connection& connection, const model::Document& document) {
  WAYBILL_TRY(check_idn_free(connection, document));
  return connection.write(
      "UPDATE documents SET idn = $4, content = $5, summary = $6, created_by = $7, status = $8, "
      "approved_on = $9, supplier_id = $10, enabled = $11, modified_at = $12 "
      "WHERE workspace_id = $1 AND kind = $2 AND id = $3",
      {document.workspace_id, document.kind, document.id, document.idn, document.content,
       document.summary, document.created_by, document.status, document.approved_on,
       document.supplier_id, document.enabled.transform([](bool on) { return on ? 1 : 0; }),
       document.modified_at});
}

Result<model::Document> find(Connection& connection, const Key& key, std::int64_t id) {
  return found(find_by(connection, "id", key, id));
}

Result<model::Document> find_by_idn(Connection& connection, const Key& key, std::int64_t idn) {
  return found(find_by(connection, "idn", key, idn));
}

Result<std::optional<model::Document>> find_to_put(Connection& connection, const Key& key,
                                                   std::int64_t id) {
  auto found = find_by(connection, "id", key, id, connection.row_lock());
  if (!found || *found) return found;
  // Whoever was adding it has ended once this has the lock.
  WAYBILL_TRY(lock_kind(connection, key));
  return find_by(connection, "id", key, id, connection.row_lock());
}

Result<Listed> list(Connection& connection, const Key& key, const Filter& filter,
                    std::int64_t offset, std::int64_t limit) {
  const Conditions conditions = conditions_of(key, filter);
  Listed listed;
  WAYBILL_TRY(connection.query("SELECT count(*) FROM documents" + conditions.where(),
                               conditions.params(),
                               [&](const Row& row) { listed.total = row.integer(0); }));
  std::vector<Param> params = conditions.params();
  params.emplace_back(limit);
  params.emplace_back(offset);
  const std::string sql =
      fmt::format("SELECT summary FROM documents{} ORDER BY id LIMIT ${} OFFSET ${}",
                  conditions.where(), params.size() - 1, params.size());
  WAYBILL_TRY(connection.query(sql, params,
                               [&](const Row& row) { listed.summaries.push_back(row.string(0)); }));
  return listed;
}

Result<Page<model::Document>> page(Connection& connection, const model::WorkspaceId& workspace,
                                   const std::optional<std::string>& kind,
                                   const PageRequest& request) {
  // In the order of read(). Pages go by the column called id, which is the UUID here.
  Select select(
      "SELECT workspace_id, kind, number, id, idn, content, summary, created_by, status, "
      "approved_on, supplier_id, enabled, created_at, modified_at FROM (SELECT workspace_id, kind, "
      "id AS number, uuid AS id, idn, '' AS content, summary, created_by, status, approved_on, "
      "supplier_id, enabled, created_at, modified_at FROM documents) AS listed");
  select.where("workspace_id =", workspace);
  select.where_if("kind =", kind);
  return select.page<model::Document>(connection, request, read,
                                      [](const model::Document& row) { return row.uuid; });
}

}  // namespace waybill::store::documents
