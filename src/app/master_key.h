// The master key opens every stored secret (crypto::SecretBox). It is master.key in the data
// directory; the database holds a check, a known text sealed with it, by which a wrong key is
// noticed at start.
//
// A rotation makes master.key.next, seals everything with it in one transaction, check included,
// and then renames it to master.key. At every instant one of the two files is the key of the
// database, and the check tells which: whatever opens the key next finishes or forgets what was cut
// short.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/result.h"
#include "crypto/secret_box.h"
#include "store/connection.h"

namespace waybill::app {

// The path of the key in a data directory.
std::filesystem::path master_key_file(const std::filesystem::path& folder);

// Whose database it is: one hub's own, or that of several nodes, each of which has a copy of the
// key. It decides what an operator is advised.
enum class Nodes { kOne, kMany };

// Reads the key of the database that `connection` writes to, and makes one if it was never used.
// Requires: the tables are there (store::migrate()), and the folder belongs to this process.
//
// Fails as Connection::query(), write_file(), and with kInvalid:
//   master_key_missing        there are secrets, but not the key that sealed them
//   master_key_wrong          the key is not the one that sealed them
//   data_directory_unusable   the file is damaged
Result<crypto::SecretBox> open_master_key(const std::filesystem::path& folder,
                                          store::Connection& connection, Nodes nodes = Nodes::kOne);

// Opens it without changing anything. `connection` may be one that only reads. Fails likewise, and
// with kNotFound (master_key_unused) for a database that no hub has used.
Result<crypto::SecretBox> look_at_master_key(const std::filesystem::path& folder,
                                             store::Connection& connection,
                                             Nodes nodes = Nodes::kOne);

// What comes next in a rotation.
enum class RotationStep { kMakeKey, kReseal, kCommit, kReplaceKey, kDone };
using BeforeStep = std::function<void(RotationStep step)>;

// Seals everything with a new key, and removes the old one. Returns how many texts were sealed.
// Requires: as open_master_key(), and that no hub runs on the database. `before` is for tests,
// which end the process there. Fails as open_master_key(), and with kInternal if a stored secret
// does not open: then nothing has changed.
Result<std::int64_t> rotate_master_key(
    const std::filesystem::path& folder, store::Connection& connection, Nodes nodes = Nodes::kOne,
    const BeforeStep& before = [](RotationStep) {});

}  // namespace waybill::app
