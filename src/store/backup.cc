#include "store/backup.h"

#include <system_error>
#include <utility>

namespace waybill::store {
namespace fs = std::filesystem;

Backup::Backup(Database& database, fs::path file) : database_(database), file_(std::move(file)) {
  fs::path part = file_;
  part += ".part";
  std::error_code ignored;
  fs::remove(part, ignored);
}

Task<Result<std::uintmax_t>> Backup::make() {
  if (running_) {
    co_return fail(Code::kConflict, "backup_running", "A backup is being made; wait for its end.");
  }
  running_ = true;
  // As a unit that reads: it takes one of the readers, and no writer.
  auto made = co_await database_.read([&](Connection& connection) -> Result<std::uintmax_t> {
    WAYBILL_TRY(connection.copy_to(file_, stop_.get_token()));
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(file_, error);
    if (error) return fail(Code::kUnavailable, "backup_failed", error.message());
    return bytes;
  });
  running_ = false;
  co_return made;
}

}  // namespace waybill::store
