#include "data/text/text_table.h"

#include <catch2/catch.hpp>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

struct Table {
  Table(const std::string& name, std::string_view text) {
    options.path = folder.write(name, text).string();
    options.split.valid = options.split.test = 0;
    options.length = 5;
  }
  Batch all() {
    source = options.make();
    std::vector<std::int64_t> ids;
    for (std::int64_t i = 0; i < source->train->size(); ++i) ids.push_back(i);
    Batch batch;
    source->train->fill(ids, batch);
    return batch;
  }
  std::string text(const Tensor& tokens, const Tensor& lengths, Index row) const {
    std::vector<std::int32_t> own;
    for (Index i = 0; i < static_cast<Index>(lengths.at(row)); ++i)
      own.push_back(static_cast<std::int32_t>(tokens.at(row * tokens.dim(1) + i)));
    return source->tokenizer->decode(own);
  }

  TestFolder folder;
  TextTableOptions options;
  std::unique_ptr<DataSource> source;
};

}  // namespace

TEST_CASE("texts of any length have classes", "[data][text]") {
  Table table("t.tsv", "label\ttext\ngood\tyes\nbad\tno, no\ngood\t\n");
  table.options.length = 6;
  for (const char* type : {"characters", "bytes", "byte-pairs"}) {
    table.options.tokenizer.type = type;
    table.options.tokenizer.vocab_size = 258;
    const Batch batch = table.all();
    CHECK(table.source->task == Task::classification);
    const Description& d = table.source->train->description();
    CHECK(d.class_names == std::vector<std::string>{"bad", "good"});
    CHECK(d.vocabulary == table.source->tokenizer->vocab_size());
    CHECK(batch.targets.to_vector() == std::vector<double>{1, 0, 1});
    CHECK(table.text(batch.inputs, batch.lengths, 0) == "yes");
    CHECK(table.text(batch.inputs, batch.lengths, 1) == "no, no");
    CHECK(batch.lengths.at(2) == 0);
    CHECK_FALSE(batch.second_inputs.defined());
  }
}

TEST_CASE("pairs of texts have classes", "[data][text]") {
  Table table("t.csv", "a,b,same\nab,abc,1\nx,yz,0\n");
  table.options.text = "a";
  table.options.second = "b";
  table.options.target = "same";
  const Batch batch = table.all();
  CHECK(table.text(batch.second_inputs, batch.second_lengths, 0) == "abc");
  CHECK(table.text(batch.inputs, batch.lengths, 1) == "x");
  CHECK(batch.targets.to_vector() == std::vector<double>{1, 0});
}

TEST_CASE("pairs of texts are what is read and what is written", "[data][text]") {
  Table table("t.tsv", "ab\tBA\nxyz\tZYX\n");
  table.options.header = false;
  table.options.text = "1";
  table.options.target = "2";
  table.options.task = "sequence_to_sequence";
  const Batch batch = table.all();
  const auto vocabulary = static_cast<std::int32_t>(table.source->tokenizer->vocab_size());
  CHECK(table.source->task == Task::sequence_to_sequence);
  CHECK((table.source->begin == vocabulary && table.source->end == vocabulary + 1));
  CHECK(table.source->train->description().vocabulary == vocabulary + 2);
  CHECK(batch.second_inputs.shape() == Shape{2, 6});
  CHECK(batch.second_inputs.at(6) == vocabulary);
  CHECK(batch.second_lengths.to_vector() == std::vector<double>{3, 4});
  CHECK(table.source->tokenizer->decode(static_cast<std::int32_t>(batch.targets.at(6))) == "Z");
  CHECK(batch.targets.at(9) == vocabulary + 1);
  CHECK(batch.targets.at(10) == -1);
}

TEST_CASE("texts that are too long are refused or cut", "[data][text][errors]") {
  Table table("t.csv", "text,label\nshort,1\nsix is too long,0\n");
  CHECK(table.folder.error_of([&] { table.options.make(); }) ==
        "text table: t.csv:3: a text has 15 tokens, more than length 5; raise it, or set longer to cut");
  table.options.longer = "cut";
  const Batch batch = table.all();
  CHECK(table.text(batch.inputs, batch.lengths, 1) == "six i");
}

TEST_CASE("columns that are not there and pairs that would be written are refused", "[data][text][errors]") {
  Table table("t.csv", "text,label\na,1\n");
  table.options.second = "other";
  CHECK(table.folder.error_of([&] { table.options.make(); }) ==
        "csv: t.csv: there is no column 'other'; columns: text, label");
  table.options.task = "sequence_to_sequence";
  CHECK(table.options.problems().at(0).message ==
        "what is written is the target; leave second empty, or choose task: classification");
}

TEST_CASE("parts may have files of their own", "[data][text]") {
  // As the pairs of papers of the Long Range Arena: no heading, no quotes, label, two numbers, two texts.
  const TestFolder folder;
  TextTableOptions o;
  o.path = folder.write("pairs.train.tsv", "1.0\t7\t8\tb'a \"x\tb\n0.0\t7\t9\tc\td\n").string();
  o.valid_path = folder.write("pairs.eval.tsv", "1.0\t1\t2\te\tf\n").string();
  o.test_path = folder.write("pairs.test.tsv", "0.0\t3\t4\tg\th\n0.0\t3\t5\ti\tj\n").string();
  o.header = o.quotes = false;
  o.target = "1";
  o.text = "4";
  o.second = "5";
  o.tokenizer.type = "bytes";
  o.length = 8;
  const auto source = o.make();
  CHECK(source->train->size() == 2);
  CHECK(source->valid->size() == 1);
  CHECK(source->test->size() == 2);
  CHECK(source->train->description().class_names == std::vector<std::string>{"0.0", "1.0"});
  Batch batch;
  const std::vector<std::int64_t> last{1}, first{0};
  source->test->fill(last, batch);
  CHECK(batch.inputs.at(0) == 'i');
  CHECK(batch.second_inputs.at(0) == 'j');
  CHECK(batch.targets.at(0) == 0);
  source->train->fill(first, batch);
  CHECK(batch.lengths.at(0) == 6);
  CHECK(batch.targets.at(0) == 1);
  o.length = 5;
  CHECK_THROWS_WITH(o.make(), Catch::Contains("pairs.train.tsv:1: a text has 6 tokens"));
  o.length = 8;
  o.test_path = folder.write("other.tsv", "0.0\tg\th\n").string();
  CHECK_THROWS_WITH(o.make(), Catch::Contains("other.tsv has the columns 1, 2, 3, but"));
}
