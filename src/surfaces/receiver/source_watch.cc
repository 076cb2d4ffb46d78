#include "surfaces/receiver/source_watch.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json_text.h"
#include "crypto/digest.h"
#include "store/events.h"
#include "store/messages.h"
#include "store/sources.h"

namespace waybill::surfaces::receiver {
namespace {

using std::chrono::milliseconds;

// The same for the same silence, so that it is told once, whoever looks and however often the hub
// is started.
model::EventId silence_id(const model::Source& source, Timestamp since) {
  const crypto::Digest hash =
      crypto::sha256(fmt::format("{} {}", source.id.text(), unix_millis(since)));
  Bytes bytes(hash.begin(), hash.begin() + 16);
  // A UUIDv7 of the moment from which it counts as silence: its events are kept in order of time.
  const Uuid begins =
      Uuid::lowest_at(since + source.settings.quiet_after.value_or(milliseconds(0)));
  const ByteView time = begins.bytes();
  std::copy_n(time.begin(), 6, bytes.begin());
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
  const auto id = Uuid::from_bytes(bytes);
  WAYBILL_CHECK(id.has_value(), "sixteen bytes are a UUID");
  return model::EventId(*id);
}

void begin_source(ObjectText& data, const model::Source& source) {
  data.add("source_id", source.id).add("name", source.name).add("dialect", source.dialect);
}

}  // namespace

SourceWatch::SourceWatch(Parts parts)
    : parts_(std::move(parts)), timer_(parts_.context), tasks_(parts_.context, parts_.log) {}

void SourceWatch::start() {
  started_at_ = parts_.clock.now();
  tasks_.spawn("source_watch", run());
}

Task<void> SourceWatch::stop() {
  stopping_ = true;
  timer_.cancel();
  co_await tasks_.join();
}

Task<void> SourceWatch::run() {
  while (!stopping_) {
    if (const auto looked = co_await look(); !looked) {
      parts_.log.warn("source_watch_failed", {{"what", looked.error().message}});
    }
    const Timestamp next = parts_.clock.now() + kBetweenLooks;
    while (!stopping_ && parts_.clock.now() < next) {
      co_await parts_.clock.wait_until(next, timer_);
    }
  }
}

Task<Result<void>> SourceWatch::look() {
  const Timestamp now = parts_.clock.now();
  forget_failures(now);
  if (parts_.is_ours && !parts_.is_ours()) {
    counters_.lag = milliseconds(0);
    co_return Result<void>();
  }
  WAYBILL_CO_TRY(co_await look_for_silence(now));
  co_return co_await look_for_lag(now);
}

model::Event SourceWatch::event_of(std::string_view type, const model::WorkspaceId& workspace,
                                   std::string subject, std::string data) const {
  model::Event event;
  event.id = parts_.ids.next_id<model::EventId>();
  event.workspace_id = workspace;
  event.type = type;
  event.occurred_at = parts_.clock.now();
  event.subject = std::move(subject);
  event.data = std::move(data);
  return event;
}

Task<Result<bool>> SourceWatch::is_told(const model::WorkspaceId& workspace,
                                        const model::EventId& id) {
  co_return co_await parts_.database.read([&](store::Connection& connection) -> Result<bool> {
    const auto found = store::events::find(connection, workspace, id);
    if (!found && found.error().code != Code::kNotFound) return fail(found.error());
    return found.has_value();
  });
}

Task<Result<void>> SourceWatch::tell(model::Event event) {
  // Due, and leased to nobody: a unit may run again.
  intake::LeaseTerms terms;
  terms.all_congested = true;
  auto accepted = co_await parts_.database.run(
      [&](store::Connection& connection) -> Result<std::optional<intake::Accepted>> {
        const auto before = store::events::find(connection, event.workspace_id, event.id);
        if (before) return std::nullopt;
        if (before.error().code != Code::kNotFound) return fail(before.error());
        auto made = parts_.acceptance.accept(connection, event, terms, event.occurred_at);
        if (!made) return fail(made.error());
        return *std::move(made);
      },
      store::Priority::kOwn);
  if (!accepted) co_return fail(accepted.error());
  if (!*accepted) co_return Result<void>();
  const auto type = std::ranges::find(SourceWatchCounters::kAlerts, event.type);
  if (type != SourceWatchCounters::kAlerts.end()) {
    ++counters_.alerts[static_cast<std::size_t>(type - SourceWatchCounters::kAlerts.begin())];
  }
  std::string line = event.type;
  std::ranges::replace(line, '.', '_');
  parts_.log.warn(
      line,
      {{"workspace", event.workspace_id.text()}, {"about", event.subject}, {"what", event.data}});
  parts_.dispatcher.hand_over(**std::move(accepted));
  co_return Result<void>();
}

void SourceWatch::note_failure(const model::Source& source, const std::string& address) {
  const Timestamp now = parts_.clock.now();
  Failures& failures = failures_[source.id];
  if (failures.count == 0 || now - failures.since >= kWindow) failures = {now, 0, {}};
  ++failures.count;
  const auto known = failures.by_address.find(address);
  if (known != failures.by_address.end()) {
    ++known->second;
  } else if (failures.by_address.size() < kAddressesMax) {
    failures.by_address.emplace(address, 1);
  }
  if (failures.count != kFailures || stopping_) return;
  std::string text;
  ObjectText data(text);
  begin_source(data, source);
  data.add("failures", failures.count).add("since", failures.since);
  append_array(data.member("addresses"), failures.by_address,
               [](std::string& out, const auto& entry) {
                 ObjectText(out).add("address", entry.first).add("failures", entry.second).end();
               });
  data.end();
  model::Event event = event_of(model::kSourceSignatureFailures, source.workspace_id,
                                source.id.text(), std::move(text));
  tasks_.spawn("source_watch", tell_failures(std::move(event)));
}

Task<void> SourceWatch::tell_failures(model::Event event) {
  if (const auto told = co_await tell(std::move(event)); !told) {
    parts_.log.warn("source_watch_failed", {{"what", told.error().message}});
  }
}

void SourceWatch::forget_failures(Timestamp now) {
  std::erase_if(failures_, [&](const auto& entry) { return now - entry.second.since >= kWindow; });
}

Task<Result<void>> SourceWatch::look_for_silence(Timestamp now) {
  auto sources = co_await parts_.database.read(store::sources::active);
  if (!sources) co_return fail(sources.error());
  std::erase_if(quiet_since_, [&](const auto& entry) {
    return std::ranges::none_of(
        *sources, [&](const model::Source& source) { return source.id == entry.first; });
  });
  for (const model::Source& source : *sources) {
    if (!source.settings.quiet_after) continue;
    WAYBILL_CO_TRY(co_await look_at(source, now));
  }
  co_return Result<void>();
}

Task<Result<void>> SourceWatch::look_at(model::Source source, Timestamp now) {
  const auto last = co_await parts_.database.read([&](store::Connection& connection) {
    return store::messages::last_received(connection, source.workspace_id, source.id);
  });
  if (!last) co_return fail(last.error());
  const Timestamp since = last->value_or(source.created_at);
  const auto told = quiet_since_.find(source.id);
  std::string text;
  ObjectText data(text);
  begin_source(data, source);
  if (told != quiet_since_.end() && told->second < since) {
    data.add("since", told->second).add("heard_at", since).end();
    quiet_since_.erase(told);
    co_return co_await tell(
        event_of(model::kSourceHeard, source.workspace_id, source.id.text(), std::move(text)));
  }
  const milliseconds quiet_after = *source.settings.quiet_after;
  if (told != quiet_since_.end() || now - since < quiet_after) co_return Result<void>();
  if (now - started_at_ < quiet_after) {
    // It may have spoken to a hub that did not run. What was told before still is.
    const auto known = co_await is_told(source.workspace_id, silence_id(source, since));
    if (!known) co_return fail(known.error());
    if (*known) quiet_since_[source.id] = since;
    co_return Result<void>();
  }
  data.add("quiet_after", quiet_after).add("since", since).end();
  model::Event event =
      event_of(model::kSourceQuiet, source.workspace_id, source.id.text(), std::move(text));
  event.id = silence_id(source, since);
  WAYBILL_CO_TRY(co_await tell(std::move(event)));
  quiet_since_[source.id] = since;
  co_return Result<void>();
}

Task<Result<void>> SourceWatch::look_for_lag(Timestamp now) {
  const auto behind = co_await parts_.database.read([&](store::Connection& connection) {
    return store::upkeep::lagging_handlers(connection, now);
  });
  if (!behind) co_return fail(behind.error());
  counters_.lag = milliseconds(0);
  std::map<model::EndpointId, Lag> lags;
  for (const Handler& handler : *behind) {
    const milliseconds lag = now - handler.due_since;
    counters_.lag = std::max(counters_.lag, lag);
    const auto before = lags_.find(handler.id);
    Lag noted = before == lags_.end() ? Lag() : before->second;
    const bool grows = before != lags_.end() && lag > noted.behind;
    noted.behind = lag;
    if (lag < kLagMax) noted.told = false;
    if (lag >= kLagMax && grows && !noted.told) {
      std::string text;
      ObjectText(text)
          .add("handler_id", handler.id)
          .add("source_id", handler.source_id)
          .add("name", handler.name)
          .add("channel", handler.channel)
          .add("due_since", handler.due_since)
          .add("lag_seconds", std::chrono::floor<std::chrono::seconds>(lag).count())
          .end();
      WAYBILL_CO_TRY(co_await tell(event_of(model::kHandlerLagging, handler.workspace_id,
                                            handler.id.text(), std::move(text))));
      noted.told = true;
    }
    lags.emplace(handler.id, noted);
  }
  lags_ = std::move(lags);
  co_return Result<void>();
}

}  // namespace waybill::surfaces::receiver
