// One life of a hub, from its start to its stop or its sudden death: everything of the real hub but
// its sockets, its log and its clock. The database's threads run only when told to, so a life with
// the same seed that is given the same steps does the same.
//
// It dies in its destructor: what is in memory is gone, transactions that wait do not begin.

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "conformance/faulty_driver.h"
#include "crypto/secret_box.h"
#include "delivery/dispatcher.h"
#include "delivery/webhook_channel.h"
#include "intake/order_intake.h"
#include "net/router.h"
#include "simulation/gated_driver.h"
#include "simulation/machine.h"
#include "store/backup.h"
#include "surfaces/key_directory.h"
#include "surfaces/native/native_api.h"
#include "surfaces/proculink/proculink_api.h"
#include "surfaces/source_directory.h"

namespace waybill::simulation {

struct LifeOptions {
  Uuid node;
  std::uint64_t seed = 0;
  std::filesystem::path file;
  std::size_t waiting_units_max = 50'000;
};

class Life {
 public:
  static constexpr std::string_view kAdminToken = "the-admin-token";
  using Answer = std::shared_ptr<std::optional<net::Response>>;

  Life(const Machine& machine, const dialect::DialectRegistry& dialects, const LifeOptions& options,
       delivery::Send send);
  ~Life();

  // Begins what a hub begins with. Then has_started() says what came of it, once that is known.
  void start();
  std::optional<bool> has_started() const { return started_; }
  // Begins to stop. Then has_stopped() tells when it has.
  void stop();
  bool is_stopping() const { return stopping_; }
  bool has_stopped() const { return stopped_; }

  // Runs one thing that is ready. False: nothing is.
  bool step() { return context_.poll_one() > 0; }
  // True if the database has something to do, or to answer.
  bool database_has_work() const { return database_->unanswered() > plugs_; }
  // Runs the reads that wait. Their answers are ready then.
  void run_reads();
  // Runs the transaction that waits, and prepares the next with all that has been handed in.
  void run_writes();

  // Begins a call of the hub's HTTP API. The answer is there once it has one.
  Answer call(std::string_view method, std::string_view path, std::string_view body,
              std::vector<net::Header> headers);

  boost::asio::io_context& context() { return context_; }
  VirtualClock& clock() { return clock_; }
  store::Faults& faults() { return *faults_; }
  delivery::DispatcherCounters counters() const { return dispatcher_.counters(); }
  // Units handed in and not answered.
  std::size_t waiting_units() const { return database_->unanswered(); }
  const Uuid& node() const { return node_; }

 private:
  std::unique_ptr<store::Database> open(const LifeOptions& options);
  Task<void> run_start();
  Task<void> run_stop();
  Task<void> run_call(std::shared_ptr<net::Request> request, Answer answer);
  // A unit that does nothing, so that a transaction waits at the gate.
  Task<void> plug(store::Connection::Access access, std::shared_ptr<bool> ran);
  std::shared_ptr<bool> push_plug(store::Connection::Access access);

  const Uuid node_;
  // Plugs begin here, so that handing one in runs nothing else. Ends last: they may be in the
  // other.
  boost::asio::io_context plug_context_{1};
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  Gate reading_;
  Gate writing_;
  std::shared_ptr<store::Faults> faults_ = std::make_shared<store::Faults>();
  VirtualClock clock_;
  Log log_{Log::Level::kOff};
  IdGenerator ids_;
  crypto::SecretBox secret_box_;
  std::unique_ptr<store::Database> database_;
  store::Backup backup_;  // That nobody makes.
  intake::Acceptance acceptance_;
  intake::Recovery recovery_;
  delivery::EndpointDirectory endpoints_;
  delivery::WebhookChannel channel_;
  delivery::Channels channels_;
  const delivery::Alerts alerts_;
  delivery::Dispatcher dispatcher_;
  surfaces::KeyDirectory keys_;
  surfaces::SourceDirectory sources_;
  intake::OrderIntake orders_;
  net::EgressGuard guard_{/*allow_private_networks=*/false};
  surfaces::native::NativeApi native_;
  surfaces::proculink::ProcuLinkApi proculink_;
  net::Router router_;
  std::size_t plugs_ = 0;
  std::optional<bool> started_;
  bool stopping_ = false;
  bool stopped_ = false;
};

}  // namespace waybill::simulation
