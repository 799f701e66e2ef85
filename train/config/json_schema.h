// The JSON Schema of a described struct (draft-07, which editors' YAML support reads best): completion, hover texts and
// red lines while a configuration is typed. Names what read_config takes, except for rules between fields.
//
// An editor finds it by the first line of the file:  # yaml-language-server: $schema=../train.schema.json
#pragma once

#include <string>
#include <string_view>

#include "core/fields.h"

namespace tempera {

// The values of `options` become the defaults. Ends in a newline.
std::string json_schema(Options& options, std::string_view title);

}  // namespace tempera
