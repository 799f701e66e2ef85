// Counts heap allocations: after two steps of one shape, forward, backward and update allocate nothing.
//
// A program of its own, because malloc is replaced for the whole process.
#include <cstdio>
#include <cstdlib>
#include <new>

#include "apps/support/allocations.h"
#include "attention/attention.h"
#include "attention/normalizers.h"
#include "attention/ops.h"
#include "attention/score_mixer.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/matmul.h"
#include "core/ops/reshape.h"
#include "core/ops/softmax.h"
#include "core/ops/table.h"
#include "core/pointwise.h"
#include "core/random.h"
#include "core/recompute.h"
#include "core/rowwise.h"
#include "data/loader.h"
#include "data/text/text_data.h"
#include "data/trim.h"
#include "layers/decoder_lm.h"
#include "layers/encoder_classifier.h"
#include "layers/gru.h"
#include "layers/small_models.h"
#include "losses/cross_entropy_head.h"
#include "losses/head.h"
#include "losses/topk_softmax_head.h"
#include "train/continual/continual_learner.h"
#include "train/continual/replay.h"
#include "train/decoding.h"
#include "train/model_learner.h"
#include "train/optimizer/adam.h"
#include "train/trainer.h"

using namespace tempera;

namespace {

Tensor random(const Shape& shape, const char* stream, DType dtype) {
  Tensor tensor = Tensor::empty(shape, dtype);
  Rng(1, stream).fill_normal(tensor, 0, 0.2);
  return tensor;
}

// A step of a small attention block with feed-forward layer and a squared loss.
struct Model {
  explicit Model(DType dtype)
      : x(random({4, 24, 32}, "x", dtype)),
        q(random({32, 32}, "q", dtype)),
        up(random({64, 32}, "up", dtype)),
        bias(random({64}, "bias", dtype)),
        down(random({32, 64}, "down", dtype)) {
    for (const Tensor* w : {&q, &up, &bias, &down}) grads.push_back(Tensor::empty(w->shape(), dtype));
  }

  double step(Tape& tape) {
    tape.reset();
    const Var input = tape.constant(x);
    const Var wq = tape.parameter(q, grads[0]), wu = tape.parameter(up, grads[1]), b = tape.parameter(bias, grads[2]),
              wd = tape.parameter(down, grads[3]);
    Var loss;
    {
      const Tape::Scope scope(tape, "block");
      const Var h = linear(input, wq);
      const Var scores = softmax(matmul(h, h, Transpose::no, Transpose::yes) * 0.2);
      const Var mixed = input + matmul(scores, h);
      const double n = 32;
      const Var normed = rowwise([n](auto a, auto s) { return a * rsqrt(s / n + 1e-5); },
                                 std::tuple(row_sum([](auto a) { return a * a; })), mixed);
      const Var out = linear(linear(normed, wu, b, Activation::gelu), wd);
      loss = rowwise([](auto, auto s) { return s; }, std::tuple(row_sum([](auto a) { return a * a; })), out);
    }
    const double value = loss.value().at(0);
    tape.backward(loss, Tensor::full(loss.shape(), loss.dtype(), 1e-3, tape.pool()));
    loss = Var();
    Tensor* weights[] = {&q, &up, &bias, &down};
    for (std::size_t i = 0; i < 4; ++i)
      dispatch(x.dtype(), [&]<class T>(Type<T>) { weights[i]->vec<T>() -= static_cast<T>(1e-3) * grads[i].vec<T>(); });
    return value;
  }

  Tensor x, q, up, bias, down;
  std::vector<Tensor> grads;
};

int check(DType dtype, int threads, bool watch) {
  Model model(dtype);
  Tape tape(threads);
  tape.watch(watch);
  for (int i = 0; i < 2; ++i) model.step(tape);
  const long before = heap_allocations();
  for (int i = 0; i < 5; ++i) model.step(tape);
  const long made = heap_allocations() - before;
  std::printf("%s, %d threads, watch %s: %ld allocations in 5 steps\n", dtype == DType::float32 ? "float32" : "float64",
              threads, watch ? "on" : "off", made);
  return made == 0 ? 0 : 1;
}

// Forward and backward of one example, over and over on one tape.
long allocations_of(const Example& example, DType dtype) {
  const std::vector<Tensor> inputs = draw_inputs(example, 1, dtype);
  Tape tape;
  std::vector<Var> vars(inputs.size());
  std::vector<Tensor> grads;
  for (const Tensor& input : inputs)
    grads.push_back(is_floating(input.dtype()) ? Tensor::empty(input.shape(), dtype) : Tensor());
  long before = 0;
  for (int step = 0; step < 5; ++step) {
    if (step == 2) before = heap_allocations();
    tape.reset();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      vars[i] = grads[i].defined() ? tape.parameter(inputs[i], grads[i]) : tape.constant(inputs[i]);
    const Var y = example.call(vars);
    if (!y.requires_grad()) continue;
    Tensor dy = tape.empty(y.shape(), y.dtype());
    dy.fill(1);
    tape.backward(y, dy);
  }
  return heap_allocations() - before;
}

int check_operations() {
  int failures = 0;
  for (const auto table : {all_ops(), attention_ops()})
    for (const Op* op : table)
      for (const Example& example : op->examples())
        for (const DType dtype : {DType::float32, DType::float64}) {
          const long made = allocations_of(example, dtype);
          if (made == 0) continue;
          ++failures;
          std::printf("%s / %s: %ld allocations in 3 steps\n", std::string(op->name).c_str(), example.name.c_str(),
                      made);
        }
  std::printf("%zu operations, %d examples allocate\n", all_ops().size() + attention_ops().size(), failures);
  return failures;
}

// Training steps of an attention with its projections.
int check_attention(std::string_view name, const Options& options, Index tokens = 70) {
  const auto& attention = dynamic_cast<const AttentionOptions&>(options);
  const bool causal = attention.traits().causal;
  const auto mixer = attention.make({.d_model = 16, .causal = causal});
  const Parameters parameters(*mixer, DType::float32, Rng(1, "attention"));
  Tape tape;
  Context context(tape, parameters, Rng(1, "run"));
  context.set_gradients(parameters.make_flat());
  const Tensor x = random({2, tokens, 16}, "x", DType::float32), dy = random({2, tokens, 16}, "dy", DType::float32);
  const Tensor lengths = Tensor::from<std::int32_t>(
      {2}, {static_cast<std::int32_t>(tokens), static_cast<std::int32_t>(tokens > 4 ? 41 : 2)});
  long before = 0;
  for (int step = 0; step < 5; ++step) {
    if (step == 2) before = heap_allocations();
    context.begin(static_cast<std::uint64_t>(step), 0);
    Sequences sequences;
    sequences.lengths = lengths;
    sequences.causal = causal;
    tape.backward(mixer->forward(context, tape.constant(x), sequences), dy);
  }
  const long made = heap_allocations() - before;
  std::printf("attention '%s': %ld allocations in 3 steps\n", std::string(name).c_str(), made);
  return made != 0;
}

// Every kind of attention, and every normalizer, with a sink where it may have one.
int check_attentions() {
  int failures = 0;
  for (const Kind& kind : attention_kinds()) failures += check_attention(kind.name, *kind.make());
  for (const Kind& kind : normalizer_kinds()) {
    ScoreMixerOptions options;
    options.normalizer.choose(kind.name);
    options.sink = options.traits().causal;
    const auto normalizer = options.normalizer.as<NormalizerOptions>().make({4, 4, 16});
    failures += check_attention(kind.name, options, normalizer->refusal(70).empty() ? 70 : 4);
  }
  return failures;
}

// Batches of shuffled windows, the last of an epoch smaller. With depth > 0 oneTBB's own bookkeeping is in the count
// too.
int check_loader(int depth) {
  const auto set = std::make_shared<TokenWindows>(std::vector<std::int32_t>(1000, 1), 16, 1, 2);
  Loader loader(set, Sampler(set->size(), {.batch = 32, .drop_last = false}), {.depth = depth});
  for (int step = 0; step < 100; ++step) loader.next();
  const long before = heap_allocations();
  for (int step = 0; step < 1000; ++step) loader.next();
  const long made = heap_allocations() - before;
  std::printf("batches read %d ahead: %ld allocations in 1,000 steps\n", depth, made);
  return made == 0 ? 0 : 1;
}

// Batches of many lengths, cut to the longest sample.
int check_trimming() {
  Batch batch, room;
  batch.inputs = Tensor::zeros({8, 200}, DType::int32);
  batch.targets = Tensor::zeros({8}, DType::int32);
  batch.ids = Tensor::zeros({8}, DType::int32);
  batch.lengths = Tensor::zeros({8}, DType::int32);
  const auto trim = [&](int step) {
    for (Index i = 0; i < 8; ++i) batch.lengths.set(i, static_cast<double>(1 + (step * 37 + 11 * i) % 190));
    trimmed(batch, room);
  };
  for (int step = 0; step < 200; ++step) trim(step);
  const long before = heap_allocations();
  for (int step = 0; step < 200; ++step) trim(step);
  const long made = heap_allocations() - before;
  std::printf("batches of many lengths: %ld allocations in 200 steps\n", made);
  return made == 0 ? 0 : 1;
}

// Steps of every optimizer over a matrix and a vector.
int check_optimizers() {
  struct Parts : Module {
    Parameter tall{{70, 33}, Init::normal(1)}, bias{{33}, Init::normal(1), false};
    void visit(ParameterVisitor& v) override {
      v("tall", tall);
      v("bias", bias);
    }
  } model;
  int failures = 0;
  for (const Kind& kind : optimizer_kinds())
    for (const DType dtype : {DType::float32, DType::float64})
      for (const int threads : {1, 2}) {
        Parameters parameters(model, dtype, Rng(1, "run"));
        const auto options = kind.make();
        const auto optimizer = dynamic_cast<OptimizerOptions&>(*options).make(segments_of(parameters));
        const Tensor gradients = random({parameters.flat_size()}, "g", dtype);
        long before = 0;
        for (int t = 1; t <= 5; ++t) {
          if (t == 2) before = heap_allocations();
          optimizer->step(parameters.flat(), gradients, {.step = t, .threads = threads});
        }
        if (heap_allocations() == before) continue;
        ++failures;
        std::printf("%s: %ld allocations in 4 steps\n", std::string(kind.name).c_str(), heap_allocations() - before);
      }
  std::printf("%zu optimizers, %d cases allocate\n", optimizer_kinds().size(), failures);
  return failures;
}

// Forward and backward of every head.
int check_heads() {
  int failures = 0;
  for (const Kind& kind : head_kinds())
    for (const DType dtype : {DType::float32, DType::float64}) {
      const auto options = kind.make();
      if (auto* few = dynamic_cast<TopkSoftmaxHeadOptions*>(options.get())) few->k = 3;
      const auto head = dynamic_cast<HeadOptions&>(*options).make({8, 5, nullptr});
      const Parameters parameters(*head, dtype, Rng(1, "run"));
      const bool classes = kind.name != "binary_cross_entropy" && kind.name != "squared_error";
      const Targets targets(classes ? Tensor::zeros({70}, DType::int32) : Tensor::zeros({70, 5}, dtype));
      const Tensor x = random({70, 8}, "x", dtype), gradients = parameters.make_flat();
      std::array<double, 8> sums{};
      Tape tape;
      Context context(tape, parameters, Rng(1, "run"));
      context.set_gradients(gradients);
      long before = 0;
      for (int t = 1; t <= 5; ++t) {
        if (t == 3) before = heap_allocations();
        context.begin(static_cast<std::uint64_t>(t), 0);
        const Var loss = head->loss(context, tape.leaf(x), targets, head->weight(targets),
                                    std::span(sums).first(head->sum_names().size()));
        tape.backward(loss);
      }
      if (heap_allocations() == before) continue;
      ++failures;
      std::printf("%s: %ld allocations in 3 steps\n", std::string(kind.name).c_str(), heap_allocations() - before);
    }
  std::printf("%zu heads, %d cases allocate\n", head_kinds().size(), failures);
  return failures;
}

// Training steps of a decoder with recurrences in the place of attention, dropout on, a tied head and ragged lengths.
int check_decoder(bool recompute) {
  DecoderOptions options;
  options.d_model = 24;
  options.n_layers = 11;  // names of two digits
  options.max_length = 16;
  options.dropout = 0.1;
  options.mlp = "swiglu";
  options.recompute = recompute;
  DecoderLM model(options, InputSpec::tokens(30), [](const MixerPlace&) { return std::make_unique<GRU>(24); });
  const Parameters parameters(model, DType::float32, Rng(1, "run"));
  Tape tape;
  Context context(tape, parameters, Rng(1, "run"));
  context.set_gradients(parameters.make_flat());
  Tensor tokens = Tensor::empty({3, 16}, DType::int32);
  for (Index i = 0; i < tokens.size(); ++i) tokens.set(i, static_cast<double>(i % 30));
  const ModelInput input{tokens, Tensor::from<std::int32_t>({3}, {16, 5, 9})};
  const Tensor targets = tokens.reshaped({48});
  long before = 0;
  for (std::uint64_t step = 0; step < 7; ++step) {
    if (step == 2) before = heap_allocations();
    context.begin(step, 3);
    const Var features = model.features(context, input);
    const Var logits = linear(features, context[*model.token_table()]);
    tape.backward(cross_entropy(reshape(logits, Shape{48, 30}), targets));
  }
  const long made = heap_allocations() - before;
  std::printf("decoder, recomputation %s: %ld allocations in 5 steps\n", recompute ? "on" : "off", made);
  return made == 0 ? 0 : 1;
}

// Tokens written with the cache. Only the texts themselves grow, by doubling.
int check_decoding(const Kind& kind) {
  DecoderOptions options;
  options.d_model = 24;
  options.n_layers = 2;
  options.max_length = 300;
  auto model = std::make_unique<DecoderLM>(options, InputSpec::tokens(30), [&kind](const MixerPlace&) {
    const std::unique_ptr<Options> attention = kind.make();
    return dynamic_cast<AttentionOptions&>(*attention).make({.d_model = 24, .causal = true});
  });
  auto head = CrossEntropyHeadOptions().make({24, 30, nullptr});
  ModelLearner learner(std::move(model), std::move(head));
  const Parameters parameters(learner.module(), DType::float32, Rng(1, "run"));
  Decoding texts({learner.model(), learner.head(), parameters, 300}, std::array<std::int32_t, 2>{1, 2});
  texts.keep(std::array<Index, 3>{0, 0, 0});
  const std::array<std::int32_t, 3> tokens{4, 5, 6};
  for (int i = 0; i < 10; ++i) texts.append(tokens);
  const long before = heap_allocations();
  for (int i = 0; i < 250; ++i) texts.append(tokens);
  const long made = heap_allocations() - before, doublings = 3 * 5;
  std::printf("decoding, %s: %ld allocations in 250 steps of three texts\n", std::string(kind.name).c_str(), made);
  return made <= doublings ? 0 : 1;
}

// Rounds of steps until one of them is free of allocations; see check_trainer().
int count_steps(Trainer& trainer, std::string_view what) {
  long fewest = 1;
  int rounds = 0;
  for (int i = 0; i < 20; ++i) trainer.step();
  for (; rounds < 50 && fewest > 0; ++rounds) {
    const long before = heap_allocations();
    for (int i = 0; i < 20; ++i) trainer.step();
    fewest = rounds == 0 ? heap_allocations() - before : std::min(fewest, heap_allocations() - before);
  }
  std::printf("%s: %ld allocations in 20 steps, round %d\n", std::string(what).c_str(), fewest, rounds);
  return fewest == 0 ? 0 : 1;
}

// Whole steps of the trainer: reading ahead, shards, their tree, clipping, update, averaged weights, report. With two
// threads, who takes which shard is chance, and a tape may meet its largest shard late; so rounds of steps are counted,
// and one of them must be free of allocations. What a step allocates shows in every round.
int check_trainer(int threads, int shard, bool whole_batches, std::string_view normalizer = "softmax") {
  EncoderOptions model_options;
  model_options.d_model = 16;
  model_options.n_layers = 2;
  model_options.max_length = 12;
  model_options.dropout = 0.1;
  const auto mixers = [normalizer](const MixerPlace&) {
    ScoreMixerOptions attention;
    attention.normalizer.choose(normalizer);
    return attention.make({.d_model = 16});
  };
  auto model = std::make_unique<EncoderClassifier>(model_options, InputSpec::tokens(30), mixers);
  auto head = CrossEntropyHeadOptions().make({model->width(), 5, nullptr});
  ModelLearner learner(std::move(model), std::move(head), DType::float32);
  Tensor tokens = Tensor::zeros({100, 12}, DType::int32), classes = Tensor::zeros({100}, DType::int32);
  for (Index i = 0; i < tokens.size(); ++i) tokens.set(i, static_cast<double>(i * i % 30));
  for (Index i = 0; i < classes.size(); ++i) classes.set(i, static_cast<double>(i % 5));
  Description description;
  description.inputs = {12};
  description.input_type = DType::int32;
  description.vocabulary = 30;
  description.classes = 5;
  TrainerOptions options;
  options.steps = 100000;
  options.batch = 24;
  options.shard = shard;
  options.drop_last = whole_batches;
  options.threads = threads;
  options.average.decay = 0.99;
  options.clip.value = 0.1;
  Trainer trainer(options, learner, std::make_shared<TensorDataset>(tokens, classes, description), AdamWOptions(),
                  [](std::int64_t) { return 1e-3; });
  return count_steps(trainer, fmt::format("trainer, {} threads, shards of {}, {} batches", threads, shard,
                                          whole_batches ? "whole" : "ragged"));
}

// Every method against forgetting, in a task before which there was another; it began with the third step.
int check_stream(const Kind& method, std::string_view selection) {
  ClassScenarioOptions scenario;
  scenario.tasks = 2;
  scenario.method.choose(method.name);
  scenario.masked.stream = "present";
  scenario.masked.buffer = "task";
  if (auto* replay = dynamic_cast<ReplayOptions*>(&scenario.method.options())) {
    replay->buffer = 20;
    replay->selection = selection;
  }
  Tensor inputs = Tensor::zeros({200, 6}, DType::float32), classes = Tensor::zeros({200}, DType::int32);
  Rng(1, "inputs").fill_normal(inputs, 0, 1);
  for (Index i = 0; i < classes.size(); ++i) classes.set(i, static_cast<double>(i % 4));
  DataSource source;
  source.train = source.test =
      std::make_shared<TensorDataset>(inputs, classes, Description{.inputs = {6}, .classes = 4});
  TrainerOptions options;
  options.steps = 100000;
  options.batch = 8;
  auto model = std::make_unique<MlpModel>(MlpOptions(), InputSpec::vectors(6));
  auto head = CrossEntropyHeadOptions().make({model->width(), 4, nullptr});
  ContinualLearner learner({std::move(model), std::move(head)}, scenario.stream(source), scenario, {.steps = 4});
  Trainer trainer(
      options, learner, learner.stream().train, AdamWOptions(), [](std::int64_t) { return 1e-6; }, learner.stages());
  return count_steps(trainer, fmt::format("stream, {}, {}", method.name, selection));
}

}  // namespace

int main() {
  // The counter itself must be seen to count.
  const long before = heap_allocations();
  void* volatile probe = std::malloc(10);
  int* volatile number = new int(3);
  std::free(probe);
  delete number;
  if (heap_allocations() - before < 2) {
    std::puts("the hooks do not count");
    return 1;
  }
  int failures = check_operations() + check_attentions() + check_optimizers() + check_heads();
  for (const DType dtype : {DType::float32, DType::float64})
    for (const int threads : {1, 2})
      for (const bool watch : {false, true}) failures += check(dtype, threads, watch);
  for (const int depth : {0, 2}) failures += check_loader(depth);
  failures += check_trimming();
  for (const bool recompute : {false, true}) failures += check_decoder(recompute);
  for (const Kind& kind : attention_kinds()) failures += check_decoding(kind);
  for (const int threads : {1, 2})
    for (const int shard : {3, 24})
      for (const bool whole_batches : {true, false}) failures += check_trainer(threads, shard, whole_batches);
  for (const Kind& method : method_kinds())
    for (const char* selection : {"reservoir", "balanced"}) failures += check_stream(method, selection);
  failures += check_trainer(1, 3, false, "reluformer");  // has a loss of its own
  return failures == 0 ? 0 : 1;
}
