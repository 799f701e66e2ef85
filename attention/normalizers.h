// The family of score normalizers, by the name it has in a configuration.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

std::span<const Kind> normalizer_kinds();

}  // namespace tempera
