#include "bench/ledger/poster.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace waybill::bench {
namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using tcp = asio::ip::tcp;
namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
// Between two tries of one order, and after a refusal.
constexpr std::chrono::milliseconds kPause{10};
// How soon a load that is stopped notices.
constexpr std::chrono::milliseconds kSliceMax{100};
constexpr int kConnectionsMax = 20'000;

std::unexpected<Error> refuse(std::string why) {
  return fail(Code::kInvalid, "load_invalid", std::move(why));
}

// True if whether there is an order now is open: such a post is made again. A 503 promises that
// nothing was accepted, but says nothing of a former post of the same order that was not answered.
bool leaves_it_open(int status, bool was_open) {
  return (status >= 500 && status != 503) || (was_open && (status == 503 || status == 429));
}

std::optional<std::pair<Id, bool>> read_receipt(const std::string& body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const json::object* members = error ? nullptr : value.if_object();
  const json::value* id = members ? members->if_contains("id") : nullptr;
  if (!id || !id->is_string()) return std::nullopt;
  const auto parsed = parse_id(id->get_string());
  if (!parsed) return std::nullopt;
  const json::value* replay = members->if_contains("idempotentReplay");
  return std::pair(*parsed, replay && replay->is_bool() && replay->get_bool());
}

}  // namespace

struct Poster::Running {
  LoadPlan plan;
  std::uint32_t load = 0;
  OrderRequest request;
  Moment began;
  std::uint64_t slots = 0;
  int workers = 0;
  bool stopping = false;
};

struct Poster::Connection {
  Connection(asio::io_context& context, std::size_t to) : stream(context), node(to) {}
  boost::beast::tcp_stream stream;
  std::size_t node;  // Which it goes to.
  boost::beast::flat_buffer buffer;
  bool open = false;

  void close() {
    stream.close();
    buffer.clear();
    open = false;
  }
  void go_to_next(std::size_t nodes) {
    if (nodes == 1) return;
    close();
    node = (node + 1) % nodes;
  }
};

Result<void> add_orders_url(LoadPlan& plan, std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const auto wrong = [&] {
    return refuse(
        fmt::format("'{}' is not like http://127.0.0.1:8080/api/ingress/acme/orders, "
                    "with an IP address.",
                    url));
  };
  if (!url.starts_with(kScheme)) return wrong();
  const std::string_view rest = url.substr(kScheme.size());
  const auto slash = rest.find('/');
  const auto colon = rest.substr(0, slash).rfind(':');
  if (slash == std::string_view::npos || colon == std::string_view::npos) return wrong();
  std::uint16_t port = 0;
  const char* end = rest.data() + slash;
  const auto [read_to, number_error] = std::from_chars(rest.data() + colon + 1, end, port);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(std::string(rest.substr(0, colon)), error);
  if (error || number_error != std::errc{} || read_to != end) return wrong();
  if (!plan.nodes.empty() && plan.target.path != rest.substr(slash)) {
    return refuse("the nodes of one hub have the same path.");
  }
  plan.nodes.emplace_back(address, port);
  plan.target.host = rest.substr(0, slash);
  plan.target.path = rest.substr(slash);
  return {};
}

Poster::Poster(asio::io_context& context, Log& log, Ledger& ledger)
    : context_(context), ledger_(ledger), tasks_(context, log) {}
Poster::~Poster() = default;

Result<void> Poster::start(LoadPlan plan) {
  if (plan.connections < 1 || plan.connections > kConnectionsMax) {
    return refuse(fmt::format("connections are from 1 to {}.", kConnectionsMax));
  }
  if (plan.nodes.empty()) return refuse("a load has an orders_url.");
  if (plan.rate < 0 || plan.seconds < 0) return refuse("rate and seconds are not negative.");
  if (std::ranges::count(ledger_.loads(), plan.name, &Load::name) > 0) {
    return refuse(fmt::format("there has been a load '{}' already.", plan.name));
  }
  const std::uint32_t load =
      ledger_.add_load(plan.name, plan.workspace, plan.target.supplier, plan.groups);
  OrderRequest request(plan.target, ledger_.number_of({load, 0}));
  auto& running = *loads_.emplace_back(
      std::make_unique<Running>(Running{std::move(plan), load, std::move(request), moment_now()}));
  running.workers = running.plan.connections;
  for (int i = 0; i < running.plan.connections; ++i) {
    const std::size_t node = static_cast<std::size_t>(i) % running.plan.nodes.size();
    tasks_.spawn("post", work(running, node));
  }
  return {};
}

bool Poster::stop(std::string_view name) {
  for (const auto& load : loads_) {
    if (load->plan.name != name) continue;
    load->stopping = true;
    return true;
  }
  return false;
}

std::vector<std::string> Poster::running() const {
  std::vector<std::string> names;
  for (const auto& load : loads_) {
    if (load->workers > 0) names.push_back(load->plan.name);
  }
  return names;
}

Task<void> Poster::work(Running& load, std::size_t node) {
  Connection connection(context_, node);
  std::string buffer;
  while (const auto intended = co_await next_slot(load)) {
    const OrderKey key = ledger_.begin(load.load, *intended);
    const std::string_view request =
        load.request.render(buffer, ledger_.number_of(key), Ledger::lines_of(key.index));
    co_await settle(load, connection, key, request);
  }
  --load.workers;
}

// When the next order is to be posted, once that is now. Nothing at the end.
Task<std::optional<Moment>> Poster::next_slot(Running& load) {
  const LoadPlan& plan = load.plan;
  const std::uint64_t slot = load.slots;
  Moment intended = moment_now();
  if (plan.rate > 0) {
    intended =
        load.began + std::chrono::duration_cast<Moment::duration>(
                         std::chrono::duration<double>(static_cast<double>(slot) / plan.rate));
  }
  const std::chrono::duration<double> since = intended - load.began;
  if (load.stopping || (plan.orders > 0 && slot >= plan.orders) ||
      (plan.seconds > 0 && since.count() >= plan.seconds)) {
    co_return std::nullopt;
  }
  ++load.slots;
  for (Moment now = moment_now(); now < intended; now = moment_now()) {
    asio::steady_timer timer(context_, std::min(intended, now + kSliceMax));
    co_await timer.async_wait(as_values);
    if (load.stopping) co_return std::nullopt;
  }
  co_return intended;
}

Task<void> Poster::settle(Running& load, Connection& connection, OrderKey key,
                          std::string_view request) {
  const Moment until = moment_now() + load.plan.patience;
  for (bool was_open = false;;) {
    const auto answer = co_await exchange(load, connection, request);
    if (!answer || !defer(load, key, *answer)) {
      if (answer && conclude(key, *answer, was_open)) {
        if (answer->status >= 300) co_await pause(kPause);
        co_return;
      }
      was_open = true;
    }
    if (!answer) ledger_.broken(moment_now());
    connection.go_to_next(load.plan.nodes.size());
    if (moment_now() >= until) {
      ledger_.give_up(key);
      co_return;
    }
    co_await pause(kPause);
    ledger_.repost(key);
  }
}

bool Poster::defer(const Running& load, OrderKey key, const Answer& answer) {
  if (load.plan.nodes.size() == 1 || answer.status != 503) return false;
  ledger_.defer(key, answer.has_retry_after);
  return true;
}

bool Poster::conclude(OrderKey key, const Answer& answer, bool was_open) {
  if (answer.status == 200 || answer.status == 201) {
    const auto receipt = read_receipt(answer.body);
    if (!receipt) return false;
    ledger_.acknowledge(key, receipt->first, receipt->second, moment_now());
    return true;
  }
  if (leaves_it_open(answer.status, was_open)) return false;
  ledger_.refuse(key, answer.status, answer.has_retry_after, answer.body);
  return true;
}

Task<std::optional<Poster::Answer>> Poster::exchange(Running& load, Connection& connection,
                                                     std::string_view request) {
  auto& stream = connection.stream;
  stream.expires_after(load.plan.answer_wait);
  if (!connection.open) {
    const auto [error] = co_await stream.async_connect(load.plan.nodes[connection.node], as_values);
    if (error) {
      connection.close();
      co_return std::nullopt;
    }
    stream.socket().set_option(tcp::no_delay(true));
    connection.open = true;
  }
  const auto [write_error, written] =
      co_await asio::async_write(stream, asio::buffer(request.data(), request.size()), as_values);
  http::response<http::string_body> response;
  // A server that refuses may have answered before it has read everything.
  const auto [read_error, read] =
      co_await http::async_read(stream, connection.buffer, response, as_values);
  if (read_error) {
    connection.close();
    co_return std::nullopt;
  }
  if (write_error || !response.keep_alive()) connection.close();
  Answer answer{.status = static_cast<int>(response.result_int()),
                .body = std::move(response.body()),
                .has_retry_after = response.count(http::field::retry_after) > 0};
  co_return answer;
}

Task<void> Poster::pause(std::chrono::milliseconds wait) {
  asio::steady_timer timer(context_, wait);
  co_await timer.async_wait(as_values);
}

}  // namespace waybill::bench
