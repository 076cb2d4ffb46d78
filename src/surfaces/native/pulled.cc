// Deliveries that a program fetches and makes itself, in the hub's place, while their endpoint is
// not active: `waybill listen` (docs/decisions/0024).

#include <utility>

#include <fmt/format.h>

#include "base/rng.h"
#include "delivery/http_attempt.h"
#include "delivery/webhook_channel.h"
#include "store/deliveries.h"
#include "store/endpoints.h"
#include "store/events.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

using std::chrono::milliseconds;

// Both real, since they are about a client and the load it makes.
constexpr milliseconds kWaitMax = std::chrono::seconds(30);
constexpr milliseconds kLook = std::chrono::milliseconds(500);
// Of events in one answer, but for its first.
constexpr std::size_t kBytesMax = 4 * 1024 * 1024;
constexpr std::int64_t kLatencyMax = 3'600'000;
constexpr std::int64_t kNumberMax = 1'000'000;

std::optional<milliseconds> parse_wait(std::string_view text) {
  const auto wait = parse_duration(text);
  return wait && *wait <= kWaitMax ? wait : std::nullopt;
}

struct Due {
  model::Delivery delivery;
  std::shared_ptr<const model::Event> event;
};

Result<void> check_not_active(const model::Endpoint& endpoint) {
  if (endpoint.state != model::EndpointState::kActive) return {};
  return fail(Code::kConflict, "endpoint_active",
              "The hub itself sends to an active endpoint. Pause it first.");
}

Result<std::vector<Due>> find_due(store::Connection& connection,
                                  const model::WorkspaceId& workspace, const model::EndpointId& id,
                                  Timestamp now, int limit) {
  const auto endpoint = check_present(store::endpoints::find(connection, workspace, id));
  if (!endpoint) return fail(endpoint.error());
  WAYBILL_TRY(check_not_active(*endpoint));
  auto deliveries = store::deliveries::due(connection, workspace, id, now, limit);
  if (!deliveries) return fail(deliveries.error());
  std::vector<Due> all;
  std::size_t bytes = 0;
  for (model::Delivery& delivery : *deliveries) {
    auto found = store::events::find(connection, workspace, delivery.event_id);
    if (!found) return fail(found.error());
    bytes += found->event.data.size();
    if (bytes > kBytesMax && !all.empty()) break;
    all.push_back(
        {std::move(delivery), std::make_shared<const model::Event>(std::move(found->event))});
  }
  return all;
}

// What cannot be rendered or signed has no request, but an error: it is tried all the same, and
// fails.
void write_request(ObjectText& object, const Due& due, const delivery::Target& target,
                   const Clock& clock) {
  const int number = due.delivery.attempts_made + 1;
  delivery::OutgoingEvent event(due.event);
  const auto request = delivery::make_request(due.delivery, target, event, number, clock);
  object.add("delivery_id", due.delivery.id)
      .add("event_id", due.delivery.event_id)
      .add("event_type", due.delivery.event_type)
      .add("number", number)
      .add("timeout", target.timeout);
  const std::vector<net::Header> none;
  append_array(object.member("headers"), request ? request->headers : none,
               [](std::string& out, const net::Header& header) {
                 append_value(out, std::vector<std::string>{header.name, header.value});
               });
  object.add("body", request ? std::optional(request->body) : std::nullopt)
      .add("error", request ? std::nullopt : std::optional(request.error().message));
}

Task<Result<Reply>> show(Call& call, const model::EndpointId& id, const std::vector<Due>& due) {
  const auto target = co_await call.services.endpoints.find(call.workspace_id, id);
  if (!target) co_return fail(target.error());
  if (!(*target)->endpoint.headers.sealed.empty() && !call.caller.is_admin()) {
    co_return fail(Code::kForbidden, "scope_missing",
                   "This endpoint has headers of its own, which a request shows: only the admin "
                   "sees its requests.");
  }
  std::string body;
  ObjectText object(body);
  append_array(object.member("rows"), due, [&](std::string& out, const Due& one) {
    ObjectText row(out);
    write_request(row, one, **target, call.services.clock);
    row.end();
  });
  object.end();
  co_return Reply{200, std::move(body)};
}

// An attempt as its maker tells of it.
struct Told {
  int number = 0;
  Result<net::ClientResponse> answer = net::ClientResponse();
  milliseconds latency{0};
};

std::optional<Code> parse_failure(std::string_view outcome) {
  using model::Outcome;
  const auto known = model::parse_outcome(outcome);
  if (known == Outcome::kTimeout) return Code::kTimeout;
  if (known == Outcome::kConnectionError) return Code::kUnavailable;
  if (known == Outcome::kUnsendable) return Code::kInvalid;
  return std::nullopt;
}

// The body of an answer may have any characters.
std::string read_response_body(ObjectReader& body, const json::object& object) {
  if (!body.has("response_body")) return "";
  const json::string* text = object.at("response_body").if_string();
  if (text == nullptr) {
    body.refuse("response_body", "member_type", "\"response_body\" has to be a string.");
    return "";
  }
  return std::string(text->data(), text->size());
}

Result<Told> read_told(const json::object& object) {
  ObjectReader body(object);
  Told told;
  net::ClientResponse answer;
  if (!body.has("number")) body.refuse("number", "member_missing", "\"number\" is missing.");
  told.number = static_cast<int>(body.optional_integer("number", 1, kNumberMax).value_or(0));
  told.latency = milliseconds(body.optional_integer("latency_ms", 0, kLatencyMax).value_or(0));
  const auto status = body.optional_integer("status_code", 100, 599);
  const auto error = body.optional_text("error", {1, 500});
  const auto outcome = body.optional_text("outcome", {1, 50});
  const auto failure = parse_failure(outcome.value_or("connection_error"));
  const auto wish = body.optional_text("retry_after", {1, 100});
  answer.body = read_response_body(body, object);
  if (body.has("status_code") == body.has("error")) {
    body.refuse("status_code", "member_invalid",
                "Say either the status_code of the answer, or the error if there was none.");
  }
  if (!failure || (outcome && !error)) {
    body.refuse("outcome", "member_invalid",
                "\"outcome\" says of an error that it is timeout, connection_error or unsendable.");
  }
  WAYBILL_TRY(body.done());
  if (error) {
    told.answer = fail(*failure, "", *error);
    return told;
  }
  answer.status = static_cast<int>(*status);
  if (wish) answer.headers.push_back({"Retry-After", *wish});
  told.answer = std::move(answer);
  return told;
}

// As the dispatcher does, but for the endpoint's health: who makes deliveries himself is at work on
// what receives them.
Result<Change> record(store::Connection& connection, const Call& call, const model::DeliveryId& id,
                      const Told& told, Timestamp wall_now) {
  const Services& services = call.services;
  auto found =
      store::deliveries::find_to_attempt(connection, call.workspace_id, id, told.number, call.now);
  if (!found) return fail(found.error());
  model::Delivery& delivery = *found;
  auto endpoint =
      check_present(store::endpoints::find(connection, call.workspace_id, delivery.endpoint_id));
  if (!endpoint) return fail(endpoint.error());
  WAYBILL_TRY(check_not_active(*endpoint));
  const auto target =
      delivery::make_target(*std::move(endpoint), services.dialects, services.secret_box);
  if (!target) return fail(target.error());

  model::Attempt attempt = delivery::judge(told.answer, target->dialect->delivery, wall_now);
  attempt.number = told.number;
  attempt.latency = told.latency;
  attempt.started_at = call.now - services.clock.hub_time(told.latency);
  delivery.attempts_made = told.number;
  // A unit may run again: its chance is the same each time.
  Rng rng(std::hash<model::DeliveryId>()(id) ^ static_cast<std::uint64_t>(told.number));
  const auto next = model::next_state(delivery, attempt, target->retry, call.now, rng);
  WAYBILL_TRY(store::deliveries::record_attempt(connection, delivery, attempt, next, call.now));
  delivery.state = next.state;
  delivery.due_at = next.due_at;
  if (!next.due_at) delivery.finished_at = call.now;

  std::string detail;
  ObjectText(detail)
      .add("endpoint_id", delivery.endpoint_id)
      .add("number", attempt.number)
      .add("outcome", model::outcome_name(attempt.outcome))
      .end();
  return Change{201, text_of(delivery), AuditNote{"delivery.attempt", id.text(), detail, {}}, {}};
}

}  // namespace

Task<Result<Reply>> list_endpoint_requests(Call& call) {
  Clock& clock = call.services.clock;
  const auto id = path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  const int limit = call.query.page().limit;
  const auto wait = call.query.parsed("wait", parse_wait, "a duration of at most 30s");
  WAYBILL_CO_TRY(call.query.done());
  const Timestamp until = call.now + clock.hub_time(wait.value_or(milliseconds(0)));
  std::optional<Waits::Place> place;
  for (;;) {
    const Timestamp now = clock.now();
    const auto due = co_await call.services.database.read([&](store::Connection& connection) {
      return find_due(connection, call.workspace_id, *id, now, limit);
    });
    if (!due) co_return fail(due.error());
    if (!due->empty() || now >= until || call.waits->ended())
      co_return co_await show(call, *id, *due);
    if (!place) {
      auto taken = call.waits->take();
      if (!taken) {
        co_return fail(
            Code::kUnavailable, "waits_max_reached",
            fmt::format("{} calls wait already. Ask again, or without `wait`.", Waits::kMax));
      }
      place.emplace(*std::move(taken));
    }
    co_await place->until(std::min(until, now + clock.hub_time(kLook)), clock);
  }
}

Task<Result<Reply>> record_attempt(Call& call) {
  const auto id = path_id<model::DeliveryId>(call.request, "delivery");
  if (!id) co_return fail(id.error());
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  const auto told = read_told(*object);
  if (!told) co_return fail(told.error());
  const Timestamp wall_now = call.services.clock.wall_now();
  co_return co_await make_change(call, [&](store::Connection& connection) {
    return record(connection, call, *id, *told, wall_now);
  });
}

}  // namespace waybill::surfaces::native
