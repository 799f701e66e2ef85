#include "data/text/number_tokenizer.h"

#include <charconv>

#include "core/error.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "numbers", kSpaces = " \t\r\n";

}  // namespace

void NumberTokenizer::encode(std::string_view text, std::vector<std::int32_t>& out) const {
  for (std::size_t at = text.find_first_not_of(kSpaces); at != std::string_view::npos;) {
    const std::string_view word = text.substr(at, text.find_first_of(kSpaces, at) - at);
    std::int32_t token = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), token);
    require(error == std::errc() && end == word.data() + word.size() && token >= 0 && token < vocabulary_, kWho,
            "'{}' at offset {} is no token; the tokens of this model are the numbers from 0 to {}, with spaces between "
            "them",
            word, at, vocabulary_ - 1);
    out.push_back(token);
    at = text.find_first_not_of(kSpaces, at + word.size());
  }
}

std::string NumberTokenizer::decode(std::span<const std::int32_t> tokens) const {
  std::string text;
  for (const std::int32_t token : tokens) text += fmt::format("{} ", token);
  return text;
}

std::string NumberTokenizer::to_json() const {
  fail(kWho, "tokens that are mere numbers have no tokenizer.json");
}

}  // namespace tempera
