#include "app/request_log.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/redaction.h"
#include "base/json_text.h"
#include "store/request_log.h"

namespace waybill::app {
namespace {

constexpr std::size_t kPathBytesMax = 1'024;
// Redacted before others have their turn on the thread: a fraction of a millisecond's work.
constexpr std::size_t kRedactedAtOnce = 128 * 1024;

std::size_t bytes_of(const model::LoggedRequest& row) {
  const auto size = [](const std::optional<std::string>& body) {
    return body ? body->size() : std::size_t{0};
  };
  return sizeof row + row.path.size() + size(row.request_body) + size(row.response_body);
}

}  // namespace

RequestLog::RequestLog(boost::asio::io_context& context, Clock& clock, Log& log, IdGenerator& ids,
                       store::Database& database, const Options& options)
    : context_(context),
      clock_(clock),
      log_(log),
      ids_(ids),
      database_(database),
      options_(options),
      timer_(context),
      tasks_(context, log) {}

void RequestLog::start() { tasks_.spawn("request_log", run()); }

Task<void> RequestLog::stop() {
  stopping_ = true;
  timer_.cancel();
  co_await tasks_.join();
  co_await write_all();
  while (!failing_ && !uses_.empty()) co_await write_all();
}

void RequestLog::note(net::Request& request, const net::Response& response, Timestamp at,
                      std::chrono::microseconds elapsed) {
  if (!request.workspace) return;
  if (request.api_key) count_use(request, response, at);
  if (!options_.with_rows) return;
  if (waiting_.size() >= kRowsMax || waiting_bytes_ >= kBytesMax) {
    ++counters_.dropped;
    return;
  }
  model::LoggedRequest& row = waiting_.emplace_back();
  row.id = ids_.next_id<model::LoggedRequestId>();
  row.workspace_id = model::WorkspaceId(*request.workspace);
  row.at = at;
  if (request.api_key) row.key_id = model::ApiKeyId(*request.api_key);
  row.method = request.method;
  // Whole, as its end may be what gives it away.
  row.path = replace_invalid_utf8(redact_path(request.path).substr(0, kPathBytesMax));
  row.status = response.status;
  row.error_code = response.error_code;
  row.latency = elapsed;
  row.request_id = request.id;
  row.request_bytes = std::ssize(request.body);
  row.response_bytes = std::ssize(response.body);
  if (options_.with_bodies) {
    row.request_body = request.body.size() > kBodyBytesMax ? request.body.substr(0, kBodyBytesMax)
                                                           : std::move(request.body);
    row.response_body = response.body.substr(0, kBodyBytesMax);
  }
  waiting_bytes_ += bytes_of(row);
}

void RequestLog::count_use(const net::Request& request, const net::Response& response,
                           Timestamp at) {
  // Somebody else who tries a revoked key, or one from elsewhere, does not make it a used one.
  const bool is_refused = response.status >= 400;
  merge({model::WorkspaceId(*request.workspace), model::ApiKeyId(*request.api_key),
         store::key_usage::hour_of(at), 1, is_refused ? 1 : 0,
         is_refused ? std::nullopt : std::optional(at)});
}

void RequestLog::merge(const store::key_usage::Use& use) {
  // Where nothing can be written for so long, what is counted is too little.
  if (uses_.size() >= kKeysMax && !uses_.contains({use.key_id, use.hour})) return;
  const auto [place, is_new] = uses_.try_emplace({use.key_id, use.hour}, use);
  if (is_new) return;
  store::key_usage::Use& sum = place->second;
  sum.requests += use.requests;
  sum.errors += use.errors;
  sum.last_used_at = std::max(sum.last_used_at, use.last_used_at);
}

Task<void> RequestLog::run() {
  while (!stopping_) {
    co_await write_all();
    const Timestamp next = clock_.now() + clock_.hub_time(kBetweenWrites);
    while (!stopping_ && clock_.now() < next) co_await clock_.wait_until(next, timer_);
  }
}

Task<void> RequestLog::write_all() {
  Rows rows = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  Result<void> written;
  for (std::size_t begin = 0; begin < rows.size(); begin += kRowsOfUnit) {
    const std::size_t end = std::min(begin + kRowsOfUnit, rows.size());
    const auto place = [&](std::size_t i) {
      return std::make_move_iterator(rows.begin() + static_cast<std::ptrdiff_t>(i));
    };
    const auto done = co_await write(Rows(place(begin), place(end)));
    (done ? counters_.rows : counters_.dropped) += end - begin;
    if (!done) written = fail(done.error());
  }
  if (!uses_.empty()) {
    const auto done = co_await write_uses();
    if (!done) written = fail(done.error());
  }
  if (!written && !failing_) {
    log_.warn("request_log_failed", {{"what", written.error().message}});
  }
  failing_ = !written;
}

Task<Result<void>> RequestLog::write(Rows rows) {
  co_await redact_all(&rows);
  co_return co_await database_.run([&](store::Connection& connection) {
    return store::request_log::insert(connection, options_.node, rows);
  });
}

Task<void> RequestLog::redact_all(Rows* rows) {
  std::size_t bytes = 0;
  const auto redact_one = [&](std::optional<std::string>& body) {
    if (!body) return;
    bytes += body->size();
    body = redact(*body, kBodyBytesMax);
  };
  for (model::LoggedRequest& row : *rows) {
    redact_one(row.request_body);
    redact_one(row.response_body);
    if (bytes < kRedactedAtOnce) continue;
    bytes = 0;
    co_await boost::asio::post(context_, boost::asio::use_awaitable);
  }
}

Task<Result<void>> RequestLog::write_uses() {
  std::vector<store::key_usage::Use> uses;
  for (auto next = uses_.upper_bound(last_use_); uses.size() < kKeysOfUnit && !uses_.empty();) {
    if (next == uses_.end()) next = uses_.begin();
    last_use_ = next->first;
    uses.push_back(next->second);
    next = uses_.erase(next);
  }
  const auto written = co_await database_.run([&](store::Connection& connection) -> Result<void> {
    for (const store::key_usage::Use& use : uses) {
      WAYBILL_TRY(store::key_usage::add(connection, options_.node, use));
    }
    return {};
  });
  if (!written) {
    for (const store::key_usage::Use& use : uses) merge(use);
  }
  co_return written;
}

}  // namespace waybill::app
