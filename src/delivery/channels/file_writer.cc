#include "delivery/channels/file_writer.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "delivery/channels/program.h"

namespace waybill::delivery {
namespace asio = boost::asio;
namespace {

// Of one sync: what waits beyond it has the next one.
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

std::unexpected<Error> refuse(const std::filesystem::path& file, int error) {
  return fail(Code::kUnavailable, "file_not_written",
              fmt::format("Nothing can be appended to {}: {}.", file.string(),
                          std::generic_category().message(error)));
}

int sync_folder(const std::filesystem::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.get() >= 0 && ::fsync(opened.get()) == 0 ? 0 : errno;
}

// Waits for other hubs. 0, or the error.
int lock(const Descriptor& file) {
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int write_all(const Descriptor& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

bool ends_in_a_line(const Descriptor& file, off_t size) {
  char last = '\n';
  return size == 0 || (::pread(file.get(), &last, 1, size - 1) == 1 && last == '\n');
}

Result<void> append_now(const std::filesystem::path& folder, const std::string& name,
                        const std::string& lines) {
  const std::filesystem::path path = folder / name;
  if (::mkdir(folder.c_str(), 0700) == 0) {
    if (const int error = sync_folder(folder.parent_path())) return refuse(path, error);
  }
  constexpr int kFlags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  Descriptor file(::open(path.c_str(), kFlags));
  if (file.get() < 0 && errno == ENOENT) {
    file = Descriptor(::open(path.c_str(), kFlags | O_CREAT, 0600));
    if (file.get() >= 0) {
      if (const int error = sync_folder(folder)) return refuse(path, error);
    }
  }
  if (file.get() < 0) return refuse(path, errno);
  if (const int error = lock(file)) return refuse(path, error);
  struct stat before{};
  if (::fstat(file.get(), &before) != 0) return refuse(path, errno);
  if (!S_ISREG(before.st_mode)) {
    return fail(Code::kUnavailable, "file_not_written",
                fmt::format("{} is no file, but something else.", path.string()));
  }
  int error = 0;
  if (!ends_in_a_line(file, before.st_size)) error = write_all(file, "\n");
  if (error == 0) error = write_all(file, lines);
  if (error != 0) {
    // Where even that fails, the next line finds no line break at the end, and makes one.
    [[maybe_unused]] const int ignored = ::ftruncate(file.get(), before.st_size);
    return refuse(path, error);
  }
  if (::fdatasync(file.get()) != 0) return refuse(path, errno);
  return {};
}

}  // namespace

class FileWriter::Impl {
 public:
  Impl(asio::io_context& context, std::filesystem::path folder)
      : context_(context), folder_(std::filesystem::absolute(folder)) {}
  ~Impl() { stop(); }

  Task<Result<void>> append(std::string name, std::string line, Deadline by) {
    const auto job = std::make_shared<Job>(context_, std::move(name), std::move(line), by);
    if (!thread_) thread_ = std::make_unique<asio::thread_pool>(1);
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(job);
      // Whoever is writing takes this one too, once it is done with those before it.
      if (!std::exchange(writing_, true)) asio::post(*thread_, [this] { write_waiting(); });
    }
    while (!job->answer && !by.passed()) {
      co_await job->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (job->answer) co_return *job->answer;
    co_return fail(Code::kTimeout, "file_not_written",
                   fmt::format("The disk of {} did not answer in time.", folder_.string()));
  }

  void stop() {
    if (thread_) thread_->join();
  }

 private:
  struct Job {
    Job(asio::io_context& context, std::string n, std::string l, Deadline by)
        : name(std::move(n)), line(std::move(l)), timer(context, by.time_point()) {
      line += '\n';
    }
    const std::string name;
    std::string line;
    asio::steady_timer timer;
    std::optional<Result<void>> answer;  // The thread of the context's.
  };
  using Jobs = std::vector<std::shared_ptr<Job>>;

  void write_waiting() {
    for (;;) {
      Jobs batch = take();
      if (batch.empty()) return;
      std::map<std::string, Jobs> files;
      for (auto& job : batch) files[job->name].push_back(std::move(job));
      for (auto& [name, of_file] : files) {
        std::string lines;
        for (const auto& job : of_file) lines += job->line;
        asio::post(context_,
                   [jobs = std::move(of_file), answer = append_now(folder_, name, lines)] {
                     for (const auto& job : jobs) {
                       job->answer.emplace(answer);
                       job->timer.cancel();
                     }
                   });
      }
    }
  }

  // None: nothing waits, and nobody is writing any more.
  Jobs take() {
    const std::lock_guard lock(mutex_);
    Jobs batch;
    std::size_t bytes = 0;
    while (!waiting_.empty() && bytes < kBatchBytes) {
      bytes += waiting_.front()->line.size();
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    if (batch.empty()) writing_ = false;
    return batch;
  }

  asio::io_context& context_;
  const std::filesystem::path folder_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Job>> waiting_;  // Guarded, as is writing_.
  bool writing_ = false;
  std::unique_ptr<asio::thread_pool> thread_;
};

FileWriter::FileWriter(asio::io_context& context, std::filesystem::path folder)
    : impl_(std::make_unique<Impl>(context, std::move(folder))) {}
FileWriter::~FileWriter() = default;

Task<Result<void>> FileWriter::append(std::string name, std::string line, Deadline by) {
  return impl_->append(std::move(name), std::move(line), by);
}
void FileWriter::stop() { impl_->stop(); }

}  // namespace waybill::delivery
