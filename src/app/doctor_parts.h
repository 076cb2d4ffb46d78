// The parts of the doctor that are about the database. Used by doctor.cc.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "app/doctor.h"
#include "app/master_key.h"
#include "store/connection.h"

namespace waybill::app {

inline constexpr std::uintmax_t kMebibyte = 1024ull * 1024;
inline std::string mebibytes(std::uintmax_t bytes) {
  return fmt::format("{} MiB", bytes / kMebibyte);
}

// The first column of the one row that there is, as a number; or nothing.
std::optional<std::int64_t> ask_number(store::Connection& connection, std::string_view sql,
                                       std::initializer_list<store::Param> params = {});

void examine_sqlite(const DoctorOptions& options, const Clock& clock, bool hub_runs,
                    Findings& findings);

// Requires: settings.database.
void examine_postgres(const DoctorOptions& options, const Settings& settings, const Clock& clock,
                      bool hub_runs, Findings& findings);

// What is the same in every database that has our tables: the key, times, what is late.
void examine_records(const DoctorOptions& options, Nodes nodes, store::Connection& connection,
                     const Clock& clock, bool hub_runs, Findings& findings);

}  // namespace waybill::app
