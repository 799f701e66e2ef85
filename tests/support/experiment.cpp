#include "tests/support/experiment.h"

namespace tempera {

ConfigText shipped_config(const std::string& name) {
  return load_config_text(std::filesystem::path(TEMPERA_SOURCE_DIR) / "configs" / name);
}

}  // namespace tempera
