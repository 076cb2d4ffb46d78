#include "delivery/channels/redis_channel.h"

#include <array>
#include <functional>
#include <memory>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include "delivery/channels/redis_settings.h"

namespace waybill::delivery {
namespace {

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

std::string_view text_of(const redisReply& reply) {
  return reply.str ? std::string_view(reply.str, reply.len) : std::string_view();
}

Error lost(std::string_view why) {
  return {Code::kUnavailable, "broker_unavailable",
          fmt::format("The connection to Redis is lost: {}.", why)};
}

// What passes when Redis has started, or is the primary again: another connection may find it so.
bool is_of_server(std::string_view error) {
  static constexpr std::array<std::string_view, 7> kKinds = {
      "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "TRYAGAIN", "NOAUTH"};
  for (const std::string_view kind : kKinds) {
    if (error.starts_with(kind)) return true;
  }
  return false;
}

class RedisBroker final : public Broker {
 public:
  explicit RedisBroker(RedisSettings settings) : settings_(std::move(settings)) {}
  ~RedisBroker() override { close(); }

  std::vector<BrokerOutcome> publish(std::span<const BrokerMessage> batch,
                                     Deadline deadline) override {
    std::vector<BrokerOutcome> outcomes(batch.size());
    std::vector<bool> answered(batch.size());
    drop_if_closed();
    if (auto there = connect(deadline); !there) {
      close();
      fail_unanswered(outcomes, answered, there.error());
      return outcomes;
    }
    for (const BrokerMessage& message : batch) append(message);
    std::size_t next = 0;
    bool keep = true;
    auto done = exchange(batch.size(), deadline, [&](const redisReply& reply) {
      outcomes[next] = judge(reply);
      keep = keep && outcomes[next].outcome != model::Outcome::kConnectionError;
      answered[next++] = true;
    });
    if (!done) fail_unanswered(outcomes, answered, done.error());
    if (!done || !keep) close();
    return outcomes;
  }

 private:
  static BrokerOutcome judge(const redisReply& reply) {
    const std::string text(text_of(reply));
    if (reply.type != REDIS_REPLY_ERROR) return {model::Outcome::kSucceeded, {}, text};
    const std::string error = fmt::format("Redis refuses it: {}.", text);
    return {is_of_server(text) ? model::Outcome::kConnectionError : model::Outcome::kRefused, error,
            text};
  }

  void append(const BrokerMessage& message) {
    std::vector<std::string_view> words = {"XADD", settings_.stream};
    const std::string length = std::to_string(settings_.length_max);
    if (settings_.length_max > 0) words.insert(words.end(), {"MAXLEN", "~", length});
    words.insert(words.end(), {"*", "id", message.id, "message", message.payload});
    send(words);
  }

  void send(const std::vector<std::string_view>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    redisAppendCommandArgv(context_.get(), static_cast<int>(texts.size()), texts.data(),
                           sizes.data());
  }

  // What Redis closed while nothing was sent, as when it was restarted, costs no attempt.
  void drop_if_closed() {
    pollfd socket{context_ ? context_->fd : -1, POLLIN, 0};
    if (context_ && ::poll(&socket, 1, 0) > 0) close();
  }

  Result<void> connect(Deadline deadline) {
    if (context_) return {};
    auto socket = line_.connect(settings_.url.host, settings_.url.port, deadline);
    if (!socket) return fail(socket.error());
    context_.reset(redisConnectFd(*socket));
    // The waiting is done here, with a deadline that holds for all of it.
    context_->flags &= ~REDIS_BLOCK;
    std::size_t asked = 0;
    const bool logs_in = !settings_.url.password.empty();
    if (logs_in) {
      std::vector<std::string_view> words = {"AUTH"};
      if (!settings_.url.user.empty()) words.emplace_back(settings_.url.user);
      words.emplace_back(settings_.url.password.reveal());
      send(words);
      ++asked;
    }
    const std::string database = std::to_string(settings_.database);
    if (settings_.database != 0) {
      send({"SELECT", database});
      ++asked;
    }
    std::string refused;
    bool is_of_login = logs_in;
    WAYBILL_TRY(exchange(asked, deadline, [&](const redisReply& reply) {
      const std::string_view text = text_of(reply);
      if (reply.type == REDIS_REPLY_ERROR && refused.empty()) {
        // A Redis without AUTH repeats what it was given, cut off anywhere: the password.
        refused = is_of_login ? fmt::format("{}, of AUTH", text.substr(0, text.find(' '))) : text;
      }
      is_of_login = false;
    }));
    if (refused.empty()) return {};
    return fail(is_of_server(refused) ? Code::kUnavailable : Code::kForbidden, "broker_refuses",
                fmt::format("Redis refuses the connection: {}.", refused));
  }

  // Sends what was appended, and reads `count` replies meanwhile: neither side waits for the other
  // to read.
  Result<void> exchange(std::size_t count, Deadline deadline,
                        const std::function<void(const redisReply&)>& each) {
    int sent = 0;
    while (count > 0 || sent == 0) {
      if (sent == 0 && redisBufferWrite(context_.get(), &sent) != REDIS_OK) {
        return lose();
      }
      while (count > 0) {
        void* raw = nullptr;
        if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) return lose();
        const Reply reply(static_cast<redisReply*>(raw));
        if (!reply) break;
        each(*reply);
        --count;
      }
      if (count == 0 && sent != 0) break;
      const auto events = static_cast<short>(sent == 0 ? POLLIN | POLLOUT : POLLIN);
      WAYBILL_TRY(line_.wait(context_->fd, events, deadline));
      if (redisBufferRead(context_.get()) != REDIS_OK) return lose();
    }
    return {};
  }

  Result<void> lose() const {
    // Cut at the end of everybody's patience: that is no failure of the connection.
    if (line_.is_cut()) return fail(broker_silent("Redis"));
    return fail(lost(context_->errstr));
  }

  void close() {
    line_.release();
    context_.reset();
  }

  const RedisSettings settings_;
  std::unique_ptr<redisContext, FreeContext> context_;
};

}  // namespace

Result<BrokerPlan> redis_plan(const json::object& settings) {
  auto read = read_redis_settings(settings);
  if (!read) return fail(read.error());
  const Payload payload = read->payload;
  std::vector<Secret> hidden = {read->url.password};
  return BrokerPlan{payload, {}, maker<RedisBroker>(*std::move(read)), std::move(hidden)};
}

}  // namespace waybill::delivery
