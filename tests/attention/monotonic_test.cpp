// Monotonic attention: alignments, chunks, and the heads of a cross attention that walk along their memory.
#include "attention/monotonic_alignment.h"
#include "attention/monotonic_mixer.h"
#include "core/ops/elementwise.h"
#include "core/ops/reductions.h"
#include "tests/support/attention.h"
#include "tests/support/experiment.h"
#include "tests/support/modules.h"
#include "train/decoding.h"

using namespace tempera;

namespace {

constexpr Index kModel = 8;

Tensor alignment(const Tensor& p) {
  Tape tape;
  return monotonic_alignment(tape.constant(p)).value().clone();
}

// The form with cumulative products, which divides by what may be near zero.
Tensor parallel_alignment(const Tensor& p) {
  const Index n = p.dim(0), m = p.dim(1);
  Tensor a = Tensor::zeros({n, m}, DType::float64);
  std::vector<double> before(static_cast<std::size_t>(m), 0);
  before[0] = 1;
  for (Index i = 0; i < n; ++i) {
    double product = 1, sum = 0;
    for (Index j = 0; j < m; ++j) {
      sum += before[static_cast<std::size_t>(j)] / std::max(product, 1e-10);
      a.set(i * m + j, p.at(i * m + j) * product * sum);
      product *= 1 - p.at(i * m + j);
    }
    for (Index j = 0; j < m; ++j) before[static_cast<std::size_t>(j)] = a.at(i * m + j);
  }
  return a;
}

struct Running {
  std::unique_ptr<TokenMixer> mixer;
  Parameters parameters;
  Tape tape;

  explicit Running(const MonotonicOptions& options, DType dtype = DType::float64)
      : mixer(options.make({.d_model = kModel, .cross = true, .init = Init::normal(0.8), .output = Init::normal(0.4)})),
        parameters(*mixer, dtype, Rng(5, "test")) {}
  Tensor operator()(const Tensor& x, const Tensor& memory, const Tensor& lengths = {}) {
    Context context(tape, parameters);
    context.begin(0, 0);
    return mixer->forward(context, tape.constant(x), {}, tape.constant(memory), lengths).value().clone();
  }
};

MonotonicOptions small(int chunk = 1) {
  MonotonicOptions options;
  options.heads = 2;
  options.offset = -0.3;
  options.chunk = chunk;
  return options;
}

struct Seen : WeightsObserver {
  Tensor weights;
  void see(std::string_view, const Tensor& w) override { weights = w.clone(); }
};

const std::string kReversing =
    "data: {type: sequences, longest: 5, symbols: 4}\n"
    "model: {type: encoder_decoder, d_model: 8, n_layers: 1, n_decoder_layers: 2, max_length: 8}\n"
    "attention: {heads: 2, normalizer: {type: entmax, learned: true}}\n"
    "cross_attention: {type: monotonic, heads: 2, chunk: 2, head_drop: 0.5, quantity_loss: 0.3}\n"
    "train: {steps: 4, batch: 12, shard: 4, dtype: float64}\n";

}  // namespace

TEST_CASE("alignments and chunks of monotonic attention", "[attention][sheets]") {
  const Tensor p = f64({2, 4}, {0.5, 0.5, 0.5, 0.5, 0.2, 0.8, 0.5, 1});
  const Tensor a = alignment(p);
  check_close(a, f64({2, 4}, {0.5, 0.25, 0.125, 0.0625, 0.1, 0.52, 0.1275, 0.19}), 1e-12);
  Tape tape;
  const Tensor u = f64({1, 4}, {0, 1, 0, -1});
  check_close(monotonic_chunks(tape.constant(a.rows(1, 1)), tape.constant(u), 2).value(),
              f64({1, 4}, {0.239850, 0.473360, 0.173191, 0.051099}), 1e-6);
  CHECK(alignment(Tensor::full({3, 4}, DType::float64, 1)).to_vector() ==
        std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0});
  CHECK(alignment(Tensor::zeros({3, 4}, DType::float64)).to_vector() == std::vector<double>(12, 0));
}

TEST_CASE("alignments agree with cumulative products, and their rows lose mass", "[attention][sheets]") {
  const Tensor p = random_tensor({7, 12}, 3, 0.05, 0.7);
  const Tensor a = alignment(p);
  check_close(a, parallel_alignment(p), 1e-12);
  double before = 1;
  for (Index i = 0; i < 7; ++i) {
    const double sum = a.rows(i, 1).vec<double>().sum();
    CHECK(sum <= before + 1e-15);
    before = sum;
  }
}

TEST_CASE("certain readers stop at the first key that they select, and never walk back", "[attention][sheets]") {
  Tensor p = random_tensor({9, 12}, 3, 0, 1);
  for (Index i = 0; i < p.size(); ++i) p.set(i, p.at(i) > 0.7 ? 1 : 0);
  const Tensor a = alignment(p);
  Index stands = 0;
  for (Index i = 0; i < 9; ++i) {
    while (stands < 12 && p.at(i * 12 + stands) == 0) ++stands;
    for (Index j = 0; j < 12; ++j) CHECK(a.at(i * 12 + j) == (j == stands ? 1 : 0));
  }
}

TEST_CASE("alignments are what many readers do on average", "[attention]") {
  const Tensor p = f64({2, 4}, {0.5, 0.5, 0.5, 0.5, 0.2, 0.8, 0.5, 1});
  constexpr int kReaders = 20000;
  std::vector<double> counts(8, 0);
  const Rng rng(3, "readers");
  std::uint64_t draw = 0;
  for (int reader = 0; reader < kReaders; ++reader)
    for (Index i = 0, at = 0; i < 2; ++i) {
      while (at < 4 && rng.uniform(draw++) >= p.at(i * 4 + at)) ++at;
      if (at < 4) counts[static_cast<std::size_t>(i * 4 + at)] += 1. / kReaders;
    }
  const Tensor a = alignment(p);
  for (Index i = 0; i < 8; ++i) CHECK(counts[static_cast<std::size_t>(i)] == Approx(a.at(i)).margin(0.015));
}

TEST_CASE("gradients of monotonic attention in training", "[attention][gradcheck]") {
  for (const int chunk : {1, 3}) {
    MonotonicOptions options = small(chunk);
    options.kv_heads = 1;
    options.head_drop = 0.5;
    options.quantity_loss = 0.4;
    const auto mixer = options.make({.d_model = kModel, .cross = true, .init = Init::normal(0.5)});
    check_gradients(
        *mixer, {random_tensor({2, 3, kModel}, 1), random_tensor({2, 5, kModel}, 2)},
        [&](Context& context, std::span<const Var> x) {
          const Sequences sequences{.lengths = lengths_of({3, 2})};
          const Var y = mixer->forward(context, x[0], sequences, x[1], lengths_of({4, 5}));
          return sum(square(y)) + context.part_losses()[0].weighted;
        },
        true, 9);
  }
}

TEST_CASE("outside of training each head of monotonic attention stops at one token", "[attention]") {
  Running run(small());
  const Tensor x = random_tensor({2, 6, kModel}, 1, -2, 2), memory = random_tensor({2, 9, kModel}, 2, -2, 2);
  Context context(run.tape, run.parameters);
  Seen seen;
  context.observe_weights(&seen);
  context.begin(0, 0);
  run.mixer->forward(context, run.tape.constant(x), {}, run.tape.constant(memory), lengths_of({9, 4}));
  for (Index m = 0; m < 4; ++m)
    for (Index i = 0, last = 0; i < 6; ++i) {
      Index stops = 0;
      for (Index j = 0; j < 9; ++j) {
        const double w = seen.weights.at((m * 6 + i) * 9 + j);
        CHECK((w == 0 || w == 1));
        if (w == 0) continue;
        ++stops;
        CHECK(j >= last);
        CHECK((m < 2 || j < 4));  // the second sample's memory has 4 tokens
        last = j;
      }
      CHECK(stops <= 1);
    }
}

TEST_CASE("monotonic attention decodes, forks, and sees no padding", "[attention]") {
  for (const int chunk : {1, 3}) {
    Running run(small(chunk));
    const Tensor x = random_tensor({2, 6, kModel}, 1, -2, 2), memory = random_tensor({2, 9, kModel}, 2, -2, 2);
    const Tensor lengths = lengths_of({9, 4}), full = run(x, memory, lengths);
    Tensor other = memory.clone();
    for (Index i = (9 + 4) * kModel; i < other.size(); ++i) other.set(i, 40);
    CHECK(same_bits(run(x, other, lengths), full));
    const std::vector<Index> rows{1, 0, 1};
    Context context(run.tape, run.parameters);
    context.begin(0, 0);
    const auto step = [&](MixerState& state, const Tensor& from, const Tensor& read, const Tensor& known, Index first,
                          Index count) {
      const Var part = slice(run.tape.constant(from), 1, first, count);
      return run.mixer->cross_step(context, part, state, {}, run.tape.constant(read), known).value().clone();
    };
    const auto state = run.mixer->make_cross_state(memory);
    for (const auto& [first, count] : {std::pair<Index, Index>{0, 1}, {1, 2}})
      check_close(step(*state, x, memory, lengths, first, count),
                  slice(run.tape.constant(full), 1, first, count).value());
    state->reorder(rows);
    check_close(step(*state, rows_of(x, rows), rows_of(memory, rows), rows_of(lengths, rows), 3, 3),
                slice(run.tape.constant(rows_of(full, rows)), 1, 3, 3).value());
  }
}

TEST_CASE("heads that are left out leave one, and the others grow", "[attention]") {
  MonotonicOptions options = small();
  options.heads = 4;
  options.head_drop = 0.9;
  Running run(options);
  for (const char* part : {"output.weight", "value.weight"}) {  // heads stay apart
    Tensor& w = run.parameters.find(part).parameter->value;
    w.fill(0);
    for (Index i = 0; i < kModel; ++i) w.set(i * kModel + i, 1);
  }
  const Tensor x = random_tensor({1, 3, kModel}, 1), memory = Tensor::full({1, 4, kModel}, DType::float64, 1);
  std::vector<int> kept(5, 0);
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    Context context(run.tape, run.parameters, Rng(3, "run"));
    context.set_gradients(run.parameters.make_flat());
    context.begin(trial, 0);
    const Tensor y = run.mixer->forward(context, run.tape.constant(x), {}, run.tape.constant(memory)).value().clone();
    std::size_t count = 0;
    for (Index h = 0; h < 4; ++h) count += y.at(2 * h) != 0;
    REQUIRE(count >= 1);
    ++kept[count];
  }
  // One stays in any case; each of the other three with probability 0.1 at most.
  CHECK(kept[1] > 130);
  CHECK(kept[2] > 5);
}

TEST_CASE("monotonic attention reads a memory, and says so", "[attention][errors]") {
  CHECK(error_of([] { MonotonicOptions().make({.d_model = 8}); }) ==
        "monotonic attention: it reads a memory; choose another attention for tokens that read themselves");
  Running run(small());
  Context context(run.tape, run.parameters);
  context.begin(0, 0);
  const Var x = run.tape.constant(random_tensor({1, 2, kModel}, 1));
  CHECK(error_of([&] { run.mixer->forward(context, x, {}); }) ==
        "monotonic attention: it came without a memory to read");
  CHECK(error_of([&] { run.mixer->make_state(1, 2, DType::float64); }) ==
        "monotonic attention: it keeps a state for each memory; decode it as a cross attention");
  const auto state = run.mixer->make_cross_state(random_tensor({1, 3, kModel}, 1));
  CHECK(error_of([&] {
          run.mixer->cross_step(context, x, *state, {}, run.tape.constant(random_tensor({1, 4, kModel}, 1)), {});
        }) == "monotonic attention: the state is of 1 sequences that read 3 tokens, but the memory is [1, 4, 8]");
  CHECK(error_of([&] { monotonic_alignment(run.tape.constant(Tensor::zeros({3}, DType::float64))); }) ==
        "monotonic_alignment: probabilities of shape [3] came; [.., queries, keys] was wanted");
}

TEST_CASE("an encoder-decoder trains and decodes with a cross attention of its own", "[attention][tasks]") {
  TestExperiment run(kReversing);
  NamedValues last;
  run.trainer().on_step = [&](const StepReport& report) { last = report.metrics; };
  CHECK(run.trainer().run());
  CHECK(last.find("quantity"));
  const ModelLearner& learner = run.experiment->learner();
  Batch batch;
  const std::int64_t ids[] = {0, 1, 2};
  run.experiment->data().train->fill(ids, batch);
  Tape tape;
  Context context(tape, run.trainer().parameters());
  context.begin(0, 0);
  const ModelInput input = learner.input(batch, nullptr);
  const Tensor full = learner.model().features(context, input).value().clone();
  const auto state = learner.model().make_state(context, input, 8);
  for (Index i = 0; i < full.dim(1); ++i) {
    Tensor next = Tensor::empty({3, 1}, DType::int32);
    for (Index b = 0; b < 3; ++b) next.set(b, input.second_inputs.at(b * full.dim(1) + i));
    const Tensor y = learner.model().step(context, next, *state).value();
    for (Index b = 0; b < 3; ++b) {
      if (i >= static_cast<Index>(input.second_lengths.at(b))) continue;
      for (Index c = 0; c < 8; ++c)
        CHECK(y.at(b * 8 + c) == Approx(full.at((b * full.dim(1) + i) * 8 + c)).epsilon(1e-10));
    }
  }
}

TEST_CASE("a cross attention wants a memory", "[attention][errors]") {
  CHECK(error_of([] {
          TestExperiment(
              "data: {type: parity}\nmodel: {type: encoder, d_model: 8}\nattention: {heads: 2}\n"
              "cross_attention: {type: monotonic, heads: 2}\n");
        }) ==
        "configuration: cross_attention.type is monotonic, but model.type encoder reads no memory; leave it out, or "
        "choose encoder_decoder");
}
