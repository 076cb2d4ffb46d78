#include "delivery/channels/broker.h"

namespace waybill::delivery {

BrokerOutcome outcome_of(const Error& error) {
  switch (error.code) {
    case Code::kTimeout: return {model::Outcome::kTimeout, error.message, {}};
    case Code::kUnavailable: return {model::Outcome::kConnectionError, error.message, {}};
    default: return {model::Outcome::kRefused, error.message, {}};
  }
}

void fail_unanswered(std::vector<BrokerOutcome>& outcomes, const std::vector<bool>& answered,
                     const Error& error) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!answered[i]) outcomes[i] = outcome_of(error);
  }
}

}  // namespace waybill::delivery
