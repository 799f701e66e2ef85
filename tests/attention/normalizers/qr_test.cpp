#include "attention/normalizers/qr.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

Tensor weights(const Tensor& s, double noise = 0) {
  QROptions options;
  options.noise = noise;
  const auto normalizer = options.make({1, 64, 64});
  Tape tape;
  ScoreAttention how;
  how.normalizer = normalizer.get();
  const Index n = s.dim(0);
  return attention_weights(tape.constant(s.reshaped({1, 1, n, n})), how).value().reshaped({n, n}).clone();
}

Tensor scaled(const Tensor& s, const std::function<double(Index row, Index column)>& factor) {
  Tensor t = s.clone();
  for (Index i = 0; i < t.size(); ++i) t.set(i, t.at(i) * factor(i / t.dim(1), i % t.dim(1)));
  return t;
}

}  // namespace

TEST_CASE("doubly stochastic attention by QR", "[attention][sheets]") {
  check_close(weights(f64({2, 2}, {3, 1, 4, 2})), f64({2, 2}, {0.36, 0.64, 0.64, 0.36}));
  const Tensor s = random_tensor({8, 8}, 3, -2, 2), w = weights(s);
  for (Index i = 0; i < 8; ++i) {
    double row = 0, column = 0, first = 0;
    for (Index j = 0; j < 8; ++j) {
      row += w.at(i * 8 + j);
      column += w.at(j * 8 + i);
      first += s.at(j * 8) * s.at(j * 8);
    }
    CHECK(row == Approx(1).epsilon(1e-13));
    CHECK(column == Approx(1).epsilon(1e-13));
    CHECK(w.at(i * 8) == Approx(s.at(i * 8) * s.at(i * 8) / first).epsilon(1e-12));  // key 0 decides column 0
  }
  check_close(weights(scaled(s, [](Index, Index) { return -3; })), w, 1e-12);
  check_close(weights(scaled(s, [](Index, Index j) { return j % 2 ? 5 : 0.2; })), w, 1e-12);
  // Column j knows the keys up to j alone.
  const Tensor other = weights(scaled(s, [](Index i, Index j) { return j >= 5 ? static_cast<double>(i) : 1; }));
  for (Index i = 0; i < 8; ++i)
    for (Index j = 0; j < 5; ++j) CHECK(other.at(i * 8 + j) == w.at(i * 8 + j));
  // Rows permute with their queries; columns do not with their keys.
  Tensor turned = s.clone(), keys = s.clone();
  for (Index i = 0; i < 64; ++i) turned.set(i, s.at((i + 8) % 64));
  for (Index i = 0; i < 64; ++i) keys.set(i, s.at(i / 8 * 8 + (i + 1) % 8));
  const Tensor rows = weights(turned), columns = weights(keys);
  double apart = 0;
  for (Index i = 0; i < 64; ++i) {
    CHECK(rows.at(i) == Approx(w.at((i + 8) % 64)).epsilon(1e-10).margin(1e-13));
    apart = std::max(apart, std::abs(columns.at(i) - w.at(i / 8 * 8 + (i + 1) % 8)));
  }
  CHECK(apart > 0.01);
}

TEST_CASE("scores that depend on each other stay finite, and noise makes them doubly stochastic", "[attention]") {
  for (const double size : {0., 1.}) {
    const Tensor w = weights(Tensor::full({4, 4}, DType::float64, size), 1e-7);
    for (Index i = 0; i < 4; ++i) {
      double row = 0;
      for (Index j = 0; j < 4; ++j) row += w.at(i * 4 + j);
      CHECK(row == Approx(1).epsilon(1e-12));
    }
    CHECK(weights(Tensor::full({4, 4}, DType::float64, size)).vec<double>().isFinite().all());
  }
}

TEST_CASE("more tokens than heads are wide have no QR attention", "[attention][errors]") {
  const auto options = scores("qr");
  const auto mixer = options->make({.d_model = 12});
  const Parameters parameters(*mixer, DType::float64, Rng(5, "test"));
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const auto run = [&](Index tokens, const Tensor& lengths) {
    return error_of([&] {
      mixer->forward(context, tape.constant(random_tensor({1, tokens, 12}, 1)), {.lengths = lengths});
    });
  };
  CHECK(run(5, {}) ==
        "score_attention: sequence 0 has 5 tokens, but heads of tokens are 4 wide, so the scores have no full rank and "
        "no QR factors of their own; choose a greater model.d_model and attention.head_width, or another normalizer");
  CHECK(run(5, lengths_of({4})) == "no error");
}
