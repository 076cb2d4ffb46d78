#include "delivery/channels/redis_channel.h"

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "brokers/brokers.h"
#include "delivery/channels/broker_settings.h"

namespace waybill::delivery {
namespace {

using model::Outcome;
using testing::HasSubstr;

class RedisChannelTest : public BrokerChannelTest {
 protected:
  RedisChannelTest() {
    const BrokerUrl url = read_broker_url(redis_url(), "redis", 6379).value();
    reader.reset(redisConnect(url.host.c_str(), url.port));
    ask({"AUTH", url.password.reveal()});
    set(redis_url());
  }
  ~RedisChannelTest() override { ask({"DEL", stream}); }

  void set(std::string_view url, std::string_view more = "") {
    set_settings(fmt::format(R"({{"url":"{}","stream":"{}"{}}})", url, stream, more));
  }

  struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  using Reply = std::unique_ptr<redisReply, FreeReply>;
  Reply ask(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    return Reply(static_cast<redisReply*>(redisCommandArgv(
        reader.get(), static_cast<int>(texts.size()), texts.data(), sizes.data())));
  }

  // The entries of the stream: field, value, field, value …
  std::vector<std::vector<std::string>> entries() {
    const Reply reply = ask({"XRANGE", stream, "-", "+"});
    std::vector<std::vector<std::string>> all;
    for (std::size_t i = 0; i < reply->elements; ++i) {
      const redisReply& fields = *reply->element[i]->element[1];
      std::vector<std::string>& entry = all.emplace_back();
      for (std::size_t j = 0; j < fields.elements; ++j) {
        entry.emplace_back(fields.element[j]->str, fields.element[j]->len);
      }
    }
    return all;
  }

  struct FreeContext {
    void operator()(redisContext* connection) const { redisFree(connection); }
  };
  std::unique_ptr<redisContext, FreeContext> reader;
  std::string stream = fresh_name();
  BrokerChannel channel{clock, workers, redis_plan};
};

TEST_F(RedisChannelTest, AppendsTheMessageAndTellsTheEntrysId) {
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_THAT(made.response_body, HasSubstr("-"));
  EXPECT_EQ(made.number, 1);
  ASSERT_EQ(entries().size(), 1U);
  const auto entry = entries()[0];
  EXPECT_EQ(entry[0], "id");
  EXPECT_EQ(entry[1], message_id());
  EXPECT_EQ(entry[2], "message");
  EXPECT_EQ(parse_json(entry[3])->at("body").get_string(), content.body);
}

TEST_F(RedisChannelTest, TheBodysExactBytesWhereThatIsAskedFor) {
  content.body = std::string("\x00\xff\r\n$3\r\n\x01", 9);
  set(redis_url(), R"(,"payload":"body")");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  ASSERT_EQ(entries().size(), 1U);
  EXPECT_EQ(entries()[0][3], content.body);
}

TEST_F(RedisChannelTest, ManyAtOnceAreAllThereInTheirOrder) {
  content.body.assign(20000, 'x');
  const auto made = attempt_many(channel, 600);
  for (const model::Attempt& each : made) {
    ASSERT_EQ(each.outcome, Outcome::kSucceeded) << each.error;
  }
  const auto all = entries();
  ASSERT_EQ(all.size(), 600U);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i][1], message_ids[i]);
}

TEST_F(RedisChannelTest, AStreamIsKeptAboutSoLong) {
  set(redis_url(), R"(,"maxlen":100)");
  static_cast<void>(attempt_many(channel, 600));
  const Reply reply = ask({"XLEN", stream});
  EXPECT_LT(reply->integer, 600);
  EXPECT_GE(reply->integer, 100);
}

TEST_F(RedisChannelTest, ADatabaseOtherThanTheFirst) {
  set(redis_url() + "/3");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  EXPECT_EQ(entries().size(), 0U);
  ask({"SELECT", "3"});
  EXPECT_EQ(entries().size(), 1U);
}

TEST_F(RedisChannelTest, AWrongPasswordIsRefusedAndNotTold) {
  set(with_password(redis_url(), "falsch"));
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_THAT(made.error, HasSubstr("WRONGPASS"));
  EXPECT_THAT(made.error, Not(HasSubstr("falsch")));
}

// A real Redis whose operator has taken AUTH away.
class RedisWithoutAuth {
 public:
  explicit RedisWithoutAuth(std::uint16_t port) : process_(::fork()) {
    if (process_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string number = std::to_string(port);
    ::execlp("redis-server", "redis-server", "--port", number.c_str(), "--bind", "127.0.0.1",
             "--save", "", "--dir", "/tmp", "--logfile", "/dev/null", "--rename-command", "AUTH",
             "", nullptr);
    ::_exit(127);
  }
  ~RedisWithoutAuth() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  RedisWithoutAuth(const RedisWithoutAuth&) = delete;
  RedisWithoutAuth& operator=(const RedisWithoutAuth&) = delete;

 private:
  const pid_t process_;
};

TEST_F(RedisChannelTest, APasswordIsNotToldByARedisWithoutAuth) {
  const std::uint16_t port = closed_port();
  const RedisWithoutAuth redis(port);
  // So long that Redis repeats but its beginning.
  const std::string password = "geheim" + std::string(200, 'x');
  set(fmt::format("redis://:{}@127.0.0.1:{}/1", password, port));
  const Deadline end = Deadline::after(std::chrono::seconds(60));
  model::Attempt made = attempt(channel);
  while (made.outcome == Outcome::kConnectionError && !end.passed()) made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_THAT(made.error, HasSubstr("ERR, of AUTH"));
  EXPECT_THAT(made.error, Not(HasSubstr("geheim")));
}

// Here it is the host's name as well, which every error of the connection has.
TEST_F(RedisChannelTest, APasswordIsNotToldWhereverItIsRepeated) {
  const std::uint16_t port = closed_port();
  set(fmt::format("redis://127.0.0.1:{}", port));
  EXPECT_THAT(attempt(channel).error, HasSubstr("127.0.0.1"));
  set_settings(
      fmt::format(R"({{"url":"redis://:127.0.0.1@127.0.0.1:{}","stream":"{}"}})", port, stream));
  EXPECT_THAT(attempt(channel).error, Not(HasSubstr("127.0.0.1")));
}

TEST_F(RedisChannelTest, NoPasswordWhereOneIsNeededIsAnErrorOfTheConnection) {
  const std::string url = redis_url();
  set("redis://" + url.substr(url.find('@') + 1));
  const model::Attempt made = attempt(channel);
  EXPECT_NE(made.outcome, Outcome::kSucceeded);
  EXPECT_THAT(made.error, HasSubstr("NOAUTH"));
}

TEST_F(RedisChannelTest, WhatIsNoStreamIsRefused) {
  ask({"SET", stream, "text"});
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_THAT(made.error, HasSubstr("WRONGTYPE"));
}

TEST_F(RedisChannelTest, AConnectionThatWasClosedMeanwhileCostsNoAttempt) {
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_EQ(entries().size(), 2U);
}

TEST_F(RedisChannelTest, NobodyThereIsAConnectionError) {
  set(fmt::format("redis://127.0.0.1:{}", closed_port()));
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kConnectionError);
  EXPECT_THAT(made.error, HasSubstr("refused"));
}

TEST_F(RedisChannelTest, ASilentServerIsATimeout) {
  const SilentServer silent;
  endpoint.overrides.timeout = std::chrono::milliseconds(200);
  set(fmt::format("redis://127.0.0.1:{}", silent.port()));
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kTimeout);
  EXPECT_LT(made.latency, std::chrono::seconds(15));
}

TEST_F(RedisChannelTest, APausedServerIsATimeoutAndThenItGoesOn) {
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  ask({"CLIENT", "PAUSE", "700", "WRITE"});
  endpoint.overrides.timeout = std::chrono::milliseconds(150);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kTimeout);
  endpoint.overrides.timeout = std::chrono::seconds(20);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
}

TEST_F(RedisChannelTest, SettingsThatCannotBeReadAreUnsendable) {
  set_settings("{}");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kUnsendable);
}

}  // namespace
}  // namespace waybill::delivery
