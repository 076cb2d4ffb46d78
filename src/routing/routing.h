// Which destinations an event goes to: a function of the event and of the workspace's
// subscriptions, and of nothing else. What a source received goes to the handlers of that source,
// everything else to endpoints.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "dialect/loader.h"
#include "model/event.h"
#include "model/workspace.h"
#include "store/endpoints.h"

namespace waybill::routing {

using store::endpoints::Subscription;

// Why an endpoint is not sent an event.
enum class Reason {
  kUnknownToDialect,  // Its dialect has no word for the event.
  kNotSubscribed,     // It does not name the event.
  kNotVisible,        // Its owner may not see the document (R-PR-8).
  kDataUnfit,         // The data lacks what the dialect needs of it.
  kFiltered,          // Its filter does not let it pass.
  kCoalesced,         // The same was sent within the window (R-PR-17).
};
std::string_view reason_name(Reason reason);

// One window in which the same is sent once: what has the same key in it is the same.
struct Coalescing {
  std::chrono::milliseconds window{0};
  dialect::CoalescingRules::Edge edge = dialect::CoalescingRules::Edge::kLeading;
  crypto::Digest key{};
};

struct Match {
  const Subscription* subscription = nullptr;
  std::optional<Coalescing> coalescing;
  std::optional<std::int64_t> order_key = {};  // order_key() of the two.
};

struct Withheld {
  const Subscription* subscription = nullptr;
  Reason reason = Reason::kNotSubscribed;
};

struct Plan {
  std::vector<Match> matched;      // In the order given, and so are
  std::vector<Withheld> withheld;  // the others.
};

// An endpoint matches if its dialect knows the event, it subscribes to "*" or to the dialect's name
// of the event (of an alert see subscribes() in the .cc), its owner may see what the event is
// about, and its filter lets the data pass, as the dialect writes it. Paused and deactivated
// endpoints match too: they collect. The plan points into `subscriptions`.
//
// A handler matches a message of its source if it names the platform's type of it, or "*", and its
// filter lets the body pass, which has to be JSON for that. Of a source that fetches, what was
// received and the fetcher wants goes to the fetcher, and what was fetched to the others; what the
// fetcher does not want goes to the others as it was received.
Plan plan(const model::Event& event, const model::Workspace& workspace,
          std::span<const Subscription> subscriptions, const dialect::DialectRegistry& dialects);

// What the subscription's order_by makes of a message, hashed: what has the same is made in order
// (model::Delivery::order_key). Never negative. A message that lacks what the template names, and
// an event that is none, are in order with all others like them: they have the key of the empty
// text. Nothing: it has no order_by.
std::optional<std::int64_t> order_key(const model::Event& event, const Subscription& subscription);

// Whether plan() looks at the workspace for these: else any will do, and it need not be read.
bool needs_workspace(std::span<const Subscription> subscriptions,
                     const dialect::DialectRegistry& dialects);

// Why nothing matched, for whoever wonders where an event went: a sentence about the nearest miss.
// Requires: plan.matched is empty.
std::string unmatched_reason(std::string_view type, std::span<const Withheld> withheld);

// What an event keeps of it, for people: a JSON array with an object for each reason and dialect,
//
//   {"reason": "filtered", "dialect": "proign", "endpoints": 2, "endpoint_ids": ["ep_…", "ep_…"]}
//
// where endpoint_ids are the first kIdsShown. Empty if nothing was withheld.
inline constexpr std::size_t kIdsShown = 20;
std::string withheld_text(std::span<const Withheld> withheld);
// The same text, and one more.
std::string add_withheld(std::string text, const Withheld& withheld);

}  // namespace waybill::routing
