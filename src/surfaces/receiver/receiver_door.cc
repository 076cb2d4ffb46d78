#include "surfaces/receiver/receiver_door.h"

#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/json_text.h"
#include "surfaces/refusals.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::receiver {
namespace {

constexpr std::string_view kTokenPath = "/in/";
constexpr std::string_view kPlatformPath = "/webhooks/";
// What a look for a token that is none costs, in hashed bytes: a read of the store.
constexpr std::int64_t kLookBytes = 64 * 1024;
constexpr std::int64_t kHashedBesides = 256;  // Of one HMAC: what pads it, and the outer hash.
// What the signatures of one request by an asymmetric key may take: as much as hashing this.
constexpr std::int64_t kAsymmetricBytes = 1024 * 1024;
constexpr std::chrono::microseconds kTurn{1'000};
constexpr std::string_view kLate = "timestamp_out_of_tolerance";

net::Response render(int status, std::string_view code, std::string_view detail) {
  std::string body;
  ObjectText(body).add("error", code).add("detail", replace_invalid_utf8(detail)).end();
  net::Response response = net::Response::json(status, std::move(body));
  response.error_code = code;
  return response;
}

std::unexpected<Error> nothing_here() {
  return fail(Code::kNotFound, "source_not_found", "There is nothing at this address.");
}

intake::Delivered delivered_of(const net::Request& request) {
  return {request.headers, request.body, request.peer, trace_of(request)};
}

std::int64_t hashed_for(const net::Request& request, const intake::OpenSource& source) {
  return std::ssize(request.body) +
         std::ssize(source.keys) * (kHashedBesides + std::ssize(request.body)) +
         static_cast<std::int64_t>(source.asymmetric_keys) * kAsymmetricBytes;
}

net::Response answer_of(intake::Receipt& receipt) {
  return net::Response::with_body(receipt.status, receipt.content_type, std::move(receipt.body));
}

}  // namespace

bool ReceiverDoor::serves(std::string_view path) {
  return path.starts_with(kTokenPath) || path.starts_with(kPlatformPath);
}

net::Response ReceiverDoor::render_error(const Error& error) {
  if (error.code == Code::kInternal) {
    return render(500, "internal", "Something is wrong inside the hub; its log says what.");
  }
  // The sender is at fault in none of it, and sends it again (R-PQ-37).
  if (error.reason == "secret_missing") return render(500, error.reason, error.message);
  if (error.code == Code::kUnauthenticated) {
    net::Response response =
        render(401, "unauthorized", "The signature is missing, or is none of this address.");
    response.error_code = error.reason;
    return response;
  }
  net::Response response = render(net::status_of(error), error.reason, told_with_path(error));
  if (error.code == Code::kUnavailable) response.headers.push_back({"Retry-After", "1"});
  return response;
}

net::Response ReceiverDoor::render_miss(const net::Router::Miss& miss) {
  return refuse_miss(miss, render);
}

void ReceiverDoor::add_routes(net::Router& router) {
  router.add(
      {"POST", "/in/{token}", [this](net::Request& request) { return answer_token(request); }});
  router.add({"POST", "/webhooks/{platform}",
              [this](net::Request& request) { return answer_platform(request); }});
}

Result<void> ReceiverDoor::check_budget(const std::string& other_end, std::int64_t own) const {
  if (budget_.may_go_on(other_end, own, services_.clock.now())) return {};
  return fail(Code::kUnavailable, "rate_limited",
              "Too much that nobody has signed; try again in a second.");
}

Task<Result<ReceiverDoor::Source>> ReceiverDoor::find(const net::Request& request) {
  // Who looks for tokens keeps nobody behind the same address from a source that is used.
  if (Source known = services_.sources.remembered(request.param("token"))) co_return known;
  const std::string other_end = other_end_of(request.peer);
  WAYBILL_CO_TRY(check_budget(other_end));
  auto source = co_await services_.sources.find(request.param("token"));
  if (!source && source.error().code == Code::kNotFound) {
    budget_.spend(other_end, kLookBytes, services_.clock.now());
  }
  co_return source;
}

Task<net::Response> ReceiverDoor::answer_token(net::Request& request) {
  auto source = co_await find(request);
  if (!source) co_return refuse(request, source.error());
  co_return co_await receive(request, *std::move(source));
}

Task<net::Response> ReceiverDoor::answer_platform(net::Request& request) {
  const dialect::Dialect* dialect = services_.dialects.find(request.param("platform"));
  if (!dialect || !dialect->receipt) co_return refuse(request, nothing_here().error());
  if (!dialect->signature) {
    co_return refuse(request,
                     Error(Code::kNotFound, "dialect_unsigned",
                           "This platform signs nothing: send to the address of a source."));
  }
  auto source = co_await search(request, *dialect);
  if (source) co_return co_await receive(request, *std::move(source));
  const bool unsigned_here = source.error().code == Code::kUnauthenticated;
  if (unsigned_here || source.error().reason == "secret_missing") {
    auto ping = services_.receiver.answer_ping(*dialect, delivered_of(request));
    if (ping && *ping) co_return answer_of(**ping);
  }
  if (unsigned_here) co_await note_failure(dialect->name, request.peer);
  co_return refuse(request, source.error());
}

Task<void> ReceiverDoor::note_failure(std::string dialect, std::string address) {
  const auto sources = co_await services_.sources.of_dialect(std::move(dialect));
  if (!sources || (*sources)->size() > kBlamedMax) co_return;
  for (const Source& source : **sources) {
    if (source->secrets_at(services_.clock.now()).empty()) continue;
    services_.watch.note_failure(source->source, address);
  }
}

Task<Result<ReceiverDoor::Source>> ReceiverDoor::search(const net::Request& request,
                                                        const dialect::Dialect& dialect) {
  const std::string other_end = other_end_of(request.peer);
  WAYBILL_CO_TRY(check_budget(other_end));
  const auto sources = co_await services_.sources.of_dialect(dialect.name);
  if (!sources) co_return fail(sources.error());
  if ((*sources)->empty()) co_return nothing_here();
  const intake::Delivered delivered = delivered_of(request);
  std::int64_t hashed = 0;
  std::int64_t spent = 0;
  int holders = 0;
  Stopwatch turn;
  std::optional<Error> told;
  Source signed_for;
  for (const Source& source : **sources) {
    const auto verified = services_.receiver.verify(*source, delivered);
    // A good signature with a bad time is the best that can be said of one that fails.
    const bool is_late = !verified && verified.error().reason == kLate;
    holders += verified || is_late ? 1 : 0;
    if (verified && !signed_for) {
      // What is properly signed costs its sender nothing, now or in what is left of the search.
      signed_for = source;
      budget_.spend(other_end, -std::exchange(spent, 0), services_.clock.now());
    }
    if (signed_for && holders > 1) {
      co_return fail(Code::kConflict, "source_ambiguous",
                     "Several sources have the secret of this signature: send to the address of "
                     "one, /in/ and its token.");
    }
    if (!verified && verified.error().reason != "secret_missing" &&
        (!told || told->reason != kLate)) {
      told = verified.error();
    }
    hashed += hashed_for(request, *source);
    if (turn.elapsed() < kTurn) continue;
    if (!signed_for) {
      // Before others have their turn, which may be of the same other end.
      budget_.spend(other_end, hashed, services_.clock.now());
      spent += std::exchange(hashed, 0);
    }
    co_await boost::asio::post(co_await boost::asio::this_coro::executor,
                               boost::asio::use_awaitable);
    if (!signed_for) WAYBILL_CO_TRY(check_budget(other_end, spent));
    turn = Stopwatch();
  }
  if (signed_for) co_return signed_for;
  budget_.spend(other_end, hashed, services_.clock.now());
  if (told) co_return fail(*std::move(told));
  co_return fail(Code::kUnavailable, "secret_missing",
                 "No source of this platform has a secret to verify with yet.");
}

Task<net::Response> ReceiverDoor::receive(const net::Request& request, Source source) {
  request.workspace = source->source.workspace_id.uuid();
  // Whoever knows a source's address cannot use up what its platform may: each has its own.
  const std::string other_end = other_end_of(request.peer) + " " + source->source.id.text();
  const auto within = check_budget(other_end);
  const std::string id = source->source.id.text();
  if (!within) co_return refuse(request, within.error(), id);
  auto receipt = co_await services_.receiver.receive(source, delivered_of(request),
                                                     services_.dispatcher.lease_terms());
  if (!receipt) {
    if (receipt.error().code == Code::kUnauthenticated) {
      budget_.spend(other_end, hashed_for(request, *source), services_.clock.now());
      services_.watch.note_failure(source->source, request.peer);
    }
    co_return refuse(request, receipt.error(), id);
  }
  net::Response response = answer_of(*receipt);
  if (receipt->kind == intake::Receipt::Kind::kNew) {
    services_.dispatcher.hand_over(std::move(receipt->accepted));
  } else if (receipt->differs) {
    services_.log.info("message_differs", {{"request", request.id},
                                           {"source", source->source.id.text()},
                                           {"message", receipt->message->text()}});
  }
  co_return response;
}

void ReceiverDoor::note_refusal(const net::Request& request, const Error& error,
                                std::string_view source) {
  if (error.code == Code::kInternal) return log_refusal(services_.log, request, "receiver", error);
  const Timestamp now = services_.clock.now();
  if (now - noted_since_ >= std::chrono::seconds(1)) {
    noted_since_ = now;
    noted_ = 0;
  }
  if (++noted_ > kNotedPerSecond) return;
  services_.log.info("message_refused", {{"request", request.id},
                                         {"source", source},
                                         {"from", request.peer},
                                         {"reason", error.reason},
                                         {"what", error.message}});
}

net::Response ReceiverDoor::refuse(const net::Request& request, const Error& error,
                                   std::string_view source) {
  note_refusal(request, error, source);
  const bool is_ours = error.code == Code::kInternal || error.code == Code::kUnavailable;
  if (!is_ours) ++counters_.refused;
  if (error.code == Code::kUnauthenticated) ++counters_.signature_failures;
  return render_error(error);
}

}  // namespace waybill::surfaces::receiver
