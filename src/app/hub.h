// The Hub is the composition root: it owns every part of a running Waybill, makes them in the order
// in which they need each other, and ends them in the reverse one. It alone knows all of them.
//
// A new surface is a line in the list at the top of hub.cc and a member here.
//
// Used from the thread of its io_context only.

#pragma once

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "app/certificate_watch.h"
#include "app/change_feed.h"
#include "app/data_directory.h"
#include "app/handler_channels.h"
#include "app/node_registry.h"
#include "app/operations.h"
#include "app/request_log.h"
#include "app/request_log_bound.h"
#include "app/retention.h"
#include "app/settings.h"
#include "app/traffic.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/task.h"
#include "crypto/secret_box.h"
#include "delivery/alerts.h"
#include "delivery/dispatcher.h"
#include "delivery/endpoint_directory.h"
#include "delivery/replayer.h"
#include "delivery/webhook_channel.h"
#include "dialect/loader.h"
#include "intake/acceptance.h"
#include "intake/order_intake.h"
#include "intake/receiver.h"
#include "intake/recovery.h"
#include "net/egress_guard.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/router.h"
#include "store/backup.h"
#include "store/database.h"
#include "surfaces/key_directory.h"
#include "surfaces/native/native_api.h"
#include "surfaces/peptideclients/integration_api.h"
#include "surfaces/peptideclients/read_api.h"
#include "surfaces/peptideclients/woocommerce_webhook.h"
#include "surfaces/precoro/precoro_api.h"
#include "surfaces/proculink/proculink_api.h"
#include "surfaces/procureiq/procureiq_api.h"
#include "surfaces/proign/proign_api.h"
#include "surfaces/receiver/receiver_door.h"
#include "surfaces/source_directory.h"
#include "surfaces/woocommerce_orders.h"
#include "surfaces/woocommerce_reconciler.h"

namespace waybill::app {

class Hub {
 public:
  // Opens the data directory, the dialects and the database. Serves and sends nothing yet.
  // Fails as DataDirectory::open(), DialectRegistry::load(), check_not_moved(),
  // check_copy_finished(), open_master_key() and Database::open(), and with kInvalid
  // (ca_file_invalid), naming the file.
  static Result<std::unique_ptr<Hub>> open(boost::asio::io_context& context, Log& log,
                                           const Settings& settings);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // Takes the port, begins to deliver, then to serve: until then requests are answered with 503.
  // Fails as CertificateWatch::load(), HttpServer::listen(), Dispatcher::start() and
  // DataDirectory::publish_url(). Call stop() then, too.
  Task<Result<void>> start();

  // Accepts no more, begins no attempt, and lets what is under way end, for as long as the setting
  // stop_timeout says. Nothing accepted is lost: what had to be cut off is made again.
  Task<void> stop();

  // After stop(): attempts that had to be cut off are still waiting for their receivers.
  bool is_cut_off() const { return dispatcher_.counters().in_flight > 0; }
  // Looks whether there is a new certificate, without waiting for the minute to pass.
  void look_for_certificate();

  const std::string& url() const { return url_; }  // "http://127.0.0.1:8080", once started.
  const DataDirectory& data() const { return data_; }

 private:
  Hub(boost::asio::io_context& context, Log& log, const Settings& settings, DataDirectory data,
      crypto::SecretBox secret_box, dialect::DialectRegistry dialects, std::unique_ptr<Clock> clock,
      std::unique_ptr<store::Database> database, std::string ca_certificates);

  void add_root_route();
  // Every request goes through here, …
  Task<net::Response> answer(net::Request& request);
  // … what is asked of the surfaces through here, …
  Task<net::Response> route(net::Request& request);
  // … and here what the server refuses itself.
  net::Response refuse(net::Request request, const Error& error);
  void serve_with(CertificateWatch::Certificate certificate);

  Log& log_;
  const Settings settings_;
  DataDirectory data_;
  const crypto::SecretBox secret_box_;
  const dialect::DialectRegistry dialects_;
  const std::unique_ptr<Clock> clock_;
  IdGenerator ids_;
  const std::unique_ptr<store::Database> database_;
  store::Backup backup_;
  const net::EgressGuard guard_;
  net::HttpClient client_;
  const intake::Acceptance acceptance_;
  const intake::Recovery recovery_;
  delivery::EndpointDirectory endpoints_;
  delivery::WebhookChannel webhooks_;
  HandlerChannels handler_channels_;
  delivery::Channels channels_;
  const delivery::Alerts alerts_;
  delivery::Dispatcher dispatcher_;
  surfaces::KeyDirectory keys_;
  surfaces::SourceDirectory sources_;
  NodeRegistry nodes_;
  ChangeFeed changes_;
  delivery::Replayer replayer_;
  intake::OrderIntake order_intake_;
  intake::Receiver receiver_;
  surfaces::WooCommerceOrders woocommerce_orders_;
  surfaces::WooCommerceReconciler woocommerce_reconciler_;
  surfaces::native::NativeApi native_;
  surfaces::proculink::ProcuLinkApi proculink_;
  surfaces::precoro::PrecoroApi precoro_;
  surfaces::procureiq::ProcureIqApi procureiq_;
  surfaces::proign::ProignApi proign_;
  surfaces::peptideclients::IntegrationApi integration_;
  surfaces::peptideclients::ReadApi public_reads_;
  surfaces::peptideclients::WooCommerceWebhook woocommerce_webhook_;
  surfaces::receiver::SourceWatch source_watch_;
  surfaces::receiver::ReceiverDoor receiver_door_;
  Traffic traffic_;
  RequestLog request_log_;
  Retention retention_;
  RequestLogBound request_log_bound_;
  net::Router router_;
  net::HttpServer server_;
  Operations operations_;
  std::unique_ptr<CertificateWatch> certificate_watch_;  // Null: plain HTTP.
  std::string url_;
  bool delivering_ = false;
  bool ready_ = false;
};

}  // namespace waybill::app
