// The part of a report on further test sets (train/further_tests.h): a table, and pictures against the length.
#pragma once

#include <string>
#include <vector>

#include "train/output/report_data.h"

namespace tempera {

// "test.2x", but not "test".
bool is_further_test(std::string_view split);

// What the last weights of a group gave on one test set: means over its runs.
struct TestResult {
  std::string split;
  double length = 0;  // of the longest sample; nan where samples are no sequences
  std::vector<MeanInterval> values;
};
struct TestResults {
  std::vector<std::string> metrics;             // the length is none
  std::vector<std::vector<TestResult>> groups;  // in the order of their lengths, else of their names
  bool by_length = false;                       // the tests differ in nothing but the length
};
// Empty where no run has further tests.
TestResults test_results(std::span<const ReportRun> runs, std::span<const ReportGroup> groups);

struct TestSection {
  std::string html;                 // empty when there is nothing
  std::vector<std::string> charts;  // JSON, as the page's script draws them
};
// `first`: the number of the section's first chart on the page.
TestSection test_section(std::span<const ReportRun> runs, std::span<const ReportGroup> groups, std::size_t first);

}  // namespace tempera
