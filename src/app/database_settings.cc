#include "app/database_settings.h"

#include <system_error>

#include <fmt/format.h>

#include "app/files.h"

namespace waybill::app {
namespace {

constexpr std::string_view kSqlite = "sqlite";

std::unexpected<Error> refuse(std::string message) {
  return fail(Code::kInvalid, "setting_invalid", std::move(message));
}

bool others_can_read(const std::filesystem::path& file) {
  std::error_code error;
  const std::filesystem::perms mode = std::filesystem::status(file, error).permissions();
  return !error && (mode & std::filesystem::perms::others_read) != std::filesystem::perms::none;
}

Result<Secret> read_password(const std::filesystem::path& file) {
  const auto text = read_file(file);
  if (!text) return refuse(fmt::format("database_password_file: {}", text.error().message));
  std::string line = text->substr(0, text->find('\n'));
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) {
    return refuse(
        fmt::format("database_password_file: the first line of {} is empty.", file.string()));
  }
  return Secret(std::move(line));
}

}  // namespace

Result<void> read_database(Settings& settings, std::string_view text) {
  if (text == kSqlite) {
    settings.database.reset();
    return {};
  }
  if (!text.contains("://")) return refuse("it is sqlite, or postgres://USER@HOST:PORT/DATABASE");
  auto address = store::PostgresAddress::parse(text);
  if (!address) return refuse(address.error().message);
  settings.database = std::move(*address);
  return {};
}

std::string show_database(std::string_view text) {
  if (text == kSqlite) return std::string(text);
  const auto address = store::PostgresAddress::parse(text);
  return address ? address->shown() : "set";
}

bool database_holds_secret(std::string_view text) {
  const auto address = store::PostgresAddress::parse(text);
  return address && address->holds_secret();
}

Result<void> take_password(Settings& settings, std::vector<std::string>& warnings) {
  const std::filesystem::path& file = settings.database_password_file;
  if (file.empty()) return {};
  if (!settings.database) {
    return refuse(
        "database_password_file is for a PostgreSQL server, which the setting database has to "
        "name; for SQLite leave it out.");
  }
  if (settings.database->has_password()) {
    return refuse(
        "There is a password in database, and another one in database_password_file: "
        "leave out one.");
  }
  auto password = read_password(file);
  if (!password) return fail(password.error());
  settings.database->set_password(std::move(*password));
  if (others_can_read(file)) {
    warnings.push_back(
        fmt::format("Everybody on this machine can read the password in {}: chmod "
                    "o= {}",
                    file.string(), file.string()));
  }
  return {};
}

}  // namespace waybill::app
