#include "app/cli/local_hub.h"

#include <array>
#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "app/data_directory.h"
#include "app/master_key.h"

namespace waybill::app::cli {
namespace fs = std::filesystem;
namespace {

std::string name_of(uid_t user) {
  const passwd* entry = ::getpwuid(user);  // NOLINT(concurrency-mt-unsafe): there is one thread.
  return entry == nullptr ? std::to_string(user) : entry->pw_name;
}

}  // namespace

Result<LoadedSettings> hub_settings(const Session& session) {
  constexpr std::array<std::pair<const char*, const char*>, 3> settings = {
      {{"--data", "data"},
       {"--database", "database"},
       {"--database-password-file", "database_password_file"}}};
  std::map<std::string, std::string, std::less<>> flags;
  for (const auto& [argument, setting] : settings) {
    if (const auto given = session.value(argument)) flags.emplace(setting, *given);
  }
  auto loaded = load_hub_settings(std::move(flags), session.environment());
  if (!loaded) return usage_error(loaded.error().message);
  for (const std::string& warning : loaded->warnings) session.note(warning);
  return loaded;
}

Result<void> check_owner(const Settings& settings, const fs::path& folder) {
  // What is there for certain once a hub was.
  const fs::path file = settings.database ? master_key_file(folder) : database_file(folder);
  struct stat found{};
  if (::stat(file.c_str(), &found) != 0) {
    return fail(Code::kNotFound, "data_directory_unused",
                fmt::format("There is no {}: name the hub's data directory with --data or "
                            "WAYBILL_DATA.",
                            file.string()));
  }
  if (found.st_uid == ::geteuid()) return {};
  return fail(Code::kForbidden, "data_directory_foreign",
              fmt::format("{} belongs to the user {}: run this as that user.", folder.string(),
                          name_of(found.st_uid)));
}

}  // namespace waybill::app::cli
