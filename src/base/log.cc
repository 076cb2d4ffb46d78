#include "base/log.h"

#include <array>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/json.h"

namespace waybill {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};

void append(std::string& line, const LogField& field) {
  line += ',';
  append_json_string(line, field.name);
  line += ':';
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    append_json_string(line, *text);
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    line += std::to_string(*number);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    line += json_number(*real);
  } else {
    line += std::get<bool>(field.value) ? "true" : "false";
  }
}

}  // namespace

Log::Log(Level level)
    : level_(level),
      logger_(std::make_shared<spdlog::logger>("waybill",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern(R"({"at":"%Y-%m-%dT%H:%M:%S.%eZ",%v})", spdlog::pattern_time_type::utc);
  logger_->flush_on(spdlog::level::info);
}

Log::~Log() = default;

void Log::write(Level level, std::string_view event, Fields fields) {
  if (!writes(level)) return;
  std::string line =
      fmt::format(R"("level":"{}","event":)", kLevelNames[static_cast<std::size_t>(level)]);
  append_json_string(line, event);
  for (const LogField& field : fields) append(line, field);
  logger_->info(fmt::string_view("{}"), line);
}

}  // namespace waybill
