#include "data/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/safetensors_header.h"

namespace tempera {
namespace {

using detail::FileType;
using detail::SafetensorsEntry;
using detail::SafetensorsHeader;

static_assert(std::endian::native == std::endian::little, "tensors are written as they lie in memory");

constexpr std::string_view kWho = "safetensors";
constexpr std::uint64_t kPrefix = 8, kMaxHeader = 100'000'000, kAlignment = 64;

// Bytes of a file or of memory, filled in from an offset.
using Read = std::function<void(std::uint64_t offset, std::span<std::byte> to)>;

DType dtype_of_file(FileType type) {
  switch (type) {
    case FileType::F64: return DType::float64;
    case FileType::I64:
    case FileType::I32: return DType::int32;
    default: return DType::float32;
  }
}

// Sign 1, exponent 5 (bias 15), fraction 10.
float from_half(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000u) << 16, magnitude = h & 0x7FFFu;
  if (magnitude >= 0x7C00u) return std::bit_cast<float>(sign | 0x7F800000u | (magnitude & 0x3FFu) << 13);
  // The shifted pattern, read with float's bias of 127, is 2^112 too small; denormals come right too.
  const float value = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
}

float from_bfloat(std::uint16_t b) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(b) << 16);
}

// Reads elements of type From in pieces and gives each, converted, to `to`.
template <class From, class To, class F>
void convert(const Read& read, std::uint64_t offset, Index count, To* to, F f) {
  constexpr Index kPiece = 4096;
  std::array<From, kPiece> piece;
  for (Index first = 0; first < count; first += kPiece) {
    const Index n = std::min(kPiece, count - first);
    const auto values = std::span(piece).first(static_cast<std::size_t>(n));
    read(offset + static_cast<std::uint64_t>(first) * sizeof(From), std::as_writable_bytes(values));
    for (Index i = 0; i < n; ++i) to[first + i] = f(values[static_cast<std::size_t>(i)], first + i);
  }
}

Tensor load(const SafetensorsEntry& e, std::uint64_t data, const Read& read, std::string_view name) {
  Tensor tensor = Tensor::empty(e.shape, dtype_of_file(e.type));
  const std::uint64_t at = data + e.begin;
  switch (e.type) {
    case FileType::F64:
    case FileType::F32:
    case FileType::I32: read(at, std::span(static_cast<std::byte*>(tensor.raw()), tensor.bytes())); break;
    case FileType::F16:
      convert<std::uint16_t>(read, at, tensor.size(), tensor.data<float>(),
                             [](std::uint16_t h, Index) { return from_half(h); });
      break;
    case FileType::BF16:
      convert<std::uint16_t>(read, at, tensor.size(), tensor.data<float>(),
                             [](std::uint16_t b, Index) { return from_bfloat(b); });
      break;
    default:  // I64
      convert<std::int64_t>(read, at, tensor.size(), tensor.data<std::int32_t>(), [&](std::int64_t v, Index i) {
        using Limits = std::numeric_limits<std::int32_t>;
        require(v >= Limits::min() && v <= Limits::max(), kWho,
                "{}: byte {}: tensor '{}' holds {} at element {}; int32 values were wanted", name,
                at + 8 * static_cast<std::uint64_t>(i), e.shown, v, i);
        return static_cast<std::int32_t>(v);
      });
  }
  return tensor;
}

SafetensorsFile read_all(std::uint64_t size, const Read& read, std::string_view name) {
  require(size >= kPrefix, kWho, "{}: the file has {} bytes; the header's length alone takes 8", name, size);
  std::uint64_t length = 0;
  read(0, std::as_writable_bytes(std::span(&length, 1)));
  require(length <= kMaxHeader, kWho, "{}: byte 0: the header has {} bytes; at most {} are read", name, length,
          kMaxHeader);
  require(length <= size - kPrefix, kWho, "{}: byte 0: the header has {} bytes, but only {} follow", name, length,
          size - kPrefix);
  std::string text(length, '\0');
  read(kPrefix, std::as_writable_bytes(std::span(text)));
  SafetensorsHeader header(text, name);
  header.check(size - kPrefix - length);
  SafetensorsFile file;
  header.each([&](const SafetensorsEntry& e) { file.tensors.emplace(e.name, load(e, kPrefix + length, read, name)); },
              [&](std::string key, std::string value) { file.metadata.emplace(std::move(key), std::move(value)); });
  return file;
}

struct Layout {
  std::string prefix_and_header;
  std::vector<const Tensor*> tensors;  // in the order of the data
};

std::string quoted(std::string_view text, std::string_view what) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(kWho, "the {} '{}' is not UTF-8", what, text);
  }
}

Layout layout(const SafetensorsFile& file) {
  std::vector<const std::pair<const std::string, Tensor>*> order;
  for (const auto& item : file.tensors) {
    const auto& [name, tensor] = item;
    require(tensor.defined(), kWho, "tensor '{}' is undefined; it cannot be written", name);
    require(name != "__metadata__", kWho, "a tensor cannot have the name __metadata__, which is the format's own");
    require(name.size() <= SafetensorsHeader::kMaxNameBytes, kWho, "the name of a tensor has {} bytes; at most {} fit",
            name.size(), SafetensorsHeader::kMaxNameBytes);
    order.push_back(&item);
  }
  require(file.tensors.size() + file.metadata.size() <= SafetensorsHeader::kMaxNames, kWho,
          "{} tensors and {} metadata entries came; one file holds {} names", file.tensors.size(), file.metadata.size(),
          SafetensorsHeader::kMaxNames);
  std::stable_sort(order.begin(), order.end(),
                   [](auto* a, auto* b) { return byte_size(a->second.dtype()) > byte_size(b->second.dtype()); });

  Layout result;
  std::map<std::string_view, std::uint64_t> begin;
  std::uint64_t end = 0;
  for (const auto* item : order) {
    begin[item->first] = end;
    end += item->second.bytes();
    result.tensors.push_back(&item->second);
  }
  std::vector<std::string> members;
  if (!file.metadata.empty()) {
    std::vector<std::string> pairs;
    for (const auto& [key, value] : file.metadata)
      pairs.push_back(fmt::format("{}:{}", quoted(key, "metadata key"), quoted(value, "metadata value")));
    members.push_back(fmt::format("\"__metadata__\":{{{}}}", fmt::join(pairs, ",")));
  }
  for (const auto& [name, tensor] : file.tensors)
    members.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", quoted(name, "name"),
                                  tensor.dtype() == DType::float64   ? "F64"
                                  : tensor.dtype() == DType::float32 ? "F32"
                                                                     : "I32",
                                  fmt::join(tensor.shape().begin(), tensor.shape().end(), ","), begin[name],
                                  begin[name] + tensor.bytes()));
  std::string header = fmt::format("{{{}}}", fmt::join(members, ","));
  header.resize((header.size() + kPrefix + kAlignment - 1) / kAlignment * kAlignment - kPrefix, ' ');
  require(header.size() <= kMaxHeader, kWho, "the header takes {} bytes; at most {} fit", header.size(), kMaxHeader);
  const std::uint64_t length = header.size();
  result.prefix_and_header.assign(reinterpret_cast<const char*>(&length), kPrefix);
  result.prefix_and_header += header;
  return result;
}

std::vector<Bytes> parts(const Layout& layout) {
  std::vector<Bytes> result{std::as_bytes(std::span(layout.prefix_and_header))};
  for (const Tensor* tensor : layout.tensors)
    result.emplace_back(static_cast<const std::byte*>(tensor->raw()), tensor->bytes());
  return result;
}

}  // namespace

SafetensorsFile parse_safetensors(Bytes bytes, std::string_view name) {
  return read_all(
      bytes.size(),
      [bytes](std::uint64_t offset, std::span<std::byte> to) {
        if (!to.empty()) std::memcpy(to.data(), bytes.data() + offset, to.size());
      },
      name);
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const InputFile input(path);
  return read_all(
      input.size(), [&](std::uint64_t offset, std::span<std::byte> to) { input.read(offset, to); }, path.string());
}

std::vector<std::byte> format_safetensors(const SafetensorsFile& file) {
  const Layout plan = layout(file);
  std::vector<std::byte> bytes;
  for (Bytes part : parts(plan)) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  const Layout plan = layout(file);
  replace_file(path, parts(plan));
}

}  // namespace tempera
