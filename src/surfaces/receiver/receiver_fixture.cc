#include "surfaces/receiver/receiver_fixture.h"

#include <utility>

#include <fmt/format.h>

#include "intake/source_secrets.h"
#include "store/endpoints.h"
#include "store/events.h"
#include "store/messages.h"
#include "store/sources.h"
#include "store/workspaces.h"

namespace waybill::surfaces::receiver {

Task<delivery::Tried> NotingChannel::attempt(const model::Delivery& delivery,
                                             std::shared_ptr<const delivery::Target>,
                                             delivery::OutgoingEvent& event) {
  const auto data = parse_json(event.event().data);
  bodies.push_back(model::read_message_data(data.value()).value().body);
  delivery::Tried tried;
  tried.attempt.number = delivery.attempts_made + 1;
  tried.attempt.outcome = outcome;
  co_return tried;
}

ReceiverTest::ReceiverTest() {
  channels.add(model::Channel::kHttp, handler);
  door.add_routes(router);
  for (const auto& [slug, environment] : {std::pair("acme", model::Environment::kProduction),
                                          std::pair("acme-test", model::Environment::kSandbox)}) {
    model::Workspace workspace{ids.next_id<model::WorkspaceId>(), slug, slug, environment,
                               clock.now()};
    const auto inserted = run(database->run([&](store::Connection& connection) {
      return store::workspaces::insert(connection, workspace);
    }));
    EXPECT_TRUE(inserted.has_value());
    workspaces.emplace(slug, std::move(workspace));
  }
}

ReceiverTest::~ReceiverTest() {
  run([](SourceWatch& stopped) -> Task<bool> {
    co_await stopped.stop();
    co_return true;
  }(watch));
}

std::vector<json::value> ReceiverTest::alerts(std::string_view type) {
  std::vector<json::value> found;
  const auto read = run(database->read([&](store::Connection& connection) {
    return connection.query(
        "SELECT data FROM events WHERE type = $1 ORDER BY id", {type},
        [&](const store::Row& row) { found.push_back(parse_json(row.text(0)).value()); });
  }));
  EXPECT_TRUE(read.has_value());
  return found;
}

model::Source ReceiverTest::new_source(const NewSource& wanted) {
  model::Source source;
  source.id = ids.next_id<model::SourceId>();
  source.workspace_id = workspaces.at(wanted.workspace).id;
  source.name = fmt::format("source-{}", ++sources_made);
  source.dialect = wanted.dialect;
  source.token_hash = intake::token_hash(source.name);
  source.token = secret_box.seal(source.name, source.id.bytes());
  std::vector<intake::OpenSource::Key> keys;
  for (const std::string& secret : wanted.secrets) keys.push_back({Secret(secret), std::nullopt});
  if (!keys.empty()) keys.back().expires_at = wanted.last_expires_at;
  source.secrets = intake::seal_secrets(secret_box, source.id, keys);
  source.settings = wanted.settings;
  source.created_at = clock.now();
  source.updated_at = clock.now();
  const auto inserted = run(database->run(
      [&](store::Connection& connection) { return store::sources::insert(connection, source); }));
  EXPECT_TRUE(inserted.has_value());
  sources.forget(source.id);
  return source;
}

void ReceiverTest::change(model::Source source) {
  const auto updated = run(database->run(
      [&](store::Connection& connection) { return store::sources::update(connection, source); }));
  EXPECT_TRUE(updated.has_value());
  sources.forget(source.id);
}

model::Endpoint ReceiverTest::new_handler(const model::Source& source, model::Channel channel,
                                          bool in_order) {
  model::Endpoint made;
  made.id = ids.next_id<model::EndpointId>();
  made.workspace_id = source.workspace_id;
  made.source_id = source.id;
  made.channel = channel;
  made.in_order = in_order;
  made.event_types = {"*"};
  made.url = "https://handler.example/";
  made.created_at = clock.now();
  made.updated_at = clock.now();
  const auto inserted = run(database->run(
      [&](store::Connection& connection) { return store::endpoints::insert(connection, made); }));
  EXPECT_TRUE(inserted.has_value());
  return made;
}

HubFixture::Headers ReceiverTest::signed_headers(std::string_view dialect, std::string_view secret,
                                                 std::string_view body, Headers more) const {
  const std::vector<Secret> secrets = {Secret(std::string(secret))};
  const auto signature =
      dialect::sign(*dialects.find(dialect), more, body, clock.wall_now(), secrets);
  EXPECT_TRUE(signature.has_value());
  more.insert(more.end(), signature->begin(), signature->end());
  return more;
}

net::Response ReceiverTest::send(std::string_view path, std::string_view body, Headers headers) {
  return call("POST", path, body, std::move(headers));
}

net::Response ReceiverTest::send_signed(std::string_view path, std::string_view body,
                                        std::string_view secret) {
  return send(path, body, signed_headers("procureiq", secret, body));
}

std::int64_t ReceiverTest::count(std::string_view table) {
  const std::string sql = fmt::format("SELECT count(*) FROM {}", table);
  return run(database->read([&](store::Connection& connection) -> Result<std::int64_t> {
           std::int64_t rows = 0;
           WAYBILL_TRY(
               connection.query(sql, {}, [&](const store::Row& row) { rows = row.integer(0); }));
           return rows;
         }))
      .value();
}

std::vector<model::Message> ReceiverTest::messages(const model::Source& source) {
  store::messages::Filter filter;
  filter.source = source.id;
  return run(database->read([&](store::Connection& connection) {
           return store::messages::list(connection, source.workspace_id, filter, {});
         }))
      .value()
      .rows;
}

model::MessageContent ReceiverTest::content_of(const model::Message& message) {
  const auto event = run(database->read([&](store::Connection& connection) {
    return store::events::find(connection, message.workspace_id, message.event_id());
  }));
  const auto data = parse_json(event.value().event.data);
  return model::read_message_data(data.value()).value();
}

std::string ReceiverTest::told(const net::Response& response) {
  const json::value body = json_of(response);
  const json::value* error = body.is_object() ? body.get_object().if_contains("error") : nullptr;
  return fmt::format("{} {}", response.status,
                     error ? std::string_view(error->as_string()) : std::string_view());
}

std::string a_message(std::string_view id, std::string_view environment, std::string_view more) {
  return fmt::format(R"({{"id": "{}", "type": "order.shipped", "data": {{"n": 1}},)"
                     R"( "metadata": {{"environment": "{}"}}{}}})",
                     id, environment, more);
}

}  // namespace waybill::surfaces::receiver
