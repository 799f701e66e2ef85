#include "train/parting.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/grouped.h"
#include "data/safetensors.h"
#include "train/checkpoint_folder.h"
#include "train/errors.h"

namespace tempera {
namespace {

bool agree(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// What was recorded at a step of one part, in the order of the log: the last step has evaluations of several kinds.
using Moment = std::pair<std::int64_t, std::string>;
std::multimap<Moment, const MetricRecord*> by_moment(std::span<const MetricRecord> records) {
  std::multimap<Moment, const MetricRecord*> all;
  for (const MetricRecord& record : records) all.emplace(Moment{record.step, record.split}, &record);
  return all;
}

template <class Values>
std::optional<Parting> part_in_values(const MetricRecord& a, const Values& b) {
  for (const auto& [name, value] : a.values)
    for (const auto& [other, there] : b)
      if (name == other && !agree(value, there))
        return Parting{a.step, fmt::format("{} {}", a.split, name), value, there};
  return std::nullopt;
}

// The entry that differs most, as "[index]" behind the name.
std::optional<Parting> part_in_tensors(std::int64_t step, const std::string& name, const Tensor& a, const Tensor& b) {
  std::optional<Parting> found;
  double most = -1;
  dispatch(a.dtype(), [&]<class T>(Type<T>) {
    for (Index i = 0; i < a.size(); ++i) {
      const auto x = static_cast<double>(a.data<T>()[i]), y = static_cast<double>(b.data<T>()[i]);
      const double apart = agree(x, y) ? -1 : std::isfinite(x - y) ? std::abs(x - y) : INFINITY;
      if (apart <= most) continue;
      most = apart;
      found = Parting{step, fmt::format("{}[{}]", name, i), x, y};
    }
  });
  return found;
}

void require_alike(const std::string& name, const Tensor& a, const Tensor* b) {
  require(b != nullptr, "diff", "only one of the models has a parameter {}", name);
  require(a.shape() == b->shape() && a.dtype() == b->dtype(), "diff", "{} is {} {} in one and {} {} in the other", name,
          to_string(a.dtype()), to_string(a.shape()), to_string(b->dtype()), to_string(b->shape()));
}

std::optional<Parting> part_in_weights(std::int64_t step, const std::filesystem::path& a,
                                       const std::filesystem::path& b) {
  const SafetensorsFile one = read_safetensors(a / "model.safetensors"),
                        other = read_safetensors(b / "model.safetensors");
  require(one.tensors.size() == other.tensors.size(), "diff", "one model has {} parameters and the other {}",
          one.tensors.size(), other.tensors.size());
  for (const auto& [name, tensor] : one.tensors) {
    const auto found = other.tensors.find(name);
    require_alike(name, tensor, found == other.tensors.end() ? nullptr : &found->second);
  }
  for (const auto& [name, tensor] : one.tensors)
    if (auto parting = part_in_tensors(step, name, tensor, other.tensors.at(name))) return parting;
  return std::nullopt;
}

std::optional<Parting> part_in_parameters(std::int64_t step, const Parameters& a, const Parameters& b) {
  for (std::size_t i = 0; i < a.entries().size(); ++i) {
    const Parameters::Entry &x = a.entries()[i], &y = b.entries()[i];
    if (auto parting = part_in_tensors(step, x.name, a.view(a.flat(), x), b.view(b.flat(), y))) return parting;
  }
  return std::nullopt;
}

}  // namespace

std::string Parting::text() const {
  return fmt::format("step {}: {} is {} and {}", grouped(step), what, a, b);
}

std::optional<Parting> part_in_records(std::span<const MetricRecord> a, std::span<const MetricRecord> b) {
  const auto there = by_moment(b);
  const auto here = by_moment(a);
  for (auto at = here.begin(); at != here.end();) {
    const auto end = here.upper_bound(at->first);
    auto [other, last] = there.equal_range(at->first);
    for (; at != end && other != last; ++at, ++other)
      if (auto parting = part_in_values(*at->second, other->second->values)) return parting;
    at = end;
  }
  return std::nullopt;
}

std::optional<Parting> part_in_checkpoints(const std::filesystem::path& a, const std::filesystem::path& b,
                                           int& compared) {
  return blame<CheckpointError>([&]() -> std::optional<Parting> {
    const std::vector<CheckpointPath> others = CheckpointFolder(b / "checkpoints").complete();
    for (const CheckpointPath& one : CheckpointFolder(a / "checkpoints").complete()) {
      const auto same = std::ranges::find(others, one.step, &CheckpointPath::step);
      if (same == others.end()) continue;
      ++compared;
      if (auto parting = part_in_weights(one.step, one.path, same->path)) return parting;
    }
    return std::nullopt;
  });
}

std::optional<Parting> part_in_replay(Experiment& a, Experiment& b, std::int64_t steps,
                                      const std::function<bool(std::int64_t step)>& stop) {
  const Parameters &one = a.trainer().parameters(), &other = b.trainer().parameters();
  blame<SetupError>([&] {
    require(one.entries().size() == other.entries().size(), "diff", "one model has {} parameters and the other {}",
            one.entries().size(), other.entries().size());
    for (std::size_t i = 0; i < one.entries().size(); ++i) {
      const std::string& name = one.entries()[i].name;
      const Tensor there = other.view(other.flat(), other.entries()[i]);
      require_alike(name, one.view(one.flat(), one.entries()[i]), name == other.entries()[i].name ? &there : nullptr);
    }
  });
  for (std::int64_t step = 0;; ++step) {
    if (auto parting = part_in_parameters(step, one, other)) return parting;
    if (step == steps || stop(step)) return std::nullopt;
    a.trainer().step();
    b.trainer().step();
  }
}

std::optional<Parting> replay(Experiment& experiment, std::span<const MetricRecord> recorded) {
  const auto moments = by_moment(recorded);
  Trainer& trainer = experiment.trainer();
  std::optional<Parting> found;
  const auto compare = [&](std::int64_t step, const char* split, const NamedValues& values) {
    const auto record = moments.find({step, split});
    if (found || record == moments.end()) return;
    std::vector<std::pair<std::string_view, double>> now;
    for (const NamedValue& value : values) now.emplace_back(value.name, value.value);
    found = part_in_values(*record->second, now);
    if (found) trainer.stop();
  };
  trainer.on_step = [&](const StepReport& report) {
    NamedValues values = report.metrics;
    values.push_back({"gradient_norm", report.gradient_norm});
    compare(report.step, "train", values);
  };
  trainer.on_evaluation = [&](const EvaluationReport& report) { compare(report.step, "valid", report.metrics); };
  trainer.run();
  trainer.on_step = nullptr;
  trainer.on_evaluation = nullptr;
  return found;
}

}  // namespace tempera
