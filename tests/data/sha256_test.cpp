#include "data/sha256.h"

#include <catch2/catch.hpp>

#include "tests/support/twins.h"

using namespace tempera;

namespace {

std::string sha256(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hash.hex();
}

}  // namespace

TEST_CASE("SHA-256 gives the values of FIPS 180-4", "[sha256]") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Sha256 pieces;
  for (int i = 0; i < 1000; ++i) pieces.add(std::string(1000, 'a'));
  CHECK(pieces.hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a hash is asked for once", "[sha256][errors]") {
  Sha256 hash;
  hash.hex();
  CHECK(error_of([&] { hash.add("a"); }) == "Sha256: bytes came after the end; take a new one for each hash");
  CHECK(error_of([&] { hash.hex(); }) == "Sha256: the hash was asked for twice; take a new one for each hash");
}
