// The FileWriter appends lines to files in one folder, on a thread of its own. Lines that wait
// share one write and one sync.
//
// A line is there whole or not at all: of what could not be written whole, nothing is left behind,
// and what a machine that lost its power has left without an end stays a line by itself. Several
// hubs may append to one file: each locks it while it does. A file that somebody else keeps locked
// holds up its own lines alone. A file may be moved or deleted at any time; the next line makes it
// anew. What was just being written then is written again, since whoever has moved the file may
// have read it before: it may be there twice, and is not lost.

#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace waybill::delivery {

// Used from the thread of the io_context only.
class FileWriter {
 public:
  static constexpr std::string_view kBusy = "file_busy";

  // `folder` is made when the first line is appended, for its owner alone. Its parent is there.
  FileWriter(boost::asio::io_context& context, std::filesystem::path folder);
  ~FileWriter();

  // Returns once the line is on the disk, with a line break. `name` is that of a file in the
  // folder.
  //
  // Fails with kUnavailable (file_not_written), naming the file and why; with kTimeout
  // (file_not_written) if the file stayed locked, and the line is not written, if it was moved away
  // each time, or if the disk did not answer in time: then a line that was being written may come
  // yet, and no other. With kUnavailable (kBusy) if the hub is stopping.
  Task<Result<void>> append(std::string name, std::string line, Deadline by);

  // Writes what waits, but for files that somebody else has locked, and ends the thread.
  void stop();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::delivery
