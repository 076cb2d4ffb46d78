#include <filesystem>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "app/files.h"

namespace waybill::app::cli {
namespace {
namespace fs = std::filesystem;

constexpr std::chrono::hours kPatience{12};

Result<fs::path> target_of(const Session& session) {
  std::error_code error;
  fs::path file = fs::absolute(session.text("FILE"), error).lexically_normal();
  if (fs::exists(file, error)) {
    return fail(Code::kConflict, "file_exists",
                fmt::format("{} is there already; nothing is written over.", file.string()));
  }
  if (::access(file.parent_path().c_str(), W_OK) != 0) {
    return fail(Code::kForbidden, "file_unwritable",
                fmt::format("{} is no folder that you can write to.", file.parent_path().string()));
  }
  return file;
}

Result<void> back_up(Session& session) {
  // Before the hub is put to work.
  const auto file = target_of(session);
  if (!file) return fail(file.error());
  auto answer = session.put("/hub/v1/backup", kPatience);
  if (!answer) return fail(answer.error());
  json::object& made = answer->as_object();
  const std::string source(made.at("file").as_string());
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(source, error);
  if (error || bytes != made.at("bytes").to_number<std::uintmax_t>()) {
    return fail(Code::kUnavailable, "backup_elsewhere",
                fmt::format("The backup is complete, but this user on this machine cannot reach "
                            "it. It is {} on the hub's machine; take it from there.",
                            source));
  }
  WAYBILL_TRY(move_file(source, *file));
  made["file"] = file->string();
  session.print(*answer);
  session.note(
      "Without the master key of now, the secrets in it are lost: keep a copy of master.key "
      "apart.");
  return {};
}

}  // namespace

CommandGroup backup_group() {
  return {
      .name = "backup",
      .summary = "Copies the database of the running hub into a file",
      .commands = {
          {.name = "backup",
           .summary = "Copies the database of the running hub into a file",
           .details =
               "On the hub's machine, as a user who can read its data directory. The hub goes on "
               "working; all that it had accepted when the backup began is in it.\nIt holds the "
               "database alone. Keep a copy of master.key too, in another place: the secrets of "
               "endpoints open with nothing else, and whoever has both files has them all.\nTo "
               "restore: put the file as waybill.sqlite, and master.key beside it, into a new data "
               "directory, and start a hub on it.",
           .example = "backup /srv/backups/waybill.sqlite",
           .arguments = {{.name = "FILE",
                          .help = "Where to put it; no file may be there yet",
                          .required = true}},
           .run = back_up}}};
}

}  // namespace waybill::app::cli
