// The CommandChannel handles a message by a program: it is run without a shell, is given the
// message on its standard input, and its exit status decides:
//
//    0  success
//   65  never (EX_DATAERR): the delivery is dropped at once
//   75  later (EX_TEMPFAIL): no failure; its standard output may say when, as a JSON object with
//       "retry_after" in seconds or "retry_at" as a time
//   anything else, or a signal: a failure
//
// A program runs at most for its handler's timeout: then its process group is told to end
// (SIGTERM), and is killed two seconds later. With the program ends whatever it has left in its
// group. What it writes is kept, the first 4 KiB of it, as the attempt's answer. It knows PATH,
// LANG, WAYBILL_MESSAGE_ID, WAYBILL_DELIVERY_ID, WAYBILL_ATTEMPT, WAYBILL_REPLAY, WAYBILL_SOURCE
// and WAYBILL_EVENT_TYPE, and works in the folder of the programs.
//
// Used from the thread of the io_context only; programs are started by a thread of its own.
// Requires: the process ignores SIGPIPE, and does not ignore SIGCHLD.

#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/result.h"
#include "base/task.h"
#include "delivery/channel.h"
#include "delivery/channels/handler_settings.h"
#include "delivery/channels/program.h"

namespace waybill::delivery {

// Of a kCommand handler: {"command": ["/path/to/program", "argument"], "payload": "message"}.
struct CommandSettings {
  std::vector<std::string> command;  // The program's absolute path, and its arguments.
  Payload payload = Payload::kMessage;

  // Fails as SettingsReader::end().
  static Result<CommandSettings> read(const json::object& settings);
};

struct CommandOptions {
  std::filesystem::path folder;  // The programs that may run are below it. Empty: none may.
  int at_once_max = 16;          // Programs; one handler has at most half of what is left.
};

// What came of a program.
struct Ran {
  enum class Cut { kNot, kTimeLimit, kStop };  // Whether it was told to end, and why.
  ProgramEnd end;
  Cut cut = Cut::kNot;
  std::chrono::milliseconds time_limit{0};
  std::string written;  // What it wrote, the first of it, in the order in which it came.
  std::string output;   // The same, of its standard output alone.
};
// What that means. Pure.
model::Attempt judge_program(const Ran& ran, Timestamp wall_now);

class CommandChannel final : public Channel {
 public:
  CommandChannel(boost::asio::io_context& context, const Clock& clock, Log& log,
                 CommandOptions options);
  ~CommandChannel() override;

  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event) override;

  // Starts no more. What runs may do so for a part of `within`; then it is ended as at its time
  // limit, so soon that it is over within that time, and its deliveries wait for later.
  void begin_stop(std::chrono::milliseconds within);
  // Kills what still runs.
  void stop() override;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::delivery
