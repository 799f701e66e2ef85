// report RUN... [-o FILE]: one page about one or several runs.
#include "train/output/report.h"

#include <cstdio>

#include "apps/support/exit_code.h"
#include "data/files.h"
#include "train/output/numbers.h"
#include "train/output/report_data.h"

int main(int argc, char** argv) {
  CLI::App app("Writes one self-contained HTML page about one or several runs.", "report");
  std::vector<std::filesystem::path> given;
  std::filesystem::path out;
  tempera::ReportOptions options;
  app.add_option("RUN", given, "folders of runs, as runs/quickstart, or folders that hold such")->required();
  app.add_option("-o,--out", out, "the page; default: report.html, of a single run in its folder");
  app.add_option("--title", options.title, "title of the page; default: the names of the runs");
  app.add_option("--points", options.points, "about how many points a curve is drawn with")
      ->capture_default_str()
      ->check(CLI::Range(10, 1000000));
  app.footer("Examples:\n  report runs/quickstart\n  report runs/softmax runs/sigmoid -o comparison.html\n");
  return tempera::run_program(app, argc, argv, [&] {
    return tempera::blame<tempera::DataError>([&] {
      const std::vector<std::filesystem::path> runs = tempera::find_runs(given);
      const std::string page = tempera::report_page(runs, options);
      if (out.empty()) out = runs.size() == 1 ? runs.front() / "report.html" : "report.html";
      tempera::replace_file(out, std::as_bytes(std::span(page)));
      std::printf("%s  %s\n", out.c_str(), tempera::byte_count(page.size()).c_str());
      return tempera::kDone;
    });
  });
}
