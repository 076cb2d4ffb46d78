// The settings that say where records are stored: how they are read, and what may be seen of them.
//
// A password is never shown. It can be in the URI, but not in a flag; in the file that
// database_password_file names; or where libpq itself looks: PGPASSWORD and ~/.pgpass.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/settings.h"
#include "base/result.h"

namespace waybill::app {

// "sqlite", or a URI. Fails with kInvalid, without what may be a password.
Result<void> read_database(Settings& settings, std::string_view text);

// What people and logs see of it: no password, no options.
std::string show_database(std::string_view text);

// True if whoever reads it learns a password.
bool database_holds_secret(std::string_view text);

// Once all settings are read: reads the password file, if there is one. Adds what an operator
// should mend to `warnings`.
// Fails with kInvalid (setting_invalid) if the file cannot be read or has no password, if there is
// one in the URI too, or if there is no server to tell it to.
Result<void> take_password(Settings& settings, std::vector<std::string>& warnings);

}  // namespace waybill::app
