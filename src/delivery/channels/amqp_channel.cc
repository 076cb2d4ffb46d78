#include "delivery/channels/amqp_channel.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include "base/clock.h"
#include "delivery/channels/amqp_settings.h"

namespace waybill::delivery {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr int kFrameBytesMax = 131072;
constexpr int kHeartbeatSeconds = 30;
constexpr std::uint8_t kPersistent = 2;

amqp_bytes_t bytes_of(std::string_view text) {
  // Only read, though the library's type does not say so.
  return {text.size(), const_cast<char*>(text.data())};
}
std::string_view text_of(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}
timeval time_left(Deadline deadline) {
  const auto left = deadline.left();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  return {static_cast<time_t>(seconds.count()),
          static_cast<suseconds_t>(std::chrono::microseconds(left - seconds).count())};
}

// What RabbitMQ closes a channel or a connection with.
struct Closing {
  int code = 0;
  std::string text;
};
Closing closing_of(const amqp_method_t& method) {
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
    return {close->reply_code, std::string(text_of(close->reply_text))};
  }
  const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
  return {close->reply_code, std::string(text_of(close->reply_text))};
}

bool is_closing(const amqp_method_t& method) {
  return method.id == AMQP_CHANNEL_CLOSE_METHOD || method.id == AMQP_CONNECTION_CLOSE_METHOD;
}

Error error_of(const Closing& closing) {
  // It is being stopped, or its operator has ended the connection: another one may be made.
  if (closing.code == AMQP_CONNECTION_FORCED) {
    return {Code::kUnavailable, "broker_unavailable",
            fmt::format("RabbitMQ ends the connection: {}.", closing.text)};
  }
  return {Code::kForbidden, "broker_refuses",
          fmt::format("RabbitMQ refuses it: {}.", closing.text)};
}

class AmqpBroker final : public Broker {
 public:
  explicit AmqpBroker(AmqpSettings settings) : settings_(std::move(settings)) {}
  ~AmqpBroker() override { close(); }

  std::vector<BrokerOutcome> publish(std::span<const BrokerMessage> batch,
                                     Deadline deadline) override {
    std::vector<BrokerOutcome> outcomes(batch.size());
    std::vector<bool> answered(batch.size());
    idle();
    auto done = connect(deadline);
    if (done) done = send(batch);
    if (done) done = await_confirms(batch, outcomes, answered, deadline);
    if (!done) {
      fail_unanswered(outcomes, answered, done.error());
      close();
    }
    return outcomes;
  }

  // Sends a heartbeat when one is due, and hears of a connection that was closed, so that a
  // restart of RabbitMQ costs no attempt.
  void idle() override {
    if (!connection_) return;
    const timeval none{0, 0};
    amqp_frame_t frame;
    for (;;) {
      amqp_maybe_release_buffers(connection_);
      const int status = amqp_simple_wait_frame_noblock(connection_, &frame, &none);
      if (status == AMQP_STATUS_TIMEOUT) return;
      const bool closed = status != AMQP_STATUS_OK || (frame.frame_type == AMQP_FRAME_METHOD &&
                                                       is_closing(frame.payload.method));
      if (closed) return close();
    }
  }

 private:
  Error library_error(int status, std::string_view what) const {
    if (line_.is_cut() || status == AMQP_STATUS_TIMEOUT) return broker_silent("RabbitMQ");
    return {Code::kUnavailable, "broker_unavailable",
            fmt::format("{}: {}.", what, amqp_error_string2(status))};
  }

  Result<void> check(const amqp_rpc_reply_t& reply) const {
    switch (reply.reply_type) {
      case AMQP_RESPONSE_NORMAL: return {};
      case AMQP_RESPONSE_SERVER_EXCEPTION: return fail(error_of(closing_of(reply.reply)));
      default:
        return fail(library_error(reply.library_error, "RabbitMQ does not take the connection"));
    }
  }

  Result<void> connect(Deadline deadline) {
    if (connection_) return {};
    connection_ = amqp_new_connection();
    const timeval patience = time_left(deadline);
    amqp_set_handshake_timeout(connection_, &patience);
    amqp_set_rpc_timeout(connection_, &patience);
    WAYBILL_TRY(settings_.url.tls ? open_tls(deadline) : open(deadline));
    const std::string& user = settings_.url.user;
    const std::string& password = settings_.url.password.reveal();
    WAYBILL_TRY(
        check(amqp_login(connection_, settings_.vhost.c_str(), 0, kFrameBytesMax, kHeartbeatSeconds,
                         AMQP_SASL_METHOD_PLAIN, user.empty() ? "guest" : user.c_str(),
                         user.empty() ? "guest" : password.c_str())));
    amqp_channel_open(connection_, kChannel);
    WAYBILL_TRY(check(amqp_get_rpc_reply(connection_)));
    amqp_confirm_select(connection_, kChannel);
    WAYBILL_TRY(check(amqp_get_rpc_reply(connection_)));
    sent_ = 0;
    return {};
  }

  Result<void> open(Deadline deadline) {
    auto socket = line_.connect(settings_.url.host, settings_.url.port, deadline);
    if (!socket) return fail(socket.error());
    amqp_socket_t* made = amqp_tcp_socket_new(connection_);
    amqp_tcp_socket_set_sockfd(made, *socket);  // The connection closes it from now on.
    return {};
  }

  Result<void> open_tls(Deadline deadline) {
    amqp_socket_t* made = amqp_ssl_socket_new(connection_);
    if (!made) return fail(library_error(AMQP_STATUS_NO_MEMORY, "TLS cannot be used"));
    // The system's certificates, or those that SSL_CERT_FILE names.
    SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(made)));
    amqp_ssl_socket_set_verify_peer(made, 1);
    amqp_ssl_socket_set_verify_hostname(made, 1);
    // The library looks the name up again, without an end: one that hangs is found out before.
    const auto there = line_.resolve(settings_.url.host, settings_.url.port, deadline);
    if (!there) return fail(there.error());
    const timeval patience = time_left(deadline);
    const int status =
        amqp_socket_open_noblock(made, settings_.url.host.c_str(), settings_.url.port, &patience);
    if (status != AMQP_STATUS_OK) {
      return fail(library_error(status, fmt::format("{} port {} cannot be reached by TLS",
                                                    settings_.url.host, settings_.url.port)));
    }
    if (!line_.hold(amqp_get_sockfd(connection_))) return fail(broker_silent("RabbitMQ"));
    return {};
  }

  Result<void> send(std::span<const BrokerMessage> batch) {
    first_of_batch_ = sent_ + 1;
    for (const BrokerMessage& message : batch) {
      amqp_basic_properties_t properties{};
      properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                          AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_APP_ID_FLAG |
                          AMQP_BASIC_TIMESTAMP_FLAG;
      properties.delivery_mode = kPersistent;
      properties.message_id = bytes_of(message.id);
      properties.correlation_id = bytes_of(message.delivery_id);
      properties.app_id = bytes_of("waybill");
      properties.timestamp = static_cast<std::uint64_t>(unix_seconds(message.content.received_at));
      // Short strings: what is longer is left out.
      if (fits(message.content_type)) {
        properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
        properties.content_type = bytes_of(message.content_type);
      }
      if (fits(message.content.type)) {
        properties._flags |= AMQP_BASIC_TYPE_FLAG;
        properties.type = bytes_of(message.content.type);
      }
      const int status =
          amqp_basic_publish(connection_, kChannel, bytes_of(settings_.exchange),
                             bytes_of(settings_.routing_key), /*mandatory=*/1,
                             /*immediate=*/0, &properties, bytes_of(message.payload));
      if (status != AMQP_STATUS_OK) {
        return fail(library_error(status, "The connection to RabbitMQ is lost"));
      }
      ++sent_;
    }
    return {};
  }

  static bool fits(const std::string& text) { return !text.empty() && text.size() <= 255; }

  Result<void> await_confirms(std::span<const BrokerMessage> batch,
                              std::vector<BrokerOutcome>& outcomes, std::vector<bool>& answered,
                              Deadline deadline) {
    std::size_t missing = batch.size();
    std::vector<bool> returned(batch.size());
    const auto settle = [&](std::size_t i, bool accepted) {
      if (answered[i]) return;
      answered[i] = true;
      --missing;
      if (returned[i]) return;
      outcomes[i] = accepted
                        ? BrokerOutcome{model::Outcome::kSucceeded, {}, "confirmed"}
                        : BrokerOutcome{model::Outcome::kRefused, "RabbitMQ refuses it.", "nack"};
    };
    const auto settle_tag = [&](std::uint64_t tag, bool multiple, bool accepted) {
      if (tag < first_of_batch_ || tag - first_of_batch_ >= batch.size()) return;
      const auto last = static_cast<std::size_t>(tag - first_of_batch_);
      for (std::size_t i = multiple ? 0 : last; i <= last; ++i) settle(i, accepted);
    };
    while (missing > 0) {
      amqp_frame_t frame;
      amqp_maybe_release_buffers(connection_);
      const timeval patience = time_left(deadline);
      const int status = amqp_simple_wait_frame_noblock(connection_, &frame, &patience);
      if (status != AMQP_STATUS_OK) {
        return fail(library_error(status, "The connection to RabbitMQ is lost"));
      }
      if (frame.frame_type != AMQP_FRAME_METHOD) continue;
      const amqp_method_t& method = frame.payload.method;
      if (is_closing(method)) return fail(error_of(closing_of(method)));
      if (method.id == AMQP_BASIC_ACK_METHOD) {
        const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
        settle_tag(ack->delivery_tag, ack->multiple != 0, true);
      } else if (method.id == AMQP_BASIC_NACK_METHOD) {
        const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
        settle_tag(nack->delivery_tag, nack->multiple != 0, false);
      } else if (method.id == AMQP_BASIC_RETURN_METHOD) {
        WAYBILL_TRY(note_return(method, batch, outcomes, returned));
      }
    }
    return {};
  }

  // A message that no queue is bound for comes back, before it is confirmed.
  Result<void> note_return(const amqp_method_t& method, std::span<const BrokerMessage> batch,
                           std::vector<BrokerOutcome>& outcomes, std::vector<bool>& returned) {
    const auto* back = static_cast<const amqp_basic_return_t*>(method.decoded);
    const std::string why =
        fmt::format("RabbitMQ has no queue for it: {} (exchange \"{}\", routing key \"{}\").",
                    text_of(back->reply_text), settings_.exchange, settings_.routing_key);
    amqp_message_t message;
    WAYBILL_TRY(check(amqp_read_message(connection_, kChannel, &message, 0)));
    const std::string delivery(text_of(message.properties.correlation_id));
    amqp_destroy_message(&message);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].delivery_id != delivery) continue;
      outcomes[i] = {model::Outcome::kRefused, why, "returned"};
      returned[i] = true;
    }
    return {};
  }

  void close() {
    line_.release();
    // Not amqp_connection_close(), which would wait for the answer of who may be silent.
    if (connection_) amqp_destroy_connection(connection_);
    connection_ = nullptr;
  }

  const AmqpSettings settings_;
  amqp_connection_state_t connection_ = nullptr;
  std::uint64_t sent_ = 0;  // Since the channel was opened: RabbitMQ counts with us.
  std::uint64_t first_of_batch_ = 0;
};

}  // namespace

Result<BrokerPlan> amqp_plan(const json::object& settings) {
  auto read = read_amqp_settings(settings);
  if (!read) return fail(read.error());
  const Payload payload = read->payload;
  std::vector<Secret> hidden = {read->url.password};
  return BrokerPlan{payload, {}, maker<AmqpBroker>(*std::move(read)), std::move(hidden)};
}

}  // namespace waybill::delivery
