#include "attention/feature_map.h"
#include "attention/feature_maps/elu.h"
#include "core/kind_of.h"

namespace tempera {

std::span<const Kind> feature_map_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<EluOptions>("elu", "elu(x) + 1, of the linear transformer"),
  };
  return kKinds;
}

}  // namespace tempera
