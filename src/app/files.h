// Small files that hold one text each: keys, tokens, addresses; and files as they are.

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace waybill::app {

inline constexpr std::size_t kSmallFileBytesMax = 4096;

// The text of a file, without the line break at its end.
// Fails with kNotFound if there is none, kForbidden if it may not be read, kInvalid if it has more
// than `bytes_max` or is no file; the message names it.
Result<std::string> read_file(const std::filesystem::path& file,
                              std::size_t bytes_max = kSmallFileBytesMax);

// The file as it is. Fails as read_file().
Result<std::string> read_bytes(const std::filesystem::path& file, std::size_t bytes_max);

// Replaces or makes the file, wholly or not at all, and durably. Writes `text` and a line break.
// Fails with kForbidden, or kUnavailable (for one, when the disk is full); the message names it.
Result<void> write_file(const std::filesystem::path& file, std::string_view text, mode_t mode);

// Moves a file to where none is, durably; to another file system by copying it, for its owner
// alone. Fails with kConflict (file_exists), and as write_file(); `from` is still there then.
Result<void> move_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace waybill::app
