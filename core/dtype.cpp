#include "core/dtype.h"

namespace tempera {

std::string_view to_string(DType dtype) {
  switch (dtype) {
    case DType::float32: return "float32";
    case DType::float64: return "float64";
    case DType::int32: return "int32";
  }
  return "unknown";
}

}  // namespace tempera
