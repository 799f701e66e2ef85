#include "tests/attention/contract/normalizer_promises.h"

#include "tests/attention/contract/compare.h"
#include "tests/support/attention.h"

namespace tempera {
namespace {

using Reach = NormalizerTraits::Reach;

struct Sight {
  std::string name;
  Visibility visibility;
};

// What queries may see, for two sequences of `keys` keys; less for a normalizer of tokens that all see each other.
std::vector<Sight> sights(const ScoreNormalizer& normalizer, Index keys) {
  const auto some = static_cast<std::int32_t>((keys + 1) / 2), all = static_cast<std::int32_t>(keys);
  const Sight empty{"an empty sequence", {.lengths = lengths_of({0, all})}};
  std::vector<Sight> result{{"bidirectional", {}}, {"bidirectional, padded", {.lengths = lengths_of({some, all})}}};
  if (!normalizer.traits().causal) {
    result.push_back(empty);
    return result;
  }
  const std::vector<Sight> more{{"causal", {.causal = true}},
                                {"causal, padded", {.lengths = lengths_of({all, some}), .causal = true}},
                                empty,
                                {"causal window", {.causal = true, .window = 2}},
                                {"window on either side", {.lengths = lengths_of({some, all}), .window = 3}},
                                {"prefix", {.causal = true, .prefix = 2}}};
  result.insert(result.end(), more.begin(), more.end());
  return result;
}

Visibility whole_sight(const ScoreNormalizer& normalizer) {
  return {.causal = normalizer.traits().causal};
}

std::string title(const Sight& sight, AttentionKernel kernel, bool training = false) {
  return fmt::format("{}, {}, {}", sight.name, attention_kernel_names()[static_cast<std::size_t>(kernel)],
                     training ? "training" : "evaluation");
}

// Gradients of queries, keys, values and parameters. What the other sights do to gradients is told by the definition.
std::string gradients(const ScoreNormalizer& normalizer) {
  const Index n = tokens_for(normalizer, 3);
  const auto check = [&](const Sight& sight, bool training) {
    const auto inputs = attention_inputs({2, 2, 1, n, n, width_for(normalizer, n, 2)}, normalizer);
    GradcheckOptions options;
    options.tolerance = 1e-7;
    const auto f = attention_function(normalizer, AttentionKernel::blocks, sight.visibility, nullptr, training);
    const auto report = gradcheck(f, inputs, options);
    return report.ok ? std::string() : report.table(title(sight, AttentionKernel::blocks, training));
  };
  const std::vector<Sight> all = sights(normalizer, n);
  std::string wrong;
  for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 4); ++i) wrong += check(all[i], false);
  return wrong + check(all[1], true);
}

std::string definition(const ScoreNormalizer& normalizer) {
  std::string wrong;
  for (const Index wanted : {1, 7, 131}) {
    const Index n = tokens_for(normalizer, wanted), width = width_for(normalizer, n, 5);
    for (const Sight& sight : sights(normalizer, n))
      for (const AttentionKernel kernel : fast_kernels(normalizer)) {
        const bool training = wanted == 7;
        const auto inputs = attention_inputs({2, 2, 2, n, n, width}, normalizer);
        const Tensor dy = random_tensor({2, 2, n, width}, 9);
        const auto run = [&](AttentionKernel by) {
          return play(attention_function(normalizer, by, sight.visibility, nullptr, training), inputs, dy);
        };
        const Played fast = run(kernel), slow = run(AttentionKernel::reference);
        const std::string what = fmt::format("{}, {} tokens", title(sight, kernel, training), n);
        wrong += difference(what, fast.y, slow.y, 1e-12);
        for (std::size_t i = 0; i < fast.dx.size(); ++i)
          wrong += difference(fmt::format("{}, gradient {}", what, i), fast.dx[i], slow.dx[i], 1e-10);
      }
  }
  return wrong;
}

std::string single_precision(const ScoreNormalizer& normalizer) {
  std::string wrong;
  const Index n = tokens_for(normalizer, normalizer.traits().reach == Reach::matrix ? 37 : 131);
  const Index width = width_for(normalizer, n, 16);
  for (const AttentionKernel kernel : fast_kernels(normalizer)) {
    const auto single = attention_inputs({1, 2, 1, n, n, width}, normalizer, DType::float32);
    std::vector<Tensor> exact;
    for (const Tensor& x : single) exact.push_back(x.to(DType::float64));
    const Function f = attention_function(normalizer, kernel, whole_sight(normalizer));
    const Played a = play(f, single), b = play(f, exact);
    wrong += difference("output", a.y.to(DType::float64), b.y, 1e-5);
    for (std::size_t i = 0; i < a.dx.size(); ++i)
      wrong += difference(fmt::format("gradient {}", i), a.dx[i].to(DType::float64), b.dx[i], 2e-4);
  }
  return wrong;
}

// Rows [0, count) of every head.
Tensor first_rows(const Tensor& y, Index count) {
  Tensor part = Tensor::empty({y.dim(0), y.dim(1), count, y.dim(3)}, y.dtype());
  for (Index i = 0; i < part.size(); ++i) {
    const Index row = i / y.dim(3), head = row / count;
    part.set(i, y.at((head * y.dim(2) + row % count) * y.dim(3) + i % y.dim(3)));
  }
  return part;
}

std::string no_look_ahead(const ScoreNormalizer& normalizer) {
  constexpr Index n = 301, width = 6;
  if (!normalizer.traits().causal) return {};
  std::string wrong;
  for (const AttentionKernel kernel : fast_kernels(normalizer)) {
    const auto inputs = attention_inputs({1, 2, 1, n, n, width}, normalizer, DType::float32);
    const Function f = attention_function(normalizer, kernel, {.causal = true});
    const Tensor before = play(f, inputs).y;
    for (const Index changed : {1, 64, 130, 256, 300}) {
      std::vector<Tensor> other;
      for (const Tensor& x : inputs) other.push_back(x.clone());
      for (std::size_t i = 0; i < 3; ++i)
        for (Index at = 0; at < other[i].size(); ++at)
          if (at / width % n >= changed) other[i].set(at, 100 - other[i].at(at));
      const Tensor after = play(f, other).y;
      const std::string what = fmt::format("tokens from {} on changed", changed);
      wrong += other_bits(what, first_rows(after, changed), first_rows(before, changed));
      if (same_bits(before, after)) wrong += what + ": nothing happened\n";
    }
  }
  return wrong;
}

std::string padding_and_neighbours(const ScoreNormalizer& normalizer) {
  const Index n = tokens_for(normalizer, 70), length = tokens_for(normalizer, n * 3 / 5);
  const Index width = width_for(normalizer, n, 4);
  std::string wrong;
  for (const AttentionKernel kernel : fast_kernels(normalizer))
    for (const bool causal : {false, true}) {
      if (causal && !normalizer.traits().causal) continue;
      const auto inputs = attention_inputs({2, 2, 2, n, n, width}, normalizer, DType::float32);
      const Function f = attention_function(
          normalizer, kernel,
          {.lengths = lengths_of({static_cast<std::int32_t>(length), static_cast<std::int32_t>(n)}), .causal = causal});
      std::vector<Tensor> other;
      for (const Tensor& x : inputs) other.push_back(x.clone());
      for (std::size_t i = 1; i < 3; ++i)  // keys and values
        for (Index at = 0; at < other[i].size(); ++at) {
          const Index token = at / width % n, b = at / (2 * n * width);
          if (b == 0 && token >= length) other[i].set(at, kNaN);  // padding
          if (b == 1) other[i].set(at, 1 - other[i].at(at));      // the neighbour
        }
      const Tensor before = play(f, inputs).y, after = play(f, other).y;
      wrong += other_bits(causal ? "causal" : "bidirectional", after.rows(0, 1), before.rows(0, 1));
      if (same_bits(before.rows(1, 1), after.rows(1, 1))) wrong += "the neighbour did not change\n";
    }
  return wrong;
}

std::string threads(const ScoreNormalizer& normalizer) {
  std::string wrong;
  const Index n = tokens_for(normalizer, 67), width = width_for(normalizer, n, 8);
  for (const AttentionKernel kernel : {AttentionKernel::reference, AttentionKernel::blocks}) {
    const auto inputs = attention_inputs({2, 2, 1, n, n, width}, normalizer, DType::float32);
    const Tensor dy = random_tensor({2, 2, n, width}, 9, -1, 1, DType::float32);
    const Function f = attention_function(normalizer, kernel, whole_sight(normalizer));
    const Played one = play(f, inputs, dy, 1), four = play(f, inputs, dy, 4);
    wrong += other_bits("output", four.y, one.y);
    for (std::size_t i = 0; i < one.dx.size(); ++i)
      wrong += other_bits(fmt::format("gradient {}", i), four.dx[i], one.dx[i]);
  }
  return wrong;
}

std::string grouped_queries(const ScoreNormalizer& normalizer) {
  const Index n = tokens_for(normalizer, 9), width = width_for(normalizer, n, 3), head = n * width;
  auto inputs = attention_inputs({2, 2, 1, n, n, width}, normalizer);
  const Function f = attention_function(normalizer, AttentionKernel::blocks, whole_sight(normalizer));
  const Tensor grouped = play(f, inputs).y;
  for (std::size_t i = 1; i < 3; ++i) {
    Tensor repeated = Tensor::empty({2, 2, n, width}, DType::float64);
    for (Index at = 0; at < repeated.size(); ++at) repeated.set(at, inputs[i].at(at / (2 * head) * head + at % head));
    inputs[i] = repeated;
  }
  return difference("one key head for two, or two alike", grouped, play(f, inputs).y, 1e-12);
}

std::string empty_rows(const ScoreNormalizer& normalizer) {
  std::string wrong;
  const Index n = tokens_for(normalizer, 5), width = width_for(normalizer, n, 3);
  const Tensor lengths = lengths_of({0, static_cast<std::int32_t>(n)});
  for (const AttentionKernel kernel : {AttentionKernel::reference, AttentionKernel::blocks}) {
    const auto inputs = attention_inputs({2, 2, 2, n, n, width}, normalizer);
    const Played played = play(attention_function(normalizer, kernel, {.lengths = lengths}), inputs);
    const Tensor zeros = Tensor::zeros({1, 2, n, width}, DType::float64);
    wrong += other_bits("output", played.y.rows(0, 1), zeros);
    for (std::size_t x = 0; x < 3; ++x)
      wrong += difference(fmt::format("gradient {}", x), played.dx[x].rows(0, 1), zeros, 0);
  }
  return wrong;
}

std::string order_of_tokens(const ScoreNormalizer& normalizer) {
  const Index n = tokens_for(normalizer, 23);
  auto inputs = attention_inputs({1, 2, 2, n, n, width_for(normalizer, n, 4)}, normalizer);
  const auto order = Rng(4, "order").permutation(static_cast<std::int32_t>(n));
  const Function f = attention_function(normalizer, AttentionKernel::blocks, {});
  const Tensor wanted = permuted_tokens(play(f, inputs).y, order);
  for (std::size_t i = 0; i < 3; ++i) inputs[i] = permuted_tokens(inputs[i], order);
  const std::string wrong = difference("permuted tokens", play(f, inputs).y, wanted, 1e-11);
  if (normalizer.traits().ordered) return wrong.empty() ? "the order of tokens changes nothing\n" : "";
  return wrong;
}

// Weights of given scores [1, 2, rows, cols].
Tensor weights(const ScoreNormalizer& normalizer, const Tensor& scores, const Visibility& visibility) {
  std::vector<Tensor> inputs = attention_inputs({1, 2, 1, 1, 1, 1}, normalizer);
  inputs.erase(inputs.begin() + 1, inputs.begin() + 3);
  inputs[0] = scores;
  return play(
             [&](std::span<const Var> x) {
               ScoreAttention how;
               how.normalizer = &normalizer;
               how.visibility = visibility;
               std::size_t next = 1;
               for (std::size_t p = 0; p < normalizer.entries().size(); ++p)
                 if (normalizer.entries()[p].parameter.exists()) how.normalizer_parameters[p] = x[next++];
               return attention_weights(x[0], how);
             },
             inputs)
      .y;
}

std::string sums_and_signs(const ScoreNormalizer& normalizer) {
  const Index n = tokens_for(normalizer, 40);
  const NormalizerTraits traits = normalizer.traits();
  const Tensor w = weights(normalizer, random_tensor({1, 2, n, n}, 5, -3, 3), whole_sight(normalizer));
  std::string wrong;
  double furthest = 0;
  bool zero = false, negative = false;
  for (Index row = 0; row < 2 * n; ++row) {
    const Index seen = traits.causal ? row % n + 1 : n;
    double sum = 0;
    for (Index j = 0; j < n; ++j) {
      const double x = w.at(row * n + j);
      sum += x;
      if (j >= seen && x != 0) wrong += fmt::format("row {}: key {} is hidden and has the weight {}\n", row, j, x);
      zero = zero || (j < seen && x == 0);
      negative = negative || x < 0;
    }
    furthest = std::max(furthest, std::abs(sum - 1));
  }
  if ((furthest < 1e-12) != traits.rows_sum_to_one)
    wrong += fmt::format("a row's sum is {} from 1, but rows_sum_to_one is {}\n", furthest, traits.rows_sum_to_one);
  if (zero != traits.sparse)
    wrong += fmt::format("{} zero weight, but sparse is {}\n", zero ? "a" : "no", traits.sparse);
  if (negative != traits.negative)
    wrong += fmt::format("{} negative weight, but negative is {}\n", negative ? "a" : "no", traits.negative);
  return wrong;
}

// What moves when the score of row 2 and key 3 of the first head does: nothing else, its row, or its matrix.
std::string reach(const ScoreNormalizer& normalizer) {
  const Index n = tokens_for(normalizer, 6), changed = 2 * n + 3;
  const Tensor scores = random_tensor({1, 2, n, n}, 6, 0.5, 1.5);
  Tensor other = scores.clone();
  other.set(changed, 1.7);
  const Tensor before = weights(normalizer, scores, {}), after = weights(normalizer, other, {});
  bool row = false, matrix = false;
  for (Index i = 0; i < 2 * n * n; ++i) {
    if (i == changed || before.at(i) == after.at(i)) continue;
    if (i >= n * n) return "a head changes another\n";
    (i / n == changed / n ? row : matrix) = true;
  }
  const Reach found = matrix ? Reach::matrix : row ? Reach::row : Reach::pointwise;
  constexpr std::array<std::string_view, 3> kNames{"pointwise", "row", "matrix"};
  const auto name = [&](Reach r) { return kNames[static_cast<std::size_t>(r)]; };
  if (found == normalizer.traits().reach) return {};
  return fmt::format("the reach is {}, but {} is declared\n", name(found), name(normalizer.traits().reach));
}

// Whether the count of visible keys matters, apart from the scores.
std::string count(const ScoreNormalizer& normalizer) {
  const Index n = tokens_for(normalizer, 5);
  const Tensor scores = random_tensor({n, n}, 6, -1, 2);
  std::vector<double> scratch(static_cast<std::size_t>(normalizer.scratch(n, n)) + 1);
  std::vector<double> saved(static_cast<std::size_t>(n * normalizer.traits().saved) + 1);
  const auto run = [&](Index keys) {
    std::vector<RowInfo> info(static_cast<std::size_t>(n), {{0, n}, keys});
    Tensor w = Tensor::zeros({n, n}, DType::float64);
    ScoreRows<double> rows;
    rows.rows = rows.stride = n;
    rows.info = info.data();
    rows.scores = scores.data<double>();
    rows.weights = w.data<double>();
    rows.saved = saved.data();
    rows.scratch = scratch.data();
    normalizer.forward(rows);
    return w;
  };
  const bool same = same_bits(run(n), run(2 * n));
  if (same != normalizer.traits().needs_count) return {};
  return fmt::format("the count of keys {}, but needs_count is {}\n", same ? "changes nothing" : "matters",
                     normalizer.traits().needs_count);
}

// Bytes of a forward and backward pass of one head of width 64.
std::size_t peak_bytes(const ScoreNormalizer& normalizer, AttentionKernel kernel, Index n, Index window) {
  const auto inputs = attention_inputs({1, 1, 1, n, n, 64}, normalizer, DType::float32);
  Tape tape;
  std::vector<Var> x;
  for (const Tensor& input : inputs) x.push_back(tape.leaf(input));
  const Var y = attention_function(normalizer, kernel, {.causal = true, .window = window})(x);
  tape.backward(y, Tensor::full(y.shape(), DType::float32, 1));
  return tape.peak_bytes();
}

constexpr NormalizerPromise kPromises[] = {
    {"gradients", gradients},
    {"every form is the definition", definition},
    {"float32 agrees with float64", single_precision},
    {"no look-ahead", no_look_ahead},
    {"padding and neighbours change nothing", padding_and_neighbours},
    {"the same bits on any number of threads", threads},
    {"grouped queries", grouped_queries},
    {"rows without a visible key", empty_rows},
    {"the order of tokens", order_of_tokens},
    {"sums, zeros and signs", sums_and_signs},
    {"reach", reach},
    {"count of keys", count},
};

}  // namespace

std::span<const NormalizerPromise> normalizer_promises() {
  return kPromises;
}

std::string matrix_in_memory(const ScoreNormalizer& normalizer) {
  if (normalizer.traits().reach == Reach::matrix) return {};
  constexpr std::size_t kMost = 24'000'000;  // a matrix of scores has 268 MB
  std::string wrong;
  for (const AttentionKernel kernel : fast_kernels(normalizer)) {
    // Memory is taken for the shape; a narrow window leaves most of the arithmetic out, and takes as much.
    if (peak_bytes(normalizer, kernel, 512, 16) != peak_bytes(normalizer, kernel, 512, 0))
      wrong += "a window changes the memory\n";
    const std::size_t bytes = peak_bytes(normalizer, kernel, 8192, 16);
    if (bytes > kMost) wrong += fmt::format("8192 tokens took {} bytes, more than {}\n", bytes, kMost);
  }
  return wrong;
}

}  // namespace tempera
