#include "train/output/event_file.h"

#include <array>
#include <bit>
#include <chrono>
#include <unistd.h>

namespace tempera {
namespace {

// Protocol buffers, wire format: a key is field << 3 | type; 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
void varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

template <class T>
void fixed(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void key(std::string& out, unsigned field, unsigned type) {
  varint(out, field << 3 | type);
}

void bytes_field(std::string& out, unsigned field, std::string_view bytes) {
  key(out, field, 2);
  varint(out, bytes.size());
  out += bytes;
}

std::string event(double wall_time, std::int64_t step, unsigned field, std::string_view content) {
  std::string out;
  key(out, 1, 1);
  fixed(out, wall_time);
  key(out, 2, 0);
  varint(out, static_cast<std::uint64_t>(step));
  bytes_field(out, field, content);
  return out;
}

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;  // the polynomial, bits reversed
    table[i] = c;
  }
  return table;
}

std::uint32_t masked(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

std::filesystem::path fresh_path(const std::filesystem::path& folder) {
  const std::string stem = fmt::format("events.out.tfevents.{:.0f}.{}", now(), host());
  std::filesystem::path path = folder / stem;
  for (int again = 1; std::filesystem::exists(path); ++again)  // several within one second
    path = folder / fmt::format("{}.{}", stem, again);
  return path;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = crc_table();
  std::uint32_t c = ~0u;
  for (const char byte : bytes) c = c >> 8 ^ table[(c ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~c;
}

EventFile::EventFile(const std::filesystem::path& folder, std::optional<std::int64_t> resume_after)
    : file_("tensorboard", fresh_path(folder)) {
  record(event(now(), 0, 3, "brain.Event:2"));
  if (resume_after) {
    std::string start;
    key(start, 1, 0);
    varint(start, 1);
    record(event(now(), *resume_after + 1, 7, start));
  }
}

void EventFile::add(double wall_time, std::int64_t step, std::string_view split, std::span<const Metric> metrics) {
  std::string summary;
  for (const Metric& metric : metrics) {
    std::string value;
    bytes_field(value, 1, fmt::format("{}/{}", split, metric.name));
    key(value, 2, 5);
    fixed(value, static_cast<float>(metric.value));
    bytes_field(summary, 1, value);
  }
  record(event(wall_time, step, 5, summary));
}

void EventFile::record(std::string_view data) {
  std::string length, out;
  fixed(length, static_cast<std::uint64_t>(data.size()));
  out = length;
  fixed(out, masked(length));
  out += data;
  fixed(out, masked(data));
  file_.append(out);
}

}  // namespace tempera
