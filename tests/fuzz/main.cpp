// fuzz NAME [libFuzzer's own arguments]: feeds a target of tests/fuzz/targets.h; `fuzz list` names them.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/fuzz/targets.h"

namespace {

const tempera::FuzzTarget* g_target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string_view name = *argc > 1 ? (*argv)[1] : "";
  for (const tempera::FuzzTarget& target : tempera::fuzz_targets()) {
    if (target.name == name) g_target = &target;
    if (name == "list") std::puts(std::string(target.name).c_str());
  }
  if (name == "list") std::exit(0);
  if (!g_target) {
    std::fprintf(stderr, "usage: fuzz NAME [ARGUMENT...]; fuzz list: the names\n");
    std::exit(2);
  }
  // libFuzzer reads the rest.
  std::memmove(*argv + 1, *argv + 2, static_cast<std::size_t>(*argc - 1) * sizeof(char*));
  --*argc;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  g_target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
