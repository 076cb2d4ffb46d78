// Reads the words of a command line into an Invocation: which command, and what its arguments are.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/cli/command.h"

namespace waybill::app::cli {

struct Invocation {
  const Command* command = nullptr;
  // By Argument::name. A flag that was given has one empty value.
  std::map<std::string, std::vector<std::string>, std::less<>> arguments;
};

// A text to print instead of running anything.
struct HelpWanted {
  std::string text;
  bool asked = true;  // False: a command is missing, which is an error.
};

// `words` are without the program's name. `groups` outlive the result.
// Fails with kInvalid (kUsage) and a message that says what to type instead.
Result<std::variant<Invocation, HelpWanted>> parse_command_line(
    const std::vector<CommandGroup>& groups, std::vector<std::string> words);

// All arguments of a command: its own, then those that its kind gets.
std::vector<Argument> all_arguments(const Command& command);

// The candidate nearest to what was typed, or an empty text if none is near.
std::string nearest_word(std::string_view typed, const std::vector<std::string>& candidates);

}  // namespace waybill::app::cli
