#include "surfaces/native/received_fixture.h"

#include <fmt/format.h>

#include "store/endpoints.h"
#include "store/events.h"
#include "store/messages.h"
#include "store/replays.h"

namespace waybill::surfaces::native {

ReceivedTest::ReceivedTest() {
  channels.add(model::Channel::kHttp, handler);
  channels.add(model::Channel::kFetch, handler);
  door.add_routes(router);
  source = ok(201, "POST", "/hub/v1/workspaces/acme/sources",
              R"({"dialect": "procureiq", "name": "orders"})");
  workspace =
      model::WorkspaceId::parse(text(ok(200, "GET", "/hub/v1/workspaces/acme"), "id")).value();
}

std::string ReceivedTest::new_handler(std::string_view more) {
  const std::string body =
      fmt::format(R"({{"channel": "http", "url": "https://handler.example/"{}{}}})",
                  more.empty() ? "" : ", ", more);
  return text(ok(201, "POST", "/hub/v1/workspaces/acme/sources/orders/handlers", body), "id");
}

std::string ReceivedTest::new_fetcher() {
  model::Endpoint made;
  made.id = ids.next_id<model::EndpointId>();
  made.workspace_id = workspace;
  made.source_id = model::SourceId::parse(text(source, "id"));
  made.channel = model::Channel::kFetch;
  made.event_types = {"*"};
  made.created_at = made.updated_at = clock.now();
  const auto inserted = run(database->run(
      [&](store::Connection& connection) { return store::endpoints::insert(connection, made); }));
  EXPECT_TRUE(inserted.has_value());
  return made.id.text();
}

std::string ReceivedTest::receive(std::string_view body) {
  const std::vector<Secret> secrets = {Secret(text(source, "secret"))};
  const auto headers =
      dialect::sign(*dialects.find("procureiq"), {}, body, clock.wall_now(), secrets);
  const net::Response answer = HubFixture::call("POST", text(source, "path"), body, *headers);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return text(ok(200, "GET", "/hub/v1/workspaces/acme/messages"), "rows", 0, "id");
}

void ReceivedTest::note_fetched(std::string_view message, std::string_view document) {
  const auto id = model::MessageId::parse(message).value();
  const auto event_id = ids.next_id<model::EventId>();
  const auto done =
      run(database->run([&](store::Connection& connection) -> Result<intake::Accepted> {
        const auto received = store::events::find(connection, workspace, model::EventId(id.uuid()));
        if (!received) return fail(received.error());
        auto content = model::read_message_data(parse_json(received->event.data).value());
        if (!content) return fail(content.error());
        content->document = std::string(document);
        model::Event event = received->event;
        event.id = event_id;
        event.type = model::kMessageFetched;
        event.data = model::message_data(*content);
        const auto noted = store::messages::set_fetched(connection, workspace, id, event_id);
        if (!noted) return fail(noted.error());
        return acceptance.accept(connection, event, dispatcher.lease_terms(), clock.now());
      }));
  EXPECT_TRUE(done.has_value());
  dispatcher.hand_over(*done);
  settle();
}

void ReceivedTest::finish_replays() {
  clock.run_for(std::chrono::seconds(2));
  for (;;) {
    const auto running = run(database->read(
        [](store::Connection& connection) { return store::replays::running(connection, 10); }));
    if (running.value().empty()) return;
    for (const auto& replay : *running) {
      const auto step = run(database->run([&](store::Connection& connection) {
        return recovery.step(connection, replay.workspace_id, replay.id, /*room=*/100,
                             Uuid::lowest_at(clock.now()), clock.now());
      }));
      dispatcher.wake(replay.workspace_id, step.value().replay.endpoint_id, clock.now());
    }
    settle();
  }
}

std::vector<std::string> ReceivedTest::types_owed_to(std::string_view id) {
  const json::value list =
      ok(200, "GET", fmt::format("/hub/v1/workspaces/acme/deliveries?limit=200&endpoint={}", id));
  std::vector<std::string> types;
  for (const json::value& row : at(list, "rows").as_array()) {
    types.insert(types.begin(), text(row, "event_type"));
  }
  return types;
}

}  // namespace waybill::surfaces::native
