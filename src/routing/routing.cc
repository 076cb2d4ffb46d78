#include "routing/routing.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json_text.h"
#include "dialect/event_message.h"
#include "model/document.h"
#include "model/message.h"
#include "model/names.h"
#include "model/user.h"
#include "routing/filter.h"

namespace waybill::routing {
namespace {

constexpr model::Names<Reason, 6> kReasons{{{Reason::kUnknownToDialect, "unknown_to_dialect"},
                                            {Reason::kNotSubscribed, "not_subscribed"},
                                            {Reason::kNotVisible, "not_visible"},
                                            {Reason::kDataUnfit, "data_unfit"},
                                            {Reason::kFiltered, "filtered"},
                                            {Reason::kCoalesced, "coalesced"}}};

// The event as the dialects see it. Read and rendered only when an endpoint needs it, once each.
class Facts {
 public:
  Facts(const model::Event& event, const model::Workspace& workspace)
      : event_(event),
        event_id_(event.id.uuid().text()),
        message_(dialect::message_about(event, event_id_)) {
    message_.workspace_slug = workspace.slug;
    message_.environment = model::environment_name(workspace.environment);
  }

  const dialect::Message& message() {
    if (!data_) {
      auto read = parse_json(event_.data);
      WAYBILL_CHECK(read.has_value(), "an event's data is the JSON we wrote");
      data_ = *std::move(read);
      message_.data = &*data_;
    }
    return message_;
  }

  // The data as `dialect` writes it; null if it cannot, or if that is too deep to be read.
  const json::value* data_for(const dialect::Dialect& dialect) {
    const auto [at, is_new] = rendered_.try_emplace(&dialect);
    if (is_new) {
      const Result<std::string> text = dialect::render_data(dialect, message());
      auto read = text ? parse_json(*text) : fail(text.error());
      if (read) at->second = *std::move(read);
    }
    return at->second ? &*at->second : nullptr;
  }

  // Of an event that is a message.
  std::string_view message_type() {
    const json::value* type = message().data->get_object().if_contains("type");
    return type && type->is_string() ? std::string_view(type->get_string()) : std::string_view();
  }
  // What it carries, if that is JSON; else null.
  const json::value* message_body() {
    const dialect::ReceivedRequest* received = received_message();
    return received && received->body_json() ? &*received->body_json() : nullptr;
  }

  // What a template makes of it (Endpoint::order_by); nothing if it cannot.
  std::optional<std::string> message_text(std::string_view source) {
    const auto parsed = dialect::parse_message_template(source);
    WAYBILL_CHECK(parsed.has_value(), "a stored template is one we have read");
    const dialect::ReceivedRequest* received = received_message();
    if (!received) return std::nullopt;
    auto text = dialect::render_message_template(*parsed, *received);
    return text ? std::optional(*std::move(text)) : std::nullopt;
  }

  std::string_view created_by() {
    const json::object* data = message().data->if_object();
    const json::value* by = data ? data->if_contains("created_by") : nullptr;
    return by && by->is_string() ? std::string_view(by->get_string()) : std::string_view();
  }

 private:
  // Null if the data is not that of a message.
  const dialect::ReceivedRequest* received_message() {
    if (!content_) {
      content_ = model::read_message_data(*message().data);
      if (*content_) received_.emplace((*content_)->headers, (*content_)->body);
    }
    return received_ ? &*received_ : nullptr;
  }

  const model::Event& event_;
  const std::string event_id_;
  dialect::Message message_;
  std::optional<json::value> data_;
  std::optional<Result<model::MessageContent>> content_;
  std::optional<dialect::ReceivedRequest> received_;
  std::map<const dialect::Dialect*, std::optional<json::value>> rendered_;
};

// Whoever wants every event of the business did not ask for alerts about the hub: "*" stands for
// them only where the dialect's own catalogue lists them. And what fails is not told so.
bool subscribes(const Subscription& subscription, const dialect::Dialect::Match& event,
                const model::Event& of) {
  const bool alert = model::is_alert(of.type);
  if (alert && subscription.id.text() == of.subject) return false;
  const bool star = !alert || event.listed;
  return std::ranges::any_of(subscription.event_types, [&](const std::string& type) {
    return type == event.name || (star && type == "*");
  });
}

// The kind of document that an event is about, whichever dialect tells of it; or nothing.
std::string_view kind_of(std::string_view type, const dialect::EventType* listed) {
  if (listed && !listed->document.empty()) return listed->document;
  for (const model::DocumentKind& kind : model::document_kinds()) {
    if (type == kind.created_event() || type == kind.updated_event()) return kind.name;
  }
  return {};
}

bool may_see(const Subscription& subscription, std::string_view type,
             const dialect::EventType* listed, Facts& facts) {
  if (!subscription.owner_id) return true;
  return model::may_see(*subscription.owner_id, subscription.owner_roles, kind_of(type, listed),
                        facts.created_by());
}

// Sets `match.coalescing` if the same is to be sent once. False: the data lacks the key.
bool coalesce(const dialect::Dialect& dialect, Facts& facts, Match& match) {
  const auto& own = match.subscription->coalescing;
  if (!dialect.coalescing || (own && own->window.count() == 0)) return true;
  const Result<std::string> key = dialect::coalescing_key(*dialect.coalescing, facts.message());
  if (!key) return false;
  Coalescing& coalescing = match.coalescing.emplace();
  coalescing.window = own ? own->window : dialect.coalescing->window;
  coalescing.edge = dialect.coalescing->edge;
  if (own) {
    using Edge = dialect::CoalescingRules::Edge;
    coalescing.edge = own->trailing ? Edge::kTrailing : Edge::kLeading;
  }
  coalescing.key = crypto::sha256(fmt::format("{}\n{}", facts.message().event_type, *key));
  return true;
}

// Nothing: it matches.
std::optional<Reason> judge(const dialect::DialectRegistry& dialects, Facts& facts,
                            const model::Event& of, Match& match) {
  const Subscription& subscription = *match.subscription;
  const dialect::Dialect* dialect = dialects.find(subscription.dialect);
  const auto event = dialect ? dialect->event_type_for(of.type) : std::nullopt;
  if (!event) return Reason::kUnknownToDialect;
  if (!subscribes(subscription, *event, of)) return Reason::kNotSubscribed;
  if (!may_see(subscription, of.type, event->listed, facts)) return Reason::kNotVisible;
  if (!subscription.filter.empty()) {
    const Result<Filter> filter = Filter::parse_text(subscription.filter);
    WAYBILL_CHECK(filter.has_value(), "a stored filter is one we have read");
    const json::value* data = facts.data_for(*dialect);
    if (!data) return Reason::kDataUnfit;
    if (!filter->matches(*data)) return Reason::kFiltered;
  }
  if (!coalesce(*dialect, facts, match)) return Reason::kDataUnfit;
  return std::nullopt;
}

// Whether a handler of its source wants a message: nothing if it does.
std::optional<Reason> judge_wish(Facts& facts, const Subscription& handler) {
  const bool all = std::ranges::find(handler.event_types, "*") != handler.event_types.end();
  if (!all &&
      std::ranges::find(handler.event_types, facts.message_type()) == handler.event_types.end()) {
    return Reason::kNotSubscribed;
  }
  if (handler.filter.empty()) return std::nullopt;
  const Result<Filter> filter = Filter::parse_text(handler.filter);
  WAYBILL_CHECK(filter.has_value(), "a stored filter is one we have read");
  const json::value* body = facts.message_body();
  return body && filter->matches(*body) ? std::nullopt : std::optional(Reason::kFiltered);
}

std::optional<std::int64_t> order_key_of(Facts& facts, bool is_message,
                                         const Subscription& subscription) {
  if (subscription.order_by.empty()) return std::nullopt;
  std::string text;
  if (is_message) text = facts.message_text(subscription.order_by).value_or("");
  const crypto::Digest digest = crypto::sha256(text);
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < sizeof key; ++i) key = key << 8U | digest[i];
  return static_cast<std::int64_t>(key >> 1U);
}

// Of what a source received: nothing for its handlers that want it. `fetches`: whether its fetcher
// wants it.
std::optional<Reason> judge_message(Facts& facts, const model::Event& of, bool fetches,
                                    const Subscription& handler) {
  // What is fetched first is told to the others when that is done.
  const bool is_fetcher = handler.channel == model::Channel::kFetch;
  const bool fetched = of.type == model::kMessageFetched;
  const bool is_for_it = is_fetcher ? !fetched : fetched || !fetches;
  if (!is_for_it) return Reason::kNotSubscribed;
  return judge_wish(facts, handler);
}

// To its source's handlers alone: an endpoint is not even withheld from.
void plan_message(const model::Event& event, Facts& facts,
                  std::span<const Subscription> subscriptions, Plan& plan) {
  const auto is_its = [&](const Subscription& one) {
    return one.source_id && one.source_id->text() == event.subject;
  };
  const bool fetches = std::ranges::any_of(subscriptions, [&](const Subscription& one) {
    return is_its(one) && one.channel == model::Channel::kFetch && !judge_wish(facts, one);
  });
  for (const Subscription& subscription : subscriptions) {
    if (!is_its(subscription)) continue;
    Match match{&subscription, std::nullopt};
    if (const auto reason = judge_message(facts, event, fetches, subscription)) {
      plan.withheld.push_back({&subscription, *reason});
    } else {
      match.order_key = order_key_of(facts, true, subscription);
      plan.matched.push_back(match);
    }
  }
}

// From the worst reason to the nearest miss: the order of Reason.
std::string sentence(Reason nearest, std::string_view type) {
  switch (nearest) {
    case Reason::kUnknownToDialect:
      return fmt::format("No endpoint's dialect has an event for {}.", type);
    case Reason::kNotSubscribed: return fmt::format("No endpoint subscribes to {}.", type);
    case Reason::kNotVisible:
      return "No owner of an endpoint that subscribes to it may see what it is about.";
    case Reason::kDataUnfit:
      return "Its data lacks what the dialects of the endpoints that subscribe to it need.";
    case Reason::kFiltered: return "No filter of an endpoint that subscribes to it lets it pass.";
    case Reason::kCoalesced: return "The same was sent just before.";
  }
  return {};
}

// The same of a message, of which its source's handlers are asked alone.
std::string message_sentence(Reason nearest) {
  if (nearest == Reason::kFiltered) return "No filter of a handler that wants it lets it pass.";
  return "No handler of the source wants it.";
}

}  // namespace

std::string_view reason_name(Reason reason) { return kReasons.name(reason); }

Plan plan(const model::Event& event, const model::Workspace& workspace,
          std::span<const Subscription> subscriptions, const dialect::DialectRegistry& dialects) {
  Plan plan;
  Facts facts(event, workspace);
  if (model::is_message(event.type)) {
    plan_message(event, facts, subscriptions, plan);
    return plan;
  }
  for (const Subscription& subscription : subscriptions) {
    if (subscription.source_id) continue;
    Match match{&subscription, std::nullopt};
    if (const auto reason = judge(dialects, facts, event, match)) {
      plan.withheld.push_back({&subscription, *reason});
    } else {
      plan.matched.push_back(match);
    }
  }
  return plan;
}

std::optional<std::int64_t> order_key(const model::Event& event, const Subscription& subscription) {
  const model::Workspace any;
  Facts facts(event, any);
  return order_key_of(facts, model::is_message(event.type), subscription);
}

bool needs_workspace(std::span<const Subscription> subscriptions,
                     const dialect::DialectRegistry& dialects) {
  return std::ranges::any_of(subscriptions, [&](const Subscription& subscription) {
    if (!subscription.filter.empty()) return true;
    const dialect::Dialect* dialect = dialects.find(subscription.dialect);
    return dialect && dialect->coalescing;
  });
}

std::string unmatched_reason(std::string_view type, std::span<const Withheld> withheld) {
  const bool is_message = model::is_message(type);
  if (withheld.empty()) {
    return is_message ? "The source has no handler." : "The workspace has no endpoint.";
  }
  const Reason nearest = std::ranges::max(withheld, {}, &Withheld::reason).reason;
  return is_message ? message_sentence(nearest) : sentence(nearest, type);
}

std::string withheld_text(std::span<const Withheld> withheld) {
  if (withheld.empty()) return {};
  std::map<std::pair<Reason, std::string_view>, std::vector<model::EndpointId>> groups;
  for (const Withheld& one : withheld) {
    groups[{one.reason, one.subscription->dialect}].push_back(one.subscription->id);
  }
  std::string text;
  append_array(text, groups, [](std::string& out, const auto& group) {
    std::vector<model::EndpointId> ids = group.second;
    const std::size_t endpoints = ids.size();
    ids.resize(std::min(endpoints, kIdsShown));
    ObjectText(out)
        .add("reason", reason_name(group.first.first))
        .add("dialect", group.first.second)
        .add("endpoints", endpoints)
        .add("endpoint_ids", ids)
        .end();
  });
  return text;
}

std::string add_withheld(std::string text, const Withheld& withheld) {
  std::string one = withheld_text({&withheld, 1});
  if (text.empty()) return one;
  text.back() = ',';
  return text + one.substr(1);
}

}  // namespace waybill::routing
