#include "train/trainer_options.h"

#include <fmt/format.h>

namespace tempera {

void EvaluationOptions::describe(Fields& f) {
  f("every", every, "steps between evaluations; 0: only at the end", at_least(0));
  f("samples", samples, "of the validation set each time, spread evenly over it; 0: all", at_least(0));
  if (tests.of)
    f("tests", tests, "further test sets by name, each the options of `data` that it changes: `2x: {length: 128}`");
  f("outliers", outliers, "at the end also how far weights, activations and attention stand out");
  f("abstention", abstention, "at the end also how well doubts tell questions without an answer, targets of -1");
  f("heads", heads, "at the end also what the model is worth without one of its heads, and without idle ones");
}

void CheckpointOptions::describe(Fields& f) {
  f("every", every, "steps between checkpoints; 0: only at the end and where an evaluation is the best", at_least(0));
  f("keep", keep, "newest checkpoints that are kept, beside the best", at_least(1));
}

TrainerOptions::TrainerOptions() {
  clip.norm = 1;
  average.decay = 0;
}

void TrainerOptions::describe(Fields& f) {
  f("steps", steps, "updates of the parameters", at_least(0));
  f("batch", batch, "samples of a step; 0: the whole training set", at_least(0));
  f("accumulate", accumulate, "multiplies the batch: k times b gives the bits of 1 times k b; shard bounds the memory",
    at_least(1));
  f("shard", shard,
    "samples of a shard; 0: an eighth of the batch, or more. Part of the result's bits, threads are not", at_least(0));
  f("drop_last", drop_last, "leave out the last samples of an epoch that fill no batch");
  f("prefetch", prefetch, "batches that are read ahead", between(0, 64));
  f("seed", seed, "of initialisation, order of the data and dropout");
  f("threads", threads, "threads of a step; changes no bit", between(1, 1024));
  f("dtype", dtype, "type of parameters and arithmetic", one_of({"float32", "float64"}));
  f("matrix_units", matrix_units,
    "large products of float32 on the processor's matrix units (AMX): as exact, faster, other bits");
  f("watch", watch, "look at every value and gradient, and stop at the first that is not finite");
}

void TrainerOptions::describe_sections(Fields& f) {
  f("gradient", gradient, "what becomes of the gradient before it is clipped");
  f("clip", clip, "of the gradient");
  f("parameters", parameters, "which parameters are treated apart, by name");
  f("average", average, "of the weights over the steps; evaluated in their place");
  f("evaluate", evaluate, "on the validation set");
  f("stopping", stopping, "what the best evaluation is, and when to stop for want of a better one");
  f("checkpoint", checkpoint, "what a run can go on from");
}

std::vector<Problem> TrainerOptions::problems() const {
  if (batch == 0 && accumulate > 1)
    return {{"accumulate", fmt::format("{} times the whole training set came; a batch of 0 goes with 1", accumulate)}};
  if (batch > 0 && shard > batch * accumulate)
    return {{"shard", fmt::format("a shard of {} samples exceeds the batch of {}", shard, batch * accumulate)}};
  return {};
}

}  // namespace tempera
