#include "attention/normalizers/softmax.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

std::unique_ptr<ScoreNormalizer> softmax_by(std::string_view algorithm) {
  return variant<SoftmaxOptions>(1, [&](auto& o) { o.algorithm = algorithm; });
}

ScoreAttention how_of(const ScoreNormalizer& normalizer, AttentionKernel kernel) {
  ScoreAttention how;
  how.normalizer = &normalizer;
  how.kernel = kernel;
  return how;
}

}  // namespace

TEST_CASE("a softmax by every algorithm has the same weights and gradients", "[attention]") {
  const std::vector<double> s = random_tensor({40}, 1, -6, 6).to_vector();
  for (const std::string_view name : kernels::softmax_algorithm_names()) {
    INFO(name);
    check_close(weights_of(*softmax_by(name), s), weights_of(Softmax(), s));
    const auto normalizer = softmax_by(name);
    const auto attend = [&](std::span<const Var> x) {
      return score_attention(x[0], x[1], x[2], how_of(*normalizer, AttentionKernel::blocks));
    };
    std::vector<Tensor> qkv;
    for (std::uint64_t i = 1; i <= 3; ++i) qkv.push_back(random_tensor({1, 2, 5, 4}, i));
    CHECK(gradcheck(attend, qkv).ok);
  }
}

TEST_CASE("the streaming kernel is for softmaxes that leave the algorithm to it", "[attention][errors]") {
  const auto run = [](std::string_view algorithm, AttentionKernel kernel) {
    const auto normalizer = softmax_by(algorithm);
    const Tensor x = random_tensor({1, 1, 3, 4}, 1);
    Tape tape;
    const Var q = tape.leaf(x);
    return std::string(score_attention(q, q, q, how_of(*normalizer, kernel)).value().defined() ? "ran" : "");
  };
  CHECK(Softmax().streams());
  CHECK(Softmax(kernels::SoftmaxAlgorithm::online).streams());
  CHECK_FALSE(Softmax(kernels::SoftmaxAlgorithm::two_pass).streams());
  for (const char* algorithm : {"auto", "online", "two_pass"})
    CHECK(run(algorithm, AttentionKernel::automatic) == "ran");
  CHECK(run("online", AttentionKernel::streaming) == "ran");
  CHECK(
      error_of([&] { run("two_pass", AttentionKernel::streaming); }) ==
      "score_attention: the kernel 'streaming' computes the softmax alone, and by its own algorithm; choose 'auto' or "
      "'blocks' for this normalizer");
}
