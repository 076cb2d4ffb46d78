#include "app/data_directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "app/files.h"
#include "app/master_key.h"
#include "base/bytes.h"
#include "crypto/random.h"

namespace waybill::app {
namespace fs = std::filesystem;
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kTokenBytes = 24;
constexpr std::string_view kTokenPrefix = "wba_";

std::unexpected<Error> unusable(std::string message) {
  return fail(Code::kInvalid, "data_directory_unusable", std::move(message));
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (fs::is_directory(status)) return {};
  if (fs::exists(status)) {
    return unusable(
        fmt::format("{} is not a folder. Choose another with --data.", folder.string()));
  }
  const auto refuse = [&](const std::error_code& why) {
    return fail(Code::kForbidden,
                fmt::format("The data directory {} cannot be made: {}. Choose another with --data.",
                            folder.string(), why.message()));
  };
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (error) return refuse(error);
  if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return refuse(std::error_code(errno, std::generic_category()));
  }
  return {};
}

// Returns the descriptor that holds the lock. The kernel drops it with the process, however it
// ends.
Result<int> take_lock(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (descriptor < 0) {
    return fail(Code::kForbidden,
                fmt::format("The data directory cannot be used: {} cannot be opened: {}.",
                            file.string(), std::generic_category().message(errno)));
  }
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::close(descriptor);
    const std::string folder = file.parent_path().string();
    if (error != EWOULDBLOCK) {
      return fail(Code::kUnavailable, fmt::format("The data directory {} cannot be locked: {}.",
                                                  folder, std::generic_category().message(error)));
    }
    const std::string holder = read_file(file).value_or("");
    return fail(Code::kConflict, "data_directory_in_use",
                fmt::format("Another hub{} runs on the data directory {}. Stop it first, or choose "
                            "another folder with --data.",
                            holder.empty() ? "" : fmt::format(" (process {})", holder), folder));
  }
  const std::string process = fmt::format("{}\n", ::getpid());
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, process.data(), process.size(), 0) < 0) {
    // Only the name in another hub's refusal is lost.
  }
  return descriptor;
}

// Reads a file, or makes it with the text that `make` returns.
template <class Make>
Result<std::string> read_or_make(const fs::path& file, Make make) {
  auto text = read_file(file);
  if (text || text.error().code != Code::kNotFound) return text;
  std::string made = make();
  WAYBILL_TRY(write_file(file, made, kFileMode));
  return made;
}

Result<Secret> open_token(const fs::path& folder) {
  const fs::path file = token_file(folder);
  const auto text = read_or_make(file, [] {
    return std::string(kTokenPrefix) + base64url(crypto::random_bytes(kTokenBytes));
  });
  if (!text) return fail(text.error());
  // Base64url of n bytes has 4 characters for every 3.
  if (!text->starts_with(kTokenPrefix) ||
      text->size() < kTokenPrefix.size() + kTokenBytes / 3 * 4) {
    return unusable(
        fmt::format("{} holds no admin token. Remove it to have a new one made.", file.string()));
  }
  return Secret(*text);
}

Result<Uuid> open_node(const fs::path& folder) {
  const fs::path file = folder / "node.id";
  const auto text = read_or_make(file, [] {
    std::array<std::uint8_t, Uuid::kSize> bytes{};
    const Bytes random = crypto::random_bytes(bytes.size());
    std::copy(random.begin(), random.end(), bytes.begin());
    return Uuid(bytes).text();
  });
  if (!text) return fail(text.error());
  const auto node = Uuid::parse(*text);
  if (!node) {
    return unusable(
        fmt::format("{} holds no id. Remove it to have a new one made.", file.string()));
  }
  return *node;
}

}  // namespace

fs::path token_file(const fs::path& folder) { return folder / "admin.token"; }
fs::path url_file(const fs::path& folder) { return folder / "hub.url"; }
fs::path database_file(const fs::path& folder) { return folder / "waybill.sqlite"; }
fs::path certificate_file(const fs::path& folder) { return folder / "hub.pem"; }

bool is_open_to_others(const fs::path& file) {
  std::error_code error;
  const fs::perms mode = fs::status(file, error).permissions();
  return !error && (mode & (fs::perms::group_all | fs::perms::others_all)) != fs::perms::none;
}

DataDirectory::DataDirectory(fs::path folder, int lock, Secret admin_token, Uuid node)
    : folder_(std::move(folder)), lock_(lock), admin_token_(std::move(admin_token)), node_(node) {
  for (const fs::path& file : {folder_, master_key_file(folder_), token_file(folder_)}) {
    if (is_open_to_others(file)) {
      warnings_.push_back(fmt::format("Others on this machine can read {}: chmod go= {}",
                                      file.string(), file.string()));
    }
  }
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : folder_(std::move(other.folder_)),
      lock_(std::exchange(other.lock_, -1)),
      admin_token_(std::move(other.admin_token_)),
      node_(other.node_),
      warnings_(std::move(other.warnings_)) {}

DataDirectory::~DataDirectory() {
  if (lock_ < 0) return;
  ::unlink(url_file(folder_).c_str());
  ::unlink(certificate_file(folder_).c_str());
  ::close(lock_);
}

Result<DataDirectory> DataDirectory::open(const fs::path& folder) {
  WAYBILL_TRY(make_folder(folder));
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error).lexically_normal();
  const auto lock = take_lock(absolute / "hub.lock");
  if (!lock) return fail(lock.error());
  // What is left of a hub that was killed.
  ::unlink(url_file(absolute).c_str());
  ::unlink(certificate_file(absolute).c_str());

  auto token = open_token(absolute);
  const auto node = token ? open_node(absolute) : fail(token.error());
  if (!node) {
    ::close(*lock);
    return fail(node.error());
  }
  return DataDirectory(absolute, *lock, std::move(*token), *node);
}

Result<void> DataDirectory::publish_url(const std::string& url) {
  return write_file(url_file(folder_), url, kFileMode);
}

Result<void> DataDirectory::publish_certificate(const std::string& chain_pem) {
  return write_file(certificate_file(folder_), chain_pem, kFileMode);
}

}  // namespace waybill::app
