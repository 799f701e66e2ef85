// The kept inputs of the fuzz targets, and a few damaged copies of each, through the functions that the fuzzer calls.
#include <catch2/catch.hpp>
#include <set>

#include "tests/fuzz/targets.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"

using namespace tempera;
namespace fs = std::filesystem;

TEST_CASE("readers give an answer to every kept input, and to damaged ones", "[fuzz]") {
  constexpr int kCopies = 30;  // ./dev lane hostile tries thousands, ./dev fuzz millions
  const fs::path corpus = source_file("tests/fuzz/corpus");
  std::set<std::string> names;
  for (const FuzzTarget& target : fuzz_targets()) {
    names.insert(std::string(target.name));
    int inputs = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(corpus / target.name)) {
      const std::string kept = contents_of(entry.path());
      INFO(target.name << ", " << entry.path().filename());
      CHECK(kept.size() <= 4096);
      CHECK_NOTHROW(target.run(kept));
      for (int copy = 1; copy <= kCopies; ++copy)
        CHECK_NOTHROW(target.run(damaged(kept, static_cast<std::uint64_t>(copy))));
      ++inputs;
    }
    INFO(target.name);
    CHECK(inputs >= 2);
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(corpus))
    CHECK(names.contains(entry.path().filename().string()));
}
