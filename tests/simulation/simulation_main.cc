// waybill_simulation: runs worlds by their seeds.
//
//   waybill_simulation --seed 1234 --trace    one, and its whole story
//   waybill_simulation --seeds 0..199         many
//   waybill_simulation --seeds 0..4 --twice   each twice, to see that both tell the same story
//
// With --full-times N and WAYBILL_TEST_FULL=1 in the environment there are N times as many seeds,
// and ranges that lie side by side still do.

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "simulation/world.h"

namespace waybill::simulation {
namespace {

constexpr std::string_view kUsage =
    "usage: waybill_simulation --seed N [--trace] | "
    "--seeds FIRST..LAST [--twice] [--full-times N]\n";

struct Command {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool traces = false;
  bool twice = false;
};

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Command> read_command(const std::vector<std::string_view>& words) {
  Command command;
  bool has_seed = false;
  std::uint64_t full_times = 1;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--trace") {
      command.traces = true;
    } else if (words[i] == "--twice") {
      command.twice = true;
    } else if (words[i] == "--full-times" && i + 1 < words.size()) {
      const auto times = read_number(words[++i]);
      if (!times || *times == 0) return std::nullopt;
      full_times = *times;
    } else if ((words[i] == "--seed" || words[i] == "--seeds") && i + 1 < words.size()) {
      const std::string_view text = words[++i];
      const std::size_t dots = text.find("..");
      const auto first = read_number(text.substr(0, dots));
      const auto last = dots == std::string_view::npos ? first : read_number(text.substr(dots + 2));
      if (!first || !last || *last < *first) return std::nullopt;
      command.first = *first;
      command.last = *last;
      has_seed = true;
    } else {
      return std::nullopt;
    }
  }
  if (!has_seed) return std::nullopt;
  const char* const full = std::getenv("WAYBILL_TEST_FULL");
  if (full != nullptr && std::string_view(full) == "1") {
    command.first *= full_times;
    command.last = (command.last + 1) * full_times - 1;
  }
  return command;
}

void report(std::uint64_t seed, const Fate& fate, const std::string& breach, bool is_first) {
  if (is_first) {
    for (const std::string& line : fate.last_lines) fmt::print("{}\n", line);
  }
  fmt::print("seed {}: {}\n  its whole story: waybill_simulation --seed {} --trace\n", seed, breach,
             seed);
  std::fflush(stdout);
}

int run(const Command& command) {
  Fate all;
  int failed = 0;
  for (std::uint64_t seed = command.first; seed <= command.last; ++seed) {
    Fate fate = World(seed, command.traces).run();
    if (!fate.breach && command.twice && World(seed, false).run().digest != fate.digest) {
      fate.breach = "two runs of it tell two stories";
    }
    if (fate.breach) report(seed, fate, *fate.breach, ++failed == 1);
    all.sendings += fate.sendings;
    all.repeated += fate.repeated;
    all.crashes += fate.crashes;
    all.passed += fate.passed;
    all.digest ^= fate.digest;
  }
  fmt::print("seeds {}..{}: {} failed; {} requests, {} of them again; {} crashes; {} h; {:016x}\n",
             command.first, command.last, failed, all.sendings, all.repeated, all.crashes,
             std::chrono::duration_cast<std::chrono::hours>(all.passed).count(), all.digest);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace waybill::simulation

int main(int argc, char** argv) {
  const auto command =
      waybill::simulation::read_command(std::vector<std::string_view>(argv + 1, argv + argc));
  if (!command) {
    fmt::print(stderr, "{}", waybill::simulation::kUsage);
    return 2;
  }
  return waybill::simulation::run(*command);
}
