#include "delivery/channels/http_channel.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "delivery/handled_message.h"
#include "dialect/event_message.h"
#include "dialect/foreign_headers.h"

namespace waybill::delivery {
namespace {

// Between the sender and the hub alone, or the client's own to say. What the hub answers for an
// Expect it has answered already, and an encoding it asks for itself.
constexpr std::array<std::string_view, 14> kNotForwarded = {"Accept-Encoding",
                                                            "Connection",
                                                            "Content-Length",
                                                            "Content-Type",
                                                            "Expect",
                                                            "Host",
                                                            "HTTP2-Settings",
                                                            "Keep-Alive",
                                                            "TE",
                                                            "Trailer",
                                                            "Transfer-Encoding",
                                                            "Proxy-Authorization",
                                                            "Proxy-Connection",
                                                            "Upgrade"};

// What begins so is the hub's word.
constexpr std::string_view kWaybills = "Waybill-";

bool is_waybills(const net::Header& header) {
  return header.name.size() >= kWaybills.size() &&
         net::same_header_name(header.name.substr(0, kWaybills.size()), kWaybills);
}

bool is_forwarded(const net::Header& header) {
  return !is_waybills(header) && std::ranges::none_of(kNotForwarded, [&](std::string_view name) {
    return net::same_header_name(header.name, name);
  });
}

// Says something of the bytes that the sender sent, and not of others. RFC 9530 has the digests.
bool is_of_body(const net::Header& header) {
  constexpr std::string_view kContent = "Content-";
  return net::same_header_name(std::string_view(header.name).substr(0, kContent.size()),
                               kContent) ||
         net::same_header_name(header.name, "Digest") ||
         net::same_header_name(header.name, "Repr-Digest");
}

void set_header(std::vector<net::Header>& headers, std::string_view name, std::string value) {
  std::erase_if(headers,
                [&](const net::Header& one) { return net::same_header_name(one.name, name); });
  headers.push_back({std::string(name), std::move(value)});
}

void add_waybills(const model::MessageContent& content, const model::Delivery& delivery, int number,
                  std::vector<net::Header>& headers) {
  set_header(headers, "Waybill-Message-Id", content.id.text());
  set_header(headers, "Waybill-Delivery-Id", delivery.id.text());
  set_header(headers, "Waybill-Source", dialect::header_text(content.source));
  if (!content.type.empty()) {
    set_header(headers, "Waybill-Event-Type", dialect::header_text(content.type));
  }
  set_header(headers, "Waybill-Attempt", fmt::format("{}", number));
  if (delivery.kind == model::DeliveryKind::kReplay) set_header(headers, "Waybill-Replay", "true");
}

// The dialect's headers, and its signature over the body.
Result<void> sign_again(const model::MessageContent& content, const model::Delivery& delivery,
                        const Target& target, const model::Event& event, int number,
                        const Clock& clock, net::ClientRequest& request) {
  const std::string event_id = event.id.uuid().text();
  const std::string delivery_id = delivery.id.uuid().text();
  dialect::Message message = dialect::message_about(event, event_id);
  message.event_type = content.type;
  message.workspace_slug = target.workspace_slug;
  message.environment = target.environment;
  const auto read = parse_json(content.body);
  const json::value nothing{json::object()};
  message.data = read && read->is_object() ? &*read : &nothing;
  const dialect::AttemptView attempt{delivery_id, number, clock.wall_now()};
  for (net::Header& header : dialect::foreign_headers(*target.dialect, message, attempt)) {
    set_header(request.headers, header.name, std::move(header.value));
  }
  const std::vector<Secret> secrets = target.secrets_at(clock.now());
  auto signature =
      dialect::sign(*target.dialect, request.headers, request.body, attempt.sent_at, secrets);
  if (!signature) return fail(signature.error());
  for (net::Header& header : *signature) {
    set_header(request.headers, header.name, std::move(header.value));
  }
  return {};
}

}  // namespace

Result<HttpSettings> HttpSettings::read(const json::object& settings) {
  SettingsReader reader(settings);
  HttpSettings made;
  made.payload = reader.payload(Payload::kBody);
  WAYBILL_TRY(reader.end());
  return made;
}

Result<net::ClientRequest> make_forward(const model::Delivery& delivery, const Target& target,
                                        OutgoingEvent& event, int number, const Clock& clock) {
  const auto stored = settings_of(target);
  if (!stored) return fail(stored.error());
  const auto settings = HttpSettings::read(*stored);
  if (!settings) return fail(settings.error());
  auto content = content_of(event);
  if (!content) return fail(content.error());

  net::ClientRequest request;
  request.headers = content->headers;
  std::erase_if(request.headers, [](const net::Header& header) { return !is_forwarded(header); });
  if (settings->payload == Payload::kMessage) {
    std::erase_if(request.headers, is_of_body);
    request.headers.push_back({"Content-Type", "application/json"});
  } else if (!content->content_type.empty()) {
    request.headers.push_back({"Content-Type", content->content_type});
  }
  for (const CustomHeader& header : target.headers) {
    set_header(request.headers, header.name, header.value.reveal());
  }
  add_waybills(*content, delivery, number, request.headers);
  request.body = payload_of(settings->payload, *content, delivery, number);
  if (target.dialect) {
    WAYBILL_TRY(sign_again(*content, delivery, target, event.event(), number, clock, request));
  }
  if (!event.event().trace.empty()) {
    // The sender's own step is the parent of the hub's, which the event knows.
    std::erase_if(request.headers, [](const net::Header& header) {
      return net::same_header_name(header.name, "traceparent") ||
             net::same_header_name(header.name, "tracestate");
    });
    add_trace(event.event().trace, delivery.id, number, request.headers);
  }

  request.url = target.url;
  request.deadlines = net::Deadlines::within(target.timeout);
  return request;
}

model::Attempt judge_forward(const Result<net::ClientResponse>& answer, Timestamp wall_now) {
  model::Attempt attempt = judge(answer, handler_delivery_rules(), wall_now);
  switch (attempt.status_code.value_or(0)) {
    case 410:
    case 422: attempt.outcome = model::Outcome::kNever; break;
    case 429:
    case 503:
      if (attempt.retry_after) attempt.outcome = model::Outcome::kLater;
      break;
    default: break;
  }
  return attempt;
}

Task<Tried> HttpChannel::attempt(const model::Delivery& delivery,
                                 std::shared_ptr<const Target> target, OutgoingEvent& event) {
  const int number = delivery.attempts_made + 1;
  // Settings or a secret that do not fit: never the receiver's fault.
  auto request = make_forward(delivery, *target, event, number, clock_);
  return try_over_http(clock_, send_, number, std::move(request), judge_forward);
}

}  // namespace waybill::delivery
