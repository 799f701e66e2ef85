// Proof that the contract of attention can fail: a flaw of each kind is caught by the promise that it breaks, and where
// there is no flaw no promise is broken.
#include <atomic>

#include "attention/score_mixer.h"
#include "core/ops/broadcast_to.h"
#include "core/ops/elementwise.h"
#include "core/ops/gradient_flow.h"
#include "core/ops/reductions.h"
#include "tests/attention/contract/attention_promises.h"
#include "tests/attention/contract/normalizer_promises.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

// --- Attentions ------------------------------------------------------------------------------------------

enum class Flaw {
  none,
  look_ahead,
  padding_leak,
  neighbour_leak,
  wrong_gradient,
  forgetful,
  wrong_memory,
  secret_order,
  hidden_state,
  coarse,
  stubborn_state,
  endless_memory,
  counts_threads
};

Var times(const Var& x, double factor) {
  return x * factor;
}

// Does not follow its sequences when they fork.
struct StubbornState : MixerState {
  explicit StubbornState(std::unique_ptr<MixerState> inner_) : inner(std::move(inner_)) {}
  void reorder(std::span<const Index> rows) override {
    std::vector<Index> none(rows.size(), 0);
    inner->reorder(none);
  }
  std::unique_ptr<MixerState> inner;
};

class FlawedMixer : public TokenMixer {
 public:
  FlawedMixer(std::unique_ptr<TokenMixer> inner, Flaw flaw) : inner_(std::move(inner)), flaw_(flaw) {
    extra_ = Tensor::empty({1}, DType::float64);
    Rng(static_cast<std::uint64_t>(count_++), "hidden").fill_uniform(extra_, 0.5, 1);
  }
  void visit(ParameterVisitor& v) override { v("inner", inner_); }

  Var forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory,
              const Tensor& memory_lengths) const override {
    Sequences seen = sequences;
    if (flaw_ == Flaw::look_ahead) seen.causal = false;
    if (flaw_ == Flaw::padding_leak) seen.lengths = {};
    Tensor hoard;
    if (flaw_ == Flaw::wrong_memory) hoard = context.tape().empty({x.dim(1), x.dim(1)}, x.dtype());
    const Tensor read = flaw_ == Flaw::endless_memory ? Tensor() : memory_lengths;
    return flawed(inner_->forward(context, x, seen, memory, read), x);
  }
  std::unique_ptr<MixerState> make_state(Index batch, Index capacity, DType dtype) const override {
    auto state = inner_->make_state(batch, capacity, dtype);
    if (flaw_ != Flaw::stubborn_state) return state;
    return std::make_unique<StubbornState>(std::move(state));
  }
  Var step(Context& context, const Var& x, MixerState& state, const Sequences& sequences) const override {
    const auto blank = inner_->make_state(x.dim(0), 19, x.dtype());
    Sequences alone = sequences;
    if (flaw_ == Flaw::forgetful) alone.start = 0;
    if (auto* stubborn = dynamic_cast<StubbornState*>(&state)) return inner_->step(context, x, *stubborn->inner, alone);
    return inner_->step(context, x, flaw_ == Flaw::forgetful ? *blank : state, alone);
  }

 private:
  Var flawed(const Var& y, const Var& x) const {
    switch (flaw_) {
      case Flaw::neighbour_leak: return y + times(broadcast_to(mean(x, {0}, true), x.shape()), 1e-3);
      case Flaw::wrong_gradient: return y + times(y - detach(y), 1e-3);
      case Flaw::hidden_state: return times(y, extra_.at(0));
      case Flaw::coarse: return times(y, x.dtype() == DType::float32 ? 1.001 : 1);
      case Flaw::counts_threads: return times(y, 1 + 1e-3 * x.tape().threads());
      case Flaw::secret_order: {
        Tensor places = Tensor::empty({x.dim(1), 1}, x.dtype());
        for (Index i = 0; i < x.dim(1); ++i) places.set(i, 1 + 1e-3 * static_cast<double>(i));
        return y * x.tape().constant(places);
      }
      default: return y;
    }
  }

  inline static int count_ = 0;
  std::unique_ptr<TokenMixer> inner_;
  Flaw flaw_;
  Tensor extra_;  // what no checkpoint keeps
};

struct FlawedAttention : AttentionOptions {
  explicit FlawedAttention(Flaw flaw_) : flaw(flaw_) { inner.heads = 3; }
  void describe(Fields&) override {}
  AttentionTraits traits() const override { return {}; }
  std::unique_ptr<TokenMixer> make(const AttentionPlace& place) const override {
    return std::make_unique<FlawedMixer>(inner.make(place), flaw);
  }
  ScoreMixerOptions inner;
  Flaw flaw;
};

std::vector<std::string> broken(const AttentionOptions& options) {
  std::vector<std::string> names;
  for (const AttentionPromise& promise : attention_promises())
    if (!promise.broken(options).empty()) names.emplace_back(promise.name);
  return names;
}

// --- Normalizers -----------------------------------------------------------------------------------------

enum class Slip {
  none,
  next_score,
  neighbour,
  gradient,
  sum,
  zeros,
  sign,
  count,
  pointwise,
  narrow,
  order,
  empty,
  again,
  head,
  moody
};

// The softmax with a slip.
class Slipped : public ScoreNormalizer {
 public:
  explicit Slipped(Slip slip) : slip_(slip) {}

  NormalizerTraits traits() const override {
    NormalizerTraits t = inner_.traits();
    if (slip_ == Slip::sum) t.rows_sum_to_one = false;
    if (slip_ == Slip::zeros) t.sparse = true;
    if (slip_ == Slip::sign) t.negative = true;
    if (slip_ == Slip::count) t.needs_count = true;
    if (slip_ == Slip::pointwise) t.reach = NormalizerTraits::Reach::pointwise;
    if (slip_ == Slip::order) t.ordered = true;
    return t;
  }
  void forward(const ScoreRows<float>& rows) const override { weigh(rows); }
  void forward(const ScoreRows<double>& rows) const override { weigh(rows); }
  void backward(const ScoreRows<float>& rows, const ScoreGradients<float>& g) const override { play(rows, g); }
  void backward(const ScoreRows<double>& rows, const ScoreGradients<double>& g) const override { play(rows, g); }

 private:
  template <class T>
  void weigh(const ScoreRows<T>& rows) const {
    // What the next row sees and this one must not.
    const auto leak = [&](Index r, Index column) {
      return rows.info[r].visible.count() > 0 && column < rows.stride ? rows.scores[r * rows.stride + column] : T(0);
    };
    // A score of the rows before, which may belong to another sequence.
    const Range first = rows.rows > 0 ? rows.info[0].visible : Range{};
    const double before = first.count() > 0 ? last_.exchange(static_cast<double>(rows.scores[first.first])) : 0;
    const int mood = calls_++;
    std::vector<T> leaked(static_cast<std::size_t>(rows.rows));
    for (Index r = 0; r < rows.rows; ++r) {
      const Index after = rows.info[r].visible.last;
      if (slip_ == Slip::next_score && r + 1 < rows.rows) leaked[static_cast<std::size_t>(r)] = leak(r, after);
      if (slip_ == Slip::neighbour) leaked[static_cast<std::size_t>(r)] = static_cast<T>(before);
    }
    inner_.forward(rows);
    for (Index r = 0; r < rows.rows; ++r) {
      T factor = 1 + T(1e-3) * leaked[static_cast<std::size_t>(r)];
      if (slip_ == Slip::head && rows.head == 1) factor *= T(1.001);
      if (slip_ == Slip::again && rows.again) factor *= T(1.001);
      if (slip_ == Slip::moody) factor *= 1 + T(1e-3) * static_cast<T>(mood);
      if (slip_ == Slip::narrow) factor *= 1 + T(1e-3) * static_cast<T>(sizeof(T) == 4);
      const Range seen = rows.info[r].visible;
      for (Index j = seen.first; j < seen.last; ++j) rows.weights[r * rows.stride + j] *= factor;
      if (slip_ == Slip::empty && seen.count() == 0 && rows.stride > 0) rows.weights[r * rows.stride] = 1;
    }
  }
  template <class T>
  void play(const ScoreRows<T>& rows, const ScoreGradients<T>& g) const {
    inner_.backward(rows, g);
    for (Index r = 0; r < rows.rows; ++r)
      for (Index j = rows.info[r].visible.first; j < rows.info[r].visible.last; ++j)
        if (slip_ == Slip::gradient) g.dscores[r * rows.stride + j] *= T(1) + T(1e-6);
  }

  Softmax inner_;
  Slip slip_;
  mutable std::atomic<int> calls_ = 0;
  mutable std::atomic<double> last_ = 0;
};

std::vector<std::string> broken(const ScoreNormalizer& normalizer) {
  std::vector<std::string> names;
  for (const NormalizerPromise& promise : normalizer_promises())
    if (!promise.broken(normalizer).empty()) names.emplace_back(promise.name);
  return names;
}

// What no mutant of a list breaks.
template <class Promises, class Caught>
std::vector<std::string> unproved(const Promises& promises, const Caught& caught) {
  std::vector<std::string> names;
  for (const auto& promise : promises)
    if (std::ranges::none_of(caught, [&](const auto& pair) { return pair.second == promise.name; }))
      names.emplace_back(promise.name);
  return names;
}

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("the contract catches an attention of every flaw", "[attention][contract]") {
  CHECK(broken(FlawedAttention(Flaw::none)) == std::vector<std::string>{});
  const std::vector<std::pair<Flaw, std::string_view>> all{
      {Flaw::look_ahead, "no look-ahead"},
      {Flaw::look_ahead, "decoding"},
      {Flaw::padding_leak, "padding changes nothing"},
      {Flaw::padding_leak, "empty sequences"},
      {Flaw::neighbour_leak, "neighbours change nothing"},
      {Flaw::wrong_gradient, "gradients"},
      {Flaw::forgetful, "decoding"},
      {Flaw::wrong_memory, "memory"},
      {Flaw::secret_order, "the order of tokens"},
      {Flaw::hidden_state, "checkpoint"},
      {Flaw::coarse, "float32 agrees with float64"},
      {Flaw::stubborn_state, "forks of a decoder"},
      {Flaw::endless_memory, "cross attention"},
      {Flaw::counts_threads, "the same bits on any number of threads"}};
  CHECK(unproved(attention_promises(), all) == std::vector<std::string>{});
  for (const auto& [flaw, promise] : all) {
    INFO("flaw " << static_cast<int>(flaw) << ", " << promise);
    CHECK(holds(broken(FlawedAttention(flaw)), promise));
  }
}

TEST_CASE("the contract catches a normalizer of every slip", "[attention][contract]") {
  CHECK(broken(Slipped(Slip::none)) == std::vector<std::string>{});
  const std::vector<std::pair<Slip, std::string_view>> all{{Slip::next_score, "no look-ahead"},
                                                           {Slip::neighbour, "padding and neighbours change nothing"},
                                                           {Slip::gradient, "gradients"},
                                                           {Slip::sum, "sums, zeros and signs"},
                                                           {Slip::zeros, "sums, zeros and signs"},
                                                           {Slip::sign, "sums, zeros and signs"},
                                                           {Slip::count, "count of keys"},
                                                           {Slip::pointwise, "reach"},
                                                           {Slip::narrow, "float32 agrees with float64"},
                                                           {Slip::order, "the order of tokens"},
                                                           {Slip::empty, "rows without a visible key"},
                                                           {Slip::again, "every form is the definition"},
                                                           {Slip::head, "sums, zeros and signs"},
                                                           {Slip::moody, "the same bits on any number of threads"},
                                                           {Slip::moody, "grouped queries"}};
  CHECK(unproved(normalizer_promises(), all) == std::vector<std::string>{});
  for (const auto& [slip, promise] : all) {
    INFO("slip " << static_cast<int>(slip) << ", " << promise);
    CHECK(holds(broken(Slipped(slip)), promise));
  }
}
