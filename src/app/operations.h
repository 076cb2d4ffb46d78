// What an operator asks of a running hub: /health/live, /health/ready and /metrics.
//
// Ready means that an order would be taken: the store can be read, and was written to a moment ago.
// Neither that nor /metrics costs more as the tables grow. docs/metrics.md explains each metric; a
// test compares it with what is written here.
//
// Used from the thread of the io_context only.

#pragma once

#include <string>

#include "app/node_registry.h"
#include "app/request_log.h"
#include "app/request_log_bound.h"
#include "app/retention.h"
#include "app/traffic.h"
#include "base/clock.h"
#include "base/secret.h"
#include "delivery/dispatcher.h"
#include "delivery/replayer.h"
#include "intake/order_intake.h"
#include "intake/receiver.h"
#include "net/http_server.h"
#include "net/router.h"
#include "store/database.h"
#include "store/upkeep.h"
#include "surfaces/native/native_api.h"
#include "surfaces/receiver/receiver_door.h"
#include "surfaces/receiver/source_watch.h"

namespace waybill::app {

class Operations {
 public:
  // Everything outlives it.
  struct Services {
    Uuid node;
    Clock& clock;
    store::Database& database;
    const delivery::Dispatcher& dispatcher;
    const intake::OrderIntake& orders;
    const intake::Receiver& receiver;
    const surfaces::receiver::ReceiverDoor& receiver_door;
    const surfaces::receiver::SourceWatch& source_watch;
    const surfaces::native::NativeApi& native;
    const net::HttpServer& server;
    const Traffic& traffic;
    const delivery::Replayer& replayer;
    const RequestLog& request_log;
    const Retention& retention;
    const RequestLogBound& request_log_bound;
    const NodeRegistry& nodes;
    Secret metrics_token;  // Empty: anybody may read /metrics.
  };

  explicit Operations(Services services);

  void add_routes(net::Router& router);

  // Fails as Database::run() while orders could not be written.
  Task<Result<void>> check_store();
  // What /metrics answers.
  Task<std::string> metrics();

 private:
  Task<net::Response> answer_ready();
  Task<net::Response> answer_metrics(const net::Request& request);
  Task<void> look_at_backlog();

  const Services services_;
  const Timestamp started_at_;  // The world's time.
  // What costs the store something is asked of it once in a moment, however often we are asked.
  Deadline probed_until_ = Deadline::after(std::chrono::milliseconds(0));
  bool probing_ = false;
  Deadline backlog_until_ = Deadline::after(std::chrono::milliseconds(0));
  store::upkeep::Backlog backlog_;
};

}  // namespace waybill::app
