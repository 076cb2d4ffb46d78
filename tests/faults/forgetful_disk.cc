// A disk that forgets and a disk that fills, for LD_PRELOAD.
//
// What a program writes into files of the folder $FAULTY_DISK is noted in the folder
// $FAULTY_DISK_JOURNAL before it happens, old bytes and new, and fsync() or fdatasync() of a file
// empties the file's journal. So after a kill, power_failure.py can leave what a power failure
// would have left: all that was synced, and of the rest nothing, or any part. A kill alone loses
// nothing, since the kernel keeps what a dead process has written. With $FAULTY_DISK_LIES set,
// syncing empties no journal: a disk that says it has written what it has not.
//
// $FAULTY_DISK_SPACE is a file of one 64-bit number: by how many bytes files in $FAULTY_DISK may
// still grow, all together. When that is used up, writes fail with ENOSPC.
//
// Neither covers what is written through mmap (SQLite's -shm, which is made anew after a crash),
// the names of files, and *.log, which whoever starts the program writes.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace {

// As power_failure.py reads it. The old bytes and the new ones follow.
struct Record {
  std::int64_t offset, size_before, old_bytes, new_bytes;
};

struct File {
  dev_t device = 0;
  ino_t inode = 0;
  int journal = -1;  // -1 if there is none.
  int reader = -1;
};

constexpr std::int64_t kPieceMax = 64 * 1024;
constexpr int kFilesMax = 256;

std::mutex mutex;
File files[kFilesMax];
int file_count = 0;

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void require(bool condition, const char* what) {
  if (condition) return;
  perror(what);
  abort();
}

// Null if space has no limit.
std::atomic<std::int64_t>* find_space() {
  const char* path = getenv("FAULTY_DISK_SPACE");
  if (path == nullptr) return nullptr;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  void* memory = mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  require(memory != MAP_FAILED, "FAULTY_DISK_SPACE");
  close(fd);
  return static_cast<std::atomic<std::int64_t>*>(memory);
}

bool ends_with(const char* text, const char* end) {
  const std::size_t length = strlen(text), wanted = strlen(end);
  return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

// True for a file of the folder, whose size and journal are looked after.
bool is_of_concern(int fd) {
  const char* folder = getenv("FAULTY_DISK");
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (folder == nullptr || length < 0) return false;
  path[length] = '\0';
  return strncmp(path, folder, strlen(folder)) == 0 && !ends_with(path, "-shm") &&
         !ends_with(path, ".log");
}

// What is known of a regular file, or null. Under the mutex.
File* find(int fd, struct stat& status) {
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
  for (int at = 0; at < file_count; ++at) {
    if (files[at].inode == status.st_ino && files[at].device == status.st_dev) return &files[at];
  }
  if (!is_of_concern(fd)) return nullptr;
  require(file_count < kFilesMax, "forgetful_disk: too many files");
  File& file = files[file_count++];
  file.device = status.st_dev;
  file.inode = status.st_ino;
  if (const char* folder = getenv("FAULTY_DISK_JOURNAL")) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%llu", folder, static_cast<unsigned long long>(file.inode));
    file.journal = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    file.reader = open(path, O_RDONLY | O_CLOEXEC);  // The program's own may only write.
    require(file.journal >= 0 && file.reader >= 0, "FAULTY_DISK_JOURNAL");
  }
  return &file;
}

// `bytes` is null if the piece goes away, by a change of size.
void note_piece(const File& file, std::int64_t size_before, std::int64_t offset, const char* bytes,
                std::int64_t count) {
  static char old[kPieceMax];
  static const auto pread_really = real<ssize_t (*)(int, void*, size_t, off64_t)>("pread64");
  static const auto writev_really = real<ssize_t (*)(int, const iovec*, int)>("writev");
  const std::int64_t there = std::clamp<std::int64_t>(size_before - offset, 0, count);
  require(pread_really(file.reader, old, static_cast<size_t>(there), offset) == there, "pread");
  Record record{offset, size_before, there, bytes == nullptr ? 0 : count};
  const iovec parts[] = {{&record, sizeof record},
                         {old, static_cast<size_t>(there)},
                         {const_cast<char*>(bytes), static_cast<size_t>(record.new_bytes)}};
  const auto total = static_cast<ssize_t>(sizeof record) + there + record.new_bytes;
  require(writev_really(file.journal, parts, 3) == total, "forgetful_disk: journal");
}

void note(const File& file, std::int64_t size_before, std::int64_t offset, const char* bytes,
          std::int64_t count) {
  if (file.journal < 0) return;
  for (std::int64_t done = 0; done == 0 || done < count; done += kPieceMax) {
    note_piece(file, size_before, offset + done, bytes == nullptr ? nullptr : bytes + done,
               std::min(count - done, kPieceMax));
  }
}

// False, and ENOSPC, if the file may not grow so.
bool grow(std::int64_t from, std::int64_t to) {
  static std::atomic<std::int64_t>* const space = find_space();
  if (space == nullptr || to == from) return true;
  const std::int64_t more = to > from ? to - from : 0;
  if (space->fetch_sub(more) >= more) return true;
  space->fetch_add(more);
  errno = ENOSPC;
  return false;
}

// False if the write fails. Negative `offset`: where the descriptor stands.
bool before_write(int fd, const void* bytes, size_t count, std::int64_t offset) {
  const std::lock_guard lock(mutex);
  struct stat status{};
  const File* file = find(fd, status);
  if (file == nullptr || count == 0) return true;
  if (offset < 0) {
    const bool appends = (fcntl(fd, F_GETFL) & O_APPEND) != 0;
    offset = appends ? status.st_size : lseek64(fd, 0, SEEK_CUR);
  }
  const auto size = static_cast<std::int64_t>(count);
  if (!grow(status.st_size, std::max<std::int64_t>(status.st_size, offset + size))) return false;
  note(*file, status.st_size, offset, static_cast<const char*>(bytes), size);
  return true;
}

bool before_truncate(int fd, std::int64_t size) {
  const std::lock_guard lock(mutex);
  struct stat status{};
  const File* file = find(fd, status);
  if (file == nullptr) return true;
  if (!grow(status.st_size, std::max<std::int64_t>(status.st_size, size))) return false;
  note(*file, status.st_size, std::min<std::int64_t>(size, status.st_size), nullptr,
       std::max<std::int64_t>(0, status.st_size - size));
  return true;
}

void after_sync(int fd) {
  static const bool lies = getenv("FAULTY_DISK_LIES") != nullptr;
  static const auto truncate_really = real<int (*)(int, off64_t)>("ftruncate64");
  const std::lock_guard lock(mutex);
  struct stat status{};
  const File* file = find(fd, status);
  if (file == nullptr || file->journal < 0 || lies) return;
  require(truncate_really(file->journal, 0) == 0, "forgetful_disk: journal");
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  static const auto really = real<ssize_t (*)(int, const void*, size_t)>("write");
  return before_write(fd, bytes, count, -1) ? really(fd, bytes, count) : -1;
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  static const auto really = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return before_write(fd, bytes, count, offset) ? really(fd, bytes, count, offset) : -1;
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  return pwrite64(fd, bytes, count, offset);
}

// In pieces: a reader of the file could see the first without the second, as with any write.
ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto really = real<ssize_t (*)(int, const iovec*, int)>("writev");
  struct stat status{};
  {
    const std::lock_guard lock(mutex);
    if (find(fd, status) == nullptr) return really(fd, parts, count);
  }
  ssize_t total = 0;
  for (int at = 0; at < count; ++at) {
    const ssize_t written = write(fd, parts[at].iov_base, parts[at].iov_len);
    if (written < 0) return total > 0 ? total : -1;
    total += written;
  }
  return total;
}

int ftruncate64(int fd, off64_t size) noexcept {
  static const auto really = real<int (*)(int, off64_t)>("ftruncate64");
  return before_truncate(fd, size) ? really(fd, size) : -1;
}

int ftruncate(int fd, off_t size) noexcept { return ftruncate64(fd, size); }

int fsync(int fd) {
  static const auto really = real<int (*)(int)>("fsync");
  const int result = really(fd);
  if (result == 0) after_sync(fd);
  return result;
}

int fdatasync(int fd) {
  static const auto really = real<int (*)(int)>("fdatasync");
  const int result = really(fd);
  if (result == 0) after_sync(fd);
  return result;
}

}  // extern "C"
