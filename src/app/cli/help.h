// The texts of --help, made from the list of commands.

#pragma once

#include <string>
#include <vector>

#include "app/cli/command.h"

namespace waybill::app::cli {

std::string program_help(const std::vector<CommandGroup>& groups);
std::string group_help(const CommandGroup& group);
std::string command_help(const Command& command);

// "waybill endpoint pause ENDPOINT [options]"
std::string usage_line(const Command& command);

}  // namespace waybill::app::cli
