// Scalars in the form that TensorBoard reads: events.out.tfevents.<time>.<host>.
//
// The file is a sequence of TFRecords; with little-endian numbers and
//   masked(c) = rotate_right(c, 15) + 0xa282ead8 mod 2^32,   c = CRC-32C (Castagnoli, polynomial 0x1edc6f41)
// a record is
//   length (uint64), masked(crc of length) (uint32), data, masked(crc of data) (uint32)
// and its data an Event, of which these fields are used (protocol buffers, tensorflow/core/util/event.proto):
//   Event      { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
//                SessionLog session_log = 7; }
//   Summary    { repeated Value value = 1; }      Value { string tag = 1; float simple_value = 2; }
//   SessionLog { SessionStatus status = 1; }      START = 1: what an earlier file holds from this step on is void
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "train/output/append_file.h"
#include "train/output/metrics_log.h"

namespace tempera {

class EventFile {
 public:
  // A new file in `folder`, beside older ones. A run resumed after a step voids what those hold beyond it.
  explicit EventFile(const std::filesystem::path& folder, std::optional<std::int64_t> resume_after = std::nullopt);

  // Tags are "<split>/<name>". `wall_time` in seconds since 1970.
  void add(double wall_time, std::int64_t step, std::string_view split, std::span<const Metric> metrics);
  std::filesystem::path path() const { return file_.path(); }
  void sync() { file_.sync(); }

 private:
  void record(std::string_view data);
  AppendFile file_;
};

std::uint32_t crc32c(std::string_view bytes);

}  // namespace tempera
