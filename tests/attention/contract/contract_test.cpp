// The contract of attention: every kind in the tables, with every promise.
#include "attention/feature_map.h"
#include "attention/linear_mixer.h"
#include "attention/positions.h"
#include "attention/score_mixer.h"
#include "tests/attention/contract/attention_promises.h"
#include "tests/attention/contract/feature_map_promises.h"
#include "tests/attention/contract/normalizer_promises.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

struct NamedAttention {
  std::string name;
  std::unique_ptr<AttentionOptions> options;
};

// The table with its defaults, every normalizer, every kind of positions, windows, grouped and normalised heads.
std::vector<NamedAttention> all_attentions() {
  std::vector<NamedAttention> all;
  const auto add = [&](std::string name, std::unique_ptr<Options> options) {
    auto* const attention = dynamic_cast<AttentionOptions*>(options.get());
    REQUIRE(attention);
    (void)options.release();
    all.push_back({std::move(name), std::unique_ptr<AttentionOptions>(attention)});
  };
  for (const Kind& kind : attention_kinds()) {
    auto options = kind.make();
    if (auto* heads = dynamic_cast<MultiHeadOptions*>(options.get())) heads->heads = 3;
    add(std::string(kind.name), std::move(options));
  }
  for (const Kind& kind : normalizer_kinds()) add(fmt::format("normalizer {}", kind.name), scores(kind.name));
  for (const Kind& kind : position_kinds()) add(fmt::format("positions {}", kind.name), scores("softmax", kind.name));
  add("window", scores("softmax", "rope", 3));
  add("ssmax in a window", scores("ssmax", "none", 3));
  auto grouped = scores("sigmoid", "rope");
  grouped->kv_heads = 1;
  grouped->head_width = 6;
  grouped->qk_norm = true;
  add("grouped, normalised", std::move(grouped));
  auto cosines = scores("softplus", "rope");
  cosines->kv_heads = 1;
  add("cosines, rotated", std::move(cosines));
  auto sink = scores("softmax", "rope");
  sink->sink = true;
  sink->kv_heads = 1;
  add("sink", std::move(sink));
  auto fixed = scores("softmax");
  fixed->output_bias = "fixed";
  add("fixed output bias", std::move(fixed));
  auto beside = scores("softmax", "rope");
  beside->output_bias = "context";
  beside->kv_heads = 1;
  add("output bias of the context", std::move(beside));
  auto gated = std::make_unique<ScoreMixerOptions>();
  gated->heads = 3;
  gated->normalizer.choose("relu");
  dynamic_cast<ReluOptions&>(gated->normalizer.options()).gate = true;
  add("relu, gated", std::move(gated));
  auto reference = scores("softmax");
  reference->kernel = "reference";
  add("reference", std::move(reference));
  auto linear = std::make_unique<LinearMixerOptions>();
  linear->heads = 2;
  linear->kv_heads = 1;
  linear->qk_norm = true;
  add("linear, grouped", std::move(linear));
  return all;
}

}  // namespace

TEST_CASE("every normalizer keeps its promises", "[attention][contract]") {
  for (const auto& [name, normalizer] : all_normalizers(2))
    for (const NormalizerPromise& promise : normalizer_promises()) {
      INFO(name << ": " << promise.name);
      CHECK(promise.broken(*normalizer) == "");
    }
}

TEST_CASE("every normalizer of rows trains without a matrix of scores", "[attention][contract][memory]") {
  for (const auto& [name, normalizer] : all_normalizers(1)) {
    INFO(name);
    CHECK(matrix_in_memory(*normalizer) == "");
  }
}

TEST_CASE("every attention keeps its promises", "[attention][contract]") {
  for (const auto& [name, options] : all_attentions())
    for (const AttentionPromise& promise : attention_promises()) {
      INFO(name << ": " << promise.name);
      CHECK(promise.broken(*options) == "");
    }
}

TEST_CASE("every feature map keeps its promises", "[attention][contract]") {
  for (const Kind& kind : feature_map_kinds())
    for (const FeatureMapPromise& promise : feature_map_promises()) {
      INFO(kind.name << ": " << promise.name);
      CHECK(promise.broken(dynamic_cast<const FeatureMapOptions&>(*kind.make())) == "");
    }
}

TEST_CASE("a normalizer of tokens that all see each other refuses time, memories and windows", "[attention][errors]") {
  auto options = scores("sinkhorn");
  CHECK(error_of([&] { options->make({.d_model = 12, .causal = true}); }) ==
        "attention: the normalizer 'sinkhorn' wants tokens that all see each other, but this attention is causal; "
        "choose another one");
  CHECK(error_of([&] { options->make({.d_model = 12, .cross = true}); }) ==
        "attention: the normalizer 'sinkhorn' wants tokens that all see each other, but this attention reads a memory; "
        "choose another one");
  options->window = 4;
  REQUIRE(options->problems().size() == 1);
  CHECK(options->problems()[0].key == "window");
  const auto sinkhorn = made(options->normalizer.as<NormalizerOptions>(), 2);
  const auto inputs = attention_inputs({1, 2, 2, 3, 3, 2}, *sinkhorn);
  CHECK(error_of([&] { play(attention_function(*sinkhorn, AttentionKernel::blocks, {.causal = true}), inputs); }) ==
        "score_attention: the normalizer wants tokens that all see each other, but 3 queries of 3 keys came, causal; "
        "use it in bidirectional self-attention without a window");
}
