#include "attention/normalizers.h"

#include "attention/kind_of.h"
#include "attention/normalizers/sigmoid.h"
#include "attention/normalizers/softmax.h"
#include "attention/normalizers/ssmax.h"
#include "attention/normalizers/stablemax.h"

namespace tempera {
namespace {

constexpr Kind kKinds[] = {
    kind_of<SigmoidOptions>("sigmoid", "weights one by one, with a bias of -log n"),
    kind_of<SoftmaxOptions>("softmax", "exponentials over their sum"),
    kind_of<SSMaxOptions>("ssmax", "softmax of logits scaled by log n"),
    kind_of<StableMaxOptions>("stablemax", "softmax with linear growth in place of the exponential"),
};

}  // namespace

std::span<const Kind> normalizer_kinds() {
  return kKinds;
}

}  // namespace tempera
