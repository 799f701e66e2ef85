// Softmax over the visible keys.
#pragma once

#include "attention/row_normalizer.h"
#include "core/kernels/softmax_rows.h"

namespace tempera {

//   w_j = exp(s_j - max s) / sum exp(s - max s)                        Vaswani et al. 2017
//   ds = w (dw - <w, dw>)
// Unchanged by s -> s + c. The kernel `streaming`, which is an online softmax, runs it without a matrix of scores;
// where another algorithm of rows is named, the kernel is `blocks` (core/kernels/softmax_rows.h).
class Softmax : public RowNormalizer<Softmax> {
 public:
  explicit Softmax(kernels::SoftmaxAlgorithm algorithm = kernels::SoftmaxAlgorithm::automatic)
      : RowNormalizer({}), algorithm_(algorithm) {}

  // Whether the kernel `streaming` may stand in.
  bool streams() const {
    return algorithm_ == kernels::SoftmaxAlgorithm::automatic || algorithm_ == kernels::SoftmaxAlgorithm::online;
  }

  template <class T>
  void weigh(const WholeRow<T>& row, T* w) const {
    kernels::softmax_row(algorithm_, row.scores, w, row.size);
  }
  template <class T>
  void differentiate(const WholeRow<T>& row, const T* w, const RowGradient<T>& to) const {
    kernels::softmax_row_gradient(w, to.dw, to.ds, row.size, false);
  }

 private:
  kernels::SoftmaxAlgorithm algorithm_;
};

struct SoftmaxOptions : NormalizerOptions {
  std::string algorithm = "auto";

  void describe(Fields& f) override {
    const auto names = kernels::softmax_algorithm_names();
    f("algorithm", algorithm, "how a row is computed; auto: by its length", one_of({names.begin(), names.end()}));
  }
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace&) const override {
    return std::make_unique<Softmax>(kernels::softmax_algorithm(algorithm, "attention.normalizer"));
  }
};

}  // namespace tempera
