// The gallery: docs/gallery.md, made of the rows that are kept in docs/gallery/*.json, and the claims under configs/.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/claims/claim_row.h"

namespace tempera {

// The configurations below a folder that expect something, in order of path. Throws ConfigError for a file that is
// wrong, SetupError for two of one name.
std::vector<std::filesystem::path> find_claims(const std::filesystem::path& configs);
// The configuration that is meant: a file, or the name of one below `configs` without its ending. Throws SetupError
// with the nearest name.
std::filesystem::path claim_named(const std::string& name, const std::filesystem::path& configs);

// All rows of a folder, in order of name.
std::vector<ClaimRow> read_rows(const std::filesystem::path& folder);

// Why a row does not speak of the configuration as it is now; empty where it does. `root` is where row.config starts.
std::string stale(const ClaimRow& row, const std::filesystem::path& root);

// The page in Markdown; pictures lie in gallery/<name>.svg beside it.
std::string gallery_page(const std::vector<ClaimRow>& rows, const std::filesystem::path& root);

}  // namespace tempera
