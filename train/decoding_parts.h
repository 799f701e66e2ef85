// Texts that go on from one past and never meet again, as drawn texts do: where there are several for each thread,
// every thread writes its own, so that it waits for the others once a token and not once an operation.
//
// Bits do not depend on the number of parts. Each part reads the prompt; the weights that are laid out for products are
// common to all.
#pragma once

#include "train/decoding.h"

namespace tempera {

class DecodingParts {
 public:
  // `rows` texts behind the prompt; see Decoding for `prompt` and `source`. `tokens`: how many are to be written, which
  // decides whether parts are worth reading the prompt in each.
  DecodingParts(const LanguageModel& language, std::span<const std::int32_t> prompt, const Tensor& source, Index rows,
                std::int64_t tokens);

  Index rows() const { return static_cast<Index>(at_.size()); }
  Index parts() const { return std::ssize(parts_); }
  // Of the next token of a text: a row of [.., V]; valid until keep() or append().
  struct Logits {
    const Tensor& all;
    Index row;
  };
  Logits logits(Index row) const;
  // Texts `rows` go on, in this order, which is that of their numbers; the others end. Leaves no logits.
  void keep(std::span<const Index> rows);
  // One token for each row. Throws Error unless there is one for each.
  void append(std::span<const std::int32_t> tokens);

 private:
  struct Place {
    std::size_t part;
    Index row;  // of the part; 0 while the part has not forked
  };
  std::size_t end_of(std::size_t part, std::size_t from) const;  // behind the last text of a part

  std::vector<std::unique_ptr<Decoding>> parts_;
  std::vector<Place> at_;
  bool forked_ = false;  // until then each part is the prompt alone
};

}  // namespace tempera
