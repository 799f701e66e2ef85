// The small modules: gradients of all parameters, definitions by hand, errors.
#include "tests/support/modules.h"

#include "core/ops/elementwise.h"
#include "layers/block.h"
#include "layers/dropout.h"
#include "layers/embedding.h"
#include "layers/gru.h"
#include "layers/input_embedding.h"
#include "layers/mlp.h"
#include "layers/norm.h"
#include "layers/padding.h"
#include "layers/pooling.h"
#include "layers/positions.h"
#include "layers/stem.h"

using namespace tempera;

namespace {

// The module on its first input, checked.
template <class M>
void check_alone(M&& module, const Shape& input) {
  check_gradients(module, {random_tensor(input, 1)},
                  [&](Context& context, std::span<const Var> x) { return module.forward(context, x[0]); });
}

// Values of a module without parameters of interest.
template <class M>
Tensor value_of(M& module, const std::function<Var(Context&)>& f) {
  Parameters parameters(module, DType::float64, Rng(3, "module"));
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  return f(context).value().clone();
}

}  // namespace

TEST_CASE("gradients of linear, norms, patches, stems", "[layers][gradcheck]") {
  check_alone(Linear(3, 5), {2, 3});
  check_alone(Linear(3, 5, {.bias = false, .activation = Activation::gelu}), {2, 4, 3});
  check_alone(LayerNorm(7), {3, 7});
  check_alone(LayerNorm(7, 1e-5, false), {3, 7});
  check_alone(RMSNorm(7), {3, 7});
  check_alone(PatchEmbedding(2, 2, 3), {2, 2, 4, 6});
  check_alone(ImageStem(1, 4), {2, 1, 5, 3});
  SeriesStem series(2, 3);
  for (const bool padded : {false, true})
    check_gradients(series, {random_tensor({2, 5, 2}, 1)}, [&](Context& context, std::span<const Var> x) {
      Tensor lengths = padded ? tokens({2}, {3, 5}) : Tensor();
      return pool(context, series.forward(context, x[0], lengths), lengths, Pooling::mean);
    });
  QKNorm qk("rms", 4);
  check_gradients(qk, {random_tensor({2, 3, 4}, 1), random_tensor({2, 3, 4}, 2)},
                  [&](Context& context, std::span<const Var> x) {
                    const auto [q, k] = qk.forward(context, x[0], x[1]);
                    return q * k;
                  });
}

TEST_CASE("gradients of every kind of MLP", "[layers][gradcheck]") {
  for (const std::string_view kind : MLP::kinds()) {
    CAPTURE(kind);
    check_alone(MLP(3, {.kind = kind, .hidden = 5}), {4, 3});
    check_alone(MLP(3, {.kind = kind, .hidden = 5, .bias = false}), {2, 2, 3});
  }
}

TEST_CASE("the hidden width of an MLP", "[layers]") {
  CHECK(MLP::default_hidden("gelu", 96) == 384);
  CHECK(MLP::default_hidden("swiglu", 96) == 256);
  CHECK(MLP::default_hidden("geglu", 64) == 176);  // 170.7 rounded up
  CHECK(MLP::default_hidden("glu", 1) == 16);
  CHECK(error_of([] { MLP(3, {.kind = "swish"}); }) ==
        "MLP: there is no kind 'swish'; known: gelu, gelu_tanh, relu, relu2, silu, memory, memory_norm, glu, swiglu, "
        "geglu");
}

TEST_CASE("gradients of embeddings, positions, GRU", "[layers][gradcheck]") {
  Embedding table(5, 3);
  check_gradients(table, {}, [&](Context& context, std::span<const Var>) {
    return table.logits(context, table.forward(context, tokens({2, 2}, {4, 0, 1, 4})));
  });
  Positions learned("learned", 6, 3);
  check_gradients(learned, {random_tensor({2, 4, 3}, 1)},
                  [&](Context& context, std::span<const Var> x) { return learned.forward(context, x[0], 2); });
  GRU gru(3);
  check_gradients(gru, {random_tensor({2, 4, 3}, 1)},
                  [&](Context& context, std::span<const Var> x) { return gru.forward(context, x[0], {}); });
}

TEST_CASE("sinusoidal positions are sines and cosines", "[layers]") {
  Positions positions("sinusoidal", 6, 4);
  const Tensor y = value_of(positions, [&](Context& context) {
    return positions.forward(context, context.tape().constant(Tensor::zeros({1, 2, 4}, DType::float64)), 2);
  });
  check_close(positions.table.rows(1, 1), f64({1, 4}, {0.8414710, 0.5403023, 0.0099998, 0.9999500}), 1e-7);
  check_close(y.reshaped({2, 4}).rows(1, 1), f64({1, 4}, {0.1411200, -0.9899925, 0.0299955, 0.9995500}), 1e-7);
  Positions none("none", 6, 4);
  CHECK(count_parameters(none) == 0);
  CHECK(error_of([&] {
          value_of(positions, [&](Context& context) {
            return positions.forward(context, context.tape().constant(Tensor::zeros({1, 3, 4}, DType::float64)), 4);
          });
        }) ==
        "Positions: positions 4 to 6 were asked for, but there are 6; raise max_length, or shorten the sequences");
  CHECK(error_of([] { Positions("rope", 6, 4); }) ==
        "Positions: there are no 'rope' positions; known: learned, sinusoidal, none");
}

TEST_CASE("patches are flattened channel, row, column, and follow row by row", "[layers]") {
  PatchEmbedding patches(2, 2, 8, false);
  Tensor image = Tensor::empty({1, 2, 4, 4}, DType::float64);
  for (Index i = 0; i < 32; ++i) image.set(i, static_cast<double>(i));
  Parameters parameters(patches, DType::float64, Rng(3, "module"));
  Tensor& weight = patches.project.weight.value;  // the identity
  weight.fill(0);
  for (Index i = 0; i < 8; ++i) weight.set(i * 8 + i, 1);
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const Tensor y = patches.forward(context, tape.constant(image)).value();
  REQUIRE(y.shape() == Shape{1, 4, 8});
  CHECK(y.reshaped({4, 8}).rows(1, 1).to_vector() == std::vector<double>{2, 3, 6, 7, 18, 19, 22, 23});
  CHECK(y.reshaped({4, 8}).rows(2, 1).to_vector() == std::vector<double>{8, 9, 12, 13, 24, 25, 28, 29});
  CHECK(error_of([&] {
          patches.forward(context, tape.constant(Tensor::zeros({1, 2, 4, 5}, DType::float64)));
        }) ==
        "PatchEmbedding: images of 4 x 5 do not divide into patches of 2 x 2; choose another patch, or pad the images");
  CHECK(error_of([&] {
          patches.forward(context, tape.constant(Tensor::zeros({1, 3, 4, 4}, DType::float64)));
        }) == "PatchEmbedding: the images are [1, 3, 4, 4]; [B, 2, H, W] was wanted");
}

TEST_CASE("pooling is the definition and never sees padding", "[layers]") {
  Linear none(1, 1);
  const Tensor x = random_tensor({3, 4, 2}, 1);
  const Tensor lengths = tokens({3}, {4, 2, 0});
  Tensor poisoned = x.clone();
  for (Index b = 0; b < 3; ++b)
    for (Index n = static_cast<Index>(lengths.at(b)); n < 4; ++n)
      for (Index j = 0; j < 2; ++j)
        if (b + n > 2 || n > 0) poisoned.set((b * 4 + n) * 2 + j, b == 2 ? 7 : kNaN);
  const auto pooled = [&](const Tensor& values, const Tensor& count, Pooling pooling) {
    return value_of(none,
                    [&](Context& context) { return pool(context, context.tape().constant(values), count, pooling); });
  };
  Tensor mean = Tensor::zeros({3, 2}, DType::float64), last = Tensor::zeros({3, 2}, DType::float64);
  for (Index j = 0; j < 2; ++j) {
    mean.set(j, (x.at(j) + x.at(2 + j) + x.at(4 + j) + x.at(6 + j)) / 4);
    mean.set(2 + j, (x.at(8 + j) + x.at(10 + j)) / 2);
    last.set(j, x.at(6 + j));
    last.set(2 + j, x.at(10 + j));
  }
  check_close(pooled(poisoned, lengths, Pooling::mean), mean);
  const Tensor got = pooled(poisoned, lengths, Pooling::last);
  check_close(got.rows(0, 2), last.rows(0, 2));
  CHECK(std::isfinite(got.at(4)));
  const Tensor whole = tokens({3}, {4, 4, 4});
  for (const Pooling pooling : {Pooling::mean, Pooling::first, Pooling::last})
    check_close(pooled(x, {}, pooling), pooled(x, whole, pooling));
  CHECK(error_of([&] {
          pooled(x, tokens({3}, {4, 5, 0}), Pooling::mean);
        }) == "pool: the length of sequence 1 is 5; a number in [0, 4] was wanted");
  CHECK(error_of([&] {
          pooled(x, tokens({2}, {4, 4}), Pooling::mean);
        }) == "pool: the lengths are int32 [2]; int32 [3], one for each sequence, was wanted");
}

TEST_CASE("dropout is off in evaluation, and a batch has one mask however it is cut", "[layers][dropout]") {
  Linear none(1, 1);
  Parameters parameters(none, DType::float32, Rng(3, "module"));
  const Tensor ones = Tensor::full({12, 5, 3}, DType::float32, 1);
  const auto masks = [&](Index per_shard, std::uint64_t step, const char* name, Index heads) {
    Tape tape;
    Context context(tape, parameters, Rng(3, "run"));
    context.set_gradients(parameters.make_flat());
    std::vector<double> all;
    const Dropout module(0.5);
    for (Index first = 0; first < 12; first += per_shard) {
      context.begin(step, first / heads);
      const Tape::Scope scope(tape, name);
      const Var x = tape.constant(ones.rows(first, per_shard));
      const Var y = heads == 1 ? module.forward(context, x) : drop(context, x, 0.5, "dropout", heads);
      for (const double v : y.value().to_vector()) all.push_back(v);
    }
    return all;
  };
  const std::vector<double> whole = masks(12, 4, "a", 1);
  for (const Index per_shard : {1, 2, 3, 4, 6}) CHECK(masks(per_shard, 4, "a", 1) == whole);
  for (const Index per_shard : {2, 4, 6}) CHECK(masks(per_shard, 4, "a", 2) == whole);
  CHECK(masks(12, 5, "a", 1) != whole);
  CHECK(masks(12, 4, "b", 1) != whole);

  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const Var x = tape.constant(ones);
  CHECK(Dropout(0.5).forward(context, x).value().shares_buffer(ones));
  CHECK(error_of([] { Dropout(1); }) ==
        "Dropout: the probability is 1; a number in [0, 1) was wanted: the share of elements set to zero");
}

TEST_CASE("the GRU decodes as it reads", "[layers]") {
  GRU gru(5);
  Parameters parameters(gru, DType::float64, Rng(3, "module"));
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const Tensor x = random_tensor({2, 6, 5}, 1);
  const Var whole = gru.forward(context, tape.constant(x), {.causal = true});
  const auto state = gru.make_state(2, 6, DType::float64);
  Index at = 0;
  for (const Index count : {1, 2, 3}) {
    const Var part = gru.step(context, slice(tape.constant(x), 1, at, count), *state, {.start = at});
    check_close(part.value(), slice(whole, 1, at, count).value());
    at += count;
  }
  const auto forked = gru.make_state(2, 6, DType::float64);
  gru.step(context, slice(tape.constant(x), 1, 0, 4), *forked, {});
  const std::vector<Index> rows{1, 1, 0};
  forked->reorder(rows);
  const Var rest = gru.step(context, slice(tape.constant(rows_of(x, rows)), 1, 4, 2), *forked, {.start = 4});
  check_close(rest.value(), rows_of(slice(whole, 1, 4, 2).value(), rows));
  CHECK(error_of([&] { gru.forward(context, tape.constant(x), {}, tape.constant(x)); }) ==
        "GRU: it cannot read a memory; a cross attention is wanted there");
}

TEST_CASE("modules refuse sizes and names that make no sense", "[layers][errors]") {
  CHECK(error_of([] { Linear(0, 3); }) == "Linear: the sizes are 0 -> 3; both must be positive");
  CHECK(error_of([] { Embedding(0, 3); }) == "Embedding: the table is 0 x 3; both must be positive");
  CHECK(error_of([] { make_norm("batch", 3, 1e-5, true); }) == "norm: there is no norm 'batch'; known: layer, rms");
  CHECK(error_of([] { Conv(1, 1, 2, 1, 1, Activation::none); }) ==
        "Conv: the kernel is 2 wide; an odd number was wanted");
  CHECK(error_of([] { ImageStem(1, 7, 2); }) ==
        "ImageStem: d_model is 7; 1 doublings of the channels want a multiple of 2");
}

TEST_CASE("a stack of which one token is read gives that token's features", "[layers]") {
  TransformerOptions options;
  options.d_model = 4;
  options.n_layers = 2;
  const Tensor x = random_tensor({3, 5, 4}, 1), lengths = tokens({3}, {5, 2, 1});
  for (const bool pre_norm : {true, false}) {
    options.pre_norm = pre_norm;
    Stack stack(options, mean_mixers(4));
    for (const Pooling pooling : {Pooling::first, Pooling::last}) {
      const Tensor late = value_of(stack, [&](Context& context) {
        const Var y = stack.forward(context, context.tape().constant(x), {.lengths = lengths});
        return pool(context, y, lengths, pooling);
      });
      check_close(value_of(stack,
                           [&](Context& context) {
                             return stack.forward(context, context.tape().constant(x), {.lengths = lengths}, {}, {},
                                                  TokenRead{pooling, lengths});
                           }),
                  late);
    }
  }
}
