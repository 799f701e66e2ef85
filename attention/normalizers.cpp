#include "attention/normalizers.h"

#include "attention/normalizers/adaptive_temperature.h"
#include "attention/normalizers/credal.h"
#include "attention/normalizers/entmax.h"
#include "attention/normalizers/power.h"
#include "attention/normalizers/qknorm.h"
#include "attention/normalizers/qr.h"
#include "attention/normalizers/quantum.h"
#include "attention/normalizers/rela.h"
#include "attention/normalizers/relu.h"
#include "attention/normalizers/reluformer.h"
#include "attention/normalizers/sa_softmax.h"
#include "attention/normalizers/scaled_softmax.h"
#include "attention/normalizers/sigmoid.h"
#include "attention/normalizers/sinkhorn.h"
#include "attention/normalizers/softmax.h"
#include "attention/normalizers/softplus.h"
#include "attention/normalizers/ssmax.h"
#include "attention/normalizers/stablemax.h"
#include "attention/normalizers/topk_softmax.h"
#include "core/kind_of.h"

namespace tempera {
namespace {

constexpr Kind kKinds[] = {
    kind_of<AdaptiveTemperatureOptions>("adaptive_temperature", "softmax, sharper in evaluation where a row is spread"),
    kind_of<CredalOptions>("credal", "the mean of a Dirichlet distribution, with scores as evidence"),
    kind_of<EntmaxOptions>("entmax", "between softmax and sparsemax, with exact zeros; alpha may be learned"),
    kind_of<PowerOptions>("power", "an even power of the score over its sum"),
    kind_of<QKNormOptions>("qknorm", "softmax of cosines at a learned scale"),
    kind_of<QROptions>("qr", "squares of an orthogonal factor: columns sum to one too; bidirectional, few tokens"),
    kind_of<QuantumOptions>("quantum", "a simulated circuit: columns sum to one too; bidirectional, few tokens"),
    kind_of<RelaOptions>("rela", "ReLU of the scores; the heads' outputs are normalised and gated"),
    kind_of<ReluOptions>("relu", "ReLU or another activation of the scores over a power of their count"),
    kind_of<ReluformerOptions>("reluformer", "ReLU of the scores, with the variance of the values"),
    kind_of<SASoftmaxOptions>("sa_softmax", "softmax times the score, which keeps saturated rows learning"),
    kind_of<ScaledSoftmaxOptions>("scaled_softmax", "softmax with a learned factor for each token and head"),
    kind_of<SigmoidOptions>("sigmoid", "weights one by one, with a bias of -log n"),
    kind_of<SinkhornOptions>("sinkhorn", "rows and columns sum to one; bidirectional only, whole matrices"),
    kind_of<SoftmaxOptions>("softmax", "exponentials over their sum"),
    kind_of<SoftplusOptions>("softplus", "softplus of scaled cosines over its sum, sharpened by a power"),
    kind_of<SparsemaxOptions>("sparsemax", "the nearest point of the simplex, with exact zeros"),
    kind_of<SSMaxOptions>("ssmax", "softmax of logits scaled by log n"),
    kind_of<StableMaxOptions>("stablemax", "softmax with linear growth in place of the exponential"),
    kind_of<TopkSoftmaxOptions>("topk_softmax", "softmax of the k largest scores"),
};

}  // namespace

std::span<const Kind> normalizer_kinds() {
  return kKinds;
}

}  // namespace tempera
