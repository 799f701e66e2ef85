// Features of queries and keys whose products are the weights of a linear attention.
#pragma once

#include <memory>

#include "core/fields.h"
#include "layers/context.h"

namespace tempera {

class FeatureMap : public Module {
 public:
  enum class Side { query, key };
  // x [B, heads, tokens, D] -> [B, heads, tokens, F]. A row must depend on its token alone; where features must not be
  // negative the map sees to it.
  virtual Var forward(Context& context, const Var& x, Side side) const = 0;
  // F for heads of width D.
  virtual Index features(Index width) const = 0;
};

// Options of a kind of feature map.
struct FeatureMapOptions : Options {
  virtual std::unique_ptr<FeatureMap> make(Index heads, Index width) const = 0;
};

// The family, by the name it has in a configuration.
std::span<const Kind> feature_map_kinds();

}  // namespace tempera
