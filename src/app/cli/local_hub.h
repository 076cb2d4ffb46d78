// What commands share that work on the data directory and the database themselves, not through a
// hub: the stopped hub's settings, and that they are run as its user.

#pragma once

#include <filesystem>

#include "app/cli/session.h"
#include "app/settings.h"
#include "base/result.h"

namespace waybill::app::cli {

inline constexpr Argument kData{
    .name = "--data",
    .placeholder = "DIR",
    .help = "The hub's data directory; default: WAYBILL_DATA, or as the hub"};
inline constexpr Argument kDatabase{
    .name = "--database",
    .placeholder = "URL",
    .help =
        "The hub's database, without a password; default: WAYBILL_DATABASE, or the hub's "
        "settings file"};
inline constexpr Argument kDatabasePasswordFile{
    .name = "--database-password-file",
    .placeholder = "FILE",
    .help =
        "A file whose first line is the password of the database; default: "
        "WAYBILL_DATABASE_PASSWORD_FILE, or the hub's settings file"};

// Of --data, --database and --database-password-file, as far as the command has them, and as
// load_hub_settings(), as which it fails.
Result<LoadedSettings> hub_settings(const Session& session);

// Fails with kNotFound (data_directory_unused) unless a hub has used the folder with these
// settings, and kForbidden (data_directory_foreign) if it belongs to another user: a key made by
// this one would be one that the hub cannot read.
Result<void> check_owner(const Settings& settings, const std::filesystem::path& folder);

}  // namespace waybill::app::cli
