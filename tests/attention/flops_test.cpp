// What a summary counts for attention: the products of queries with keys and of weights with values, masked or not.
#include "attention/linear_attention.h"
#include "attention/normalizers/softmax.h"
#include "attention/score_attention.h"
#include "tests/support/twins.h"

using namespace tempera;

TEST_CASE("attention says what its products cost", "[attention][summary]") {
  struct Probe : OperationProbe {
    double flops = 0;
    void computed(const Op& op, std::string_view, Inputs inputs, const Tensor& y) override {
      if (op.flops) flops += op.flops(inputs, y);
    }
  } probe;
  Tape tape;
  tape.set_operation_probe(&probe);
  const auto var = [&](const Shape& shape) { return tape.constant(random_tensor(shape, 1)); };
  const auto cost = [&](const auto& f) {
    probe.flops = 0;
    f();
    return probe.flops;
  };
  const Softmax softmax;
  ScoreAttention how;
  how.normalizer = &softmax;
  // B = 2, N = 5, H = 2, K = 1, D = 3; then M = 7.
  CHECK(cost([&] { packed_score_attention(std::array{var({2, 5, 12})}, 2, 1, how); }) == 2 * 2 * (2 * 2 * 5 * 5 * 3));
  CHECK(cost([&] {
          packed_score_attention(std::array{var({2, 5, 6}), var({2, 7, 6})}, 2, 1, how);
        }) == 2 * 2 * (2 * 2 * 5 * 7 * 3));
  CHECK(cost([&] {
          score_attention(var({2, 2, 5, 3}), var({2, 1, 7, 3}), var({2, 1, 7, 3}), how);
        }) == 2 * 2 * (2 * 2 * 5 * 7 * 3));
  CHECK(cost([&] {
          linear_attention(var({2, 2, 5, 3}), var({2, 1, 5, 3}), var({2, 1, 5, 4}), {});
        }) == 2 * (2 * 2 * 5 * 3 * 4 + 2 * 1 * 5 * 3 * 4));
}
