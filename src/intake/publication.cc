#include "intake/publication.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dialect/catalogue.h"
#include "dialect/event_message.h"

namespace waybill::intake {

Result<void> keep_wanted(const Publication& publication,
                         std::vector<store::endpoints::Subscription>& subscriptions) {
  if (publication.endpoint) {
    std::erase_if(subscriptions, [&](const auto& s) {
      return s.id != *publication.endpoint || s.source_id.has_value();
    });
    if (subscriptions.empty()) {
      return fail(Code::kNotFound, "endpoint_not_found", "There is no such endpoint.",
                  "$.only.endpoint");
    }
  }
  if (!publication.dialect.empty()) {
    std::erase_if(subscriptions, [&](const auto& s) { return s.dialect != publication.dialect; });
  }
  return {};
}

Result<void> check_data(const dialect::DialectRegistry& dialects,
                        std::span<const store::endpoints::Subscription* const> matched,
                        const model::Event& event, const json::value& data) {
  const std::string id = event.id.uuid().text();
  dialect::Message message = dialect::message_about(event, id);
  // Stand for the workspace's own, which are no part of what was published.
  message.workspace_slug = "workspace";
  message.environment = "production";
  message.data = &data;

  // Few, however many endpoints there are.
  std::vector<const dialect::Dialect*> checked;
  for (const auto* subscription : matched) {
    const bool seen = std::ranges::any_of(
        checked, [&](const auto* dialect) { return dialect->name == subscription->dialect; });
    const dialect::Dialect* dialect = seen ? nullptr : dialects.find(subscription->dialect);
    if (dialect == nullptr) continue;
    checked.push_back(dialect);
    if (auto verdict = dialect::check_data(*dialect, message); !verdict) {
      Error error = std::move(verdict).error();
      error.path.replace(0, 1, "$.data");
      return fail(std::move(error));
    }
  }
  return {};
}

}  // namespace waybill::intake
