#include "surfaces/native/endpoint_settings.h"

#include <algorithm>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "net/header.h"
#include "net/url.h"
#include "routing/filter.h"
#include "store/endpoints.h"
#include "store/workspaces.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

namespace ip = boost::asio::ip;
using SecretRule = dialect::EndpointRules::SecretRule;

constexpr std::size_t kUrlCharactersMax = 2'000;

// The address that a URL's host is, if it is no name. A name is judged when it is resolved.
std::optional<ip::address> literal_address(const std::string& host) {
  if (host == "localhost" || host.ends_with(".localhost")) return ip::address_v4::loopback();
  boost::system::error_code error;
  const auto address = ip::make_address(host, error);
  return error ? std::nullopt : std::optional(address);
}

// `dialect`: null for none.
Result<void> check_url(const std::string& text, const Services& services,
                       const dialect::Dialect* dialect) {
  const auto url = net::parse_url(text);
  if (!url) return fail(url.error());
  if (dialect && dialect->endpoint.https_required && !url->tls &&
      !services.allow_insecure_endpoints) {
    return fail(Code::kInvalid, "url_not_https",
                fmt::format("{} sends to https:// only; the hub's setting "
                            "--allow-insecure-endpoints would allow http://.",
                            dialect->title));
  }
  if (const auto address = literal_address(url->host)) {
    // It is the URL that is wrong, not the caller who may not.
    if (const auto verdict = services.guard.check(*address); !verdict) {
      return fail(Code::kInvalid, verdict.error().reason, verdict.error().message);
    }
  }
  return {};
}

std::string event_names(const dialect::Dialect& dialect) {
  std::vector<std::string_view> names{"*"};
  for (const dialect::EventType& event : dialect.events) names.push_back(event.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

const dialect::Dialect* read_any_dialect(ObjectReader& body,
                                         const dialect::DialectRegistry& dialects) {
  const std::string name = body.text("dialect", {1, 200});
  const dialect::Dialect* dialect = dialects.find(name);
  if (!dialect) {
    body.refuse("dialect", "dialect_unknown",
                fmt::format("There is no dialect \"{}\". There are: {}.", name,
                            fmt::join(dialects.names(), ", ")));
  }
  return dialect;
}

const dialect::Dialect* read_dialect(ObjectReader& body, const dialect::DialectRegistry& dialects) {
  const dialect::Dialect* dialect = read_any_dialect(body, dialects);
  if (!dialect || !dialect->receives_only) return dialect;
  body.refuse("dialect", "dialect_receives_only",
              fmt::format("{} can be received, and not sent: a source can have it, an endpoint "
                          "cannot.",
                          dialect->title));
  return nullptr;
}

std::optional<std::string> read_url(ObjectReader& body, const Services& services,
                                    const dialect::Dialect& dialect, std::string_view member) {
  auto url = body.optional_text(member, {1, kUrlCharactersMax});
  if (url && !body.has_fault()) body.check(member, check_url(*url, services, &dialect));
  return url;
}

std::optional<std::string> read_any_url(ObjectReader& body, const Services& services) {
  auto url = body.optional_text("url", {1, kUrlCharactersMax});
  if (url && !body.has_fault()) body.check("url", check_url(*url, services, nullptr));
  return url;
}

std::optional<std::vector<std::string>> read_event_types(ObjectReader& body,
                                                         const dialect::Dialect& dialect,
                                                         std::string_view member) {
  auto types = body.optional_texts(member, {1, kEventTypesMax}, {1, 128});
  if (!types) return types;
  for (std::size_t i = 0; i < types->size(); ++i) {
    if (dialect.has_event((*types)[i])) continue;
    body.check(member, fail(Code::kInvalid, "event_type_unknown",
                            fmt::format("{} has no event \"{}\". It has: {}.", dialect.title,
                                        (*types)[i], event_names(dialect)),
                            fmt::format("{}[{}]", body.path(member), i)));
  }
  return types;
}

std::optional<std::string> read_name(ObjectReader& body) {
  return body.optional_text("name", {0, 200});
}

std::optional<std::string> read_filter(ObjectReader& body) {
  if (body.is_null("filter")) return "";
  const json::object* source = body.optional_object("filter");
  if (!source) return std::nullopt;
  std::string text = write_json(*source);
  const auto filter = routing::Filter::parse(*source, body.path("filter"));
  if (!filter) body.check("filter", fail(filter.error()));
  if (text.size() > routing::Filter::kTextBytesMax) {
    body.refuse("filter", "filter_invalid",
                fmt::format("A filter has at most {} bytes.", routing::Filter::kTextBytesMax));
  }
  return text;
}

std::optional<std::string> read_description(ObjectReader& body) {
  return body.optional_text("description", {0, 500});
}

std::optional<model::EndpointState> read_state(ObjectReader& body) {
  const auto text = body.optional_text("state", {1, 50});
  if (!text) return std::nullopt;
  const auto state = model::parse_endpoint_state(*text);
  if (state == model::EndpointState::kActive || state == model::EndpointState::kPaused)
    return state;
  body.refuse("state", "member_invalid", "A new endpoint is active or paused.");
  return std::nullopt;
}

std::optional<Secret> read_secret(ObjectReader& body, const dialect::Dialect& dialect) {
  const auto text = body.optional_text("secret", {1, kSecretCharactersMax});
  if (!text || body.has_fault()) return std::nullopt;
  if (dialect.endpoint.secret == SecretRule::kNone) {
    body.refuse("secret", "secret_not_used",
                fmt::format("{} does not sign, so its endpoints have no secret.", dialect.title));
    return std::nullopt;
  }
  Secret secret(*text);
  body.check("secret", dialect.check_secret(secret));
  return secret;
}

namespace {

// {"window": "30s", "edge": "trailing"}
void read_coalescing(ObjectReader& body, std::optional<model::CoalescingOverride>& coalescing) {
  if (body.is_null("coalescing")) {
    coalescing.reset();
    return;
  }
  const json::object* object = body.optional_object("coalescing");
  if (!object) return;
  ObjectReader reader(*object, body.path("coalescing"));
  const auto window =
      reader.optional_duration("window", std::chrono::milliseconds(0), kCoalescingMax);
  if (!window) reader.refuse("window", "member_missing", "\"window\" is missing.");
  const auto edge = reader.optional_text("edge", {1, 20}).value_or("leading");
  if (edge != "leading" && edge != "trailing") {
    reader.refuse("edge", "member_invalid", "This has to be \"leading\" or \"trailing\".");
  }
  body.check("coalescing", reader.done());
  coalescing = {window.value_or(std::chrono::milliseconds(0)), edge == "trailing"};
}

}  // namespace

namespace {

// A whole number; null takes it away.
void read_count(ObjectReader& body, std::string_view name, int min, int max,
                std::optional<int>& count) {
  if (body.is_null(name)) {
    count.reset();
  } else if (const auto number = body.optional_integer(name, min, max)) {
    count = static_cast<int>(*number);
  }
}

}  // namespace

void read_pace(ObjectReader& body, model::EndpointOverrides& overrides) {
  using std::chrono::milliseconds;
  using Schedule = model::RetrySchedule;
  if (body.is_null("retry")) {
    overrides.retry.reset();
  } else if (auto retry = body.optional_durations("retry", {0, Schedule::kDelaysMax},
                                                  milliseconds(1), Schedule::kDelayMax)) {
    overrides.retry = std::move(retry);
  }
  if (body.is_null("timeout")) {
    overrides.timeout.reset();
  } else if (const auto timeout = body.optional_duration("timeout", kTimeoutMin, kTimeoutMax)) {
    overrides.timeout = timeout;
  }
  read_count(body, "attempts_max", 1, static_cast<int>(Schedule::kDelaysMax) + 1,
             overrides.attempts_max);
  read_count(body, "rate_per_second", 1, kRatePerSecondMax, overrides.rate_per_second);
  read_count(body, "in_flight_max", 1, kInFlightMax, overrides.in_flight_max);
}

void read_overrides(ObjectReader& body, model::EndpointOverrides& overrides) {
  read_pace(body, overrides);
  read_coalescing(body, overrides.coalescing);
  read_count(body, "deactivate_after", 0, kDeactivateAfterMax, overrides.deactivate_after);
  if (body.is_null("exhausted")) {
    overrides.exhausted_deactivates.reset();
  } else if (const auto exhausted = body.optional_text("exhausted", {1, 20})) {
    if (*exhausted != kExhaustedDropped && *exhausted != kExhaustedDeactivated) {
      body.refuse("exhausted", "member_invalid",
                  fmt::format("This has to be \"{}\" or \"{}\".", kExhaustedDropped,
                              kExhaustedDeactivated));
    }
    overrides.exhausted_deactivates = *exhausted == kExhaustedDeactivated;
  }
}

std::optional<std::vector<delivery::CustomHeader>> read_headers(ObjectReader& body,
                                                                const dialect::Dialect& dialect) {
  using delivery::CustomHeader;
  if (body.is_null("headers")) return std::vector<CustomHeader>();
  if (!body.has("headers")) return std::nullopt;
  const json::object* object = body.object("headers");
  if (!object || body.has_fault()) return std::nullopt;
  if (object->size() > delivery::kCustomHeadersMax) {
    body.refuse("headers", "member_invalid",
                fmt::format("There can be at most {} headers.", delivery::kCustomHeadersMax));
  }
  std::vector<CustomHeader> headers;
  ObjectReader members(*object, body.path("headers"));
  for (const auto& member : *object) {
    CustomHeader header{std::string(member.key()), Secret(members.text(member.key(), {0, 4'000}))};
    if (members.has_fault()) break;
    members.check(member.key(), check_custom_header(dialect, header));
    if (std::ranges::any_of(headers, [&](const CustomHeader& other) {
          return net::same_header_name(other.name, header.name);
        })) {
      members.refuse(member.key(), "header_invalid", "This header is there twice.");
    }
    headers.push_back(std::move(header));
  }
  body.check("headers", members.done());
  return headers;
}

void write_secret(ObjectText& object, const dialect::Dialect& dialect, const Secret& secret) {
  if (secret.empty()) {
    object.add_json("secret", "null").add_json("verification_key", "null");
    return;
  }
  object.add("secret", secret.reveal()).add("verification_key", dialect.verification_key(secret));
}

Result<void> check_room(store::Connection& connection, const model::Endpoint& endpoint,
                        const dialect::Dialect& dialect) {
  const dialect::EndpointRules& rules = dialect.endpoint;
  if (rules.endpoints_max > 0) {
    using Counted = store::endpoints::Counted;
    WAYBILL_TRY(store::workspaces::lock(connection, endpoint.workspace_id));
    const auto count =
        store::endpoints::count(connection, endpoint.workspace_id, dialect.name,
                                rules.endpoints_max_of_active ? Counted::kActive : Counted::kAll);
    if (!count) return fail(count.error());
    if (*count >= rules.endpoints_max) {
      return fail(Code::kConflict, "endpoints_max_reached",
                  fmt::format("A workspace has at most {} {}endpoints of {}.", rules.endpoints_max,
                              rules.endpoints_max_of_active ? "active " : "", dialect.title));
    }
  }
  return check_url_free(connection, endpoint, dialect);
}

Result<void> check_url_free(store::Connection& connection, const model::Endpoint& endpoint,
                            const dialect::Dialect& dialect) {
  if (!dialect.endpoint.url_unique) return {};
  WAYBILL_TRY(store::workspaces::lock(connection, endpoint.workspace_id));
  const auto taken = store::endpoints::has_url(connection, endpoint.workspace_id, dialect.name,
                                               endpoint.url, endpoint.id);
  if (!taken) return fail(taken.error());
  if (!*taken) return {};
  return fail(Code::kConflict, "endpoint_url_taken",
              fmt::format("A workspace has one endpoint of {} for a URL, and this one has one.",
                          dialect.title),
              "$.url");
}

Result<const dialect::Dialect*> dialect_of(const model::Endpoint& endpoint,
                                           const dialect::DialectRegistry& dialects) {
  if (const auto* dialect = dialects.find(endpoint.dialect)) return dialect;
  return fail(Code::kConflict, "dialect_unknown",
              fmt::format("This hub has no dialect called \"{}\" any more.", endpoint.dialect));
}

Result<model::Endpoint> check_is_endpoint(Result<model::Endpoint> endpoint) {
  if (endpoint && endpoint->is_handler()) {
    return fail(Code::kNotFound, "endpoint_not_found", "There is no such endpoint.");
  }
  return endpoint;
}

Result<model::Endpoint> check_present(Result<model::Endpoint> found) {
  auto endpoint = check_is_endpoint(std::move(found));
  if (endpoint && endpoint->state == model::EndpointState::kDeleted) {
    return fail(Code::kNotFound, "endpoint_not_found", "This endpoint has been deleted.");
  }
  return endpoint;
}

Result<model::Endpoint> find_endpoint_to_change(store::Connection& connection, const Call& call,
                                                const model::EndpointId& id) {
  return check_present(store::endpoints::find_to_change(connection, call.workspace_id, id));
}

void forget_endpoint(const Services& services, const model::WorkspaceId& workspace,
                     const model::EndpointId& endpoint) {
  services.endpoints.forget(endpoint);
  services.dispatcher.endpoint_changed(workspace, endpoint);
}

}  // namespace waybill::surfaces::native
