// The FileChannel handles a message by appending a line to a file. It has succeeded once the line
// is on the disk.
//
// Used from the thread of the io_context only; files are written by a thread of its own.

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "base/task.h"
#include "delivery/channel.h"
#include "delivery/channels/file_writer.h"
#include "delivery/channels/handler_settings.h"

namespace waybill::delivery {

// Of a kFile handler: {"name": "orders.jsonl", "payload": "message"}. A body with line breaks in it
// is as many lines.
struct FileSettings {
  std::string name;  // 1 to 200 of A-Z a-z 0-9 . _ -, the first of them no dot.
  Payload payload = Payload::kMessage;

  // Fails as SettingsReader::end().
  static Result<FileSettings> read(const json::object& settings);
};

class FileChannel final : public Channel {
 public:
  // `folder` as FileWriter has it.
  FileChannel(boost::asio::io_context& context, const Clock& clock, std::filesystem::path folder)
      : clock_(clock), writer_(context, std::move(folder)) {}

  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event) override;
  void stop() override { writer_.stop(); }

 private:
  Task<Result<void>> append(const model::Delivery& delivery, const Target& target,
                            OutgoingEvent& event, int number);

  const Clock& clock_;
  FileWriter writer_;
};

}  // namespace waybill::delivery
