#include "app/retention.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "store/coalescing.h"
#include "store/key_usage.h"
#include "store/retention.h"
#include "store/sources.h"
#include "store/workspaces.h"

namespace waybill::app {
namespace {

namespace retention = store::retention;

// After a failure of the store.
constexpr std::chrono::minutes kPauseAfterFailure{1};
constexpr int kWorkspacesPerPage = 200;

}  // namespace

Retention::Retention(boost::asio::io_context& context, Clock& clock, Log& log,
                     store::Database& database, RetentionOptions options)
    : clock_(clock),
      log_(log),
      database_(database),
      options_(std::move(options)),
      timer_(context),
      tasks_(context, log) {}

void Retention::start() { tasks_.spawn("retention", run()); }

Task<void> Retention::stop() {
  stopping_ = true;
  timer_.cancel();
  co_await tasks_.join();
}

Task<void> Retention::run() {
  while (!stopping_) {
    if (options_.is_ours && !options_.is_ours()) {
      co_await wait_until(clock_.now() + kBetweenLooks);
      continue;
    }
    const RetentionCounters before = counters_;
    const auto passed = co_await pass();
    if (!passed) {
      log_.warn("retention_failed", {{"what", passed.error().message}});
      co_await wait_until(clock_.now() + kPauseAfterFailure);
      continue;
    }
    if (stopping_) co_return;
    ++counters_.passes;
    counters_.last_pass = clock_.now();
    log_.debug("retention_passed",
               {{"deliveries", counters_.deliveries - before.deliveries},
                {"events", counters_.events - before.events},
                {"messages", counters_.messages - before.messages},
                {"idempotency_rows", counters_.idempotency_rows - before.idempotency_rows}});
    co_await wait_until(clock_.now() + kBetweenPasses);
  }
}

Task<Result<void>> Retention::pass() {
  const Timestamp now = clock_.now();
  const bool with_idempotency = now >= next_idempotency_;
  WAYBILL_CO_TRY(co_await look_at_sources(now));
  // The hub's own, of calls that belong to no workspace.
  if (with_idempotency) WAYBILL_CO_TRY(co_await pass_idempotency({}, now));
  store::PageRequest request{kWorkspacesPerPage, std::nullopt};
  do {
    const auto page = co_await database_.read([&](store::Connection& connection) {
      return store::workspaces::list(connection, request);
    });
    if (!page) co_return fail(page.error());
    for (const model::Workspace& workspace : page->rows) {
      WAYBILL_CO_TRY(co_await pass_workspace(workspace.id, now, with_idempotency));
    }
    request.after = page->next;
  } while (request.after && !stopping_);
  if (with_idempotency) next_idempotency_ = now + kBetweenIdempotencyPasses;
  co_return Result<void>();
}

Task<Result<void>> Retention::pass_workspace(model::WorkspaceId workspace, Timestamp now,
                                             bool with_idempotency) {
  // Deliveries first: events go when none of theirs is left.
  if (options_.deliveries) {
    const Timestamp before = now - *options_.deliveries;
    const auto find = [=](store::Connection& connection, const Uuid& after) {
      return retention::find_deliveries(connection, workspace, before, after, kStepRows);
    };
    const auto remove = [=](store::Connection& connection, const std::vector<Uuid>& ids) {
      return retention::delete_deliveries(connection, workspace, ids);
    };
    WAYBILL_CO_TRY(co_await sweep(Uuid(), find, remove, &counters_.deliveries));
    WAYBILL_CO_TRY(co_await pass_replays(workspace, before));
  }
  if (options_.events) {
    const Timestamp before = now - *options_.events;
    const auto find = [=](store::Connection& connection, const Uuid& after) {
      return retention::find_events(connection, workspace, before, after, kStepRows);
    };
    const auto remove = [=](store::Connection& connection, const std::vector<Uuid>& ids) {
      return retention::delete_events(connection, workspace, ids);
    };
    WAYBILL_CO_TRY(co_await sweep(Uuid(), find, remove, &counters_.events));
    WAYBILL_CO_TRY(co_await pass_messages(workspace, before));
  }
  WAYBILL_CO_TRY(co_await pass_windows(workspace, now));
  WAYBILL_CO_TRY(co_await pass_key_usage(workspace, now));
  if (with_idempotency) WAYBILL_CO_TRY(co_await pass_idempotency(workspace, now));
  co_return Result<void>();
}

Task<Result<void>> Retention::look_at_sources(Timestamp now) {
  const auto sources = co_await database_.read(store::sources::active);
  if (!sources) co_return fail(sources.error());
  remembered_.clear();
  oldest_remembered_.clear();
  for (const model::Source& source : *sources) {
    const Timestamp since = now - source.settings.remember;
    remembered_[source.id] = since;
    const auto [oldest, is_first] = oldest_remembered_.try_emplace(source.workspace_id, since);
    if (!is_first) oldest->second = std::min(oldest->second, since);
  }
  co_return Result<void>();
}

Task<Result<void>> Retention::pass_messages(model::WorkspaceId workspace, Timestamp before) {
  // What is still remembered is not read again in every pass: the workspace's messages wait for the
  // source that remembers longest.
  const auto oldest = oldest_remembered_.find(workspace);
  if (oldest != oldest_remembered_.end()) before = std::min(before, oldest->second);
  const auto find = [&](store::Connection& connection, const Uuid& after) {
    return retention::find_messages(connection, workspace, before, remembered_, after, kStepRows);
  };
  const auto remove = [=](store::Connection& connection, const std::vector<Uuid>& ids) {
    return retention::delete_messages(connection, workspace, ids);
  };
  co_return co_await sweep(Uuid(), find, remove, &counters_.messages);
}

Task<Result<void>> Retention::pass_windows(model::WorkspaceId workspace, Timestamp now) {
  while (!stopping_) {
    const auto erased = co_await database_.run([&](store::Connection& connection) {
      return store::coalescing::erase_ended(connection, workspace, now, kStepRows);
    });
    if (!erased) co_return fail(erased.error());
    if (*erased < kStepRows) break;
    co_await wait_until(clock_.now() + clock_.hub_time(kPause));
  }
  co_return Result<void>();
}

Task<Result<void>> Retention::pass_key_usage(model::WorkspaceId workspace, Timestamp now) {
  while (!stopping_) {
    const auto folded = co_await database_.run([&](store::Connection& connection) {
      return store::key_usage::fold_old(connection, workspace, now, kStepRows);
    });
    if (!folded) co_return fail(folded.error());
    if (*folded < kStepRows) break;
    co_await wait_until(clock_.now() + clock_.hub_time(kPause));
  }
  co_return Result<void>();
}

Task<Result<void>> Retention::pass_replays(model::WorkspaceId workspace, Timestamp before) {
  const auto find = [=](store::Connection& connection, const Uuid& after) {
    return retention::find_replays(connection, workspace, before, after, kStepRows);
  };
  const auto remove = [=](store::Connection& connection, const std::vector<Uuid>& ids) {
    return retention::delete_replays(connection, workspace, ids);
  };
  co_return co_await sweep(Uuid(), find, remove, &counters_.replays);
}

Task<Result<void>> Retention::pass_idempotency(model::WorkspaceId workspace, Timestamp now) {
  using Key = retention::IdempotencyKey;
  const auto find = [=](store::Connection& connection, const Key& after) {
    return retention::find_idempotency(connection, workspace, now, after, kStepRows);
  };
  const auto remove = [=](store::Connection& connection, const std::vector<Key>& keys) {
    return retention::delete_idempotency(connection, workspace, keys, now);
  };
  co_return co_await sweep(Key{}, find, remove, &counters_.idempotency_rows);
}

template <class Key, class Find, class Delete>
Task<Result<void>> Retention::sweep(Key after, Find find, Delete remove, std::uint64_t* count) {
  while (!stopping_) {
    const auto found = co_await database_.read(
        [&](store::Connection& connection) { return find(connection, after); });
    if (!found) co_return fail(found.error());
    if (!found->last) co_return Result<void>();
    if (!found->expired.empty()) {
      const auto deleted = co_await database_.run(
          [&](store::Connection& connection) { return remove(connection, found->expired); });
      if (!deleted) co_return fail(deleted.error());
      *count += static_cast<std::uint64_t>(*deleted);
    }
    after = *found->last;
    co_await wait_until(clock_.now() + clock_.hub_time(kPause));
  }
  co_return Result<void>();
}

Task<void> Retention::wait_until(Timestamp when) {
  while (!stopping_ && clock_.now() < when) co_await clock_.wait_until(when, timer_);
}

}  // namespace waybill::app
