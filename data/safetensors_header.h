// The header of a safetensors file, as a stream: read without trusting a byte of it and without building a tree.
//
//   {"__metadata__": {"key": "value", ...}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//
// The grammar is fixed, so there is no JSON value of unknown depth: an object where none belongs is refused. Escapes
// and UTF-8 are those of RFC 8259; numbers are non-negative integers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace tempera::detail {

// What a safetensors dtype is called, its bytes an element.
enum class FileType : std::uint8_t { F64, F32, F16, BF16, I64, I32 };

struct SafetensorsEntry {
  std::string name;   // decoded
  std::string shown;  // as it stands in the header, shortened: for messages
  std::uint64_t at;   // byte of the file where the name begins
  FileType type;
  Shape shape;
  std::uint64_t begin, end;  // data_offsets
};

class SafetensorsHeader {
 public:
  static constexpr std::size_t kMaxNames = 32000;  // tensors and metadata keys; bounds what check() keeps: 1 MB
  static constexpr std::size_t kMaxNameBytes = 1024;

  // `text` is the header, `file` the name for messages.
  SafetensorsHeader(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  // Everything that can be wrong with the header and with `data_bytes` of data behind it. Throws Error. Keeps at most
  // 32 bytes a name.
  void check(std::uint64_t data_bytes);

  // The entries one by one; after check().
  void each(const std::function<void(const SafetensorsEntry&)>& tensor,
            const std::function<void(std::string key, std::string value)>& metadata);

 private:
  struct Seen {
    std::uint64_t hash;  // of the decoded name
    std::uint64_t begin, end;
    std::uint32_t at;
    bool key;  // of the metadata
  };

  template <class Tensor, class Metadata>
  void parse(Tensor tensor, Metadata metadata);
  template <class F>
  void object(F member);
  template <class F>
  void array(F element);
  template <class Emit>
  void string(Emit emit);
  template <class Emit>
  void escape(Emit emit);
  template <class Emit>
  void utf8(Emit emit);
  SafetensorsEntry entry(std::size_t name_at, std::string name);
  std::string short_string(std::string_view what);
  std::uint64_t integer();
  std::uint32_t hex4();
  char peek();
  void expect(char wanted, std::string_view what);
  std::string shown(std::size_t name_at) const;
  void check_unique(std::vector<Seen>& names) const;
  void check_offsets(std::vector<Seen>& tensors, std::uint64_t data_bytes) const;
  // Throws Error: "<file>: byte <at + 8>: <text>".
  template <class... Args>
  [[noreturn]] void bad(std::size_t at, fmt::format_string<Args...> text, Args&&... args) const;

  std::string_view text_, file_;
  std::size_t at_ = 0;
};

// Bytes an element.
std::uint64_t width(FileType type);
std::string_view to_string(FileType type);

}  // namespace tempera::detail
