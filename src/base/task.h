// Coroutines. A function that can suspend returns Task<T>; background work belongs to a TaskGroup.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace waybill {

template <class T>
using Task = boost::asio::awaitable<T>;

class Deadline;
class Log;

// Background work that somebody waits for. Nothing in Waybill is detached: whoever starts a task
// owns the group it runs in, stops what it does, and then waits with join().
//
// Used from the thread of `context` only.
class TaskGroup {
 public:
  TaskGroup(boost::asio::io_context& context, Log& log);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task`: it begins after this call, not within it. What escapes it is logged under `name`
  // and ends only this task.
  // Requires: `name` lives as long as the task; a literal.
  void spawn(const char* name, Task<void> task);

  // Returns when no task is left. Tasks may still be spawned meanwhile, and are waited for too.
  Task<void> join();
  // The same, or when `deadline` has passed.
  Task<void> join_until(Deadline deadline);

  std::size_t running() const { return running_; }

 private:
  boost::asio::io_context& context_;
  Log& log_;
  std::size_t running_ = 0;
  std::vector<boost::asio::steady_timer*> joiners_;
};

}  // namespace waybill
