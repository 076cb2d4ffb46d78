#include "app/cli/help.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "app/cli/parser.h"

namespace waybill::app::cli {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kLeftMax = 30;

using Entries = std::vector<std::pair<std::string, std::string>>;

// Breaks `text` into lines that begin at column `indent`. Line breaks in it are kept.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(" \n");
    const std::string_view word = text.substr(0, end);
    if (column > indent && column + 1 + word.size() > kColumns) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    if (end == std::string_view::npos) break;
    if (text[end] == '\n') {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    }
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string two_columns(const Entries& entries) {
  std::size_t width = 0;
  for (const auto& [left, right] : entries) {
    if (left.size() <= kLeftMax) width = std::max(width, left.size());
  }
  std::string out;
  for (const auto& [left, right] : entries) {
    out += "  " + left;
    if (left.size() > width) {
      out += '\n' + std::string(width + 4, ' ');
    } else {
      out += std::string(width - left.size() + 2, ' ');
    }
    out += wrapped(right, width + 4) + '\n';
  }
  return out;
}

std::string left_of(const Argument& argument) {
  if (argument.placeholder.empty()) return std::string(argument.name);
  return fmt::format("{} {}", argument.name, argument.placeholder);
}

}  // namespace

std::string usage_line(const Command& command) {
  std::string line = "waybill " + command.name;
  bool has_options = false;
  for (const Argument& argument : all_arguments(command)) {
    if (argument.is_positional()) {
      line += argument.required ? fmt::format(" {}", argument.name)
                                : fmt::format(" [{}]", argument.name);
    } else if (argument.required) {
      line += " " + left_of(argument);
    } else {
      has_options = true;
    }
  }
  return has_options ? line + " [options]" : line;
}

std::string command_help(const Command& command) {
  std::string out = fmt::format("{}\n\nUsage: {}\n", command.summary, usage_line(command));
  if (!command.details.empty()) out += "\n" + wrapped(command.details, 0) + "\n";

  Entries positional, options;
  for (const Argument& argument : all_arguments(command)) {
    if (argument.hidden) continue;
    std::string help(argument.help);
    if (argument.required && !argument.is_positional()) help += " (required)";
    (argument.is_positional() ? positional : options).emplace_back(left_of(argument), help);
  }
  if (!positional.empty()) out += "\nArguments:\n" + two_columns(positional);
  if (!options.empty()) out += "\nOptions:\n" + two_columns(options);
  if (!command.example.empty()) out += fmt::format("\nExample:\n  waybill {}\n", command.example);
  return out;
}

std::string group_help(const CommandGroup& group) {
  std::string out =
      fmt::format("{}\n\nUsage: waybill {} COMMAND\n\nCommands:\n", group.summary, group.name);
  Entries entries;
  for (const Command& command : group.commands) {
    entries.emplace_back(command.name.substr(group.name.size() + 1), std::string(command.summary));
  }
  out += two_columns(entries);
  out += fmt::format("\nwaybill {} COMMAND --help tells more, with an example.\n", group.name);
  return out;
}

std::string program_help(const std::vector<CommandGroup>& groups) {
  std::string out =
      "Waybill takes orders in, exactly once, and tells every subscriber by a signed webhook.\n\n"
      "Usage: waybill COMMAND\n\nCommands:\n";
  Entries entries;
  for (const CommandGroup& group : groups) {
    entries.emplace_back(std::string(group.name), std::string(group.summary));
  }
  out += two_columns(entries);
  out +=
      "\nEvery command takes --help, and most --json, for the answer as JSON. What asks a running "
      "hub "
      "asks\nthe one of this machine, or the one that --url and --token name.\n\nEnvironment:\n";
  out += two_columns({
      {"WAYBILL_URL", "the hub's address, as --url"},
      {"WAYBILL_TOKEN", "an admin token or an API key, as --token"},
      {"WAYBILL_CA_FILE", "certificates to trust an https:// hub by, as --ca-file"},
      {"WAYBILL_WORKSPACE", "the workspace's slug, as --workspace"},
      {"WAYBILL_DATA",
       "the data directory of the hub on this machine, where its address and its "
       "admin token are found"},
  });
  return out;
}

}  // namespace waybill::app::cli
