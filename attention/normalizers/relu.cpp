#include "attention/normalizers/relu.h"

#include "attention/rowwise_normalizer.h"
#include "core/activation.h"

namespace tempera {
namespace {

enum class Activate { relu, relu_squared, relu6, gelu, softplus, sigmoid, identity };
constexpr std::array<std::string_view, 7> kNames{"relu",     "relu_squared", "relu6",   "gelu",
                                                 "softplus", "sigmoid",      "identity"};

class Relu : public RowwiseNormalizer<Relu> {
 public:
  Relu(Activate kind, double alpha)
      : RowwiseNormalizer(
            {.rows_sum_to_one = false,
             .needs_count = alpha != 0,
             .sparse = kind == Activate::relu || kind == Activate::relu_squared || kind == Activate::relu6,
             .negative = kind == Activate::gelu || kind == Activate::identity}),
        kind_(kind),
        alpha_(alpha) {}

  auto formula(Row row) const {
    const double factor = std::exp(-alpha_ * row.log_count);
    return RowFormula(std::tuple(), [kind = kind_, factor](auto s) {
      switch (kind) {
        case Activate::relu: return formulas::Relu()(s) * factor;
        case Activate::relu_squared: return square(formulas::Relu()(s)) * factor;
        case Activate::relu6: return formulas::Relu()(where(s < 6, s, decltype(s)(6))) * factor;
        case Activate::gelu: return formulas::Gelu()(s) * factor;
        case Activate::softplus: return softplus(s) * factor;
        case Activate::sigmoid: return sigmoid(s) * factor;
        default: return s * factor;
      }
    });
  }

 private:
  Activate kind_;
  double alpha_;
};

}  // namespace

void ReluOptions::describe(Fields& f) {
  f("activation", activation, "of each score", one_of({kNames.begin(), kNames.end()}));
  f("alpha", alpha, "power of the count of keys that divides; 1 keeps rows about as large as those of a softmax",
    between(0, 2));
}

std::unique_ptr<ScoreNormalizer> ReluOptions::make(const NormalizerPlace&) const {
  const auto at = std::find(kNames.begin(), kNames.end(), activation) - kNames.begin();
  return std::make_unique<Relu>(static_cast<Activate>(at), alpha);
}

}  // namespace tempera
