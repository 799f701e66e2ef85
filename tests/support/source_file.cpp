#include "tests/support/source_file.h"

namespace tempera {

std::filesystem::path source_file(std::string_view relative) {
  const std::filesystem::path root = TEMPERA_SOURCE_DIR;
  return relative.empty() ? root : root / relative;
}

}  // namespace tempera
