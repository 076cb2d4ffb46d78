#include "app/cli/parser.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/commands.h"
#include "app/cli/help.h"

namespace waybill::app::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

Invocation parsed(Words words) {
  auto result = parse_command_line(all_commands(), std::move(words));
  if (!result) {
    ADD_FAILURE() << result.error().message;
    return {};
  }
  if (!std::holds_alternative<Invocation>(*result)) {
    ADD_FAILURE() << "help was printed";
    return {};
  }
  return std::get<Invocation>(*result);
}

std::string refusal(Words words) {
  const auto result = parse_command_line(all_commands(), std::move(words));
  if (result) {
    ADD_FAILURE() << "it was taken";
    return "";
  }
  EXPECT_EQ(result.error().reason, kUsage);
  return result.error().message;
}

HelpWanted help(Words words) {
  const auto result = parse_command_line(all_commands(), std::move(words));
  if (!result || !std::holds_alternative<HelpWanted>(*result)) {
    ADD_FAILURE() << "no help";
    return {};
  }
  return std::get<HelpWanted>(*result);
}

TEST(Parser, ReadsPositionalArgumentsOptionsAndFlags) {
  const Invocation invocation = parsed(
      {"workspace", "create", "acme", "--name", "Acme Ltd", "--environment=sandbox", "--json"});

  EXPECT_EQ(invocation.command->name, "workspace create");
  EXPECT_THAT(invocation.arguments.at("SLUG"), ElementsAre("acme"));
  EXPECT_THAT(invocation.arguments.at("--name"), ElementsAre("Acme Ltd"));
  EXPECT_THAT(invocation.arguments.at("--environment"), ElementsAre("sandbox"));
  EXPECT_TRUE(invocation.arguments.contains("--json"));
  EXPECT_FALSE(invocation.arguments.contains("--token"));
}

TEST(Parser, TakesValuesAsTheyAre) {
  struct Case {
    const char* value;
  };
  for (const Case c :
       {Case{""}, Case{"*"}, Case{"[1,2]"}, Case{R"({"a": [1, "b,c"]})"}, Case{"a=b"}, Case{"-"},
        Case{"%%"}, Case{"two words"}, Case{"ä"}, Case{"\"quoted\""}}) {
    const Invocation invocation = parsed({"event", "publish", "--type", "a.b", "--data", c.value});
    EXPECT_THAT(invocation.arguments.at("--data"), ElementsAre(c.value));
  }
  const Invocation dash = parsed({"event", "publish", "--type", "a.b", "--data=-5"});
  EXPECT_THAT(dash.arguments.at("--data"), ElementsAre("-5"));
}

TEST(Parser, CollectsRepeatedOptions) {
  const Invocation invocation = parsed({"verify", "--dialect", "d", "--secret", "s", "--body", "-",
                                        "--header", "A: 1", "--header", "B: 2, 3"});

  EXPECT_THAT(invocation.arguments.at("--header"), ElementsAre("A: 1", "B: 2, 3"));
}

TEST(Parser, TakesTheHubsOptionsBeforeTheCommandToo) {
  const Invocation invocation =
      parsed({"--json", "--url", "http://hub:1", "--token=t", "--ca-file", "ca.pem", "endpoint",
              "create", "--dialect", "d", "--url", "https://x"});

  EXPECT_THAT(invocation.arguments.at("--hub"), ElementsAre("http://hub:1"));
  EXPECT_THAT(invocation.arguments.at("--url"), ElementsAre("https://x"));
  EXPECT_THAT(invocation.arguments.at("--token"), ElementsAre("t"));
  EXPECT_THAT(invocation.arguments.at("--ca-file"), ElementsAre("ca.pem"));
  EXPECT_TRUE(invocation.arguments.contains("--json"));
}

TEST(Parser, SaysWhatIsMeantByAMistypedWord) {
  EXPECT_THAT(refusal({"workspcae", "list"}), HasSubstr("Did you mean 'workspace'?"));
  EXPECT_THAT(refusal({"endpoint", "lst"}), HasSubstr("Did you mean 'list'?"));
  EXPECT_THAT(refusal({"endpoint", "rotate"}), HasSubstr("Did you mean 'rotate-secret'?"));
  EXPECT_THAT(refusal({"serve", "--lisen", "x"}), HasSubstr("Did you mean '--listen'?"));
  EXPECT_THAT(refusal({"serve", "--allow-private"}),
              HasSubstr("Did you mean '--allow-private-networks'?"));
  EXPECT_THAT(refusal({"xyzzy"}), Not(HasSubstr("Did you mean")));
}

TEST(Parser, SaysWhatIsMissingOrTooMuch) {
  EXPECT_THAT(refusal({"workspace", "create"}), HasSubstr("SLUG is missing"));
  EXPECT_THAT(refusal({"supplier", "create"}), HasSubstr("--name is missing"));
  EXPECT_THAT(refusal({"workspace", "show", "a", "b"}), HasSubstr("one word too many: 'b'"));
  EXPECT_THAT(refusal({"order", "list", "--limit"}), HasSubstr("--limit"));
  EXPECT_THAT(refusal({"--loud", "order", "list"}), HasSubstr("--loud"));
}

TEST(Parser, GivesHelpWhereverItIsAskedFor) {
  EXPECT_THAT(help({"--help"}).text, HasSubstr("Commands:"));
  EXPECT_THAT(help({"help"}).text, HasSubstr("Commands:"));
  EXPECT_THAT(help({"endpoint", "-h"}).text, HasSubstr("rotate-secret"));
  EXPECT_THAT(help({"help", "endpoint", "pause"}).text, HasSubstr("ENDPOINT"));
  EXPECT_THAT(help({"endpoint", "pause", "--help"}).text, HasSubstr("Example:"));
  EXPECT_TRUE(help({"endpoint", "--help"}).asked);
  EXPECT_FALSE(help({"endpoint"}).asked);
  EXPECT_FALSE(help({}).asked);
}

// The lists that the parser and the help are made from.
TEST(Commands, HaveHelpAndAnExampleThatParses) {
  for (const CommandGroup& group : all_commands()) {
    EXPECT_FALSE(group.summary.empty()) << group.name;
    for (const Command& command : group.commands) {
      EXPECT_FALSE(command.summary.ends_with('.')) << command.name;
      EXPECT_TRUE(command.run != nullptr) << command.name;
      ASSERT_TRUE(command.example.starts_with(command.name)) << command.name;
      // As a shell would cut it, which is enough for quotation marks around single words.
      Words words;
      std::string word;
      char quote = '\0';
      for (const char c : std::string(command.example) + " ") {
        if (quote == '\0' && (c == '\'' || c == '"')) {
          quote = c;
        } else if (c == quote && quote != '\0') {
          quote = '\0';
        } else if (c == ' ' && quote == '\0') {
          if (!word.empty()) words.push_back(word);
          word.clear();
        } else {
          word += c;
        }
      }
      EXPECT_EQ(parsed(words).command, &command) << command.example;
    }
  }
}

TEST(Commands, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const CommandGroup& group : all_commands()) {
    for (const Command& command : group.commands) {
      EXPECT_TRUE(names.insert(command.name).second) << command.name;
      EXPECT_TRUE(command.name.starts_with(group.name)) << command.name;
      std::set<std::string_view> arguments;
      for (const Argument& argument : all_arguments(command)) {
        EXPECT_TRUE(arguments.insert(argument.name).second) << command.name << " " << argument.name;
      }
    }
  }
}

TEST(Help, FitsATerminalAndNamesEveryArgument) {
  for (const CommandGroup& group : all_commands()) {
    for (const Command& command : group.commands) {
      const std::string text = command_help(command);
      for (const Argument& argument : command.arguments) {
        EXPECT_THAT(text, HasSubstr(std::string(argument.name))) << command.name;
      }
      // Usage lines and examples are to be copied, and stay in one piece.
      const std::size_t begin = text.find("\n\n", text.find("Usage:"));
      const std::string kept = text.substr(begin, text.find("\nExample:") - begin);
      for (std::size_t at = 0; at < kept.size();) {
        const std::size_t end = std::min(kept.find('\n', at), kept.size());
        EXPECT_LE(end - at, 100u) << command.name << ": " << kept.substr(at, end - at);
        at = end + 1;
      }
    }
  }
}

TEST(NearestWord, FindsSlipsAndBeginningsAndNothingElse) {
  const Words words = {"workspace", "endpoint", "event", "dead-letter"};
  EXPECT_EQ(nearest_word("endpiont", words), "endpoint");
  EXPECT_EQ(nearest_word("works", words), "workspace");
  EXPECT_EQ(nearest_word("deadletter", words), "dead-letter");
  EXPECT_EQ(nearest_word("supercalifragilistic", words), "");
}

}  // namespace
}  // namespace waybill::app::cli
