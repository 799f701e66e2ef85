// The safetensors format: named tensors and text, in a file that PyTorch, JAX and numpy users read and write.
//
//   8 bytes    length h of the header, little-endian
//   h bytes    JSON: {"__metadata__": {"key": "value"}, "name": {"dtype": "F32", "shape": [2, 3],
//              "data_offsets": [0, 24]}, ...}, then spaces
//   the rest   the tensors, row-major and little-endian, without holes
//
// F32, F64 and I32 become float32, float64 and int32. F16 and BF16 are widened to float32, I64 narrowed to int32
// where every value fits; other dtypes are refused by name. https://github.com/huggingface/safetensors
//
// Reading trusts nothing: a file that breaks a rule throws Error with file, byte, tensor, what came and what was
// wanted, before any tensor is allocated; until then at most the header and 1 MiB are held. Limits: header 100 MB,
// 32,000 names, names of 1,024 bytes, rank 5.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "data/files.h"

namespace tempera {

struct SafetensorsFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

SafetensorsFile read_safetensors(const std::filesystem::path& path);
// Replaces the file as a whole (see replace_file). Equal contents give equal bytes: the header is sorted by name, the
// data lie in the order of element size, then name, so that every tensor is aligned; they begin at a multiple of 64.
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

// The same in memory; `name` stands for the file in messages.
SafetensorsFile parse_safetensors(Bytes bytes, std::string_view name = "memory");
std::vector<std::byte> format_safetensors(const SafetensorsFile& file);

}  // namespace tempera
