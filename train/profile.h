// Where the time of training steps goes: seconds, memory traffic and arithmetic of each operation and each module.
//
//   Profile profile;
//   trainer.observe(&profile);            // shards now run one after another
//   for (int i = 0; i < 20; ++i) trainer.step();
//   std::puts(profile.text(peak).c_str());
//   profile.write_trace("trace.json");    // for chrome://tracing and ui.perfetto.dev
//
// Operations run one after another on a tape, so what passed since the one before belongs to the one that just ended,
// its checks and its recording included.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/tape.h"

namespace tempera {

class Profile : public OperationProbe {
 public:
  // One operation under one path, forward or backward.
  struct Row {
    std::string operation, path;  // "linear", "blocks.0.mlp.up"; what is no operation has no path
    bool backward = false;
    std::int64_t calls = 0;
    double seconds = 0;
    // Bytes of operands: inputs and output, twice as many backward; an estimate from below of the memory traffic.
    double bytes = 0;
    double flops = 0;  // see Op::flops; twice as many backward
  };

  void computed(const Op& op, std::string_view path, Inputs inputs, const Tensor& y) override;
  void played(const Op& op, std::string_view path, const Tensor& dy) override;
  // What follows begins now.
  void begin();
  // What passed since begin(), an operation or a mark is not one of the tape's: "update".
  void mark(std::string_view what);

  // In the order of their first appearance.
  const std::vector<Row>& rows() const { return rows_; }
  double seconds() const;
  // Two tables sorted by time: operations, and modules with their parts (numbers in paths become *). `peak` is that of
  // a core in GFLOP/s, for the share; 0: unknown.
  std::string text(double peak = 0) const;
  // The first kTraced events in the Trace Event Format, JSON. Throws Error if the file cannot be written.
  void write_trace(const std::filesystem::path& file) const;

 private:
  static constexpr std::size_t kTraced = 200'000;
  using Clock = std::chrono::steady_clock;
  struct Event {
    int row;
    double start, seconds;
  };
  Row& ended(std::string_view operation, std::string_view path, bool backward);

  std::map<std::string, int, std::less<>> index_;
  std::vector<Row> rows_;
  std::vector<Event> events_;
  Clock::time_point first_ = Clock::now(), last_ = first_;
};

}  // namespace tempera
