#include "delivery/channels/fetch_channel.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/json.h"
#include "crypto/digest.h"
#include "delivery/channels/fetch_settings.h"
#include "delivery/handled_message.h"

namespace waybill::delivery {
namespace {

constexpr std::chrono::hours kPutOffMax{24};
// Whoever waited in vain for what another attempt has asked for.
constexpr std::chrono::seconds kAskAgain{1};

std::string key_of(const net::ClientRequest& request) {
  std::string text = request.url.origin() + request.url.target;
  for (const net::Header& header : request.headers) {
    text += '\n';
    text += header.name;
    text += ':';
    text += header.value;
  }
  const crypto::Digest digest = crypto::sha256(text);
  return {digest.begin(), digest.end()};
}

// Whoever asks with the same headers at the same place asks with the same token.
Uuid caller_of(const net::ClientRequest& request) {
  net::ClientRequest anywhere = request;
  anywhere.url.target = "/";
  const std::string key = key_of(anywhere);
  return Uuid::from_bytes(as_bytes(std::string_view(key)).first(Uuid::kSize)).value();
}

// When a 429 says that it may be asked again: a header, or Precoro's JSON member, which is a text
// such as "2025-12-16 09:00:49 UTC" (R-PR §3, limits).
std::optional<std::chrono::milliseconds> wish_of(const net::ClientResponse& answer, Timestamp now) {
  if (const std::string* wish = net::find_header(answer.headers, "Retry-After")) {
    if (const auto wait = parse_retry_after(*wish, now)) return wait;
  }
  const auto body = parse_json(answer.body);
  const json::object* object = body ? body->if_object() : nullptr;
  const json::value* member = object ? object->if_contains("RateLimit-Retry-After") : nullptr;
  if (!member || !member->is_string()) return std::nullopt;
  std::string text(std::string_view(member->get_string()));
  if (text.size() != 23 || text[10] != ' ' || !text.ends_with(" UTC")) return std::nullopt;
  text[10] = 'T';
  const auto when = parse_iso_time(text.substr(0, 19) + "Z");
  if (!when) return std::nullopt;
  return std::max(*when - now, std::chrono::milliseconds(0));
}

model::Attempt ended(model::Outcome outcome, std::string error) {
  model::Attempt attempt;
  attempt.outcome = outcome;
  attempt.error = std::move(error);
  return attempt;
}

model::Attempt put_off_for(std::chrono::milliseconds wait) {
  model::Attempt attempt = ended(model::Outcome::kLater, "The platform is asked later.");
  attempt.unmade = true;
  attempt.retry_after = std::clamp<std::chrono::milliseconds>(
      wait, std::chrono::milliseconds(1), std::chrono::milliseconds(kPutOffMax));
  return attempt;
}

}  // namespace

model::Attempt judge_document(const Result<net::ClientResponse>& answer, Timestamp wall_now) {
  static const dialect::DeliveryRules rules = [] {
    dialect::DeliveryRules made;
    made.success = {{200, 299}};
    return made;
  }();
  model::Attempt attempt = judge(answer, rules, wall_now);
  using enum model::Outcome;
  if (attempt.outcome == kSucceeded) {
    attempt.response_body.clear();
    if (answer->cut) {
      return ended(kRefused, fmt::format("The document is larger than {} bytes.",
                                         FetchChannel::kDocumentBytesMax));
    }
    if (const auto read = parse_json(answer->body); !read) {
      attempt.outcome = kRefused;
      attempt.error = fmt::format("The document is no JSON: {}", read.error().message);
    }
    return attempt;
  }
  if (!answer) return attempt;
  switch (answer->status) {
    case 401:
    case 403: attempt.error = "The platform refused the fetcher's token."; break;
    case 404: attempt.error = "The platform has no such document, or not yet."; break;
    case 410:
      // Of this document alone: the fetcher stays as it is.
      attempt.outcome = kNever;
      attempt.error = "The document is gone.";
      break;
    case 429:
      attempt.error = "The platform allows no more requests for now.";
      attempt.retry_after = wish_of(*answer, wall_now);
      if (attempt.retry_after) {
        attempt.outcome = kLater;
        attempt.retry_after = std::clamp<std::chrono::milliseconds>(
            *attempt.retry_after, std::chrono::seconds(1), std::chrono::milliseconds(kPutOffMax));
      }
      break;
    default: break;
  }
  return attempt;
}

struct FetchChannel::Plan {
  const dialect::Dialect* dialect = nullptr;
  std::optional<net::ClientRequest> request;  // Nothing: there is nothing to fetch.
};

Result<FetchChannel::Plan> FetchChannel::plan(const model::MessageContent& content,
                                              const Target& target) const {
  Plan plan;
  plan.dialect = dialects_.find(content.dialect);
  if (!plan.dialect) {
    return fail(Code::kInternal, "dialect_unknown",
                fmt::format("This hub has no dialect called \"{}\".", content.dialect));
  }
  if (!plan.dialect->receipt || !plan.dialect->receipt->fetch) return plan;
  auto settings = parse_json(target.channel_settings.reveal());
  if (!settings || !settings->is_object()) {
    return fail(Code::kInternal, "handler_settings_invalid", "The fetcher has no settings.");
  }
  for (const std::string& name : plan.dialect->receipt->fetch->settings) {
    if (settings->get_object().contains(name)) continue;
    return fail(Code::kInternal, "handler_settings_invalid",
                fmt::format("The fetcher has no setting \"{}\".", name));
  }
  auto wanted = dialect::fetch_request(*plan.dialect->receipt->fetch, content.type,
                                       {content.headers, content.body}, settings->get_object());
  if (!wanted) return fail(wanted.error());
  if (!*wanted) return plan;
  auto url = fetch_url(settings->get_object(), (*wanted)->path);
  if (!url) return fail(url.error());

  net::ClientRequest& request = plan.request.emplace();
  request.method = "GET";
  request.url = *std::move(url);
  request.headers = std::move((*wanted)->headers);
  if (!net::find_header(request.headers, "Accept")) {
    request.headers.push_back({"Accept", "application/json"});
  }
  request.deadlines = net::Deadlines::within(target.timeout);
  request.answer_bytes_max = kDocumentBytesMax;
  return plan;
}

Task<Tried> FetchChannel::attempt(const model::Delivery& delivery,
                                  std::shared_ptr<const Target> target, OutgoingEvent& event) {
  const Timestamp started_at = clock_.now();
  const Stopwatch stopwatch;
  Tried tried;
  auto content = content_of(event);
  Result<Plan> planned = content ? plan(*content, *target) : fail(content.error());
  if (!planned) {
    // What a message lacks it will lack tomorrow; what is wrong with the hub may be mended.
    const bool of_message = planned.error().code == Code::kInvalid;
    tried.attempt = ended(of_message ? model::Outcome::kNever : model::Outcome::kUnsendable,
                          planned.error().message);
  } else if (planned->request) {
    tried.attempt = co_await fetch(*std::move(planned), delivery.id, *content);
  } else {
    tried.attempt.outcome = model::Outcome::kSucceeded;
  }
  if (tried.attempt.outcome == model::Outcome::kSucceeded) {
    FollowUp& follow_up = tried.follow_up.emplace();
    follow_up.of = content->id;
    follow_up.event = event.event();
    follow_up.event.id = ids_.next_id<model::EventId>();
    follow_up.event.type = model::kMessageFetched;
    follow_up.event.data = model::message_data(*content);
    // Within the message it is one level deeper than it was alone.
    if (!parse_json(follow_up.event.data)) {
      tried.follow_up.reset();
      tried.attempt.outcome = model::Outcome::kNever;
      tried.attempt.error = "The document is nested too deep.";
    }
  }
  tried.attempt.number = delivery.attempts_made + 1;
  tried.attempt.started_at = started_at;
  tried.attempt.latency = stopwatch.elapsed();
  co_return tried;
}

Task<model::Attempt> FetchChannel::fetch(Plan plan, model::DeliveryId who,
                                         model::MessageContent& content) {
  std::chrono::milliseconds put_off{0};
  const FetchMemory::Answer answer =
      co_await ask(std::move(plan), who, content.received_at, put_off);
  if (!answer) co_return put_off_for(put_off);
  model::Attempt attempt = judge_document(*answer, clock_.wall_now());
  if (attempt.outcome == model::Outcome::kSucceeded) {
    content.document = write_json(*parse_json((*answer)->body));
  }
  co_return attempt;
}

Task<FetchMemory::Answer> FetchChannel::ask(Plan plan, model::DeliveryId who, Timestamp received_at,
                                            std::chrono::milliseconds& put_off) {
  namespace asio = boost::asio;
  net::ClientRequest& request = *plan.request;
  const std::string key = key_of(request);
  const Timestamp now = clock_.now();
  if (const auto asked = memory_.find(key, now)) {
    if (received_at <= asked->at) {
      if (!asked->answered) {
        using namespace asio::experimental::awaitable_operators;
        asio::steady_timer own(asked->waits.get_executor(), request.deadlines.total);
        co_await (asked->waits.async_wait(asio::as_tuple(asio::use_awaitable)) ||
                  own.async_wait(asio::as_tuple(asio::use_awaitable)));
        if (!asked->answered)
          put_off = std::max<std::chrono::milliseconds>(asked->until - clock_.now(), kAskAgain);
        co_return asked->answer;
      }
      // A failure is nobody's answer but of those who waited for it.
      if (asked->answer &&
          judge_document(*asked->answer, now).outcome == model::Outcome::kSucceeded) {
        co_return asked->answer;
      }
    }
    put_off = asked->until - now;
    co_return nullptr;
  }

  const auto timeout = request.deadlines.total;
  const FetchPace::Turn turn =
      pace_of(*plan.dialect)
          .take(caller_of(request), who.uuid(), now,
                std::min<std::chrono::milliseconds>(kWaitMax, clock_.hub_time(timeout / 4)));
  if (!turn.granted) {
    put_off = turn.put_off;
    co_return nullptr;
  }
  const auto executor = co_await asio::this_coro::executor;
  const auto asked =
      memory_.begin(key, turn.at, turn.at + plan.dialect->receipt->fetch->same_after, executor);
  while (clock_.now() < turn.at) {
    asio::steady_timer timer(executor);
    co_await clock_.wait_until(turn.at, timer);
  }
  auto response = co_await send_(std::move(request));
  auto answer = std::make_shared<const Result<net::ClientResponse>>(std::move(response));
  memory_.end(key, asked, answer);
  co_return answer;
}

FetchPace& FetchChannel::pace_of(const dialect::Dialect& dialect) {
  return paces_.try_emplace(&dialect, *dialect.receipt->fetch).first->second;
}

}  // namespace waybill::delivery
