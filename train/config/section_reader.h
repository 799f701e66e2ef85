// The fields of a described struct out of a tree.
#pragma once

#include "core/fields.h"
#include "train/config/read_config.h"
#include "train/config/yaml_tree.h"

namespace tempera {

// Fills `options` from the tree of source 0 and the overrides laid over it; all that is wrong is added to `problems`.
Origins read_tree(const YamlTree& tree, Options& options, Problems& problems);

}  // namespace tempera
