#include "data/text/text_data.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "data/contents.h"
#include "data/split.h"
#include "data/text/byte_pairs.h"
#include "data/text/characters.h"
#include "data/text/corpus.h"
#include "data/text/utf8.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWho = "text data";
constexpr std::string_view kEnd = "<|endoftext|>";

struct Document {
  std::string name, text;
};

using Documents = std::vector<Document>;

std::vector<Document> read_documents(const TextDataOptions& options) {
  if (!options.corpus.empty()) return {{"corpus " + options.corpus, read_corpus(options.corpus, options.cache)}};
  std::vector<Document> documents;
  const fs::path path = options.path;
  std::vector<fs::path> files = {path};
  if (fs::is_directory(path)) files = files_below(path, kWho);
  for (const fs::path& file : files) documents.push_back({file.string(), read_contents(file, kWho)});
  require(std::any_of(documents.begin(), documents.end(), [](const Document& d) { return !d.text.empty(); }), kWho,
          "'{}' holds no text", options.path);
  return documents;
}

void check_utf8(const Documents& documents) {
  for (const Document& d : documents)
    if (const std::optional<std::size_t> at = invalid_utf8(d.text))
      fail(kWho, "{}: byte {}: {:#04x} is not UTF-8; convert the text, or choose tokenizer.type bytes", d.name, *at,
           static_cast<unsigned char>(d.text[*at]));
}

Documents separate(Document whole, const std::string& separator) {
  Documents parts;
  for (std::size_t at = 0; at < whole.text.size();) {
    const std::size_t found = separator.empty() ? std::string::npos : whole.text.find(separator, at);
    const std::size_t end = found == std::string::npos ? whole.text.size() : found + separator.size();
    parts.push_back({whole.name, whole.text.substr(at, end - at)});
    at = end;
  }
  return parts;
}

// Behind the first line break at or after `at`; without one, at the next code point.
std::size_t cut_after(std::string_view text, std::size_t at) {
  if (at == 0 || at >= text.size()) return std::min(at, text.size());
  if (const std::size_t line = text.find('\n', at - 1); line != std::string_view::npos) return line + 1;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u) ++at;
  return at;
}

using Parts = std::array<Documents, 3>;  // train, valid, test

Parts cut_contiguous(const Documents& documents, const TextDataOptions& options) {
  std::string text;
  for (const Document& d : documents) text += d.text;
  const auto place = [&](double fraction) {
    return cut_after(text, static_cast<std::size_t>(fraction * static_cast<double>(text.size())));
  };
  const std::size_t valid = place(1 - options.valid - options.test);
  const std::size_t test = options.test > 0 ? std::max(valid, place(1 - options.test)) : text.size();
  const auto part = [&](std::size_t first, std::size_t last) {
    return Documents{{"", text.substr(first, last - first)}};
  };
  return {part(0, valid), part(valid, test), part(test, text.size())};
}

Parts cut_documents(Documents documents, const TextDataOptions& options) {
  if (documents.size() == 1) documents = separate(std::move(documents.front()), options.separator);
  Split indices;
  indices = split(static_cast<std::int64_t>(documents.size()), options.valid, options.test, options.seed);
  Parts parts;
  const std::array all{&indices.train, &indices.valid, &indices.test};
  for (std::size_t p = 0; p < 3; ++p)
    for (const std::int32_t i : *all[p]) parts[p].push_back(std::move(documents[static_cast<std::size_t>(i)]));
  return parts;
}

std::string joined(const Documents& documents, std::string_view between) {
  std::string text;
  for (const Document& d : documents) (text += d.text) += between;
  return text;
}

}  // namespace

TokenWindows::TokenWindows(std::vector<std::int32_t> tokens, Index length, Index stride, Index vocabulary)
    : Dataset(length > 0 && stride > 0 && static_cast<Index>(tokens.size()) > length
                  ? 1 + (static_cast<Index>(tokens.size()) - length - 1) / stride
                  : 0,
              {.inputs = {length},
               .input_type = DType::int32,
               .targets = {length},
               .vocabulary = vocabulary,
               .classes = vocabulary}),
      tokens_(std::move(tokens)),
      length_(length),
      stride_(stride) {
  require(length > 0 && stride > 0, "TokenWindows", "length {} and stride {} came; at least 1 was wanted", length,
          stride);
  require(size() > 0, "TokenWindows", "{} tokens came; a window of length {} takes {}", tokens_.size(), length,
          length + 1);
}

void TokenWindows::put(std::int64_t sample, Index row, Batch& out) const {
  const std::int32_t* from = tokens_.data() + sample * stride_;
  const std::size_t bytes = static_cast<std::size_t>(length_) * sizeof(std::int32_t);
  std::memcpy(out.inputs.data<std::int32_t>() + row * length_, from, bytes);
  std::memcpy(out.targets.data<std::int32_t>() + row * length_, from + 1, bytes);
}

void TokenizerOptions::describe(Fields& f) {
  f("type", type, "characters, bytes, or byte-pairs learned from the training part",
    one_of({"characters", "bytes", "byte-pairs"}));
  f("vocab_size", vocab_size, "tokens of byte-pairs", between(257, 1 << 20));
  f("file", file, "a tokenizer.json to use instead");
}

std::shared_ptr<const Tokenizer> TokenizerOptions::make(std::string_view train, std::string_view all,
                                                        std::string_view who) const {
  if (file) return load_tokenizer(*file);
  if (type == "bytes") return std::make_shared<BytePairs>(BytePairs::bytes());
  if (type == "characters") return std::make_shared<Characters>(Characters::of(all, who));
  return std::make_shared<BytePairs>(train_byte_pairs(train, {.vocab_size = vocab_size}));
}

void TextDataOptions::describe(Fields& f) {
  f("corpus", corpus, "a text that comes with Debian: bible; empty: the text is at path");
  f("path", path, "a text file, or a folder of them");
  f("cache", cache, "folder that keeps corpora; empty: $XDG_CACHE_HOME/tempera or ~/.cache/tempera");
  f("tokenizer", tokenizer, "how text becomes numbers");
  f("length", length, "tokens of a sample", at_least(1));
  f("stride", stride, "tokens from one training sample to the next; samples of validation and test never overlap",
    at_least(1));
  f("split", split, "contiguous: the last parts of the text are validation and test; documents: by seed",
    one_of({"contiguous", "documents"}));
  f("separator", separator, "stands between the documents of a single text");
  f("valid", valid, "fraction of the text for validation", from_up_to(0, 1));
  f("test", test, "fraction of the text for the test", from_up_to(0, 1));
  f("seed", seed, "chooses the part of each document");
}

std::vector<Problem> TextDataOptions::problems() const {
  std::vector<Problem> found;
  if (corpus.empty() == path.empty()) found.push_back({"path", "either corpus or path must be set, not both"});
  if (valid + test >= 1)
    found.push_back({"test", fmt::format("valid {} and test {} leave nothing to train on; their sum must be below 1",
                                         valid, test)});
  return found;
}

std::unique_ptr<DataSource> TextDataOptions::make() const {
  Documents documents = read_documents(*this);
  std::string characters;
  if (tokenizer.collects()) {
    check_utf8(documents);
    characters = joined(documents, "");
  }
  const Parts parts =
      split == "documents" ? cut_documents(std::move(documents), *this) : cut_contiguous(documents, *this);
  auto source = std::make_unique<DataSource>();
  source->task = Task::language_model;
  source->tokenizer = tokenizer.make(tokenizer.learns() ? joined(parts[0], "") : "", characters, kWho);
  const Tokenizer& tokens_of = *source->tokenizer;
  const auto end = split == "documents" ? tokens_of.special(kEnd) : std::nullopt;
  const auto windows = [&](const Documents& part, std::string_view name, Index step) -> std::shared_ptr<const Dataset> {
    std::vector<std::int32_t> tokens;
    for (const Document& d : part) {
      tokens_of.encode(d.text, tokens);
      if (end) tokens.push_back(*end);
    }
    if (tokens.empty()) return nullptr;
    require(static_cast<Index>(tokens.size()) > length, kWho,
            "the {} part has {} tokens; a sample of length {} takes {}: lower length or enlarge the part", name,
            tokens.size(), length, length + 1);
    return std::make_shared<TokenWindows>(std::move(tokens), length, step, tokens_of.vocab_size());
  };
  source->train = windows(parts[0], "training", stride);
  source->valid = windows(parts[1], "validation", length);
  source->test = windows(parts[2], "test", length);
  require(source->train != nullptr, kWho, "nothing is left to train on");
  return source;
}

}  // namespace tempera
