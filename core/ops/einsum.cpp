#include "core/ops/einsum.h"

#include <algorithm>
#include <array>

#include "core/ops/matmul.h"
#include "core/ops/permute.h"
#include "core/ops/reductions.h"
#include "core/ops/reshape.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "einsum";

// Letters of one operand or role, at most five.
class Letters {
 public:
  Letters() = default;
  explicit Letters(std::string_view text) {
    for (const char letter : text) push(letter);
  }
  void push(char letter) {
    require(count_ < Shape::kMaxRank, kWho, "more than {} letters stand together; tensors have rank 0 to {}",
            Shape::kMaxRank, Shape::kMaxRank);
    letters_[static_cast<std::size_t>(count_++)] = letter;
  }
  int size() const { return count_; }
  char operator[](int i) const { return letters_[static_cast<std::size_t>(i)]; }
  int find(char letter) const {
    for (int i = 0; i < count_; ++i)
      if ((*this)[i] == letter) return i;
    return -1;
  }
  bool has(char letter) const { return find(letter) >= 0; }
  const char* begin() const { return letters_.data(); }
  const char* end() const { return letters_.data() + count_; }
  bool operator==(const Letters& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

 private:
  std::array<char, Shape::kMaxRank> letters_{};
  int count_ = 0;
};

struct Formula {
  Letters a, b, out;
};

void check_letters(std::string_view formula, const Letters& letters) {
  for (int i = 0; i < letters.size(); ++i) {
    const char letter = letters[i];
    require((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'), kWho,
            "'{}' in '{}' is no letter; a formula looks like 'bij,bjk->bik'", letter, formula);
    require(letters.find(letter) == i, kWho, "'{}' stands twice in one operand of '{}'; diagonals are not supported",
            letter, formula);
  }
}

Formula parse(std::string_view formula) {
  const std::size_t comma = formula.find(','), arrow = formula.find("->");
  require(comma != formula.npos && arrow != formula.npos && comma < arrow, kWho,
          "'{}' is no formula of two operands; it looks like 'bij,bjk->bik'", formula);
  const Formula f{Letters(formula.substr(0, comma)), Letters(formula.substr(comma + 1, arrow - comma - 1)),
                  Letters(formula.substr(arrow + 2))};
  for (const Letters* letters : {&f.a, &f.b, &f.out}) check_letters(formula, *letters);
  for (const char letter : f.out)
    require(f.a.has(letter) || f.b.has(letter), kWho, "'{}' of the output of '{}' is in neither operand", letter,
            formula);
  return f;
}

// Sums the axes of x that nobody else names.
Var without_private(const Var& x, Letters& letters, const Letters& other, const Letters& out) {
  Var y = x;
  for (int i = letters.size() - 1; i >= 0; --i) {
    if (other.has(letters[i]) || out.has(letters[i])) continue;
    y = sum(y, i);
    Letters kept;
    for (int k = 0; k < letters.size(); ++k)
      if (k != i) kept.push(letters[k]);
    letters = kept;
  }
  return y;
}

// x with its axes in the order of `wanted`, a permutation of `letters`.
Var in_order(const Var& x, const Letters& letters, const Letters& wanted) {
  if (letters == wanted) return x;
  std::array<Index, Shape::kMaxRank> axes{};
  for (int i = 0; i < wanted.size(); ++i) axes[static_cast<std::size_t>(i)] = letters.find(wanted[i]);
  return permute(x, std::span<const Index>(axes).first(static_cast<std::size_t>(wanted.size())));
}

Letters joined(const Letters& x, const Letters& y, const Letters& z = {}) {
  Letters all;
  for (const Letters* part : {&x, &y, &z})
    for (const char letter : *part) all.push(letter);
  return all;
}

// The product of the extents of `letters`.
Index extent(const Letters& letters, const Letters& of, const Shape& shape) {
  Index total = 1;
  for (const char letter : letters) total *= shape[of.find(letter)];
  return total;
}

}  // namespace

Var einsum(std::string_view formula, const Var& a, const Var& b) {
  Formula f = parse(formula);
  require(f.a.size() == a.rank() && f.b.size() == b.rank(), kWho,
          "'{}' names {} and {} axes, but the operands have shapes {} and {}", formula, f.a.size(), f.b.size(),
          a.shape(), b.shape());
  for (const char letter : f.a)
    if (f.b.has(letter))
      require(a.dim(f.a.find(letter)) == b.dim(f.b.find(letter)), kWho,
              "'{}' of '{}' is {} in the first operand {} and {} in the second {}", letter, formula,
              a.dim(f.a.find(letter)), a.shape(), b.dim(f.b.find(letter)), b.shape());
  const Var x = without_private(a, f.a, f.b, f.out), y = without_private(b, f.b, f.a, f.out);
  Letters batch, rows, cols, inner;
  for (const char letter : f.out) (f.a.has(letter) ? (f.b.has(letter) ? batch : rows) : cols).push(letter);
  for (const char letter : f.a)
    if (f.b.has(letter) && !f.out.has(letter)) inner.push(letter);
  const Index nb = extent(batch, f.a, x.shape()), n = extent(rows, f.a, x.shape()), m = extent(cols, f.b, y.shape()),
              k = extent(inner, f.a, x.shape());
  // An operand that ends in the contracted letters is read transposed instead of being moved.
  const Letters a_plain = joined(batch, rows, inner), a_turned = joined(batch, inner, rows);
  const Letters b_plain = joined(batch, inner, cols), b_turned = joined(batch, cols, inner);
  const bool turn_a = f.a == a_turned && !(f.a == a_plain), turn_b = f.b == b_turned && !(f.b == b_plain);
  const Var left = reshape(in_order(x, f.a, turn_a ? a_turned : a_plain), turn_a ? Shape{nb, k, n} : Shape{nb, n, k});
  const Var right = reshape(in_order(y, f.b, turn_b ? b_turned : b_plain), turn_b ? Shape{nb, m, k} : Shape{nb, k, m});
  const Var product =
      matmul(left, right, turn_a ? Transpose::yes : Transpose::no, turn_b ? Transpose::yes : Transpose::no);
  Shape shape;
  for (const char letter : batch) shape = shape.inserted(shape.rank(), x.dim(f.a.find(letter)));
  for (const char letter : rows) shape = shape.inserted(shape.rank(), x.dim(f.a.find(letter)));
  for (const char letter : cols) shape = shape.inserted(shape.rank(), y.dim(f.b.find(letter)));
  return in_order(reshape(product, shape), joined(batch, rows, cols), f.out);
}

}  // namespace tempera
