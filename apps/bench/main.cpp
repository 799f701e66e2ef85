// bench NAME [--json FILE] [--markdown] [--threads N] [--seconds S]: runs one benchmark; without a name, lists them.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/bench/benchmarks.h"
#include "core/error.h"

using namespace tempera;

int main(int argc, char** argv) {
  CLI::App app("Measures; without a name, lists what can be measured.", "bench");
  std::string name, json;
  bool markdown = false;
  bench::Options options;
  app.add_option("NAME", name, "the benchmark");
  app.add_option("--json", json, "write the table to this file too");
  app.add_flag("--markdown", markdown, "print the table for a document");
  app.add_option("--threads", options.threads, "threads inside an operation")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "about, for one measurement")->check(CLI::PositiveNumber);
  app.allow_extras();
  CLI11_PARSE(app, argc, argv);
  options.rest = app.remaining();
  options.threads_given = app.count("--threads") > 0;
  try {
    Table known("benchmarks", {{"name"}, {"what"}});
    for (const bench::Benchmark& benchmark : bench::kBenchmarks) {
      if (benchmark.name == name) {
        require(benchmark.own_options || options.rest.empty(), "bench", "{} has no option '{}'", name,
                options.rest.empty() ? "" : options.rest.front());
        show(benchmark.run(options), json, markdown);
        return 0;
      }
      known.add({std::string(benchmark.name), std::string(benchmark.what)});
    }
    if (name.empty()) {
      show(known, json, markdown);
      return 0;
    }
    fail("bench", "there is no benchmark '{}'\n{}", name, known.text());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
