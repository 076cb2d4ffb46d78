// What the tests of messages and dead letters share: a source that receives, and handlers that note
// what they are given.

#pragma once

#include <string>
#include <string_view>

#include "model/message.h"
#include "surfaces/native/native_fixture.h"
#include "surfaces/receiver/receiver_fixture.h"

namespace waybill::surfaces::native {

class ReceivedTest : public NativeApiTest {
 public:
  // With a source of ProcureIQ's called "orders".
  ReceivedTest();

  // A new handler of it that posts, and that the test's channel stands in for: its id.
  std::string new_handler(std::string_view more = {});
  // One that fetches, which the management API does not make here: its id.
  std::string new_fetcher();

  // Has the source receive `body`, signed, through its own door: the message's id.
  std::string receive(std::string_view body);
  // Notes that `document` was fetched for it, as the fetcher's success does.
  void note_fetched(std::string_view message, std::string_view document);
  // Runs all replays to their ends.
  void finish_replays();
  // The types of the events that a handler was owed, oldest first.
  std::vector<std::string> types_owed_to(std::string_view handler);

  receiver::NotingChannel handler;
  intake::Receiver intake{clock, ids, *database, acceptance};
  receiver::SourceWatch watch{{.context = context,
                               .clock = clock,
                               .log = log,
                               .ids = ids,
                               .database = *database,
                               .acceptance = acceptance,
                               .dispatcher = dispatcher}};
  receiver::ReceiverDoor door{{.clock = clock,
                               .log = log,
                               .dialects = dialects,
                               .sources = sources,
                               .receiver = intake,
                               .dispatcher = dispatcher,
                               .watch = watch}};
  json::value source;
  model::WorkspaceId workspace;
};

}  // namespace waybill::surfaces::native
