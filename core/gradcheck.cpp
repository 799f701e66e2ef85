#include "core/gradcheck.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/ranges.h>
#include <limits>

#include "core/random.h"

namespace tempera {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// <w0, v0> + <w1, v1> + ...; its backward pass hands the weights out. Played first, it leaves a gradient on every
// Var it is given.
std::vector<Example> functional_examples();
const Op functional_op{"gradcheck.functional", functional_examples};

Var functional(std::span<const Var> vars, std::span<const Tensor> weights) {
  double sum = 0;
  for (std::size_t i = 0; i < vars.size(); ++i)
    for (Index k = 0; k < vars[i].size(); ++k) sum += weights[i].at(k) * vars[i].value().at(k);
  std::vector<Tensor> kept(weights.begin(), weights.end());
  return Tape::record(functional_op, vars, Tensor::scalar(sum, DType::float64),
                      [kept = std::move(kept)](const Tensor&, Gradients& dx) {
                        for (std::size_t i = 0; i < kept.size(); ++i) dx.add(static_cast<int>(i), kept[i].clone());
                      });
}

std::vector<Example> functional_examples() {
  return {{"one", {{{3}}}, [](std::span<const Var> x) {
             return functional(x, std::array{Tensor::full({3}, DType::float64, 2)});
           }}};
}

class Check {
 public:
  Check(const Function& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options)
      : f_(f), options_(options) {
    for (const Tensor& input : inputs) inputs_.push_back(input.clone());
    const Tensor y = evaluate();
    weights_ = random_like(y, "gradcheck/weights");
    double largest = 0;
    for (Index i = 0; i < y.size(); ++i) {
      largest = std::max(largest, std::abs(y.at(i)));
      magnitude_ += std::abs(weights_.at(i) * y.at(i));
    }
    floor_ = 1e-3 * std::min(1.0, largest) + 1e-6;
  }

  GradcheckReport run() {
    GradcheckReport report;
    report.tolerance = options_.tolerance;
    const std::vector<Tensor> fresh = analytic(false), added = analytic(true);
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (is_floating(inputs_[i].dtype()) && wanted(i)) check_input(i, fresh[i], added[i], report);
    std::stable_sort(report.entries.begin(), report.entries.end(),
                     [](const auto& a, const auto& b) { return a.relative > b.relative; });
    report.ok = report.worst <= options_.tolerance;
    return report;
  }

 private:
  bool wanted(std::size_t input) const {
    return options_.only.empty() || std::find(options_.only.begin(), options_.only.end(), input) != options_.only.end();
  }

  Tensor random_like(const Tensor& tensor, std::string_view stream) const {
    Tensor result = Tensor::empty(tensor.shape(), DType::float64);
    Rng(options_.seed, stream).fill_uniform(result, 0.5, 1.5);
    // Random signs: a constant weight would not see rows that sum to zero.
    const Rng sign(options_.seed, fmt::format("{}/sign", stream));
    for (Index i = 0; i < result.size(); ++i)
      if (sign.uniform(static_cast<std::uint64_t>(i)) < 0.5) result.set(i, -result.at(i));
    return result;
  }

  Tensor evaluate() {
    tape_.reset();
    const Tape::Pause pause(tape_);
    std::vector<Var> vars;
    for (const Tensor& input : inputs_) vars.push_back(tape_.constant(input));
    const Var y = f_(vars);
    require(y.dtype() == DType::float64, "gradcheck", "the function gave {}; give it float64 inputs", y.dtype());
    return y.value().clone();  // the value may be a view of an input, which moves on
  }

  // With `on_top`, every input carries a gradient already when f's backward pass begins.
  std::vector<Tensor> analytic(bool on_top) {
    tape_.reset();
    tape_.set_probe(nullptr);
    std::vector<Var> vars;
    for (const Tensor& input : inputs_)
      vars.push_back(is_floating(input.dtype()) ? tape_.leaf(input) : tape_.constant(input));
    std::vector<Var> roots{f_(vars)};
    std::vector<Tensor> weights{weights_};
    std::vector<Tensor> result(inputs_.size());
    if (roots[0].requires_grad()) {
      for (std::size_t i = 0; on_top && i < vars.size(); ++i)
        if (vars[i].requires_grad()) {
          roots.push_back(vars[i]);
          weights.push_back(random_like(inputs_[i], fmt::format("gradcheck/on_top/{}", i)));
        }
      tape_.set_probe(options_.probe);
      tape_.backward(functional(roots, weights));
      tape_.set_probe(nullptr);
    }
    for (std::size_t i = 0, root = 1; i < vars.size(); ++i) {
      if (!vars[i].requires_grad()) continue;
      result[i] = tape_.grad(vars[i]).clone();
      if (root < roots.size()) result[i].vec<double>() -= weights[root++].vec<double>();
    }
    return result;
  }

  // (L(x + h) - L(x - h)) / (2 h) for one entry, the difference taken before the sum.
  double central(std::size_t input, Index entry, double h) {
    const double x = inputs_[input].at(entry);
    const double up = x + h, down = x - h;
    inputs_[input].set(entry, up);
    const Tensor y_up = evaluate();
    inputs_[input].set(entry, down);
    const Tensor y_down = evaluate();
    inputs_[input].set(entry, x);
    return difference(y_up, y_down) / (up - down);
  }

  double one_sided(std::size_t input, Index entry, double h) {
    const double x = inputs_[input].at(entry);
    const Tensor y = evaluate();
    const double moved = x + h;
    inputs_[input].set(entry, moved);
    const Tensor y_moved = evaluate();
    inputs_[input].set(entry, x);
    return difference(y_moved, y) / (moved - x);
  }

  double difference(const Tensor& a, const Tensor& b) const {
    const double *pa = a.data<double>(), *pb = b.data<double>(), *w = weights_.data<double>();
    long double sum = 0;
    for (Index i = 0; i < a.size(); ++i)
      sum += static_cast<long double>(w[i]) * (static_cast<long double>(pa[i]) - pb[i]);
    return static_cast<double>(sum);
  }

  struct Estimate {
    double value = std::numeric_limits<double>::quiet_NaN();
    double error = kInfinity;
  };

  // Ridders: Neville's tableau over steps h, h / 1.6, ...; stops when the error grows.
  Estimate ridders(std::size_t input, Index entry, double h) {
    constexpr std::size_t kLevels = 9;
    constexpr double kShrink = 1.6;
    std::array<std::array<double, kLevels>, kLevels> a{};
    Estimate best;
    for (std::size_t i = 0; i < kLevels; ++i, h /= kShrink) {
      a[0][i] = central(input, entry, h);
      if (i == 0) best.value = a[0][0];
      double factor = kShrink * kShrink;
      for (std::size_t j = 1; j <= i; ++j, factor *= kShrink * kShrink) {
        a[j][i] = (a[j - 1][i] * factor - a[j - 1][i - 1]) / (factor - 1);
        const double error = std::max(std::abs(a[j][i] - a[j - 1][i]), std::abs(a[j][i] - a[j - 1][i - 1]));
        if (error <= best.error) best = {a[j][i], error};
      }
      if (i > 0 && std::abs(a[i][i] - a[i - 1][i - 1]) >= 4 * best.error) break;
    }
    return best;
  }

  // A kink nearby, or the edge of the domain, spoils large steps; smaller ones see past it, though rounding weighs
  // more.
  Estimate numeric(std::size_t input, Index entry, double scale) {
    const double unit = std::max(1.0, std::abs(inputs_[input].at(entry)));
    Estimate best;
    for (double step = options_.step; step >= options_.step * 1e-5; step /= 10) {
      const Estimate estimate = ridders(input, entry, step * unit);
      if (estimate.error < best.error || !std::isfinite(best.value)) best = estimate;
      if (best.error <= 0.1 * options_.tolerance * std::max(scale, std::abs(best.value))) break;
    }
    return best;
  }

  // Ranges and not a stride: a stride that the last axis divides would see one column alone.
  std::vector<Index> entries(std::size_t input, const Tensor& gradient) const {
    const Index size = inputs_[input].size();
    const Index count = options_.max_entries > 0 ? std::min(options_.max_entries, size) : size;
    const Rng rng(options_.seed, fmt::format("gradcheck/entries/{}", input));
    std::vector<Index> all;
    for (Index k = 0; k < count; ++k) {
      const Index first = k * size / count, width = (k + 1) * size / count - first;
      all.push_back(first +
                    static_cast<Index>(rng.below(static_cast<std::uint64_t>(k), static_cast<std::uint64_t>(width))));
    }
    if (count < size && gradient.defined()) {
      Index largest = 0;
      for (Index k = 1; k < size; ++k)
        if (std::abs(gradient.at(k)) > std::abs(gradient.at(largest))) largest = k;
      all[static_cast<std::size_t>(((largest + 1) * count - 1) / size)] = largest;
    }
    return all;
  }

  void check_input(std::size_t input, const Tensor& fresh, const Tensor& added, GradcheckReport& report) {
    const Index size = inputs_[input].size();
    double squares = 0;
    if (fresh.defined())
      for (Index k = 0; k < size; ++k) squares += fresh.at(k) * fresh.at(k);
    const double rms = size > 0 ? std::sqrt(squares / static_cast<double>(size)) : 0;
    for (const Index entry : entries(input, fresh)) {
      const Estimate estimate = numeric(input, entry, rms);
      for (const Tensor* analytic : {&fresh, &added}) {
        const double value = analytic->defined() ? analytic->at(entry) : 0;
        add_entry(input, entry, value, estimate.value, rms, report);
      }
    }
  }

  void add_entry(std::size_t input, Index entry, double analytic, double numeric, double rms, GradcheckReport& report) {
    GradcheckEntry row;
    row.where = where(input, entry);
    row.analytic = analytic;
    row.numeric = numeric;
    row.absolute = std::abs(analytic - numeric);
    const double scale = std::max({std::abs(analytic), std::abs(numeric), rms, floor_});
    row.relative = std::isfinite(row.absolute) ? row.absolute / scale : kInfinity;
    if (row.relative > options_.tolerance) row.kink = is_kink(input, entry, analytic, numeric, scale);
    if (row.kink) ++report.kinks;
    else report.worst = std::max(report.worst, row.relative);
    report.entries.push_back(std::move(row));
  }

  // At a kink the derivatives from both sides differ, and the analytic value lies between them. Beside one, the
  // analytic value is that of a close-up, as exactly as rounding lets it be seen, and the larger steps led elsewhere.
  bool is_kink(std::size_t input, Index entry, double analytic, double numeric, double scale) {
    double right = 0, left = 0;
    for (const double step : {1e-5, 1e-6, 1e-7}) {
      right = one_sided(input, entry, step), left = one_sided(input, entry, -step);
      const double close = (right + left) / 2;
      const double slack = 1e-7 * scale + 16 * std::numeric_limits<double>::epsilon() * magnitude_ / step;
      if (std::abs(analytic - close) <= slack && std::abs(numeric - close) >= 4 * slack) return true;
    }
    const double gap = std::abs(right - left), slack = 1e-5 * scale;
    if (!std::isfinite(gap) || gap < 2 * slack) return false;
    return analytic >= std::min(left, right) - slack && analytic <= std::max(left, right) + slack;
  }

  std::string where(std::size_t input, Index entry) const {
    const Shape& shape = inputs_[input].shape();
    std::vector<Index> position(static_cast<std::size_t>(shape.rank()));
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      position[static_cast<std::size_t>(axis)] = entry % shape[axis];
      entry /= shape[axis];
    }
    const std::string name = input < options_.names.size() ? options_.names[input] : fmt::format("input {}", input);
    return fmt::format("{}[{}]", name, fmt::join(position, ", "));
  }

  const Function& f_;
  const GradcheckOptions& options_;
  std::vector<Tensor> inputs_;
  Tensor weights_;
  // Smaller gradients are compared absolutely: below, differences see the rounding of f itself, about 1e-13 of its
  // values.
  double floor_ = 0;
  double magnitude_ = 0;  // sum of |w f|, which bounds the rounding of L
  Tape tape_;
};

}  // namespace

std::string GradcheckReport::table(std::string_view title, std::size_t rows) const {
  std::string text = fmt::format("gradcheck {}   worst relative error {:.1e}, tolerance {:.0e}, {} kinks\n", title,
                                 worst, tolerance, kinks);
  text += fmt::format("   {:<24}{:>20}{:>20}{:>12}{:>12}\n", "entry", "analytic", "numeric", "absolute", "relative");
  for (std::size_t i = 0; i < std::min(rows, entries.size()); ++i) {
    const GradcheckEntry& e = entries[i];
    const char* mark = e.kink ? "   kink" : e.relative > tolerance ? "   <-" : "";
    text += fmt::format("   {:<24}{:>20.12g}{:>20.12g}{:>12.1e}{:>12.1e}{}\n", e.where, e.analytic, e.numeric,
                        e.absolute, e.relative, mark);
  }
  return text;
}

GradcheckReport gradcheck(const Function& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  for (const Tensor& input : inputs)
    require(input.dtype() != DType::float32, "gradcheck", "a float32 input came; finite differences need float64");
  return Check(f, inputs, options).run();
}

OpCheck gradcheck(const Op& op, int seeds, GradientProbe* probe) {
  OpCheck result;
  for (const Example& example : op.examples())
    for (int seed = 1; seed <= seeds; ++seed) {
      GradcheckOptions options;
      options.tolerance = op.tolerance;
      options.seed = static_cast<std::uint64_t>(seed);
      options.probe = probe;
      const GradcheckReport report = gradcheck(example.call, draw_inputs(example, options.seed), options);
      ++result.checks;
      result.kinks += report.kinks;
      result.worst = std::max(result.worst, report.worst);
      if (!report.ok && result.ok) {
        result.ok = false;
        result.failure = report.table(fmt::format("{} / {} / seed {}", op.name, example.name, seed));
      }
    }
  return result;
}

}  // namespace tempera
