#include "train/model_gradcheck.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <tbb/info.h>
#include <tbb/task_arena.h>

#include "core/grouped.h"
#include "train/parallel_tasks.h"

namespace tempera {
namespace {

void move_constants(Parameters& parameters, double noise, std::uint64_t seed) {
  for (const Parameters::Entry& entry : parameters.entries()) {
    if (entry.parameter->init.kind != Init::Kind::constant) continue;
    Tensor& value = entry.parameter->value;
    const Rng rng(seed, "gradcheck/noise/" + entry.name);
    for (Index i = 0; i < value.size(); ++i)
      value.set(i, value.at(i) + rng.uniform(static_cast<std::uint64_t>(i), -noise, noise));
  }
}

// The loss as a function of the parameters. The context outlives the call: recomputation asks it in the backward pass.
class Loss {
 public:
  Loss(const Learner& learner, const Parameters& parameters, const Batch& batch, std::uint64_t seed)
      : learner_(learner), parameters_(parameters), batch_(batch), rng_(seed, "gradcheck/run") {}

  Var operator()(std::span<const Var> values) {
    context_.emplace(values[0].tape(), parameters_, rng_);
    context_->bind(values);
    sums_.assign(static_cast<std::size_t>(learner_.sum_count()), 0);
    return learner_.loss(*context_, batch_, 1, sums_);
  }

 private:
  const Learner& learner_;
  const Parameters& parameters_;
  const Batch& batch_;
  Rng rng_;
  std::optional<Context> context_;
  std::vector<double> sums_;
};

ParameterCheck summed_up(const Parameters::Entry& entry, const GradcheckReport& report) {
  ParameterCheck check;
  check.name = entry.name;
  check.shape = entry.parameter->shape;
  check.ok = report.ok;
  // Each entry was compared twice: with a fresh gradient, and with one that was added to another.
  check.checked = static_cast<Index>(report.entries.size() / 2);
  check.kinks = (report.kinks + 1) / 2;
  for (const GradcheckEntry& e : report.entries)
    if (!e.kink) {
      check.worst = e;
      break;  // the worst come first
    }
  check.worst.where = check.worst.where.substr(std::min(entry.name.size(), check.worst.where.size()));
  return check;
}

}  // namespace

ModelGradcheck gradcheck_model(const Learner& learner, Parameters& parameters, const Batch& batch,
                               const ModelGradcheckOptions& options, const std::function<void(std::size_t)>& progress) {
  require(parameters.dtype() == DType::float64, "gradcheck", "the parameters are {}; finite differences need float64",
          parameters.dtype());
  move_constants(parameters, options.noise, options.seed);
  GradcheckOptions each;
  each.tolerance = options.tolerance;
  each.seed = options.seed;
  each.max_entries = options.entries;
  std::vector<Tensor> values;
  std::vector<std::size_t> trainable;
  for (const Parameters::Entry& entry : parameters.entries()) {
    if (entry.parameter->trainable) trainable.push_back(values.size());
    values.push_back(entry.parameter->value);
    each.names.push_back(entry.name);
  }

  ModelGradcheck result;
  result.tolerance = options.tolerance;
  result.parameters.resize(trainable.size());
  {
    Tape tape;
    std::vector<Var> vars;
    for (const Tensor& value : values) vars.push_back(tape.constant(value));
    Loss loss(learner, parameters, batch, options.seed);
    result.loss = loss(vars).value().item();
  }
  std::mutex mutex;
  std::size_t done = 0;
  tbb::task_arena arena(std::min(options.threads, tbb::info::default_concurrency()));
  arena.execute([&] {
    parallel_tasks(options.threads, 0, std::ssize(trainable), [&](Index number) {
      const auto i = static_cast<std::size_t>(number);
      GradcheckOptions own = each;
      own.only = {trainable[i]};
      Loss loss(learner, parameters, batch, options.seed);
      const GradcheckReport report = gradcheck([&](std::span<const Var> x) { return loss(x); }, values, own);
      result.parameters[i] = summed_up(parameters.entries()[trainable[i]], report);
      const std::lock_guard lock(mutex);
      if (progress) progress(++done);
    });
  });
  result.ok = std::all_of(result.parameters.begin(), result.parameters.end(), [](const auto& p) { return p.ok; });
  return result;
}

std::string ModelGradcheck::text() const {
  std::size_t name = 9, shape = 5;
  for (const ParameterCheck& p : parameters) {
    name = std::max(name, p.name.size());
    shape = std::max(shape, to_string(p.shape).size());
  }
  std::string all = fmt::format("{:<{}}  {:<{}}  {:>17}  {:>7}  {:<12}{:>16}{:>16}  kinks\n", "parameter", name,
                                "shape", shape, "entries", "error", "worst at", "gradient", "differences");
  const ParameterCheck* worst = nullptr;
  std::size_t wrong = 0;
  int kinks = 0;
  for (const ParameterCheck& p : parameters) {
    const std::string entries = fmt::format("{} of {}", grouped(p.checked), grouped(p.shape.size()));
    all += fmt::format("{:<{}}  {:<{}}  {:>17}  {:>7.1e}  {:<12}{:>16.8g}{:>16.8g}  {}{}\n", p.name, name,
                       to_string(p.shape), shape, entries, p.worst.relative, p.worst.where, p.worst.analytic,
                       p.worst.numeric, p.kinks > 0 ? fmt::format("{:>5}", p.kinks) : "    -", p.ok ? "" : "   WRONG");
    if (!worst || p.worst.relative > worst->worst.relative) worst = &p;
    wrong += !p.ok;
    kinks += p.kinks;
  }
  if (kinks > 0)
    all += fmt::format(
        "\n{} entries lie at a kink, a corner of the loss such as that of ReLU at 0, or close beside one. There the\n"
        "gradient passed because it lies between the derivatives from the left and from the right.\n",
        kinks);
  if (worst == nullptr) return all + "\nnothing is trained, so there is no gradient to check\n";
  if (wrong == 0)
    return all + fmt::format("\nall {} parameters agree with finite differences; worst relative error {:.1e} in {}{}\n",
                             parameters.size(), worst->worst.relative, worst->name, worst->worst.where);
  return all +
         fmt::format(
             "\n{} of {} parameters disagree with finite differences (tolerance {:.0e}); worst: {}{} has gradient "
             "{:.10g}, differences say {:.10g}\n",
             wrong, parameters.size(), tolerance, worst->name, worst->worst.where, worst->worst.analytic,
             worst->worst.numeric);
}

Batch first_tokens(const Batch& batch, Index length) {
  const Index samples = batch.inputs.dim(0);
  const auto is_sequence = [](const Tensor& x) {
    return x.defined() && (x.rank() == 3 || (x.rank() == 2 && x.dtype() == DType::int32));
  };
  const auto cut = [&](const Tensor& x) {
    if (!is_sequence(x) || x.dim(1) <= length) return x;
    const Index width = x.size() / (samples * x.dim(1));
    Tensor y = Tensor::empty(x.shape().with(1, length), x.dtype());
    for (Index i = 0; i < y.size(); ++i) {
      const Index sample = i / (length * width), rest = i % (length * width);
      y.set(i, x.at(sample * x.dim(1) * width + rest));
    }
    return y;
  };
  const auto shorter = [&](const Tensor& lengths) {
    if (!lengths.defined()) return lengths;
    Tensor y = lengths.clone();
    for (Index i = 0; i < y.size(); ++i) y.set(i, std::min(lengths.at(i), static_cast<double>(length)));
    return y;
  };
  // Targets are cut where there is one for each token, of the inputs or of the second ones.
  const auto per_token = [&](const Tensor& x) {
    return is_sequence(x) && is_sequence(batch.targets) && batch.targets.dim(1) == x.dim(1);
  };
  Batch part = batch;
  if (per_token(batch.inputs) || per_token(batch.second_inputs)) part.targets = cut(batch.targets);
  part.inputs = cut(batch.inputs);
  part.second_inputs = cut(batch.second_inputs);
  part.lengths = shorter(batch.lengths);
  part.second_lengths = shorter(batch.second_lengths);
  return part;
}

}  // namespace tempera
