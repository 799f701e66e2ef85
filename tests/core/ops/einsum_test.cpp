#include "core/ops/einsum.h"

#include <catch2/catch.hpp>
#include <map>

#include "core/gradcheck.h"
#include "core/random.h"

using namespace tempera;

namespace {

struct Case {
  const char* formula;
  Shape a, b;
};

const Case kCases[] = {
    {"bhnd,bhmd->bhnm", {2, 2, 3, 4}, {2, 2, 5, 4}},  // scores
    {"bnhd,bmhd->bhnm", {2, 3, 2, 4}, {2, 5, 2, 4}},  // heads behind
    {"ij,jk->ik", {3, 17}, {17, 4}},                  // matrix product
    {"ji,jk->ik", {17, 3}, {17, 4}},                  // first operand turned
    {"ij,jk->ki", {3, 5}, {5, 4}},                    // output turned
    {"i,j->ij", {3}, {5}},                            // outer
    {"i,i->", {7}, {7}},                              // inner
    {"ixj,jy->i", {3, 2, 4}, {4, 3}},                 // private letters are summed
    {"ajk,kjb->ab", {2, 3, 4}, {4, 3, 5}},            // two contracted
    {"ij,ji->ij", {3, 4}, {4, 3}},                    // elementwise
    {",ij->ij", {}, {3, 2}},                          // a scalar
    {"ik,kj->ij", {3, 0}, {0, 2}},                    // nothing to sum
};

Tensor random(const Shape& shape, const char* stream) {
  Tensor x = Tensor::empty(shape, DType::float64);
  Rng(4, stream).fill_uniform(x, -1, 1);
  return x;
}

// The definition: one loop per letter.
Tensor definition(const std::string& formula, const Tensor& a, const Tensor& b) {
  const std::string la = formula.substr(0, formula.find(',')),
                    lb = formula.substr(la.size() + 1, formula.find("->") - la.size() - 1),
                    lo = formula.substr(formula.find("->") + 2);
  std::map<char, Index> extent;
  for (std::size_t i = 0; i < la.size(); ++i) extent[la[i]] = a.dim(static_cast<int>(i));
  for (std::size_t i = 0; i < lb.size(); ++i) extent[lb[i]] = b.dim(static_cast<int>(i));
  Shape shape;
  for (const char letter : lo) shape = shape.inserted(shape.rank(), extent[letter]);
  Tensor y = Tensor::zeros(shape, DType::float64);
  Index total = 1;
  for (const auto& [letter, n] : extent) total *= n;
  for (Index flat = 0; flat < total; ++flat) {
    std::map<char, Index> at;
    Index rest = flat;
    for (const auto& [letter, n] : extent) {
      at[letter] = rest % n;
      rest /= n;
    }
    const auto place = [&](const std::string& letters) {
      Index p = 0;
      for (const char letter : letters) p = p * extent[letter] + at[letter];
      return p;
    };
    y.set(place(lo), y.at(place(lo)) + a.at(place(la)) * b.at(place(lb)));
  }
  return y;
}

}  // namespace

TEST_CASE("einsum is the sum over its letters", "[einsum]") {
  for (const Case& c : kCases) {
    INFO(c.formula);
    Tape tape;
    const Tensor a = random(c.a, "a"), b = random(c.b, "b");
    const Var y = einsum(c.formula, tape.constant(a), tape.constant(b));
    const Tensor expected = definition(c.formula, a, b);
    REQUIRE(y.shape() == expected.shape());
    for (Index i = 0; i < y.size(); ++i) CHECK(y.value().at(i) == Approx(expected.at(i)).margin(1e-14));
  }
}

TEST_CASE("the gradient of einsum agrees with finite differences", "[einsum][gradcheck]") {
  for (const Case& c : kCases) {
    const Function f = [&](std::span<const Var> x) { return einsum(c.formula, x[0], x[1]); };
    const GradcheckReport report = gradcheck(f, {random(c.a, "a"), random(c.b, "b")});
    INFO(report.table(c.formula));
    CHECK(report.ok);
  }
}

TEST_CASE("scores need no permutation", "[einsum]") {
  Tape tape;
  const Var q = tape.leaf(random({2, 2, 3, 4}, "q")), k = tape.leaf(random({2, 2, 5, 4}, "k"));
  einsum("bhnd,bhmd->bhnm", q, k);
  CHECK(tape.size() == 2 + 4);  // two leaves; reshape, reshape, matmul, reshape
}

TEST_CASE("malformed contractions are refused", "[einsum][errors]") {
  Tape tape;
  const Var a = tape.leaf(random({2, 3}, "a")), b = tape.leaf(random({4, 5}, "b"));
  CHECK_THROWS_WITH(einsum("ij jk->ik", a, b),
                    "einsum: 'ij jk->ik' is no formula of two operands; it looks like 'bij,bjk->bik'");
  CHECK_THROWS_WITH(einsum("i1,jk->ik", a, b),
                    "einsum: '1' in 'i1,jk->ik' is no letter; a formula looks like 'bij,bjk->bik'");
  CHECK_THROWS_WITH(einsum("ii,jk->ik", a, b),
                    "einsum: 'i' stands twice in one operand of 'ii,jk->ik'; diagonals are not supported");
  CHECK_THROWS_WITH(einsum("ij,jk->iz", a, b), "einsum: 'z' of the output of 'ij,jk->iz' is in neither operand");
  CHECK_THROWS_WITH(einsum("ijk,jk->i", a, b),
                    "einsum: 'ijk,jk->i' names 3 and 2 axes, but the operands have shapes [2, 3] and [4, 5]");
  CHECK_THROWS_WITH(einsum("ij,jk->ik", a, b),
                    "einsum: 'j' of 'ij,jk->ik' is 3 in the first operand [2, 3] and 4 in the second [4, 5]");
  CHECK_THROWS_WITH(einsum("abcdef,a->a", a, b),
                    "einsum: more than 5 letters stand together; tensors have rank 0 to 5");
}
