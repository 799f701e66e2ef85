// A run in a test's folder, as `train` would do it, and what it says.
#pragma once

#include <algorithm>
#include <cstdio>
#include <memory>

#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "train/run.h"

namespace tempera {

struct TestRun {
  // The text of `config` with a few settings laid over it.
  TestRun(const ConfigText& config, const TestFolder& folder, std::vector<std::string> overrides) {
    overrides.push_back("folder=" + folder.path.string());
    const auto of_data = [](const std::string& setting) { return setting.starts_with("data="); };
    if (std::none_of(overrides.begin(), overrides.end(), of_data))
      overrides.push_back(fmt::format("data.file={}", source_file("data/files/digits.csv").string()));
    origins = read_config(config, overrides, options);
    experiment = std::make_unique<Experiment>(options);
  }
  // What it says to the console stands in `said` afterwards.
  RunEnd run(RunStart start = RunStart::fresh, const std::filesystem::path& checkpoint = {}) {
    std::FILE* screen = std::tmpfile();
    RunEnd end{};
    {
      Console console(screen);
      end = run_experiment(*experiment, console, origins, start, checkpoint);
    }
    std::rewind(screen);
    char line[4096];
    said.clear();
    while (std::fgets(line, sizeof line, screen)) said += line;
    std::fclose(screen);
    return end;
  }
  std::string hash() { return experiment->trainer().weights_hash(); }

  ExperimentOptions options;
  Origins origins;
  std::unique_ptr<Experiment> experiment;
  std::string said;
};

}  // namespace tempera
