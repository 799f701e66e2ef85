#include "train/continual/replay.h"

#include "data/permutation.h"
#include "train/continual/replay_buffer.h"

namespace tempera {
namespace {

class Replay final : public ContinualMethod {
 public:
  Replay(const ReplayOptions& options, const MethodPlace& place)
      : batch_(options.batch), classes_(place.stream.classes()) {
    for (const ReplayOptions::Term& term : options.terms()) {
      if (term.cross_entropy == 0 && term.match == 0) continue;
      terms_.push_back(term);
      draws_.emplace_back(place.seed, fmt::format("continual/replay/{}", draws_.size()));
      references_.push_back(term.match > 0 ? Tensor::zeros({batch_, classes_}, place.parameters.dtype()) : Tensor());
    }
    buffer_ = make_replay_buffer(options.selection, options.buffer, classes_, keeps_logits(), place.parameters.dtype(),
                                 Rng(place.seed, "continual/buffer"));
  }

  std::int64_t more_rows() const override {
    return std::ssize(terms_) * std::min<std::int64_t>(batch_, buffer_->room());
  }
  bool keeps_logits() const override {
    return std::any_of(references_.begin(), references_.end(), [](const Tensor& t) { return t.defined(); });
  }

  void begin_step(StepPlan& plan) override {
    const Index rows = std::min<Index>(batch_, buffer_->size());
    if (rows == 0) return;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const Permutation order(buffer_->size(), draws_[i].at_step(static_cast<std::uint64_t>(plan.step)));
      RowPart& part = plan.add();
      part.rows = rows;
      part.cross_entropy = terms_[i].cross_entropy;
      part.match = terms_[i].match;
      if (references_[i].defined()) part.reference = references_[i].rows(0, rows);
      for (Index row = 0; row < rows; ++row) {
        const Index slot = order(row);
        plan.drawn.push_back(buffer_->sample(slot));
        if (part.reference.defined()) buffer_->copy_logits(slot, part.reference, row);
      }
    }
  }

  void end_step(const StepPlan& plan) override {
    const Batch& stream = *plan.stream;
    for (Index row = 0; row < stream.size(); ++row)
      buffer_->offer(stream.ids.data<std::int32_t>()[row], stream.targets.data<std::int32_t>()[row], plan.logits, row);
  }

  Learner::State state() override { return buffer_->state(); }

 private:
  std::vector<ReplayOptions::Term> terms_;
  Index batch_, classes_;
  std::vector<Rng> draws_;          // of each term
  std::vector<Tensor> references_;  // room for the logits of a draw, where the term matches them
  std::unique_ptr<ReplayBuffer> buffer_;
};

}  // namespace

void ReplayOptions::describe(Fields& f) {
  f("buffer", buffer, "samples in memory", between(0, 1 << 24));
  f("batch", batch, "samples of a draw from memory", at_least(1));
  f("selection", selection, "which samples stay in memory: any as likely, or of each class as many",
    one_of({"reservoir", "balanced"}));
}

std::unique_ptr<ContinualMethod> ReplayOptions::make(const MethodPlace& place) const {
  return std::make_unique<Replay>(*this, place);
}

void DerOptions::describe(Fields& f) {
  ReplayOptions::describe(f);
  f("alpha", alpha, "factor of the mean squared distance of logits from those of then", at_least(0));
}

void DerppOptions::describe(Fields& f) {
  DerOptions::describe(f);
  f("beta", beta, "factor of the cross-entropy of the second draw", at_least(0));
}

}  // namespace tempera
