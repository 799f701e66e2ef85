// Sequences that a language model writes side by side, a token at a time.
//
//   Decoding texts(language, prompt);          // one row
//   texts.keep(std::vector<Index>{0, 0});      // two rows with the same past
//   for (...) texts.append({choice of texts.logits() for each row});
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "layers/model.h"
#include "losses/head.h"

namespace tempera {

// A trained model, ready to write. What it refers to must outlive it, and its parameters stay as they are while a
// Decoding lives.
struct LanguageModel {
  const Model& model;
  const Head& head;
  const Parameters& parameters;
  Index window = 0;                      // tokens that the model sees at once
  int threads = 1;                       // changes no bit
  std::optional<std::int32_t> end = {};  // the token that ends a text
  // Of an encoder-decoder: the token that a target begins behind. What is prompted is the source then.
  std::optional<std::int32_t> begin = {};
  Index source_window = 0;  // tokens of a source
};

class Decoding {
 public:
  // Reads the prompt; of one longer than the window its last tokens. `source` int32 [1, M] is what an encoder-decoder
  // reads. `like`: of the same model, whose weights are laid out already. Throws Error for an empty prompt.
  Decoding(const LanguageModel& language, std::span<const std::int32_t> prompt, Tensor source = {},
           const Decoding* like = nullptr);

  Index rows() const { return static_cast<Index>(texts_.size()); }
  const std::vector<std::int32_t>& text(Index row) const { return texts_[static_cast<std::size_t>(row)]; }

  // Of the next token: [rows, V], valid until keep() or append().
  const Tensor& logits() const { return logits_; }
  // Row i goes on from what row rows[i] was; rows fork, end, or change places. Leaves no logits.
  void keep(std::span<const Index> rows);
  // One token for each row. When the window is full, the state is made anew from its last half: what is written then
  // is what the full pass over that half gives. Throws Error unless there is one token for each row.
  void append(std::span<const std::int32_t> tokens);

 private:
  void read_last(Index count);
  void step(Index count);

  const LanguageModel language_;
  Tape tape_;
  Context context_;
  Tensor source_;
  std::vector<std::vector<std::int32_t>> texts_;
  std::unique_ptr<ModelState> state_;
  Tensor logits_;
};

}  // namespace tempera
