#include "data/text/text_data.h"

#include <catch2/catch.hpp>
#include <set>

#include "data/text/corpus.h"
#include "tests/support/folder.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

Batch filled(const Dataset& set, std::vector<std::int64_t> samples) {
  Batch batch;
  set.fill(samples, batch);
  return batch;
}

// The text that a part holds: sample 0 and what each following sample adds.
std::string text_of(const DataSource& source, const Dataset& set) {
  std::vector<std::int32_t> tokens;
  for (const std::int32_t t : dynamic_cast<const TokenWindows&>(set).tokens()) tokens.push_back(t);
  return source.tokenizer->decode(tokens);
}

}  // namespace

TEST_CASE("windows hold tokens and the ones after them", "[data][text]") {
  const TokenWindows overlapping({10, 11, 12, 13, 14, 15}, 2, 1, 20), apart({10, 11, 12, 13, 14, 15}, 2, 2, 20);
  CHECK(overlapping.size() == 4);
  CHECK(apart.size() == 2);
  const Batch batch = filled(overlapping, {0, 3});
  CHECK(batch.inputs.shape() == Shape{2, 2});
  CHECK(batch.inputs.to_vector() == std::vector<double>{10, 11, 13, 14});
  CHECK(batch.targets.to_vector() == std::vector<double>{11, 12, 14, 15});
  CHECK(filled(apart, {1}).inputs.to_vector() == std::vector<double>{12, 13});
  CHECK(TokenWindows({1, 2}, 1, 5, 3).size() == 1);
  CHECK_THROWS_WITH(TokenWindows({1, 2}, 2, 1, 3), "TokenWindows: 2 tokens came; a window of length 2 takes 3");
  CHECK_THROWS_WITH(TokenWindows({1, 2}, 0, 1, 3), "TokenWindows: length 0 and stride 1 came; at least 1 was wanted");
}

TEST_CASE("a text is cut into contiguous parts behind line breaks", "[data][text]") {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("line {:02}\n", i);
  TextDataOptions options;
  options.path = folder.write("t.txt", text).string();
  options.length = 4;
  options.valid = 0.2;
  options.test = 0.1;
  const auto source = options.make();
  CHECK(source->task == Task::language_model);
  const std::string train = text_of(*source, *source->train), valid = text_of(*source, *source->valid),
                    test = text_of(*source, *source->test);
  CHECK(train + valid + test == text);
  CHECK(train.size() == 70 * 8);
  CHECK(valid.size() == 20 * 8);
  CHECK(valid.starts_with("line 70\n"));
  CHECK(source->tokenizer->vocab_size() == 16);  // "\n", " ", 0-9, e, i, l, n
  CHECK(source->train->size() == 70 * 8 - 4);
  CHECK(source->valid->size() == (20 * 8 - 1) / 4);
  options.test = 0;
  CHECK(options.make()->test == nullptr);
}

TEST_CASE("documents draw their part", "[data][text]") {
  const TestFolder folder;
  for (int i = 0; i < 40; ++i) folder.write(fmt::format("docs/{:02}.txt", i), fmt::format("document {:02};", i));
  folder.write("docs/.hidden", "hidden");
  TextDataOptions options;
  options.path = (folder.path / "docs").string();
  options.length = 8;
  options.split = "documents";
  options.valid = options.test = 0.2;
  options.tokenizer.type = "byte-pairs";
  options.tokenizer.vocab_size = 300;
  const auto source = options.make();
  std::set<std::string> seen;
  for (const auto& part : {source->train, source->valid, source->test}) {
    const std::string text = text_of(*source, *part);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find("<|endoftext|>", at);
      CHECK(seen.insert(text.substr(at, end - at)).second);
      at = end + 13;
    }
  }
  CHECK(seen.size() == 40);
  CHECK(*seen.begin() == "document 00;");

  TextDataOptions paragraphs = options;
  std::string text;
  for (int i = 0; i < 40; ++i) text += fmt::format("paragraph {:02}\n\n", i);
  paragraphs.path = folder.write("t.txt", text).string();
  paragraphs.tokenizer.type = "bytes";
  const auto cut = paragraphs.make();
  CHECK(text_of(*cut, *cut->train).size() + text_of(*cut, *cut->valid).size() + text_of(*cut, *cut->test).size() ==
        text.size());
}

TEST_CASE("bytes take any text, characters only UTF-8", "[data][text][errors]") {
  const TestFolder folder;
  TextDataOptions options;
  options.path = folder.write("t.txt", std::string(100, 'a') + "\xFF" + std::string(100, 'b')).string();
  options.length = 3;
  CHECK(folder.error_of([&] { options.make(); }) ==
        "text data: t.txt: byte 100: 0xff is not UTF-8; convert the text, or choose tokenizer.type bytes");
  options.tokenizer.type = "bytes";
  const auto source = options.make();
  CHECK(source->tokenizer->vocab_size() == 256);
  options.tokenizer.file = (folder.path / "tokenizer.json").string();
  source->tokenizer->save(*options.tokenizer.file);
  CHECK(text_of(*options.make(), *options.make()->train) == text_of(*source, *source->train));
}

TEST_CASE("texts that give no sample are refused", "[data][text][errors]") {
  const TestFolder folder;
  TextDataOptions options;
  options.path = (folder.path / "none").string();
  CHECK(folder.error_of([&] { options.make(); }) == "text data: 'none' does not exist");
  options.path = folder.write("empty.txt", "").string();
  CHECK(folder.error_of([&] { options.make(); }) == "text data: 'empty.txt' holds no text");
  options.path = folder.write("short.txt", "a few words").string();
  CHECK(
      folder.error_of([&] { options.make(); }) ==
      "text data: the training part has 9 tokens; a sample of length 256 takes 257: lower length or enlarge the part");
  options.corpus = "bible";
  options.valid = 0.6;
  options.test = 0.4;
  const auto problems = options.problems();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].message == "either corpus or path must be set, not both");
  CHECK(problems[1].message == "valid 0.6 and test 0.4 leave nothing to train on; their sum must be below 1");
}

TEST_CASE("a corpus is read once and kept", "[data][text]") {
  const TestFolder folder;
  CHECK(folder.error_of([&] { read_corpus("koran", folder.path); }) ==
        "corpus: there is no corpus 'koran'; known: bible");
  const std::string error = folder.error_of([&] { read_corpus("bible", folder.path); });
  if (error != "no error") {
    CHECK(error == "corpus: 'bible' comes from Debian: apt-get install bible-kjv bible-kjv-text");
    return;
  }
  const std::string text = contents_of(folder.path / "corpora/bible.txt");
  CHECK(text.size() == 4'298'239);
  CHECK(text.ends_with("  21 The grace of our Lord Jesus Christ be with you all. Amen.\n"));
  CHECK(read_corpus("bible", folder.path) == text);
  // A cache that is not whole is made again.
  folder.write("corpora/bible.txt", text.substr(0, 1000));
  CHECK(read_corpus("bible", folder.path) == text);
}
