#include "app/doctor.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "app/data_directory.h"
#include "app/doctor_parts.h"
#include "app/files.h"
#include "app/master_key.h"
#include "dialect/loader.h"
#include "net/tls.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Less, and a busy hub can fill the disk in an hour.
constexpr std::uintmax_t kFreeBytesMin = 1024 * kMebibyte;
constexpr rlim_t kDescriptorsMin = 4096;
constexpr std::chrono::days kCertificateLeftMin{14};

// --- Files ---------------------------------------------------------------------------------------

void check_modes(const fs::path& folder, Findings& findings) {
  bool closed = true;
  for (const fs::path& file :
       {folder, master_key_file(folder), token_file(folder), database_file(folder)}) {
    if (!is_open_to_others(file)) continue;
    closed = false;
    findings.warn("permissions", fmt::format("others on this machine can read {}: chmod go= {}",
                                             file.string(), file.string()));
  }
  if (closed) findings.ok("permissions", "the data directory is its owner's alone");
}

void check_disk(const fs::path& folder, Findings& findings) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) return findings.warn("disk", error.message());
  const std::string free = mebibytes(space.available) + " are free";
  const std::uintmax_t database = fs::file_size(database_file(folder), error);
  if (space.available < kFreeBytesMin) {
    findings.fail("disk", free + ": make room, or move the data directory to a larger disk");
  } else if (!error && space.available < database) {
    findings.warn("disk", fmt::format("{}, but a backup of the database takes {}", free,
                                      mebibytes(database)));
  } else {
    findings.ok("disk", free);
  }
}

// Of the hub, if one runs; else of this shell, which the hub may inherit.
std::optional<rlim_t> descriptor_limit(std::optional<pid_t> hub) {
  if (!hub) {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? std::optional(limit.rlim_max) : std::nullopt;
  }
  std::ifstream limits(fmt::format("/proc/{}/limits", *hub));
  constexpr std::string_view title = "Max open files";
  for (std::string line; std::getline(limits, line);) {
    if (!line.starts_with(title)) continue;
    rlim_t soft = 0;
    std::istringstream(line.substr(title.size())) >> soft;
    return soft;
  }
  return std::nullopt;
}

void check_descriptors(std::optional<pid_t> hub, Findings& findings) {
  const auto limit = descriptor_limit(hub);
  if (!limit) return findings.warn("descriptors", "their limit cannot be read");
  const std::string of = hub ? "the hub" : "a hub started from here";
  if (*limit >= kDescriptorsMin) {
    return findings.ok("descriptors", fmt::format("{} may have {} open", of, *limit));
  }
  findings.warn("descriptors",
                fmt::format("{} may have only {} open, and each connection takes one: raise "
                            "LimitNOFILE of its service, or ulimit -n",
                            of, *limit));
}

// --- Settings ------------------------------------------------------------------------------------

void check_dialects(const Settings& settings, Findings& findings) {
  const auto dialects = dialect::DialectRegistry::load(settings.dialects);
  if (!dialects) return findings.fail("dialects", dialects.error().message);
  findings.ok("dialects", fmt::format("{} load", dialects->names().size()));
}

// Clients refuse a hub whose certificate is over.
void check_certificate(const Settings& settings, const Clock& clock, Findings& findings) {
  if (settings.tls_certificate.empty()) return;
  const auto pem = read_bytes(settings.tls_certificate, net::kPemBytesMax);
  if (!pem) return findings.fail("certificate", pem.error().message);
  const auto expires_at = net::certificate_expires_at(*pem);
  if (!expires_at) {
    return findings.fail("certificate", fmt::format("{}: {}", settings.tls_certificate.string(),
                                                    expires_at.error().message));
  }
  const auto left = *expires_at - clock.wall_now();
  const std::string until =
      fmt::format("{} is good until {}", settings.tls_certificate.string(), iso_time(*expires_at));
  if (left <= 0s) return findings.fail("certificate", until + ": put a new one there");
  if (left < kCertificateLeftMin) return findings.warn("certificate", until + ": renew it");
  findings.ok("certificate", until);
}

}  // namespace

std::optional<pid_t> running_hub(const fs::path& folder) {
  const fs::path file = folder / "hub.lock";
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
  ::close(descriptor);
  if (!held) return std::nullopt;
  const std::string text = read_file(file).value_or("");
  pid_t process = 0;
  std::from_chars(text.data(), text.data() + text.size(), process);
  return process;
}

void examine_machine(const DoctorOptions& options, const Settings* settings, const Clock& clock,
                     Findings& findings) {
  if (settings != nullptr) {
    check_dialects(*settings, findings);
    check_certificate(*settings, clock, findings);
  }
  std::error_code error;
  if (!fs::is_directory(options.folder, error)) {
    const std::string why = error && error != std::errc::no_such_file_or_directory
                                ? error.message()
                                : "no hub was started with it";
    return findings.warn("data directory",
                         fmt::format("{} is not there: {}. Name another with WAYBILL_DATA",
                                     options.folder.string(), why));
  }
  findings.ok("data directory", options.folder.string());
  if (::access(options.folder.c_str(), R_OK | X_OK) != 0) {
    return findings.fail("data directory", "this user cannot read it: run this as the hub's user");
  }
  const auto hub = running_hub(options.folder);
  check_modes(options.folder, findings);
  check_disk(options.folder, findings);
  check_descriptors(hub, findings);
  if (settings != nullptr && settings->database) {
    examine_postgres(options, *settings, clock, hub.has_value(), findings);
  } else {
    examine_sqlite(options, clock, hub.has_value(), findings);
  }
}

}  // namespace waybill::app
