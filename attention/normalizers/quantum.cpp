#include "attention/normalizers/quantum.h"

#include <bit>
#include <cmath>
#include <vector>

#include "attention/matrix_normalizer.h"

namespace tempera {
namespace {

enum class Axis { x, y, z };

constexpr double kGrowth = 2.3;  // T^2 times the count of gates, which grows with log T; over 4 to 64 tokens

int log2_of(Index n) {
  return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n))) - 1;
}

double product(const double* a, const double* b, Index n) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// A square matrix of 2^m rows, each its real parts, then its imaginary ones. Qubit 0 is the most significant bit of a
// row's number.
struct Unitary {
  double* u;
  int qubits;

  Index size() const { return Index{1} << qubits; }
  Index numbers() const { return 2 * size() * size(); }
  double* row(Index i) const { return u + 2 * i * size(); }
  Index bit(int qubit) const { return Index{1} << (qubits - 1 - qubit); }
  // Calls f(row with the qubit 0, row with the qubit 1) for all pairs.
  template <class F>
  void each_pair(int qubit, F&& f) const {
    for (Index i = 0; i < size(); ++i)
      if (!(i & bit(qubit))) f(row(i), row(i | bit(qubit)));
  }
  void rotate(Axis axis, double angle, int qubit) const {
    const double c = std::cos(angle / 2), s = std::sin(angle / 2);
    const Index n = size();
    each_pair(qubit, [&](double* zero, double* one) {
      for (Index j = 0; j < n; ++j) {
        const double zr = zero[j], zi = zero[n + j], wr = one[j], wi = one[n + j];
        switch (axis) {
          case Axis::x:
            zero[j] = c * zr + s * wi, zero[n + j] = c * zi - s * wr;
            one[j] = c * wr + s * zi, one[n + j] = c * wi - s * zr;
            break;
          case Axis::y:
            zero[j] = c * zr - s * wr, zero[n + j] = c * zi - s * wi;
            one[j] = c * wr + s * zr, one[n + j] = c * wi + s * zi;
            break;
          default:
            zero[j] = c * zr + s * zi, zero[n + j] = c * zi - s * zr;
            one[j] = c * wr - s * wi, one[n + j] = c * wi + s * wr;
        }
      }
    });
  }
  void flip(int control, int target) const {
    for (Index i = 0; i < size(); ++i)
      if ((i & bit(control)) && !(i & bit(target))) std::swap_ranges(row(i), row(i) + 2 * size(), row(i | bit(target)));
  }
  void identity() const {
    std::fill_n(u, numbers(), 0.);
    for (Index i = 0; i < size(); ++i) row(i)[i] = 1;
  }
};

// Re <l, -i/2 s u> for the Pauli matrix s of the axis: what the angle of a rotation that gave u has for its gradient.
double overlap(const Unitary& l, Axis axis, const Unitary& u, int qubit) {
  const Index n = u.size();
  // Re conj(a) (-i) b, of two rows.
  const auto turned = [n](const double* a, const double* b) { return product(a, b + n, n) - product(a + n, b, n); };
  double sum = 0;
  for (Index i = 0; i < n; ++i) {
    if (i & u.bit(qubit)) continue;
    const double *zero = u.row(i), *one = u.row(i | u.bit(qubit));
    const double *to_zero = l.row(i), *to_one = l.row(i | u.bit(qubit));
    switch (axis) {
      case Axis::x: sum += turned(to_zero, one) + turned(to_one, zero); break;
      case Axis::y: sum += product(to_one, zero, 2 * n) - product(to_zero, one, 2 * n); break;
      default: sum += turned(to_zero, zero) - turned(to_one, one);
    }
  }
  return sum / 2;
}

// The gates of the circuit in their order, for somebody who rotates and flips.
template <class Visitor>
void circuit(int qubits, int layers, Visitor&& visit) {
  for (int q = 0; q < qubits; ++q)
    for (const Axis axis : {Axis::z, Axis::y, Axis::z}) visit.rotate(axis, q);
  for (int layer = 0; layer < layers; ++layer)
    for (const int start : {0, 1})
      for (int q = start; q + 1 < qubits; q += 2) {
        visit.flip(q, q + 1);
        visit.rotate(Axis::y, q);
        visit.rotate(Axis::z, q);
        visit.rotate(Axis::y, q + 1);
        visit.rotate(Axis::x, q + 1);
        visit.flip(q, q + 1);
      }
}

// The same from the last gate to the first.
template <class Visitor>
void circuit_back(int qubits, int layers, Visitor&& visit) {
  for (int layer = 0; layer < layers; ++layer)
    for (const int start : {1, 0}) {
      const int blocks = (qubits - start) / 2;
      for (int block = blocks - 1; block >= 0; --block) {
        const int q = start + 2 * block;
        visit.flip(q, q + 1);
        visit.rotate(Axis::x, q + 1);
        visit.rotate(Axis::y, q + 1);
        visit.rotate(Axis::z, q);
        visit.rotate(Axis::y, q);
        visit.flip(q, q + 1);
      }
    }
  for (int q = qubits - 1; q >= 0; --q)
    for (const Axis axis : {Axis::z, Axis::y, Axis::z}) visit.rotate(axis, q);
}

// Makes the unitary, angle by angle.
template <class Angle>
struct Forward {
  const Unitary& u;
  const Angle& angle;
  Index next = 0;
  void rotate(Axis axis, int qubit) { u.rotate(axis, angle(next++), qubit); }
  void flip(int control, int target) { u.flip(control, target); }
};

// Takes it apart again, with its gradient l; found(p, gradient of angle p).
template <class Angle, class Found>
struct Backward {
  const Unitary &u, &l;
  const Angle& angle;
  const Found& found;
  Index next;  // one past the next angle
  void rotate(Axis axis, int qubit) {
    --next;
    found(next, overlap(l, axis, u, qubit));
    const double back = -angle(next);
    u.rotate(axis, back, qubit);
    l.rotate(axis, back, qubit);
  }
  void flip(int control, int target) {
    u.flip(control, target);
    l.flip(control, target);
  }
};

template <class Angle>
void make_unitary(const Unitary& u, int layers, const Angle& angle) {
  u.identity();
  circuit(u.qubits, layers, Forward<Angle>{u, angle});
}

// The mean over blocks of |U|^2.
double block_mean(const Unitary& u, int auxiliary, Index i, Index j) {
  const Index width = Index{1} << auxiliary;
  double sum = 0;
  for (Index x = 0; x < width; ++x)
    for (const Index part : {Index{0}, u.size()}) {
      const double* const row = u.row(i * width + x) + part + j * width;
      sum += product(row, row, width);
    }
  return sum / static_cast<double>(width);
}

class Quantum : public MatrixNormalizer<Quantum> {
 public:
  explicit Quantum(const QuantumOptions& o)
      : MatrixNormalizer({.ordered = true, .time = kGrowth}), layers_(o.layers), auxiliary_(o.auxiliary) {
    const Rng draws(o.seed, "quantum");
    const Index most = quantum_angles(log2_of(kMostQuantumTokens) + auxiliary_, layers_);
    for (Index p = 0; p < most; ++p) theta_.push_back(draws.uniform(static_cast<std::uint64_t>(p), -1, 1));
  }

  std::string refusal(Index tokens) const override {
    if (tokens <= kMostQuantumTokens && std::popcount(static_cast<std::uint64_t>(tokens)) <= 1) return {};
    return fmt::format("but a circuit of qubits weighs 1, 2, 4, .. or {}; choose such a length, or another normalizer",
                       kMostQuantumTokens);
  }
  // Two complex matrices and the gradient of T^2 scores in float64; a float32 takes half of its room.
  Index scratch(Index rows, Index) const override {
    const auto tokens =
        std::min<Index>(kMostQuantumTokens, static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(rows))));
    const Index size = tokens << auxiliary_;
    return 2 * (4 * size * size + tokens * tokens);
  }

  template <class T>
  void weigh(const WholeMatrix<T>& m, T* w) const {
    const Unitary u = unitary(m);
    for (Index i = 0; i < m.tokens; ++i)
      for (Index j = 0; j < m.tokens; ++j) w[i * m.stride + j] = static_cast<T>(block_mean(u, auxiliary_, i, j));
  }

  template <class T>
  void differentiate(const WholeMatrix<T>& m, const T*, const MatrixGradient<T>& to) const {
    const Unitary u = unitary(m);
    const Unitary l{u.u + u.numbers(), u.qubits};
    const Index n = m.tokens, width = Index{1} << auxiliary_;
    for (Index r = 0; r < u.size(); ++r)
      for (Index c = 0; c < 2 * u.size(); ++c) {
        const Index at = r / width * m.stride + c % u.size() / width;
        l.row(r)[c] = 2 / static_cast<double>(width) * static_cast<double>(to.dw[at]) * u.row(r)[c];
      }
    auto* const ds = l.u + l.numbers();
    std::fill_n(ds, n * n, 0.);
    const auto angle = angles_of(m);
    const auto found = [&](Index p, double gradient) { ds[p % (n * n)] += theta(p) * gradient; };
    circuit_back(u.qubits, layers_,
                 Backward<decltype(angle), decltype(found)>{u, l, angle, found, quantum_angles(u.qubits, layers_)});
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) to.ds[i * m.stride + j] = static_cast<T>(ds[i * n + j]);
  }

 private:
  double theta(Index p) const { return theta_[static_cast<std::size_t>(p)]; }

  template <class T>
  auto angles_of(const WholeMatrix<T>& m) const {
    return [this, m](Index p) {
      const Index at = p % (m.tokens * m.tokens);
      return theta(p) * static_cast<double>(m.scores[at / m.tokens * m.stride + at % m.tokens]);
    };
  }

  template <class T>
  Unitary unitary(const WholeMatrix<T>& m) const {
    const Unitary u{reinterpret_cast<double*>(m.scratch), log2_of(m.tokens) + auxiliary_};
    make_unitary(u, layers_, angles_of(m));
    return u;
  }

  int layers_, auxiliary_;
  std::vector<double> theta_;
};

}  // namespace

Index quantum_angles(int qubits, int layers) {
  return 3 * qubits + 4 * layers * std::max(0, qubits - 1);
}

Tensor quantum_weights(Index tokens, int auxiliary, int layers, std::span<const double> angles) {
  constexpr std::string_view kWho = "quantum_weights";
  require(tokens >= 1 && std::popcount(static_cast<std::uint64_t>(tokens)) == 1, kWho,
          "{} tokens came; a power of two was wanted", tokens);
  const int qubits = log2_of(tokens) + auxiliary;
  require(std::ssize(angles) == quantum_angles(qubits, layers), kWho,
          "{} angles came for {} qubits in {} layers; {} were wanted", angles.size(), qubits, layers,
          quantum_angles(qubits, layers));
  std::vector<double> memory(std::size_t{2} << (2 * qubits));
  const Unitary u{memory.data(), qubits};
  const auto angle = [&](Index p) { return angles[static_cast<std::size_t>(p)]; };
  make_unitary(u, layers, angle);
  Tensor w = Tensor::empty({tokens, tokens}, DType::float64);
  for (Index i = 0; i < w.size(); ++i) w.set(i, block_mean(u, auxiliary, i / tokens, i % tokens));
  return w;
}

void QuantumOptions::describe(Fields& f) {
  f("layers", layers, "of the circuit", between(1, 64));
  f("auxiliary", auxiliary, "qubits beside those of the tokens", between(0, 4));
  f("seed", seed, "of the fixed factors between scores and angles");
}

std::unique_ptr<ScoreNormalizer> QuantumOptions::make(const NormalizerPlace&) const {
  return std::make_unique<Quantum>(*this);
}

}  // namespace tempera
