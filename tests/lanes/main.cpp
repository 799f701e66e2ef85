// lanes TRAIN DIGITS NAME [COUNT]: checks that take longer than a test may, each printed as "id value target ok".
#include <charconv>
#include <cstdio>

#include "core/error.h"
#include "tests/lanes/trial.h"

using namespace tempera;
using namespace tempera::lanes;

namespace {

struct Lane {
  std::string_view name;
  int (*run)(const Tools&, int count);
  int count;  // of trials
};
constexpr Lane kLanes[] = {{"kill", kill_lane, 50}, {"signals", signal_lane, 1}, {"resume", resume_lane, 60}};

int usage() {
  std::fputs("usage: lanes TRAIN DIGITS NAME [COUNT]; lanes:", stderr);
  for (const Lane& lane : kLanes) std::fprintf(stderr, " %s", std::string(lane.name).c_str());
  std::fputs("\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) return usage();
  for (const Lane& lane : kLanes) {
    if (lane.name != argv[3]) continue;
    int count = lane.count;
    const std::string_view text = argc == 5 ? argv[4] : "";
    if (!text.empty() && std::from_chars(text.data(), text.data() + text.size(), count).ec != std::errc())
      return usage();
    try {
      return lane.run({argv[1], argv[2]}, count);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      return 1;
    }
  }
  return usage();
}
