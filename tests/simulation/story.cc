// What happens in a world, drawn from its seed.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "model/ids.h"
#include "simulation/world.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::simulation {
namespace {

using namespace std::chrono_literals;

json::value body_of(const net::Response& response) {
  auto value = parse_json(response.body);
  WAYBILL_CHECK(value.has_value(), "the hub answers with JSON");
  return *std::move(value);
}

std::string text(const json::value& value, std::string_view member) {
  return std::string(value.at(member).as_string());
}

bool succeeded(const net::Response* response) {
  return response != nullptr && response->status < 300;
}

}  // namespace

void World::set_up() {
  const int node_count = percent(25) ? 2 : 1;
  ledger_.one_node = node_count == 1;
  if (percent(15)) waiting_units_max_ = 250;
  for (int i = 0; i < node_count; ++i) {
    nodes_.push_back(std::make_unique<Node>());
    std::array<std::uint8_t, Uuid::kSize> bytes{};
    bytes[0] = static_cast<std::uint8_t>(i + 1);
    nodes_.back()->id = Uuid(bytes);
    begin_life(*nodes_.back());
  }
  auto connection =
      store::SqliteDriver(folder_ / "waybill.db").connect(store::Connection::Access::kRead);
  WAYBILL_CHECK(connection.has_value(), connection.error().message);
  ledger_.open(*std::move(connection));
  run_until(machine_.passed + 1s);

  const auto made = [this](std::string path, std::string body) {
    std::optional<json::value> answer;
    call(*nodes_.front(), "POST", std::move(path), std::move(body), "",
         [&](const net::Response* response) {
           WAYBILL_CHECK(succeeded(response), response ? response->body : "no answer");
           answer = body_of(*response);
         });
    run_until([&] { return answer.has_value(); }, 1min);
    return *answer;
  };
  const int workspace_count = number(1, 2);
  for (int i = 0; i < workspace_count; ++i) {
    slugs_.push_back(fmt::format("w{}x", i));
    const std::string path = "/hub/v1/workspaces/" + slugs_.back();
    const auto workspace =
        made("/hub/v1/workspaces", fmt::format(R"({{"slug":"{}"}})", slugs_.back()));
    ledger_.workspaces.push_back(model::WorkspaceId::parse(text(workspace, "id"))->uuid());
    made(path + "/suppliers", R"({"name":"Acme Paper"})");
    keys_.push_back(text(made(path + "/keys", R"({"platform":"proculink"})"), "key"));
  }
  const int endpoint_count = number(1, 5);
  for (int i = 0; i < endpoint_count; ++i) new_subscriber(number(0, workspace_count - 1));
  run_until(machine_.passed + 5s);
}

void World::new_subscriber(int workspace) {
  Node* node = any_node();
  if (!node) return;
  Subscriber to;
  to.index = static_cast<int>(ledger_.subscribers.size());
  to.workspace = workspace;
  const bool strict = percent(40);
  to.dialect = strict ? "strict" : "patient";
  to.delays = strict ? std::vector<Millis>{5s, 45s} : std::vector<Millis>{2s, 15s, 1min, 4min};
  to.jitter_percent = strict ? 20 : 10;
  to.timeout = strict ? 10s : 20s;
  std::string more;
  if (percent(25)) {
    to.delays = {1s, 10s, 10s, 30s, 30s, 2min};
    more += R"(,"retry":["1s","10s","10s","30s","30s","2m"])";
  }
  if (percent(25)) {
    to.timeout = percent(50) ? 60s : 1s;
    more += fmt::format(R"(,"timeout":"{}s")", to.timeout / 1s);
  }
  if (percent(25)) more += fmt::format(R"(,"in_flight_max":{})", number(1, 4));
  if (percent(15)) more += fmt::format(R"(,"rate_per_second":{})", number(2, 20));
  const std::string body =
      fmt::format(R"({{"dialect":"{}","url":"https://{}/0"{}}})", to.dialect, to.host(), more);
  const int index = to.index;
  ledger_.subscribers.push_back(std::move(to));
  call(*node, "POST",
       fmt::format("/hub/v1/workspaces/{}/endpoints", slugs_[static_cast<std::size_t>(workspace)]),
       body, "", [this, index](const net::Response* response) {
         if (!succeeded(response)) return;
         ledger_.subscribers[static_cast<std::size_t>(index)].id = text(body_of(*response), "id");
         say(fmt::format("e{} is there", index));
       });
}

// --- Clients ----------------------------------------------------------------------------------

void World::post_new(Posting::Kind kind, int count) {
  Posting posting;
  posting.kind = kind;
  posting.index = static_cast<int>(ledger_.postings.size());
  posting.workspace = number(0, static_cast<int>(slugs_.size()) - 1);
  posting.count = count;
  for (const Subscriber& to : ledger_.subscribers) {
    if (to.workspace == posting.workspace && !to.id.empty() && !to.delete_asked) {
      posting.subscribers.push_back(to.index);
    }
  }
  ledger_.postings.push_back(std::move(posting));
  post(ledger_.postings.back());
}

void World::post(Posting& posting) {
  Node* node = any_node();
  if (!node) return;
  const int index = posting.index;
  const std::string& slug = slugs_[static_cast<std::size_t>(posting.workspace)];
  const std::string key = fmt::format("key-{}", index);
  const std::string name = posting.name();
  if (posting.kind == Posting::Kind::kOrder) {
    call(*node, "POST", fmt::format("/api/ingress/{}/orders", slug),
         fmt::format(R"({{"orderNumber":"{}","supplierId":"Acme Paper","lines":[)"
                     R"({{"buyerItemCode":"A4","description":"Paper","quantity":2,)"
                     R"("unit":"box","unitPrice":24.9}}]}})",
                     name),
         key, [this, index, name, life = node->holder.life](const net::Response* response) {
           say(fmt::format("{}: {}", name, response ? std::to_string(response->status) : "?"));
           if (!succeeded(response)) return;
           ledger_.acknowledged(ledger_.postings[static_cast<std::size_t>(index)],
                                text(body_of(*response), "id"));
           for (auto& one : nodes_) {
             if (one->holder.life == life) one->is_warm = true;
           }
         });
    return;
  }
  std::string events;
  for (int nth = 0; nth < posting.count; ++nth) {
    events += fmt::format(R"({}{{"type":"stock.changed","subject":"{}","data":{{"n":{}}}}})",
                          nth == 0 ? "" : ",", posting.name(nth), nth);
  }
  call(*node, "POST", fmt::format("/hub/v1/workspaces/{}/events/batch", slug),
       fmt::format(R"({{"events":[{}]}})", events), key,
       [this, index, name](const net::Response* response) {
         say(fmt::format("{}: {}", name, response ? std::to_string(response->status) : "?"));
         if (!succeeded(response)) return;
         Posting& posted = ledger_.postings[static_cast<std::size_t>(index)];
         const json::value answer = body_of(*response);
         const std::string id = text(answer.at("rows").as_array().front(), "id");
         ledger_.acknowledged(posted, id);
         event_ids_.push_back(id);
       });
}

// More than an endpoint may have in memory. Once, and where few endpoints make it dear.
void World::burst() {
  Node* node = any_node();
  if (!node || has_burst_ || ledger_.subscribers.size() > 3) return;
  has_burst_ = true;
  say("there is a burst");
  if (node->is_warm && ledger_.one_node) {
    for (int i = number(50, 300); i > 0; --i) post_new(Posting::Kind::kOrder, 1);
  } else {
    for (int i = number(1, 3); i > 0; --i) post_new(Posting::Kind::kEvents, 100);
  }
}

// --- Operators --------------------------------------------------------------------------------

void World::change_endpoint() {
  Node* node = any_node();
  Subscriber& to = one_of(ledger_.subscribers);
  if (!node || to.id.empty() || to.delete_asked) return;
  const std::string path = fmt::format("/hub/v1/workspaces/{}/endpoints/{}",
                                       slugs_[static_cast<std::size_t>(to.workspace)], to.id);
  const auto ask = [&](std::string_view method, const std::string& at, const std::string& body,
                       const std::string& what) {
    say(fmt::format("asks to {} {}", what, to.label()));
    call(*node, method, at, body, "",
         [this, what, label = to.label()](const net::Response* response) {
           say(fmt::format("{} of {}: {}", what, label,
                           response ? std::to_string(response->status) : "?"));
         });
  };
  const int dice = number(1, 100);
  if (dice <= 30) {
    ask("POST", path + "/pause", "", "pause");
  } else if (dice <= 70) {
    ask("POST", path + "/resume", "", "resume");
  } else if (dice <= 85) {
    const int version = number(1, 1000);
    ask("PATCH", path, fmt::format(R"({{"url":"https://{}/{}"}})", to.host(), version), "change");
  } else if (dice <= 93) {
    ask("POST", path + "/test", "", "test");
  } else if (ledger_.subscribers.size() > 1) {
    to.delete_asked = true;
    ask("DELETE", path, "", "delete");
  }
}

void World::retry_something() {
  Node* node = any_node();
  if (!node) return;
  const int workspace = number(0, static_cast<int>(slugs_.size()) - 1);
  const std::string path =
      fmt::format("/hub/v1/workspaces/{}", slugs_[static_cast<std::size_t>(workspace)]);
  const auto tell = [this](std::string what) {
    say("asks to " + what);
    return [this, what](const net::Response* response) {
      say(fmt::format("{}: {}", what, response ? std::to_string(response->status) : "?"));
    };
  };
  const int dice = number(1, 100);
  if (dice <= 50) {
    auto dropped = ledger_.dropped(workspace);
    if (dropped.empty()) return;
    call(*node, "POST", fmt::format("{}/deliveries/{}/retry", path, one_of(dropped)), "", "",
         tell("retry a delivery"));
  } else if (dice <= 70) {
    call(*node, "POST", path + "/deliveries/retry-dropped", R"({"since":"2026-01-01T00:00:00Z"})",
         "", tell("retry what was dropped"));
  } else if (!event_ids_.empty()) {
    call(*node, "POST", fmt::format("{}/events/{}/replay", path, one_of(event_ids_)), "", "",
         tell("replay an event"));
  }
}

// --- Faults -----------------------------------------------------------------------------------

void World::break_database() {
  Node* node = any_node();
  if (!node) return;
  if (percent(40)) {
    node->slow_until = machine_.passed + millis(1'000, 60'000);
    ledger_.life_troubled(node->holder.life);
    say("the database is slow");
    return;
  }
  const bool lasts = percent(30);
  const int nth = number(1, 30);
  std::optional<store::Faults::Call> only;
  if (percent(25)) only = store::Faults::Call::kCommit;
  node->life->faults().arm(
      nth, lasts ? store::Faults::Lasting::kFromThenOn : store::Faults::Lasting::kOnce, only);
  node->fault_until = machine_.passed + (lasts ? millis(500, 45'000) : 60s);
  say(fmt::format("call {} of the database will fail{}", nth, lasts ? ", and all after it" : ""));
}

void World::set_clock() {
  // Hubs on one database need clocks that agree; one alone does not.
  const Millis by =
      ledger_.one_node ? (percent(50) ? Millis(1h) : millis(1, 600'000)) : millis(1, 1'500);
  const bool back = percent(50);
  if (!ledger_.one_node && machine_.times_set > 3) return;
  machine_.set_by += back ? -by : by;
  ++machine_.times_set;
  set_back_ += by;
  say(fmt::format("the clock is set by {}{} ms", back ? "-" : "", by.count()));
}

void World::change_mood() {
  Subscriber& to = one_of(ledger_.subscribers);
  Mood mood;
  switch (number(1, 8)) {
    case 1: mood.refuses = 100; break;
    case 2: mood.never_answers = 100; break;
    case 3: mood.answers_late = 100; break;
    case 4: mood.resets_before = 100; break;
    case 5: mood.resets_after = 100; break;
    case 6: mood = {20, 1, 10, 10, 10, 10, 5'000}; break;
    case 7: mood = {30, 0, 0, 0, 10, 10, 300}; break;
    default: break;
  }
  to.mood = mood;
  say(fmt::format("{} changes its mood", to.label()));
}

void World::act() {
  const int dice = number(1, 1000);
  if (dice <= 400) {
    post_new(Posting::Kind::kOrder, 1);
  } else if (dice <= 500) {
    post_new(Posting::Kind::kEvents, number(1, 5));
  } else if (dice <= 600) {
    if (!ledger_.postings.empty()) post(one_of(ledger_.postings));
  } else if (dice <= 612) {
    burst();
  } else if (dice <= 720) {
    change_endpoint();
  } else if (dice <= 770) {
    retry_something();
  } else if (dice <= 850) {
    change_mood();
  } else if (dice <= 900) {
    break_database();
  } else if (dice <= 940) {
    Node* node = any_node();
    if (node) node->steps_to_crash = number(1, 400);
  } else if (dice <= 955) {
    Node* node = any_node();
    if (!node || std::ranges::any_of(
                     calls_, [&](const Call& one) { return one.life == node->holder.life; })) {
      return;
    }
    say(fmt::format("life {} is told to stop", node->holder.life));
    node->steps_to_crash = 0;
    node->life->stop();
  } else if (dice <= 975) {
    set_clock();
  } else if (dice <= 985) {
    if (ledger_.subscribers.size() < 8) {
      new_subscriber(number(0, static_cast<int>(slugs_.size()) - 1));
    }
  }
}

void World::make_trouble() {
  trouble_ = true;
  say("trouble begins");
  const int actions = number(30, 150);
  for (int i = 0; i < actions && !ledger_.breach(); ++i) {
    act();
    run_until(machine_.passed + (percent(60) ? millis(0, 200) : millis(0, 20'000)));
  }
}

// --- The end ----------------------------------------------------------------------------------

void World::calm_down() {
  if (ledger_.breach()) return;
  trouble_ = false;
  say("all faults are over");
  for (auto& node : nodes_) {
    node->slow_until = 0ms;
    node->fault_until = 0ms;
    node->steps_to_crash = 0;
    if (node->life) node->life->faults().disarm();
  }
  for (Subscriber& to : ledger_.subscribers) to.mood = {.usual_ms = 200};
  run_until(machine_.passed + 60s);
  const auto all_run = [this] {
    return std::ranges::all_of(nodes_, [](const auto& node) {
      return node->life && !node->life->is_stopping() && node->life->has_started().value_or(false);
    });
  };
  if (!run_until(all_run, 5min)) {
    ledger_.breached(2, "a hub does not start although all faults are over");
  }
  // Operators put right what the faults have switched off; some clients ask once more.
  for (Subscriber& to : ledger_.subscribers) {
    if (to.id.empty()) to.id = ledger_.find_endpoint(to);
    if (to.id.empty()) continue;
    const std::string path = fmt::format("/hub/v1/workspaces/{}/endpoints/{}",
                                         slugs_[static_cast<std::size_t>(to.workspace)], to.id);
    call(*nodes_.front(), to.delete_asked ? "DELETE" : "POST",
         to.delete_asked ? path : path + "/resume", "", "",
         [this, label = to.label()](const net::Response* response) {
           say(fmt::format("{} is put right: {}", label, response ? response->status : 0));
         });
  }
  for (Posting& posting : ledger_.postings) {
    if (!posting.answered && percent(70)) post(posting);
  }
  const Millis patience = 2h + set_back_;
  const Millis calm_since = machine_.passed;
  Millis looked_at = machine_.passed;
  const auto done = [&] {
    if (machine_.passed < looked_at + 1s) return false;
    looked_at = machine_.passed;
    if (machine_.passed > calm_since + 2min) {
      for (auto& node : nodes_) ledger_.check_punctual(node->holder, 10s);
    }
    return calls_.empty() && ledger_.unfinished() == 0;
  };
  if (!run_until(done, patience) && !ledger_.breach()) {
    ledger_.breached(2, fmt::format("after {} s without faults, something is not over:{}",
                                    patience / 1s, ledger_.describe_unfinished()));
  }
  run_until(machine_.passed + 10s);
  for (auto& node : nodes_) {
    const auto counters = node->life->counters();
    if (counters.ready != 0 || counters.in_flight != 0) {
      ledger_.breached(7, fmt::format("{} wait in memory and {} are in flight at the end",
                                      counters.ready, counters.in_flight));
    }
  }
}

}  // namespace waybill::simulation
