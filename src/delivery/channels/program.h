// A Program is a child process with its pipes and a process group of its own, run without a shell.
//
// It sees nothing of the hub: no descriptor but its three, no variable but those it is given, every
// signal as usual, and none blocked. If the thread that started it ends, and so if the hub is
// killed, it is killed too; what it has started itself is not.

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace waybill::delivery {

// A descriptor, closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  void reset();

 private:
  int number_ = -1;
};

// How a program has ended.
struct ProgramEnd {
  std::optional<int> status;  // Its exit status, …
  int signal = 0;             // … or what killed it.
};

class Program {
 public:
  struct Command {
    std::vector<std::string> arguments;    // The program's path first.
    std::vector<std::string> environment;  // "NAME=value"
    std::filesystem::path folder;          // In which it may be, and works.
  };

  Program() = default;  // None.
  Program(Program&&) noexcept = default;
  Program& operator=(Program&&) noexcept = default;
  // Kills the group, if it has not ended.
  ~Program();

  // Blocks until the program has begun. The thread that calls this outlives it.
  //
  // Fails with kInvalid: program_outside for a path that does not lead into the folder, wherever
  // its symbolic links go; program_not_started if it is not there or cannot be executed; with
  // kUnavailable (program_not_started) if the machine has no room for one more.
  static Result<Program> start(const Command& command);

  // Its ends of the pipes, and what becomes readable when the program has ended. Taken by whoever
  // uses them; not blocking.
  Descriptor input;   // To write its standard input to.
  Descriptor output;  // To read from what it writes.
  Descriptor errors;
  Descriptor ended;

  // To every process of its group. Nothing once it has been reaped.
  void signal(int number) const;

  // Ends what is left of the group, and says how the program has ended. Nothing: it has not yet.
  std::optional<ProgramEnd> reap();

 private:
  struct Id {
    Id() = default;
    explicit Id(pid_t n) : number(n) {}
    Id(Id&& other) noexcept : number(std::exchange(other.number, 0)) {}
    Id& operator=(Id&& other) noexcept {
      std::swap(number, other.number);
      return *this;
    }
    pid_t number = 0;  // 0: none, or reaped.
  };
  Id id_;
};

}  // namespace waybill::delivery
