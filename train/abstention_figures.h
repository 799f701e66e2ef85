// Whether a model's doubts tell the questions that have no answer.
#pragma once

#include "train/experiment.h"

namespace tempera {

// Of a classification by the softmax whose set has targets that take no part (`head.ignore_index`): questions without
// an answer. Three doubts are compared, each on average over heads and attentions at the token that the model reads, or
// over all tokens where it reads their mean:
//   vacuity   U = n / (n + sum exp(s)), how little evidence the scores are (attention/normalizers/credal.h)
//   entropy   of the weights, in nats
//   doubt     1 - the largest probability of the output
// each with `_auroc`: the probability that it is larger for a question without an answer than for one with an answer.
//   vacuity_gain           that of the vacuity minus that of the entropy
//   confident_errors       the share of questions without an answer whose largest probability exceeds one half
//   confident_errors_left  the same, when the model abstains where the vacuity exceeds that of 95 % of the questions
//                          that have an answer
// Ji, Song & Huang 2025, Credal Transformer (arXiv 2510.12137). NaN where a set has questions of one kind alone;
// nothing for other tasks and heads. Over `samples` spread evenly over the set. The evaluation `evaluate.abstention`
// asks for it.
NamedValues abstention_figures(Experiment& experiment, const Dataset& set, std::int64_t samples);

}  // namespace tempera
