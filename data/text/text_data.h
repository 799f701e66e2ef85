// Language modelling: windows of a stream of tokens, each token's target the one after it.
#pragma once

#include "data/source.h"

namespace tempera {

// Sample i is tokens [i * stride, i * stride + length]: inputs [length] all but the last, targets [length] all but the
// first. size() = 1 + (tokens - length - 1) / stride, rounded down; the stream must hold one window.
class TokenWindows final : public Dataset {
 public:
  // Throws Error where length or stride is below 1 or the stream is shorter than length + 1.
  TokenWindows(std::vector<std::int32_t> tokens, Index length, Index stride, Index vocabulary);
  std::span<const std::int32_t> tokens() const { return tokens_; }

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override;

 private:
  std::vector<std::int32_t> tokens_;
  Index length_, stride_;
};

struct TokenizerOptions : Options {
  std::string type = "characters";
  int vocab_size = 1024;
  std::optional<std::string> file;
  void describe(Fields& fields) override;
  // The tokenizer of the file, or one made of the text: byte pairs are learned from `train`, characters are those of
  // `all`. Only what the type needs is read of them. Throws Error(who, ...).
  std::shared_ptr<const Tokenizer> make(std::string_view train, std::string_view all, std::string_view who) const;
  bool learns() const { return !file && type == "byte-pairs"; }    // reads `train`
  bool collects() const { return !file && type == "characters"; }  // reads `all`
};

// The text is `corpus`, or a file, or every file below a folder (in the order of their paths). Documents are the files
// of a folder; those of a single text stand between separators.
//
// split contiguous: the last parts of the text are validation and test, cut behind the line break nearest after the
// fraction. split documents: each document draws its part (data/split.h). Documents of a part are joined, with the
// token
// <|endoftext|> after each where the tokenizer has it.
//
// Byte pairs are learned from the training part; characters are collected from the whole text, which must be UTF-8.
struct TextDataOptions : DataOptions {
  std::string corpus;
  std::string path;
  std::string cache;
  TokenizerOptions tokenizer;
  int length = 256;
  int stride = 1;
  std::string split = "contiguous";
  std::string separator = "\n\n";
  double valid = 0.05, test = 0.05;
  std::uint64_t seed = 0;

  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
