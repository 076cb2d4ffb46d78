#include "surfaces/source_directory.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "intake/source_secrets.h"
#include "store/sources.h"
#include "store/workspaces.h"

namespace waybill::surfaces {
namespace {

std::unexpected<Error> not_found() {
  return fail(Code::kNotFound, "source_not_found", "There is nothing at this address.");
}

}  // namespace

std::size_t SourceDirectory::DigestHash::operator()(const crypto::Digest& digest) const noexcept {
  std::size_t value;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

Result<SourceDirectory::Found> SourceDirectory::with_environment(store::Connection& connection,
                                                                 model::Source source) {
  const auto workspace = store::workspaces::find(connection, source.workspace_id);
  if (!workspace) return fail(workspace.error());
  return Found{std::move(source), std::string(model::environment_name(workspace->environment))};
}

Result<SourceDirectory::Source> SourceDirectory::open(Found found) const {
  const dialect::Dialect* dialect = dialects_.find(found.source.dialect);
  if (!dialect || !dialect->receipt) {
    return fail(Code::kInternal, "dialect_missing",
                fmt::format("The hub has no dialect \"{}\" that receives.", found.source.dialect));
  }
  auto keys = intake::open_secrets(secret_box_, found.source);
  if (!keys) return fail(keys.error());
  intake::OpenSource opened;
  opened.source = std::move(found.source);
  opened.environment = std::move(found.environment);
  opened.dialect = dialect;
  opened.keys = *std::move(keys);
  opened.asymmetric_keys = static_cast<std::size_t>(
      std::ranges::count_if(opened.keys, [dialect](const intake::OpenSource::Key& key) {
        return dialect->is_asymmetric(key.secret);
      }));
  return std::make_shared<const intake::OpenSource>(std::move(opened));
}

SourceDirectory::Source SourceDirectory::remembered(std::string_view token) const {
  const auto known = known_.find(crypto::sha256(token));
  return known == known_.end() ? nullptr : known->second;
}

Task<Result<SourceDirectory::Source>> SourceDirectory::find(std::string token) {
  const crypto::Digest hash = crypto::sha256(token);
  if (Source known = remembered(token)) co_return known;
  if (unknown_.contains(hash)) co_return not_found();

  const std::uint64_t forgotten = forgotten_;
  const auto find_it = [&hash](store::Connection& connection) -> Result<std::optional<Found>> {
    auto source = store::sources::find_by_token(connection, hash);
    if (!source) return fail(source.error());
    if (!*source) return std::nullopt;
    auto found = with_environment(connection, **std::move(source));
    if (!found) return fail(found.error());
    return *std::move(found);
  };
  auto found = co_await database_.read(find_it);
  if (!found) co_return fail(found.error());
  const bool may_remember = trusted_ && forgotten == forgotten_;
  if (!*found) {
    if (may_remember) remember_unknown(hash);
    co_return not_found();
  }
  auto source = open(**std::move(found));
  if (source && may_remember) remember(hash, *source);
  co_return source;
}

Task<Result<SourceDirectory::Sources>> SourceDirectory::of_dialect(std::string dialect) {
  if (const auto known = by_dialect_.find(dialect); known != by_dialect_.end()) {
    co_return known->second;
  }
  const std::uint64_t forgotten = forgotten_;
  const auto find_all = [&dialect](store::Connection& connection) -> Result<std::vector<Found>> {
    auto sources = store::sources::of_dialect(connection, dialect);
    if (!sources) return fail(sources.error());
    std::vector<Found> all;
    for (model::Source& source : *sources) {
      auto found = with_environment(connection, std::move(source));
      if (!found) return fail(found.error());
      all.push_back(*std::move(found));
    }
    return all;
  };
  auto found = co_await database_.read(find_all);
  if (!found) co_return fail(found.error());
  std::vector<Source> opened;
  for (Found& one : *found) {
    const std::string id = one.source.id.text();
    if (auto source = open(std::move(one))) {
      opened.push_back(*std::move(source));
    } else {
      log_.warn("source_not_opened", {{"source", id}, {"what", source.error().message}});
    }
  }
  auto sources = std::make_shared<const std::vector<Source>>(std::move(opened));
  if (trusted_ && forgotten == forgotten_ && dialects_.find(dialect)) {
    by_dialect_.emplace(std::move(dialect), sources);
  }
  co_return sources;
}

void SourceDirectory::remember(const crypto::Digest& hash, const Source& source) {
  if (known_.size() >= kSourcesMax) known_.clear();
  known_.emplace(hash, source);
}

void SourceDirectory::remember_unknown(const crypto::Digest& hash) {
  if (unknown_.size() >= kUnknownMax) unknown_.clear();
  unknown_.insert(hash);
}

void SourceDirectory::forget(const model::SourceId& id) {
  ++forgotten_;
  std::erase_if(known_, [&](const auto& entry) { return entry.second->source.id == id; });
  // A new one may have any of these tokens, and any dialect.
  unknown_.clear();
  by_dialect_.clear();
}

void SourceDirectory::trust(bool trusted) {
  trusted_ = trusted;
  ++forgotten_;
  known_.clear();
  unknown_.clear();
  by_dialect_.clear();
}

}  // namespace waybill::surfaces
