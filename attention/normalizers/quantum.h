// Doubly stochastic attention by a parametrised quantum circuit, simulated exactly.
#pragma once

#include <span>

#include "attention/normalizer.h"

namespace tempera {

//   w_ij = 2^-a sum over x, y of |U_(i,x),(j,y)|^2        T = 2^d tokens, a auxiliary qubits, x, y in [0, 2^a)
// U [2^m, 2^m], m = d + a, is the unitary of a circuit whose angles are the scores; squares of a unitary's entries are
// doubly stochastic, and so are means of their blocks. Data qubits are the most significant ones. Born et al. 2025,
// Quantum Doubly Stochastic Transformers (arXiv 2504.16275), after QontOT (Mariella et al. 2024). The circuit of the
// paper is known by its number of angles; its gates are our choice:
//   on every qubit    Rz(c) Ry(b) Rz(a)
//   then in each of `layers` layers, on the qubits (0, 1), (2, 3), .. and then (1, 2), (3, 4), ..:
//                     CX (Rz(t2) Ry(t1) x Rx(t4) Ry(t3)) CX,    the first qubit controls
//   Ry(t) = [[c, -s], [s, c]],  Rz(t) = diag(e^(-it/2), e^(it/2)),  Rx(t) = [[c, -is], [-is, c]],   c, s of t / 2
// Angle p is theta_p S_(p mod T^2), row by row; theta_p uniform in (-1, 1) is drawn once and fixed, the paper's better
// form. Angles of 0 give the identity.
//   backward: with L the gradient of U's entries, from the last gate g to the first: the angle of a rotation exp(-i t s
//   / 2) gets Re <L, -i/2 s U>, then U and L go back through g^-1 = g^H
// Only for powers of two of tokens, at most kMostQuantumTokens, that all see each other; their order matters. A pass
// costs (3 m + 6 layers (m - 1)) 4^m complex products for each head.
inline constexpr Index kMostQuantumTokens = 64;

struct QuantumOptions : NormalizerOptions {
  int layers = 4;
  int auxiliary = 1;
  std::uint64_t seed = 1;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

// Angles of a circuit of that many qubits: 3 for each, and 4 for each of its blocks.
Index quantum_angles(int qubits, int layers);

// w [tokens, tokens] of given angles, for tokens = 2^d. Throws Error unless there are quantum_angles(d + auxiliary,
// layers).
Tensor quantum_weights(Index tokens, int auxiliary, int layers, std::span<const double> angles);

}  // namespace tempera
