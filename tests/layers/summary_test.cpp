#include "layers/summary.h"

#include "layers/decoder_lm.h"
#include "layers/small_models.h"
#include "tests/support/modules.h"

using namespace tempera;

namespace {

// The parameters of multi-head attention, without its work.
struct FourMatrices : MeanMixer {
  explicit FourMatrices(Index d) : MeanMixer(d), query(d, d), key(d, d) {}
  void visit(ParameterVisitor& v) override {
    v("query", query);
    v("key", key);
    MeanMixer::visit(v);
  }
  Linear query, key;
};

}  // namespace

TEST_CASE("GPT-2 small has 124,439,808 parameters", "[summary]") {
  DecoderOptions options;
  options.d_model = 768;
  options.n_layers = 12;
  options.max_length = 1024;
  DecoderLM gpt2(options, InputSpec::tokens(50257),
                 [](const MixerPlace&) { return std::make_unique<FourMatrices>(768); });
  CHECK(count_parameters(gpt2) == 124'439'808);
  CHECK(grouped(count_parameters(gpt2)) == "124,439,808");
}

TEST_CASE("numbers are grouped by thousands", "[summary]") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(-123456) == "-123,456");
}

TEST_CASE("a summary shows parts, shapes, parameters and cost", "[summary]") {
  DecoderOptions options;
  options.d_model = 8;
  options.n_layers = 2;
  options.max_length = 16;
  DecoderLM model(options, InputSpec::tokens(50), mean_mixers(8));
  const Parameters parameters(model, DType::float32, Rng(1, "summary"));
  const Summary summary = summarize(model, parameters, {random_tokens({2, 10}, 50, 1), {}, {}, {}});
  CHECK(summary.samples == 2);
  CHECK(summary.tokens == 20);
  // Two matrices d x d, means over 10 tokens, and two matrices d x 4 d; two operations for each number; two
  // blocks.
  CHECK(summary.flops_per_token() == 2 * 2 * (2 * 64 + 10 * 8 + 2 * 256));
  CHECK(summary.total().parameters == parameters.count());
  CHECK(summary.text() == R"(part                type            output       parameters  FLOPs/token
(whole)             DecoderLM       [2, 10, 8]        2,000        2,880
  embedding         InputEmbedding  [2, 10, 8]          528            0
    tokens          Embedding       [2, 10, 8]          400            0
    positions       Positions       [2, 10, 8]          128            0
  blocks.0-1, each  Block           [2, 10, 8]          728        1,440
    norm1           LayerNorm       [2, 10, 8]           16            0
    attention       MeanMixer       [2, 10, 8]          144          416
      value         Linear          [2, 10, 8]           72          128
      output        Linear          [2, 10, 8]           72          128
    norm2           LayerNorm       [2, 10, 8]           16            0
    mlp             MLP             [2, 10, 8]          552        1,024
      up            Linear          [2, 10, 32]         288          512
      down          Linear          [2, 10, 8]          264          512
  norm              LayerNorm       [2, 10, 8]           16            0

2,000 parameters, 2,880 FLOPs a token forward (matrix products, two for each multiply-add)
)");
}

TEST_CASE("neighbours share their lines only where nothing differs", "[summary]") {
  MlpOptions options;
  options.hidden = {8, 8, 8, 4};
  MlpModel model(options, InputSpec::vectors(8));
  const Parameters parameters(model, DType::float32, Rng(1, "summary"));
  CHECK(summarize(model, parameters, {Tensor::zeros({5, 8}, DType::float32), {}, {}, {}}).text() ==
        R"(part                type      output  parameters  FLOPs/sample
(whole)             MlpModel  [5, 4]         252           448
  layers.0-2, each  Linear    [5, 8]          72           128
  layers.3          Linear    [5, 4]          36            64

252 parameters, 448 FLOPs a sample forward (matrix products, two for each multiply-add)
)");
}

TEST_CASE("the cost of images is that of a sample", "[summary]") {
  CnnOptions options;
  options.channels = {4};
  Cnn model(options, InputSpec::images(3, 8, 8));
  const Parameters parameters(model, DType::float32, Rng(1, "summary"));
  const Summary summary = summarize(model, parameters, {Tensor::zeros({5, 3, 8, 8}, DType::float32), {}, {}, {}});
  CHECK(summary.tokens == 5);
  CHECK(summary.flops_per_sample() == 2 * 64 * 4 * 27);
  CHECK(summary.text().find("FLOPs/sample") != std::string::npos);
  CHECK(summary.total().output == Shape{5, 4 * 4 * 4});
}
