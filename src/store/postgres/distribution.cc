#include "store/postgres/distribution.h"

namespace waybill::store {
namespace {

// The table whose shards the others are put beside.
constexpr std::string_view kFirst = "workspaces";

template <class Unit>
auto in_transaction(Connection& connection, Unit unit) -> decltype(unit()) {
  WAYBILL_TRY(connection.begin(Connection::Access::kWrite));
  auto done = unit();
  if (done) {
    if (auto committed = connection.commit(); !committed) done = fail(committed.error());
  }
  if (!done) connection.rollback();
  return done;
}

Result<void> check_citus(Connection& connection) {
  const auto functions = connection.query(
      "SELECT DISTINCT proname::text FROM pg_proc WHERE pg_function_is_visible(oid) "
      "AND proname IN ('create_distributed_table', 'create_reference_table')",
      {}, [](const Row&) {});
  const auto list = functions ? connection.query(
                                    "SELECT 1 WHERE to_regclass('pg_dist_partition') "
                                    "IS NOT NULL",
                                    {}, [](const Row&) {})
                              : functions;
  if (!list) return fail(list.error());
  if (*functions == 2 && *list == 1) return {};
  return fail(Code::kInvalid, "citus_missing",
              "This server has no Citus in this database: install the extension "
              "(https://docs.citusdata.com), put citus into shared_preload_libraries, restart the "
              "server, and run CREATE EXTENSION citus in this database. One PostgreSQL without it "
              "needs no distribution.");
}

Result<std::vector<Distribution::Table>> find_tables(Connection& connection) {
  std::vector<Distribution::Table> tables;
  WAYBILL_TRY(connection.query(
      "SELECT c.relname::text, "
      "(SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid "
      "AND a.attname = 'workspace_id' AND NOT a.attisdropped), "
      "(SELECT count(*) FROM pg_dist_partition p WHERE p.logicalrelid = c.oid) "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
      "AND c.relname <> 'pg_dist_partition' ORDER BY c.relname <> $1, c.relname",
      {kFirst}, [&](const Row& row) {
        using Kind = Distribution::Kind;
        const Kind kind = row.integer(1) > 0 ? Kind::kDistributed : Kind::kReference;
        tables.push_back({row.string(0), kind, row.integer(2) > 0});
      }));
  return tables;
}

Result<void> distribute_one(Connection& connection, const Distribution::Table& table) {
  Result<std::int64_t> done = 0;
  const auto ignore = [](const Row&) {};
  if (table.kind == Distribution::Kind::kReference) {
    done = connection.query("SELECT create_reference_table(quote_ident($1)::regclass)::text",
                            {table.name}, ignore);
  } else {
    done = connection.query(
        "SELECT create_distributed_table(quote_ident($1)::regclass, 'workspace_id', "
        "colocate_with => $2)::text",
        {table.name, table.name == kFirst ? std::string_view("none") : kFirst}, ignore);
  }
  if (!done) return fail(done.error());
  return {};
}

}  // namespace

Result<Distribution> distribute(Connection& connection) {
  WAYBILL_TRY(in_transaction(connection, [&] { return check_citus(connection); }));
  auto tables = in_transaction(connection, [&] { return find_tables(connection); });
  if (!tables) return fail(tables.error());
  for (const Distribution::Table& table : *tables) {
    if (table.was_done) continue;
    WAYBILL_TRY(in_transaction(connection, [&] { return distribute_one(connection, table); }));
  }
  return Distribution{std::move(*tables)};
}

}  // namespace waybill::store
