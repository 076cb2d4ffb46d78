// waybill_bench_ledger: posts orders, receives their webhooks, and says what is missing. With
// --orders-url it makes one load, waits for what is owed and reports; without it, it is told what
// to do over HTTP (control.h). README.md beside this has the options.

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "base/log.h"
#include "bench/ledger/control.h"
#include "bench/ledger/report.h"

namespace waybill::bench {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds kLookInterval{20};

struct Options {
  std::uint16_t port = 0;
  std::string secret = "bench-secret-0123456789abcdef";
  std::vector<std::string> endpoints;
  std::string journal;
  std::vector<std::string> orders_urls;
  LoadPlan plan;
  double patience_seconds = 60;
  double drain_seconds = 30;
  bool no_idempotency_key = false;
  bool as_json = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--port", options.port, "where to receive; 0 is any free port (0)");
  app.add_option("--secret", options.secret, "what the endpoints' webhooks are signed with");
  app.add_option("--endpoint", options.endpoints,
                 "NAME, NAME=BEHAVIOUR or NAME*COUNT=BEHAVIOUR; at /hook/NAME or /hook/NAME.0 …");
  app.add_option("--journal", options.journal, "appends each acknowledged order to this file");
  app.add_option("--orders-url", options.orders_urls,
                 "posts there at once, and reports; else it waits to be told. One for each node");
  app.add_option("--key", options.plan.target.key, "the API key to post with");
  app.add_option("--workspace", options.plan.workspace, "its slug, which each webhook must name");
  app.add_option("--supplier", options.plan.target.supplier, "the supplier's exact name");
  app.add_option("--connections", options.plan.connections, "to post over (64)");
  app.add_option("--rate", options.plan.rate, "orders a second; 0 is as fast as answered (0)");
  app.add_option("--orders", options.plan.orders, "to end after so many (0: no such end)");
  app.add_option("--seconds", options.plan.seconds, "to end after so long (0: no such end)");
  app.add_option("--patience", options.patience_seconds, "for an order without an answer, s (60)");
  app.add_option("--drain", options.drain_seconds, "for what is owed when the load ends, s (30)");
  app.add_flag("--no-idempotency-key", options.no_idempotency_key, "posts without the header");
  app.add_flag("--json", options.as_json, "reports as JSON, not in words");
}

// As many connections as this user may have.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string new_run_name() {
  const auto ticks = moment_now().time_since_epoch().count();
  return fmt::format("{:x}{:x}", getpid(), ticks & 0xffffff);
}

Result<void> prepare(Options& options, Ledger& ledger, Endpoints& endpoints) {
  if (options.endpoints.empty()) options.endpoints.emplace_back("main");
  for (const std::string& text : options.endpoints) WAYBILL_TRY(endpoints.add(text));
  if (!options.journal.empty() && !ledger.keep_journal(options.journal)) {
    return fail(Code::kInvalid, fmt::format("{} cannot be written.", options.journal));
  }
  if (options.orders_urls.empty()) return {};
  options.plan.name = "main";
  options.plan.target.keyed = !options.no_idempotency_key;
  options.plan.patience =
      std::chrono::milliseconds(static_cast<std::int64_t>(options.patience_seconds * 1000));
  for (std::uint32_t group = 0; group < ledger.groups().size(); ++group) {
    options.plan.groups.push_back(group);
  }
  for (const std::string& url : options.orders_urls) {
    WAYBILL_TRY(add_orders_url(options.plan, url));
  }
  return {};
}

// Until the load has ended, and then until everything has come or the time for that is over.
Task<void> wait_until_complete(asio::io_context& context, const Poster& poster,
                               const Control& control, double drain_seconds) {
  asio::steady_timer timer(context);
  Moment drain_until = Moment::max();
  while (!control.is_complete() && moment_now() < drain_until) {
    if (poster.running().empty() && drain_until == Moment::max()) {
      drain_until =
          moment_now() + std::chrono::milliseconds(static_cast<std::int64_t>(drain_seconds * 1000));
    }
    timer.expires_after(kLookInterval);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  context.stop();
}

int run(Options& options) {
  const auto refuse = [](const Error& error) {
    std::cerr << "waybill_bench_ledger: " << error.message << '\n';
    return 2;
  };
  raise_file_limit();
  Log log;
  Ledger ledger(new_run_name());
  asio::io_context context(1);
  Endpoints endpoints(ledger);
  if (const auto prepared = prepare(options, ledger, endpoints); !prepared) {
    return refuse(prepared.error());
  }
  Poster poster(context, log, ledger);
  Control control(ledger, endpoints, poster);
  Receiver receiver(context, log, ledger, endpoints, options.secret, options.port,
                    [&](std::string_view method, std::string_view path, std::string_view body) {
                      return control.handle(method, path, body);
                    });
  std::cout << fmt::format("{{\"port\":{}}}", receiver.port()) << std::endl;
  receiver.start();
  TaskGroup tasks(context, log);
  if (!options.orders_urls.empty()) {
    if (const auto started = poster.start(options.plan); !started) return refuse(started.error());
    tasks.spawn("complete", wait_until_complete(context, poster, control, options.drain_seconds));
  }
  context.run();

  const auto told = report(ledger, endpoints.takes_all());
  std::cout << (options.as_json ? boost::json::serialize(told) + "\n" : in_words(told));
  return is_clean(told) ? 0 : 1;
}

}  // namespace
}  // namespace waybill::bench

int main(int count, char** words) {
  waybill::bench::Options options;
  CLI::App app("Posts orders to a hub, receives their webhooks, and says what is missing.",
               "waybill_bench_ledger");
  waybill::bench::declare(app, options);
  CLI11_PARSE(app, count, words);
  try {
    return waybill::bench::run(options);
  } catch (const std::exception& failure) {
    std::cerr << "waybill_bench_ledger: " << failure.what() << '\n';
    return 2;
  }
}
