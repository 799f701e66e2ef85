// The whole contents of a file, unpacked where its name ends in .gz.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tempera {

// Throws Error(who) with file and reason: missing, a folder, no gzip data, cut off, broken, more than `most` bytes, or,
// beyond 64 MiB, more than 100 times what was packed.
std::string read_contents(const std::filesystem::path& file, std::string_view who,
                          std::uint64_t most = std::uint64_t{1} << 34);

// Nothing lies at `path`; false where something does, or where nobody may look.
bool is_missing(const std::filesystem::path& path);

// Every regular file below `folder`, sorted by path; names that begin with a dot are left out.
// Throws Error(who) where the folder cannot be read.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder, std::string_view who);

}  // namespace tempera
