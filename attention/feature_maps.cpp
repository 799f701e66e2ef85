#include "attention/feature_map.h"
#include "attention/feature_maps/elu.h"

namespace tempera {

std::span<const Kind> feature_map_kinds() {
  static constexpr Kind kKinds[] = {
      {"elu", "elu(x) + 1, of the linear transformer",
       []() -> std::unique_ptr<Options> { return std::make_unique<EluOptions>(); }},
  };
  return kKinds;
}

}  // namespace tempera
