// Where the files of the source tree are; only source_file.cpp knows, so that the tests compile alike in every clone.
#pragma once

#include <filesystem>
#include <string_view>

namespace tempera {

// "data/files/digits.csv" as a whole path; "" is the root.
std::filesystem::path source_file(std::string_view relative);

}  // namespace tempera
