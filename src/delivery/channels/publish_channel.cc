#include "delivery/channels/publish_channel.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "delivery/handled_message.h"
#include "dialect/receipt.h"

namespace waybill::delivery {
namespace {

constexpr std::size_t kSubjectBytesMax = 200;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// What a canonical event is about is the id in its data, as in the hub's own events. What can be no
// subject is not made one: a NUL, say, which no PostgreSQL stores.
std::string subject_of(const json::value& data) {
  const json::value* id = data.is_object() ? data.get_object().if_contains("id") : nullptr;
  if (!id || !id->is_string()) return "";
  const std::string_view text = id->get_string();
  const bool fits = text.size() <= kSubjectBytesMax && std::ranges::none_of(text, is_control);
  return fits ? std::string(text) : std::string();
}

}  // namespace

Result<model::Event> bridged_event(const dialect::DialectRegistry& dialects,
                                   const model::Event& received,
                                   const model::MessageContent& content) {
  const dialect::Dialect* dialect = dialects.find(content.dialect);
  if (!dialect) {
    return fail(Code::kNotFound, "dialect_unknown",
                fmt::format("This hub has no dialect called \"{}\".", content.dialect));
  }
  auto read = dialect::read_event(*dialect, content.type, {content.headers, content.body});
  if (!read) return fail(read.error());
  model::Event event;
  event.workspace_id = received.workspace_id;
  event.type = std::move(read->type);
  event.occurred_at = read->occurred_at.value_or(content.received_at);
  event.subject = subject_of(read->data);
  event.data = write_json(read->data);
  if (!parse_json(event.data)) {
    return fail(Code::kInvalid, "message_unfit", "What the message tells is nested too deep.");
  }
  event.trace = received.trace;
  return event;
}

Task<Tried> PublishChannel::attempt(const model::Delivery& delivery,
                                    std::shared_ptr<const Target> /*target*/,
                                    OutgoingEvent& event) {
  Tried tried;
  tried.attempt.number = delivery.attempts_made + 1;
  tried.attempt.started_at = clock_.now();
  const Stopwatch stopwatch;
  const auto content = content_of(event);
  auto made = content ? bridged_event(dialects_, event.event(), *content) : fail(content.error());
  if (made) {
    made->id = ids_.next_id<model::EventId>();
    tried.attempt.outcome = model::Outcome::kSucceeded;
    tried.follow_up = {*std::move(made), content->id};
  } else if (made.error().reason == "event_unknown_to_dialect") {
    // R-PQ-41: to be received, and to mean nothing here, is no failure.
    tried.attempt.outcome = model::Outcome::kSucceeded;
    tried.attempt.response_body = fmt::format("Nothing was published: {}", made.error().message);
  } else {
    // A dialect that is not there today may be there again; what it cannot read stays so.
    const bool mendable = made.error().reason == "dialect_unknown";
    tried.attempt.outcome = mendable ? model::Outcome::kUnsendable : model::Outcome::kNever;
    tried.attempt.error = made.error().message;
  }
  tried.attempt.latency = stopwatch.elapsed();
  co_return tried;
}

}  // namespace waybill::delivery
