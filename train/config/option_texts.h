// The values of options as texts: all of them, or those alone that somebody changed.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/fields.h"

namespace tempera {

// By dotted path, as YAML. Of a choice its type stands at its path. Variants are left out.
using OptionTexts = std::map<std::string, std::string, std::less<>>;
OptionTexts option_texts(Options& options);

// The values that differ from those of `fresh`, a struct of the same type as it is made; inside a choice from those of
// a fresh one of its type, inside a variant from what it varies. In the order of their description.
std::vector<std::pair<std::string, std::string>> changed_options(Options& options, Options& fresh);

}  // namespace tempera
