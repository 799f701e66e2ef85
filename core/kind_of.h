// A row of a family's table from the options of the kind.
#pragma once

#include "core/fields.h"

namespace tempera {

template <class T>
constexpr Kind kind_of(std::string_view name, std::string_view doc) {
  return {name, doc, []() -> std::unique_ptr<Options> { return std::make_unique<T>(); }};
}

}  // namespace tempera
