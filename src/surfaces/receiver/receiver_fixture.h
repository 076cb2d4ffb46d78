// What the tests of the receiver's door share: a hub with the door, workspaces and sources in it, a
// handler that notes what it is given, and requests as platforms sign them.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/channel.h"
#include "intake/receiver.h"
#include "model/message.h"
#include "model/workspace.h"
#include "surfaces/hub_fixture.h"
#include "surfaces/receiver/receiver_door.h"

namespace waybill::surfaces::receiver {

// Succeeds, unless it is told otherwise.
class NotingChannel final : public delivery::Channel {
 public:
  Task<delivery::Tried> attempt(const model::Delivery& delivery,
                                std::shared_ptr<const delivery::Target> target,
                                delivery::OutgoingEvent& event) override;

  model::Outcome outcome = model::Outcome::kSucceeded;
  std::vector<std::string> bodies;  // Of the messages it was given.
};

class ReceiverTest : public HubFixture {
 public:
  // Has the production workspace "acme" and the sandbox "acme-test".
  ReceiverTest();
  ~ReceiverTest() override;

  struct NewSource {
    std::string dialect = "procureiq";
    std::vector<std::string> secrets = {"a-secret-of-procureiq"};
    std::string workspace = "acme";
    std::optional<Timestamp> last_expires_at = {};  // The last of `secrets`.
    model::SourceSettings settings = {};
  };
  // Its path is "/in/" and its name; its name is new.
  model::Source new_source(const NewSource& wanted);
  void change(model::Source source);
  model::Endpoint new_handler(const model::Source& source,
                              model::Channel channel = model::Channel::kHttp,
                              bool in_order = false);

  // Headers as `dialect` signs `body` at this moment, and `more`.
  Headers signed_headers(std::string_view dialect, std::string_view secret, std::string_view body,
                         Headers more = {}) const;
  net::Response send(std::string_view path, std::string_view body, Headers headers);
  // The same, signed for ProcureIQ.
  net::Response send_signed(std::string_view path, std::string_view body,
                            std::string_view secret = "a-secret-of-procureiq");

  // The data of all events of `type`, the oldest first.
  std::vector<json::value> alerts(std::string_view type);
  std::int64_t count(std::string_view table);
  std::vector<model::Message> messages(const model::Source& source);
  model::MessageContent content_of(const model::Message& message);
  // "401 unauthorized"
  static std::string told(const net::Response& response);

  NotingChannel handler;
  intake::Receiver intake{clock, ids, *database, acceptance};
  SourceWatch watch{{.context = context,
                     .clock = clock,
                     .log = log,
                     .ids = ids,
                     .database = *database,
                     .acceptance = acceptance,
                     .dispatcher = dispatcher}};
  ReceiverDoor door{{.clock = clock,
                     .log = log,
                     .dialects = dialects,
                     .sources = sources,
                     .receiver = intake,
                     .dispatcher = dispatcher,
                     .watch = watch}};
  std::map<std::string, model::Workspace> workspaces;
  int sources_made = 0;
};

// {"id": …, "type": "order.shipped", …}
std::string a_message(std::string_view id, std::string_view environment = "production",
                      std::string_view more = "");

}  // namespace waybill::surfaces::receiver
