// From choices and data to what is trained: a model with its attention and a head of the right sizes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/fields.h"
#include "data/source.h"
#include "train/model_learner.h"

namespace tempera {

// Why the model's positions do not reach as far as a sample of this kind does; empty where they do.
std::vector<std::string> length_problems(const Choice& model, const Description& sample);
// What mixes the tokens of a transformer: its own tokens, and those of a memory.
struct Attentions {
  const Choice& own;
  const Choice& cross;  // of cross_attention_kinds()
};

// Refuses, before anything trains, what does not go together, with every reason at once: an answer for each token where
// the task wants one for a sample, pairs that nobody reads, targets that the head cannot take, sequences longer than
// the positions, a tied head without a table of tokens, losses of parts under recomputation. The choices must outlive
// the learner.
std::unique_ptr<ModelLearner> make_learner(const Choice& model, const Attentions& attentions, const Choice& head,
                                           const DataSource& data, DType dtype);
// The same before it is put together, for learners with more to it.
LearnerParts make_learner_parts(const Choice& model, const Attentions& attentions, const Choice& head,
                                const DataSource& data, DType dtype);

}  // namespace tempera
