// What holds for every model: gradients, padding and neighbours, shards, decoding, names.
#include "layers/models.h"

#include "core/ops/elementwise.h"
#include "core/ops/reductions.h"
#include "layers/block.h"
#include "layers/decoder_lm.h"
#include "layers/encoder_classifier.h"
#include "layers/encoder_decoder.h"
#include "layers/gru.h"
#include "layers/small_models.h"
#include "tests/support/modules.h"

using namespace tempera;

namespace {

constexpr int kWidth = 4;

template <class O>
O small(const std::function<void(O&)>& change = {}) {
  O o;
  o.d_model = kWidth;
  o.n_layers = 2;
  if constexpr (requires { o.n_decoder_layers; }) o.n_decoder_layers = 2;
  o.max_length = 12;
  o.mlp_hidden = 6;
  o.patch = 2;
  if (change) change(o);
  return o;
}

std::unique_ptr<Model> decoder(const std::function<void(DecoderOptions&)>& change = {}) {
  return std::make_unique<DecoderLM>(small<DecoderOptions>(change), InputSpec::tokens(7), mean_mixers(kWidth));
}
std::unique_ptr<Model> encoder(const InputSpec& spec, const std::function<void(EncoderOptions&)>& change = {}) {
  return std::make_unique<EncoderClassifier>(small<EncoderOptions>(change), spec, mean_mixers(kWidth));
}
std::unique_ptr<Model> translator(const std::function<void(EncoderDecoderOptions&)>& change = {}) {
  return std::make_unique<EncoderDecoder>(small<EncoderDecoderOptions>(change), InputSpec::tokens(7),
                                          mean_mixers(kWidth));
}
std::unique_ptr<Model> towers() {
  return std::make_unique<TwoTower>(small<TwoTowerOptions>(), InputSpec::tokens(7), mean_mixers(kWidth));
}

ModelInput pair_of_sequences() {
  return {random_tokens({3, 5}, 7, 1), tokens({3}, {5, 2, 3}), random_tokens({3, 4}, 7, 2), tokens({3}, {1, 4, 2})};
}

void check_model(std::unique_ptr<Model> model, const ModelInput& input, bool training = false) {
  check_gradients(
      *model, {}, [&](Context& context, std::span<const Var>) { return model->features(context, input); }, training, 7);
}

std::string names(Module& module) {
  const Parameters parameters(module, DType::float32, Rng(1, "names"));
  std::string all;
  for (const Parameters::Entry& entry : parameters.entries())
    all += entry.name + " " + to_string(entry.parameter->shape) + (entry.parameter->decay ? " decay\n" : "\n");
  return all;
}

// Entries of x [B, N, D] below the lengths.
std::vector<double> seen(const Tensor& x, const Tensor& lengths) {
  std::vector<double> all;
  for (Index b = 0; b < x.dim(0); ++b)
    for (Index n = 0; n < static_cast<Index>(lengths.at(b)); ++n)
      for (Index j = 0; j < x.dim(2); ++j) all.push_back(x.at((b * x.dim(1) + n) * x.dim(2) + j));
  return all;
}

// Other tokens beyond the lengths.
Tensor repadded(const Tensor& inputs, const Tensor& lengths) {
  Tensor other = inputs.clone();
  for (Index b = 0; b < inputs.dim(0); ++b)
    for (Index n = static_cast<Index>(lengths.at(b)); n < inputs.dim(1); ++n) {
      const Index at = b * inputs.dim(1) + n;
      other.set(at, static_cast<double>((static_cast<Index>(inputs.at(at)) + 1) % 7));
    }
  return other;
}

}  // namespace

TEST_CASE("gradients of the decoder", "[models][gradcheck]") {
  const ModelInput input{random_tokens({2, 4}, 7, 1), tokens({2}, {4, 3}), {}, {}};
  check_model(decoder(), input);
  check_model(decoder([](auto& o) { o.pre_norm = false, o.norm = "rms", o.mlp = "swiglu", o.bias = false; }), input);
  check_model(decoder([](auto& o) { o.positions = "sinusoidal", o.scale_embedding = true, o.mlp = "silu"; }), input);
  check_model(decoder([](auto& o) { o.fix_norm = true, o.init_deviation = 0.5; }), input);
  check_model(decoder([](auto& o) { o.layer_scale = 0.3, o.attention_norm = true, o.position_deviation = 1; }), input);
  check_model(decoder([](auto& o) { o.dropout = 0.3; }), input, true);
  check_model(decoder([](auto& o) { o.dropout = 0.3, o.recompute = true; }), input, true);
}

TEST_CASE("gradients of encoders, encoder-decoder and towers", "[models][gradcheck]") {
  const ModelInput input = pair_of_sequences();
  for (const char* pooling : {"mean", "cls", "last"})
    check_model(encoder(InputSpec::tokens(7), [&](auto& o) { o.pooling = pooling; }), input);
  for (const char* stem : {"linear", "conv"}) {
    const auto change = [&](EncoderOptions& o) { o.stem = stem; };
    const auto wide = [&](EncoderOptions& o) { change(o), o.patch_width = 3, o.pooling = "cls"; };
    check_model(encoder(InputSpec::images(1, 4, 6), wide), {random_tensor({2, 1, 4, 6}, 1), {}, {}, {}});
    check_model(encoder(InputSpec::images(1, 4, 6), change), {random_tensor({2, 1, 4, 6}, 1), {}, {}, {}});
    check_model(encoder(InputSpec::vectors(3), change), {random_tensor({2, 5, 3}, 1), tokens({2}, {5, 2}), {}, {}});
  }
  check_model(translator(), input);
  check_model(translator([](auto& o) { o.share_embedding = false, o.recompute = true; }), input, true);
  check_model(translator([](auto& o) { o.layer_scale = 0.3, o.attention_norm = true; }), input);
  check_model(towers(), input);
}

TEST_CASE("gradients of the small models", "[models][gradcheck]") {
  MlpOptions mlp;
  mlp.hidden = {5, 3};
  check_model(std::make_unique<MlpModel>(mlp, InputSpec::images(1, 2, 3)),
              {random_tensor({4, 1, 2, 3}, 1), {}, {}, {}});
  CnnOptions cnn;
  cnn.channels = {3, 2};
  cnn.activation = "gelu";
  auto model = std::make_unique<Cnn>(cnn, InputSpec::images(1, 5, 6));
  CHECK(model->width() == 2 * 1 * 1);
  check_model(std::move(model), {random_tensor({3, 1, 5, 6}, 1), {}, {}, {}});
}

TEST_CASE("parameters are named by path", "[models]") {
  CHECK(names(*decoder()) == R"(embedding.tokens.weight [7, 4]
embedding.positions.weight [12, 4]
blocks.0.norm1.weight [4]
blocks.0.norm1.bias [4]
blocks.0.attention.value.weight [4, 4] decay
blocks.0.attention.value.bias [4]
blocks.0.attention.output.weight [4, 4] decay
blocks.0.attention.output.bias [4]
blocks.0.norm2.weight [4]
blocks.0.norm2.bias [4]
blocks.0.mlp.up.weight [6, 4] decay
blocks.0.mlp.up.bias [6]
blocks.0.mlp.down.weight [4, 6] decay
blocks.0.mlp.down.bias [4]
blocks.1.norm1.weight [4]
blocks.1.norm1.bias [4]
blocks.1.attention.value.weight [4, 4] decay
blocks.1.attention.value.bias [4]
blocks.1.attention.output.weight [4, 4] decay
blocks.1.attention.output.bias [4]
blocks.1.norm2.weight [4]
blocks.1.norm2.bias [4]
blocks.1.mlp.up.weight [6, 4] decay
blocks.1.mlp.up.bias [6]
blocks.1.mlp.down.weight [4, 6] decay
blocks.1.mlp.down.bias [4]
norm.weight [4]
norm.bias [4]
)");
  const std::string both = names(*translator());
  CHECK(both.find("decoder.blocks.1.cross_attention.value.weight") != std::string::npos);
  CHECK(both.find("decoder.embedding") == std::string::npos);
  GRU gru(2);
  CHECK(names(gru) == "weight_ih_l0 [6, 2] decay\nweight_hh_l0 [6, 2] decay\nbias_ih_l0 [6]\nbias_hh_l0 [6]\n");
}

TEST_CASE("matrices that end a residual branch start smaller", "[models]") {
  const auto model = decoder([](auto& o) { o.d_model = 4, o.mlp_hidden = 4000, o.n_layers = 8; });
  const Parameters parameters(*model, DType::float64, Rng(1, "start"));
  const auto deviation = [&](const char* name) {
    const auto values = parameters.find(name).parameter->value.vec<double>();
    return std::sqrt(values.square().mean());
  };
  CHECK(deviation("blocks.0.mlp.up.weight") == Approx(0.02).epsilon(0.05));
  CHECK(deviation("blocks.0.mlp.down.weight") == Approx(0.02 / 4).epsilon(0.05));
}

TEST_CASE("padding and batch neighbours change nothing", "[models]") {
  ModelInput input = pair_of_sequences();
  const auto check = [&](std::unique_ptr<Model> model, bool target) {
    Ready ready(std::move(model));
    const bool per_token = ready.model->per_token();
    const Tensor& lengths = target ? input.second_lengths : input.lengths;
    const auto result = [&](const ModelInput& in) {
      const Tensor y = ready.features(in);
      return per_token ? seen(y, lengths) : y.to_vector();
    };
    const std::vector<double> expected = result(input);
    ModelInput other = input;
    other.inputs = repadded(input.inputs, input.lengths);
    other.second_inputs = repadded(input.second_inputs, input.second_lengths);
    CHECK(result(other) == expected);
    // Each sample alone, bit for bit.
    const Tensor y = ready.features(input);
    for (Index b = 0; b < 3; ++b) {
      const ModelInput alone{input.inputs.rows(b, 1), input.lengths.rows(b, 1), input.second_inputs.rows(b, 1),
                             input.second_lengths.rows(b, 1)};
      const Tensor single = ready.features(alone);
      if (per_token) CHECK(seen(single, lengths.rows(b, 1)) == seen(y.rows(b, 1), lengths.rows(b, 1)));
      else CHECK(single.to_vector() == y.rows(b, 1).to_vector());
    }
  };
  check(decoder(), false);
  for (const char* pooling : {"mean", "cls", "last"})
    check(encoder(InputSpec::tokens(7), [&](auto& o) { o.pooling = pooling; }), false);
  check(translator(), true);
  check(towers(), false);
}

TEST_CASE("beyond its length a series of vectors is never seen", "[models]") {
  Ready ready(encoder(InputSpec::vectors(3), [](auto& o) { o.stem = "conv"; }));
  const Tensor lengths = tokens({2}, {3, 6});
  Tensor x = random_tensor({2, 6, 3}, 1);
  const Tensor y = ready.features({x, lengths, {}, {}});
  for (Index i = 9; i < 18; ++i) x.set(i, kNaN);
  CHECK(same_bits(ready.features({x, lengths, {}, {}}), y));
}

TEST_CASE("a decoder sees no future, but its prefix", "[models]") {
  Ready ready(decoder());
  ModelInput input{random_tokens({1, 6}, 7, 1), {}, {}, {}};
  const Tensor y = ready.features(input);
  ModelInput changed = input;
  changed.inputs = input.inputs.clone();
  changed.inputs.set(3, static_cast<double>((static_cast<Index>(input.inputs.at(3)) + 1) % 7));
  const Tensor z = ready.features(changed);
  const auto rows = [](const Tensor& t, Index first, Index count) {
    return t.reshaped({t.dim(1), t.dim(2)}).rows(first, count).to_vector();
  };
  CHECK(rows(z, 0, 3) == rows(y, 0, 3));
  CHECK(rows(z, 4, 1) != rows(y, 4, 1));
  input.prefix = changed.prefix = 4;
  CHECK(rows(ready.features(changed), 0, 1) != rows(ready.features(input), 0, 1));
}

TEST_CASE("decoding equals the full pass", "[models]") {
  const Tensor written = random_tokens({2, 4}, 7, 4);
  const auto check = [&](Ready& ready, const ModelInput& source) {
    const Tensor y = ready.features(source);
    const auto state = ready.model->make_state(ready.context, source, written.dim(1));
    Index at = 0;
    for (const Index count : {2, 1, 1}) {
      Tensor next = Tensor::empty({written.dim(0), count}, DType::int32);
      for (Index b = 0; b < written.dim(0); ++b)
        for (Index n = 0; n < count; ++n) next.set(b * count + n, written.at(b * written.dim(1) + at + n));
      const Var part = ready.model->step(ready.context, next, *state);
      check_close(part.value(), slice(ready.tape.constant(y), 1, at, count).value());
      at += count;
    }
    CHECK(state->position == 4);
  };
  for (const bool learned : {false, true}) {
    Ready ready(decoder([&](auto& o) { o.positions = learned ? "learned" : "sinusoidal"; }));
    check(ready, {written, {}, {}, {}});
  }
  Ready ready(translator());
  const ModelInput source{random_tokens({2, 5}, 7, 1), tokens({2}, {5, 2}), written, {}};
  check(ready, source);
  Ready reader(encoder(InputSpec::tokens(7)));
  CHECK(error_of([&] { reader.model->make_state(reader.context, source, 4); }) ==
        "EncoderClassifier: this model does not decode; a decoder or an encoder-decoder is wanted");
}

TEST_CASE("states of models follow their sequences", "[models]") {
  const Tensor written = random_tokens({2, 4}, 7, 4);
  const std::vector<Index> rows{1, 0, 1};
  const auto part = [](const Tensor& all, Index first, Index count) {
    Tensor some = Tensor::empty({all.dim(0), count}, DType::int32);
    for (Index i = 0; i < some.size(); ++i) some.set(i, all.at(i / count * all.dim(1) + first + i % count));
    return some;
  };
  const auto check = [&](Ready& ready, const ModelInput& source) {
    const Tensor y = rows_of(ready.features(source), rows);
    const auto state = ready.model->make_state(ready.context, source, 4);
    ready.model->step(ready.context, part(written, 0, 1), *state);
    state->reorder(rows);
    const Var rest = ready.model->step(ready.context, part(rows_of(written, rows), 1, 3), *state);
    check_close(rest.value(), slice(ready.tape.constant(y), 1, 1, 3).value());
  };
  Ready plain(decoder()), reading(translator());
  check(plain, {written, {}, {}, {}});
  check(reading, {random_tokens({2, 5}, 7, 1), tokens({2}, {5, 2}), written, {}});
}

TEST_CASE("training drops, evaluation does not; a cut batch and a recomputed one have the same masks", "[models]") {
  const ModelInput input{random_tokens({4, 5}, 7, 1), {}, {}, {}};
  struct Result {
    std::vector<double> features;
    Tensor gradients;
  };
  const auto train = [&](Index per_shard, bool recompute) {
    const auto model = decoder([&](auto& o) { o.dropout = 0.4, o.recompute = recompute; });
    const Parameters parameters(*model, DType::float64, Rng(3, "module"));
    Tape tape;
    Context context(tape, parameters, Rng(3, "run"));
    Result result{{}, parameters.make_flat()};
    for (Index first = 0; first < 4; first += per_shard) {
      Tensor gradients = parameters.make_flat();
      context.set_gradients(gradients);
      context.begin(7, first);
      const Var y = model->features(context, {input.inputs.rows(first, per_shard), {}, {}, {}});
      for (const double v : y.value().to_vector()) result.features.push_back(v);
      tape.backward(sum(square(y)));
      result.gradients.vec<double>() += gradients.vec<double>();
    }
    return result;
  };
  const Result whole = train(4, false);
  CHECK(train(4, true).features == whole.features);
  CHECK(same_bits(train(4, true).gradients, whole.gradients));
  for (const Index per_shard : {1, 2}) {
    const Result cut = train(per_shard, false);
    CHECK(cut.features == whole.features);
    check_close(cut.gradients, whole.gradients, 1e-10);
  }
  Ready evaluation(decoder([](auto&o) { o.dropout = 0.4; })), plain(decoder());
  CHECK(same_bits(evaluation.features(input), plain.features(input)));
}

TEST_CASE("models are made by name, from options", "[models]") {
  for (const Kind& kind : model_kinds()) {
    Choice choice(model_kinds(), kind.name);
    const bool image = kind.name == "cnn" || kind.name == "mlp";
    const auto model =
        make_model(choice, image ? InputSpec::images(1, 28, 28) : InputSpec::tokens(5), mean_mixers(128));
    CAPTURE(kind.name);
    CHECK(model->width() > 0);
    CHECK(choice.options().problems().empty());
    CHECK((model->token_table() != nullptr) == (kind.name == "decoder" || kind.name == "encoder_decoder"));
  }
  EncoderOptions odd;
  odd.positions = "sinusoidal";
  odd.d_model = 5;
  REQUIRE(odd.problems().size() == 1);
  CHECK(odd.problems()[0].message == "5 is odd; sinusoidal positions come in pairs, choose an even number");
  CnnOptions even;
  even.kernel = 4;
  even.channels.clear();
  CHECK(even.problems().size() == 2);
}

TEST_CASE("the weights of an MLP start as they are told", "[models][init]") {
  // Deviations of 200 x 300 draws, off by less than five of their own: 5 / sqrt(2 x 60000) = 1.4 %.
  const std::pair<const char*, double> wanted[] = {
      {"fan_in", 1 / std::sqrt(3 * 300.0)}, {"he", std::sqrt(2 / 300.0)}, {"xavier", std::sqrt(2 / 500.0)}};
  for (const auto& [init, deviation] : wanted) {
    MlpOptions options;
    options.hidden = {200};
    options.init = init;
    options.init_scale = GENERATE(1.0, 8.0);
    MlpModel model(options, InputSpec::vectors(300));
    const Parameters parameters(model, DType::float64, Rng(1, "run"));
    const Tensor weight = parameters.view(parameters.flat(), parameters.find("layers.0.weight"));
    CHECK(std::sqrt(weight.vec<double>().square().mean()) == Approx(options.init_scale * deviation).epsilon(0.014));
  }
}

TEST_CASE("models refuse what they cannot read", "[models][errors]") {
  Ready ready(decoder());
  CHECK(error_of([&] { ready.features({}); }) == "InputEmbedding: the input is missing");
  CHECK(error_of([&] {
          ready.features({random_tensor({2, 3}, 1), {}, {}, {}});
        }) == "InputEmbedding: the input is float64 [2, 3]; tokens, int32 [B, N], were wanted");
  CHECK(error_of([&] {
          ready.features({random_tokens({2, 13}, 7, 1), {}, {}, {}});
        }) ==
        "Positions: positions 0 to 12 were asked for, but there are 12; raise max_length, or shorten the sequences");
  CHECK(error_of([] { MlpModel(MlpOptions(), InputSpec::tokens(7)); }) ==
        "MlpModel: it reads numbers, not tokens; choose a transformer");
  CHECK(error_of([] { Cnn(CnnOptions(), InputSpec::images(1, 2, 28)); }) ==
        "Cnn: images of 2 x 28 cannot be halved 2 times; give fewer channels");
  CHECK(error_of([] { Block(TransformerOptions(), 1, nullptr); }) ==
        "Block: there is nothing to mix tokens with; give it an attention");
  Ready reader(translator());
  CHECK(error_of([&] {
          reader.features({random_tokens({2, 3}, 7, 1), {}, {}, {}});
        }) == "InputEmbedding: the input is missing");
}

TEST_CASE("embeddings of one length, whatever the table holds", "[models]") {
  Ready ready(decoder([](auto& o) { o.fix_norm = true, o.positions = "none", o.n_layers = 1; }));
  Tensor& table = ready.parameters.find("embedding.tokens.weight").parameter->value;
  const Tensor lookup = random_tokens({2, 4}, 7, 1);
  const Tensor before = ready.features({lookup, {}, {}, {}});
  table.vec<double>() *= 9;
  check_close(ready.features({lookup, {}, {}, {}}), before, 1e-7);
}
