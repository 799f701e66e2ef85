// fit_temperature RUN: adaptive temperature for a trained softmax attention.
#include <algorithm>
#include <cstdio>

#include "apps/support/exit_code.h"
#include "apps/support/number_option.h"
#include "train/temperature_fit.h"

using namespace tempera;

int main(int argc, char** argv) {
  CLI::App app(
      "Fits the inverse temperature of a trained softmax attention as a polynomial of its entropy: for each sample "
      "the\n"
      "factor of all scores that makes its targets likeliest, against the mean entropy of its attention. What it "
      "prints\n"
      "are settings under which the run can be evaluated.",
      "fit_temperature");
  app.footer(
      "Examples:\n"
      "  fit_temperature runs/quickstart\n"
      "  fit_temperature quickstart --split test --samples 2048 data.longest=256\n");
  std::string run, split = "valid";
  std::int64_t samples = 512;
  OpenOptions open;
  app.add_option("RUN", run, "folder or name of a run, a checkpoint's folder, or a .safetensors file")
      ->required()
      ->type_name("");
  app.add_option("key.path=value", open.overrides, "settings that replace those of the run")->type_name("");
  app.add_option("--split", split, "train, valid or test; default: valid")
      ->check(CLI::IsMember({"train", "valid", "test"}))
      ->type_name("SPLIT");
  app.add_option("--checkpoint", open.checkpoint, "best, last, a step, or the path of one; default: best")
      ->type_name("WHICH");
  number_option(app, "--samples", samples, "so many, spread evenly over the set; 0: all", CLI::NonNegativeNumber);
  return run_program(app, argc, argv, [&] {
    const TemperatureFit found = fit_temperature(run, open, split, samples);
    const auto [least, most] = std::minmax_element(found.entropies.begin(), found.entropies.end());
    std::printf("# %zu samples, entropies %.4f to %.4f\n", found.entropies.size(), *least, *most);
    std::printf("attention.normalizer.type=adaptive_temperature attention.normalizer.fit=[%.6g,%.6g,%.6g,%.6g,%.6g]\n",
                found.fit[0], found.fit[1], found.fit[2], found.fit[3], found.fit[4]);
    return kDone;
  });
}
