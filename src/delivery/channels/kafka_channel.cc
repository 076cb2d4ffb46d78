#include "delivery/channels/kafka_channel.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <netdb.h>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include "delivery/channels/kafka_settings.h"

namespace waybill::delivery {
namespace {

// In between it is seen whether the batch was cut.
constexpr std::chrono::milliseconds kSlice{50};
// What librdkafka needs to report what it has given up, once it was told to.
constexpr std::chrono::seconds kPurge{1};
// For the address of a broker's name.
constexpr std::chrono::seconds kLookUp{10};

struct DestroyProducer {
  void operator()(rd_kafka_t* producer) const { rd_kafka_destroy(producer); }
};
struct DestroyConfiguration {
  void operator()(rd_kafka_conf_t* configuration) const { rd_kafka_conf_destroy(configuration); }
};

// Whether another try may find the cluster otherwise, without anything being changed.
model::Outcome outcome_of_code(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE: return model::Outcome::kTimeout;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION: return model::Outcome::kConnectionError;
    default: return model::Outcome::kRefused;
  }
}

class KafkaBroker final : public Broker {
 public:
  explicit KafkaBroker(KafkaSettings settings) : settings_(std::move(settings)) {}
  // librdkafka's threads are waited for, and look names up.
  ~KafkaBroker() override { cut(); }

  std::vector<BrokerOutcome> publish(std::span<const BrokerMessage> batch,
                                     Deadline deadline) override {
    std::vector<BrokerOutcome> outcomes(batch.size());
    reported_.assign(batch.size(), false);
    outcomes_ = &outcomes;
    trouble_.clear();
    all_down_ = false;
    missing_ = 0;
    if (auto ready = start(deadline); !ready) {
      fail_unanswered(outcomes, reported_, ready.error());
      return outcomes;
    }
    for (std::size_t i = 0; i < batch.size(); ++i) produce(i, batch[i]);
    while (missing_ > 0 && !deadline.passed() && !line_.is_cut()) {
      rd_kafka_poll(producer_.get(), static_cast<int>(kSlice.count()));
    }
    const bool fatal = rd_kafka_fatal_error(producer_.get(), nullptr, 0) != 0;
    if (missing_ > 0) {
      // What is not reported by now is given up, so that it cannot follow a later try of itself.
      rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
      const Deadline end = Deadline::after(kPurge);
      while (missing_ > 0 && !end.passed()) {
        rd_kafka_poll(producer_.get(), static_cast<int>(kSlice.count()));
      }
      fail_unanswered(outcomes, reported_, broker_silent("Kafka"));
    }
    // A message that timed out leaves a gap in the numbers by which the brokers know duplicates,
    // and librdkafka remembers for minutes what it was not allowed: the next batch begins anew.
    if (fatal || !have_all_succeeded(outcomes)) producer_.reset();
    outcomes_ = nullptr;
    return outcomes;
  }

  // Lets librdkafka say what it wants to say.
  void idle() override {
    if (producer_) rd_kafka_poll(producer_.get(), 0);
  }

 private:
  static bool have_all_succeeded(const std::vector<BrokerOutcome>& outcomes) {
    return std::ranges::all_of(outcomes, [](const BrokerOutcome& each) {
      return each.outcome == model::Outcome::kSucceeded;
    });
  }

  Result<void> start(Deadline deadline) {
    if (producer_) return {};
    const auto patience = std::max(deadline.left() - 2 * kSlice, kSlice);
    const std::array<std::pair<const char*, std::string>, 8> all = {{
        {"bootstrap.servers", settings_.brokers},
        {"client.id", "waybill"},
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"message.timeout.ms", std::to_string(patience.count())},
        {"message.max.bytes", "16777216"},
        {"queue.buffering.max.messages", "1024"},
        // How long a topic that is not there is waited for.
        {"topic.metadata.propagation.max.ms", "2000"},
    }};
    std::array<char, 512> why{};
    std::unique_ptr<rd_kafka_conf_t, DestroyConfiguration> made(rd_kafka_conf_new());
    for (const auto& [name, value] : all) {
      if (rd_kafka_conf_set(made.get(), name, value.c_str(), why.data(), why.size()) !=
          RD_KAFKA_CONF_OK) {
        return fail(Code::kInvalid, "broker_refuses", why.data());
      }
    }
    rd_kafka_conf_set_opaque(made.get(), this);
    rd_kafka_conf_set_dr_msg_cb(made.get(), report);
    rd_kafka_conf_set_error_cb(made.get(), note_trouble);
    rd_kafka_conf_set_resolve_cb(made.get(), look_up);
    // Its own lines on standard error would be none of the log's.
    rd_kafka_conf_set_log_cb(made.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
    producer_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, made.get(), why.data(), why.size()));
    if (!producer_) return fail(Code::kInvalid, "broker_refuses", why.data());
    [[maybe_unused]] const auto* its_own = made.release();  // The producer's now.
    return {};
  }

  // Any thread of librdkafka's. Without a name what was found is given back.
  static int look_up(const char* node, const char* service, const addrinfo*, addrinfo** found,
                     void* self) {
    if (!node) {
      ::freeaddrinfo(*found);
      return 0;
    }
    const auto port = static_cast<std::uint16_t>(service ? std::strtoul(service, nullptr, 10) : 0);
    auto there =
        static_cast<KafkaBroker*>(self)->line_.resolve(node, port, Deadline::after(kLookUp));
    if (!there) return there.error().code == Code::kTimeout ? EAI_AGAIN : EAI_NONAME;
    *found = there->release();
    return 0;
  }

  void produce(std::size_t i, const BrokerMessage& message) {
    // Headers of our own making: those that librdkafka 2.0 makes of single ones it frees twice when
    // it refuses a message.
    rd_kafka_headers_t* headers = rd_kafka_headers_new(3);
    add_header(headers, "waybill-message-id", message.id);
    add_header(headers, "waybill-delivery-id", message.delivery_id);
    add_header(headers, "waybill-type", message.content.type);
    std::array<rd_kafka_vu_t, 6> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = settings_.topic.c_str();
    parts[1].vtype = RD_KAFKA_VTYPE_VALUE;
    // Only read, though the library's type does not say so.
    parts[1].u.mem = {const_cast<char*>(message.payload.data()), message.payload.size()};
    parts[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[2].u.i = RD_KAFKA_MSG_F_COPY;
    parts[3].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[3].u.ptr = reinterpret_cast<void*>(i + 1);  // NOLINT(performance-no-int-to-ptr)
    parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[4].u.headers = headers;
    std::size_t count = 5;
    if (!message.key.empty()) {
      parts[count].vtype = RD_KAFKA_VTYPE_KEY;
      parts[count].u.mem = {const_cast<char*>(message.key.data()), message.key.size()};
      ++count;
    }
    rd_kafka_error_t* error = rd_kafka_produceva(producer_.get(), parts.data(), count);
    if (!error) {
      ++missing_;
      return;
    }
    rd_kafka_headers_destroy(headers);
    reported_[i] = true;
    (*outcomes_)[i] = {outcome_of_code(rd_kafka_error_code(error)),
                       fmt::format("Kafka refuses it: {}.", rd_kafka_error_string(error)),
                       {}};
    rd_kafka_error_destroy(error);
  }

  static void add_header(rd_kafka_headers_t* headers, const char* name, const std::string& value) {
    rd_kafka_header_add(headers, name, -1, value.data(), static_cast<ssize_t>(value.size()));
  }

  static void report(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    static_cast<KafkaBroker*>(self)->take_report(*message);
  }
  void take_report(const rd_kafka_message_t& message) {
    const auto i = reinterpret_cast<std::size_t>(message._private) - 1;
    // A report that comes while the producer is destroyed is of nobody's interest.
    if (!outcomes_ || i >= reported_.size() || reported_[i]) return;
    reported_[i] = true;
    --missing_;
    BrokerOutcome& outcome = (*outcomes_)[i];
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      outcome = {model::Outcome::kSucceeded,
                 {},
                 fmt::format("partition {}, offset {}", message.partition, message.offset)};
      return;
    }
    outcome.outcome = outcome_of_code(message.err);
    outcome.error = fmt::format("Kafka does not have it: {}{}{}.", rd_kafka_err2str(message.err),
                                trouble_.empty() ? "" : "; ", trouble_);
    // Nobody could be reached at all: that is more than slowness.
    if (outcome.outcome == model::Outcome::kTimeout && all_down_) {
      outcome.outcome = model::Outcome::kConnectionError;
    }
  }

  static void note_trouble(rd_kafka_t*, int code, const char* reason, void* self) {
    auto& broker = *static_cast<KafkaBroker*>(self);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) broker.all_down_ = true;
    broker.trouble_ = reason;
  }

  const KafkaSettings settings_;
  std::unique_ptr<rd_kafka_t, DestroyProducer> producer_;
  // Of the batch under way.
  std::vector<BrokerOutcome>* outcomes_ = nullptr;
  std::vector<bool> reported_;
  std::size_t missing_ = 0;
  std::string trouble_;
  bool all_down_ = false;
};

}  // namespace

Result<BrokerPlan> kafka_plan(const json::object& settings) {
  auto read = read_kafka_settings(settings);
  if (!read) return fail(read.error());
  const Payload payload = read->payload;
  dialect::Template key = read->key;
  return BrokerPlan{payload, std::move(key), maker<KafkaBroker>(*std::move(read)), {}};
}

}  // namespace waybill::delivery
