#include "delivery/channels/file_channel.h"

#include <algorithm>
#include <utility>

#include "delivery/handled_message.h"

namespace waybill::delivery {
namespace {

constexpr std::size_t kNameMax = 200;

bool fits_name(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
         c == '_' || c == '-';
}

model::Outcome outcome_of(const Error& error) {
  if (error.reason == FileWriter::kBusy) return model::Outcome::kLater;
  if (error.code == Code::kTimeout) return model::Outcome::kTimeout;
  return error.code == Code::kUnavailable ? model::Outcome::kRefused : model::Outcome::kUnsendable;
}

}  // namespace

Result<FileSettings> FileSettings::read(const json::object& settings) {
  SettingsReader reader(settings);
  FileSettings made;
  made.name = reader.text("name", kNameMax);
  made.payload = reader.payload();
  if (made.name.starts_with('.') || !std::ranges::all_of(made.name, fits_name)) {
    reader.refuse("name",
                  "It is the name of a file, of letters, digits, \".\", \"_\" and \"-\", and does "
                  "not begin with a dot.");
  }
  WAYBILL_TRY(reader.end());
  return made;
}

Task<Result<void>> FileChannel::append(const model::Delivery& delivery, const Target& target,
                                       OutgoingEvent& event, int number) {
  const auto stored = settings_of(target);
  if (!stored) co_return fail(stored.error());
  auto settings = FileSettings::read(*stored);
  if (!settings) co_return fail(settings.error());
  const auto content = content_of(event);
  if (!content) co_return fail(content.error());
  std::string line = payload_of(settings->payload, *content, delivery, number);
  co_return co_await writer_.append(std::move(settings->name), std::move(line),
                                    Deadline::after(target.timeout));
}

Task<Tried> FileChannel::attempt(const model::Delivery& delivery,
                                 std::shared_ptr<const Target> target, OutgoingEvent& event) {
  Tried tried;
  tried.attempt.number = delivery.attempts_made + 1;
  tried.attempt.started_at = clock_.now();
  const Stopwatch stopwatch;
  const auto appended = co_await append(delivery, *target, event, tried.attempt.number);
  tried.attempt.outcome = appended ? model::Outcome::kSucceeded : outcome_of(appended.error());
  if (!appended) tried.attempt.error = appended.error().message;
  if (tried.attempt.outcome == model::Outcome::kLater) {
    tried.attempt.retry_after = std::chrono::seconds(1);
  }
  tried.attempt.latency = stopwatch.elapsed();
  co_return tried;
}

}  // namespace waybill::delivery
