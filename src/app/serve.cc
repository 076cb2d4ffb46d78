#include "app/serve.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "app/database.h"
#include "app/hub.h"
#include "app/service_manager.h"
#include "app/version.h"
#include "base/log.h"

namespace waybill::app {
namespace asio = boost::asio;
namespace {

constexpr int kInterruptedStatus = 130;

// Each connection is a descriptor; the usual soft limit of 1,024 is there for programs that use
// select(2).
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void log_start(Log& log, const LoadedSettings& loaded, const Hub& hub) {
  std::string given;
  for (const GivenSetting& setting : loaded.given) {
    given +=
        fmt::format("{}{}={}", given.empty() ? "" : " ", setting.setting->name, setting.shown());
    if (std::ranges::count(loaded.settings.dangerous, setting.setting->name) > 0) {
      log.warn("dangerous_setting",
               {{"setting", setting.setting->name}, {"what", setting.setting->warning}});
    }
  }
  for (const std::string& warning : loaded.warnings) {
    log.warn("settings_file_open", {{"what", warning}});
  }
  for (const std::string& warning : hub.data().warnings()) {
    log.warn("data_directory_open", {{"what", warning}});
  }
  if (loaded.settings.database && !loaded.settings.database->is_private()) {
    log.warn("database_not_private",
             {{"what",
               "The database server is on another machine, and what is said to it can be read or "
               "changed on the way: put sslmode=verify-full into its URI."}});
  }
  log.info("started", {{"address", hub.url()},
                       {"data", hub.data().folder().string()},
                       {"database", database_shown(loaded.settings, hub.data().folder())},
                       {"version", version()},
                       {"settings", given}});
}

// For somebody who has just typed `waybill serve`; a service manager gets the log alone.
void greet(const Hub& hub) {
  if (::isatty(STDOUT_FILENO) == 0) return;
  std::cout << fmt::format(
                   "Waybill {} serves at {}; its admin token is in {}\n"
                   "Next, in another terminal: waybill workspace create demo\n",
                   version(), hub.url(), token_file(hub.data().folder()).string())
            << std::flush;
}

// SIGHUP, as daemons are told to look at their files again. Until the set is cancelled.
void look_on_hangup(asio::signal_set& hangups, Hub& hub) {
  hangups.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    hub.look_for_certificate();
    look_on_hangup(hangups, hub);
  });
}

Task<Result<void>> run(Hub& hub, asio::signal_set& signals, Log& log,
                       const LoadedSettings& loaded) {
  constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
  auto started = co_await hub.start();
  if (started) {
    log_start(log, loaded, hub);
    greet(hub);
    tell_service_manager(process_environment(), "READY=1");
    const auto [error, number] = co_await signals.async_wait(as_values);
    log.info("stopping", {{"signal", number}});
    tell_service_manager(process_environment(), "STOPPING=1");
  }
  // Whoever asks twice does not want to wait for what is under way: the store is safe in any case.
  signals.async_wait([](boost::system::error_code error, int) {
    if (!error) std::_Exit(kInterruptedStatus);
  });
  co_await hub.stop();
  signals.cancel();
  if (started) log.info("stopped");
  co_return started;
}

}  // namespace

Result<void> serve(const LoadedSettings& loaded) {
  // A log reader that went away must not take the hub along.
  std::signal(SIGPIPE, SIG_IGN);
  // Whoever started the hub may have ignored it, and then nobody is told how a program ended.
  std::signal(SIGCHLD, SIG_DFL);
  // What the store makes in the data directory is for nobody else.
  ::umask(077);
  raise_descriptor_limit();
  Log log(loaded.settings.log_level);
  asio::io_context context(1);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  auto hub = Hub::open(context, log, loaded.settings);
  if (!hub) return fail(hub.error());
  // Without a certificate it means what it does to every program: the terminal is gone.
  asio::signal_set hangups(context);
  if (!loaded.settings.tls_certificate.empty()) {
    hangups.add(SIGHUP);
    look_on_hangup(hangups, **hub);
  }

  std::optional<Result<void>> ended;
  std::exception_ptr failure;
  asio::co_spawn(context, run(**hub, signals, log, loaded),
                 [&](std::exception_ptr thrown, Result<void> result) {
                   failure = thrown;
                   ended.emplace(std::move(result));
                   // The connections kept to receivers would hold the context open.
                   context.stop();
                 });
  context.run();
  if (failure) std::rethrow_exception(failure);
  const bool is_cut_off = (*hub)->is_cut_off();
  hub->reset();
  if (is_cut_off) {
    // The store is closed. What is left hangs on receivers, or on a name server that does not
    // answer and would be waited for.
    std::_Exit(*ended ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  return std::move(*ended);
}

}  // namespace waybill::app
