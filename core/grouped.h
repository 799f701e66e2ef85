// Large numbers for people.
#pragma once

#include <cstdint>
#include <string>

namespace tempera {

// 1234567 -> "1,234,567"
std::string grouped(std::int64_t number);

}  // namespace tempera
