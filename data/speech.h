// A tongue of few sounds: symbols that are held for some frames each, among noise, to be written down.
#pragma once

#include "data/generated.h"

namespace tempera {

// Sequence to sequence with vectors for a source. Of `symbols` kinds, fewest .. most are said one after another; each
// is its own vector, N(0, 1) in every entry, held for 2 .. `longest_hold` frames; 1 .. `longest_gap` frames of nothing
// lie between two of them; every entry of every frame has noise N(0, noise^2). Symbols come in the order in which they
// are to be written, so alignments are monotonic: the smallest relative of speech recognition (after Zhao et al. 2022,
// arXiv 2209.15176).
//   inputs float32 [frames, features] with lengths, frames = most longest_hold + (most - 1) longest_gap
//   targets int32 [most + 1]: the symbols and the end token, -1 behind; second_inputs: the same behind the begin token
// The vocabulary is the symbols, then the begin and the end token.
struct SpeechDataOptions : DrawnDataOptions {
  int symbols = 12, fewest = 6, most = 10;
  int longest_hold = 6, longest_gap = 3;
  int features = 16;
  double noise = 0.3;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
