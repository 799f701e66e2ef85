// Methods that keep samples: ER, DER, DER++.
//
//   ER      L = L_stream + CE(memory)                                      (Chaudhry et al. 2019, arXiv:1902.10486)
//   DER     L = L_stream + alpha mean (z(memory) - z_then)^2
//   DER++   L = L_stream + alpha mean (z(memory) - z_then)^2 + beta CE(memory')     (Buzzega et al. 2020)
//
// Each term is a mean of its own: over its rows, for logits over all K outputs too. Each draw takes `batch` distinct
// samples of the buffer, or all where it has fewer. After the update every sample of the stream is offered to the
// buffer once, with the logits that the model gave it before. A buffer of 0 is fine-tuning.
#pragma once

#include "train/continual/method.h"

namespace tempera {

struct ReplayOptions : MethodOptions {
  std::int64_t buffer = 200;
  std::int64_t batch = 10;
  std::string selection = "reservoir";
  void describe(Fields& f) override;
  std::unique_ptr<ContinualMethod> make(const MethodPlace& place) const override;

  // Factors of a draw's cross-entropy and of the match of its logits.
  struct Term {
    double cross_entropy, match;
  };
  virtual std::vector<Term> terms() const = 0;
};

struct ErOptions : ReplayOptions {
  std::vector<Term> terms() const override { return {{1, 0}}; }
};

struct DerOptions : ReplayOptions {
  double alpha = 0.3;
  void describe(Fields& f) override;
  std::vector<Term> terms() const override { return {{0, alpha}}; }
};

struct DerppOptions : DerOptions {
  double beta = 0.5;
  void describe(Fields& f) override;
  std::vector<Term> terms() const override { return {{0, alpha}, {beta, 0}}; }
};

}  // namespace tempera
