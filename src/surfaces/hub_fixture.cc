#include "surfaces/hub_fixture.h"

#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "store/sqlite/sqlite_driver.h"

namespace waybill::surfaces {
namespace {

namespace asio = boost::asio;

const dialect::DialectRegistry& built_in_dialects() {
  static const auto registry = dialect::DialectRegistry::load({});
  WAYBILL_CHECK(registry.has_value(), registry.error().message);
  return *registry;
}

std::unique_ptr<store::Database> open_database(asio::io_context& context, Log& log,
                                               const std::filesystem::path& folder, Timestamp now) {
  auto database = store::Database::open(
      context, log, std::make_unique<store::SqliteDriver>(folder / "waybill.db"), now);
  WAYBILL_CHECK(database.has_value(), database.error().message);
  return *std::move(database);
}

delivery::DispatcherOptions dispatcher_options(IdGenerator& ids) {
  delivery::DispatcherOptions options;
  options.node = ids.next();
  options.node_name = "hub-1";
  return options;
}

}  // namespace

HubFixture::HubFixture(int rate_limit)
    : dialects(built_in_dialects()),
      secret_box(crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value()),
      database(open_database(context, log, folder, clock.now())),
      endpoints(*database, dialects, secret_box),
      channel(clock, [this](net::ClientRequest request) { return receive(std::move(request)); }),
      channels(channel),
      dispatcher(context, clock, log, *database, endpoints, channels, alerts, Rng(1),
                 dispatcher_options(ids)),
      keys(*database, clock, secret_box, rate_limit),
      backup(*database, folder / "backup.db"),
      woocommerce_orders(clock, ids, *database, acceptance, dispatcher),
      woocommerce_reconciler(
          {.context = context,
           .clock = clock,
           .log = log,
           .database = *database,
           .secret_box = secret_box,
           .orders = woocommerce_orders,
           .send = [this](net::ClientRequest request) { return receive(std::move(request)); }}),
      native_api({.clock = clock,
                  .log = log,
                  .ids = ids,
                  .database = *database,
                  .dialects = dialects,
                  .secret_box = secret_box,
                  .acceptance = acceptance,
                  .recovery = recovery,
                  .dispatcher = dispatcher,
                  .endpoints = endpoints,
                  .keys = keys,
                  .sources = sources,
                  .guard = guard,
                  .backup = backup,
                  .admin_token_hash = crypto::sha256(kAdminTokenText),
                  .version = "test",
                  .woocommerce = &woocommerce_reconciler}) {
  clock.set_settle([this] { settle(); });
  native_api.add_routes(router);
  const auto started = run(dispatcher.start());
  WAYBILL_CHECK(started.has_value(), "the dispatcher of a new hub starts");
}

HubFixture::~HubFixture() {
  release_receiver();
  run([](delivery::Dispatcher& stopped) -> Task<bool> {
    co_await stopped.stop();
    co_return true;
  }(dispatcher));
  database.reset();
}

void HubFixture::settle() {
  for (;;) {
    context.restart();
    const std::size_t ran = context.poll();
    if (database->unanswered() > 0) {
      context.restart();
      context.run_one();
    } else if (ran == 0) {
      return;
    }
  }
}

net::Response HubFixture::call(std::string_view method, std::string_view target,
                               std::string_view body, Headers headers) {
  const auto response = begin_call(method, target, body, std::move(headers));
  settle();
  WAYBILL_CHECK(response->has_value(), "a call is answered");
  return **response;
}

std::shared_ptr<std::optional<net::Response>> HubFixture::begin_call(std::string_view method,
                                                                     std::string_view target,
                                                                     std::string_view body,
                                                                     Headers headers) {
  auto request = std::make_shared<net::Request>();
  const std::size_t question = target.find('?');
  request->method = method;
  request->path = target.substr(0, question);
  if (question != std::string_view::npos) request->query = target.substr(question + 1);
  request->body = body;
  request->peer = "192.0.2.1";
  request->headers = std::move(headers);
  if (!body.empty() && !request->header("Content-Type")) {
    request->headers.push_back({"Content-Type", "application/json"});
  }
  if (target.starts_with("/hub/") && !request->header("Authorization")) {
    request->headers.push_back({"Authorization", "Bearer " + std::string(kAdminTokenText)});
  }
  std::erase_if(request->headers, [](const net::Header& header) { return header.value.empty(); });

  auto response = std::make_shared<std::optional<net::Response>>();
  asio::co_spawn(context, answer(request),
                 [response](std::exception_ptr failure, net::Response made) {
                   if (failure) std::rethrow_exception(failure);
                   *response = std::move(made);
                 });
  return response;
}

Task<net::Response> HubFixture::answer(std::shared_ptr<net::Request> request) {
  net::Router::Miss miss;
  const net::Handler* handler = router.find(*request, miss);
  if (!handler) co_return native::NativeApi::render_miss(miss);
  co_return co_await (*handler)(*request);
}

Task<Result<net::ClientResponse>> HubFixture::receive(net::ClientRequest request) {
  sent.push_back(request);
  if (holding_) {
    asio::steady_timer timer(context, asio::steady_timer::time_point::max());
    held_.push_back(&timer);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    // Whoever asked may have given up.
    std::erase(held_, &timer);
  }
  if (receiver) co_return receiver(request);
  net::ClientResponse response;
  response.status = 200;
  co_return response;
}

void HubFixture::release_receiver() {
  holding_ = false;
  for (auto* timer : std::exchange(held_, {})) timer->cancel();
}

json::value json_of(const net::Response& response) {
  auto value = parse_json(response.body);
  EXPECT_TRUE(value.has_value()) << response.body;
  return value ? *std::move(value) : json::value();
}

}  // namespace waybill::surfaces
