#include "base/task.h"

#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

namespace waybill {
namespace asio = boost::asio;

TaskGroup::TaskGroup(asio::io_context& context, Log& log) : context_(context), log_(log) {}

TaskGroup::~TaskGroup() {
  // A task that outlives its group would write to a dead counter. When the io_context is gone or
  // will never run again its tasks are destroyed with it, which is the other honest end.
  WAYBILL_CHECK(running_ == 0 || context_.stopped(), "a TaskGroup is joined before it ends");
}

void TaskGroup::spawn(const char* name, Task<void> task) {
  ++running_;
  auto ended = [this, name](std::exception_ptr failure) {
    if (failure) {
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& e) {
        log_.error("task_failed", {{"task", name}, {"what", e.what()}});
      }
    }
    if (--running_ == 0) {
      for (auto* joiner : std::exchange(joiners_, {})) joiner->cancel();
    }
  };
  // co_spawn() alone would begin within this call if the context's thread makes it, and a caller in
  // the middle of something would find its state changed.
  asio::post(context_, [this, task = std::move(task), ended]() mutable {
    asio::co_spawn(context_, std::move(task), ended);
  });
}

Task<void> TaskGroup::join() { return join_until(Deadline::never()); }

Task<void> TaskGroup::join_until(Deadline deadline) {
  while (running_ > 0 && !deadline.passed()) {
    asio::steady_timer timer(context_, deadline.time_point());
    joiners_.push_back(&timer);
    // A wait that is cancelled ends by an exception: the timer leaves the list with its frame.
    const std::unique_ptr<asio::steady_timer, std::function<void(asio::steady_timer*)>> leave(
        &timer, [this](asio::steady_timer* joiner) { std::erase(joiners_, joiner); });
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace waybill
