#include "simulation/ledger.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "model/ids.h"

namespace waybill::simulation {
namespace {

constexpr Millis kLease = std::chrono::seconds(120);

std::string header(const net::ClientRequest& request, std::string_view name) {
  const std::string* value = net::find_header(request.headers, name);
  WAYBILL_CHECK(value != nullptr, "the simulation's dialects say which delivery it is");
  return *value;
}

}  // namespace

std::string Posting::name(int nth) const {
  return fmt::format("{}-{}-{}", kind == Kind::kOrder ? "PO" : "S", index, nth);
}

void Ledger::breached(int demand, std::string what) {
  if (breach_) return;
  breach_ = fmt::format("demand {}: {}", demand, what);
  trace_.add("BREACH", *breach_);
}

std::int64_t Ledger::count(std::string_view sql, std::initializer_list<store::Param> params) {
  std::int64_t found = 0;
  const auto read =
      connection_->query(sql, params, [&](const store::Row& row) { found = row.integer(0); });
  WAYBILL_CHECK(read.has_value(), read.error().message);
  return found;
}

Ledger::Story& Ledger::story_of(const Uuid& delivery, int subscriber) {
  const auto [place, is_new] = stories_.try_emplace(delivery);
  if (is_new) {
    place->second.label = static_cast<int>(stories_.size());
    place->second.subscriber = subscriber;
  }
  return place->second;
}

std::size_t Ledger::began(const Holder& holder, const net::ClientRequest& request) {
  const auto delivery = Uuid::parse(header(request, "X-Delivery"));
  WAYBILL_CHECK(delivery.has_value(), "a delivery's id is a UUID");
  const auto to = std::ranges::find(subscribers, request.url.host, &Subscriber::host);
  WAYBILL_CHECK(to != subscribers.end(), "the hub sends where it was told to");
  Story& story = story_of(*delivery, to->index);

  Sending sending;
  sending.number = std::stoi(header(request, "X-Attempt"));
  sending.life = holder.life;
  sending.started_at = machine_.passed;
  sending.times_set = holder.times_set;
  const Timestamp now = holder.clock->now();
  const std::string label = fmt::format("d{}#{}", story.label, sending.number);
  trace_.add(fmt::format("life {}", holder.life),
             fmt::format("sends {} to {}{}", label, to->label(), request.url.target));

  std::string state;
  std::optional<Uuid> lease;
  Uuid endpoint;
  int attempts_made = 0;
  const auto read = connection_->query(
      "SELECT state, lease, due_at, attempts_made, attempts_before_retry, endpoint_id "
      "FROM deliveries WHERE workspace_id = $1 AND id = $2",
      {workspaces[static_cast<std::size_t>(to->workspace)], *delivery}, [&](const store::Row& row) {
        state = row.text(0);
        if (!row.is_null(1)) lease = Uuid::from_bytes(row.bytes(1));
        if (!row.is_null(2)) sending.lease_until = row.time(2);
        attempts_made = static_cast<int>(row.integer(3));
        sending.attempts_before_retry = static_cast<int>(row.integer(4));
        endpoint = *Uuid::from_bytes(row.bytes(5));
      });
  WAYBILL_CHECK(read.has_value(), read.error().message);
  if (state != "delivering" || lease != holder.node) {
    breached(4, fmt::format("{} is sent without a lease: it is '{}'", label, state));
  } else if (sending.lease_until < now + request.deadlines.total) {
    breached(4, fmt::format("the lease of {} ends {} ms before the attempt may", label,
                            (now + request.deadlines.total - sending.lease_until).count()));
  }
  if (sending.number != attempts_made + 1) {
    breached(6, fmt::format("{} is sent after {} attempts", label, attempts_made));
  }
  check_endpoint(holder, *to, endpoint,
                 fmt::format("https://{}{}", request.url.host, request.url.target));
  check_again(holder, story, sending);
  check_schedule(*to, story, sending, now);

  story.sendings.push_back(sendings_.size());
  delivery_of_.push_back(*delivery);
  sendings_.push_back(sending);
  return sendings_.size() - 1;
}

void Ledger::check_endpoint(const Holder& holder, const Subscriber& to, const Uuid& endpoint,
                            const std::string& url) {
  std::string state, current_url;
  const auto read = connection_->query(
      "SELECT state, url FROM endpoints WHERE workspace_id = $1 AND id = $2",
      {workspaces[static_cast<std::size_t>(to.workspace)], endpoint}, [&](const store::Row& row) {
        state = row.text(0);
        current_url = row.text(1);
      });
  WAYBILL_CHECK(read.has_value(), read.error().message);
  if (!one_node) {
    // Another node may have been told. What this one still holds it sends while its lease lasts.
    const auto since = inactive_since_.find(endpoint);
    const Millis longest = std::max(kLease, 2 * (to.timeout + std::chrono::seconds(10)));
    if (state != "active" && since != inactive_since_.end() &&
        machine_.passed > since->second + longest) {
      breached(3, fmt::format("{} is sent to, long after it became {}", to.label(), state));
    }
    return;
  }
  const auto known = holder.known.find(endpoint);
  if (known == holder.known.end()) return;
  // What was committed a moment ago may not have been answered yet.
  if (state != "active" && known->second.first == state) {
    breached(3, fmt::format("{} is sent to although it is {}", to.label(), state));
  }
  if (url != current_url && known->second.second == current_url) {
    breached(3, fmt::format("{} is sent to at its former address {}", to.label(), url));
  }
}

// Why may there be a second attempt of the same number, or one beside another?
void Ledger::check_again(const Holder& holder, const Story& story, const Sending& now) {
  const Timestamp hub_now = holder.clock->now();
  for (const std::size_t place : story.sendings) {
    const Sending& before = sendings_[place];
    if (!before.over && !before.crashed && before.lease_until > hub_now) {
      breached(4, fmt::format("d{} is attempted twice at a time, under two leases", story.label));
    }
    if (before.number != now.number) continue;
    ++repeated_;
    const auto troubled_at = troubled_at_.find(before.life);
    const bool lost =
        before.crashed || before.lease_until <= hub_now ||
        (troubled_at != troubled_at_.end() && troubled_at->second >= before.started_at);
    if (!lost) {
      breached(4, fmt::format("d{}#{} is made again for no reason", story.label, now.number));
    }
  }
}

void Ledger::check_schedule(const Subscriber& to, const Story& story, const Sending& now,
                            Timestamp started) {
  const int tries = now.number - now.attempts_before_retry;
  if (tries > static_cast<int>(to.delays.size()) + 1) {
    breached(5, fmt::format("d{}#{} is one attempt too many", story.label, now.number));
    return;
  }
  if (story.sendings.empty() || tries <= 1) return;
  const Sending& before = sendings_[story.sendings.back()];
  if (!before.over || before.number + 1 != now.number) return;
  // A hub that began after the clock was set goes by another time.
  if (before.life != now.life && before.times_set != now.times_set) return;
  if (before.attempts_before_retry != now.attempts_before_retry) return;
  const Millis listed = to.delays[static_cast<std::size_t>(tries - 2)];
  Millis least = listed - listed * to.jitter_percent / 100;
  if (before.retry_after) {
    least = std::max(least, std::min(std::max(*before.retry_after, Millis(0)), 2 * listed));
  }
  // Two nodes' clocks differ a little.
  if (before.life != now.life) least -= std::chrono::seconds(one_node ? 0 : 10);
  if (started < before.ended + least) {
    breached(5, fmt::format("d{}#{} comes {} ms before its time", story.label, now.number,
                            (before.ended + least - started).count()));
  }
  // Whatever the clock was set to meanwhile, what has passed has passed.
  const Millis passed = machine_.passed - before.ended_at;
  if (before.life == now.life && passed < least * HubTime::kLean / (HubTime::kLean + 1)) {
    breached(5, fmt::format("d{}#{} comes after {} ms, not {}", story.label, now.number,
                            passed.count(), least.count()));
  }
}

void Ledger::ended(std::size_t place, const Holder& holder, std::optional<int> status,
                   std::optional<Millis> retry_after) {
  Sending& sending = sendings_[place];
  sending.over = true;
  sending.ended = holder.clock->now();
  sending.ended_at = machine_.passed;
  sending.status = status;
  sending.retry_after = retry_after;
  trace_.add(fmt::format("life {}", holder.life),
             fmt::format("d{}#{} ended: {}", stories_[delivery_of_[place]].label, sending.number,
                         status ? std::to_string(*status) : "no answer"));
}

void Ledger::arrived(std::size_t place) { stories_[delivery_of_[place]].arrived = true; }

void Ledger::life_crashed(int life) {
  for (Sending& sending : sendings_) {
    if (sending.life == life) sending.crashed = true;
  }
}

void Ledger::acknowledged(Posting& posting, const std::string& id) {
  if (posting.answered && *posting.answered != id) {
    breached(1, fmt::format("{} was answered with another id", posting.name()));
  }
  posting.answered = id;
}

void Ledger::settle(Holder& holder) {
  const auto read =
      connection_->query("SELECT id, state, url FROM endpoints", {}, [&](const store::Row& row) {
        const Uuid id = *Uuid::from_bytes(row.bytes(0));
        holder.known[id] = {row.string(1), row.string(2)};
        if (row.text(1) == "active") {
          inactive_since_.erase(id);
        } else {
          inactive_since_.try_emplace(id, machine_.passed);
        }
      });
  WAYBILL_CHECK(read.has_value(), read.error().message);
}

void Ledger::check_punctual(const Holder& holder, Millis patience) {
  // An endpoint with a long queue, or a slow rate, takes its time.
  const std::int64_t late = count(
      "SELECT count(*) FROM endpoints e WHERE e.state = 'active' AND e.overrides NOT LIKE '%rate%' "
      "AND EXISTS (SELECT 1 FROM deliveries d WHERE d.workspace_id = e.workspace_id "
      "AND d.endpoint_id = e.id AND d.due_at <= $1) AND 100 > (SELECT count(*) FROM deliveries d "
      "WHERE d.workspace_id = e.workspace_id AND d.endpoint_id = e.id AND d.due_at IS NOT NULL)",
      {holder.clock->now() - patience});
  if (late > 0) {
    breached(5, fmt::format("{} endpoints have a delivery that is overdue by {} ms", late,
                            patience.count()));
  }
}

int Ledger::unfinished() {
  return static_cast<int>(count("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL", {}));
}

std::string Ledger::describe_unfinished() {
  std::string all;
  (void)connection_->query(
      "SELECT d.state, count(*), min(d.due_at), e.state, e.url, max(d.lease) FROM deliveries d "
      "JOIN endpoints e ON e.workspace_id = d.workspace_id AND e.id = d.endpoint_id "
      "WHERE d.due_at IS NOT NULL GROUP BY e.id, d.state",
      {}, [&](const store::Row& row) {
        all += fmt::format("\n  {} {} of {} ({}), the first due at {}", row.integer(1), row.text(0),
                           row.text(4), row.text(3), iso_time(row.time(2)));
      });
  return all;
}

std::string Ledger::find_endpoint(const Subscriber& subscriber) {
  std::string id;
  (void)connection_->query(
      "SELECT id FROM endpoints WHERE workspace_id = $1 AND url LIKE $2",
      {workspaces[static_cast<std::size_t>(subscriber.workspace)],
       fmt::format("https://{}/%", subscriber.host())},
      [&](const store::Row& row) { id = row.id<model::EndpointId>(0).text(); });
  return id;
}

std::vector<std::string> Ledger::dropped(int workspace) {
  std::vector<std::string> all;
  (void)connection_->query(
      "SELECT id FROM deliveries WHERE workspace_id = $1 AND state IN ('dropped', 'retrying') "
      "ORDER BY id LIMIT 20",
      {workspaces[static_cast<std::size_t>(workspace)]}, [&](const store::Row& row) {
        all.push_back(model::DeliveryId(*Uuid::from_bytes(row.bytes(0))).text());
      });
  return all;
}

void Ledger::check_all() {
  for (const Posting& posting : postings) check_posting(posting);
  for (const Uuid& workspace : workspaces) {
    std::map<Uuid, Row> rows;
    const auto read = connection_->query(
        "SELECT id, state, event_id, endpoint_id, kind, attempts_made, attempts_before_retry "
        "FROM deliveries WHERE workspace_id = $1",
        {workspace}, [&](const store::Row& row) {
          rows[*Uuid::from_bytes(row.bytes(0))] = {
              row.string(1), *Uuid::from_bytes(row.bytes(2)),  *Uuid::from_bytes(row.bytes(3)),
              row.string(4), static_cast<int>(row.integer(5)), static_cast<int>(row.integer(6))};
        });
    WAYBILL_CHECK(read.has_value(), read.error().message);
    for (const auto& [id, row] : rows) check_delivery(workspace, id, row);
  }
}

void Ledger::check_posting(const Posting& posting) {
  const Uuid& workspace = workspaces[static_cast<std::size_t>(posting.workspace)];
  for (int nth = 0; nth < posting.count; ++nth) {
    const std::string name = posting.name(nth);
    std::string subject = name;
    if (posting.kind == Posting::Kind::kOrder) {
      std::vector<model::OrderId> orders;
      (void)connection_->query(
          "SELECT id FROM orders WHERE workspace_id = $1 AND number = $2", {workspace, name},
          [&](const store::Row& row) { orders.push_back(row.id<model::OrderId>(0)); });
      if (orders.size() > 1) breached(1, fmt::format("{} is there {} times", name, orders.size()));
      if (posting.answered && orders.empty()) breached(1, fmt::format("{} is lost", name));
      if (orders.empty()) continue;
      subject = orders.front().text();
      if (posting.answered && orders.front().uuid().text() != *posting.answered) {
        breached(1, fmt::format("{} has another id than was answered", name));
      }
    }
    std::vector<Uuid> events;
    (void)connection_->query(
        "SELECT id FROM events WHERE workspace_id = $1 AND subject = $2", {workspace, subject},
        [&](const store::Row& row) { events.push_back(*Uuid::from_bytes(row.bytes(0))); });
    const bool has_to = posting.answered || posting.kind == Posting::Kind::kOrder;
    if (events.size() > 1 || (has_to && events.empty())) {
      breached(1, fmt::format("{} has {} events", name, events.size()));
    }
    if (events.empty() || !posting.answered) continue;
    for (const int index : posting.subscribers) {
      const Subscriber& to = subscribers[static_cast<std::size_t>(index)];
      if (to.delete_asked) continue;
      const auto id = model::EndpointId::parse(to.id);
      const auto owed = count(
          "SELECT count(*) FROM deliveries WHERE workspace_id = $1 AND event_id = $2 "
          "AND endpoint_id = $3 AND kind = 'event'",
          {workspace, events.front(), *id});
      if (owed != 1) breached(2, fmt::format("{} is owed {} {} times", name, to.label(), owed));
    }
  }
}

void Ledger::check_delivery(const Uuid& workspace, const Uuid& id, const Row& row) {
  const auto found = stories_.find(id);
  static const Story kNone;
  const Story& story = found == stories_.end() ? kNone : found->second;
  const std::string label = fmt::format("d{} ({})", story.label, id.text());
  struct Recorded {
    int number;
    std::string outcome;
    std::optional<int> status;
  };
  std::vector<Recorded> attempts;
  (void)connection_->query(
      "SELECT number, outcome, status_code FROM attempts WHERE workspace_id = $1 "
      "AND delivery_id = $2 ORDER BY number",
      {workspace, id}, [&](const store::Row& attempt) {
        attempts.push_back({static_cast<int>(attempt.integer(0)), attempt.string(1),
                            attempt.is_null(2)
                                ? std::nullopt
                                : std::optional(static_cast<int>(attempt.integer(2)))});
      });
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const Recorded& recorded = attempts[i];
    if (recorded.number != static_cast<int>(i) + 1) {
      breached(6, fmt::format("{} has attempt {} at place {}", label, recorded.number, i + 1));
    }
    const bool was_sent = std::ranges::any_of(story.sendings, [&](std::size_t place) {
      const Sending& sending = sendings_[place];
      return sending.over && sending.number == recorded.number && sending.status == recorded.status;
    });
    if (!was_sent) {
      breached(6, fmt::format("{} has a record of attempt {}, which was not answered so", label,
                              recorded.number));
    }
  }
  if (static_cast<int>(attempts.size()) != row.attempts_made) {
    breached(6, fmt::format("{} has {} attempts and counts {}", label, attempts.size(),
                            row.attempts_made));
  }
  if (attempts.size() > story.sendings.size()) {
    breached(6, fmt::format("{} has more attempts than were sent", label));
  }
  const std::string last = attempts.empty() ? "" : attempts.back().outcome;
  if (row.state == "succeeded") {
    if (last != "succeeded" || !story.arrived) {
      breached(2, fmt::format("{} counts as succeeded and has not arrived", label));
    }
  } else if (row.state == "dropped") {
    const int tries = row.attempts_made - row.attempts_before_retry;
    const int most =
        static_cast<int>(subscribers[static_cast<std::size_t>(story.subscriber)].delays.size()) + 1;
    if (last != "gone" && tries != most) {
      breached(2, fmt::format("{} is dropped after {} tries of {}", label, tries, most));
    }
  } else if (row.state == "cancelled") {
    if (count("SELECT count(*) FROM endpoints WHERE workspace_id = $1 AND id = $2 "
              "AND state = 'deleted'",
              {workspace, row.endpoint}) != 1) {
      breached(2, fmt::format("{} is cancelled, and its endpoint is there", label));
    }
  } else {
    breached(2, fmt::format("{} is {} at the end", label, row.state));
  }
}

}  // namespace waybill::simulation
