// Texts in the columns of a table (data/csv.h): what class a text has, whether two texts belong together, or what is to
// be written when a text is read.
#pragma once

#include "data/csv.h"
#include "data/text/text_data.h"

namespace tempera {

// task classification: `target` names the class (classes are its distinct values, sorted) of the text, or, where
// `second` names a column too, of the pair of texts. task sequence_to_sequence: `target` is the text to be written; its
// begin and end are two tokens behind the tokenizer's own.
//
// Every sample has its own length: what stands behind it is never seen. Byte pairs are learned from the training part,
// characters are collected from the whole table. Rows are cut into parts by seed, but for those of parts that have
// files of their own, of the same form.
struct TextTableOptions : CsvFileOptions {
  std::string text = "text";
  std::string second;
  std::string target = "label";
  std::string task = "classification";
  TokenizerOptions tokenizer;
  int length = 256;
  std::string longer = "refuse";
  std::string valid_path, test_path;
  SplitOptions split;

  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
