// C2 to C4 and C7: every call of a run that saves fails once, the power is cut, memory runs out, the disk is full.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "tests/lanes/trial.h"
#include "tests/support/faulty_files.h"
#include "train/run.h"

namespace tempera::lanes {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = R"(
model: {type: mlp, hidden: [8]}
train: {steps: 6, batch: 16}
average: {decay: 0.9}
checkpoint: {every: 2}
evaluate: {every: 3, samples: 20}
)";

struct Ended {
  std::string hash, message;
};

Ended train(const Tools& tools, const fs::path& folder, RunStart start) {
  ExperimentOptions options;
  const Origins origins = read_config(
      {"faults.yaml", std::string(kConfig)},
      {"data={type: digits, file: " + tools.digits().string() + "}", "folder=" + folder.string(), "name=run"}, options);
  Experiment experiment(options);
  std::FILE* silent = std::fopen("/dev/null", "w");
  Ended end;
  try {
    Console console(silent);
    run_experiment(experiment, console, origins, start);
    end.hash = experiment.trainer().weights_hash();
  } catch (const Error& error) {
    end.message = error.what();
  }
  std::fclose(silent);
  return end;
}

bool has_strays(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename().string().ends_with(".new")) return true;
  return false;
}

// One run with the fault, and another that goes on without it.
bool survives(const Tools& tools, const fs::path& folder, FaultyFiles& files, const std::string& expected) {
  Ended first;
  {
    const FileSystemStandIn in(files);
    first = train(tools, folder, RunStart::fresh);
  }
  const bool told = first.message.empty() || (first.message.find(files.where()) != std::string::npos &&
                                              first.message.find(files.reason()) != std::string::npos);
  const Ended second = train(tools, folder, RunStart::resume);
  const bool ok = told && second.hash == expected && !has_strays(folder);
  if (!ok)
    std::printf("fault at %s: '%s', then '%s'%s\n", files.where().c_str(), first.message.c_str(),
                second.message.c_str(), has_strays(folder) ? ", files left over" : "");
  return ok;
}

}  // namespace

// Every `stride`-th call of a whole run.
void fault_lane(const Tools& tools, int stride, Figures& figures) {
  const Folder folder;
  FaultyFiles counting;
  std::string expected;
  {
    const FileSystemStandIn in(counting);
    expected = train(tools, folder.path / "whole", RunStart::fresh).hash;
  }
  std::int64_t right = 0, trials = 0;
  for (const Fault fault : {Fault::io_error, Fault::no_space, Fault::interrupted, Fault::short_write})
    for (int nth = static_cast<int>(trials) % stride; nth < counting.calls(); nth += stride) {
      FaultyFiles files(nth, fault);
      const fs::path place = folder.path / "faulty";
      fs::remove_all(place);
      fs::create_directories(place);
      ++trials;
      right += survives(tools, place, files, expected);
    }
  std::printf("each of %d calls of a run, four faults\n", counting.calls());
  figures.all("C2", right, trials);
  suite("C3", tools, "*power cut*", figures);
  suite("C7", tools, "a run outlasts a full disk*", figures);
}

// C4 and D2, by a program of its own, in which operator new can fail: every `stride`-th request.
void memory_lane(const Tools& tools, int stride, Figures& figures) {
  for (const char* check : {"fail", "hostile"}) {
    const Folder folder;
    Process process(tools.programs / "memory", {check, tools.digits().string(), std::to_string(stride)},
                    folder.path / "said");
    const std::optional<int> code = process.wait(7200);
    std::ifstream in(folder.path / "said");
    figures.told({std::istreambuf_iterator<char>(in), {}});
    if (code.value_or(-1) > 1) figures.all(check, 0, 1);  // it crashed
  }
}

}  // namespace tempera::lanes
