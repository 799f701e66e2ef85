// What every feature map promises to the linear attention. A check says what it found wrong, and nothing where all is
// well.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "attention/feature_map.h"

namespace tempera {

struct FeatureMapPromise {
  std::string_view name;
  std::string (*broken)(const FeatureMapOptions& options);
};

std::span<const FeatureMapPromise> feature_map_promises();

}  // namespace tempera
