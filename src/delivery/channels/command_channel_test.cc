#include "delivery/channels/command_channel.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <poll.h>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "base/temporary_folder.h"
#include "delivery/channel_settings.h"
#include "delivery/channels/channel_fixture.h"

namespace waybill::delivery {
namespace {

using namespace std::chrono_literals;
using model::Outcome;

// Whether the process with the number in the file is gone, or goes soon: it has been killed, which
// the system does in its own time.
bool has_ended(const std::filesystem::path& file) {
  const auto number = static_cast<pid_t>(std::stoi(text_of(file)));
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, number, 0));
  if (process < 0) return errno == ESRCH;
  pollfd ended{process, POLLIN, 0};
  constexpr int kMillisMax = 5'000;
  const bool has = ::poll(&ended, 1, kMillisMax) == 1;
  ::close(process);
  return has;
}

class CommandChannelTest : public ChannelTest {
 protected:
  CommandChannelTest() {
    std::signal(SIGPIPE, SIG_IGN);  // As the hub does.
    endpoint.channel = model::Channel::kCommand;
    endpoint.overrides.timeout = 20s;
    std::filesystem::create_directory(programs);
  }

  std::filesystem::path script(std::string_view name, std::string_view text) {
    const auto file = programs / name;
    std::ofstream(file) << "#!/bin/sh\n" << text << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return file;
  }
  void run_by_handler(const std::filesystem::path& program, std::string_view more = "") {
    set_settings(fmt::format(R"({{"command":["{}"{}]}})", program.string(), more));
  }
  model::Attempt attempt_of(std::string_view text) {
    run_by_handler(script("program", text));
    return attempt(channel);
  }
  // Until a script has written the file.
  void run_until(const std::filesystem::path& file) {
    while (text_of(file).empty()) {
      context.restart();
      context.run_one_for(10ms);  // Nothing in the context tells of the file.
    }
  }
  void run_to_the_end() {
    context.restart();
    context.run();
  }

  TemporaryFolder folder;
  const std::filesystem::path programs = folder / "programs";
  Log log{Log::Level::kOff};
  CommandChannel channel{context, clock, log, {.folder = programs}};
};

TEST_F(CommandChannelTest, GivesTheMessageAndKeepsWhatIsWritten) {
  content.id = ids.next_id<model::MessageId>();  // As of what was fetched: not the event's.
  delivery.attempts_made = 1;
  delivery.kind = model::DeliveryKind::kReplay;
  run_by_handler(script("program", R"(cat > got; env | sort > variables; printf '%s|' "$@" > words
echo said; echo wrong >&2)"),
                 R"(,"a b","","$HOME;x")");

  const model::Attempt made = attempt(channel);

  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_EQ(made.status_code, 0);
  EXPECT_EQ(made.error, "");
  EXPECT_EQ(made.number, 2);
  EXPECT_EQ(made.response_body, "said\nwrong\n");
  EXPECT_EQ(text_of(programs / "words"), "a b||$HOME;x|");
  const auto got = parse_json(text_of(programs / "got"));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->at("body").get_string(), content.body);
  EXPECT_EQ(got->at("message").at("id").get_string(), message_id());
  EXPECT_EQ(got->at("delivery").at("attempt").get_int64(), 2);
  std::string variables;
  std::istringstream lines(text_of(programs / "variables"));
  for (std::string line; std::getline(lines, line);) {
    // Of the shell's own making.
    if (!line.starts_with("PWD=") && !line.starts_with("_=") && !line.starts_with("SHLVL=")) {
      variables += line + "\n";
    }
  }
  EXPECT_EQ(variables, fmt::format("LANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\n"
                                   "WAYBILL_ATTEMPT=2\nWAYBILL_DELIVERY_ID={}\n"
                                   "WAYBILL_EVENT_TYPE=order.updated\nWAYBILL_MESSAGE_ID={}\n"
                                   "WAYBILL_REPLAY=true\nWAYBILL_SOURCE=shop\n",
                                   delivery.id.text(), message_id()));
}

TEST_F(CommandChannelTest, GivesTheExactBytesWhereItIsAskedTo) {
  content.body = std::string("\x00\xff\n", 3);
  set_settings(fmt::format(R"({{"command":["{}"],"payload":"body"}})",
                           script("program", "cat > got").string()));
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  EXPECT_EQ(text_of(programs / "got"), content.body);
}

TEST_F(CommandChannelTest, TheExitStatusDecides) {
  struct Case {
    std::string_view script;
    Outcome outcome;
    std::optional<int> status;
    std::string_view error;
  };
  const Case cases[] = {
      {"exit 0", Outcome::kSucceeded, 0, ""},
      {"exit 1", Outcome::kRefused, 1, "It ended with exit status 1."},
      {"exit 3", Outcome::kRefused, 3, "It ended with exit status 3."},
      {"exit 64", Outcome::kRefused, 64, "It ended with exit status 64."},
      {"exit 65", Outcome::kNever, 65, "It ended with exit status 65."},
      {"exit 75", Outcome::kLater, 75, "It ended with exit status 75."},
      {"exit 255", Outcome::kRefused, 255, "It ended with exit status 255."},
      {"kill -9 $$", Outcome::kRefused, std::nullopt, "It was killed by signal 9."},
      // What the hub ignores is as usual in a program.
      {"kill -PIPE $$", Outcome::kRefused, std::nullopt, "It was killed by signal 13."}};
  for (const Case& one : cases) {
    const model::Attempt made = attempt_of(one.script);
    EXPECT_EQ(made.outcome, one.outcome) << one.script;
    EXPECT_EQ(made.status_code, one.status) << one.script;
    EXPECT_EQ(made.error, one.error) << one.script;
    EXPECT_EQ(made.retry_after, std::nullopt) << one.script;
  }
}

TEST_F(CommandChannelTest, SaysWhenItWantsTheMessageAgain) {
  const std::string at = iso_time(clock.wall_now() + 90s);
  struct Case {
    std::string output;
    std::optional<std::chrono::milliseconds> wish;
  };
  const Case cases[] = {{R"({"retry_after": 7})", 7s},
                        {R"({"retry_after": 0.25})", 250ms},
                        {R"({"retry_after": -5})", 0ms},
                        {R"({"retry_after": 1e30})", 720h},
                        {R"({"retry_after": "7"})", std::nullopt},
                        {fmt::format(R"({{"retry_at": "{}"}})", at), 90s},
                        {R"({"retry_at": "1999-01-01T00:00:00Z"})", 0ms},
                        {R"({"retry_at": "tomorrow"})", std::nullopt},
                        {R"({"other": 1})", std::nullopt},
                        {"soon", std::nullopt}};
  for (const Case& one : cases) {
    const model::Attempt made =
        attempt_of(fmt::format("echo to the log >&2; echo '{}'; exit 75", one.output));
    EXPECT_EQ(made.outcome, Outcome::kLater) << one.output;
    EXPECT_EQ(made.retry_after, one.wish) << one.output;
  }
  EXPECT_EQ(attempt_of("echo '{\"retry_after\": 7}'; exit 1").retry_after, std::nullopt);
}

TEST_F(CommandChannelTest, KeepsTheBeginningOfWhatIsWritten) {
  const model::Attempt made = attempt_of("head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2");
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_EQ(made.response_body, std::string(model::Attempt::kBodyBytesMax, 'x'));
}

// More than fits the pipe: whoever wrote it at one go would wait for ever.
TEST_F(CommandChannelTest, AProgramNeedNotReadWhatItIsGiven) {
  content.body.assign(1'000'000, 'x');
  EXPECT_EQ(attempt_of("exit 0").outcome, Outcome::kSucceeded);
  EXPECT_EQ(attempt_of("exec 0<&-; echo closed").outcome, Outcome::kSucceeded);
  EXPECT_EQ(attempt_of("head -c 10 > /dev/null; exit 3").status_code, 3);
}

TEST_F(CommandChannelTest, AHangingProgramIsEndedWithWhatItHasStarted) {
  endpoint.overrides.timeout = 500ms;
  const model::Attempt made =
      attempt_of("sh -c 'echo $$ > grandchild; sleep 600' & echo $$ > child; sleep 600");
  EXPECT_EQ(made.outcome, Outcome::kTimeout);
  EXPECT_EQ(made.error, "It reached its time limit of 500ms.");
  EXPECT_TRUE(has_ended(programs / "child"));
  EXPECT_TRUE(has_ended(programs / "grandchild"));
}

TEST_F(CommandChannelTest, AProgramThatDoesNotHearIsKilled) {
  endpoint.overrides.timeout = 300ms;
  const model::Attempt made = attempt_of(
      "trap '' TERM; sh -c 'echo $$ > grandchild; while :; do sleep 1; done' &"
      " echo written; while :; do sleep 1; done");
  EXPECT_EQ(made.outcome, Outcome::kTimeout);
  EXPECT_EQ(made.status_code, std::nullopt);
  EXPECT_EQ(made.response_body, "written\n");
  EXPECT_GE(made.latency, 2300ms);
  EXPECT_LT(made.latency, 7s);
  EXPECT_TRUE(has_ended(programs / "grandchild"));
}

// Many programs end with 0 when they are told to end: that is no success.
TEST_F(CommandChannelTest, TheStatusAfterTheTimeLimitDecidesNothing) {
  endpoint.overrides.timeout = 300ms;
  const model::Attempt made = attempt_of("trap 'exit 0' TERM; while :; do sleep 0.05; done");
  EXPECT_EQ(made.outcome, Outcome::kTimeout);
  EXPECT_EQ(made.status_code, 0);
}

TEST_F(CommandChannelTest, WhatAProgramLeavesInItsGroupEndsWithIt) {
  const model::Attempt made = attempt_of("sleep 600 & echo $! > grandchild; echo done");
  EXPECT_EQ(made.outcome, Outcome::kSucceeded);
  EXPECT_EQ(made.response_body, "done\n");
  EXPECT_LT(made.latency, 10s);
  EXPECT_TRUE(has_ended(programs / "grandchild"));
}

TEST_F(CommandChannelTest, WhoHoldsThePipesOutsideOfItsGroupIsNotWaitedFor) {
  const model::Attempt made = attempt_of(
      "setsid sh -c 'echo > outside; sleep 8' & while [ ! -e outside ]; do :; done; echo done");
  EXPECT_EQ(made.outcome, Outcome::kSucceeded);
  EXPECT_EQ(made.response_body, "done\n");
  EXPECT_LT(made.latency, 7s);
}

TEST_F(CommandChannelTest, AProgramSeesNoDescriptorOfTheHubs) {
  std::ofstream(folder / "database") << "secret";
  const Descriptor leaking(::open((folder / "database").c_str(), O_RDONLY));  // No O_CLOEXEC.
  ASSERT_GE(leaking.get(), 3);
  const std::string open = attempt_of("ls -l /proc/$$/fd").response_body;
  EXPECT_NE(open.find("pipe:"), std::string::npos) << open;
  EXPECT_EQ(open.find("database"), std::string::npos) << open;
}

TEST_F(CommandChannelTest, RunsOnlyWhatIsInTheFolderAndCanBeRun) {
  const auto outside = folder / "outside";
  std::filesystem::copy_file(script("inside", "exit 0"), outside);
  std::filesystem::create_directory(folder / "programs-2");
  std::filesystem::copy_file(outside, folder / "programs-2" / "near");
  std::filesystem::create_symlink(outside, programs / "link");
  std::filesystem::create_symlink(programs / "inside", programs / "good-link");
  std::ofstream(programs / "plain") << "#!/bin/sh\n";
  std::filesystem::create_directory(programs / "directory");
  std::ofstream(script("lost", "")) << "#!/no/such/shell\n";
  const auto error = [this](const std::filesystem::path& program) {
    run_by_handler(program);
    const model::Attempt made = attempt(channel);
    EXPECT_EQ(made.outcome == Outcome::kSucceeded, made.error.empty()) << made.error;
    if (!made.error.empty()) EXPECT_EQ(made.outcome, Outcome::kUnsendable) << made.error;
    return made.error;
  };
  EXPECT_EQ(error(programs / "inside"), "");
  EXPECT_EQ(error(programs / "good-link"), "");
  EXPECT_EQ(error(programs / "directory" / ".." / "inside"), "");
  for (const auto& program : {outside, programs / "link", programs / ".." / "outside",
                              folder / "programs-2" / "near", std::filesystem::path("/bin/sh")}) {
    EXPECT_NE(error(program).find("--handler-commands"), std::string::npos) << program;
  }
  EXPECT_NE(error(programs / "plain").find("Permission denied"), std::string::npos);
  EXPECT_NE(error(programs / "missing").find("No such file"), std::string::npos);
  EXPECT_NE(error(programs / "lost").find("No such file"), std::string::npos);
  EXPECT_NE(error(programs / "directory").find("no program"), std::string::npos);
}

TEST_F(CommandChannelTest, WithoutAFolderNothingRuns) {
  CommandChannel without(context, clock, log, {});
  run_by_handler(script("program", "echo ran > ran"));
  const model::Attempt made = attempt(without);
  EXPECT_EQ(made.outcome, Outcome::kUnsendable);
  EXPECT_NE(made.error.find("--handler-commands"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(programs / "ran"));
}

TEST_F(CommandChannelTest, AStopEndsWhatRunsWithoutCallingItAFailure) {
  run_by_handler(script("program", "echo $$ > child; sleep 600"));
  const auto running = begin(channel);
  run_until(programs / "child");
  const Stopwatch stopwatch;
  channel.begin_stop(1s);
  run_to_the_end();
  ASSERT_TRUE(running->made);
  EXPECT_EQ(running->made->outcome, Outcome::kLater);
  EXPECT_EQ(running->made->retry_after, 0ms);
  EXPECT_LT(stopwatch.elapsed(), 3s);
  EXPECT_TRUE(has_ended(programs / "child"));
  EXPECT_EQ(attempt(channel).outcome, Outcome::kLater);  // No more are started.
}

TEST_F(CommandChannelTest, WhatEndsDuringAStopHasEndedAsItHas) {
  run_by_handler(script("program", "echo $$ > child; cat > /dev/null; sleep 0.1; exit 0"));
  const auto running = begin(channel);
  run_until(programs / "child");
  channel.begin_stop(40s);
  run_to_the_end();
  ASSERT_TRUE(running->made);
  EXPECT_EQ(running->made->outcome, Outcome::kSucceeded);
}

TEST_F(CommandChannelTest, NothingRunsAfterTheEnd) {
  run_by_handler(script("program", "trap '' TERM; echo $$ > child; while :; do sleep 1; done"));
  const auto running = begin(channel);
  run_until(programs / "child");
  channel.stop();
  run_to_the_end();
  EXPECT_TRUE(running->made);
  EXPECT_TRUE(has_ended(programs / "child"));
}

TEST_F(CommandChannelTest, AHandlerThatHangsLeavesPlacesToTheOthers) {
  endpoint.overrides.timeout = 2s;
  run_by_handler(script("hang", "sleep 600"));
  std::vector<std::unique_ptr<Attempted>> hanging;
  for (int i = 0; i < 20; ++i) hanging.push_back(begin(channel));
  endpoint.id = ids.next_id<model::EndpointId>();
  run_by_handler(script("quick", "exit 0"));
  const auto quick = begin(channel);
  context.restart();
  while (!quick->made) context.run_one();
  EXPECT_EQ(quick->made->outcome, Outcome::kSucceeded);
  EXPECT_LT(quick->made->latency, 1s);
  context.run();
  // Who found no place was put off by the hub, long before any of those could have ended.
  int hung = 0;
  for (const auto& one : hanging) {
    if (one->made->outcome == Outcome::kTimeout) ++hung;
    if (one->made->outcome == Outcome::kTimeout) continue;
    EXPECT_EQ(one->made->outcome, Outcome::kLater);
    EXPECT_TRUE(one->made->unmade);
    EXPECT_EQ(one->made->retry_after, 1s);
  }
  EXPECT_EQ(hung, 8);
}

TEST(Program, IsKilledWhenTheThreadThatStartedItEnds) {
  const TemporaryFolder folder;
  std::filesystem::copy_file("/bin/sleep", folder / "sleep");
  Program program;
  std::thread([&] {
    auto started = Program::start(
        {.arguments = {folder / "sleep", "600"}, .environment = {}, .folder = folder});
    ASSERT_TRUE(started) << started.error().message;
    program = *std::move(started);
  }).join();
  pollfd ended{program.ended.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 20'000), 1);
  const auto end = program.reap();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, SIGKILL);
}

TEST(CommandSettings, AreAnAbsolutePathWithItsArguments) {
  const auto path_of = [](std::string_view text) {
    const auto read = parse_json(text);
    const auto checked =
        check_channel_settings(model::Channel::kCommand, read.value().get_object());
    if (checked) return std::string();
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_EQ(checked.error().reason, "handler_settings_invalid");
    return checked.error().path;
  };
  EXPECT_EQ(path_of(R"({"command":["/a/b"]})"), "");
  EXPECT_EQ(path_of(R"({"command":["/a/b","","x"],"payload":"body"})"), "");
  EXPECT_EQ(path_of("{}"), "$.command");
  EXPECT_EQ(path_of(R"({"command":[]})"), "$.command");
  EXPECT_EQ(path_of(R"({"command":"/a/b"})"), "$.command");
  EXPECT_EQ(path_of(R"({"command":["a/b"]})"), "$.command");
  EXPECT_EQ(path_of(R"({"command":["/a","\u0000"]})"), "$.command");
  EXPECT_EQ(path_of(R"({"command":["/a",1]})"), "$.command");
  EXPECT_EQ(path_of(R"({"command":["/a"],"payload":"all"})"), "$.payload");
  EXPECT_EQ(path_of(R"({"command":["/a"],"shell":true})"), "$.shell");
}

}  // namespace
}  // namespace waybill::delivery
