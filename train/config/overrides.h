// `key.path=value` from the command line, and whole files, laid over the tree of a file.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "train/config/yaml_tree.h"

namespace tempera {

// The tree with the value at the path; sections on the way are made where they are missing. The value is YAML and
// replaces what stood there as a whole, so a section given as `{...}` starts from its defaults. A later override of the
// same key wins. What is wrong with its form is added to `problems`, and the tree stays.
YamlTree with_override(const YamlTree& tree, std::string_view argument, Problems& problems);

// The tree with `value` at the path of keys, which was written at `place`, as above.
YamlTree with_value(const YamlTree& tree, std::span<const std::string> path, Place place, const YamlTree& value);

// The parts of "train.optimizer.lr"; empty where that is no path: an empty part, or more than 64.
std::vector<std::string> path_parts(std::string_view dotted);

// The tree of one file with that of another laid over it: sections are merged, whatever else both have is the other's.
YamlTree laid_over(const YamlTree& below, const YamlTree& above);

}  // namespace tempera
