#include "tests/attention/contract/attention_promises.h"

#include "core/gradcheck.h"
#include "layers/rows_of.h"
#include "tests/attention/contract/compare.h"
#include "tests/support/attention.h"
#include "tests/support/folder.h"
#include "train/checkpoint.h"

namespace tempera {
namespace {

constexpr Index kModel = 12, kWide = 192;
constexpr DType f32 = DType::float32, f64_ = DType::float64;

// The normalizer of a score attention; null for others.
std::unique_ptr<ScoreNormalizer> normalizer_of(const AttentionOptions& options, Index d_model) {
  const auto* scores = dynamic_cast<const ScoreMixerOptions*>(&options);
  if (!scores) return nullptr;
  return made(scores->normalizer.as<NormalizerOptions>(), scores->heads, d_model / scores->heads);
}

// Tokens that are wide where heads want scores of full rank.
Index model_for(const AttentionOptions& options) {
  const auto normalizer = normalizer_of(options, kModel);
  return normalizer && normalizer->traits().full_rank ? kWide : kModel;
}

// As many tokens as the attention takes, up to `wanted`.
Index tokens_for(const AttentionOptions& options, Index wanted, std::optional<Index> d_model = {}) {
  const auto normalizer = normalizer_of(options, d_model.value_or(model_for(options)));
  return normalizer ? tokens_for(*normalizer, wanted) : wanted;
}

Tensor lengths_up_to(Index first, Index second) {
  return lengths_of({static_cast<std::int32_t>(first), static_cast<std::int32_t>(second)});
}

// A mixer with its parameters, to run by itself.
struct Running {
  std::unique_ptr<TokenMixer> mixer;
  Parameters parameters;
  Tape tape;
  Context context;

  Running(const AttentionOptions& options, bool causal, DType dtype, bool cross = false, std::uint64_t seed = 5,
          std::optional<Index> d_model = {})
      : mixer(options.make({.d_model = d_model.value_or(model_for(options)),
                            .causal = causal,
                            .cross = cross,
                            .init = Init::normal(0.4),
                            .output = Init::normal(0.4)})),
        parameters(*mixer, dtype, Rng(seed, "test")),
        context(tape, parameters) {
    // What starts as a constant takes part: biases start at zero.
    for (const auto& entry : parameters.entries())
      if (entry.parameter->init.kind == Init::Kind::constant)
        Rng(seed + 1, entry.name).fill_uniform(entry.parameter->value, 0.3, 0.9);
  }
  Tensor forward(const Tensor& x, const Sequences& sequences, const Tensor& memory = {}, const Tensor& lengths = {}) {
    context.begin(0, 0);
    const Var m = memory.defined() ? tape.constant(memory) : Var();
    return mixer->forward(context, tape.constant(x), sequences, m, lengths).value().clone();
  }
};

Tensor draw(const Shape& shape, std::uint64_t seed, DType dtype = f64_) {
  return random_tensor(shape, seed, -1, 1, dtype);
}

// Tokens [first, first + count) of every sequence.
Tensor tokens(const Tensor& x, Index first, Index count) {
  Tensor part = Tensor::empty({x.dim(0), count, x.dim(2)}, x.dtype());
  for (Index i = 0; i < part.size(); ++i) {
    const Index b = i / (count * x.dim(2)), rest = i % (count * x.dim(2));
    part.set(i, x.at((b * x.dim(1) + first) * x.dim(2) + rest));
  }
  return part;
}

// The directions of time that the options allow.
std::vector<bool> directions(const AttentionOptions& options) {
  std::vector<bool> result;
  if (options.traits().bidirectional) result.push_back(false);
  if (options.traits().causal) result.push_back(true);
  return result;
}
std::string title(bool causal) {
  return causal ? "causal" : "bidirectional";
}

// Of the tokens and of all parameters.
std::string gradients(const AttentionOptions& options) {
  std::string wrong;
  for (const bool causal : directions(options))
    for (const bool padded : {false, true}) {
      Running run(options, causal, f64_);
      Tensor x = draw({2, 4, model_for(options)}, 2);
      std::vector<Tensor> inputs{x};
      GradcheckOptions check;
      check.tolerance = 1e-7;
      check.max_entries = 6;
      check.names = {"x"};
      for (const auto& entry : run.parameters.entries()) {
        inputs.push_back(entry.parameter->value.clone());
        check.names.push_back(entry.name);
      }
      const Sequences sequences{.lengths = padded ? lengths_of({2, 4}) : Tensor(), .causal = causal};
      const auto f = [&](std::span<const Var> vars) {
        Context context(vars[0].tape(), run.parameters);
        context.bind(vars.subspan(1));
        return run.mixer->forward(context, vars[0], sequences);
      };
      const auto report = gradcheck(f, inputs, check);
      if (!report.ok) wrong += report.table(title(causal) + (padded ? ", padded" : ""));
    }
  return wrong;
}

std::string single_precision(const AttentionOptions& options) {
  std::string wrong;
  for (const bool causal : directions(options)) {
    Running single(options, causal, f32), twice(options, causal, f64_);
    for (std::size_t i = 0; i < single.parameters.entries().size(); ++i) {
      Tensor& value = twice.parameters.entries()[i].parameter->value;
      const Tensor& from = single.parameters.entries()[i].parameter->value;
      for (Index k = 0; k < value.size(); ++k) value.set(k, from.at(k));
    }
    const Tensor x = draw({2, tokens_for(options, 33), model_for(options)}, 3, f32);
    wrong += difference(title(causal), single.forward(x, {.causal = causal}).to(f64_),
                        twice.forward(x.to(f64_), {.causal = causal}), 2e-5);
  }
  return wrong;
}

std::string no_look_ahead(const AttentionOptions& options) {
  constexpr Index n = 70;
  if (!options.traits().causal) return {};
  Running run(options, true, f32);
  const Tensor x = draw({1, n, kModel}, 4, f32), before = run.forward(x, {.causal = true});
  std::string wrong;
  for (const Index changed : {1, 33, 64, 69}) {
    Tensor other = x.clone();
    for (Index i = changed * kModel; i < x.size(); ++i) other.set(i, 3 - x.at(i));
    const Tensor after = run.forward(other, {.causal = true});
    wrong += other_bits(fmt::format("tokens from {} on changed", changed), tokens(after, 0, changed),
                        tokens(before, 0, changed));
    if (same_bits(before, after)) wrong += "nothing happened\n";
  }
  return wrong;
}

std::string padding(const AttentionOptions& options) {
  const Index d = model_for(options), n = tokens_for(options, 19), length = tokens_for(options, n - 8);
  std::string wrong;
  for (const bool causal : directions(options)) {
    Running run(options, causal, f32);
    const Sequences sequences{.lengths = lengths_up_to(length, n), .causal = causal};
    const Tensor x = draw({2, n, d}, 4, f32), before = run.forward(x, sequences);
    Tensor other = x.clone();
    for (Index i = length * d; i < n * d; ++i) other.set(i, 50 - x.at(i));
    wrong += other_bits(title(causal), tokens(run.forward(other, sequences).rows(0, 1), 0, length),
                        tokens(before.rows(0, 1), 0, length));
    // A sequence in a longer batch is the sequence by itself.
    const Tensor alone = run.forward(tokens(x.rows(0, 1), 0, length), {.causal = causal});
    wrong += difference(title(causal) + ", by itself", tokens(before.rows(0, 1), 0, length), alone, 1e-5);
  }
  return wrong;
}

std::string neighbours(const AttentionOptions& options) {
  const Index d = model_for(options), n = tokens_for(options, 19);
  std::string wrong;
  for (const bool causal : directions(options)) {
    Running run(options, causal, f32);
    const Tensor x = draw({2, n, d}, 4, f32), before = run.forward(x, {.causal = causal});
    Tensor other = x.clone();
    for (Index i = n * d; i < x.size(); ++i) other.set(i, 2 - x.at(i));
    const Tensor after = run.forward(other, {.causal = causal});
    wrong += other_bits(title(causal), after.rows(0, 1), before.rows(0, 1));
    if (same_bits(before, after)) wrong += "the neighbour did not change\n";
  }
  return wrong;
}

std::string order_of_tokens(const AttentionOptions& options) {
  const Index n = tokens_for(options, 13);
  if (!options.traits().bidirectional) return {};
  Running run(options, false, f64_);
  const Tensor x = draw({1, n, model_for(options)}, 1);
  const auto order = Rng(4, "order").permutation(static_cast<std::int32_t>(n));
  const Tensor a = run.forward(permuted_tokens(x, order), {}), b = permuted_tokens(run.forward(x, {}), order);
  const std::string wrong = difference("permuted tokens", a, b, 1e-10);
  if (options.traits().ordered) return wrong.empty() ? "the order of tokens changes nothing\n" : "";
  return wrong;
}

std::string decoding(const AttentionOptions& options) {
  constexpr Index n = 19;
  if (!options.traits().causal || !options.traits().decodes) return {};
  Running run(options, true, f64_);
  const Tensor x = draw({2, n, kModel}, 1), full = run.forward(x, {.causal = true});
  std::vector<Index> one_by_one(n + 1);
  for (Index i = 0; i <= n; ++i) one_by_one[static_cast<std::size_t>(i)] = i;
  std::string wrong;
  for (const auto& cuts : {one_by_one, std::vector<Index>{0, 11, 12, 15, 19}}) {
    const auto state = run.mixer->make_state(2, n, f64_);
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      run.context.begin(0, 0);
      const Var part = run.tape.constant(tokens(x, cuts[i], cuts[i + 1] - cuts[i]));
      const Var y = run.mixer->step(run.context, part, *state, {.causal = true, .start = cuts[i]});
      wrong += difference(fmt::format("tokens from {} on", cuts[i]), y.value(),
                          tokens(full, cuts[i], cuts[i + 1] - cuts[i]), 1e-11);
    }
  }
  return wrong;
}

// States follow their sequences when those fork and end.
std::string forks(const AttentionOptions& options) {
  constexpr Index n = 9, before = 5;
  if (!options.traits().causal || !options.traits().decodes) return {};
  Running run(options, true, f64_);
  const Tensor x = draw({2, n, kModel}, 1), full = run.forward(x, {.causal = true});
  std::string wrong;
  for (const std::vector<Index>& rows : {std::vector<Index>{1, 0, 1}, {1}, {0, 1}}) {
    const auto state = run.mixer->make_state(2, n, f64_);
    run.context.begin(0, 0);
    run.mixer->step(run.context, run.tape.constant(tokens(x, 0, before)), *state, {.causal = true});
    state->reorder(rows);
    const Tensor rest = tokens(rows_of(x, rows), before, n - before);
    const Var y = run.mixer->step(run.context, run.tape.constant(rest), *state, {.causal = true, .start = before});
    wrong += difference("forked", y.value(), tokens(rows_of(full, rows), before, n - before), 1e-11);
  }
  return wrong;
}

std::string cross(const AttentionOptions& options) {
  if (!options.traits().cross) return {};
  Running run(options, false, f64_, true);
  const Tensor x = draw({2, 3, kModel}, 1), memory = draw({2, 7, kModel}, 2), lengths = lengths_of({4, 7});
  Tensor other = memory.clone();
  for (Index i = 4 * kModel; i < 7 * kModel; ++i) other.set(i, 50);
  std::string wrong = other_bits("beyond the memory's length", run.forward(x, {.causal = true}, other, lengths),
                                 run.forward(x, {.causal = true}, memory, lengths));
  if (same_bits(run.forward(x, {}, memory), run.forward(x, {}, other))) wrong += "the memory changes nothing\n";
  return wrong;
}

// Without a visible key a token's output knows no token, and nothing learns from it through the keys.
std::string empty_sequences(const AttentionOptions& options) {
  const Index d = model_for(options), n = tokens_for(options, 5);
  std::string wrong;
  for (const bool causal : directions(options)) {
    Running run(options, causal, f64_);
    const Sequences sequences{.lengths = lengths_up_to(0, n), .causal = causal};
    const Tensor a = run.forward(draw({2, n, d}, 1), sequences), b = run.forward(draw({2, n, d}, 2), sequences);
    wrong += other_bits(title(causal), a.rows(0, 1), b.rows(0, 1));
    const Tensor first = tokens(a.rows(0, 1), 0, 1);
    for (Index i = 1; i < n; ++i) wrong += other_bits("its tokens", tokens(a.rows(0, 1), i, 1), first);
    run.context.begin(0, 0);
    const Var x = run.tape.leaf(draw({2, n, d}, 1));
    run.tape.backward(run.mixer->forward(run.context, x, sequences), draw({2, n, d}, 3));
    wrong += difference("gradient", run.tape.grad(x).rows(0, 1), Tensor::zeros({1, n, d}, f64_), 1e-15);
  }
  return wrong;
}

std::string checkpoint(const AttentionOptions& options) {
  const bool causal = directions(options).back();
  Running trained(options, causal, f32), fresh(options, causal, f32, false, 77);
  const Tensor x = draw({2, tokens_for(options, 9), model_for(options)}, 1, f32),
               wanted = trained.forward(x, {.causal = causal});
  std::string wrong;
  if (same_bits(fresh.forward(x, {.causal = causal}), wanted)) wrong += "another start gives the same output\n";
  const TestFolder folder;
  save_checkpoint(folder.path / "step-1", trained.parameters, {}, {});
  load_weights(folder.path / "step-1", fresh.parameters);
  return wrong + other_bits("after loading", fresh.forward(x, {.causal = causal}), wanted);
}

std::string threads(const AttentionOptions& options) {
  std::string wrong;
  for (const bool causal : directions(options)) {
    Running one(options, causal, f32), four(options, causal, f32);
    four.tape.set_threads(4);
    const Tensor x = draw({2, tokens_for(options, 70), model_for(options)}, 1, f32);
    wrong += other_bits(title(causal), four.forward(x, {.causal = causal}), one.forward(x, {.causal = causal}));
  }
  return wrong;
}

// Peak bytes of a forward and backward pass over four doublings of the length. Memory is taken by the shape, so nearly
// all tokens may be padding, which leaves most of the arithmetic out.
std::string memory(const AttentionOptions& options) {
  const double declared = options.traits().memory;
  const bool causal = directions(options).back();
  // What is linear beside a matrix is to be small, and what is constant beside a row of tokens too.
  const Index width = declared > 1 ? kModel : 4 * kModel;
  const auto seen = static_cast<std::int32_t>(tokens_for(options, 32, width));
  Index n = declared > 1 ? 128 : 512;
  std::vector<double> bytes;
  for (int doubling = 0; doubling <= 4; ++doubling, n *= 2) {
    Running run(options, causal, f32, false, 5, width);
    run.context.begin(0, 0);
    const Var x = run.tape.leaf(draw({1, n, width}, 1, f32));
    const Var y = run.mixer->forward(run.context, x, {.lengths = lengths_of({seen}), .causal = causal});
    run.tape.backward(y, Tensor::full(y.shape(), f32, 1));
    bytes.push_back(static_cast<double>(run.tape.peak_bytes()));
  }
  const double measured = exponent_of(bytes);
  if (std::abs(measured - declared) < 0.15) return {};
  return fmt::format("memory grows with the power {:.3f} of the length, {} is declared ({} bytes)\n", measured,
                     declared, fmt::join(bytes, ", "));
}

constexpr AttentionPromise kPromises[] = {
    {"gradients", gradients},
    {"float32 agrees with float64", single_precision},
    {"no look-ahead", no_look_ahead},
    {"padding changes nothing", padding},
    {"neighbours change nothing", neighbours},
    {"the order of tokens", order_of_tokens},
    {"decoding", decoding},
    {"forks of a decoder", forks},
    {"cross attention", cross},
    {"empty sequences", empty_sequences},
    {"checkpoint", checkpoint},
    {"the same bits on any number of threads", threads},
    {"memory", memory},
};

}  // namespace

std::span<const AttentionPromise> attention_promises() {
  return kPromises;
}

}  // namespace tempera
