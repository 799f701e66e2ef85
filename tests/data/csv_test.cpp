#include "data/csv.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string parse_error(std::string_view text, bool header = true) {
  return TestFolder().error_of([&] { parse_csv(text, "t.csv", ',', header); });
}

std::string make_error(std::string_view text, void (*change)(CsvDataOptions&)) {
  const TestFolder folder;
  CsvDataOptions options;
  options.path = folder.write("t.csv", text).string();
  options.target = std::string("y");
  options.split.valid = options.split.test = 0;
  change(options);
  return folder.error_of([&] { options.make(); });
}

}  // namespace

TEST_CASE("fields, quotes and line ends of a table", "[data][csv]") {
  const CsvTable table = parse_csv("a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n\n2,\n\"\",3", "t", ',', true);
  CHECK(table.header == std::vector<std::string>{"a", "b"});
  CHECK(table.rows == Rows{{"1", "x, \"y\"\nz"}, {"2", ""}, {"", "3"}});
  CHECK(table.lines == std::vector<std::size_t>{2, 5, 6});
  CHECK(parse_csv("1\t2\n", "t", '\t', false).rows == Rows{{"1", "2"}});
  CHECK(parse_csv("\xEF\xBB\xBFx\n1\n", "t", ',', true).header == std::vector<std::string>{"x"});
  CHECK(parse_csv("", "t", ',', false).rows.empty());
}

TEST_CASE("broken tables are refused with the line", "[data][csv][errors]") {
  CHECK(parse_error("") == "csv: t.csv: the file is empty; a header was wanted");
  CHECK(parse_error("a,b\n1,2\n\n3\n") == "csv: t.csv:4: the row has 1 fields; 2 were wanted");
  CHECK(parse_error("a,b\n1,2,3\n") == "csv: t.csv:2: the row has 3 fields; 2 were wanted");
  CHECK(parse_error("a\n\"1\n2") == "csv: t.csv:2: the quoted field that begins here never ends");
  CHECK(parse_error("a\n\"1\"2\n") == "csv: t.csv:2: text follows the quoted field '1'; a separator was wanted");
  CHECK(parse_error("a,a\n") == "csv: t.csv: the header has the column 'a' twice");
  CHECK(parse_error("a\n\xFF\n") == "csv: t.csv:2: 0xff is not UTF-8; convert the file");
}

TEST_CASE("columns become features and classes", "[data][csv]") {
  const TestFolder folder;
  CsvDataOptions options;
  options.path = folder.write("t.tsv", "x\tcolour\tid\ty\n1\tred\t7\tno\n3\tblue\t8\tyes\n5\tred\t9\tno\n").string();
  options.target = std::string("y");
  options.categories = {"colour"};
  options.ignore = {"id"};
  options.split.valid = options.split.test = 0;
  const auto source = options.make();
  CHECK(source->valid == nullptr);
  const Description& d = source->train->description();
  CHECK(d.feature_names == std::vector<std::string>{"x", "colour=blue", "colour=red"});
  CHECK(d.class_names == std::vector<std::string>{"no", "yes"});
  Batch batch;
  source->train->fill(std::vector<std::int64_t>{0, 1, 2}, batch);
  const double step = 2 / std::sqrt(8.0 / 3);
  const std::vector<double> expected{-step, 0, 1, 0, 1, 0, step, 0, 1};
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(batch.inputs.at(static_cast<Index>(i)) == Approx(expected[i]).margin(1e-7));
  CHECK(batch.targets.to_vector() == std::vector<double>{0, 1, 0});

  options.task = "regression";
  options.target = std::string("x");
  options.ignore = {"id", "y"};
  const auto numbers = options.make();
  CHECK(numbers->task == Task::regression);
  numbers->train->fill(std::vector<std::int64_t>{2, 1}, batch);
  CHECK(batch.targets.to_vector() == std::vector<double>{5, 3});
  CHECK(batch.targets.dtype() == DType::float32);
}

TEST_CASE("several columns are predicted together", "[data][csv]") {
  const TestFolder folder;
  CsvDataOptions options;
  options.path = folder.write("t.csv", "x,a,b\n1,0,1\n3,1,-1\n").string();
  options.targets = {"b", "a"};
  options.split.valid = options.split.test = 0;
  Batch batch;
  options.task = "multi_label";
  const auto labels = options.make();
  CHECK(labels->task == Task::multi_label);
  CHECK(labels->train->description().target_names == std::vector<std::string>{"b", "a"});
  labels->train->fill(std::vector<std::int64_t>{0, 1}, batch);
  CHECK(batch.targets.shape() == Shape{2, 2});
  CHECK((batch.targets.at(0) == 1 && batch.targets.at(1) == 0 && batch.targets.at(3) == 1));
  CHECK(std::isnan(batch.targets.at(2)));
  options.task = "regression";
  options.make()->train->fill(std::vector<std::int64_t>{0, 1}, batch);
  CHECK(batch.targets.to_vector() == std::vector<double>{1, 0, -1, 1});

  options.path = folder.write("u.csv", "x,a\n1,0\n3,2\n").string();
  options.targets = {"a"};
  options.task = "multi_label";
  CHECK(folder.error_of([&] { options.make(); }) ==
        "csv: u.csv:3: column 'a' is 2; a label is 0, 1, or -1 where it is not known");
  options.task = "classification";
  CHECK(options.problems().at(0).message ==
        "classification predicts one column; name it in target, or choose task: multi_label");
  options.target = "x";
  CHECK(options.problems().at(0).message == "either target or targets must be set, not both");
}

TEST_CASE("numbers are standardised over the training part alone", "[data][csv]") {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 200; ++i) text += fmt::format("{},{}\n", i, i % 2);
  CsvDataOptions options;
  options.path = folder.write("t.csv", text).string();
  options.header = false;
  options.target = std::string("2");
  const auto source = options.make();
  Batch batch;
  std::vector<std::int64_t> all(static_cast<std::size_t>(source->train->size()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  source->train->fill(all, batch);
  double sum = 0;
  for (const double x : batch.inputs.to_vector()) sum += x;
  CHECK(sum == Approx(0).margin(1e-4));
  CHECK(source->train->size() + source->valid->size() + source->test->size() == 200);
}

TEST_CASE("missing values are refused, or their rows dropped", "[data][csv][errors]") {
  const auto keep = [](CsvDataOptions&) {};
  CHECK(make_error("x,y\n1,a\nNaN,b\n", keep) ==
        "csv: t.csv:3: column 'x' is 'NaN'; fill it in, ignore the column, or set missing to drop");
  CHECK(make_error("x,y\n1,a\n2,\n", keep) ==
        "csv: t.csv:3: column 'y' is ''; fill it in, ignore the column, or set missing to drop");
  CHECK(make_error("x,y\n1,a\n2,\n", [](CsvDataOptions& o) { o.missing = "drop"; }) == "no error");
  CHECK(make_error("x,y\nNA,a\n2,\n", [](CsvDataOptions& o) { o.missing = "drop"; }) ==
        "csv: t.csv: every row has a missing value");
}

TEST_CASE("columns that do not fit are refused", "[data][csv][errors]") {
  const auto keep = [](CsvDataOptions&) {};
  CHECK(make_error("x,y\n1,a\n\ninf,b\n", keep) ==
        "csv: t.csv:4: column 'x' is 'inf'; a finite number was wanted, or name the column in categories");
  CHECK(make_error("x,y\n1z,a\n", keep) ==
        "csv: t.csv:2: column 'x' is '1z'; a finite number was wanted, or name the column in categories");
  CHECK(make_error("x,z\n1,a\n", keep) == "csv: t.csv: there is no column 'y'; columns: x, z");
  CHECK(make_error("x,y\n1,a\n", [](CsvDataOptions& o) { o.categories = {"q"}; }) ==
        "csv: t.csv: there is no column 'q'; columns: x, y");
  CHECK(make_error("x,y\n1,a\n", [](CsvDataOptions& o) { o.ignore = {"y"}; }) ==
        "csv: t.csv: the target 'y' is ignored");
  CHECK(make_error("y\n1\n", keep) == "csv: t.csv: no column is left for the inputs");
  CHECK(make_error("x,y\n", keep) == "csv: t.csv: the file has no rows");
}
