#include "app/cli/parser.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "app/cli/help.h"

namespace waybill::app::cli {
namespace {

constexpr Argument kJson{.name = "--json", .help = "Prints the answer as JSON"};
constexpr Argument kUrl{.name = "--url",
                        .placeholder = "URL",
                        .help = "The hub's address; default: WAYBILL_URL, or this machine's hub"};
// Where --url is what the command is about (an endpoint's address), the hub is --hub.
constexpr Argument kHub{.name = "--hub", .placeholder = "URL", .help = kUrl.help};
constexpr Argument kToken{
    .name = "--token",
    .placeholder = "TOKEN",
    .help = "An admin token or API key; default: WAYBILL_TOKEN, or this machine's hub's"};
constexpr Argument kCaFile{
    .name = "--ca-file",
    .placeholder = "FILE",
    .help = "Certificates to trust an https:// hub by, in PEM; default: WAYBILL_CA_FILE"};
constexpr Argument kWorkspace{
    .name = "--workspace",
    .placeholder = "SLUG",
    .help = "The workspace; default: WAYBILL_WORKSPACE, or the only one there is"};
constexpr Argument kLimit{
    .name = "--limit", .placeholder = "N", .help = "How many at most; default: 50"};
constexpr Argument kCursor{.name = "--cursor",
                           .placeholder = "CURSOR",
                           .help = "Goes on after the page that ended with this next_cursor"};
constexpr Argument kAll{.name = "--all", .help = "Lists all, page after page"};

// The number of letters to insert, remove or replace.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string suggestion(std::string_view typed, const std::vector<std::string>& candidates) {
  const std::string near = nearest_word(typed, candidates);
  return near.empty() ? "" : fmt::format(" Did you mean '{}'?", near);
}

bool is_help(std::string_view word) { return word == "--help" || word == "-h"; }

std::vector<std::string> option_names(const Command& command) {
  std::vector<std::string> names{"--help"};
  for (const Argument& argument : all_arguments(command)) {
    if (!argument.is_positional()) names.emplace_back(argument.name);
  }
  return names;
}

// CLI11 writes for its own help; these are in our words.
Error describe(const Command& command, const CLI::ParseError& error,
               const std::vector<std::string>& remaining) {
  const std::string hint =
      fmt::format("\nUsage: {}\nMore: waybill {} --help", usage_line(command), command.name);
  const auto say = [&](std::string message) {
    return Error(Code::kInvalid, kUsage, std::move(message) + hint);
  };
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !remaining.empty()) {
    const std::string& word = remaining.front();
    if (!word.starts_with('-')) return say(fmt::format("There is one word too many: '{}'.", word));
    const std::string name = word.substr(0, word.find('='));
    return say(
        fmt::format("There is no option {}.{}", name, suggestion(name, option_names(command))));
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    for (const Argument& argument : command.arguments) {
      if (argument.required &&
          std::string_view(error.what()).find(argument.name) != std::string_view::npos) {
        return say(fmt::format("{} is missing: {}.", argument.name, argument.help));
      }
    }
  }
  return say(fmt::format("{}.", error.what()));
}

Result<Invocation> parse_arguments(const Command& command, std::vector<std::string> words) {
  // CLI11 calls positional arguments and options alike by their names.
  CLI::App app;
  app.set_help_flag();
  const std::vector<Argument> arguments = all_arguments(command);
  std::vector<CLI::Option*> options;
  for (const Argument& argument : arguments) {
    const std::string name(argument.name);
    if (argument.is_flag()) {
      options.push_back(app.add_flag(name));
      continue;
    }
    // Without a variable: for one that is a vector, CLI11 takes "[1,2]" for a list of two values.
    CLI::Option* option = app.add_option(name, [](const CLI::results_t&) { return true; });
    option->type_size(1)->expected(1)->allow_extra_args(false)->required(argument.required);
    option->multi_option_policy(argument.repeated ? CLI::MultiOptionPolicy::TakeAll
                                                  : CLI::MultiOptionPolicy::Throw);
    options.push_back(option);
  }
  try {
    // CLI11 takes them from the back.
    std::reverse(words.begin(), words.end());
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return fail(describe(command, error, app.remaining()));
  }
  Invocation invocation;
  invocation.command = &command;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (options[i]->count() == 0) continue;
    auto values = arguments[i].is_flag() ? std::vector<std::string>{""} : options[i]->results();
    invocation.arguments.emplace(arguments[i].name, std::move(values));
  }
  return invocation;
}

const CommandGroup* find_group(const std::vector<CommandGroup>& groups, std::string_view name) {
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [&](const CommandGroup& group) { return group.name == name; });
  return found == groups.end() ? nullptr : &*found;
}

// --json, --url, --token, --ca-file and --workspace may stand before the command, too; they are
// moved behind it.
Result<std::vector<std::string>> move_leading_options(std::vector<std::string>& words) {
  std::vector<std::string> leading;
  while (!words.empty() && words.front().starts_with('-') && !is_help(words.front())) {
    // Here it can only be the hub's.
    if (words.front() == kUrl.name || words.front().starts_with("--url=")) {
      words.front().replace(0, kUrl.name.size(), kHub.name);
    }
    const std::string word = words.front();
    const bool takes_value =
        word == kHub.name || word == kToken.name || word == kCaFile.name || word == kWorkspace.name;
    const bool known = takes_value || word == kJson.name || word.starts_with("--hub=") ||
                       word.starts_with("--token=") || word.starts_with("--ca-file=") ||
                       word.starts_with("--workspace=");
    if (!known) {
      return usage_error(fmt::format(
          "There is no option {} here: options follow their command.\nMore: waybill --help", word));
    }
    const std::size_t count = takes_value ? 2 : 1;
    if (words.size() < count) return usage_error(fmt::format("{} needs a value.", word));
    leading.insert(leading.end(), words.begin(),
                   words.begin() + static_cast<std::ptrdiff_t>(count));
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return leading;
}

}  // namespace

std::vector<Argument> all_arguments(const Command& command) {
  std::vector<Argument> arguments = command.arguments;
  if (command.is_list) arguments.insert(arguments.end(), {kLimit, kCursor, kAll});
  if (command.in_workspace) arguments.push_back(kWorkspace);
  if (command.has_answer) arguments.push_back(kJson);
  if (command.asks_hub) {
    Argument hub = kHub;
    hub.hidden = std::none_of(command.arguments.begin(), command.arguments.end(),
                              [](const Argument& own) { return own.name == kUrl.name; });
    if (hub.hidden) arguments.push_back(kUrl);
    arguments.insert(arguments.end(), {hub, kToken, kCaFile});
  }
  return arguments;
}

std::string nearest_word(std::string_view typed, const std::vector<std::string>& candidates) {
  for (const std::string& candidate : candidates) {
    if (typed.size() >= 3 && candidate.starts_with(typed)) return candidate;
  }
  std::string best;
  std::size_t best_distance = typed.size() / 3 + 2;  // That far, and it is another word.
  for (const std::string& candidate : candidates) {
    const std::size_t far = distance(typed, candidate);
    if (far >= best_distance) continue;
    best = candidate;
    best_distance = far;
  }
  return best;
}

Result<std::variant<Invocation, HelpWanted>> parse_command_line(
    const std::vector<CommandGroup>& groups, std::vector<std::string> words) {
  auto leading = move_leading_options(words);
  if (!leading) return fail(leading.error());
  // `waybill help endpoint list` is `waybill endpoint list --help`.
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  if (words.empty()) return HelpWanted{program_help(groups), /*asked=*/false};
  if (is_help(words.front())) return HelpWanted{program_help(groups)};
  if (words.front() == "--version") words.front() = "version";

  const CommandGroup* group = find_group(groups, words.front());
  if (group == nullptr) {
    std::vector<std::string> names;
    names.reserve(groups.size());
    for (const CommandGroup& candidate : groups) names.emplace_back(candidate.name);
    return usage_error(fmt::format("There is no command '{}'.{}\nAll commands: waybill --help",
                                   words.front(), suggestion(words.front(), names)));
  }
  words.erase(words.begin());

  const Command* command = &group->commands.front();
  if (command->name != group->name) {
    if (words.empty()) return HelpWanted{group_help(*group), /*asked=*/false};
    if (is_help(words.front())) return HelpWanted{group_help(*group)};
    std::vector<std::string> names;
    command = nullptr;
    for (const Command& candidate : group->commands) {
      names.push_back(candidate.name.substr(group->name.size() + 1));
      if (names.back() == words.front()) command = &candidate;
    }
    if (command == nullptr) {
      return usage_error(
          fmt::format("There is no command '{} {}'.{}\nAll of them: waybill {} --help", group->name,
                      words.front(), suggestion(words.front(), names), group->name));
    }
    words.erase(words.begin());
  }
  // Not what stands behind "--", which is no option.
  const auto end = std::find(words.begin(), words.end(), "--");
  if (std::find_if(words.begin(), end, is_help) != end) return HelpWanted{command_help(*command)};
  // At the front, since a "--" may end the options.
  words.insert(words.begin(), leading->begin(), leading->end());
  auto invocation = parse_arguments(*command, std::move(words));
  if (!invocation) return fail(invocation.error());
  return std::move(*invocation);
}

}  // namespace waybill::app::cli
