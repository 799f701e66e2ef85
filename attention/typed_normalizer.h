// The functions of a normalizer for both types of numbers, out of two templates of the adapter that derives from this:
// run_forward(rows) and run_backward(rows, gradients).
#pragma once

#include "attention/normalizer.h"

namespace tempera {

template <class Adapter>
class TypedNormalizer : public ScoreNormalizer {
 public:
  NormalizerTraits traits() const final { return traits_; }
  void forward(const ScoreRows<float>& rows) const final { adapter().run_forward(rows); }
  void forward(const ScoreRows<double>& rows) const final { adapter().run_forward(rows); }
  void backward(const ScoreRows<float>& rows, const ScoreGradients<float>& g) const final {
    adapter().run_backward(rows, g);
  }
  void backward(const ScoreRows<double>& rows, const ScoreGradients<double>& g) const final {
    adapter().run_backward(rows, g);
  }

 protected:
  explicit TypedNormalizer(const NormalizerTraits& traits) : traits_(traits) {}
  NormalizerTraits traits_;

 private:
  const Adapter& adapter() const { return static_cast<const Adapter&>(*this); }
};

}  // namespace tempera
