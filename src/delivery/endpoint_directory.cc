#include "delivery/endpoint_directory.h"

#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "store/endpoints.h"
#include "store/workspaces.h"

namespace waybill::delivery {
namespace {

// A sealed secret, opened; empty for none.
Result<Secret> open(const crypto::SecretBox& secret_box, const Bytes& sealed,
                    const model::EndpointId& endpoint) {
  if (sealed.empty()) return Secret();
  return secret_box.open(sealed, endpoint.bytes());
}

// A program is dearer than a request: so many of one handler run at once, unless it says otherwise.
constexpr int kProgramsInFlight = 4;

// Before an endpoint's own overrides.
struct Rules {
  const dialect::DeliveryRules& delivery;
  int deactivate_after = 0;
};
Rules rules_of(const dialect::Dialect& dialect) {
  return {dialect.delivery, dialect.endpoint.deactivate_after};
}

}  // namespace

const dialect::DeliveryRules& handler_delivery_rules() {
  static const dialect::DeliveryRules rules = [] {
    using std::chrono::minutes;
    using std::chrono::seconds;
    dialect::DeliveryRules made;
    made.success = {{200, 299}};
    auto retry = model::RetrySchedule::create({seconds(30), minutes(2), minutes(10)}, 10);
    WAYBILL_CHECK(retry.has_value(), "a handler's schedule is a good one");
    made.retry = *std::move(retry);
    made.attempts_max = made.retry.attempts_max();
    return made;
  }();
  return rules;
}

std::vector<Secret> Target::secrets_at(Timestamp now) const {
  std::vector<Secret> secrets;
  if (!secret.empty()) secrets.push_back(secret);
  const auto& expires_at = endpoint.secrets.previous_expires_at;
  if (!previous_secret.empty() && expires_at && now < *expires_at) {
    secrets.push_back(previous_secret);
  }
  return secrets;
}

Result<Target> make_target(model::Endpoint endpoint, const dialect::DialectRegistry& dialects,
                           const crypto::SecretBox& secret_box) {
  Target target;
  target.dialect = dialects.find(endpoint.dialect);
  // A handler has a dialect only if it signs again.
  if (!target.dialect && !(endpoint.is_handler() && endpoint.dialect.empty())) {
    return fail(Code::kInvalid, "dialect_unknown",
                fmt::format("This hub has no dialect called \"{}\".", endpoint.dialect));
  }
  if (!endpoint.url.empty()) {
    auto url = net::parse_url(endpoint.url);
    if (!url) return fail(url.error());
    target.url = *std::move(url);
  }
  auto secret = open(secret_box, endpoint.secrets.current, endpoint.id);
  if (!secret) return fail(secret.error());
  target.secret = *std::move(secret);
  auto previous = open(secret_box, endpoint.secrets.previous, endpoint.id);
  if (!previous) return fail(previous.error());
  target.previous_secret = *std::move(previous);
  auto headers = open_headers(secret_box, endpoint.headers, endpoint.id);
  if (!headers) return fail(headers.error());
  target.headers = *std::move(headers);
  // An operator's dialect may have come to set one itself since.
  std::erase_if(target.headers, [&](const CustomHeader& header) {
    return target.dialect && !check_custom_header(*target.dialect, header);
  });
  auto settings = open(secret_box, endpoint.channel_settings, endpoint.id);
  if (!settings) return fail(settings.error());
  target.channel_settings = *std::move(settings);

  const Rules own =
      endpoint.is_handler() ? Rules{handler_delivery_rules()} : rules_of(*target.dialect);
  const dialect::DeliveryRules& rules = own.delivery;
  target.retry = rules.retry;
  int attempts_max = rules.attempts_max;
  if (endpoint.overrides.retry) {
    auto retry =
        model::RetrySchedule::create(*endpoint.overrides.retry, rules.retry.jitter_percent());
    if (!retry) return fail(retry.error());
    target.retry = *std::move(retry);
    attempts_max = target.retry.attempts_max();
  }
  target.retry = target.retry.limited_to(endpoint.overrides.attempts_max.value_or(attempts_max));
  target.deactivation = {
      endpoint.overrides.deactivate_after.value_or(own.deactivate_after),
      endpoint.overrides.exhausted_deactivates.value_or(rules.exhausted_deactivates)};
  if (endpoint.channel == model::Channel::kCommand && !endpoint.overrides.in_flight_max) {
    endpoint.overrides.in_flight_max = kProgramsInFlight;
  }
  target.timeout = endpoint.overrides.timeout.value_or(rules.timeout);
  target.endpoint = std::move(endpoint);
  return target;
}

EndpointDirectory::EndpointDirectory(store::Database& database,
                                     const dialect::DialectRegistry& dialects,
                                     const crypto::SecretBox& secret_box)
    : database_(database), dialects_(dialects), secret_box_(secret_box) {}

Task<Result<std::shared_ptr<const Target>>> EndpointDirectory::find(model::WorkspaceId workspace,
                                                                    model::EndpointId endpoint) {
  if (const auto found = known_.find(endpoint); found != known_.end()) co_return found->second;

  const std::uint64_t forgotten = forgotten_;
  using Read = std::pair<model::Endpoint, model::Workspace>;
  auto read = co_await database_.read(
      [&](store::Connection& connection) -> Result<Read> {
        auto found = store::endpoints::find(connection, workspace, endpoint);
        if (!found) return fail(found.error());
        auto owner = store::workspaces::find(connection, workspace);
        if (!owner) return fail(owner.error());
        return Read(*std::move(found), *std::move(owner));
      },
      store::Priority::kOwn);
  if (!read) co_return fail(read.error());
  auto made = make_target(std::move(read->first), dialects_, secret_box_);
  if (!made) co_return fail(made.error());
  made->workspace_slug = std::move(read->second.slug);
  made->environment = model::environment_name(read->second.environment);
  auto target = std::make_shared<const Target>(*std::move(made));
  // What was read before a change is not remembered after it.
  if (trusted_ && forgotten == forgotten_) known_[endpoint] = target;
  co_return target;
}

void EndpointDirectory::forget(const model::EndpointId& endpoint) {
  ++forgotten_;
  known_.erase(endpoint);
}

void EndpointDirectory::trust(bool trusted) {
  trusted_ = trusted;
  ++forgotten_;
  known_.clear();
}

}  // namespace waybill::delivery
