#include "core/error.h"

namespace tempera {

Error::Error(std::string_view who, std::string_view message)
    : std::runtime_error(fmt::format("{}: {}", who, message)), who_(who) {}

}  // namespace tempera
