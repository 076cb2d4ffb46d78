#include "app/hub.h"

#include <array>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "app/database.h"
#include "app/files.h"
#include "app/master_key.h"
#include "app/process.h"
#include "app/redaction.h"
#include "app/version.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "net/client_address.h"
#include "store/copy.h"
#include "store/migrations.h"
#include "surfaces/peptideclients/errors.h"

namespace waybill::app {
namespace {

namespace peptideclients = surfaces::peptideclients;
using surfaces::native::NativeApi;
using surfaces::precoro::PrecoroApi;
using surfaces::proculink::ProcuLinkApi;
using surfaces::procureiq::ProcureIqApi;
using surfaces::proign::ProignApi;
using surfaces::receiver::ReceiverDoor;

template <const char* prefix>
bool is_below(std::string_view path) {
  return path.starts_with(prefix);
}
constexpr char kIngress[] = "/api/ingress/";
constexpr char kVersionOne[] = "/api/v1/";
constexpr char kHub[] = "/hub/";
constexpr char kRoot[] = "/";

bool is_peptideclients(std::string_view path) {
  for (const std::string_view half : {"/integrations/v1", "/v1"}) {
    if (path.starts_with(half) && (path.size() == half.size() || path[half.size()] == '/'))
      return true;
  }
  return false;
}

// How each surface writes what goes wrong before one of its own functions is called. The first
// that serves the path; the last serves everything.
struct SurfaceErrors {
  bool (*serves)(std::string_view path);
  std::string_view name;  // In metrics.
  net::Response (*render_error)(const Error& error);
  net::Response (*render_miss)(const net::Router::Miss& miss);
};
constexpr std::array kSurfaces = {
    SurfaceErrors{ReceiverDoor::serves, "receiver", ReceiverDoor::render_error,
                  ReceiverDoor::render_miss},
    SurfaceErrors{is_below<kIngress>, "proculink", ProcuLinkApi::render_error,
                  ProcuLinkApi::render_miss},
    SurfaceErrors{PrecoroApi::has_path, "precoro", PrecoroApi::render_error,
                  PrecoroApi::render_miss},
    SurfaceErrors{is_peptideclients, "peptideclients", peptideclients::render_error,
                  peptideclients::render_miss},
    SurfaceErrors{is_below<kVersionOne>, "procureiq", ProcureIqApi::render_error,
                  ProcureIqApi::render_miss},
    SurfaceErrors{is_below<kHub>, "native", NativeApi::render_error, NativeApi::render_miss},
    SurfaceErrors{ProignApi::serves, "proign", ProignApi::render_error, ProignApi::render_miss},
    SurfaceErrors{is_below<kRoot>, "operations", NativeApi::render_error, NativeApi::render_miss},
};

// Its place in kSurfaces.
std::size_t surface_of(std::string_view path) {
  std::size_t surface = 0;
  while (surface + 1 < kSurfaces.size() && !kSurfaces[surface].serves(path)) ++surface;
  return surface;
}

net::Response render_error(const net::Request& request, const Error& error) {
  return kSurfaces[surface_of(request.path)].render_error(error);
}

// Where a client on this machine reaches what listens on `host`.
std::string url_of(bool tls, const std::string& host, std::uint16_t port) {
  std::string_view here = host;
  if (host == "0.0.0.0" || host == "localhost") here = "127.0.0.1";
  if (host == "::") here = "::1";
  const std::string_view scheme = tls ? "https" : "http";
  if (here.find(':') != std::string_view::npos)
    return fmt::format("{}://[{}]:{}", scheme, here, port);
  return fmt::format("{}://{}:{}", scheme, here, port);
}

// What to call a hub by that listens on every address.
std::string address_for_others(const std::string& host) {
  return host == "0.0.0.0" || host == "::" ? host_name() : host;
}

std::string node_name(const Settings& settings) {
  return settings.node_name.empty() ? host_name() : settings.node_name;
}

// The text of the operator's own authorities; empty for none.
Result<std::string> read_ca_file(const std::filesystem::path& file) {
  if (file.empty()) return std::string();
  auto text = read_bytes(file, net::kPemBytesMax);
  if (!text) return fail(Code::kInvalid, "ca_file_invalid", text.error().message);
  if (const auto good = net::check_certificates(*text); !good) {
    return fail(
        Code::kInvalid, "ca_file_invalid",
        fmt::format("{} is no file of certificates: {}", file.string(), good.error().message));
  }
  return text;
}

Result<crypto::SecretBox> open_secrets(const DataDirectory& data, Nodes nodes,
                                       store::Driver& driver, Timestamp now) {
  const auto connection = driver.connect(store::Connection::Access::kWrite);
  if (!connection) return fail(connection.error());
  WAYBILL_TRY(store::migrate(**connection, now));
  WAYBILL_TRY(store::check_copy_finished(**connection));
  return open_master_key(data.folder(), **connection, nodes);
}

}  // namespace

Result<std::unique_ptr<Hub>> Hub::open(boost::asio::io_context& context, Log& log,
                                       const Settings& settings) {
  auto ca_certificates = read_ca_file(settings.ca_file);
  if (!ca_certificates) return fail(ca_certificates.error());
  auto data = DataDirectory::open(settings.data);
  if (!data) return fail(data.error());
  auto dialects = dialect::DialectRegistry::load(settings.dialects);
  if (!dialects) return fail(dialects.error());
  auto clock = std::make_unique<SystemClock>(settings.clock_speed);
  WAYBILL_TRY(check_not_moved(settings, data->folder()));
  auto driver = make_driver(settings, data->folder());
  auto secret_box = open_secrets(*data, nodes_of(settings), *driver, clock->now());
  if (!secret_box) return fail(secret_box.error());
  auto database = store::Database::open(context, log, std::move(driver), clock->now());
  if (!database) return fail(database.error());
  return std::unique_ptr<Hub>(new Hub(
      context, log, settings, std::move(*data), std::move(*secret_box), std::move(*dialects),
      std::move(clock), std::move(*database), std::move(*ca_certificates)));
}

Hub::Hub(boost::asio::io_context& context, Log& log, const Settings& settings, DataDirectory data,
         crypto::SecretBox secret_box, dialect::DialectRegistry dialects,
         std::unique_ptr<Clock> clock, std::unique_ptr<store::Database> database,
         std::string ca_certificates)
    : log_(log),
      settings_(settings),
      data_(std::move(data)),
      secret_box_(std::move(secret_box)),
      dialects_(std::move(dialects)),
      clock_(std::move(clock)),
      ids_(*clock_, crypto::random_seed()),
      database_(std::move(database)),
      backup_(*database_, data_.backup_file()),
      guard_(settings_.allow_private_networks, settings_.allow_networks),
      client_(context, guard_,
              {.user_agent = fmt::format("Waybill/{}", version()),
               .ca_certificates = std::move(ca_certificates)}),
      acceptance_(dialects_, ids_),
      recovery_(dialects_, ids_, {.deliveries_kept = settings_.retention_deliveries}),
      endpoints_(*database_, dialects_, secret_box_),
      webhooks_(*clock_,
                [this](net::ClientRequest request) { return client_.send(std::move(request)); }),
      handler_channels_(
          {.context = context,
           .clock = *clock_,
           .log = log_,
           .ids = ids_,
           .dialects = dialects_,
           .send = [this](net::ClientRequest request) { return client_.send(std::move(request)); },
           .settings = settings_,
           .data = data_.folder()}),
      channels_(webhooks_),
      alerts_(acceptance_, ids_),
      dispatcher_(
          context, *clock_, log_, *database_, endpoints_, channels_, alerts_,
          Rng(crypto::random_seed()),
          {.node = data_.node(), .node_name = node_name(settings_), .lease = settings_.lease}),
      keys_(*database_, *clock_, secret_box_, settings_.rate_limit),
      sources_(*database_, dialects_, secret_box_, log_),
      nodes_(context, *clock_, log_, *database_,
             {.id = data_.node(),
              .boot = ids_.next(),
              .name = node_name(settings_),
              .version = std::string(version())},
             [this](int live) { dispatcher_.set_nodes(live); }),
      changes_(context, log_, *database_, data_.node(), keys_, sources_, dispatcher_),
      replayer_(context, *clock_, log_, *database_, dispatcher_, recovery_,
                [this] { return nodes_.is_first(); }),
      order_intake_(*clock_, ids_, *database_, acceptance_),
      receiver_(*clock_, ids_, *database_, acceptance_),
      woocommerce_orders_(*clock_, ids_, *database_, acceptance_, dispatcher_),
      woocommerce_reconciler_(
          {.context = context,
           .clock = *clock_,
           .log = log_,
           .database = *database_,
           .secret_box = secret_box_,
           .orders = woocommerce_orders_,
           .send = [this](net::ClientRequest request) { return client_.send(std::move(request)); },
           .is_ours = [this] { return nodes_.is_first(); }}),
      native_({.clock = *clock_,
               .log = log_,
               .ids = ids_,
               .database = *database_,
               .dialects = dialects_,
               .secret_box = secret_box_,
               .acceptance = acceptance_,
               .recovery = recovery_,
               .dispatcher = dispatcher_,
               .endpoints = endpoints_,
               .keys = keys_,
               .sources = sources_,
               .guard = guard_,
               .backup = backup_,
               .admin_token_hash = crypto::sha256(data_.admin_token().reveal()),
               .allow_insecure_endpoints = settings_.allow_insecure_endpoints,
               .serves_tls = !settings_.tls_certificate.empty(),
               .version = std::string(version()),
               .dangerous_settings = settings_.dangerous,
               .replay_created = [this] { replayer_.wake(); },
               .woocommerce = &woocommerce_reconciler_}),
      proculink_({.log = log_, .keys = keys_, .orders = order_intake_, .dispatcher = dispatcher_}),
      precoro_({.clock = *clock_,
                .log = log_,
                .keys = keys_,
                .database = *database_,
                .limits = settings_.precoro_limits}),
      procureiq_(native_.services(), {.calls_per_hour = settings_.procureiq_calls_per_hour,
                                      .calls_per_day = settings_.procureiq_calls_per_day}),
      proign_(native_.services(), {.reads_per_minute = settings_.proign_reads_per_minute,
                                   .writes_per_minute = settings_.proign_writes_per_minute}),
      integration_(native_.services()),
      public_reads_(native_.services()),
      woocommerce_webhook_(*clock_, log_, dialects_, keys_, woocommerce_orders_),
      source_watch_({.context = context,
                     .clock = *clock_,
                     .log = log_,
                     .ids = ids_,
                     .database = *database_,
                     .acceptance = acceptance_,
                     .dispatcher = dispatcher_,
                     .is_ours = [this] { return nodes_.is_first(); }}),
      receiver_door_({.clock = *clock_,
                      .log = log_,
                      .dialects = dialects_,
                      .sources = sources_,
                      .receiver = receiver_,
                      .dispatcher = dispatcher_,
                      .watch = source_watch_}),
      traffic_(log_, ids_, settings_.access_log),
      request_log_(context, *clock_, log_, ids_, *database_,
                   {.node = data_.node(),
                    .with_rows = settings_.request_log,
                    .with_bodies = settings_.request_log_bodies}),
      retention_(context, *clock_, log_, *database_,
                 {.deliveries = settings_.retention_deliveries,
                  .events = settings_.retention_events,
                  .is_ours = [this] { return nodes_.is_first(); }}),
      request_log_bound_(context, *clock_, log_, *database_,
                         {.node = data_.node(),
                          .kept = settings_.retention_requests,
                          .bytes_max = settings_.request_log_bytes_max,
                          .is_ours = [this] { return nodes_.is_first(); }}),
      server_(
          context, log_, net::ServerLimits{.connections_max = settings_.connections_max},
          [this](net::Request& request) { return answer(request); },
          [this](const net::Request& request, const Error& error) {
            return refuse(request, error);
          }),
      operations_({.node = data_.node(),
                   .clock = *clock_,
                   .database = *database_,
                   .dispatcher = dispatcher_,
                   .orders = order_intake_,
                   .receiver = receiver_,
                   .receiver_door = receiver_door_,
                   .source_watch = source_watch_,
                   .native = native_,
                   .server = server_,
                   .traffic = traffic_,
                   .replayer = replayer_,
                   .request_log = request_log_,
                   .retention = retention_,
                   .request_log_bound = request_log_bound_,
                   .nodes = nodes_,
                   .metrics_token = settings_.metrics_token}) {
  handler_channels_.add_to(channels_);
  for (const SurfaceErrors& surface : kSurfaces) traffic_.add_surface(surface.name);
  native_.add_routes(router_);
  proculink_.add_routes(router_);
  precoro_.add_routes(router_);
  procureiq_.add_routes(router_);
  proign_.add_routes(router_);
  integration_.add_routes(router_);
  public_reads_.add_routes(router_);
  woocommerce_webhook_.add_routes(router_);
  receiver_door_.add_routes(router_);
  operations_.add_routes(router_);
  add_root_route();
  if (settings_.tls_certificate.empty()) return;
  certificate_watch_ = std::make_unique<CertificateWatch>(
      context, log_, *clock_, CertificateFiles{settings_.tls_certificate, settings_.tls_key},
      [this](CertificateWatch::Certificate certificate) { serve_with(std::move(certificate)); });
}

Hub::~Hub() = default;

void Hub::add_root_route() {
  router_.add({"GET", "/", [](net::Request&) -> Task<net::Response> {
                 co_return net::Response::with_body(
                     200, "text/plain; charset=utf-8",
                     fmt::format("Waybill {}: orders in, exactly once; signed webhooks out.\n"
                                 "The management API: /hub/v1, described by "
                                 "/hub/v1/openapi.json\n",
                                 version()));
               }});
}

Task<Result<void>> Hub::start() {
  if (certificate_watch_) WAYBILL_CO_TRY(certificate_watch_->load());
  // The port first: a hub that cannot have it must not send a webhook before it gives up.
  const auto port = server_.listen(settings_.listen_host, settings_.listen_port);
  if (!port) {
    Error error = port.error();
    error.message += " Choose another with --listen; port 0 is any free one.";
    co_return fail(std::move(error));
  }
  url_ = url_of(certificate_watch_ != nullptr, settings_.listen_host, *port);
  WAYBILL_CO_TRY(co_await nodes_.start(
      url_of(certificate_watch_ != nullptr, address_for_others(settings_.listen_host), *port)));
  changes_.start();
  delivering_ = true;
  WAYBILL_CO_TRY(co_await dispatcher_.start());
  if (certificate_watch_) certificate_watch_->start();
  request_log_.start();
  retention_.start();
  request_log_bound_.start();
  replayer_.start();
  woocommerce_reconciler_.start();
  source_watch_.start();
  ready_ = true;
  co_return data_.publish_url(url_);
}

Task<void> Hub::stop() {
  ready_ = false;
  backup_.stop();
  if (certificate_watch_) co_await certificate_watch_->stop();
  // One deadline for all: attempts end while requests do.
  const Deadline deadline = Deadline::after(settings_.stop_timeout);
  if (delivering_) dispatcher_.begin_stop();
  handler_channels_.begin_stop(settings_.stop_timeout);
  native_.begin_stop();
  woocommerce_reconciler_.begin_stop();
  co_await server_.stop(settings_.stop_timeout);
  co_await request_log_.stop();
  co_await retention_.stop();
  co_await request_log_bound_.stop();
  co_await replayer_.stop();
  co_await woocommerce_reconciler_.stop();
  co_await source_watch_.stop();
  if (delivering_) co_await dispatcher_.stop(deadline);
  delivering_ = false;
  channels_.stop();
  changes_.stop();
  co_await nodes_.stop();
}

void Hub::look_for_certificate() {
  if (certificate_watch_) certificate_watch_->look();
}

void Hub::serve_with(CertificateWatch::Certificate certificate) {
  const auto published = data_.publish_certificate(certificate->chain_pem());
  if (!published) log_.warn("certificate_unpublished", {{"what", published.error().message}});
  server_.use_certificate(std::move(certificate));
}

Task<net::Response> Hub::answer(net::Request& request) {
  const Stopwatch stopwatch;
  const Timestamp at = clock_->now();
  request.peer = net::client_address(request, settings_.trusted_proxies);
  request.id = traffic_.request_id(request);
  net::Response response = co_await route(request);
  const std::size_t surface = surface_of(request.path);
  const auto elapsed = stopwatch.elapsed();
  traffic_.note(surface, request, response, elapsed);
  request_log_.note(request, response, at, elapsed);
  co_return response;
}

Task<net::Response> Hub::route(net::Request& request) {
  net::Router::Miss miss;
  const net::Handler* handler = router_.find(request, miss);
  if (handler == nullptr) co_return kSurfaces[surface_of(request.path)].render_miss(miss);
  if (!ready_ && request.path != "/health/live") {
    co_return render_error(request, Error(Code::kUnavailable, "hub_not_ready",
                                          "The hub is starting or stopping; try again."));
  }
  try {
    co_return co_await (*handler)(request);
  } catch (const std::exception& e) {
    log_.error("request_failed", {{"request", request.id},
                                  {"method", request.method},
                                  {"path", redact_path(request.path)},
                                  {"what", e.what()}});
  }
  co_return render_error(request, Error(Code::kInternal, "The handler failed."));
}

net::Response Hub::refuse(net::Request request, const Error& error) {
  request.peer = net::client_address(request, settings_.trusted_proxies);
  request.id = traffic_.request_id(request);
  net::Response response = render_error(request, error);
  traffic_.note(surface_of(request.path), request, response, {});
  return response;
}

}  // namespace waybill::app
