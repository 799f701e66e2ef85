#include <catch2/catch.hpp>

#include "core/tape.h"
