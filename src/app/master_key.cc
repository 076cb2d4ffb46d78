#include "app/master_key.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "app/files.h"
#include "base/bytes.h"
#include "crypto/random.h"
#include "store/sealed.h"

namespace waybill::app {
namespace fs = std::filesystem;
namespace {

using crypto::SecretBox;

constexpr mode_t kFileMode = 0600;
constexpr std::string_view kCheckText = "This is the master key of these secrets.";
constexpr std::string_view kCheckContext = "master.check";

fs::path next_key_file(const fs::path& folder) { return folder / "master.key.next"; }

Result<SecretBox> read_key(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) return fail(text.error());
  const auto key = parse_base64(*text);
  if (key && key->size() == SecretBox::kKeyBytes) return SecretBox::create(*key);
  return fail(Code::kInvalid, "data_directory_unusable",
              fmt::format("{} is damaged: it holds no base64 of {} bytes. Put back the copy of it "
                          "that was kept.",
                          file.string(), SecretBox::kKeyBytes));
}

Result<SecretBox> make_key(const fs::path& file) {
  const Bytes key = crypto::random_bytes(SecretBox::kKeyBytes);
  WAYBILL_TRY(write_file(file, base64(key), kFileMode));
  return SecretBox::create(key);
}

Bytes seal_check(const SecretBox& box) { return box.seal(kCheckText, as_bytes(kCheckContext)); }

bool opens(const Result<SecretBox>& box, const Bytes& check) {
  return box && box->open(check, as_bytes(kCheckContext)).has_value();
}

// What to do about a key that is not there, or is not the right one.
constexpr std::string_view kCopyFromANode =
    "Each node of a hub has a copy of one key: put master.key and admin.token from the data "
    "directory of another node of this database here, before the first start.";

Error not_the_key(const fs::path& folder, Nodes nodes, const Error& reading) {
  const std::string file = master_key_file(folder).string();
  if (reading.code == Code::kNotFound) {
    return {Code::kInvalid, "master_key_missing",
            fmt::format(
                "{} is missing, and the stored secrets can be read only with it. {}", file,
                nodes == Nodes::kMany ? kCopyFromANode : "Put back the copy of it that was kept.")};
  }
  if (reading.code != Code::kInternal) return reading;
  return {Code::kInvalid, "master_key_wrong",
          fmt::format("{} is not the key that sealed the secrets in this database. {}", file,
                      nodes == Nodes::kMany
                          ? kCopyFromANode
                          : "Put back the right one: the one of the time of a backup, if this is a "
                            "backup.")};
}

// A unit of its own.
template <class Unit>
Result<void> in_transaction(store::Connection& connection, Unit unit) {
  WAYBILL_TRY(connection.begin(store::Connection::Access::kWrite));
  auto done = unit();
  if (done) done = connection.commit();
  if (!done) connection.rollback();
  return done;
}

Result<void> replace_key(const fs::path& folder) {
  const fs::path file = master_key_file(folder);
  if (::rename(next_key_file(folder).c_str(), file.c_str()) != 0) {
    return fail(Code::kUnavailable, fmt::format("{} cannot be replaced: {}.", file.string(),
                                                std::generic_category().message(errno)));
  }
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return {};
  ::fsync(descriptor);
  ::close(descriptor);
  return {};
}

struct FoundKey {
  SecretBox box;
  bool is_next = false;  // Of a rotation that committed and did not come to its end.
};

Result<FoundKey> find_key(const fs::path& folder, Nodes nodes, const Bytes& check) {
  auto current = read_key(master_key_file(folder));
  if (opens(current, check)) return FoundKey{std::move(*current), false};
  auto next = read_key(next_key_file(folder));
  if (opens(next, check)) return FoundKey{std::move(*next), true};
  return fail(not_the_key(folder, nodes, current ? Error(Code::kInternal, "") : current.error()));
}

// The first key of a database in which nothing is sealed yet. Nothing: another node has begun with
// its own meanwhile.
Result<std::optional<SecretBox>> begin_with_key(const fs::path& folder,
                                                store::Connection& connection) {
  const fs::path file = master_key_file(folder);
  auto box = read_key(file);
  if (!box && box.error().code == Code::kNotFound) box = make_key(file);
  if (!box) return fail(box.error());
  bool first = false;
  WAYBILL_TRY(in_transaction(connection, [&]() -> Result<void> {
    const auto added = store::sealed::add_check(connection, seal_check(*box));
    if (!added) return fail(added.error());
    first = *added;
    return {};
  }));
  return first ? std::optional(std::move(*box)) : std::nullopt;
}

Result<std::int64_t> reseal(store::Connection& connection, const SecretBox& from,
                            const SecretBox& to) {
  auto count = store::sealed::reseal_all(connection,
                                         [&](ByteView sealed, ByteView context) -> Result<Bytes> {
                                           const auto opened = from.open(sealed, context);
                                           if (!opened) return fail(opened.error());
                                           return to.seal(opened->reveal(), context);
                                         });
  if (!count) return count;
  WAYBILL_TRY(store::sealed::set_check(connection, seal_check(to)));
  return count;
}

}  // namespace

fs::path master_key_file(const fs::path& folder) { return folder / "master.key"; }

Result<SecretBox> look_at_master_key(const fs::path& folder, store::Connection& connection,
                                     Nodes nodes) {
  const auto check = store::sealed::find_check(connection);
  if (!check) return fail(check.error());
  if (!*check) {
    return fail(Code::kNotFound, "master_key_unused", "No hub has used this database yet.");
  }
  auto found = find_key(folder, nodes, **check);
  if (!found) return fail(found.error());
  return std::move(found->box);
}

Result<SecretBox> open_master_key(const fs::path& folder, store::Connection& connection,
                                  Nodes nodes) {
  std::optional<Bytes> check;
  const auto look = [&] {
    return in_transaction(connection, [&]() -> Result<void> {
      auto found = store::sealed::find_check(connection);
      if (!found) return fail(found.error());
      check = std::move(*found);
      return {};
    });
  };
  WAYBILL_TRY(look());
  if (!check) {
    auto begun = begin_with_key(folder, connection);
    if (!begun) return fail(begun.error());
    if (*begun) return std::move(**begun);
    WAYBILL_TRY(look());
  }
  if (!check) {
    return fail(Code::kUnavailable, "database_unavailable",
                "The database was emptied while this hub started. Start it again.");
  }
  auto found = find_key(folder, nodes, *check);
  if (!found) return fail(found.error());
  if (found->is_next) {
    WAYBILL_TRY(replace_key(folder));
  } else {
    ::unlink(next_key_file(folder).c_str());
  }
  return std::move(found->box);
}

Result<std::int64_t> rotate_master_key(const fs::path& folder, store::Connection& connection,
                                       Nodes nodes, const BeforeStep& before) {
  const auto current = open_master_key(folder, connection, nodes);
  if (!current) return fail(current.error());
  before(RotationStep::kMakeKey);
  const auto next = make_key(next_key_file(folder));
  if (!next) return fail(next.error());
  before(RotationStep::kReseal);
  Result<std::int64_t> count = 0;
  auto sealed = in_transaction(connection, [&]() -> Result<void> {
    count = reseal(connection, *current, *next);
    if (!count) return fail(count.error());
    before(RotationStep::kCommit);
    return {};
  });
  // A commit that failed may yet have happened: the next start looks.
  if (!sealed) return fail(sealed.error());
  before(RotationStep::kReplaceKey);
  WAYBILL_TRY(replace_key(folder));
  before(RotationStep::kDone);
  return count;
}

}  // namespace waybill::app
