#include "attention/normalizers/quantum.h"

#include <complex>

#include "tests/support/attention.h"

using namespace tempera;

namespace {

using Complex = std::complex<double>;

// A matrix by its definition, for the slow twin.
struct Matrix {
  Index n;
  std::vector<Complex> a;
  explicit Matrix(Index size) : n(size), a(static_cast<std::size_t>(size * size), 0) {}
  Matrix(Index size, std::initializer_list<Complex> values) : n(size), a(values) {}
  Complex& at(Index i, Index j) { return a[static_cast<std::size_t>(i * n + j)]; }
  Complex at(Index i, Index j) const { return a[static_cast<std::size_t>(i * n + j)]; }
};

Matrix operator*(const Matrix& x, const Matrix& y) {
  Matrix z(x.n);
  for (Index i = 0; i < x.n; ++i)
    for (Index j = 0; j < x.n; ++j)
      for (Index k = 0; k < x.n; ++k) z.at(i, j) += x.at(i, k) * y.at(k, j);
  return z;
}

Matrix kron(const Matrix& x, const Matrix& y) {
  Matrix z(x.n * y.n);
  for (Index i = 0; i < z.n; ++i)
    for (Index j = 0; j < z.n; ++j) z.at(i, j) = x.at(i / y.n, j / y.n) * y.at(i % y.n, j % y.n);
  return z;
}

Matrix identity(Index n) {
  Matrix z(n);
  for (Index i = 0; i < n; ++i) z.at(i, i) = 1;
  return z;
}

Matrix ry(double t) {
  return {2, {std::cos(t / 2), -std::sin(t / 2), std::sin(t / 2), std::cos(t / 2)}};
}
Matrix rz(double t) {
  return {2, {std::polar(1., -t / 2), 0, 0, std::polar(1., t / 2)}};
}
Matrix rx(double t) {
  const Complex s(0, -std::sin(t / 2));
  return {2, {std::cos(t / 2), s, s, std::cos(t / 2)}};
}
const Matrix kFlip{4, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0}};

// A gate of `count` qubits from `first` on, among m.
Matrix placed(const Matrix& gate, int first, int count, int m) {
  return kron(kron(identity(Index{1} << first), gate), identity(Index{1} << (m - first - count)));
}

Tensor twin(Index tokens, int auxiliary, int layers, const std::vector<double>& t) {
  int m = auxiliary;
  for (Index n = tokens; n > 1; n /= 2) ++m;
  Matrix u = identity(Index{1} << m);
  std::size_t p = 0;
  for (int q = 0; q < m; ++q, p += 3) u = placed(rz(t[p + 2]) * ry(t[p + 1]) * rz(t[p]), q, 1, m) * u;
  for (int layer = 0; layer < layers; ++layer)
    for (const int start : {0, 1})
      for (int q = start; q + 1 < m; q += 2, p += 4)
        u = placed(kFlip * kron(rz(t[p + 1]) * ry(t[p]), rx(t[p + 3]) * ry(t[p + 2])) * kFlip, q, 2, m) * u;
  const Index block = u.n / tokens;
  Tensor w = Tensor::zeros({tokens, tokens}, DType::float64);
  for (Index i = 0; i < u.n; ++i)
    for (Index j = 0; j < u.n; ++j) {
      const Index at = i / block * tokens + j / block;
      w.set(at, w.at(at) + std::norm(u.at(i, j)) / static_cast<double>(block));
    }
  return w;
}

std::vector<double> draws(Index count) {
  std::vector<double> t;
  for (Index i = 0; i < count; ++i) t.push_back(Rng(3, "angles").uniform(static_cast<std::uint64_t>(i), -3, 3));
  return t;
}

}  // namespace

TEST_CASE("doubly stochastic attention by a circuit", "[attention][sheets]") {
  CHECK(quantum_angles(6, 4) == 98);  // two halves of two layers, as many as the paper counts
  check_close(quantum_weights(2, 0, 4, std::vector{0., 1., 0.}), f64({2, 2}, {0.770151, 0.229849, 0.229849, 0.770151}),
              1e-6);
  const Tensor still = quantum_weights(4, 1, 2, std::vector<double>(static_cast<std::size_t>(quantum_angles(3, 2)), 0));
  for (Index i = 0; i < 16; ++i) CHECK(still.at(i) == (i / 4 == i % 4 ? 1 : 0));
  for (const auto& [tokens, auxiliary, layers] : {std::tuple{8, 1, 2}, {4, 2, 3}, {2, 0, 1}, {1, 1, 1}}) {
    int qubits = auxiliary;
    for (int n = tokens; n > 1; n /= 2) ++qubits;
    const std::vector<double> t = draws(quantum_angles(qubits, layers));
    const Tensor w = quantum_weights(tokens, auxiliary, layers, t);
    check_close(w, twin(tokens, auxiliary, layers, t), 1e-13);
    for (Index i = 0; i < tokens; ++i) {
      double row = 0, column = 0;
      for (Index j = 0; j < tokens; ++j) {
        row += w.at(i * tokens + j);
        column += w.at(j * tokens + i);
      }
      CHECK(row == Approx(1).epsilon(1e-13));
      CHECK(column == Approx(1).epsilon(1e-13));
    }
  }
  CHECK(error_of([] { quantum_weights(4, 0, 1, std::vector<double>(3, 0)); }) ==
        "quantum_weights: 3 angles came for 2 qubits in 1 layers; 10 were wanted");
}

TEST_CASE("the scores are the angles of the circuit, times factors of its own", "[attention]") {
  QuantumOptions options;
  options.layers = 2;
  const auto normalizer = options.make({1, 4, 4});
  const Tensor s = random_tensor({1, 1, 4, 4}, 5, -2, 2);
  Tape tape;
  ScoreAttention how;
  how.normalizer = normalizer.get();
  std::vector<double> angles;
  for (Index p = 0; p < quantum_angles(3, 2); ++p)
    angles.push_back(Rng(1, "quantum").uniform(static_cast<std::uint64_t>(p), -1, 1) * s.at(p % 16));
  check_close(attention_weights(tape.constant(s), how).value().reshaped({4, 4}), quantum_weights(4, 1, 2, angles),
              1e-13);
}

TEST_CASE("circuits weigh powers of two of tokens", "[attention][errors]") {
  const auto quantum = made(QuantumOptions(), 2);
  const auto inputs = attention_inputs({1, 2, 2, 6, 6, 2}, *quantum);
  CHECK(error_of([&] { play(attention_function(*quantum, AttentionKernel::blocks, {}), inputs); }) ==
        "score_attention: sequence 0 has 6 tokens, but a circuit of qubits weighs 1, 2, 4, .. or 64; choose such a "
        "length, or another normalizer");
  CHECK(quantum->refusal(0).empty());
  CHECK(quantum->refusal(64).empty());
  CHECK_FALSE(quantum->refusal(128).empty());
}

TEST_CASE("the weights of a circuit know the size of the scores", "[attention][sheets]") {
  const Tensor one = quantum_weights(2, 0, 1, std::vector{0., 1., 0.}),
               two = quantum_weights(2, 0, 1, std::vector{0., 2., 0.});
  CHECK(std::abs(one.at(0) - two.at(0)) > 0.1);
}
