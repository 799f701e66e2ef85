#include "attention/normalizers/rela.h"

#include "attention/rowwise_normalizer.h"
#include "core/activation.h"
#include "core/ops/layer_norm.h"
#include "core/pointwise.h"

namespace tempera {
namespace {

class Rela : public RowwiseNormalizer<Rela> {
 public:
  Rela(Index width, bool gated, double eps) : RowwiseNormalizer({.rows_sum_to_one = false, .sparse = true}), eps_(eps) {
    const Init small = Init::uniform(std::sqrt(3 / static_cast<double>(width)));
    gain_ = Parameter({width}, gated ? Init::ones() : small, false);
    if (gated) gate_ = Parameter({width}, small, false);
  }
  auto formula(Row) const { return RowFormula(std::tuple(), formulas::Relu()); }

  void visit(ParameterVisitor& v) override {
    v("gain", gain_);
    v("gate", gate_);
  }
  Var finish(Context& context, const Var& z, const Var&) const override {
    Var r = rms_norm(z, context[gain_], eps_);
    if (!gate_.exists()) return r;
    return pointwise([](auto norm, auto a, auto g) { return sigmoid(g * a) * norm; }, r, z, context[gate_]);
  }

 private:
  Parameter gain_, gate_;
  double eps_;
};

}  // namespace

void RelaOptions::describe(Fields& f) {
  f("gate", gate, "multiplies the normalised output by a sigmoid of the output");
  f("eps", eps, "added to the mean square", above(0));
}

std::unique_ptr<ScoreNormalizer> RelaOptions::make(const NormalizerPlace& place) const {
  return std::make_unique<Rela>(place.heads * place.width, gate, eps);
}

}  // namespace tempera
