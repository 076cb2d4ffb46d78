#include "delivery/channels/sql_settings.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "delivery/channels/handler_settings.h"

namespace waybill::delivery {
namespace {

constexpr std::size_t kNameBytesMax = 63;  // PostgreSQL cuts longer ones off.

// "schema.table", each part quoted. Nothing: it is no name of a table.
std::optional<std::string> quote_table(std::string_view name) {
  std::string out;
  for (int parts = 1;; ++parts) {
    const std::size_t dot = name.find('.');
    const std::string_view part = name.substr(0, dot);
    if (part.empty() || part.size() > kNameBytesMax || parts > 2) return std::nullopt;
    out += '"';
    for (const char c : part) {
      if (c == '"') out += c;
      out += c;
    }
    out += '"';
    if (dot == std::string_view::npos) return out;
    out += '.';
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

Result<SqlSettings> read_sql_settings(const json::object& settings) {
  SettingsReader reader(settings);
  const std::string url = reader.text("url");
  const std::string table = reader.text("table");
  auto address = store::PostgresAddress::parse(url);
  if (!address) reader.refuse("url", address.error().message);
  auto name = quote_table(table);
  if (!name) {
    reader.refuse("table",
                  "The table is written as table or schema.table, each of at most 63 bytes.");
  }
  if (auto good = reader.end(); !good) return fail(good.error());
  return SqlSettings{*std::move(address), *std::move(name)};
}

std::string create_table(std::string_view quoted_table) {
  return fmt::format(
      "CREATE TABLE {} (message_id text PRIMARY KEY, source text NOT NULL, dialect text NOT NULL, "
      "type text NOT NULL, external_id text NOT NULL, received_at timestamptz NOT NULL, "
      "content_type text NOT NULL, headers jsonb NOT NULL, body bytea NOT NULL, data json, "
      "document json, delivery_id text NOT NULL, attempt integer NOT NULL, "
      "stored_at timestamptz NOT NULL DEFAULT now())",
      quoted_table);
}

}  // namespace waybill::delivery
