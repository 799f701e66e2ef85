// The fields of a described struct out of a tree.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/fields.h"
#include "train/config/read_config.h"
#include "train/config/yaml_tree.h"

namespace tempera {

// Where a tree that is read hangs.
struct TreePosition {
  std::string path = {};                              // dotted, of the section that the tree is; stands in messages
  Place place = {};                                   // of that section
  std::span<const std::string_view> also_known = {};  // keys beside its own that somebody else reads
};

// Fills `options` from the tree of source 0 and the overrides laid over it; all that is wrong is added to `problems`.
Origins read_tree(const YamlTree& tree, Options& options, Problems& problems, const TreePosition& at = {});

}  // namespace tempera
