#include "data/text/text_classes.h"

#include <catch2/catch.hpp>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

// Text and class of a sample.
std::pair<std::string, std::int32_t> sample(const DataSource& source, const Dataset& set, std::int64_t i) {
  Batch batch;
  set.fill(std::span(&i, 1), batch);
  const auto n = static_cast<std::size_t>(batch.lengths.at(0));
  return {source.tokenizer->decode({batch.inputs.data<std::int32_t>(), n}),
          static_cast<std::int32_t>(batch.targets.at(0))};
}

using Sample = std::pair<std::string, std::int32_t>;

}  // namespace

TEST_CASE("reviews are read as they were published", "[data][text]") {
  const TestFolder folder;
  for (const char* path : {"train/neg", "train/pos", "train/unsup", "test/neg", "test/pos"})
    std::filesystem::create_directories(folder.path / path);
  folder.write("train/neg/0_1.txt", "bad");
  folder.write("train/pos/0_9.txt", " go \xff\n");
  folder.write("train/unsup/0_0.txt", "who knows");
  folder.write("test/neg/0_1.txt", "worst of all");
  folder.write("test/pos/0_9.txt", "best");
  TextClassesOptions o;
  o.folder = folder.path.string();
  o.classes = {"neg", "pos"};
  o.length = 5;
  o.split.valid = 0;
  const auto source = o.make();
  CHECK(source->train->size() == 2);
  CHECK(source->valid == nullptr);
  CHECK(sample(*source, *source->train, 0) == Sample("bad", 0));
  CHECK(sample(*source, *source->train, 1) == Sample("go \xff", 1));
  CHECK(sample(*source, *source->test, 0) == Sample("worst", 0));
  CHECK(sample(*source, *source->test, 1) == Sample("best", 1));
  CHECK(source->train->description().class_names == o.classes);
}

TEST_CASE("files that are classes hold texts between separators", "[data][text]") {
  const TestFolder folder;
  folder.write("art", "one\n%\ntwo\nlines\n%\n");
  folder.write("law", "three\n%\nx");
  TextClassesOptions o;
  o.folder = folder.path.string();
  o.classes = {"law", "art"};
  o.shortest = 2;
  o.split.valid = o.split.test = 0;
  const auto source = o.make();
  REQUIRE(source->train->size() == 3);
  CHECK(sample(*source, *source->train, 0) == Sample("three", 0));
  CHECK(sample(*source, *source->train, 1) == Sample("one", 1));
  CHECK(sample(*source, *source->train, 2) == Sample("two\nlines", 1));
}

TEST_CASE("what is missing for texts by class is told", "[data][text][errors]") {
  const TestFolder folder;
  TextClassesOptions o;
  o.folder = (folder.path / "none").string();
  CHECK_THROWS_WITH(o.make(), Catch::Contains("is no folder; a folder with texts by class was wanted, such as IMDB's "
                                              "aclImdb with train/neg, train/pos"));
  o.folder = folder.path.string();
  CHECK_THROWS_WITH(o.make(), Catch::Contains("has 0 folders of classes; at least two were wanted"));
  o.classes = {"a", "b"};
  CHECK_THROWS_WITH(o.make(),
                    Catch::Contains("a' is not there; a folder or a file for each of the classes was wanted"));
  folder.write("a", "\n%\n");
  CHECK_THROWS_WITH(o.make(), Catch::Contains("a' holds no text of 1 bytes or more"));
}
