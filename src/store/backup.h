// The Backup is a copy of the database, made while the hub works. There is one file for it, which
// each new copy replaces, so that backups that nobody fetches do not fill the disk.
//
// It holds the database alone. The secrets in it open only with the master key of its time.
//
// Used from the thread of the io_context.

#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>

#include "base/result.h"
#include "base/task.h"
#include "store/database.h"

namespace waybill::store {

class Backup {
 public:
  // Removes what a copy that was cut short has left of `file`.
  Backup(Database& database, std::filesystem::path file);

  // Copies all that was committed before the call, and returns the number of bytes.
  // Fails with kConflict (backup_running), as Database::read() and as Connection::copy_to().
  Task<Result<std::uintmax_t>> make();

  // Ends one that is being made, and lets none begin.
  void stop() { stop_.request_stop(); }

  const std::filesystem::path& file() const { return file_; }

 private:
  Database& database_;
  const std::filesystem::path file_;
  std::stop_source stop_;
  bool running_ = false;
};

}  // namespace waybill::store
