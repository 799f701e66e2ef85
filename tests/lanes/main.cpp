// lanes PROGRAMS ROOT NAME [COUNT | --share]: checks that take longer than a test may, each figure printed as "id value
// target ok". A lane whose figure misses its target ends with 1.
#include <charconv>
#include <cstdio>
#include <exception>

#include "tests/lanes/trial.h"

using namespace tempera::lanes;

namespace {

struct Lane {
  std::string_view group, name;
  void (*run)(const Tools&, int count, Figures&);
  int count, share;  // of trials; of a share that takes seconds
};

constexpr Lane kLanes[] = {
    {"gradients", "gradients", gradient_lane, 1000, 64},
    {"bits", "threads", thread_lane, 100, 4},
    {"bits", "load", load_lane, 100, 4},
    {"bits", "resume", resume_lane, 60, 6},
    {"bits", "streams", stream_lane, 20, 5},
    {"runs", "kill", kill_lane, 50, 3},
    {"runs", "signals", signal_lane, 1, 1},
    {"runs", "faults", fault_lane, 1, 20},
    {"hostile", "hostile", hostile_lane, 2000, 20},
    {"hostile", "memory", memory_lane, 1, 40},
    {"health", "flaky", flaky_lane, 20, 1},
    {"soak", "long", long_lane, 1'000'000, 20'000},
    {"soak", "poison", poison_lane, 100, 100},
};

int usage() {
  std::fputs("usage: lanes PROGRAMS ROOT NAME [COUNT | --share]; lanes:", stderr);
  for (const Lane& lane : kLanes)
    std::fprintf(stderr, " %s/%s", std::string(lane.group).c_str(), std::string(lane.name).c_str());
  std::fputs("; a group, or all\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) return usage();
  const std::string_view name = argv[3], text = argc == 5 ? argv[4] : "";
  int wanted = 0;
  if (!text.empty() && text != "--share" &&
      (std::from_chars(text.data(), text.data() + text.size(), wanted).ec != std::errc() || wanted <= 0))
    return usage();
  Figures figures;
  bool known = false;
  for (const Lane& lane : kLanes) {
    if (lane.name != name && lane.group != name && name != "all") continue;
    known = true;
    const double start = now();
    try {
      lane.run({argv[1], argv[2]}, wanted > 0 ? wanted : text == "--share" ? lane.share : lane.count, figures);
    } catch (const std::exception& error) {
      std::printf("%s\n", error.what());
      figures.all(lane.name, 0, 1);
    }
    std::fprintf(stderr, "  lane %s: %.1f s\n", std::string(lane.name).c_str(), now() - start);
  }
  return known ? figures.exit_code() : usage();
}
