// A Command of the command line is data: its name, its arguments, its help, and the function that
// runs it. From the list of all commands (cli/commands.h) come the parser and every help text.
//
// To add one: an entry in the file of its noun (cli/NOUN_commands.cc). To add a noun: a file, and a
// line in cli/commands.cc.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waybill::app::cli {

class Session;

struct Argument {
  std::string_view name = {};         // "--events", or "ENDPOINT": one in capitals has no dashes.
  std::string_view placeholder = {};  // "A,B". Empty for a flag, and for what has no dashes.
  std::string_view help = {};         // A sentence without its full stop.
  bool required = false;
  bool repeated = false;  // May be given several times, or as a list with commas.
  bool hidden = false;    // Not in the help.

  bool is_positional() const { return !name.starts_with('-'); }
  bool is_flag() const { return !is_positional() && placeholder.empty(); }
};

// What lists by time take.
inline constexpr Argument kSince{
    .name = "--since",
    .placeholder = "TIME",
    .help = "Only newer ones: a time in RFC 3339, or so long ago (1h, 7d)"};
inline constexpr Argument kUntil{
    .name = "--until", .placeholder = "TIME", .help = "Only older ones, likewise"};

struct Command {
  std::string name = {};  // "endpoint rotate-secret"
  std::string_view summary = {};
  std::string_view details = {};  // More, below the summary. May be empty.
  std::string_view example = {};  // A line that works, without "waybill ".
  std::vector<Argument> arguments = {};
  // What it gets beside its own arguments: --json; --url, --token and --ca-file; --workspace;
  // --limit,
  // --cursor and --all.
  bool has_answer = true;
  bool asks_hub = true;
  bool in_workspace = false;
  bool is_list = false;
  // Fails with what is told to the user. The reason kUsage ends with status 2, others with 1.
  Result<void> (*run)(Session& session) = nullptr;
};

// A noun, and what can be done with it: `waybill endpoint …`. A command without a noun is a group
// of its own, whose only command has the group's name.
struct CommandGroup {
  std::string_view name = {};
  std::string_view summary = {};
  std::vector<Command> commands = {};
};

// The reason of an error that the user makes when typing.
inline constexpr std::string_view kUsage = "usage";

inline std::unexpected<Error> usage_error(std::string message) {
  return fail(Code::kInvalid, kUsage, std::move(message));
}

}  // namespace waybill::app::cli
