#include "attention/normalizers/relu.h"

#include "attention/rowwise_normalizer.h"
#include "core/activation.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"

namespace tempera {
namespace {

enum class Form { relu, relu_squared, relu6, gelu, softplus, sigmoid, identity };
constexpr std::array<std::string_view, 7> kNames{"relu",     "relu_squared", "relu6",   "gelu",
                                                 "softplus", "sigmoid",      "identity"};

class Relu : public RowwiseNormalizer<Relu> {
 public:
  Relu(Form form, double alpha, const Parameter& gate)
      : RowwiseNormalizer({.rows_sum_to_one = false,
                           .needs_count = alpha != 0,
                           .sparse = form == Form::relu || form == Form::relu_squared || form == Form::relu6,
                           .negative = form == Form::gelu || form == Form::identity}),
        form_(form),
        alpha_(alpha),
        gate_(gate) {}

  void visit(ParameterVisitor& v) override { v("gate", gate_); }
  Var finish(Context& context, const Var& y, const Var& x) const override {
    return gate_.exists() ? y * linear(x, context[gate_], {}, Activation::sigmoid) : y;
  }

  auto formula(Row row) const {
    const double factor = std::exp(-alpha_ * row.log_count);
    return RowFormula(std::tuple(), [form = form_, factor](auto s) {
      switch (form) {
        case Form::relu: return formulas::Relu()(s) * factor;
        case Form::relu_squared: return square(formulas::Relu()(s)) * factor;
        case Form::relu6: return formulas::Relu()(where(s < 6, s, decltype(s)(6))) * factor;
        case Form::gelu: return formulas::Gelu()(s) * factor;
        case Form::softplus: return softplus(s) * factor;
        case Form::sigmoid: return sigmoid(s) * factor;
        default: return s * factor;
      }
    });
  }

 private:
  Form form_;
  double alpha_;
  Parameter gate_;
};

}  // namespace

void ReluOptions::describe(Fields& f) {
  f("activation", activation, "of each score", one_of({kNames.begin(), kNames.end()}));
  f("alpha", alpha, "power of the count of keys that divides; 1 keeps rows about as large as those of a softmax",
    between(0, 2));
  f("gate", gate, "multiplies the heads' outputs by a sigmoid of the token that asks");
}

std::unique_ptr<ScoreNormalizer> ReluOptions::make(const NormalizerPlace& place) const {
  const auto at = std::find(kNames.begin(), kNames.end(), activation) - kNames.begin();
  const Parameter weight({place.heads * place.width, place.d_model}, Init::fan_in(place.d_model));
  return std::make_unique<Relu>(static_cast<Form>(at), alpha, gate ? weight : Parameter());
}

}  // namespace tempera
