// The DataDirectory is the folder that a hub keeps everything in. It belongs to one running hub.
//
//   master.key      32 random bytes, base64: opens every stored secret (app/master_key.h)
//   admin.token     lets the command line in
//   node.id         who this hub is among others, the same after a restart
//   waybill.sqlite  the database, unless it is on a PostgreSQL server
//   database.moved  says where its records were copied to (app/database.h)
//   backup.sqlite   the last backup, until `waybill backup` has taken it away
//   waybill.toml    settings, if the operator has put them there
//   hub.lock        held while a hub runs; holds its process id
//   hub.url         where the running hub listens; gone when it has stopped
//   hub.pem         the certificate it serves with, if it does; gone likewise
//
// Nodes of one hub have a folder each, and in it copies of one master.key and one admin.token.
//
// The folder is made with mode 0700, the files with 0600. Whoever has master.key and the database
// has every secret, so a copy of one is kept apart from a copy of the other.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"

namespace waybill::app {

// The path of each file in `folder`.
std::filesystem::path token_file(const std::filesystem::path& folder);
std::filesystem::path url_file(const std::filesystem::path& folder);
std::filesystem::path database_file(const std::filesystem::path& folder);
std::filesystem::path certificate_file(const std::filesystem::path& folder);

// True if others than the owner may read or write `file`.
bool is_open_to_others(const std::filesystem::path& file);

class DataDirectory {
 public:
  // Takes the folder for this process, and makes what is missing of the folder, its token and its
  // id.
  //
  // Fails with
  //   kConflict     data_directory_in_use     another hub runs on it; the message names its process
  //   kInvalid      data_directory_unusable   it is no folder, or one of its files is damaged
  //   kForbidden, kUnavailable                its files cannot be made, for the reason told
  static Result<DataDirectory> open(const std::filesystem::path& folder);

  DataDirectory(DataDirectory&&) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;
  // Removes hub.url and hub.pem, and lets go of the folder.
  ~DataDirectory();

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path backup_file() const { return folder_ / "backup.sqlite"; }
  const Secret& admin_token() const { return admin_token_; }
  const Uuid& node() const { return node_; }
  // What an operator should mend: files that others can read. Sentences.
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Tells the command line where this hub listens. Fails as write_file() (app/files.h).
  Result<void> publish_url(const std::string& url);
  // Tells it whom it may take for this hub. Fails as write_file().
  Result<void> publish_certificate(const std::string& chain_pem);

 private:
  DataDirectory(std::filesystem::path folder, int lock, Secret admin_token, Uuid node);

  std::filesystem::path folder_;
  int lock_;  // The descriptor of hub.lock, or -1 once moved from.
  Secret admin_token_;
  Uuid node_;
  std::vector<std::string> warnings_;
};

}  // namespace waybill::app
