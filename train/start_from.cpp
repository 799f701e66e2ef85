#include "train/start_from.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "core/nearest.h"
#include "data/safetensors.h"
#include "train/errors.h"
#include "train/find_weights.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "start_from";

bool may_differ(const StartOptions& options, const std::string& name) {
  const std::string dotted = "." + name + ".";
  return std::any_of(options.differ.begin(), options.differ.end(),
                     [&](const std::string& part) { return dotted.find(part) != dotted.npos; });
}

std::string hint(const std::string& name, const std::vector<std::string>& others) {
  const std::vector<std::string_view> views(others.begin(), others.end());
  return did_you_mean(name, views);
}

}  // namespace

void StartOptions::describe(Fields& f) {
  f("run", run,
    "whose weights the run begins with: its name, where {seed} is train.seed, or the path of a run, a checkpoint, "
    ".safetensors");
  f("checkpoint", checkpoint,
    "of that run: best, last or a step; nothing: the best where one is marked, else the last");
  f("differ", differ, "parts of the names of parameters that only one of the two models may have");
}

std::vector<Problem> StartOptions::problems() const {
  std::vector<Problem> found;
  const std::filesystem::path path(run);
  if (path.is_relative() && std::find(path.begin(), path.end(), "..") != path.end())
    found.push_back(
        {"run", fmt::format("'{}' leads out of the folders that the run knows; give its name, or an absolute "
                            "path",
                            run)});
  if (run.empty() && !checkpoint.empty())
    found.push_back({"checkpoint", fmt::format("'{}' came, but no run; name the run that it belongs to", checkpoint)});
  for (const std::string& part : differ)
    if (part.empty()) found.push_back({"differ", "an empty part would allow everything; name parts of names"});
  return found;
}

std::string StartOptions::run_for(std::uint64_t seed) const {
  constexpr std::string_view kSeed = "{seed}";
  std::string name = run;
  for (std::size_t at = name.find(kSeed); at != name.npos; at = name.find(kSeed, at))
    name.replace(at, kSeed.size(), std::to_string(seed));
  return name;
}

std::string start_from(const StartOptions& options, std::uint64_t seed, const std::filesystem::path& runs,
                       Parameters& parameters) {
  if (options.run.empty()) return {};
  const FoundWeights found = find_weights(options.run_for(seed), options.checkpoint, runs, false);
  std::size_t taken = 0, fresh = 0, left = 0;
  blame<CheckpointError>([&] {
    SafetensorsFile file = read_safetensors(found.weights);
    std::vector<std::string> theirs, problems;
    for (const auto& [name, tensor] : file.tensors) theirs.push_back(name);
    std::vector<std::string> ours;
    for (const Parameters::Entry& entry : parameters.entries()) {
      ours.push_back(entry.name);
      const auto other = file.tensors.find(entry.name);
      if (other == file.tensors.end()) {
        ++fresh;
        if (!may_differ(options, entry.name))
          problems.push_back(
              fmt::format("it has no '{}', which this model wants{}; name a part of it in "
                          "start_from.differ to keep its initial value",
                          entry.name, hint(entry.name, theirs)));
        continue;
      }
      const Tensor& value = entry.parameter->value;
      if (other->second.shape() != value.shape())
        problems.push_back(fmt::format("its '{}' has the shape {}, but this model wants {}; give both the same sizes",
                                       entry.name, other->second.shape(), value.shape()));
      ++taken;
    }
    for (const std::string& name : theirs) {
      if (std::find(ours.begin(), ours.end(), name) != ours.end()) continue;
      ++left;
      if (!may_differ(options, name))
        problems.push_back(
            fmt::format("it has '{}', which this model has not{}; name a part of it in start_from.differ "
                        "to leave it behind",
                        name, hint(name, ours)));
    }
    constexpr std::size_t kShown = 5;
    const std::size_t more = problems.size() - std::min(problems.size(), kShown);
    problems.resize(problems.size() - more);
    require(problems.empty(), kWho, "{} does not fit:\n  {}{}", found.weights.string(), fmt::join(problems, "\n  "),
            more > 0 ? fmt::format("\n  and {} more", more) : "");
    for (const Parameters::Entry& entry : parameters.entries()) {
      const auto other = file.tensors.find(entry.name);
      if (other == file.tensors.end()) continue;
      entry.parameter->value.copy_from(other->second.to(parameters.dtype()));
    }
  });
  return fmt::format("starts from {}: {} parameters taken, {} at their initial values, {} left behind", found.title(),
                     taken, fresh, left);
}

}  // namespace tempera
