#include "app/request_log_bound.h"

#include <utility>

#include "store/request_log.h"

namespace waybill::app {
namespace {

constexpr std::chrono::hours kHour{1};
// A node that is slow to write may add to an hour for so long after it has ended.
constexpr std::chrono::minutes kLate{2};

}  // namespace

RequestLogBound::RequestLogBound(boost::asio::io_context& context, Clock& clock, Log& log,
                                 store::Database& database, Options options)
    : clock_(clock),
      log_(log),
      database_(database),
      options_(std::move(options)),
      timer_(context),
      tasks_(context, log) {}

void RequestLogBound::start() { tasks_.spawn("request_log_bound", run()); }

Task<void> RequestLogBound::stop() {
  stopping_ = true;
  timer_.cancel();
  co_await tasks_.join();
}

Task<void> RequestLogBound::run() {
  while (!stopping_) {
    const bool is_ours = !options_.is_ours || options_.is_ours();
    if (!is_ours) bytes_ = 0;
    const auto passed = is_ours ? co_await pass() : Result<void>();
    if (!passed) log_.warn("request_log_not_bounded", {{"what", passed.error().message}});
    co_await wait_until(clock_.now() + kBetweenPasses);
  }
}

Task<Result<void>> RequestLogBound::pass() {
  namespace request_log = store::request_log;
  while (!stopping_) {
    const auto oldest = co_await database_.read(request_log::find_oldest);
    if (!oldest) co_return fail(oldest.error());
    bytes_ = *oldest ? (*oldest)->bytes_of_all : 0;
    if (!*oldest) break;
    const Timestamp now = clock_.now();
    const Timestamp end = (*oldest)->hour + kHour;
    const bool is_old = options_.kept && end + *options_.kept <= now;
    if (!is_old && bytes_ <= options_.bytes_max) break;
    const auto deleted =
        co_await database_.run([&](store::Connection& connection) -> Result<std::int64_t> {
          auto erased = request_log::erase(connection, options_.node, (*oldest)->workspace_id, end,
                                           kStepRows);
          if (!erased || *erased == kStepRows || end + kLate > now) return erased;
          WAYBILL_TRY(
              request_log::forget_hours(connection, (*oldest)->workspace_id, (*oldest)->hour));
          return erased;
        });
    if (!deleted) co_return fail(deleted.error());
    deleted_ += static_cast<std::uint64_t>(*deleted);
    // The hour is not over, and what is counted of it is still to come.
    if (*deleted == 0 && end + kLate > now) break;
    co_await wait_until(clock_.now() + clock_.hub_time(kPause));
  }
  co_return Result<void>();
}

Task<void> RequestLogBound::wait_until(Timestamp when) {
  while (!stopping_ && clock_.now() < when) co_await clock_.wait_until(when, timer_);
}

}  // namespace waybill::app
