#include "simulation/world.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::simulation {
namespace {

using namespace std::chrono_literals;

// A world that does not come to rest at one moment has lost its way.
constexpr int kStepsMax = 2'000'000;

dialect::DialectRegistry load_dialects() {
  auto loaded = dialect::DialectRegistry::load(WAYBILL_SIMULATION_DIALECTS);
  WAYBILL_CHECK(loaded.has_value(), loaded.error().message);
  return *std::move(loaded);
}

}  // namespace

World::World(std::uint64_t seed, bool prints)
    : rng_(seed), trace_(machine_, prints), dialects_(load_dialects()), ledger_(machine_, trace_) {}

World::~World() {
  for (auto& node : nodes_) node->life.reset();
  ledger_.open(nullptr);
}

Fate World::run() {
  set_up();
  make_trouble();
  calm_down();
  if (!ledger_.breach()) ledger_.check_all();
  const auto& lines = trace_.last_lines();
  return {ledger_.breach(),   {lines.begin(), lines.end()}, trace_.digest(),
          ledger_.sendings(), ledger_.repeated(),           crashes_,
          machine_.passed};
}

World::Node* World::any_node() {
  std::vector<Node*> alive;
  for (auto& node : nodes_) {
    if (node->life && !node->life->is_stopping() && node->life->has_started().value_or(false)) {
      alive.push_back(node.get());
    }
  }
  return alive.empty() ? nullptr : one_of(alive);
}

void World::begin_life(Node& node) {
  node.holder = {.life = ++lives_, .node = node.id, .clock = nullptr, .known = {}};
  node.is_warm = false;
  node.steps_to_crash = 0;
  node.transaction_at.reset();
  node.life = std::make_unique<Life>(
      machine_, dialects_,
      LifeOptions{node.id, rng_.next(), folder_ / "waybill.db", waiting_units_max_},
      [this, &node](net::ClientRequest request) { return receive(node, std::move(request)); });
  node.holder.clock = &node.life->clock();
  node.holder.times_set = machine_.times_set;
  say(fmt::format("life {} begins, at {}", lives_, iso_time(node.life->clock().now())));
  node.life->start();
}

void World::end_life(Node& node, bool crashes) {
  const int life = node.holder.life;
  say(fmt::format("life {} {}", life, crashes ? "crashes" : "ends"));
  if (crashes) {
    ++crashes_;
    ledger_.life_crashed(life);
  }
  node.life.reset();
  std::vector<Call> unheard;
  std::erase_if(calls_, [&](Call& call) {
    if (call.life != life) return false;
    unheard.push_back(std::move(call));
    return true;
  });
  for (Call& call : unheard) call.told(nullptr);
  node.restarts_at = machine_.passed + (trouble_ ? millis(10, 40'000) : 10ms);
}

// Runs one thing that is ready at this moment, of any hub. False: nothing is.
bool World::run_ready() {
  for (auto& node : nodes_) {
    if (!node->life) continue;
    // Hubs take turns of a few steps.
    for (int steps = number(1, 8); steps > 0 && node->life->step(); --steps) {
      if (node->life->waiting_units() >= waiting_units_max_) {
        ledger_.life_troubled(node->holder.life);
      }
      const bool counts_down = node->steps_to_crash > 0;
      if (counts_down) --node->steps_to_crash;
      if (counts_down && node->steps_to_crash == 0) {
        end_life(*node, /*crashes=*/true);
        return true;
      }
      if (steps == 1) return true;
    }
  }
  return false;
}

void World::run_database(Node& node) {
  node.transaction_at.reset();
  if (node.fault_until > machine_.passed || node.slow_until > machine_.passed) {
    ledger_.life_troubled(node.holder.life);
  }
  if (percent(50)) {
    node.life->run_reads();
    node.life->run_writes();
  } else {
    node.life->run_writes();
    node.life->run_reads();
  }
  // Committed, and nobody heard of it any more.
  if (trouble_ && node.life->has_started() && !node.life->is_stopping() && number(1, 3000) == 1) {
    end_life(node, /*crashes=*/true);
  }
}

// Nothing is ready at this moment: what was committed is known to the hub.
void World::after_drained(Node& node) {
  if (!node.life) return;
  ledger_.settle(node.holder);
  if (node.life->has_stopped() || node.life->has_started() == false) {
    end_life(node, /*crashes=*/!node.life->has_stopped());
    return;
  }
  if (node.life->database_has_work() && !node.transaction_at) {
    const bool slow = node.slow_until > machine_.passed;
    node.transaction_at = machine_.passed + (slow ? millis(100, 25'000) : millis(0, 4));
  }
}

void World::hear_answers() {
  for (std::size_t i = 0; i < calls_.size();) {
    if (!*calls_[i].answer) {
      ++i;
      continue;
    }
    const Call heard = std::move(calls_[i]);
    calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(i));
    heard.told(&**heard.answer);
  }
}

// Runs all that is ready, then moves the time to what comes next, at most to `until`. False: it is
// there.
bool World::advance(Millis until) {
  int steps = 0;
  while (run_ready()) {
    if (++steps > kStepsMax) {
      ledger_.breached(2, "there is no end to what is ready at one moment");
      return false;
    }
  }
  hear_answers();
  for (auto& node : nodes_) after_drained(*node);
  if (ledger_.breach()) return false;

  Millis next = until;
  for (auto& node : nodes_) {
    if (!node->life) {
      next = std::min(next, node->restarts_at);
      continue;
    }
    if (const auto wake = node->life->clock().next_wake()) next = std::min(next, *wake);
    if (node->transaction_at) next = std::min(next, *node->transaction_at);
  }
  machine_.passed = std::max(machine_.passed, next);
  bool moved = false;
  for (auto& node : nodes_) {
    if (!node->life) {
      if (node->restarts_at > machine_.passed) continue;
      begin_life(*node);
      moved = true;
      continue;
    }
    if (node->fault_until != 0ms && node->fault_until <= machine_.passed) {
      node->life->faults().disarm();
      node->fault_until = 0ms;
    }
    const auto wake = node->life->clock().next_wake();
    if (wake && *wake <= machine_.passed) {
      node->life->clock().wake_next();
      moved = true;
    } else if (node->transaction_at && *node->transaction_at <= machine_.passed) {
      run_database(*node);
      moved = true;
    }
  }
  return moved || machine_.passed < until;
}

void World::run_until(Millis until) {
  while (advance(until)) {
  }
}

bool World::run_until(const std::function<bool()>& done, Millis patience) {
  const Millis until = machine_.passed + patience;
  while (!done()) {
    if (!advance(until)) return done();
  }
  return true;
}

void World::call(Node& node, std::string_view method, std::string path, std::string body,
                 std::string key, Told told) {
  std::vector<net::Header> headers;
  if (!key.empty()) headers.push_back({"Idempotency-Key", std::move(key)});
  if (path.starts_with("/api/ingress/")) {
    for (std::size_t i = 0; i < slugs_.size(); ++i) {
      if (path == fmt::format("/api/ingress/{}/orders", slugs_[i])) {
        headers.push_back({"X-ProcuLink-Key", keys_[i]});
      }
    }
  }
  calls_.push_back(
      {node.holder.life, node.life->call(method, path, body, std::move(headers)), std::move(told)});
}

// What a receiver does with a request, and what the hub hears of it.
Task<Result<net::ClientResponse>> World::receive(Node& node, net::ClientRequest request) {
  const std::size_t sending = ledger_.began(node.holder, request);
  const auto to = std::ranges::find(ledger_.subscribers, request.url.host, &Subscriber::host);
  const Mood mood = to->mood;
  const Millis deadline = request.deadlines.total;
  const int dice = number(1, 100);
  int bound = 0;
  const auto falls = [&](int chance) { return dice <= (bound += chance); };
  net::ClientResponse response;
  response.status = 200;
  std::optional<Error> error;
  std::optional<Millis> retry_after;
  Millis takes = std::min(deadline, millis(1, std::max(2, mood.usual_ms)));
  bool arrives = false;
  if (falls(mood.refuses)) {
    response.status = percent(50) ? 500 : 429;
    if (response.status == 429) {
      retry_after = std::chrono::seconds(number(0, 90));
      response.headers.push_back(
          {"Retry-After", std::to_string(*retry_after / std::chrono::seconds(1))});
    }
  } else if (falls(mood.gone)) {
    response.status = 410;
  } else if (falls(mood.never_answers)) {
    takes = deadline;
    arrives = percent(50);
    error = Error(Code::kTimeout, "response_timeout", "No answer in time.");
  } else if (falls(mood.answers_late)) {
    takes = Millis(rng_.between(deadline.count() / 2, deadline.count()));
    arrives = true;
  } else if (falls(mood.resets_before)) {
    error = Error(Code::kUnavailable, "connect_failed", "Nobody listens.");
  } else if (falls(mood.resets_after)) {
    error = Error(Code::kUnavailable, "connection_lost", "The connection was lost.");
    arrives = true;
  } else {
    arrives = true;
  }
  // It may arrive before the hub dies, or never.
  const bool arrives_first = percent(50);
  if (arrives && arrives_first) ledger_.arrived(sending);
  boost::asio::steady_timer timer(node.life->context());
  co_await node.life->clock().wait_for(takes, timer);
  if (arrives) ledger_.arrived(sending);
  ledger_.ended(sending, node.holder, error ? std::nullopt : std::optional(response.status),
                retry_after);
  if (error) co_return fail(*error);
  co_return response;
}

}  // namespace waybill::simulation
