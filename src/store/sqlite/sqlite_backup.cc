#include "store/sqlite/sqlite_backup.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <memory>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

namespace waybill::store {
namespace {
namespace fs = std::filesystem;

constexpr int kPagesPerStep = 256;  // Between two looks at `stop`.
constexpr mode_t kFileMode = 0600;
// What the hub itself may need meanwhile: its WAL grows.
constexpr std::uintmax_t kRoomLeftMin = 64ull * 1024 * 1024;

std::unexpected<Error> failed(const fs::path& file, std::string_view why) {
  return fail(Code::kUnavailable, "backup_failed",
              fmt::format("{} cannot be written: {}.", file.string(), why));
}
std::unexpected<Error> failed(const fs::path& file, int error) {
  return failed(file, std::generic_category().message(error));
}

Result<std::int64_t> number(sqlite3* database, const char* pragma) {
  sqlite3_stmt* statement = nullptr;
  std::int64_t value = -1;
  if (sqlite3_prepare_v2(database, pragma, -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    value = sqlite3_column_int64(statement, 0);
  }
  sqlite3_finalize(statement);
  if (value >= 0) return value;
  return fail(Code::kInternal, "database_error", sqlite3_errmsg(database));
}

// A backup that fills the disk would take the hub down.
Result<void> check_room(sqlite3* source, const fs::path& file) {
  const auto pages = number(source, "PRAGMA page_count");
  const auto page_size = number(source, "PRAGMA page_size");
  if (!pages || !page_size) return fail((pages ? page_size : pages).error());
  const auto needed = static_cast<std::uintmax_t>(*pages * *page_size);
  std::error_code error;
  const fs::space_info space = fs::space(file.parent_path(), error);
  if (error || space.available >= needed + kRoomLeftMin) return {};
  return fail(Code::kUnavailable, "backup_no_room",
              fmt::format("The backup takes {} MiB, and the disk of {} has {} MiB free.",
                          needed / 1024 / 1024, file.parent_path().string(),
                          space.available / 1024 / 1024));
}

Result<void> copy_pages(sqlite3* source, const fs::path& file, const std::stop_token& stop) {
  sqlite3* raw = nullptr;
  const int opened =
      sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close_v2)> target(raw, sqlite3_close_v2);
  if (opened != SQLITE_OK) return failed(file, sqlite3_errstr(opened));
  // The file is nobody's until it is renamed, and is synced before: no journal is needed.
  sqlite3_exec(raw, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nullptr, nullptr, nullptr);
  sqlite3_backup* backup = sqlite3_backup_init(raw, "main", source, "main");
  if (backup == nullptr) return failed(file, sqlite3_errmsg(raw));
  int code = SQLITE_OK;
  while (code == SQLITE_OK && !stop.stop_requested()) {
    code = sqlite3_backup_step(backup, kPagesPerStep);
  }
  sqlite3_backup_finish(backup);
  if (code == SQLITE_DONE) return {};
  if (code != SQLITE_OK) return failed(file, sqlite3_errstr(code));
  return fail(Code::kUnavailable, "backup_stopped", "The hub stops: the backup was not finished.");
}

Result<void> sync(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) return failed(path, errno);
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (error != 0) return failed(path, error);
  return {};
}

// SQLite would make it with the mode of its own.
Result<void> make_empty(const fs::path& file) {
  ::unlink(file.c_str());
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode);
  if (descriptor < 0) return failed(file, errno);
  ::close(descriptor);
  return {};
}

Result<void> write_copy(sqlite3* source, const fs::path& part, const fs::path& file,
                        const std::stop_token& stop) {
  WAYBILL_TRY(check_room(source, file));
  WAYBILL_TRY(make_empty(part));
  WAYBILL_TRY(copy_pages(source, part, stop));
  WAYBILL_TRY(sync(part, O_RDONLY));
  if (::rename(part.c_str(), file.c_str()) != 0) return failed(file, errno);
  return sync(file.parent_path(), O_RDONLY | O_DIRECTORY);
}

}  // namespace

Result<void> copy_database(sqlite3* source, const fs::path& file, const std::stop_token& stop) {
  fs::path part = file;
  part += ".part";
  auto written = write_copy(source, part, file, stop);
  if (!written) ::unlink(part.c_str());
  return written;
}

}  // namespace waybill::store
