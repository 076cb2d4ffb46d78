// What makes one hub of many nodes: store/nodes.h and store/changes.h.

#include "conformance/store_conformance.h"
#include "store/api_keys.h"
#include "store/changes.h"
#include "store/endpoints.h"
#include "store/nodes.h"

namespace waybill::store {
namespace {

using namespace std::chrono_literals;
using model::Node;

// Passes everything on, and keeps what units say.
class OverheardConnection final : public Connection {
 public:
  OverheardConnection(Connection& connection, std::vector<std::string>& said)
      : connection_(connection), said_(said) {}

  Result<std::int64_t> execute(std::string_view sql, Params params) override {
    return connection_.execute(sql, params);
  }
  Result<std::int64_t> query(std::string_view sql, Params params, RowVisitor visit) override {
    return connection_.query(sql, params, visit);
  }
  Result<void> run_script(std::string_view script) override {
    return connection_.run_script(script);
  }
  std::string_view claim_lock() const override { return connection_.claim_lock(); }
  std::string_view row_lock() const override { return connection_.row_lock(); }
  std::string_view migration_word(std::string_view name) const override {
    return connection_.migration_word(name);
  }
  Result<void> notify(std::string_view message) override {
    said_.emplace_back(message);
    return connection_.notify(message);
  }
  Result<void> copy_to(const std::filesystem::path& file, const std::stop_token& stop) override {
    return connection_.copy_to(file, stop);
  }
  Result<void> begin(Access access) override { return connection_.begin(access); }
  Result<void> commit() override { return connection_.commit(); }
  void rollback() override { connection_.rollback(); }
  Result<void> lock_migrations() override { return connection_.lock_migrations(); }
  Result<void> savepoint() override { return connection_.savepoint(); }
  Result<void> release_savepoint() override { return connection_.release_savepoint(); }
  Result<void> rollback_to_savepoint() override { return connection_.rollback_to_savepoint(); }
  std::int64_t changes_made() const override { return connection_.changes_made(); }
  bool is_broken() const override { return connection_.is_broken(); }

 private:
  Connection& connection_;
  std::vector<std::string>& said_;
};

}  // namespace

Node NodeConformance::make_node(std::string name) {
  return {.id = ids_.next(),
          .boot = ids_.next(),
          .name = std::move(name),
          .version = "1.2.3",
          .address = "http://127.0.0.1:8080",
          .started_at = kNoon - 1min,
          .seen_at = kNoon,
          .shared_at = {},
          .stopped_at = {}};
}

void NodeConformance::save(const Node& node) {
  EXPECT_EQ(outcome(write([&](Connection& c) { return nodes::save(c, node); })), "value");
}

std::optional<Node> NodeConformance::find(const Uuid& id) {
  return must(read([&](Connection& c) { return nodes::find(c, id); }));
}

std::vector<Node> NodeConformance::list() { return must(read(nodes::list)); }

std::vector<std::string> NodeConformance::said_by(
    const std::function<Result<void>(Connection&)>& unit) {
  return must(write([&](Connection& c) -> Result<std::vector<std::string>> {
    std::vector<std::string> said;
    OverheardConnection overheard(c, said);
    WAYBILL_TRY(unit(overheard));
    return said;
  }));
}

TEST_P(NodeConformance, ComesBackWithAllItsFields) {
  for (const std::string& text : awkward_texts()) {
    Node node = make_node(text);
    node.version = node.address = text;
    EXPECT_EQ(find(node.id), std::nullopt);
    save(node);
    EXPECT_TRUE(find(node.id) == node) << text.substr(0, 40);
    node.shared_at = kNoon + 1s;
    node.stopped_at = kNoon + 2s;
    save(node);
    EXPECT_TRUE(find(node.id) == node) << text.substr(0, 40);
  }
}

TEST_P(NodeConformance, SavingReplacesWhatWasThereUnderItsId) {
  const Node before = make_node("before");
  const Node other = make_node("other");
  Node after = make_node("after");
  after.id = before.id;
  after.started_at = kNoon;
  after.seen_at = kNoon + 5s;
  save(before);
  save(other);
  save(after);
  EXPECT_EQ(list(), (std::vector{after, other})) << "in the order of their ids";
}

TEST_P(NodeConformance, AStopIsNotedForTheProcessThatStopped) {
  const Node node = make_node();
  save(node);
  const Uuid another = ids_.next();
  const auto stop = [&](const Uuid& boot, Timestamp now) {
    EXPECT_TRUE(write([&](Connection& c) { return nodes::note_stop(c, node.id, boot, now); }));
  };
  stop(another, kNoon + 1s);
  EXPECT_EQ(find(node.id), node) << "another process has taken the id over";

  stop(node.boot, kNoon + 2s);
  Node stopped = node;
  stopped.seen_at = kNoon + 2s;
  stopped.stopped_at = kNoon + 2s;
  EXPECT_EQ(find(node.id), stopped);
}

TEST_P(NodeConformance, OnlyThoseNotSeenForLongAreRemoved) {
  Node old = make_node(), recent = make_node();
  old.seen_at = kNoon - 1ms;
  save(old);
  save(recent);
  EXPECT_EQ(must(write([&](Connection& c) { return nodes::remove_silent(c, kNoon); })), 1);
  EXPECT_EQ(list(), std::vector{recent});
}

TEST_P(NodeConformance, AnUpdatedEndpointIsAnnounced) {
  model::Endpoint endpoint = add_endpoint();
  endpoint.url = "https://elsewhere.example/hook";
  const auto said = said_by([&](Connection& c) { return endpoints::update(c, endpoint); });
  ASSERT_EQ(said.size(), 1u);
  const auto message = changes::parse(said[0]);
  ASSERT_TRUE(message.has_value()) << said[0];
  EXPECT_EQ(std::get<changes::EndpointChanged>(*message),
            (changes::EndpointRef{endpoint.workspace_id, endpoint.id}));
}

// Saying something takes a lock of the whole database on some servers.
TEST_P(NodeConformance, AnEndpointsHealthIsAnnouncedOnlyWithItsState) {
  model::Endpoint endpoint = add_endpoint();
  endpoint.consecutive_failures = 3;
  EXPECT_TRUE(said_by([&](Connection& c) {
                return endpoints::update_health(c, endpoint, model::EndpointState::kActive);
              }).empty());
  endpoint.state = model::EndpointState::kDeactivated;
  EXPECT_EQ(said_by([&](Connection& c) {
              return endpoints::update_health(c, endpoint, model::EndpointState::kActive);
            }).size(),
            1u);
}

TEST_P(NodeConformance, ARevokedKeyIsAnnouncedOnce) {
  model::ApiKey key;
  key.id = ids_.next_id<model::ApiKeyId>();
  key.workspace_id = add_workspace("acme").id;
  key.created_at = kNoon;
  EXPECT_TRUE(said_by([&](Connection& c) { return api_keys::insert(c, key); }).empty());
  const auto revoke = [&](Connection& c) -> Result<void> {
    WAYBILL_TRY(api_keys::revoke(c, key.workspace_id, key.id, kNoon + 1s));
    return {};
  };
  const auto said = said_by(revoke);
  ASSERT_EQ(said.size(), 1u);
  const auto message = changes::parse(said[0]);
  ASSERT_TRUE(message.has_value()) << said[0];
  EXPECT_EQ(std::get<changes::KeyChanged>(*message).key, key.id);
  EXPECT_TRUE(said_by(revoke).empty()) << "nothing has changed";
}

TEST_P(NodeConformance, WhatIsDueIsToldInMessagesThatAreShortEnough) {
  std::vector<changes::EndpointRef> endpoints(2 * changes::kDueMax + 1);
  for (auto& endpoint : endpoints) {
    endpoint = {workspace_, ids_.next_id<model::EndpointId>()};
  }
  const Uuid by = ids_.next();
  const auto said = said_by([&](Connection& c) { return changes::due(c, by, endpoints); });
  ASSERT_EQ(said.size(), 3u);
  std::vector<changes::EndpointRef> heard;
  for (const std::string& text : said) {
    EXPECT_LE(text.size(), 7'999u);
    const auto message = changes::parse(text);
    ASSERT_TRUE(message.has_value()) << text;
    const auto& due = std::get<changes::Due>(*message);
    EXPECT_EQ(due.by, by);
    heard.insert(heard.end(), due.endpoints.begin(), due.endpoints.end());
  }
  EXPECT_EQ(heard, endpoints);
}

TEST_P(NodeConformance, AMessageOfALaterVersionIsPassedOver) {
  const std::string id = ids_.next().text();
  for (const std::string& text :
       {std::string(), std::string("endpoint"), "endpoint " + id, "endpoint " + id + " x",
        "endpoint " + id + " " + id + " " + id, std::string("key"), "key " + id + " " + id,
        std::string("key x"), std::string("due"), "due " + id + " " + id, "news " + id}) {
    EXPECT_EQ(changes::parse(text).has_value(), false) << text;
  }
}

}  // namespace waybill::store
