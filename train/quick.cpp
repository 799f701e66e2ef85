#include "train/quick.h"

#include <chrono>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/hash.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/linear.h"
#include "core/random.h"
#include "data/digits.h"

namespace tempera {
namespace {

constexpr Index kClasses = 10;

// The parameters of the network as views of one buffer, so that the optimizer is one loop.
class Network {
 public:
  Network(Index inputs, const QuickConfig& config) {
    const Index width = config.width;
    const std::vector<Shape> shapes{{width, inputs}, {width}, {width, width}, {width}, {kClasses, width}, {kClasses}};
    constexpr Index kAligned = 16;  // elements: every view begins a cache line
    std::vector<Index> offsets{0};
    for (const Shape& shape : shapes)
      offsets.push_back((offsets.back() + shape.size() + kAligned - 1) / kAligned * kAligned);
    flat = Tensor::zeros({offsets.back()}, config.dtype);
    grad = Tensor::zeros({offsets.back()}, config.dtype);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      values_.push_back(flat.view(offsets[i], shapes[i]));
      grads_.push_back(grad.view(offsets[i], shapes[i]));
      parameters += shapes[i].size();
      // He et al. 2015; biases begin at 0.
      if (shapes[i].rank() == 2)
        Rng(static_cast<std::uint64_t>(config.seed), fmt::format("init/{}", i))
            .fill_normal(values_[i], 0, std::sqrt(2.0 / static_cast<double>(shapes[i].back())));
    }
  }

  // x [N, 64] -> logits [N, 10]
  Var operator()(const Var& x) {
    const auto parameter = [&](std::size_t i) { return x.tape().parameter(values_[i], grads_[i]); };
    const Var h1 = linear(x, parameter(0), parameter(1), Activation::gelu);
    const Var h2 = linear(h1, parameter(2), parameter(3), Activation::gelu);
    return linear(h2, parameter(4), parameter(5));
  }

  Tensor flat, grad;
  Index parameters = 0;

 private:
  std::vector<Tensor> values_, grads_;
};

// Loshchilov & Hutter 2019:  m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
//   w -= rate (m' / (sqrt(v') + eps) + decay w),  m' = m / (1 - b1^t),  v' = v / (1 - b2^t)
class AdamW {
 public:
  explicit AdamW(const Tensor& like)
      : m_(Tensor::zeros(like.shape(), like.dtype())), v_(Tensor::zeros(like.shape(), like.dtype())) {}

  void step(Tensor& weights, const Tensor& grad, double rate, double decay) {
    ++steps_;
    dispatch(weights.dtype(), [&]<class T>(Type<T>) {
      const T b1 = T(0.9), b2 = T(0.999), eps = T(1e-8);
      const T c1 = 1 - std::pow(b1, static_cast<T>(steps_)), c2 = 1 - std::pow(b2, static_cast<T>(steps_));
      auto w = weights.vec<T>(), m = m_.vec<T>(), v = v_.vec<T>();
      const auto g = grad.vec<T>();
      m = b1 * m + (1 - b1) * g;
      v = b2 * v + (1 - b2) * g.square();
      w -= static_cast<T>(rate) * (m / c1 / ((v / c2).sqrt() + eps) + static_cast<T>(decay) * w);
    });
  }

 private:
  Tensor m_, v_;
  std::int64_t steps_ = 0;
};

// Rows order[first .. first + count) of the digits.
Digits gather(const Digits& all, std::span<const std::int32_t> order) {
  const auto count = static_cast<Index>(order.size());
  Digits some{Tensor::empty(all.pixels.shape().with(0, count), all.pixels.dtype()),
              Tensor::empty({count}, DType::int32)};
  for (Index i = 0; i < count; ++i) {
    const Index row = order[static_cast<std::size_t>(i)];
    some.pixels.rows(i, 1).copy_from(all.pixels.rows(row, 1));
    some.classes.rows(i, 1).copy_from(all.classes.rows(row, 1));
  }
  return some;
}

double accuracy(Network& network, const Digits& digits, Tape& tape) {
  tape.reset();
  const Tape::Pause pause(tape);
  const Tensor logits = network(tape.constant(digits.pixels)).value();
  Index right = 0;
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    for (Index row = 0; row < logits.dim(0); ++row) {
      Index best = 0;
      logits.mat<T>().row(row).maxCoeff(&best);
      right += best == digits.classes.data<std::int32_t>()[row];
    }
  });
  return static_cast<double>(right) / static_cast<double>(logits.dim(0));
}

std::uint64_t hash(const Tensor& tensor) {
  return fnv1a({static_cast<const char*>(tensor.raw()), tensor.bytes()});
}

// A line per tenth of the run in a file; on a terminal a bar that is drawn over.
class Progress {
 public:
  Progress(std::FILE* out, bool terminal, std::int64_t epochs) : out_(out), terminal_(terminal), epochs_(epochs) {}

  void epoch(std::int64_t done, double loss, double test_accuracy) {
    if (!out_) return;
    const std::string text = fmt::format("epoch {:>{}}/{}  loss {:.4f}  test accuracy {:.4f}", done,
                                         std::to_string(epochs_).size(), epochs_, loss, test_accuracy);
    if (terminal_) {
      constexpr std::int64_t kBar = 30;
      const auto filled = static_cast<std::size_t>(kBar * done / epochs_);
      fmt::print(out_, "\r[{}{}] {}{}", std::string(filled, '='), std::string(kBar - filled, ' '), text,
                 done == epochs_ ? "\n" : "");
    } else if (done * 10 / epochs_ != (done - 1) * 10 / epochs_) {
      fmt::print(out_, "{}\n", text);
    }
    std::fflush(out_);
  }

 private:
  std::FILE* out_;
  bool terminal_;
  std::int64_t epochs_;
};

}  // namespace

QuickResult run_quick(const QuickConfig& config, std::FILE* out, bool terminal) {
  const auto seed = static_cast<std::uint64_t>(config.seed);
  Digits digits = read_digits(config.data);
  digits.pixels = digits.pixels.to(config.dtype);
  const auto count = static_cast<std::int32_t>(digits.classes.size());
  const std::vector<std::int32_t> split = Rng(seed, "split").permutation(count);
  const std::size_t held_out = split.size() / 5;
  const Digits test = gather(digits, std::span(split).first(held_out));
  const Digits train = gather(digits, std::span(split).subspan(held_out));
  const auto train_size = static_cast<std::int32_t>(train.classes.size());
  require(train_size >= config.batch, "train", "batch is {}, but {} digits are left to train on", config.batch,
          train_size);

  Network network(digits.pixels.dim(1), config);
  AdamW optimizer(network.flat);
  Tape tape(static_cast<int>(config.threads));
  Progress progress(out, terminal, config.epochs);
  if (out)
    fmt::print(out, "run digits  seed {}  config {:016x}  tempera {}  {}  {} parameters, {} digits, {} held out\n",
               config.seed, fnv1a(config.text()), TEMPERA_VERSION, config.dtype, network.parameters, count, held_out);

  const auto start = std::chrono::steady_clock::now();
  const std::int64_t per_epoch = train_size / config.batch, total = config.epochs * per_epoch;
  QuickResult result;
  for (std::int64_t epoch = 0; epoch < config.epochs; ++epoch) {
    const auto order = Rng(seed, "order", static_cast<std::uint64_t>(epoch)).permutation(train_size);
    double sum = 0;
    for (std::int64_t i = 0; i < per_epoch; ++i, ++result.steps) {
      const auto first = static_cast<std::size_t>(i * config.batch), size = static_cast<std::size_t>(config.batch);
      const Digits batch = gather(train, std::span(order).subspan(first, size));
      tape.reset();
      const Var loss = cross_entropy(network(tape.constant(batch.pixels)), batch.classes);
      tape.backward(loss);
      sum += loss.value().item();
      require(std::isfinite(sum), "train", "the loss is {} at step {}; lower learning_rate", loss.value().item(),
              result.steps);
      const double part = static_cast<double>(result.steps) / static_cast<double>(total);
      const double rate = config.learning_rate / 2 * (1 + std::cos(std::numbers::pi * part));
      optimizer.step(network.flat, network.grad, rate, config.weight_decay);
    }
    result.loss = sum / static_cast<double>(per_epoch);
    result.accuracy = accuracy(network, test, tape);
    progress.epoch(epoch + 1, result.loss, result.accuracy);
  }
  result.weights = hash(network.flat);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (out)
    fmt::print(out, "done  {} steps in {:.1f} s  test accuracy {:.4f}  weights fnv1a {:016x}\n", result.steps,
               seconds.count(), result.accuracy, result.weights);
  return result;
}

}  // namespace tempera
