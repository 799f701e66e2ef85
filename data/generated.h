// Tasks that are computed, not read.
#pragma once

#include "data/source.h"

namespace tempera {

// Modular arithmetic (Power et al. 2022, "Grokking: generalization beyond overfitting on small algorithmic datasets").
// Tokens 0 .. p-1 are numbers, p is "=". inputs [3] = a, b, "="; the target, one of p classes, is c = a op b mod p. The
// set is every pair (for "/" every pair with b > 0, where p must be prime), in the order of a, then b; each draws its
// part by the seed (data/split.h).
struct ModularDataOptions : DataOptions {
  std::string operation = "+";
  int p = 113;
  double train = 0.3;
  double valid = 0;
  std::uint64_t seed = 0;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// a op b mod p in 0 .. p-1, for op in + - * /; a / b is the c with b c = a. Throws Error for another op.
std::int64_t modular(std::int64_t a, std::string_view operation, std::int64_t b, std::int64_t p);

// Sparse parity (Barak et al. 2022, "Hidden progress in deep learning"): inputs [n] are n random bits as tokens 0 and
// 1; the class is the exclusive or of `relevant` of them, at places drawn by the seed. Sample i of each part is a
// function of (seed, part, i), so parts of any size cost no memory; a large part makes every batch new.
struct ParityDataOptions : DataOptions {
  int bits = 40;
  int relevant = 3;
  std::int64_t train = 1'000'000'000, valid = 1024, test = 1024;
  std::uint64_t seed = 0;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// The relevant places, ascending.
std::vector<std::int32_t> parity_places(int bits, int relevant, std::uint64_t seed);

}  // namespace tempera
