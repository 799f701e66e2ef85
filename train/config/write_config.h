// The effective configuration as YAML: every field with its value, and where it came from unless it is the default.
#pragma once

#include <string>

#include "core/fields.h"
#include "train/config/read_config.h"

namespace tempera {

// Reads back to the identical struct: doubles in the shortest form with the same bits, texts quoted where a YAML reader
// could see something else. Lines end in `# from configs/mqar.yaml:12` or `# command line` by `origins`.
// Throws Error for numbers that are not finite and texts that are not UTF-8.
std::string write_config(Options& options, const Origins& origins = {});

}  // namespace tempera
