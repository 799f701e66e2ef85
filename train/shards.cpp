#include "train/shards.h"

#include <bit>
#include <exception>
#include <map>
#include <optional>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/task_arena.h>
#include <utility>

#include "train/distributed/tree_exchange.h"
#include "train/parallel_tasks.h"

namespace tempera {

namespace {

// How the gradients of so many shards are summed.
struct ShardTree {
  ShardTree(Ranks& ranks, Index shards, ShardRange own_, Index size, int threads)
      : own(own_), sum(shards, own, threads), exchange(ranks, shards, size) {}
  ShardRange own;
  TreeSum sum;
  TreeExchange exchange;
};

}  // namespace

// A tape with its contexts; as many as shards run at once.
struct ShardRunner::Worker {
  Worker(const Parameters& parameters, const Rng& rng)
      : training(tape, parameters, rng), evaluating(tape, parameters) {}
  Tape tape;
  Context training, evaluating;
};

struct ShardRunner::Impl {
  Impl(const Parameters& parameters_, const Rng& rng_, int threads_, int sums_, Ranks& ranks_)
      : parameters(parameters_), rng(rng_), ranks(ranks_), threads(threads_), sums(sums_), arena(threads_) {
    if (threads > tbb::info::default_concurrency())
      more_threads.emplace(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
  }

  const Parameters& parameters;
  Rng rng;
  Ranks& ranks;
  int threads, sums;
  bool watch = false, matrix_units = false;
  Profile* profile = nullptr;
  // oneTBB stops at the number of cores unless told; more threads than cores serve the tests of bit-equality.
  std::optional<tbb::global_control> more_threads;
  tbb::task_arena arena;
  std::mutex mutex;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Worker*> free;
  std::vector<Tensor> buffers;       // spare gradient buffers
  std::vector<Tensor> untouched;     // more of them, never written to: they take no memory yet
  std::size_t reserved = 0;          // how many there are of both kinds and at work
  std::map<Index, ShardTree> trees;  // by the number of shards
  // Of each shard; those of the step at hand.
  std::vector<std::exception_ptr> errors;
  std::vector<double> figures;  // the losses of all shards, then their sums; zero for shards of other ranks
  std::vector<double> terms;    // of add_up()
  ShardResult result;

  Worker* acquire() {
    const std::lock_guard lock(mutex);
    if (free.empty()) {
      workers.push_back(std::make_unique<Worker>(parameters, rng));
      free.push_back(workers.back().get());
    }
    Worker* worker = free.back();
    free.pop_back();
    return worker;
  }
  void release(Worker* worker) {
    const std::lock_guard lock(mutex);
    free.push_back(worker);
  }
  // The tree over so many shards, with as many buffers as it needs however the threads are delayed: nothing is
  // allocated any more, whatever happens.
  ShardTree& tree_of(Index shards) {
    const Index size = parameters.flat_size();
    ShardTree& tree = trees.try_emplace(shards, ranks, shards, own(shards), size, threads).first->second;
    const auto count = static_cast<std::size_t>(tree.own.count());
    const std::size_t depth = std::bit_width(count);
    std::size_t most = std::min(count, static_cast<std::size_t>(threads) * depth) + 1;
    if (ranks.size() > 1) most = std::min(count, most + 2 * depth) + 2;  // for what waits for other ranks and arrives
    buffers.reserve(most);
    for (; reserved < most; ++reserved) untouched.push_back(Tensor::empty({size}, parameters.dtype()));
    return tree;
  }
  ShardRange own(Index shards) const { return RankSplit(shards, ranks.size()).of(ranks.rank()); }
  Tensor spare() {
    bool used = true;
    Tensor buffer;
    {
      const std::lock_guard lock(mutex);
      used = !buffers.empty();
      std::vector<Tensor>& from = used ? buffers : untouched;
      buffer = std::move(from.back());
      from.pop_back();
    }
    if (!used) buffer.fill(0);  // what lies between parameters counts as well
    return buffer;
  }
  void recycle(Tensor buffer) {
    const std::lock_guard lock(mutex);
    buffers.push_back(std::move(buffer));
  }

  // Calls work(worker, shard) for every shard of this rank; the first exception by shard number is thrown on.
  template <class Work>
  void for_each_shard(Index shards, Work&& work) {
    const auto count = static_cast<std::size_t>(shards);
    const ShardRange range = own(shards);
    errors.assign(count, nullptr);
    figures.assign(count * static_cast<std::size_t>(1 + sums), 0);
    const auto one = [&](Index shard) {
      Worker* worker = acquire();
      worker->tape.set_threads(range.count() == 1 ? threads : 1);
      worker->tape.watch(watch);
      worker->tape.set_matrix_units(matrix_units);
      worker->tape.set_operation_probe(profile);
      if (profile) profile->begin();
      try {
        work(*worker, shard);
      } catch (...) {
        errors[static_cast<std::size_t>(shard)] = std::current_exception();
      }
      worker->tape.reset();
      if (profile) profile->mark("sum of gradients");
      release(worker);
    };
    if (range.count() <= 1 || profile) {
      for (Index shard = range.first; shard < range.last; ++shard) one(shard);
    } else {
      // In order of their numbers, so that siblings come close to one another and few buffers wait for a sum.
      arena.execute([&] { parallel_tasks(threads, range.first, range.last, one); });
    }
    for (const std::exception_ptr& error : errors)
      if (error) {
        trees.erase(shards);  // it may be half full
        reserved = buffers.size() + untouched.size();
        std::rethrow_exception(error);
      }
  }

  double& loss_of(Index shard) { return figures[static_cast<std::size_t>(shard)]; }
  std::span<double> sums_of(Index shard) {
    const auto width = static_cast<std::size_t>(sums);
    const std::size_t count = figures.size() / (1 + width);
    return std::span(figures).subspan(count + static_cast<std::size_t>(shard) * width, width);
  }

  const ShardResult& in_order(Index shards) {
    ranks.all_sum(figures);
    result.loss = 0;
    result.sums.assign(static_cast<std::size_t>(sums), 0);
    for (Index shard = 0; shard < shards; ++shard) {
      result.loss += loss_of(shard);
      const std::span<double> of_shard = sums_of(shard);
      for (std::size_t i = 0; i < of_shard.size(); ++i) result.sums[i] += of_shard[i];
    }
    return result;
  }
};

ShardRunner::ShardRunner(const Parameters& parameters, const Rng& rng, int threads, int sums, Ranks& ranks)
    : impl_(std::make_unique<Impl>(parameters, rng, threads, sums, ranks)) {}

ShardRunner::~ShardRunner() = default;

ShardRange ShardRunner::own(Index shards) const {
  return impl_->own(shards);
}

double ShardRunner::add_up(Index shards, FunctionRef<double(Index)> f) {
  std::vector<double>& terms = impl_->terms;
  terms.assign(static_cast<std::size_t>(shards), 0);
  const ShardRange range = own(shards);
  for (Index shard = range.first; shard < range.last; ++shard) terms[static_cast<std::size_t>(shard)] = f(shard);
  impl_->ranks.all_sum(terms);
  double sum = 0;
  for (const double term : terms) sum += term;
  return sum;
}

const ShardResult& ShardRunner::run(std::uint64_t step, Index shards, FunctionRef<Index(Index)> first_sample,
                                    Body body) {
  Impl& impl = *impl_;
  ShardTree& tree = impl.tree_of(shards);
  if (gradients_.defined()) impl.recycle(std::exchange(gradients_, Tensor()));
  const auto recycle = [&](Tensor buffer) { impl.recycle(std::move(buffer)); };
  impl.for_each_shard(shards, [&](Worker& worker, Index shard) {
    Tensor buffer = impl.spare();
    worker.training.set_gradients(buffer);
    worker.training.begin(step, first_sample(shard));
    {
      const Var loss = body(worker.training, shard, impl.sums_of(shard));
      impl.loss_of(shard) = loss.value().item();
      worker.tape.backward(loss);
    }
    worker.training.set_gradients(Tensor());
    tree.sum.add(shard, std::move(buffer), recycle);
  });
  gradients_ = tree.exchange.run(
      tree.sum, [&] { return impl.spare(); }, recycle);
  return impl.in_order(shards);
}

const ShardResult& ShardRunner::evaluate(Index shards, Body body) {
  Impl& impl = *impl_;
  impl.for_each_shard(shards, [&](Worker& worker, Index shard) {
    worker.evaluating.begin(0, 0);
    impl.loss_of(shard) = body(worker.evaluating, shard, impl.sums_of(shard)).value().item();
  });
  return impl.in_order(shards);
}

void ShardRunner::between(FunctionRef<void()> work) {
  impl_->arena.execute([&] { work(); });
}

std::size_t ShardRunner::peak_bytes() const {
  std::size_t total = 0;
  for (const auto& worker : impl_->workers) total += worker->tape.peak_bytes();
  return total;
}

void ShardRunner::watch(bool on) {
  impl_->watch = on;
}

void ShardRunner::use_matrix_units(bool on) {
  impl_->matrix_units = on;
}

void ShardRunner::observe(Profile* profile) {
  impl_->profile = profile;
}

}  // namespace tempera
