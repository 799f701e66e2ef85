#include "train/output/event_file.h"

#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

// A reader of our own, from the formats' definitions.
template <class T>
T take(std::string_view& bytes) {
  T value;
  REQUIRE(bytes.size() >= sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

std::uint32_t unmasked(std::uint32_t masked) {
  return std::rotl(masked - 0xa282ead8u, 15);
}

std::vector<std::string> records_of(std::string_view file) {
  std::vector<std::string> records;
  while (!file.empty()) {
    const std::string_view head = file.substr(0, 8);
    const auto length = take<std::uint64_t>(file);
    CHECK(unmasked(take<std::uint32_t>(file)) == crc32c(head));
    const std::string_view data = file.substr(0, length);
    REQUIRE(data.size() == length);
    file.remove_prefix(length);
    CHECK(unmasked(take<std::uint32_t>(file)) == crc32c(data));
    records.emplace_back(data);
  }
  return records;
}

struct Field {
  unsigned number;
  std::uint64_t integer = 0;  // wire types 0, 1 and 5
  std::string bytes;          // wire type 2
};

std::uint64_t varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<unsigned char>(bytes);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

std::vector<Field> fields_of(std::string_view message) {
  std::vector<Field> fields;
  while (!message.empty()) {
    const std::uint64_t key = varint(message);
    Field field{static_cast<unsigned>(key >> 3), 0, {}};
    switch (key & 7) {
      case 0: field.integer = varint(message); break;
      case 1: field.integer = take<std::uint64_t>(message); break;
      case 5: field.integer = take<std::uint32_t>(message); break;
      default: {
        const std::uint64_t length = varint(message);
        field.bytes = message.substr(0, length);
        message.remove_prefix(length);
      }
    }
    fields.push_back(field);
  }
  return fields;
}

}  // namespace

TEST_CASE("CRC-32C has its check values", "[output]") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
}

TEST_CASE("events are what TensorBoard reads", "[output]") {
  const TestFolder folder;
  EventFile file(folder.path);
  file.add(1700000000.5, 300, "valid", std::array{Metric{"loss", 1.5}, Metric{"accuracy", std::nan("")}});
  CHECK(file.path().filename().string().rfind("events.out.tfevents.", 0) == 0);

  const std::vector<std::string> records = records_of(contents_of(file.path()));
  REQUIRE(records.size() == 2);
  const std::vector<Field> version = fields_of(records[0]);
  CHECK(version.back().number == 3);
  CHECK(version.back().bytes == "brain.Event:2");

  const std::vector<Field> event = fields_of(records[1]);
  REQUIRE(event.size() == 3);
  CHECK(event[0].number == 1);
  CHECK(std::bit_cast<double>(event[0].integer) == 1700000000.5);
  CHECK(event[1].number == 2);
  CHECK(event[1].integer == 300);
  CHECK(event[2].number == 5);
  const std::vector<Field> values = fields_of(event[2].bytes);
  REQUIRE(values.size() == 2);
  const std::vector<Field> loss = fields_of(values[0].bytes), accuracy = fields_of(values[1].bytes);
  CHECK(loss[0].bytes == "valid/loss");
  CHECK(std::bit_cast<float>(static_cast<std::uint32_t>(loss[1].integer)) == 1.5f);
  CHECK(accuracy[0].bytes == "valid/accuracy");
  CHECK(std::isnan(std::bit_cast<float>(static_cast<std::uint32_t>(accuracy[1].integer))));
}

TEST_CASE("a resumed run writes a file of its own that voids later steps", "[output]") {
  const TestFolder folder;
  const EventFile first(folder.path), second(folder.path, 500);
  CHECK(first.path() != second.path());
  const std::vector<std::string> records = records_of(contents_of(second.path()));
  REQUIRE(records.size() == 2);
  const std::vector<Field> start = fields_of(records[1]);
  CHECK(start[1].integer == 501);
  CHECK(start[2].number == 7);
  CHECK(fields_of(start[2].bytes)[0].integer == 1);
}
