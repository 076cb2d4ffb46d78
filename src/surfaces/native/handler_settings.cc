// Reads and checks what a caller wants a handler to be.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "delivery/channel_settings.h"
#include "dialect/receipt.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/handlers.h"

namespace waybill::surfaces::native {
namespace {

using model::Channel;

constexpr std::size_t kOrderByCharactersMax = 500;

// Any text where the platform's names are not all known; else one that can come.
bool can_come(const dialect::Dialect& received, const std::string& type) {
  if (received.events.empty() || received.open_catalogue || received.has_event(type)) return true;
  return received.receipt && std::ranges::any_of(received.receipt->types, [&](const auto& named) {
           return named.second == type;
         });
}

std::optional<std::vector<std::string>> read_message_types(ObjectReader& body,
                                                           const dialect::Dialect& received) {
  auto types = body.optional_texts("event_types", {1, kEventTypesMax}, {1, 128});
  if (!types) return types;
  for (std::size_t i = 0; i < types->size(); ++i) {
    if (can_come(received, (*types)[i])) continue;
    body.check("event_types",
               fail(Code::kInvalid, "event_type_unknown",
                    fmt::format("{} has no event \"{}\".", received.title, (*types)[i]),
                    fmt::format("{}[{}]", body.path("event_types"), i)));
  }
  return types;
}

Channel read_channel(ObjectReader& body) {
  const std::string name = body.text("channel", {1, 20});
  const auto channel = model::parse_channel(name);
  if (channel && *channel != Channel::kWebhook) return *channel;
  body.refuse("channel", "member_invalid",
              "This has to be http, command, file, redis, amqp, kafka, sql, publish or fetch.");
  return Channel::kHttp;
}

// What a source of `received` can have.
void check_fits(ObjectReader& body, Channel channel, const dialect::Dialect& received) {
  if (channel == Channel::kFetch && !(received.receipt && received.receipt->fetch)) {
    body.refuse("channel", "dialect_fetches_nothing",
                fmt::format("What {} sends names no document to fetch.", received.title));
  }
  if (channel == Channel::kPublish && received.events.empty() && !received.open_catalogue) {
    body.refuse("channel", "dialect_tells_no_events",
                fmt::format("What {} sends is none of the events of this hub.", received.title));
  }
}

// A fetcher has all that the paths and headers of its requests name.
void check_fetch_names(ObjectReader& body, const json::object& settings,
                       const dialect::Dialect& received) {
  if (!received.receipt || !received.receipt->fetch) return;
  for (const std::string& name : received.receipt->fetch->settings) {
    if (settings.contains(name)) continue;
    body.check("settings",
               fail(Code::kInvalid, "handler_settings_invalid",
                    fmt::format("To fetch what {} names takes a \"{}\".", received.title, name),
                    fmt::format("{}.{}", body.path("settings"), name)));
  }
}

// As they are stored: JSON, or nothing where there are none. `path`s of faults are the body's.
std::optional<std::string> read_settings(ObjectReader& body, Channel channel,
                                         const dialect::Dialect& received) {
  static const json::object none;
  const json::object* given = body.optional_object("settings");
  if (body.has_fault()) return std::nullopt;
  const json::object& settings = given ? *given : none;
  if (auto verdict = delivery::check_channel_settings(channel, settings); !verdict) {
    Error error = std::move(verdict).error();
    if (error.path.starts_with('$')) error.path.replace(0, 1, body.path("settings"));
    body.check("settings", fail(std::move(error)));
  } else if (channel == Channel::kFetch) {
    check_fetch_names(body, settings, received);
  }
  if (!given) return std::nullopt;
  return settings.empty() ? std::string() : write_json(settings);
}

// Of http alone: where it is sent to, and in which dialect it is signed again, be it one that is
// received only.
void read_signing(ObjectReader& body, const Call& call, NewHandler& made) {
  if (!body.has("dialect")) return;
  made.signs_in = read_any_dialect(body, call.services.dialects);
  if (!made.signs_in) return;
  made.handler.dialect = made.signs_in->name;
  if (made.signs_in->signature) return;
  body.refuse("dialect", "dialect_unsigned",
              fmt::format("{} does not sign.", made.signs_in->title));
}

void check_order_by(ObjectReader& body, const model::Endpoint& handler) {
  if (handler.order_by.empty() || body.has_fault()) return;
  if (handler.in_order) {
    body.refuse("order_by", "order_ambiguous",
                "Either everything is in order (in_order), or what has the same key (order_by).");
  }
  if (const auto parsed = dialect::parse_message_template(handler.order_by); !parsed) {
    body.refuse("order_by", "order_by_invalid", parsed.error().message);
  }
}

Bytes sealed(const Call& call, const std::string& text, const model::EndpointId& id) {
  return text.empty() ? Bytes() : call.services.secret_box.seal(text, id.bytes());
}

}  // namespace

Result<void> check_may_run(const Call& call, Channel channel) {
  if (!delivery::is_operators(channel) || call.caller.is_admin()) return {};
  return fail(Code::kForbidden, "operator_only",
              fmt::format("Handlers of kind {} are made, changed and resumed with the admin token "
                          "alone.",
                          model::channel_name(channel)));
}

Result<NewHandler> read_new_handler(const Call& call, const json::object& object, std::string path,
                                    const dialect::Dialect& received) {
  ObjectReader body(object, std::move(path));
  NewHandler made;
  model::Endpoint& handler = made.handler;
  handler.id = call.services.ids.next_id<model::EndpointId>();
  handler.workspace_id = call.workspace_id;
  handler.created_at = handler.updated_at = call.now;
  handler.channel = read_channel(body);
  if (body.has_fault()) return fail(body.done().error());
  body.check("channel", check_may_run(call, handler.channel));
  check_fits(body, handler.channel, received);
  const bool is_http = handler.channel == Channel::kHttp;
  if (is_http) {
    if (!body.has("url")) body.refuse("url", "member_missing", "\"url\" is missing.");
    handler.url = read_any_url(body, call.services).value_or("");
    read_signing(body, call, made);
  }
  std::optional<Secret> own;
  if (made.signs_in) own = read_secret(body, *made.signs_in);
  const std::string settings = read_settings(body, handler.channel, received).value_or("");
  handler.name = read_name(body).value_or("");
  handler.description = read_description(body).value_or("");
  handler.event_types = read_message_types(body, received).value_or(std::vector<std::string>{"*"});
  handler.filter = read_filter(body).value_or("");
  read_pace(body, handler.overrides);
  handler.in_order = body.optional_flag("in_order").value_or(false);
  handler.order_by = body.optional_text("order_by", {0, kOrderByCharactersMax}).value_or("");
  check_order_by(body, handler);
  handler.state = read_state(body).value_or(model::EndpointState::kActive);
  if (handler.state == model::EndpointState::kPaused) handler.state_reason = "Created so.";
  WAYBILL_TRY(body.done());
  handler.channel_settings = sealed(call, settings, handler.id);
  if (made.signs_in) made.secret = own ? *own : made.signs_in->new_secret();
  handler.secrets.current = sealed(call, made.secret.reveal(), handler.id);
  return made;
}

Result<void> read_handler_changes(const Call& call, const json::object& object,
                                  const dialect::Dialect& received, model::Endpoint& handler) {
  ObjectReader body(object);
  WAYBILL_TRY(check_may_run(call, handler.channel));
  std::optional<std::string> url;
  std::optional<Secret> secret;
  if (handler.channel == Channel::kHttp) {
    url = read_any_url(body, call.services);
    const dialect::Dialect* signs_in = call.services.dialects.find(handler.dialect);
    if (signs_in) secret = read_secret(body, *signs_in);
  }
  std::optional<std::string> settings;
  if (body.has("settings")) settings = read_settings(body, handler.channel, received);
  auto name = read_name(body);
  const auto description = read_description(body);
  auto types = read_message_types(body, received);
  auto filter = read_filter(body);
  read_pace(body, handler.overrides);
  const auto in_order = body.optional_flag("in_order");
  const auto order_by = body.optional_text("order_by", {0, kOrderByCharactersMax});
  WAYBILL_TRY(body.done());
  if (in_order.value_or(handler.in_order) != handler.in_order ||
      order_by.value_or(handler.order_by) != handler.order_by) {
    return fail(Code::kConflict, "handler_order_fixed",
                "In which order a handler is given messages is said when it is made: create "
                "another.",
                body.path(in_order ? "in_order" : "order_by"));
  }
  if (url) handler.url = *url;
  if (secret) handler.secrets = {sealed(call, secret->reveal(), handler.id), {}, {}};
  if (settings) handler.channel_settings = sealed(call, *settings, handler.id);
  if (name) handler.name = *std::move(name);
  if (description) handler.description = *description;
  if (types) handler.event_types = *std::move(types);
  if (filter) handler.filter = *std::move(filter);
  return {};
}

}  // namespace waybill::surfaces::native
