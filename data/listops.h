// ListOps: nested operations on digits, written as a sequence (Nangia & Bowman 2018; long ones: Tay et al. 2021, "Long
// Range Arena").
#pragma once

#include <span>

#include "data/generated.h"

namespace tempera {

// [MAX 2 9 [MIN 4 7 ] 0 ] = 9
//
// Operations: MIN, MAX, MED (the median; of two in the middle their mean without its fraction), SM (sum modulo 10).
// Tokens 0 .. 9 are digits, 10 .. 13 the operations with their bracket in that order, 14 the bracket that closes; the
// class is the value.
//   inputs int32 [longest] with lengths, targets int32 []
//
// A tree of depth d, counted from 1, is an operation with probability 1/4 where d < depth, else a digit; an operation
// has 2 .. arguments trees of depth d + 1, each number as likely. Trees of shortest .. longest tokens are kept. The
// defaults are those of the Long Range Arena, whose parentheses count no token and are left out (as in its own
// tokenizer since March 2021: before, brackets were lost and trees with them).
//
// A tree belongs to the part that its tokens choose (a hash modulo 10: 0 test, 1 validation, else training), and each
// part draws until it has one of its own. So no tree stands in two parts, however short trees are and however many
// samples are drawn.
//
// With `folder`, trees are read from basic_train.tsv, basic_val.tsv and basic_test.tsv in it: lines of Source, a tab,
// Target, behind a heading, as the Long Range Arena was published; then seed and counts are not looked at.
struct ListOpsDataOptions : DrawnSequencesOptions {
  ListOpsDataOptions() : DrawnSequencesOptions(501, 1999) {
    train = 96000;
    valid = test = 2000;
  }
  std::string folder;
  int depth = 10, arguments = 10;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// The value of a tree. Throws Error, with the place, for tokens that are none.
std::int32_t listops_value(std::span<const std::int32_t> tokens);

// The tokens of a text such as "[MAX 2 9 ]"; parentheses are left out. Throws Error(who) for any other word.
std::vector<std::int32_t> listops_tokens(std::string_view text, std::string_view who);
std::string listops_text(std::span<const std::int32_t> tokens);

}  // namespace tempera
