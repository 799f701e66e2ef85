#include "core/error.h"
#include "data/generated.h"
#include "data/split.h"

namespace tempera {
namespace {

bool is_prime(std::int64_t p) {
  for (std::int64_t d = 2; d * d <= p; ++d)
    if (p % d == 0) return false;
  return p > 1;
}

// a^(p-2) mod p: Fermat's inverse.
std::int64_t inverse(std::int64_t a, std::int64_t p) {
  std::int64_t result = 1 % p;
  for (std::int64_t power = p - 2; power > 0; power /= 2) {
    if (power % 2 == 1) result = result * a % p;
    a = a * a % p;
  }
  return result;
}

}  // namespace

std::int64_t modular(std::int64_t a, std::string_view operation, std::int64_t b, std::int64_t p) {
  if (operation == "+") return (a + b) % p;
  if (operation == "-") return (a - b + p) % p;
  if (operation == "*") return a * b % p;
  require(operation == "/", "modular", "the operation '{}' came; one of + - * / was wanted", operation);
  return a * inverse(b, p) % p;
}

void ModularDataOptions::describe(Fields& f) {
  f("operation", operation, "between a and b", one_of({"+", "-", "*", "/"}));
  f("p", p, "the modulus", between(2, 4096));
  f("zero", zero, "pairs with a 0 in them take part");
  f("inputs", inputs, "a, b and = as tokens; a and b as tokens; or both as ones among zeros, for networks of numbers",
    one_of({"tokens", "pair", "one_hot"}));
  f("train", train, "fraction of all pairs to train on", between(0, 1));
  f("valid", valid, "fraction of all pairs for validation; the rest is the test", from_up_to(0, 1));
  f("seed", seed, "chooses the part of each pair");
}

std::vector<Problem> ModularDataOptions::problems() const {
  std::vector<Problem> found;
  if (operation == "/" && !is_prime(p)) found.push_back({"p", fmt::format("division needs a prime, not {}", p)});
  if (train <= 0 || train + valid > 1)
    found.push_back({"train", fmt::format("train {} and valid {}; a positive part and a sum of at most 1 were wanted",
                                          train, valid)});
  return found;
}

std::unique_ptr<DataSource> ModularDataOptions::make() const {
  for (const Problem& problem : problems()) fail("modular", "{}: {}", problem.key, problem.message);
  const std::int64_t least = zero ? 0 : 1, first = operation == "/" ? 1 : least;
  const bool one_hot = inputs == "one_hot";
  const Index pairs = (p - least) * (p - first), width = one_hot ? 2 * p : inputs == "pair" ? 2 : 3;
  Tensor samples = Tensor::zeros({pairs, width}, one_hot ? DType::float32 : DType::int32);
  Tensor targets = Tensor::empty({pairs}, DType::int32);
  Index sample = 0;
  for (std::int64_t a = least; a < p; ++a)
    for (std::int64_t b = first; b < p; ++b, ++sample) {
      const Index at = sample * width;
      if (one_hot) {
        samples.set(at + a, 1);
        samples.set(at + p + b, 1);
      } else {
        samples.set(at, static_cast<double>(a));
        samples.set(at + 1, static_cast<double>(b));
        if (width == 3) samples.set(at + 2, p);
      }
      targets.set(sample, static_cast<double>(modular(a, operation, b, p)));
    }
  Description description{.inputs = {width}, .classes = p};
  if (!one_hot) {
    description.input_type = DType::int32;
    description.vocabulary = width == 3 ? p + 1 : p;
  }
  const double rest = std::max(0.0, 1 - train - valid);
  // 1 - 0.3 leaves a little less or more than 0.7; a part that should be empty is.
  SplitOptions options;
  options.valid = valid;
  options.test = rest < 1e-9 ? 0 : rest;
  options.seed = seed;
  auto source = std::make_unique<DataSource>(
      make_source(Task::classification, std::make_shared<TensorDataset>(samples, targets, description), options));
  source->cycle = p;
  return source;
}

}  // namespace tempera
