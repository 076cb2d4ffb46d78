#include "app/process.h"

#include <array>
#include <climits>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>

#include <sys/resource.h>

namespace waybill::app {

ProcessUse process_use() {
  ProcessUse use;
  std::int64_t pages = 0;
  std::ifstream memory("/proc/self/statm");
  if (memory >> pages >> pages) use.resident_bytes = pages * ::sysconf(_SC_PAGESIZE);
  std::error_code error;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
  // One of them is the one by which they are listed.
  if (!error) use.open_descriptors = std::distance(begin(descriptors), end(descriptors)) - 1;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    use.descriptors_max = static_cast<std::int64_t>(limit.rlim_cur);
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    use.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return use;
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace waybill::app
