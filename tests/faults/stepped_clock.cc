// A clock that somebody sets, for LD_PRELOAD: $FAULTY_CLOCK_STEP is a file of one 64-bit number,
// the seconds by which CLOCK_REALTIME is wrong. Whoever writes there sets the clock. The monotonic
// clock is left alone, as the kernel leaves it.

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

namespace {

// Neither dlsym() nor an initialisation at first use: AddressSanitizer's allocator asks for the
// time while it holds its lock.
const std::atomic<std::int64_t>* step = nullptr;

__attribute__((constructor)) void find_step() {
  const char* path = getenv("FAULTY_CLOCK_STEP");
  if (path == nullptr) return;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  void* memory = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  if (fd < 0 || memory == MAP_FAILED) {
    perror("FAULTY_CLOCK_STEP");
    abort();
  }
  close(fd);
  step = static_cast<const std::atomic<std::int64_t>*>(memory);
}

}  // namespace

// By their labels, since the headers declare them with attributes of their own.
extern "C" {

int stepped_clock(clockid_t which, timespec* now) __asm__("clock_gettime");
int stepped_clock(clockid_t which, timespec* now) {
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, which, now));
  if (result == 0 && which == CLOCK_REALTIME && step != nullptr) now->tv_sec += step->load();
  return result;
}

int stepped_time_of_day(timeval* now, void* zone) __asm__("gettimeofday");
int stepped_time_of_day(timeval* now, void*) {
  timespec current{};
  const int result = stepped_clock(CLOCK_REALTIME, &current);
  now->tv_sec = current.tv_sec;
  now->tv_usec = current.tv_nsec / 1000;
  return result;
}

time_t stepped_time(time_t* now) __asm__("time");
time_t stepped_time(time_t* now) {
  timespec current{};
  stepped_clock(CLOCK_REALTIME, &current);
  if (now != nullptr) *now = current.tv_sec;
  return current.tv_sec;
}

}  // extern "C"
