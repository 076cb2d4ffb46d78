#include "app/cli/program.h"

#include <iostream>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/parser.h"
#include "app/cli/session.h"
#include "base/json.h"

namespace waybill::app::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kMisused = 2;

int report(const Error& error, bool as_json) {
  if (error.reason == kUsage) {
    std::cerr << "waybill: " << printable(error.message, /*keep_lines=*/true) << std::endl;
    return kMisused;
  }
  if (as_json) {
    json::object problem{{"code", error.reason}, {"detail", error.message}};
    if (!error.path.empty()) problem["path"] = error.path;
    std::cerr << write_json(problem) << std::endl;
    return kFailed;
  }
  const std::string where = error.path.empty() ? "" : " at " + error.path;
  std::cerr << "waybill: " << printable(error.reason + where) << ": " << printable(error.message)
            << std::endl;
  return kFailed;
}

}  // namespace

int run_program(std::vector<std::string> words, const Environment& environment) {
  auto parsed = parse_command_line(all_commands(), std::move(words));
  if (!parsed) return report(parsed.error(), /*as_json=*/false);
  if (const HelpWanted* help = std::get_if<HelpWanted>(&*parsed)) {
    (help->asked ? std::cout : std::cerr) << help->text << std::flush;
    return help->asked ? 0 : kMisused;
  }
  Session session(std::move(std::get<Invocation>(*parsed)), environment);
  const auto done = session.invocation().command->run(session);
  return done ? 0 : report(done.error(), session.wants_json());
}

}  // namespace waybill::app::cli
