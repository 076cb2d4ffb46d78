#include "delivery/channels/program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/check.h"

// clone() by the C library's other name: ThreadSanitizer takes each call by the usual one for a
// fork() with a memory of its own, and fails.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...);

namespace waybill::delivery {
namespace {

// What the child does before the program begins needs little; the rest is what execve() and a
// sanitizer's part of the library may take.
constexpr std::size_t kChildStackBytes = std::size_t{64} * 1024;
constexpr int kSignalsEnd = 65;

// Everything that the child needs, made before it: it may allocate nothing.
struct Child {
  const char* path = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* folder = nullptr;
  std::array<int, 3> standard{};
  pid_t parent = 0;
  int descriptors_max = 0;
  int error = 0;  // Why it did not begin; 0: it did.
};

// Runs in the child, on the parent's memory while the parent's thread waits: system calls alone.
__attribute__((no_sanitize("address", "thread", "undefined"))) int begin_program(void* given) {
  auto& child = *static_cast<Child*>(given);
  const auto give_up = [&child] {
    child.error = errno;
    ::_exit(127);
  };
  // Before anything else, so that there is no moment in which a killed hub leaves it behind.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up();
  if (::getppid() != child.parent) ::_exit(127);
  if (::setpgid(0, 0) != 0) give_up();
  for (int target = 0; target < 3; ++target) {
    if (::dup2(child.standard[static_cast<std::size_t>(target)], target) < 0) give_up();
  }
  // Not everything that is open was opened to be closed by itself: libraries open descriptors too.
  if (::close_range(3, ~0U, 0) != 0) {
    for (int number = 3; number < child.descriptors_max; ++number) ::close(number);
  }
  if (::chdir(child.folder) != 0) give_up();
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  for (int number = 1; number < kSignalsEnd; ++number) {
    ::sigaction(number, &usual, nullptr);  // Of those that nobody may change, it fails.
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(child.path, child.arguments, child.environment);
  give_up();
  return 127;
}

std::string words_of(int error) { return std::generic_category().message(error); }

struct Pipe {
  Descriptor read;
  Descriptor write;
};

// Both ends are above the three that the child gets.
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(Code::kUnavailable, "program_not_started",
                fmt::format("There is no pipe for the program: {}.", words_of(errno)));
  }
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  for (Descriptor* end : {&pipe.read, &pipe.write}) {
    if (end->get() > 2) continue;
    Descriptor higher(::fcntl(end->get(), F_DUPFD_CLOEXEC, 3));
    if (higher.get() < 0) {
      return fail(Code::kUnavailable, "program_not_started",
                  fmt::format("There is no pipe for the program: {}.", words_of(errno)));
    }
    *end = std::move(higher);
  }
  return pipe;
}

void make_nonblocking(const Descriptor& end) {
  ::fcntl(end.get(), F_SETFL, ::fcntl(end.get(), F_GETFL) | O_NONBLOCK);
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Where the program is, without symbolic links.
Result<std::filesystem::path> find_in(const std::filesystem::path& folder,
                                      const std::filesystem::path& program) {
  std::error_code error;
  auto real = std::filesystem::canonical(program, error);
  if (error) {
    return fail(Code::kInvalid, "program_not_started",
                fmt::format("{} cannot be run: {}.", program.string(), error.message()));
  }
  const auto [rest, ignored] = std::ranges::mismatch(folder, real);
  if (rest != folder.end()) {
    return fail(Code::kInvalid, "program_outside",
                fmt::format("{} is not in {}, the folder that --handler-commands names.",
                            real == program ? real.string()
                                            : program.string() + ", which is " + real.string(),
                            folder.string()));
  }
  struct stat what{};
  if (::stat(real.c_str(), &what) != 0 || !S_ISREG(what.st_mode)) {
    return fail(Code::kInvalid, "program_not_started",
                fmt::format("{} is no program, but something else.", program.string()));
  }
  return real;
}

bool is_for_now(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
}

}  // namespace

void Descriptor::reset() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Program::~Program() {
  if (id_.number == 0) return;
  signal(SIGKILL);
  // It is gone in a moment; only one that the kernel holds stays, and becomes init's with the hub.
  ::waitpid(id_.number, nullptr, WNOHANG);
}

Result<Program> Program::start(const Command& command) {
  WAYBILL_CHECK(!command.arguments.empty(), "a command names its program");
  std::error_code error;
  const auto folder = std::filesystem::canonical(command.folder, error);
  if (error) {
    return fail(Code::kInvalid, "program_outside",
                fmt::format("{}, the folder that --handler-commands names, cannot be read: {}.",
                            command.folder.string(), error.message()));
  }
  const auto path = find_in(folder, command.arguments.front());
  if (!path) return fail(path.error());

  auto input = make_pipe();
  if (!input) return fail(input.error());
  auto output = make_pipe();
  if (!output) return fail(output.error());
  auto errors = make_pipe();
  if (!errors) return fail(errors.error());

  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = command.environment;
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  Child child{
      .path = path->c_str(),
      .arguments = argument_pointers.data(),
      .environment = environment_pointers.data(),
      .folder = folder.c_str(),
      .standard = {input->read.get(), output->write.get(), errors->write.get()},
      .parent = ::getpid(),
      .descriptors_max = static_cast<int>(std::min<rlim_t>(descriptors.rlim_cur, 1 << 20)),
  };

  // Not fork(): that copies the tables of all the hub's memory, and so stops every thread that
  // writes to it. As posix_spawn() does, which cannot say with whom the program is to die.
  // A handler of the hub's must not run in the child.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::vector<char> stack(kChildStackBytes);
  char* const past = stack.data() + stack.size();
  char* const top = past - reinterpret_cast<std::uintptr_t>(past) % 16;
  int ended = -1;
  const pid_t id =
      __clone(begin_program, top, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &ended);
  const int clone_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (id < 0) {
    return fail(Code::kUnavailable, "program_not_started",
                fmt::format("{} cannot be run: {}.", path->string(), words_of(clone_error)));
  }
  Program program;
  program.id_ = Id(id);
  program.ended = Descriptor(ended);
  if (child.error != 0) {
    ::waitpid(program.id_.number, nullptr, 0);
    program.id_.number = 0;
    return fail(is_for_now(child.error) ? Code::kUnavailable : Code::kInvalid,
                "program_not_started",
                fmt::format("{} cannot be run: {}.", path->string(), words_of(child.error)));
  }
  program.input = std::move(input->write);
  program.output = std::move(output->read);
  program.errors = std::move(errors->read);
  for (const Descriptor* end : {&program.input, &program.output, &program.errors}) {
    make_nonblocking(*end);
  }
  return program;
}

void Program::signal(int number) const {
  if (id_.number > 0) ::kill(-id_.number, number);
}

std::optional<ProgramEnd> Program::reap() {
  if (id_.number == 0) return ProgramEnd{};
  siginfo_t about{};
  // Looks first, and leaves it: as long as it is not reaped, nobody else has the group's number.
  if (::waitid(P_PID, static_cast<id_t>(id_.number), &about, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      about.si_pid == 0) {
    return std::nullopt;
  }
  signal(SIGKILL);
  ::waitpid(std::exchange(id_.number, 0), nullptr, 0);
  ProgramEnd end;
  if (about.si_code == CLD_EXITED) {
    end.status = about.si_status;
  } else {
    end.signal = about.si_status;
  }
  return end;
}

}  // namespace waybill::delivery
