#include "store/sealed.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "model/ids.h"

namespace waybill::store::sealed {
namespace {

// The hub itself.
const Uuid kHub{};

// Where sealed texts are. Each row is found by (workspace_id, id), and sealed for the context `id`.
struct Place {
  std::string_view select;
  std::string_view update;
};
constexpr Place kPlaces[] = {
    {"SELECT workspace_id, id, secret FROM endpoints WHERE secret IS NOT NULL",
     "UPDATE endpoints SET secret = $3 WHERE workspace_id = $1 AND id = $2"},
    {"SELECT workspace_id, id, previous_secret FROM endpoints WHERE previous_secret IS NOT NULL",
     "UPDATE endpoints SET previous_secret = $3 WHERE workspace_id = $1 AND id = $2"},
    {"SELECT workspace_id, id, headers FROM endpoints WHERE headers IS NOT NULL",
     "UPDATE endpoints SET headers = $3 WHERE workspace_id = $1 AND id = $2"},
    {"SELECT workspace_id, id, channel_settings FROM endpoints "
     "WHERE channel_settings IS NOT NULL",
     "UPDATE endpoints SET channel_settings = $3 WHERE workspace_id = $1 AND id = $2"},
    {"SELECT workspace_id, id, token FROM sources",
     "UPDATE sources SET token = $3 WHERE workspace_id = $1 AND id = $2"},
    {"SELECT workspace_id, id, secrets FROM sources WHERE secrets IS NOT NULL",
     "UPDATE sources SET secrets = $3 WHERE workspace_id = $1 AND id = $2"},
    {"SELECT workspace_id, store_id, consumer_secret FROM woocommerce_shops",
     "UPDATE woocommerce_shops SET consumer_secret = $3 WHERE workspace_id = $1 AND store_id = $2"},
    {"SELECT workspace_id, id, signing_secret FROM api_keys WHERE signing_secret IS NOT NULL",
     "UPDATE api_keys SET signing_secret = $3 WHERE workspace_id = $1 AND id = $2"},
    {"SELECT workspace_id, id, previous_signing_secret FROM api_keys "
     "WHERE previous_signing_secret IS NOT NULL",
     "UPDATE api_keys SET previous_signing_secret = $3 WHERE workspace_id = $1 AND id = $2"},
};

// The doors whose answers may hold a new secret.
constexpr std::string_view kAnswerScopes[] = {"native", "procureiq", "proign", "peptideclients/v1"};

struct SealedRow {
  Bytes workspace_id;
  Bytes id;
  Bytes sealed;
};

Result<std::int64_t> reseal_place(Connection& connection, const Place& place,
                                  const Reseal& reseal) {
  std::vector<SealedRow> rows;
  WAYBILL_TRY(connection.query(place.select, {}, [&](const store::Row& row) {
    // Endpoints without a secret may hold an empty one.
    if (row.bytes(2).empty()) return;
    rows.push_back({row.byte_string(0), row.byte_string(1), row.byte_string(2)});
  }));
  for (const SealedRow& row : rows) {
    const auto sealed = reseal(row.sealed, row.id);
    if (!sealed) return fail(sealed.error());
    WAYBILL_TRY(connection.execute(place.update, {row.workspace_id, row.id, *sealed}));
  }
  return std::ssize(rows);
}

Result<std::int64_t> reseal_answers(Connection& connection, std::string_view scope,
                                    const Reseal& reseal) {
  std::vector<SealedRow> rows;
  WAYBILL_TRY(connection.query(
      "SELECT workspace_id, key_hash, response FROM idempotency WHERE scope = $1", {scope},
      [&](const store::Row& row) {
        rows.push_back({row.byte_string(0), row.byte_string(1), row.byte_string(2)});
      }));
  for (const SealedRow& row : rows) {
    const auto sealed = reseal(row.sealed, row.id);
    if (!sealed) return fail(sealed.error());
    WAYBILL_TRY(
        connection.execute("UPDATE idempotency SET response = $4 "
                           "WHERE workspace_id = $1 AND scope = $2 AND key_hash = $3",
                           {row.workspace_id, scope, row.id, *sealed}));
  }
  return std::ssize(rows);
}

}  // namespace

Result<std::optional<Bytes>> find_check(Connection& connection) {
  std::optional<Bytes> found;
  WAYBILL_TRY(connection.query("SELECT sealed FROM master_check WHERE workspace_id = $1", {kHub},
                               [&](const store::Row& row) { found = row.byte_string(0); }));
  return found;
}

Result<void> set_check(Connection& connection, const Bytes& sealed) {
  WAYBILL_TRY(
      connection.execute("INSERT INTO master_check (workspace_id, sealed) VALUES ($1, $2) "
                         "ON CONFLICT (workspace_id) DO UPDATE SET sealed = excluded.sealed",
                         {kHub, sealed}));
  return {};
}

Result<bool> add_check(Connection& connection, const Bytes& sealed) {
  const auto added = connection.execute(
      "INSERT INTO master_check (workspace_id, sealed) VALUES ($1, $2) "
      "ON CONFLICT (workspace_id) DO NOTHING",
      {kHub, sealed});
  if (!added) return fail(added.error());
  return *added == 1;
}

Result<std::int64_t> reseal_all(Connection& connection, const Reseal& reseal) {
  std::int64_t count = 0;
  for (const Place& place : kPlaces) {
    const auto done = reseal_place(connection, place, reseal);
    if (!done) return done;
    count += *done;
  }
  for (const std::string_view scope : kAnswerScopes) {
    const auto done = reseal_answers(connection, scope, reseal);
    if (!done) return done;
    count += *done;
  }
  return count;
}

bool are_answers_sealed(std::string_view scope) {
  return std::ranges::find(kAnswerScopes, scope) != std::end(kAnswerScopes);
}

}  // namespace waybill::store::sealed
