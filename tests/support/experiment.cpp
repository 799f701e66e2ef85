#include "tests/support/experiment.h"

#include "tests/support/source_file.h"

namespace tempera {

ConfigText shipped_config(const std::string& name) {
  return load_config_text(source_file("configs") / name);
}

}  // namespace tempera
