// Every operation against PyTorch, in float64: forward to 1e-12, gradients to 1e-10 of the largest entry.
#include <catch2/catch.hpp>
#include <cmath>
#include <fmt/ranges.h>
#include <set>

#include "attention/ops.h"
#include "core/ops/table.h"
#include "core/tape.h"
#include "data/safetensors.h"
#include "tests/support/source_file.h"

using namespace tempera;

namespace {

constexpr const char* kMake = "run: python3 tests/goldens/make.py build/release/bin/dump_examples";

const SafetensorsFile& goldens() {
  static const SafetensorsFile file = read_safetensors(source_file("tests/goldens/ops.safetensors"));
  return file;
}

// max |got - wanted| / max |wanted| over the finite entries (absolute where all are 0); infinite where shapes differ
// or an entry that is not finite is not the same.
double error(const Tensor& got, const Tensor& wanted) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (got.shape() != wanted.shape() || got.dtype() != wanted.dtype()) return kInfinity;
  double worst = 0, scale = 0;
  for (Index i = 0; i < got.size(); ++i) {
    const double a = got.at(i), b = wanted.at(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) {
      if (std::isfinite(b)) scale = std::max(scale, std::abs(b));
      continue;
    }
    if (!std::isfinite(a) || !std::isfinite(b)) return kInfinity;
    worst = std::max(worst, std::abs(a - b));
    scale = std::max(scale, std::abs(b));
  }
  return scale > 0 ? worst / scale : worst;
}

struct Worst {
  double error = 0;
  std::string where = "nowhere";

  void see(double came, const std::string& name) {
    if (came > error) error = came, where = name;
  }
};
struct Worsts {
  Worst forward, gradient;
};

// The operation on the golden's inputs.
void compare(const Example& example, const std::string& name, Worsts& worst) {
  const auto golden = [&](std::string_view what) { return goldens().tensors.at(fmt::format("{}/{}", name, what)); };
  Tape tape;
  std::vector<Var> inputs;
  for (std::size_t i = 0; i < example.inputs.size(); ++i) {
    const Tensor input = golden(std::string(1, static_cast<char>('a' + i)));
    REQUIRE(input.shape() == example.inputs[i].shape);
    inputs.push_back(is_floating(input.dtype()) ? tape.leaf(input) : tape.constant(input));
  }
  const Var y = example.call(inputs);
  const Tensor wanted = golden("y");
  INFO("got " << to_string(y.value()) << ", PyTorch " << to_string(wanted));
  const double forward = error(y.value(), wanted);
  CHECK(forward <= 1e-12);
  worst.forward.see(forward, name);
  if (!y.requires_grad()) return;
  tape.backward(y, golden("w"));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].requires_grad()) continue;
    const std::string gradient = fmt::format("d{}", static_cast<char>('a' + i));
    INFO(gradient);
    const double difference = error(tape.grad(inputs[i]), golden(gradient));
    CHECK(difference <= 1e-10);
    worst.gradient.see(difference, name);
  }
}

}  // namespace

TEST_CASE("every operation that PyTorch has agrees with PyTorch", "[ops][goldens]") {
  Worsts worst;
  std::set<std::string> names{"torch"};
  std::vector<std::string_view> without;
  std::size_t compared = 0;
  std::vector<const Op*> ops(all_ops().begin(), all_ops().end());
  ops.insert(ops.end(), attention_ops().begin(), attention_ops().end());
  for (const Op* op : ops) {
    const std::size_t before = compared;
    for (const Example& example : op->examples()) {
      if (example.torch.empty()) continue;
      const std::string name = fmt::format("{}/{}", op->name, example.name);
      INFO(name << ": " << example.torch);
      names.insert(name);
      const auto expression = goldens().metadata.find(name);
      if (expression == goldens().metadata.end()) {
        FAIL_CHECK("no golden; " << kMake);
        continue;
      }
      INFO("golden: " << expression->second << "; where it differs, " << kMake);
      REQUIRE(expression->second == example.torch);
      compare(example, name, worst);
      ++compared;
    }
    if (compared == before) without.push_back(op->name);
  }
  for (const auto& [name, expression] : goldens().metadata) {
    INFO(name << ": a golden without example; " << kMake);
    CHECK(names.count(name) == 1);
  }
  CHECK(compared + 1 == names.size());
  WARN(
      fmt::format("{} examples of {} operations; worst forward {:.1e} in {}, gradient {:.1e} in {}; not in PyTorch: {}",
                  compared, ops.size() - without.size(), worst.forward.error, worst.forward.where, worst.gradient.error,
                  worst.gradient.where, fmt::join(without, ", ")));
}
