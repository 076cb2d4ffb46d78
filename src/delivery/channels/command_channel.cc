#include "delivery/channels/command_channel.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <functional>
#include <unordered_set>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "delivery/channels/places.h"
#include "delivery/handled_message.h"
#include "delivery/leases.h"

namespace waybill::delivery {
namespace asio = boost::asio;
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kArgumentsMax = 64;
constexpr int kNeverStatus = 65;
constexpr int kLaterStatus = 75;
// Between being told to end and being killed.
constexpr std::chrono::milliseconds kGrace{2000};
// What was killed is gone in a moment, unless the kernel holds it.
constexpr std::chrono::milliseconds kKilledWithin{5000};
// For what is in the pipes when the group has ended; somebody outside of it may hold them open.
constexpr std::chrono::milliseconds kLastWordsWithin{1000};
// For a place; and, if there was none, until it is asked for again.
constexpr std::chrono::milliseconds kPlaceWithin{1000};
constexpr std::chrono::milliseconds kPlaceAgain{1000};
// No attempt outlasts its lease.
static_assert(kPlaceWithin + kGrace + kKilledWithin + kLastWordsWithin < Leases::kRecordingMargin);
constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
// A program that writes more than this is read slowly: nobody reads what it writes.
constexpr std::size_t kReadFastBytes = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kReadPause{5};

model::Attempt unsendable(std::string error) {
  model::Attempt attempt;
  attempt.outcome = model::Outcome::kUnsendable;
  attempt.error = std::move(error);
  return attempt;
}

model::Attempt later(std::string error,
                     std::optional<std::chrono::milliseconds> after = std::nullopt) {
  model::Attempt attempt;
  attempt.outcome = model::Outcome::kLater;
  attempt.error = std::move(error);
  attempt.retry_after = after;
  return attempt;
}

std::vector<std::string> environment_of(const model::MessageContent& content,
                                        const model::Delivery& delivery, int number) {
  const bool is_replay = delivery.kind == model::DeliveryKind::kReplay;
  return {"PATH=/usr/local/bin:/usr/bin:/bin",       "LANG=C.UTF-8",
          "WAYBILL_MESSAGE_ID=" + content.id.text(), "WAYBILL_DELIVERY_ID=" + delivery.id.text(),
          fmt::format("WAYBILL_ATTEMPT={}", number), fmt::format("WAYBILL_REPLAY={}", is_replay),
          "WAYBILL_SOURCE=" + content.source,        "WAYBILL_EVENT_TYPE=" + content.type};
}

// When a program wants the message again, if it says so.
std::optional<std::chrono::milliseconds> wish_of(std::string_view output, Timestamp wall_now) {
  const auto read = parse_json(output);
  if (!read || !read->is_object()) return std::nullopt;
  std::optional<std::chrono::milliseconds> wish;
  if (const json::value* after = read->get_object().if_contains("retry_after")) {
    if (!after->is_number()) return std::nullopt;
    const double seconds = after->to_number<double>();
    constexpr double kMost = std::chrono::seconds(model::kLaterMax).count();
    wish = std::chrono::milliseconds(std::llround(1000 * std::clamp(seconds, 0.0, kMost)));
  } else if (const json::value* at = read->get_object().if_contains("retry_at")) {
    const json::string* text = at->if_string();
    const auto when = text ? parse_iso_time(*text) : std::nullopt;
    if (when) {
      wish = std::clamp<std::chrono::milliseconds>(*when - wall_now, std::chrono::milliseconds(0),
                                                   model::kLaterMax);
    }
  }
  return wish;
}

// With what runs while the hub stops.
struct Patience {
  Deadline told_by = Deadline::never();      // Then everything is told to end, …
  std::chrono::milliseconds grace = kGrace;  // … and killed, so much later.
};

}  // namespace

Result<CommandSettings> CommandSettings::read(const json::object& settings) {
  SettingsReader reader(settings);
  CommandSettings made;
  made.command = reader.texts("command", kArgumentsMax);
  made.payload = reader.payload();
  if (!made.command.empty() && !made.command.front().starts_with('/')) {
    reader.refuse("command", "It begins with the absolute path of a program.");
  }
  WAYBILL_TRY(reader.end());
  return made;
}

model::Attempt judge_program(const Ran& ran, Timestamp wall_now) {
  model::Attempt attempt;
  attempt.status_code = ran.end.status;
  attempt.outcome = model::Outcome::kRefused;
  const std::string end = ran.end.status
                              ? fmt::format("It ended with exit status {}.", *ran.end.status)
                              : fmt::format("It was killed by signal {}.", ran.end.signal);
  if (ran.cut == Ran::Cut::kTimeLimit) {
    // Whatever its status: many programs end with 0 when they are told to.
    attempt.outcome = model::Outcome::kTimeout;
    attempt.error =
        fmt::format("It reached its time limit of {}.", format_duration(ran.time_limit));
  } else if (ran.cut == Ran::Cut::kStop) {
    attempt = later("The hub stopped meanwhile.", std::chrono::milliseconds(0));
  } else if (ran.end.status == 0) {
    attempt.outcome = model::Outcome::kSucceeded;
  } else if (ran.end.status == kNeverStatus) {
    attempt.outcome = model::Outcome::kNever;
    attempt.error = end;
  } else if (ran.end.status == kLaterStatus) {
    attempt.outcome = model::Outcome::kLater;
    attempt.error = end;
    attempt.retry_after = wish_of(ran.output, wall_now);
  } else {
    attempt.error = end;
  }
  attempt.response_body = ran.written.substr(0, model::Attempt::kBodyBytesMax);
  return attempt;
}

class CommandChannel::Impl {
 public:
  Impl(asio::io_context& context, const Clock& clock, Log& log, CommandOptions options)
      : context_(context),
        clock_(clock),
        options_(std::move(options)),
        places_(context, options_.at_once_max),
        tasks_(context, log) {}
  ~Impl() { stop(); }

  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event) {
    const int number = delivery.attempts_made + 1;
    const Timestamp started_at = clock_.now();
    const Stopwatch stopwatch;
    model::Attempt made = co_await handle(delivery, *target, event, number);
    made.number = number;
    made.started_at = started_at;
    made.latency = stopwatch.elapsed();
    co_return Tried{std::move(made), std::nullopt};
  }

  void begin_stop(std::chrono::milliseconds within) {
    patience_.grace = std::min(kGrace, within / 4);
    // As much again for recording what came of them.
    patience_.told_by = Deadline::after(within - 2 * patience_.grace);
    places_.close();
    for (Run* run : running_) run->changed.cancel();
  }

  void stop() {
    places_.close();
    for (const Run* run : running_) run->program.signal(SIGKILL);
    if (!threads_) return;
    threads_->stop();
    threads_->join();
  }

 private:
  // A program that runs, and what is done with its pipes.
  struct Run {
    Run(asio::io_context& context, Program started, std::string text)
        : program(std::move(started)),
          input(context, program.input.release()),
          output(context, program.output.release()),
          errors(context, program.errors.release()),
          ended(context, program.ended.release()),
          changed(context),
          payload(std::move(text)) {}

    void keep(std::string_view text, bool is_output) {
      const auto add = [text](std::string& to) {
        to += text.substr(0, model::Attempt::kBodyBytesMax - to.size());
      };
      add(ran.written);
      if (is_output) add(ran.output);
    }
    void close() {
      boost::system::error_code ignored;
      for (auto* one : {&input, &output, &errors, &ended}) one->close(ignored);
    }

    Program program;
    asio::posix::stream_descriptor input;
    asio::posix::stream_descriptor output;
    asio::posix::stream_descriptor errors;
    asio::posix::stream_descriptor ended;
    asio::steady_timer changed;  // Cancelled when something has happened.
    const std::string payload;
    int reading = 2;  // Of its two outputs, how many may still say something.
    Ran ran;
  };
  using Runs = std::unordered_set<Run*>;

  Task<model::Attempt> handle(const model::Delivery& delivery, const Target& target,
                              OutgoingEvent& event, int number) {
    const auto stored = settings_of(target);
    if (!stored) co_return unsendable(stored.error().message);
    const auto settings = CommandSettings::read(*stored);
    if (!settings) co_return unsendable(settings.error().message);
    if (options_.folder.empty()) {
      co_return unsendable(
          "This hub runs no programs: --handler-commands names the folder of those that it may.");
    }
    const auto content = content_of(event);
    if (!content) co_return unsendable(content.error().message);

    const model::EndpointId handler = target.endpoint.id;
    if (!co_await places_.take(handler, Deadline::after(kPlaceWithin))) {
      model::Attempt none =
          later("There was no place for one more program (--handler-commands-max).", kPlaceAgain);
      none.unmade = true;
      co_return none;
    }
    Program::Command command{settings->command, environment_of(*content, delivery, number),
                             options_.folder};
    std::string payload = payload_of(settings->payload, *content, delivery, number);
    auto started = co_await start(std::move(command));
    if (!started) {
      places_.give(handler);
      model::Attempt attempt = unsendable(started.error().message);
      if (started.error().code == Code::kUnavailable) attempt.outcome = model::Outcome::kRefused;
      co_return attempt;
    }
    Ran ran = co_await run(*std::move(started), std::move(payload), target.timeout);
    places_.give(handler);
    co_return judge_program(ran, clock_.wall_now());
  }

  // On the thread that starts programs. It lives as long as this, and so do the programs at most.
  Task<Result<Program>> start(Program::Command command) {
    struct Started {
      explicit Started(asio::io_context& context)
          : timer(context, asio::steady_timer::time_point::max()) {}
      asio::steady_timer timer;
      std::optional<Result<Program>> program;
    };
    if (!threads_) threads_ = std::make_unique<asio::thread_pool>(1);
    const auto started = std::make_shared<Started>(context_);
    asio::post(*threads_, [&context = context_, started, command = std::move(command)] {
      asio::post(context, [started, program = Program::start(command)]() mutable {
        started->program.emplace(std::move(program));
        started->timer.cancel();
      });
    });
    while (!started->program) co_await started->timer.async_wait(kAwait);
    co_return *std::move(started->program);
  }

  Task<Ran> run(Program program, std::string payload, std::chrono::milliseconds time_limit) {
    const auto run = std::make_shared<Run>(context_, std::move(program), std::move(payload));
    run->ran.time_limit = time_limit;
    // Also when this coroutine is destroyed in the middle.
    const std::unique_ptr<Run, std::function<void(Run*)>> leave(
        run.get(), [&runs = running_](Run* one) { runs.erase(one); });
    running_.insert(run.get());
    tasks_.spawn("program_input", write(run));
    tasks_.spawn("program_output", read(run, run->output, true));
    tasks_.spawn("program_errors", read(run, run->errors, false));
    tasks_.spawn("program_end", watch(run));

    co_await let_run(*run, Deadline::after(time_limit));
    const Deadline last_words = Deadline::after(kLastWordsWithin);
    while (run->reading > 0 && !last_words.passed()) {
      run->changed.expires_at(last_words.time_point());
      co_await run->changed.async_wait(kAwait);
    }
    run->close();
    co_return std::move(run->ran);
  }

  // Until the program has ended, or does not although it was killed.
  Task<void> let_run(Run& run, Deadline limit) {
    Deadline kill_by = Deadline::never();
    Deadline give_up_by = Deadline::never();
    for (;;) {
      if (const auto end = run.program.reap()) {
        run.ran.end = *end;
        co_return;
      }
      if (give_up_by.passed()) {
        run.ran.end.signal = SIGKILL;
        co_return;
      }
      if (give_up_by == Deadline::never() && kill_by.passed()) {
        run.program.signal(SIGKILL);
        give_up_by = Deadline::after(kKilledWithin);
      }
      const Deadline told_by = std::min(limit, patience_.told_by);
      if (run.ran.cut == Ran::Cut::kNot && told_by.passed()) {
        run.ran.cut = limit.passed() ? Ran::Cut::kTimeLimit : Ran::Cut::kStop;
        run.program.signal(SIGTERM);
        kill_by = Deadline::after(patience_.grace);
      }
      const Deadline next = run.ran.cut == Ran::Cut::kNot     ? told_by
                            : give_up_by == Deadline::never() ? kill_by
                                                              : give_up_by;
      run.changed.expires_at(next.time_point());
      co_await run.changed.async_wait(kAwait);
    }
  }

  static Task<void> write(std::shared_ptr<Run> run) {
    // A program that reads nothing, or not all, is in its right: it may know enough.
    co_await asio::async_write(run->input, asio::buffer(run->payload), kAwait);
    boost::system::error_code ignored;
    run->input.close(ignored);
  }

  static Task<void> read(std::shared_ptr<Run> run, asio::posix::stream_descriptor& from,
                         bool is_output) {
    std::vector<char> buffer(kReadBytes);
    std::size_t total = 0;
    for (;;) {
      const auto [error, size] = co_await from.async_read_some(asio::buffer(buffer), kAwait);
      if (error) break;
      run->keep({buffer.data(), size}, is_output);
      total += size;
      if (total < kReadFastBytes) continue;
      asio::steady_timer pause(from.get_executor(), kReadPause);
      co_await pause.async_wait(kAwait);
    }
    --run->reading;
    run->changed.cancel();
  }

  static Task<void> watch(std::shared_ptr<Run> run) {
    co_await run->ended.async_wait(asio::posix::stream_descriptor::wait_read, kAwait);
    run->changed.cancel();
  }

  asio::io_context& context_;
  const Clock& clock_;
  const CommandOptions options_;
  Places places_;
  Patience patience_;
  Runs running_;
  std::unique_ptr<asio::thread_pool> threads_;
  TaskGroup tasks_;
};

CommandChannel::CommandChannel(asio::io_context& context, const Clock& clock, Log& log,
                               CommandOptions options)
    : impl_(std::make_unique<Impl>(context, clock, log, std::move(options))) {}
CommandChannel::~CommandChannel() = default;

Task<Tried> CommandChannel::attempt(const model::Delivery& delivery,
                                    std::shared_ptr<const Target> target, OutgoingEvent& event) {
  return impl_->attempt(delivery, std::move(target), event);
}

void CommandChannel::begin_stop(std::chrono::milliseconds within) { impl_->begin_stop(within); }
void CommandChannel::stop() { impl_->stop(); }

}  // namespace waybill::delivery
