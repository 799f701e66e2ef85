#include "data/trim.h"

#include "tests/support/experiment.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

Tensor numbers(const Shape& shape, std::int32_t value = 7) {
  return Tensor::full(shape, DType::int32, value);
}

// Loss and gradients of the experiment's model over a batch.
struct Learned {
  double loss;
  Tensor gradients;
};
Learned learn(TestExperiment& run, const Batch& batch) {
  Tape tape;
  Context context(tape, run.trainer().parameters(), Rng(1, "run"));
  const Tensor gradients = run.trainer().parameters().make_flat();
  context.set_gradients(gradients);
  context.begin(0, 0);
  const ModelLearner& learner = run.experiment->learner();
  std::vector<double> sums(static_cast<std::size_t>(learner.sum_count()));
  const Var loss = learner.loss(context, batch, learner.weight(batch), sums);
  tape.backward(loss);
  return {loss.value().item(), gradients};
}

}  // namespace

TEST_CASE("padding that no sample of a batch needs is cut, and changes nothing", "[data]") {
  const auto [data, model] = GENERATE(table<const char*, const char*>({
      {"{type: sequences, longest: 60}", "encoder_decoder"},
      {"{type: topic_pairs, longest: 60}", "two_tower"},
      {"{type: set_max, longest: 60}", "encoder"},  // vectors, not tokens
      {"{type: speech, fewest: 1}", "encoder_decoder"},
  }));
  TestExperiment run(
      fmt::format("data: {}\nmodel: {{type: {}, d_model: 8, n_layers: 1}}\n"
                  "attention: {{type: softmax, heads: 2}}\ntrain: {{batch: 2, dtype: float64}}\n",
                  data, model));
  bool cut = false;
  for (std::int64_t i = 0; i < 20; ++i) {
    const std::int64_t samples[] = {2 * i, 2 * i + 1};
    Batch batch, room;
    run.experiment->data().train->fill(samples, batch);
    const Batch& less = trimmed(batch, room);
    const Index longest =
        std::max<Index>(static_cast<Index>(batch.lengths.at(0)), static_cast<Index>(batch.lengths.at(1)));
    CHECK(less.inputs.dim(1) >= longest);
    CHECK(less.inputs.dim(1) < std::max<Index>(1, longest) + kTrimmedTo);
    cut |= less.inputs.dim(1) < batch.inputs.dim(1);
    const Learned whole = learn(run, batch), part = learn(run, less);
    CHECK(part.loss == Approx(whole.loss).epsilon(1e-12));
    check_close(part.gradients, whole.gradients, 1e-12);
  }
  CHECK(cut);
}

TEST_CASE("a batch without lengths, a full one, and one whose targets would be lost stay as they are", "[data]") {
  Batch batch, room;
  batch.inputs = numbers({2, 40});
  batch.targets = numbers({2, 40}, -1);
  batch.ids = numbers({2}, 0);
  CHECK(&trimmed(batch, room) == &batch);
  batch.lengths = Tensor::from<std::int32_t>({2}, {3, 40});
  CHECK(&trimmed(batch, room) == &batch);
  batch.lengths = Tensor::from<std::int32_t>({2}, {3, 17});
  CHECK(trimmed(batch, room).inputs.shape() == Shape{2, 32});
  CHECK(trimmed(batch, room).targets.shape() == Shape{2, 32});
  batch.targets.set(79, 5);
  CHECK(&trimmed(batch, room) == &batch);
  batch.targets = numbers({2}, 1);  // of the samples
  CHECK(trimmed(batch, room).targets.shape() == Shape{2});
  CHECK(trimmed(batch, room).inputs.shape() == Shape{2, 32});
}
