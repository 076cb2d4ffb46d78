// Doors for foreign webhooks, and what came in by them: store/sources.h and store/messages.h.

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "conformance/store_conformance.h"
#include "crypto/digest.h"
#include "store/events.h"
#include "store/messages.h"
#include "store/retention.h"
#include "store/sources.h"

namespace waybill::store {
namespace {

using namespace std::chrono_literals;

Bytes bytes_of(const crypto::Digest& digest, std::size_t size) {
  return {digest.begin(), digest.begin() + static_cast<std::ptrdiff_t>(size)};
}

}  // namespace

model::Source SourceConformance::make_source(std::string name, std::string dialect) {
  model::Source source;
  source.id = ids_.next_id<model::SourceId>();
  source.workspace_id = workspace_;
  source.name = std::move(name);
  source.dialect = std::move(dialect);
  source.token_hash = bytes_of(crypto::sha256(source.id.text()), 32);
  source.token = {1, 0, 2};
  source.secrets = {3, 0, 255};
  source.created_at = kNoon;
  source.updated_at = kNoon;
  return source;
}

std::string SourceConformance::insert(const model::Source& source) {
  return outcome(write([&](Connection& c) { return sources::insert(c, source); }));
}

std::string SourceConformance::update(const model::Source& source) {
  return outcome(write([&](Connection& c) { return sources::update(c, source); }));
}

std::optional<model::Source> SourceConformance::find(std::string_view id_or_name) {
  return must(read([&](Connection& c) { return sources::find(c, workspace_, id_or_name); }));
}

std::optional<model::Source> SourceConformance::find_by_token(const model::Source& source) {
  return must(read([&](Connection& c) { return sources::find_by_token(c, source.token_hash); }));
}

std::vector<std::string> SourceConformance::names_of_dialect(std::string_view dialect) {
  std::vector<std::string> names;
  for (const auto& source :
       must(read([&](Connection& c) { return sources::of_dialect(c, dialect); }))) {
    names.push_back(source.name);
  }
  return names;
}

model::Message SourceConformance::make_message(std::string_view key, Timestamp at,
                                               std::string_view body) {
  model::Message message;
  message.id = ids_.next_id<model::MessageId>();
  message.workspace_id = workspace_;
  message.source_id = source_;
  message.external_id = key;
  message.type = "order.shipped";
  message.key = bytes_of(crypto::sha256(key), model::Message::kKeyBytes);
  message.body_hash = bytes_of(crypto::sha256(body), 32);
  message.body_bytes = std::ssize(body);
  message.address = "192.0.2.1";
  message.received_at = at;
  return message;
}

std::optional<model::Message> SourceConformance::insert(const model::Message& message,
                                                        Timestamp remembered_since) {
  return must(write([&](Connection& c) { return messages::insert(c, message, remembered_since); }));
}

model::Message SourceConformance::find(const model::Message& message) {
  return must(read([&](Connection& c) { return messages::find(c, workspace_, message.id); }));
}

std::vector<std::unique_ptr<Database>> SourceConformance::open_nodes() {
  std::vector<std::unique_ptr<Database>> nodes;
  for (int i = 0; i < 2 && GetParam().name != "Sqlite"; ++i) {
    nodes.push_back(must(Database::open(context_, log_, make_driver(), clock_.now())));
  }
  return nodes;
}

std::map<std::string, int> SourceConformance::insert_twins(
    std::span<const std::unique_ptr<Database>> nodes, Timestamp at, int twins, int keys) {
  std::vector<model::Message> all;
  for (int i = 0; i < twins * keys; ++i) {
    all.push_back(make_message("evt_" + std::to_string(i % keys), at));
  }
  std::vector<std::optional<Result<std::optional<model::Message>>>> answers(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    Database& node =
        nodes.empty() ? *database_ : *nodes[i / static_cast<std::size_t>(keys) % nodes.size()];
    start(node.run([&twin = all[i], at](Connection& c) { return messages::insert(c, twin, at); },
                   Priority::kNew, lock_order(all[i].key)),
          answers[i]);
  }
  context_.restart();
  while (!std::ranges::all_of(answers, [](const auto& one) { return one.has_value(); })) {
    context_.run_one();
  }
  std::map<std::string, int> fresh;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!must(*answers[i])) ++fresh[all[i].external_id];
  }
  return fresh;
}

std::vector<std::string> SourceConformance::listed(const messages::Filter& filter) {
  std::vector<std::string> ids;
  const auto page = must(
      read([&](Connection& c) { return messages::list(c, workspace_, filter, PageRequest()); }));
  for (const auto& message : page.rows) ids.push_back(message.external_id);
  EXPECT_EQ(must(read([&](Connection& c) { return messages::count(c, workspace_, filter); })),
            std::ssize(ids));
  return ids;
}

// Of two messages of one key the first is handled first. Only where rows are locked the units of a
// transaction have to change places.
TEST_P(SourceConformance, WhereNothingIsLockedUnitsRunInTheOrderInWhichTheyCame) {
  std::mutex mutex;
  std::vector<int> ran;
  bool locks = false;
  std::vector<std::optional<Result<int>>> answers(200);
  for (int i = 0; i < std::ssize(answers); ++i) {
    const Bytes key(8, static_cast<std::uint8_t>(i * 37));
    start(database_->run(
              [&, i](Connection& c) -> Result<int> {
                const std::lock_guard lock(mutex);
                locks = !c.row_lock().empty();
                ran.push_back(i);
                return i;
              },
              Priority::kNew, lock_order(key)),
          answers[static_cast<std::size_t>(i)]);
  }
  context_.restart();
  while (!std::ranges::all_of(answers, [](const auto& one) { return one.has_value(); })) {
    context_.run_one();
  }
  EXPECT_EQ(ran.size(), answers.size());
  EXPECT_TRUE(locks || std::ranges::is_sorted(ran));
}

TEST_P(SourceConformance, SourcesAreReadAsTheyWereWritten) {
  model::Source source = make_source("in");
  source.settings.remember = 5h;
  source.settings.quiet_after = 10min;
  source.settings.tolerance = 1s;
  EXPECT_EQ(insert(source), "value");
  const auto check = [&](const model::Source& wanted) {
    for (const auto& found : {find("in"), find(source.id.text()), find_by_token(source)}) {
      ASSERT_TRUE(found.has_value());
      EXPECT_EQ(found->id, wanted.id);
      EXPECT_EQ(found->workspace_id, wanted.workspace_id);
      EXPECT_EQ(found->name, wanted.name);
      EXPECT_EQ(found->dialect, wanted.dialect);
      EXPECT_EQ(found->state, wanted.state);
      EXPECT_EQ(found->token_hash, wanted.token_hash);
      EXPECT_EQ(found->token, wanted.token);
      EXPECT_EQ(found->secrets, wanted.secrets);
      EXPECT_EQ(found->settings, wanted.settings);
      EXPECT_EQ(found->updated_at, wanted.updated_at);
    }
  };
  check(source);
  source.secrets = {};
  source.settings = {};
  source.token = {9};
  source.updated_at = kNoon + 1s;
  EXPECT_EQ(update(source), "value");
  check(source);
  EXPECT_EQ(find("out"), std::nullopt);
  EXPECT_EQ(find(make_source("x").id.text()), std::nullopt);
}

TEST_P(SourceConformance, ANameIsOfOneSourceThatIsNotDeleted) {
  model::Source first = make_source("in");
  const model::Source again = make_source("in");
  model::Source other = make_source("other");
  EXPECT_EQ(insert(first), "value");
  EXPECT_EQ(insert(again), "conflict source_exists");
  EXPECT_EQ(insert(other), "value");
  other.name = "in";
  EXPECT_EQ(update(other), "conflict source_exists");
  first.state = model::SourceState::kDeleted;
  EXPECT_EQ(update(first), "value");
  EXPECT_EQ(insert(again), "value");
  EXPECT_EQ(find("in")->id, again.id);
  EXPECT_EQ(find(first.id.text())->state, model::SourceState::kDeleted);
  EXPECT_EQ(find_by_token(first), std::nullopt);
  model::Source elsewhere = make_source("in");
  elsewhere.workspace_id = other_workspace_;
  EXPECT_EQ(insert(elsewhere), "value");
  EXPECT_EQ(update(make_source("none")), "not_found source_not_found");
}

TEST_P(SourceConformance, SourcesOfADialectAreOfAllWorkspacesAndActive) {
  model::Source first = make_source("one");
  model::Source second = make_source("two");
  second.workspace_id = other_workspace_;
  model::Source deleted = make_source("three");
  deleted.state = model::SourceState::kDeleted;
  for (const auto& source : {first, second, deleted, make_source("four", "precoro")})
    insert(source);
  EXPECT_EQ(names_of_dialect("procureiq"), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(names_of_dialect("precoro"), std::vector<std::string>{"four"});
  EXPECT_EQ(names_of_dialect("proign"), std::vector<std::string>{});
  EXPECT_EQ(must(read(sources::active)).size(), 3u);
  const auto page =
      must(read([&](Connection& c) { return sources::list(c, workspace_, PageRequest()); }));
  EXPECT_EQ(page.rows.size(), 2u);
}

// R-PQ-39 to R-PQ-41.
TEST_P(SourceConformance, AMessageIsNewOnceWhileItIsRemembered) {
  const model::Message first = make_message("evt_1", kNoon);
  EXPECT_EQ(insert(first, kNoon - 1h), std::nullopt);
  const auto again = insert(make_message("evt_1", kNoon + 1min), kNoon);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->id, first.id);
  EXPECT_EQ(again->duplicates, 1);
  EXPECT_EQ(again->differing, 0);
  const auto other = insert(make_message("evt_1", kNoon + 2min, "{\"a\":1}"), kNoon);
  EXPECT_EQ(other->duplicates, 2);
  EXPECT_EQ(other->differing, 1);
  const auto found = find(first);
  EXPECT_EQ(found.duplicates, 2);
  EXPECT_EQ(found.last_duplicate_at, kNoon + 2min);
  EXPECT_EQ(found.body_hash, first.body_hash);
  EXPECT_EQ(insert(make_message("evt_2", kNoon), kNoon), std::nullopt);
}

TEST_P(SourceConformance, AMessageThatIsForgottenGivesUpItsKey) {
  const model::Message first = make_message("evt_1", kNoon);
  const model::Message second = make_message("evt_1", kNoon + 1h);
  EXPECT_EQ(insert(first, kNoon), std::nullopt);
  EXPECT_EQ(insert(second, kNoon + 1ms), std::nullopt) << "that is past its time";
  EXPECT_TRUE(find(first).key.empty());
  EXPECT_EQ(find(first).duplicates, 0);
  EXPECT_EQ(find(second).key, second.key);
  EXPECT_EQ(insert(make_message("evt_1", kNoon + 2h), kNoon + 1ms)->id, second.id);
}

TEST_P(SourceConformance, TheSameKeyIsAnotherMessageOfAnotherSource) {
  insert(make_message("evt_1", kNoon), kNoon);
  model::Message other_source = make_message("evt_1", kNoon);
  other_source.source_id = ids_.next_id<model::SourceId>();
  model::Message elsewhere = make_message("evt_1", kNoon);
  elsewhere.workspace_id = other_workspace_;
  EXPECT_EQ(insert(other_source, kNoon), std::nullopt);
  EXPECT_EQ(insert(elsewhere, kNoon), std::nullopt);
}

// Fifty at once, over two databases where the driver lets two nodes share one.
TEST_P(SourceConformance, OfConcurrentTwinsOneIsNew) {
  constexpr int kTwins = 50;
  constexpr int kKeys = 4;
  const auto nodes = open_nodes();
  EXPECT_EQ(insert_twins(nodes, kNoon, kTwins, kKeys),
            (std::map<std::string, int>{{"evt_0", 1}, {"evt_1", 1}, {"evt_2", 1}, {"evt_3", 1}}));
  messages::Filter all;
  const auto page =
      must(read([&](Connection& c) { return messages::list(c, workspace_, all, PageRequest()); }));
  ASSERT_EQ(page.rows.size(), static_cast<std::size_t>(kKeys));
  for (const auto& message : page.rows) EXPECT_EQ(message.duplicates, kTwins - 1);
}

// Whoever comes second finds that the forgotten one has lost its key already, and the new one has
// it.
TEST_P(SourceConformance, OfConcurrentTwinsOfAForgottenOneOneIsNew) {
  const auto nodes = open_nodes();
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(insert_twins(nodes, kNoon + round * 1h, /*twins=*/8, /*keys=*/2),
              (std::map<std::string, int>{{"evt_0", 1}, {"evt_1", 1}}))
        << round;
  }
}

TEST_P(SourceConformance, AMessageThatIsRemovedWhileItsTwinComesMakesItNew) {
  const auto nodes = open_nodes();
  for (int round = 0; round < 20; ++round) {
    const Timestamp at = kNoon + round * 1h;
    const model::Message former = make_message("evt_0", at - 1ms);
    insert(former, at - 1ms);
    std::optional<Result<std::int64_t>> removed;
    std::optional<Result<std::optional<model::Message>>> inserted;
    const model::Message twin = make_message("evt_0", at);
    Database& one = nodes.empty() ? *database_ : *nodes[0];
    Database& other = nodes.empty() ? *database_ : *nodes[1];
    start(one.run([&](Connection& c) {
      return c.execute("DELETE FROM messages WHERE workspace_id = $1 AND id = $2",
                       {workspace_, former.id});
    }),
          removed);
    start(other.run([&](Connection& c) { return messages::insert(c, twin, at - 1ms); }), inserted);
    context_.restart();
    while (!removed || !inserted) context_.run_one();
    EXPECT_EQ(must(*removed), 1);
    const auto known = must(*inserted);
    if (known) EXPECT_EQ(known->id, former.id) << "it was there still";
    // Whichever came first, the next one is known by what is there.
    EXPECT_EQ(insert(make_message("evt_0", at), at - 1ms).has_value(), !known) << round;
  }
}

TEST_P(SourceConformance, MessagesAreListedByWhatIsAsked) {
  for (int i = 0; i < 4; ++i) {
    clock_.run_for(1min);
    model::Message message = make_message("evt_" + std::to_string(i), clock_.now());
    if (i == 1) message.type = "order.created";
    if (i == 2) message.source_id = ids_.next_id<model::SourceId>();
    insert(message, kNoon);
  }
  using messages::Filter;
  using Ids = std::vector<std::string>;
  EXPECT_EQ(listed({}), (Ids{"evt_3", "evt_2", "evt_1", "evt_0"}));
  EXPECT_EQ(listed(by(&Filter::source, source_)), (Ids{"evt_3", "evt_1", "evt_0"}));
  EXPECT_EQ(listed(by(&Filter::type, "order.created")), Ids{"evt_1"});
  EXPECT_EQ(listed(by(&Filter::external_id, "evt_0")), Ids{"evt_0"});
  EXPECT_EQ(listed(by(&Filter::since, kNoon + 3min)), (Ids{"evt_3", "evt_2"}));
  EXPECT_EQ(listed(by(&Filter::until, kNoon + 3min)), (Ids{"evt_1", "evt_0"}));
  const auto last = [&](const model::SourceId& source) {
    return must(
        read([&](Connection& c) { return messages::last_received(c, workspace_, source); }));
  };
  EXPECT_EQ(last(source_), kNoon + 4min);
  EXPECT_EQ(last(ids_.next_id<model::SourceId>()), std::nullopt);
}

TEST_P(SourceConformance, MessagesAreListedByAllThatIsAskedTogether) {
  const auto other = ids_.next_id<model::SourceId>();
  // 0, 2, 4 … of one source, and of those 0, 4, 8 of one type; all with one of two platform's ids.
  for (int i = 0; i < 12; ++i) {
    clock_.run_for(1min);
    model::Message message = make_message("key_" + std::to_string(i), clock_.now());
    message.external_id = i < 6 ? "early" : "late";
    if (i % 2 == 1) message.source_id = other;
    message.type = i % 4 == 0 ? "order.created" : "order.updated";
    insert(message, kNoon);
  }
  const auto minutes = [&](const messages::Filter& filter) {
    std::vector<int> all;
    PageRequest request{2, std::nullopt};
    do {
      const auto page =
          must(read([&](Connection& c) { return messages::list(c, workspace_, filter, request); }));
      for (const auto& row : page.rows) {
        all.push_back(static_cast<int>((row.received_at - kNoon) / 1min) - 1);
      }
      request.after = page.next;
    } while (request.after);
    const auto counted =
        must(read([&](Connection& c) { return messages::count(c, workspace_, filter); }));
    EXPECT_EQ(counted, std::ssize(all));
    return all;
  };
  using Minutes = std::vector<int>;
  messages::Filter filter;
  filter.source = source_;
  EXPECT_EQ(minutes(filter), (Minutes{10, 8, 6, 4, 2, 0}));
  filter.since = kNoon + 3min;
  filter.until = kNoon + 11min;
  EXPECT_EQ(minutes(filter), (Minutes{8, 6, 4, 2}));
  filter.type = "order.created";
  EXPECT_EQ(minutes(filter), (Minutes{8, 4}));
  filter.external_id = "late";
  EXPECT_EQ(minutes(filter), (Minutes{8}));
  filter.source.reset();
  filter.type.reset();
  EXPECT_EQ(minutes(filter), (Minutes{9, 8, 7, 6}));
  filter.external_id.reset();
  EXPECT_EQ(minutes(filter), (Minutes{9, 8, 7, 6, 5, 4, 3, 2}));
  filter.type = "order.created";
  EXPECT_EQ(minutes(filter), (Minutes{8, 4}));
  filter.external_id = "";
  EXPECT_EQ(minutes(filter), Minutes{});
}

TEST_P(SourceConformance, WhatWasMadeOfAMessageIsNotedOnce) {
  const model::Message message = make_message("evt_1", kNoon);
  insert(message, kNoon);
  const auto event = ids_.next_id<model::EventId>();
  const auto another = ids_.next_id<model::EventId>();
  for (const auto set : {messages::set_fetched, messages::set_published}) {
    const auto note = [&](const model::MessageId& of, const model::EventId& made) {
      return must(write([&](Connection& c) { return set(c, workspace_, of, made); }));
    };
    EXPECT_TRUE(note(message.id, event));
    EXPECT_FALSE(note(message.id, another));
    EXPECT_FALSE(note(ids_.next_id<model::MessageId>(), another));
  }
  EXPECT_EQ(find(message).fetched_event_id, event);
  EXPECT_EQ(find(message).published_event_id, event);
}

TEST_P(SourceConformance, AMessageGoesWithItsEventOnceItNeedNotBeRemembered) {
  const auto add = [&](std::string_view key, bool with_event) {
    model::Message message = make_message(key, clock_.now());
    insert(message, kNoon);
    if (with_event) {
      events::Routed routed;
      routed.event.id = message.event_id();
      routed.event.workspace_id = workspace_;
      routed.event.type = model::kMessageReceived;
      routed.event.occurred_at = clock_.now();
      routed.event.data = "{}";
      EXPECT_EQ(outcome(write([&](Connection& c) { return events::insert(c, routed); })), "value");
    }
    return message;
  };
  const auto with_event = add("evt_1", true);
  const auto old = add("evt_2", false);
  clock_.run_for(1h);
  const auto young = add("evt_3", false);
  clock_.run_for(1h);
  const auto sweep = [&](const retention::Remembered& remembered) {
    std::vector<Uuid> expired;
    Uuid after;
    for (;;) {
      const auto found = must(read([&](Connection& c) {
        return retention::find_messages(c, workspace_, clock_.now(), remembered, after, 2);
      }));
      expired.insert(expired.end(), found.expired.begin(), found.expired.end());
      if (!found.last) return expired;
      after = *found.last;
    }
  };
  using Ids = std::vector<Uuid>;
  EXPECT_EQ(sweep({{source_, kNoon}}), Ids{});
  EXPECT_EQ(sweep({{source_, kNoon + 1min}}), Ids{old.id.uuid()});
  EXPECT_EQ(sweep({{source_, clock_.now()}}), Ids{old.id.uuid()}) << "the newest stays";
  EXPECT_EQ(sweep({}), (Ids{old.id.uuid(), young.id.uuid()})) << "its source is gone";
  const auto deleted = must(write([&](Connection& c) {
    return retention::delete_messages(c, workspace_, {with_event.id.uuid(), old.id.uuid()});
  }));
  EXPECT_EQ(deleted, 1) << "one whose event is there stays";
  EXPECT_EQ(listed({}).size(), 2u);
}

}  // namespace waybill::store
