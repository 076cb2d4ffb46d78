// The SourceWatch tells when something is wrong with what is received: signatures that fail, a
// source that has gone quiet, a handler that falls behind. Each is a log line, a metric and an
// event that endpoints may subscribe to (model/source_alerts.h).
//
// Signature failures are counted by the node that refuses them, and told at once. For silence and
// lag one node looks at the store every minute. One alert is told of a silence, also by a hub that
// was started again meanwhile; of a lag, one by each start. While the hub does not run nobody is
// heard: that is not the source's silence.
//
// Used from the thread of the io_context only.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/task.h"
#include "delivery/dispatcher.h"
#include "intake/acceptance.h"
#include "model/event.h"
#include "model/source.h"
#include "model/source_alerts.h"
#include "store/database.h"
#include "store/upkeep.h"

namespace waybill::surfaces::receiver {

struct SourceWatchCounters {
  static constexpr std::array kAlerts = {model::kSourceSignatureFailures, model::kSourceQuiet,
                                         model::kSourceHeard, model::kHandlerLagging};
  std::array<std::uint64_t, kAlerts.size()> alerts{};
  std::chrono::milliseconds lag{0};  // Of the handler that lags most, at the latest look.
};

class SourceWatch {
 public:
  static constexpr int kFailures = 10;  // Within kWindow: an alert.
  static constexpr std::chrono::minutes kWindow{5};
  static constexpr std::size_t kAddressesMax = 10;  // Told of one alert.
  static constexpr std::chrono::minutes kLagMax{5};
  static constexpr std::chrono::minutes kBetweenLooks{1};

  struct Parts {
    boost::asio::io_context& context;
    Clock& clock;
    Log& log;
    IdGenerator& ids;
    store::Database& database;
    const intake::Acceptance& acceptance;
    delivery::Dispatcher& dispatcher;
    // Whether this node looks at the store: one of several is enough. Null: it does.
    std::function<bool()> is_ours = nullptr;
  };

  // Everything given outlives it.
  explicit SourceWatch(Parts parts);

  void start();
  Task<void> stop();

  // Something came from `address` that nobody with a secret of `source` has signed.
  void note_failure(const model::Source& source, const std::string& address);

  const SourceWatchCounters& counters() const { return counters_; }

 private:
  struct Failures {
    Timestamp since{};
    int count = 0;
    std::map<std::string, int> by_address;
  };
  using Handler = store::upkeep::OwedHandler;

  Task<void> run();
  Task<Result<void>> look();
  Task<Result<void>> look_for_silence(Timestamp now);
  Task<Result<void>> look_at(model::Source source, Timestamp now);
  Task<Result<void>> look_for_lag(Timestamp now);
  void forget_failures(Timestamp now);
  Task<Result<bool>> is_told(const model::WorkspaceId& workspace, const model::EventId& id);
  // Writes the alert, unless there is an event of its id.
  Task<Result<void>> tell(model::Event event);
  Task<void> tell_failures(model::Event event);
  model::Event event_of(std::string_view type, const model::WorkspaceId& workspace,
                        std::string subject, std::string data) const;

  const Parts parts_;
  SourceWatchCounters counters_;
  Timestamp started_at_{};
  std::map<model::SourceId, Failures> failures_;
  // Sources that are told to be quiet, and since when.
  std::map<model::SourceId, Timestamp> quiet_since_;
  // How far behind a handler was at the latest look, and whether that is told.
  struct Lag {
    std::chrono::milliseconds behind{0};
    bool told = false;
  };
  std::map<model::EndpointId, Lag> lags_;
  boost::asio::steady_timer timer_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace waybill::surfaces::receiver
