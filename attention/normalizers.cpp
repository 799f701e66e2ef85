#include "attention/normalizers.h"

#include "attention/normalizers/sigmoid.h"
#include "attention/normalizers/softmax.h"
#include "attention/normalizers/ssmax.h"
#include "attention/normalizers/stablemax.h"

namespace tempera {
namespace {

template <class T>
std::unique_ptr<Options> make() {
  return std::make_unique<T>();
}

constexpr Kind kKinds[] = {
    {"sigmoid", "weights one by one, with a bias of -log n", make<SigmoidOptions>},
    {"softmax", "exponentials over their sum", make<SoftmaxOptions>},
    {"ssmax", "softmax of logits scaled by log n", make<SSMaxOptions>},
    {"stablemax", "softmax with linear growth in place of the exponential", make<StableMaxOptions>},
};

}  // namespace

std::span<const Kind> normalizer_kinds() {
  return kKinds;
}

}  // namespace tempera
