#include "simulation/life.h"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "base/check.h"
#include "crypto/digest.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::simulation {
namespace asio = boost::asio;
namespace {

using Access = store::Connection::Access;

void rethrow(std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
}

crypto::SecretBox secret_box() {
  return crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value();
}

}  // namespace

Life::Life(const Machine& machine, const dialect::DialectRegistry& dialects,
           const LifeOptions& options, delivery::Send send)
    : node_(options.node),
      work_(asio::make_work_guard(context_)),
      clock_(machine),
      ids_(clock_, options.seed),
      secret_box_(secret_box()),
      database_(open(options)),
      backup_(*database_, options.file.string() + ".backup"),
      acceptance_(dialects, ids_),
      recovery_(dialects, ids_),
      endpoints_(*database_, dialects, secret_box_),
      channel_(clock_, std::move(send)),
      channels_(channel_),
      alerts_(acceptance_, ids_),
      dispatcher_(context_, clock_, log_, *database_, endpoints_, channels_, alerts_,
                  Rng(options.seed), {.node = options.node}),
      keys_(*database_, clock_, secret_box_),
      sources_(*database_, dialects, secret_box_, log_),
      orders_(clock_, ids_, *database_, acceptance_),
      native_({.clock = clock_,
               .log = log_,
               .ids = ids_,
               .database = *database_,
               .dialects = dialects,
               .secret_box = secret_box_,
               .acceptance = acceptance_,
               .recovery = recovery_,
               .dispatcher = dispatcher_,
               .endpoints = endpoints_,
               .keys = keys_,
               .sources = sources_,
               .guard = guard_,
               .backup = backup_,
               .admin_token_hash = crypto::sha256(kAdminToken),
               .version = "simulated"}),
      proculink_({.log = log_, .keys = keys_, .orders = orders_, .dispatcher = dispatcher_}) {
  native_.add_routes(router_);
  proculink_.add_routes(router_);
  for (const Access access : {Access::kRead, Access::kWrite}) {
    Gate& gate = access == Access::kRead ? reading_ : writing_;
    gate.shut();
    push_plug(access);
    gate.wait_for_one();
  }
}

Life::~Life() {
  context_.stop();
  plug_context_.stop();
  reading_.kill();
  writing_.kill();
}

std::unique_ptr<store::Database> Life::open(const LifeOptions& options) {
  auto sqlite = std::make_unique<store::SqliteDriver>(options.file);
  auto faulty = std::make_unique<store::FaultyDriver>(std::move(sqlite), faults_);
  auto opened = store::Database::open(
      context_, log_, std::make_unique<GatedDriver>(std::move(faulty), reading_, writing_),
      clock_.now(), {.waiting_units_max = options.waiting_units_max, .readers = 1});
  WAYBILL_CHECK(opened.has_value(), opened.error().message);
  return *std::move(opened);
}

void Life::start() { asio::co_spawn(context_, run_start(), rethrow); }

Task<void> Life::run_start() {
  const auto started = co_await dispatcher_.start();
  started_ = started.has_value();
}

void Life::stop() {
  stopping_ = true;
  asio::co_spawn(context_, run_stop(), rethrow);
}

Task<void> Life::run_stop() {
  co_await dispatcher_.stop();
  stopped_ = true;
}

Task<void> Life::plug(Access access, std::shared_ptr<bool> ran) {
  const auto unit = [ran](store::Connection&) -> Result<void> {
    *ran = true;
    return {};
  };
  // Refused if the queue is full; then there is something else that waits.
  if (access == Access::kRead) {
    (void)co_await database_->read(unit);
  } else {
    (void)co_await database_->run(unit);
  }
  --plugs_;
}

std::shared_ptr<bool> Life::push_plug(Access access) {
  ++plugs_;
  auto ran = std::make_shared<bool>(false);
  asio::co_spawn(plug_context_, plug(access, ran), rethrow);
  plug_context_.restart();
  plug_context_.poll();
  return ran;
}

void Life::run_reads() {
  // One read at a time waits at the gate. The last to be run is ours, and another one of ours waits
  // behind it.
  const auto last = push_plug(Access::kRead);
  push_plug(Access::kRead);
  do {
    reading_.let_through();
    reading_.wait_for_one();
  } while (!*last);
}

void Life::run_writes() {
  push_plug(Access::kWrite);
  writing_.let_through();
  writing_.wait_for_one();
}

Life::Answer Life::call(std::string_view method, std::string_view path, std::string_view body,
                        std::vector<net::Header> headers) {
  auto request = std::make_shared<net::Request>();
  request->method = method;
  request->path = path;
  request->body = body;
  request->peer = "192.0.2.1";
  request->headers = std::move(headers);
  if (!body.empty()) request->headers.push_back({"Content-Type", "application/json"});
  if (path.starts_with("/hub/")) {
    request->headers.push_back({"Authorization", "Bearer " + std::string(kAdminToken)});
  }
  auto answer = std::make_shared<std::optional<net::Response>>();
  asio::co_spawn(context_, run_call(std::move(request), answer), rethrow);
  return answer;
}

Task<void> Life::run_call(std::shared_ptr<net::Request> request, Answer answer) {
  net::Router::Miss miss;
  const net::Handler* handler = router_.find(*request, miss);
  WAYBILL_CHECK(handler != nullptr, "the simulation calls what there is");
  *answer = co_await (*handler)(*request);
}

}  // namespace waybill::simulation
