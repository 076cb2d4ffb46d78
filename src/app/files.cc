#include "app/files.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

namespace waybill::app {
namespace {

std::unexpected<Error> failed(std::string_view doing, const std::filesystem::path& file,
                              int error) {
  const Code code = error == ENOENT                     ? Code::kNotFound
                    : error == EACCES || error == EPERM ? Code::kForbidden
                                                        : Code::kUnavailable;
  return fail(code, fmt::format("{} cannot be {}: {}.", file.string(), doing,
                                std::generic_category().message(error)));
}

// A file descriptor that is closed when it goes.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

void sync_folder_of(const std::filesystem::path& file) {
  const Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() >= 0) ::fsync(folder.number());
}

int rename_to_nothing(const std::filesystem::path& from, const std::filesystem::path& to) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ? 0
                                                                                          : errno;
}

int copy_bytes(int from, int to) {
  std::string piece(1024 * 1024, '\0');
  for (;;) {
    const ssize_t count = ::read(from, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return ::fsync(to) == 0 ? 0 : errno;
    if (const int error = write_all(to, {piece.data(), static_cast<std::size_t>(count)})) {
      return error;
    }
  }
}

int copy_to_nothing(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::path part = to;
  part += ".part";
  int error = 0;
  {
    const Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (source.number() < 0) return errno;
    ::unlink(part.c_str());
    const Descriptor target(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (target.number() < 0) return errno;
    error = copy_bytes(source.number(), target.number());
  }
  // A link replaces nothing, as rename() would.
  if (error == 0 && ::link(part.c_str(), to.c_str()) != 0) error = errno;
  ::unlink(part.c_str());
  return error;
}

}  // namespace

Result<std::string> read_bytes(const std::filesystem::path& file, std::size_t bytes_max) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.number() < 0) return failed("read", file, errno);
  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t count = ::read(descriptor.number(), piece, sizeof piece);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read", file, errno);
    if (count == 0) break;
    text.append(piece, static_cast<std::size_t>(count));
    if (text.size() > bytes_max) {
      return fail(Code::kInvalid,
                  fmt::format("{} has more than {} bytes.", file.string(), bytes_max));
    }
  }
  return text;
}

Result<std::string> read_file(const std::filesystem::path& file, std::size_t bytes_max) {
  auto text = read_bytes(file, bytes_max);
  if (text && text->ends_with('\n')) text->pop_back();
  return text;
}

Result<void> write_file(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  // Beside it and then renamed, so that a crash leaves the old file or the new one.
  std::filesystem::path fresh = file;
  fresh += ".new";
  int error = 0;
  {
    ::unlink(fresh.c_str());
    const Descriptor descriptor(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (descriptor.number() < 0) return failed("written", file, errno);
    if (::fchmod(descriptor.number(), mode) != 0) error = errno;
    if (error == 0) error = write_all(descriptor.number(), std::string(text) + "\n");
    if (error == 0 && ::fsync(descriptor.number()) != 0) error = errno;
  }
  if (error == 0 && ::rename(fresh.c_str(), file.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(fresh.c_str());
    return failed("written", file, error);
  }
  sync_folder_of(file);
  return {};
}

Result<void> move_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  int error = rename_to_nothing(from, to);
  // Another file system, or one that cannot do it without replacing.
  if (error == EXDEV || error == EINVAL) error = copy_to_nothing(from, to);
  if (error == EEXIST) {
    return fail(Code::kConflict, "file_exists",
                fmt::format("{} is there already; nothing is written over.", to.string()));
  }
  if (error != 0) return failed("written", to, error);
  sync_folder_of(to);
  ::unlink(from.c_str());
  return {};
}

}  // namespace waybill::app
