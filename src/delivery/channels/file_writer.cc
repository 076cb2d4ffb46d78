#include "delivery/channels/file_writer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
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
// Between two looks at files that somebody else has locked, or takes away again and again.
constexpr std::chrono::milliseconds kBusyLook{10};

std::unexpected<Error> refuse(const std::filesystem::path& file, int error) {
  return fail(Code::kUnavailable, "file_not_written",
              fmt::format("Nothing can be appended to {}: {}.", file.string(),
                          std::generic_category().message(error)));
}

int sync_folder(const std::filesystem::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.get() >= 0 && ::fsync(opened.get()) == 0 ? 0 : errno;
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

std::unexpected<Error> refuse_busy(std::string why) {
  return fail(Code::kUnavailable, FileWriter::kBusy, std::move(why));
}

// Whether `path` still leads to the file, which `about` is of. Whoever has moved it away may have
// read it already, and may be about to delete it.
Result<void> check_still_there(const std::filesystem::path& path, const struct stat& about) {
  struct stat now{};
  if (::lstat(path.c_str(), &now) != 0) {
    if (errno != ENOENT) return refuse(path, errno);
  } else if (now.st_dev == about.st_dev && now.st_ino == about.st_ino) {
    return {};
  }
  return refuse_busy(fmt::format("{} was moved away while it was written to.", path.string()));
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
  // Other hubs lock it for a moment; whoever locks it for longer holds up no other file.
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refuse(path, errno);
    return refuse_busy(fmt::format("{} is locked by another process.", path.string()));
  }
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
  return check_still_there(path, before);
}

}  // namespace

class FileWriter::Impl {
 public:
  Impl(asio::io_context& context, std::filesystem::path folder)
      : context_(context), folder_(std::filesystem::absolute(folder)) {}
  ~Impl() { stop(); }

  Task<Result<void>> append(std::string name, std::string line, Deadline by) {
    const auto job = std::make_shared<Job>(context_, std::move(name), std::move(line), by);
    if (!add(job)) co_return refuse_busy("The hub is stopping.");
    while (!job->answer && !by.passed()) {
      co_await job->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (job->answer) co_return *job->answer;
    co_return give_up(job);
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      wake_.notify_one();
    }
    if (thread_) thread_->join();
  }

 private:
  enum class State { kWaiting, kWriting, kOver };
  struct Job {
    Job(asio::io_context& context, std::string n, std::string l, Deadline by)
        : name(std::move(n)), line(std::move(l)), timer(context, by.time_point()) {
      line += '\n';
    }
    const std::string name;
    std::string line;
    asio::steady_timer timer;
    std::optional<Result<void>> answer;  // The thread of the context's.
    State state = State::kWaiting;       // Guarded.
    std::string busy;                    // Guarded: why it had to wait for the file.
  };
  using Jobs = std::deque<std::shared_ptr<Job>>;

  // False: the thread has ended, or is about to.
  bool add(const std::shared_ptr<Job>& job) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    if (!thread_) thread_ = std::make_unique<asio::thread_pool>(1);
    waiting_[job->name].push_back(job);
    // Whoever is writing takes this one too, once it is done with those before it.
    if (!std::exchange(writing_, true)) asio::post(*thread_, [this] { write_waiting(); });
    wake_.notify_one();
    return true;
  }

  // What nobody waits for is not written later, beside its repetition; what is just being written
  // cannot be called back.
  std::unexpected<Error> give_up(const std::shared_ptr<Job>& job) {
    const std::lock_guard lock(mutex_);
    const State state = std::exchange(job->state, State::kOver);
    const auto of_file = waiting_.find(job->name);
    if (state == State::kWaiting && of_file != waiting_.end()) {
      std::erase(of_file->second, job);
    }
    const std::string path = (folder_ / job->name).string();
    return fail(Code::kTimeout, "file_not_written",
                job->busy.empty() ? fmt::format("The disk of {} did not answer in time.", path)
                                  : job->busy);
  }

  void write_waiting() {
    for (;;) {
      const std::vector<std::string> names = names_of_waiting();
      if (names.empty()) return;
      bool all_busy = true;
      for (const std::string& name : names) all_busy = !write_some(name) && all_busy;
      if (all_busy) wait_for_files();
    }
  }

  // None: nothing waits, and nobody is writing any more.
  std::vector<std::string> names_of_waiting() {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [](const auto& each) { return each.second.empty(); });
    std::vector<std::string> names;
    for (const auto& each : waiting_) names.push_back(each.first);
    if (names.empty()) writing_ = false;
    return names;
  }

  // False: somebody else has the file, and its lines still wait.
  bool write_some(const std::string& name) {
    Jobs batch = take(name);
    if (batch.empty()) return true;
    std::string lines;
    for (const auto& job : batch) lines += job->line;
    auto answer = append_now(folder_, name, lines);
    if (!answer && answer.error().reason == kBusy &&
        put_back(name, batch, answer.error().message)) {
      return false;
    }
    asio::post(context_, [jobs = std::move(batch), answer = std::move(answer)] {
      for (const auto& job : jobs) {
        job->answer.emplace(answer);
        job->timer.cancel();
      }
    });
    return true;
  }

  Jobs take(const std::string& name) {
    const std::lock_guard lock(mutex_);
    Jobs& waiting = waiting_[name];
    Jobs batch;
    std::size_t bytes = 0;
    while (!waiting.empty() && bytes < kBatchBytes) {
      bytes += waiting.front()->line.size();
      waiting.front()->state = State::kWriting;
      batch.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    return batch;
  }

  // False: the hub is stopping, and waits for nobody.
  bool put_back(const std::string& name, Jobs& batch, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    std::erase_if(batch, [](const auto& job) { return job->state == State::kOver; });
    for (const auto& job : batch) {
      job->state = State::kWaiting;
      job->busy = why;
    }
    Jobs& waiting = waiting_[name];
    waiting.insert(waiting.begin(), batch.begin(), batch.end());
    return true;
  }

  void wait_for_files() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kBusyLook);
  }

  asio::io_context& context_;
  const std::filesystem::path folder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Jobs> waiting_;  // By the file's name. Guarded, as are the next two.
  bool writing_ = false;
  bool stopping_ = false;
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
