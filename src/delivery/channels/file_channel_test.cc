#include "delivery/channels/file_channel.h"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/check.h"
#include "base/temporary_folder.h"
#include "delivery/channel_settings.h"
#include "delivery/channels/channel_fixture.h"

namespace waybill::delivery {
namespace {

using namespace std::chrono_literals;
using model::Outcome;

// While it lives no file becomes larger.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    former_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &former_);
    rlimit limit = former_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &former_);
    std::signal(SIGXFSZ, former_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit former_{};
  void (*former_handler_)(int) = SIG_DFL;
};

// Another process that has locked a file, for as long as this lives.
class LockedElsewhere {
 public:
  explicit LockedElsewhere(const std::filesystem::path& file) {
    int locked[2];
    WAYBILL_CHECK(::pipe(locked) == 0 && ::pipe(ends_) == 0, "two pipes");
    const std::string path = file.string();
    process_ = ::fork();
    if (process_ == 0) {
      ::close(ends_[1]);
      const int opened = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
      char byte = ::flock(opened, LOCK_EX) == 0 ? 'y' : 'n';
      static_cast<void>(::write(locked[1], &byte, 1) + ::read(ends_[0], &byte, 1));
      ::_exit(0);
    }
    char byte = 'n';
    WAYBILL_CHECK(::read(locked[0], &byte, 1) == 1 && byte == 'y', "a lock");
    for (const int each : {locked[0], locked[1], ends_[0]}) ::close(each);
  }
  ~LockedElsewhere() { end(); }
  LockedElsewhere(const LockedElsewhere&) = delete;
  LockedElsewhere& operator=(const LockedElsewhere&) = delete;

  void end() {
    if (process_ <= 0) return;
    ::close(ends_[1]);
    ::waitpid(std::exchange(process_, 0), nullptr, 0);
  }

 private:
  int ends_[2] = {-1, -1};
  pid_t process_ = 0;
};

class FileChannelTest : public ChannelTest {
 protected:
  FileChannelTest() {
    endpoint.channel = model::Channel::kFile;
    set_settings(R"({"name":"orders.jsonl"})");
  }
  std::string text() const { return text_of(file); }

  TemporaryFolder folder;
  const std::filesystem::path file = folder / "handled" / "orders.jsonl";
  FileChannel channel{context, clock, folder / "handled"};
};

TEST_F(FileChannelTest, AppendsALineForEachMessage) {
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  delivery.attempts_made = 4;
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_EQ(made.number, 5);

  std::istringstream lines(text());
  std::vector<std::int64_t> attempts;
  for (std::string line; std::getline(lines, line);) {
    const auto read = parse_json(line);
    ASSERT_TRUE(read) << line;
    EXPECT_EQ(read->at("body").get_string(), content.body);
    EXPECT_EQ(read->at("message").at("id").get_string(), message_id());
    attempts.push_back(read->at("delivery").at("attempt").get_int64());
  }
  EXPECT_EQ(attempts, (std::vector<std::int64_t>{1, 5}));
  struct stat about{};
  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST_F(FileChannelTest, AppendsTheExactBytesWhereItIsAskedTo) {
  set_settings(R"({"name":"orders.jsonl","payload":"body"})");
  content.body = "{\"id\":1}";
  attempt(channel);
  EXPECT_EQ(text(), "{\"id\":1}\n");
}

TEST_F(FileChannelTest, ManyAtOnceAreAllThereInTheirOrder) {
  set_settings(R"({"name":"orders.jsonl","payload":"body"})");
  std::string expected;
  std::vector<std::unique_ptr<Attempted>> all;
  for (int i = 0; i < 500; ++i) {
    content.body = fmt::format("line {}", i);
    expected += content.body + "\n";
    all.push_back(begin(channel));
  }
  context.restart();
  context.run();
  for (const auto& one : all) EXPECT_EQ(one->made->outcome, Outcome::kSucceeded);
  EXPECT_EQ(text(), expected);
}

TEST_F(FileChannelTest, WhatDoesNotFitLeavesNothingBehind) {
  set_settings(R"({"name":"orders.jsonl","payload":"body"})");
  content.body.assign(60, 'a');
  ASSERT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  const std::string before = text();
  {
    const FileSizeLimit limit(100);
    const model::Attempt made = attempt(channel);
    EXPECT_EQ(made.outcome, Outcome::kRefused);
    EXPECT_NE(made.error.find("orders.jsonl: File too large"), std::string::npos) << made.error;
  }
  EXPECT_EQ(text(), before);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  EXPECT_EQ(text(), before + before);
}

// As a machine leaves it that lost its power in the middle.
TEST_F(FileChannelTest, HalfALineStaysByItself) {
  set_settings(R"({"name":"orders.jsonl","payload":"body"})");
  content.body = "whole";
  std::filesystem::create_directory(folder / "handled");
  std::ofstream(file) << "first\nhal";
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  EXPECT_EQ(text(), "first\nhal\nwhole\n");
}

TEST_F(FileChannelTest, AFileThatWasMovedIsMadeAnew) {
  attempt(channel);
  std::filesystem::rename(file, folder / "handled" / "orders.jsonl.1");
  attempt(channel);
  EXPECT_EQ(text(), text_of(folder / "handled" / "orders.jsonl.1"));
}

// A consumer moved the file away between its opening and the write, which the sync of the folder of
// a new file makes a long time, read it and removed it: the line was lost, and counted as handled.
TEST_F(FileChannelTest, WhoeverTakesTheFileAwayGetsEveryLine) {
  constexpr int kTimes = 50;
  const std::filesystem::path taken = folder / "handled" / "taken";
  std::string read;
  std::atomic<bool> is_over = false;
  std::thread consumer([&] {
    for (int i = 0; i < kTimes;) {
      std::error_code missing;
      std::filesystem::rename(file, taken, missing);
      if (missing) {
        std::this_thread::yield();
        continue;
      }
      read += text_of(taken);
      std::filesystem::remove(taken);
      ++i;
    }
    is_over = true;
  });
  set_settings(R"({"name":"orders.jsonl","payload":"body"})");
  int written = 0;
  while (!is_over) {
    content.body = fmt::format("line {}.", written++);
    EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  }
  consumer.join();
  read += text();
  for (int i = 0; i < written; ++i) {
    EXPECT_NE(read.find(fmt::format("line {}.\n", i)), std::string::npos) << i;
  }
}

TEST_F(FileChannelTest, WhatIsNoFileOfTheFolderIsNotWrittenTo) {
  std::filesystem::create_directory(folder / "handled");
  std::ofstream(folder / "elsewhere") << "safe\n";
  std::filesystem::create_symlink(folder / "elsewhere", file);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kRefused);
  EXPECT_EQ(text_of(folder / "elsewhere"), "safe\n");
  std::filesystem::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kRefused);
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kRefused);
}

TEST_F(FileChannelTest, AFolderThatCannotBeMadeIsToldOf) {
  FileChannel nowhere(context, clock, folder / "no" / "such");
  const model::Attempt made = attempt(nowhere);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_NE(made.error.find("No such file or directory"), std::string::npos) << made.error;
}

TEST_F(FileChannelTest, WhatWaitsIsWrittenBeforeTheEnd) {
  const auto waiting = begin(channel);
  context.restart();
  context.poll();
  channel.stop();
  EXPECT_NE(text(), "");
  context.run();
  EXPECT_EQ(waiting->made->outcome, Outcome::kSucceeded);
}

TEST_F(FileChannelTest, AFileThatIsLockedElsewhereHoldsUpItsOwnLinesAlone) {
  std::filesystem::create_directory(folder / "handled");
  LockedElsewhere elsewhere(file);
  const auto waits = begin(channel);
  set_settings(R"({"name":"others.jsonl"})");
  context.restart();
  const auto other = begin(channel);
  while (!other->made) context.run_one();
  EXPECT_EQ(other->made->outcome, Outcome::kSucceeded) << other->made->error;
  EXPECT_FALSE(waits->made.has_value());
  elsewhere.end();
  context.run();
  EXPECT_EQ(waits->made->outcome, Outcome::kSucceeded) << waits->made->error;
  EXPECT_NE(text(), "");
}

TEST_F(FileChannelTest, WhatTimedOutAtALockIsNotWrittenLater) {
  std::filesystem::create_directory(folder / "handled");
  set_settings(R"({"name":"orders.jsonl","payload":"body"})");
  endpoint.overrides.timeout = 100ms;
  content.body = "given up";
  LockedElsewhere elsewhere(file);
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kTimeout);
  EXPECT_NE(made.error.find("orders.jsonl is locked"), std::string::npos) << made.error;
  elsewhere.end();
  endpoint.overrides.timeout = 20s;
  content.body = "again";
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  EXPECT_EQ(text(), "again\n");
}

TEST_F(FileChannelTest, AStopWaitsForNobodysLock) {
  std::filesystem::create_directory(folder / "handled");
  endpoint.overrides.timeout = 1h;
  const LockedElsewhere elsewhere(file);
  const auto waits = begin(channel);
  context.restart();
  context.poll();
  channel.stop();
  context.run();
  EXPECT_EQ(waits->made->outcome, Outcome::kLater) << waits->made->error;
  EXPECT_EQ(waits->made->retry_after, 1s);
  EXPECT_EQ(text(), "");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kLater);
}

TEST(FileSettings, AreAPlainName) {
  const auto path_of = [](const json::object& settings) {
    const auto checked = check_channel_settings(model::Channel::kFile, settings);
    return checked ? std::string() : checked.error().path;
  };
  EXPECT_EQ(path_of({{"name", "orders-2.jsonl"}}), "");
  EXPECT_EQ(path_of({{"name", "a"}, {"payload", "message"}}), "");
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(".hidden"),
        std::string("a/b"), std::string("../a"), std::string("a b"), std::string("a\0b", 3),
        std::string("gr\xc3\xb6\xc3\x9f"), std::string(201, 'a')}) {
    EXPECT_EQ(path_of({{"name", name}}), "$.name") << name;
  }
  EXPECT_EQ(path_of({}), "$.name");
  EXPECT_EQ(path_of({{"name", 1}}), "$.name");
  EXPECT_EQ(path_of({{"name", "a"}, {"folder", "/etc"}}), "$.folder");
}

}  // namespace
}  // namespace waybill::delivery
