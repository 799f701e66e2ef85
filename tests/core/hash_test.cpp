#include "core/hash.h"

#include <catch2/catch.hpp>

using namespace tempera;

TEST_CASE("fnv1a gives the published values", "[hash]") {
  // From the test vectors of the FNV authors.
  CHECK(fnv1a("") == 0xcbf29ce484222325u);
  CHECK(fnv1a("a") == 0xaf63dc4c8601ec8cu);
  CHECK(fnv1a("foobar") == 0x85944171f73967e8u);
  CHECK(fnv1a("bar", fnv1a("foo")) == fnv1a("foobar"));
}
