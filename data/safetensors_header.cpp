#include "data/safetensors_header.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "core/error.h"

namespace tempera::detail {
namespace {

struct TypeRow {
  std::string_view name;
  FileType type;
  std::uint64_t width;
};
constexpr std::array kTypes{TypeRow{"F64", FileType::F64, 8}, TypeRow{"F32", FileType::F32, 4},
                            TypeRow{"F16", FileType::F16, 2}, TypeRow{"BF16", FileType::BF16, 2},
                            TypeRow{"I64", FileType::I64, 8}, TypeRow{"I32", FileType::I32, 4}};

constexpr std::size_t kPrefix = 8;  // bytes of the file before the header

// FNV-1a. A collision of two names among 32,000 has odds of 3e-11 and makes a good file refused, never a bad one read.
struct Hash {
  std::uint64_t value = 14695981039346656037u;
  void add(char c) { value = (value ^ static_cast<unsigned char>(c)) * 1099511628211u; }
};

std::uint64_t hash(std::string_view text) {
  Hash h;
  for (char c : text) h.add(c);
  return h.value;
}

}  // namespace

std::uint64_t width(FileType type) {
  return kTypes[static_cast<std::size_t>(type)].width;
}

std::string_view to_string(FileType type) {
  return kTypes[static_cast<std::size_t>(type)].name;
}

template <class... Args>
void SafetensorsHeader::bad(std::size_t at, fmt::format_string<Args...> text, Args&&... args) const {
  fail("safetensors", "{}: byte {}: {}", file_, kPrefix + at, fmt::format(text, std::forward<Args>(args)...));
}

// The next character that is no white space; 0 at the end, which no grammar rule wants.
char SafetensorsHeader::peek() {
  while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

void SafetensorsHeader::expect(char wanted, std::string_view what) {
  const char came = peek();
  if (at_ == text_.size()) bad(at_, "the header ends where {} was wanted", what);
  const bool printable = came > ' ' && came < 127;
  if (came != wanted)
    bad(at_, "{} came where {} was wanted",
        printable ? fmt::format("'{}'", came) : fmt::format("0x{:02x}", static_cast<unsigned char>(came)), what);
  ++at_;
}

template <class F>
void SafetensorsHeader::object(F member) {
  expect('{', "'{'");
  if (peek() == '}') return void(++at_);
  for (;;) {
    peek();
    member();
    if (peek() != ',') break;
    ++at_;
  }
  expect('}', "',' or '}'");
}

template <class F>
void SafetensorsHeader::array(F element) {
  expect('[', "'['");
  if (peek() == ']') return void(++at_);
  for (;;) {
    element();
    if (peek() != ',') break;
    ++at_;
  }
  expect(']', "',' or ']'");
}

template <class Emit>
void SafetensorsHeader::string(Emit emit) {
  expect('"', "a string");
  for (;;) {
    if (at_ == text_.size()) bad(at_, "the header ends inside a string");
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c < 0x20) bad(at_, "control character 0x{:02x} inside a string; an escape was wanted", c);
    if (c >= 0x80) {
      utf8(emit);
      continue;
    }
    ++at_;
    if (c == '"') return;
    if (c == '\\') escape(emit);
    else emit(static_cast<char>(c));
  }
}

template <class Emit>
void SafetensorsHeader::utf8(Emit emit) {
  const auto byte = [&](std::size_t i) {
    return at_ + i < text_.size() ? static_cast<unsigned char>(text_[at_ + i]) : 0u;
  };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
  std::uint32_t code = length == 0 ? 0 : lead & (0x7Fu >> length);
  bool good = length > 0;
  for (std::size_t i = 1; i < length; ++i) {
    good = good && (byte(i) & 0xC0u) == 0x80u;
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<std::uint32_t, 5> kShortest{0, 0, 0x80, 0x800, 0x10000};  // longer forms are forgeries
  good = good && code >= kShortest[length] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  if (!good) bad(at_, "byte 0x{:02x} begins no valid UTF-8 character", lead);
  for (std::size_t i = 0; i < length; ++i) emit(text_[at_++]);
}

std::uint32_t SafetensorsHeader::hex4() {
  std::uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') code = code * 16 + static_cast<std::uint32_t>(c - '0');
    else if (lower >= 'a' && lower <= 'f') code = code * 16 + static_cast<std::uint32_t>(lower - 'a') + 10;
    else bad(at_, "four hexadecimal digits were wanted after \\u");
  }
  return code;
}

template <class Emit>
void SafetensorsHeader::escape(Emit emit) {
  const std::size_t start = at_ - 1;
  const char c = at_ < text_.size() ? text_[at_++] : '\0';
  constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
  if (const std::size_t i = kFrom.find(c); i != std::string_view::npos) return emit(kTo[i]);
  if (c != 'u') bad(start, "a backslash begins no escape that JSON has");
  std::uint32_t code = hex4();
  const bool high = code >= 0xD800 && code <= 0xDBFF;
  if (high && text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    const std::uint32_t low = hex4();
    code = low >= 0xDC00 && low <= 0xDFFF ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0xD800;
  }
  if (code >= 0xD800 && code <= 0xDFFF) bad(start, "half of a surrogate pair is no character");
  const auto tail = [&](int shift) { emit(static_cast<char>(0x80 | (code >> shift & 0x3F))); };
  if (code < 0x80) return emit(static_cast<char>(code));
  if (code < 0x800) emit(static_cast<char>(0xC0 | code >> 6));
  else if (code < 0x10000) emit(static_cast<char>(0xE0 | code >> 12)), tail(6);
  else emit(static_cast<char>(0xF0 | code >> 18)), tail(12), tail(6);
  tail(0);
}

std::string SafetensorsHeader::short_string(std::string_view what) {
  peek();
  const std::size_t start = at_;
  std::string result;
  string([&](char c) {
    if (result.size() == kMaxNameBytes) bad(start, "{} is longer than {} bytes", what, kMaxNameBytes);
    result += c;
  });
  return result;
}

std::uint64_t SafetensorsHeader::integer() {
  const char first = peek();
  const std::size_t start = at_;
  std::uint64_t value = 0;
  for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
    const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
      bad(start, "a number exceeds 64 bits");
  }
  const bool fraction = at_ < text_.size() && std::string_view(".eE").find(text_[at_]) != std::string_view::npos;
  if (at_ == start || fraction || (first == '0' && at_ > start + 1)) bad(start, "a non-negative integer was wanted");
  return value;
}

// The name as it stands in the text, without its quotes.
std::string SafetensorsHeader::shown(std::size_t name_at) const {
  constexpr std::size_t kLongest = 64;
  SafetensorsHeader again(text_, file_);
  again.at_ = name_at;
  again.string([](char) {});
  const std::string_view whole = text_.substr(name_at + 1, again.at_ - name_at - 2);
  return whole.size() <= kLongest ? std::string(whole) : fmt::format("{}...", whole.substr(0, kLongest));
}

// The value of a tensor's member, from '{' on.
SafetensorsEntry SafetensorsHeader::entry(std::size_t name_at, std::string name) {
  SafetensorsEntry e{std::move(name), shown(name_at), kPrefix + name_at, FileType::F32, {}, 0, 0};
  std::optional<FileType> type;
  std::array<std::uint64_t, Shape::kMaxRank> extents{};
  std::array<std::uint64_t, 2> offsets{};
  std::size_t rank = 0, ends = 0;
  bool shape = false, placed = false;
  const auto once = [&](bool before, std::size_t at, std::string_view key) {
    if (before) bad(at, "tensor '{}' has two keys '{}'", e.shown, key);
  };
  object([&] {
    const std::size_t key_at = at_;
    const std::string key = short_string("a key");
    expect(':', "':'");
    peek();
    const std::size_t value_at = at_;
    if (key == "dtype") {
      once(type.has_value(), key_at, key);
      const std::string word = short_string("a dtype");
      for (const TypeRow& row : kTypes)
        if (row.name == word) type = row.type;
      if (!type)
        bad(value_at, "tensor '{}' has dtype {}; F64, F32, F16, BF16, I64 and I32 can be read", e.shown,
            shown(value_at));
    } else if (key == "shape") {
      once(std::exchange(shape, true), key_at, key);
      array([&] {
        const std::uint64_t extent = integer();
        if (rank == extents.size()) bad(value_at, "tensor '{}' has more than {} axes", e.shown, Shape::kMaxRank);
        extents[rank++] = extent;
      });
    } else if (key == "data_offsets") {
      once(std::exchange(placed, true), key_at, key);
      array([&] {
        const std::uint64_t offset = integer();
        if (ends == offsets.size()) bad(value_at, "tensor '{}' has more than two data_offsets", e.shown);
        offsets[ends++] = offset;
      });
      if (ends != offsets.size()) bad(value_at, "tensor '{}' has {} data_offsets; two were wanted", e.shown, ends);
    } else
      bad(key_at, "tensor '{}' has the key '{}'; dtype, shape and data_offsets were wanted", e.shown, shown(key_at));
  });
  if (!type || !shape || !placed)
    bad(name_at, "tensor '{}' has no {}", e.shown, !type ? "dtype" : !shape ? "shape" : "data_offsets");

  e.type = *type;
  e.begin = offsets[0];
  e.end = offsets[1];
  if (e.begin > e.end)
    bad(name_at, "tensor '{}' has data_offsets [{}, {}], which run backwards", e.shown, e.begin, e.end);
  std::array<Index, Shape::kMaxRank> sizes{};
  std::uint64_t bytes = width(e.type);
  for (std::size_t i = 0; i < rank; ++i) {
    sizes[i] = static_cast<Index>(extents[i]);
    if (__builtin_mul_overflow(bytes, extents[i], &bytes) || bytes > INT64_MAX || extents[i] > INT64_MAX)
      bad(name_at, "tensor '{}' has shape [{}], whose bytes exceed 63 bits", e.shown,
          fmt::join(extents.begin(), extents.begin() + static_cast<std::ptrdiff_t>(rank), ", "));
  }
  e.shape = Shape(std::span<const Index>(sizes.data(), rank));
  if (e.end - e.begin != bytes)
    bad(name_at, "tensor '{}' has {} bytes in data_offsets [{}, {}]; shape {} of {} takes {}", e.shown, e.end - e.begin,
        e.begin, e.end, e.shape, to_string(e.type), bytes);
  return e;
}

template <class Tensor, class Metadata>
void SafetensorsHeader::parse(Tensor tensor, Metadata metadata) {
  at_ = 0;
  bool described = false;
  object([&] {
    const std::size_t name_at = at_;
    std::string name = short_string("a name");
    expect(':', "':'");
    if (name != "__metadata__") {
      tensor(name_at, entry(name_at, std::move(name)));
      return;
    }
    if (std::exchange(described, true)) bad(name_at, "a second __metadata__");
    object([&] { metadata(); });
  });
  peek();
  if (at_ != text_.size()) bad(at_, "something follows the header's closing brace; spaces only were wanted");
}

void SafetensorsHeader::check(std::uint64_t data_bytes) {
  static_assert(kMaxNames * sizeof(Seen) + 8 * kMaxNameBytes <= std::size_t{1} << 20, "the promise of safetensors.h");
  // The shortest member, "":"", takes six bytes, so the list never grows.
  std::vector<Seen> names;
  names.reserve(std::min(kMaxNames, text_.size() / 6));
  const auto see = [&](const Seen& seen) {
    if (names.size() == kMaxNames) bad(seen.at, "more than {} names; split the file", kMaxNames);
    names.push_back(seen);
  };
  parse(
      [&](std::size_t name_at, const SafetensorsEntry& e) {
        see({hash(e.name), e.begin, e.end, static_cast<std::uint32_t>(name_at), false});
      },
      [&] {
        const auto key_at = static_cast<std::uint32_t>(at_);
        Hash key;
        string([&](char c) { key.add(c); });
        expect(':', "':'");
        string([](char) {});
        see({key.value, 0, 0, key_at, true});
      });
  check_unique(names);
  names.erase(std::remove_if(names.begin(), names.end(), [](const Seen& s) { return s.key; }), names.end());
  check_offsets(names, data_bytes);
}

void SafetensorsHeader::check_unique(std::vector<Seen>& names) const {
  std::sort(names.begin(), names.end(),
            [](const Seen& a, const Seen& b) { return std::tie(a.key, a.hash, a.at) < std::tie(b.key, b.hash, b.at); });
  const auto twin = std::adjacent_find(names.begin(), names.end(),
                                       [](const Seen& a, const Seen& b) { return a.key == b.key && a.hash == b.hash; });
  if (twin == names.end()) return;
  const Seen& second = twin[1];
  bad(second.at, "a second {} '{}'; the first stands at byte {}", second.key ? "metadata key" : "tensor",
      shown(second.at), kPrefix + twin->at);
}

// Whatever their order in the header, the tensors fill the data without hole or overlap.
void SafetensorsHeader::check_offsets(std::vector<Seen>& tensors, std::uint64_t data_bytes) const {
  std::sort(tensors.begin(), tensors.end(),
            [](const Seen& a, const Seen& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  std::uint64_t end = 0;
  for (const Seen& tensor : tensors) {
    if (tensor.begin != end)
      bad(tensor.at, "tensor '{}' begins at data offset {}, {} the end {} of the tensor before it; no {} is allowed",
          shown(tensor.at), tensor.begin, tensor.begin < end ? "before" : "behind", end,
          tensor.begin < end ? "overlap" : "hole");
    end = tensor.end;
    if (end > data_bytes)
      bad(tensor.at, "tensor '{}' ends at data offset {}, but the file has {} bytes of data; it is cut short",
          shown(tensor.at), end, data_bytes);
  }
  if (end != data_bytes) bad(text_.size() + end, "{} bytes follow the last tensor; none were wanted", data_bytes - end);
}

void SafetensorsHeader::each(const std::function<void(const SafetensorsEntry&)>& tensor,
                             const std::function<void(std::string, std::string)>& metadata) {
  parse([&](std::size_t, const SafetensorsEntry& e) { tensor(e); },
        [&] {
          std::string key, value;
          string([&](char c) { key += c; });
          expect(':', "':'");
          string([&](char c) { value += c; });
          metadata(std::move(key), std::move(value));
        });
}

}  // namespace tempera::detail
