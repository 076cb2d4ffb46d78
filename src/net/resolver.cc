#include "net/resolver.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace waybill::net {
namespace asio = boost::asio;

class Resolver::Impl {
 public:
  Impl(asio::io_context& context, Lookup lookup)
      : context_(context), lookup_(std::move(lookup)), shared_(std::make_shared<Shared>()) {}
  ~Impl() {
    if (!threads_) return;
    threads_->stop();
    threads_->join();
  }

  Task<Result<Addresses>> find(std::string name, Deadline by) {
    std::shared_ptr<Question>& known = shared_->under_way[name];
    if (!known) {
      known = std::make_shared<Question>();
      ask(name);
    }
    const std::shared_ptr<Question> question = known;
    asio::steady_timer timer(context_, by.time_point());
    question->waiters.push_back(&timer);
    // Also when this coroutine is destroyed in the middle of its wait.
    const std::unique_ptr<asio::steady_timer, std::function<void(asio::steady_timer*)>> leave(
        &timer, [question](asio::steady_timer* waiter) { std::erase(question->waiters, waiter); });
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (question->answer) co_return *question->answer;
    co_return fail(Code::kTimeout, "connect_timeout",
                   fmt::format("The name {} did not resolve within the deadline.", name));
  }

 private:
  struct Question {
    std::vector<asio::steady_timer*> waiters;
    std::optional<Result<Addresses>> answer;
  };
  // What an answer needs, which may come after the Resolver's end.
  struct Shared {
    std::unordered_map<std::string, std::shared_ptr<Question>> under_way;
  };

  void ask(const std::string& name) {
    if (!threads_) threads_ = std::make_unique<asio::thread_pool>(kThreads);
    asio::post(*threads_, [&context = context_, lookup = lookup_, shared = shared_, name] {
      asio::post(context, [shared, name, answer = lookup(name)] {
        const auto found = shared->under_way.find(name);
        const std::shared_ptr<Question> question = std::move(found->second);
        shared->under_way.erase(found);
        question->answer = answer;
        for (asio::steady_timer* waiter : question->waiters) waiter->cancel();
      });
    });
  }

  asio::io_context& context_;
  const Lookup lookup_;
  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<asio::thread_pool> threads_;
};

Resolver::Resolver(asio::io_context& context, Lookup lookup)
    : impl_(std::make_unique<Impl>(context, std::move(lookup))) {}
Resolver::~Resolver() = default;

Task<Result<Addresses>> Resolver::find(std::string name, Deadline by) {
  return impl_->find(std::move(name), by);
}

Result<Addresses> Resolver::system_lookup(const std::string& name) {
  asio::io_context context;
  boost::system::error_code error;
  const auto found = asio::ip::tcp::resolver(context).resolve(name, "", error);
  Addresses addresses;
  for (const auto& entry : found) addresses.push_back(entry.endpoint().address());
  if (error || addresses.empty()) {
    return fail(Code::kUnavailable, "name_not_resolved",
                fmt::format("The name {} does not resolve: {}.", name,
                            error ? error.message() : "it has no address"));
  }
  return addresses;
}

}  // namespace waybill::net
