#include "app/operations.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "app/process.h"
#include "app/version.h"
#include "crypto/digest.h"

namespace waybill::app {
namespace {

using surfaces::native::NativeApi;

constexpr std::chrono::seconds kMoment{1};
constexpr std::array<std::string_view, Traffic::kClasses> kClassNames = {"1xx", "2xx", "3xx", "4xx",
                                                                         "5xx"};

double seconds(Timestamp time) { return static_cast<double>(unix_millis(time)) / 1e3; }
double number(auto count) { return static_cast<double>(count); }

void write_traffic(MetricsText& text, const Traffic& traffic, const net::HttpServer& server) {
  text.begin("waybill_http_requests_total", "counter", "Requests answered.");
  for (const auto& surface : traffic.surfaces()) {
    for (std::size_t i = 0; i < kClassNames.size(); ++i) {
      text.sample(number(surface.answers[i]),
                  {{"surface", surface.name}, {"status", kClassNames[i]}});
    }
  }
  text.begin("waybill_http_request_seconds", "histogram",
             "From when a request was read to when its answer was made.");
  for (const auto& surface : traffic.surfaces()) {
    text.sample(surface.seconds, {{"surface", surface.name}});
  }
  text.gauge("waybill_http_connections", "Connections that are open.",
             number(server.connections()));
}

void write_intake(MetricsText& text, const intake::OrderCounters& orders,
                  std::uint64_t repeated_calls) {
  text.counter("waybill_orders_accepted_total", "Orders that were new, and are stored.",
               orders.accepted);
  text.counter("waybill_orders_duplicate_total",
               "Orders that were there already, and were answered with the original.",
               orders.duplicates);
  text.counter("waybill_calls_repeated_total",
               "Calls of the management API answered again by their Idempotency-Key.",
               repeated_calls);
}

void write_received(MetricsText& text, const intake::ReceiverCounters& counters,
                    const surfaces::receiver::DoorCounters& door) {
  text.begin("waybill_source_messages_total", "counter", "What came to sources.");
  text.sample(number(counters.accepted), {{"result", "new"}});
  text.sample(number(counters.duplicates), {{"result", "duplicate"}});
  text.sample(number(counters.pings), {{"result", "ping"}});
  text.sample(number(door.refused), {{"result", "refused"}});
  text.counter("waybill_source_messages_differing_total",
               "Duplicates with another body than the message that was there.", counters.differing);
  text.counter(
      "waybill_source_signature_failures_total",
      "What came to sources, and nobody with a secret of theirs has signed, or not in time.",
      door.signature_failures);
}

void write_deliveries(MetricsText& text, const delivery::DispatcherCounters& counters,
                      const surfaces::receiver::SourceWatchCounters& watch) {
  text.counter("waybill_events_accepted_total", "Events that were stored, also those of orders.",
               counters.events);
  text.counter("waybill_deliveries_accepted_total",
               "Deliveries that were stored with an event or a replay.", counters.accepted);
  text.begin("waybill_deliveries_recorded_total", "counter",
             "Attempts that were recorded, by the state that they led their delivery to.");
  for (const auto state : {model::DeliveryState::kSucceeded, model::DeliveryState::kRetrying,
                           model::DeliveryState::kDropped, model::DeliveryState::kCancelled}) {
    text.sample(number(counters.recorded[static_cast<std::size_t>(state)]),
                {{"state", model::delivery_state_name(state)}});
  }
  text.begin("waybill_attempts_total", "counter", "Attempts that have ended.");
  for (std::size_t i = 0; i < counters.outcomes.size(); ++i) {
    text.sample(number(counters.outcomes[i]),
                {{"outcome", model::outcome_name(static_cast<model::Outcome>(i))}});
  }
  text.begin("waybill_alerts_total", "counter", "Alerts made, whether or not anybody is told.");
  for (std::size_t i = 0; i < counters.alerts.size(); ++i) {
    text.sample(number(counters.alerts[i]), {{"type", counters.kAlerts[i]}});
  }
  for (std::size_t i = 0; i < watch.alerts.size(); ++i) {
    text.sample(number(watch.alerts[i]), {{"type", watch.kAlerts[i]}});
  }
  text.gauge("waybill_handler_lag_seconds",
             "How long the oldest due delivery of a handler has been due, at the latest look; 0 on "
             "other nodes than the first.",
             number(watch.lag.count()) / 1e3);
  text.histogram("waybill_attempt_seconds", "What an attempt took.", counters.attempt_seconds);
  text.histogram("waybill_delivered_seconds",
                 "From when a delivery was accepted to when it succeeded.",
                 counters.delivered_seconds);
  text.gauge("waybill_attempts_in_flight", "Attempts under way.", number(counters.in_flight));
  text.gauge("waybill_attempts_recording", "Attempts whose outcome is not stored yet.",
             number(counters.recording));
  text.gauge("waybill_deliveries_ready", "Deliveries in memory that wait for their turn.",
             number(counters.ready));
}

void write_backlog(MetricsText& text, const store::upkeep::Backlog& backlog, Timestamp now) {
  text.gauge("waybill_deliveries_waiting",
             "Deliveries that wait or are being made; 10000 stands for that many or more.",
             number(backlog.deliveries));
  const auto age = backlog.oldest_due ? now - *backlog.oldest_due : std::chrono::milliseconds(0);
  text.gauge("waybill_oldest_due_seconds",
             "How long the oldest due delivery of an active endpoint has been due.",
             std::max(0.0, number(age.count()) / 1e3));
}

void write_database(MetricsText& text, const store::Database& database) {
  const store::DatabaseCounters counters = database.counters();
  const store::StorageUse storage = database.storage();
  text.gauge("waybill_database_writable", "1 if the latest transaction could be written.",
             database.write_failure() ? 0 : 1);
  text.counter("waybill_database_commits_total", "Transactions committed.", counters.commits);
  text.counter("waybill_database_units_total", "Units of work in those.", counters.units);
  text.counter("waybill_database_transactions_failed_total",
               "Transactions that came to nothing, because of the disk or a lock.",
               counters.failed);
  text.counter("waybill_database_units_refused_total",
               "Units of work refused because too many were waiting.", counters.refused);
  text.histogram("waybill_database_commit_seconds",
                 "What a commit took, with the sync of the disk.", counters.commit_seconds);
  text.histogram("waybill_database_commit_units", "Units of work in a transaction.",
                 counters.units_per_commit);
  text.begin("waybill_database_queue", "gauge", "Units of work that wait to be begun.");
  text.sample(number(database.writes_waiting()), {{"queue", "write"}});
  text.sample(number(database.reads_waiting()), {{"queue", "read"}});
  text.gauge("waybill_database_bytes", "Size of the database file.", number(storage.bytes));
  text.gauge("waybill_database_log_bytes", "Size of the write-ahead log in use.",
             number(storage.log_bytes));
  text.gauge("waybill_database_log_behind_bytes",
             "Part of the write-ahead log that is not in the database file yet.",
             number(storage.log_behind));
  text.counter("waybill_database_checkpoints_total",
               "Times that the write-ahead log was copied into the database file.",
               storage.checkpoints);
  text.counter("waybill_database_checkpoints_failed_total", "Those that failed, on a full disk.",
               storage.checkpoints_failed);
}

void write_replays(MetricsText& text, const delivery::ReplayerCounters& counters) {
  text.counter("waybill_replay_events_total", "Events that replays have looked at.",
               counters.events);
  text.counter("waybill_replay_deliveries_total", "Deliveries that replays have made or revived.",
               counters.deliveries);
  text.gauge("waybill_replays_running", "Replays that this node works on.",
             number(counters.running));
}

void write_retention(MetricsText& text, const RetentionCounters& counters) {
  text.begin("waybill_retention_deleted_total", "counter", "Rows deleted because of their age.");
  text.sample(number(counters.deliveries), {{"what", "deliveries"}});
  text.sample(number(counters.events), {{"what", "events"}});
  text.sample(number(counters.messages), {{"what", "messages"}});
  text.sample(number(counters.replays), {{"what", "replays"}});
  text.sample(number(counters.idempotency_rows), {{"what", "idempotency_rows"}});
  text.counter("waybill_retention_passes_total", "Times that all old rows were gone through.",
               counters.passes);
  text.gauge("waybill_retention_last_pass_timestamp_seconds",
             "When the latest of those ended, on the hub's clock; 0 for never.",
             counters.last_pass ? seconds(*counters.last_pass) : 0);
}

void write_request_log(MetricsText& text, const RequestLog& log, const RequestLogBound& bound) {
  text.counter("waybill_request_log_rows_total", "Rows of the request log written.",
               log.counters().rows);
  text.counter("waybill_request_log_dropped_total",
               "Requests that are not in the log, because it had no room or could not be written.",
               log.counters().dropped);
  text.counter("waybill_request_log_deleted_total",
               "Rows of the request log deleted because of their age or its size.",
               bound.deleted());
  text.gauge("waybill_request_log_bytes",
             "How large the request log of all workspaces was a minute ago; 0 on other nodes than "
             "the first.",
             number(bound.bytes()));
}

void write_process(MetricsText& text, Timestamp started_at) {
  const ProcessUse use = process_use();
  text.begin("waybill_build_info", "gauge", "1, with the version that runs.");
  text.sample(1, {{"version", version()}});
  text.gauge("process_start_time_seconds", "When the hub was started.", seconds(started_at));
  text.begin("process_cpu_seconds_total", "counter", "Time on a processor.");
  text.sample(use.cpu_seconds);
  text.gauge("process_resident_memory_bytes", "Memory in use.", number(use.resident_bytes));
  text.gauge("process_open_fds", "Open descriptors.", number(use.open_descriptors));
  text.gauge("process_max_fds", "Descriptors there may be.", number(use.descriptors_max));
}

}  // namespace

Operations::Operations(Services services)
    : services_(std::move(services)), started_at_(services_.clock.wall_now()) {}

void Operations::add_routes(net::Router& router) {
  // The process runs and answers.
  router.add({"GET", "/health/live", [](net::Request&) -> Task<net::Response> {
                co_return net::Response::json(200, R"({"status":"live"})");
              }});
  router.add({"GET", "/health/ready", [this](net::Request&) { return answer_ready(); }});
  router.add(
      {"GET", "/metrics", [this](net::Request& request) { return answer_metrics(request); }});
}

Task<Result<void>> Operations::check_store() {
  // While it fails, a statement may take as long as the server lets it: nobody waits for that
  // behind whoever is finding out.
  const auto failing = services_.database.write_failure();
  if (failing && probing_) co_return fail(*failing);
  if (!failing) {
    const auto read = co_await services_.database.read([](store::Connection& connection) {
      return connection.query("SELECT 1", {}, [](const store::Row&) {});
    });
    if (!read) co_return fail(read.error());
  }
  if (probed_until_.passed() && !probing_) {
    // One at a time: while the store fails each takes seconds to do so.
    probing_ = true;
    const Timestamp now = services_.clock.now();
    const auto written = co_await services_.database.run(
        [=, this](store::Connection& connection) {
          return store::upkeep::probe_write(connection, services_.node, now);
        },
        store::Priority::kOwn);
    probing_ = false;
    if (!written) co_return fail(written.error());
    probed_until_ = Deadline::after(kMoment);
  }
  if (const auto failure = services_.database.write_failure()) co_return fail(*failure);
  co_return Result<void>();
}

Task<net::Response> Operations::answer_ready() {
  const auto checked = co_await check_store();
  if (!checked) co_return NativeApi::render_error(checked.error());
  co_return net::Response::json(200, R"({"status":"ready"})");
}

Task<net::Response> Operations::answer_metrics(const net::Request& request) {
  const std::string& token = services_.metrics_token.reveal();
  if (!token.empty() && !crypto::equal_in_constant_time(
                            request.header("Authorization").value_or(""), "Bearer " + token)) {
    co_return NativeApi::render_error(
        Error(Code::kUnauthenticated,
              "The metrics need their token: Authorization: Bearer TOKEN, as in metrics_token."));
  }
  co_return net::Response::with_body(200, "text/plain; version=0.0.4; charset=utf-8",
                                     co_await metrics());
}

Task<std::string> Operations::metrics() {
  co_await look_at_backlog();
  MetricsText text;
  write_traffic(text, services_.traffic, services_.server);
  write_intake(text, services_.orders.counters(), services_.native.replays());
  write_received(text, services_.receiver.counters(), services_.receiver_door.counters());
  write_deliveries(text, services_.dispatcher.counters(), services_.source_watch.counters());
  write_backlog(text, backlog_, services_.clock.now());
  write_database(text, services_.database);
  write_replays(text, services_.replayer.counters());
  write_retention(text, services_.retention.counters());
  write_request_log(text, services_.request_log, services_.request_log_bound);
  text.gauge("waybill_nodes_live", "Nodes that are live on this database, this one included.",
             services_.nodes.live());
  write_process(text, started_at_);
  co_return text.text();
}

// What the store cannot say now stays as it was.
Task<void> Operations::look_at_backlog() {
  if (!backlog_until_.passed()) co_return;
  backlog_until_ = Deadline::after(kMoment);
  const auto backlog = co_await services_.database.read(store::upkeep::backlog);
  if (backlog) backlog_ = *backlog;
}

}  // namespace waybill::app
