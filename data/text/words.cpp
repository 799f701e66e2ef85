#include "data/text/words.h"

#include <array>

#include "data/text/utf8.h"

namespace tempera {
namespace {

enum class Class { letter, number, space, other, broken };

struct Piece {
  Class kind;
  std::size_t length;
};

Piece classify(std::string_view text, std::size_t at) {
  const CodePoint c = code_point(text, at);
  if (c.length == 0) return {Class::broken, 1};
  if (is_letter(c.value)) return {Class::letter, c.length};
  if (is_number(c.value)) return {Class::number, c.length};
  return {is_space(c.value) ? Class::space : Class::other, c.length};
}

std::size_t contraction(std::string_view text) {
  constexpr std::array<std::string_view, 7> kEndings = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (const std::string_view ending : kEndings)
    if (text.starts_with(ending)) return ending.size();
  return 0;
}

// Where a run of `kind` that begins at `at` ends; `last` becomes the beginning of its last code point.
std::size_t run_end(std::string_view text, std::size_t at, Class kind, std::size_t& last) {
  while (at < text.size()) {
    const Piece piece = classify(text, at);
    if (piece.kind != kind) break;
    last = at;
    at += piece.length;
  }
  return at;
}

std::size_t word_end(std::string_view text, std::size_t at) {
  if (const std::size_t length = contraction(text.substr(at))) return at + length;
  Class kind = classify(text, at).kind;
  std::size_t begin = at, last = at;
  if (text[at] == ' ' && at + 1 < text.size()) {
    const Class next = classify(text, at + 1).kind;
    if (next != Class::space && next != Class::broken) {
      kind = next;
      begin = at + 1;
    }
  }
  const std::size_t end = run_end(text, begin, kind, last);
  // White space before a word leaves its last character to that word.
  return kind == Class::space && end < text.size() && last > at ? last : end;
}

}  // namespace

std::string_view next_word(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  at = word_end(text, begin);
  return text.substr(begin, at - begin);
}

}  // namespace tempera
