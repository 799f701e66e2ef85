// The configuration reference in Markdown, out of the declarations themselves.
#pragma once

#include <string>
#include <string_view>

#include "core/fields.h"

namespace tempera {

// A section per struct, a subsection per kind of a choice; each a table of key, type, default, rule and meaning. The
// values of `options` are the defaults.
std::string reference_page(Options& options, std::string_view title);

}  // namespace tempera
