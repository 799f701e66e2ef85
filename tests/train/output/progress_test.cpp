#include "train/output/progress.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/approved.h"
#include "tests/support/folder.h"

using namespace tempera;

namespace {

constexpr ConsoleTraits kFile{}, kPlainTerminal{true, false, false}, kFineTerminal{true, true, true};

// What a console writes; a file is no terminal, so the traits say what it plays.
struct Recorded {
  TestFolder folder;
  std::FILE* file = std::fopen((folder.path / "out").c_str(), "w");
  ~Recorded() { std::fclose(file); }
  std::string text() const {
    std::fflush(file);
    return contents_of(folder.path / "out");
  }
};

ProgressState state(std::span<const ProgressValue> values) {
  return {1200, 5000, values, 31400, 90.5, "tokens"};
}
const std::array kValues = {ProgressValue{"loss", 1.8432}, ProgressValue{"valid", 1.79}};

}  // namespace

TEST_CASE("the progress line leaves out what does not fit, the least important first", "[output]") {
  Console console(stderr, kPlainTerminal);
  std::string all;
  for (const int width : {200, 112, 86, 85, 70, 50, 45, 30, 16, 9})
    all += fmt::format("{:3}  {}\n", width, progress_line(state(kValues), width, &console));
  CHECK_APPROVED("screens/progress_widths.txt", all);
  for (int width = 0; width < 120; ++width)
    CHECK(static_cast<int>(progress_line(state(kValues), width, &console).size()) <= width);
}

TEST_CASE("the bar of a terminal with colours", "[output]") {
  Console console(stderr, kFineTerminal);
  const std::string line = progress_line(state({}), 200, &console);
  CHECK(line.find("\x1b[32m━━━━━\x1b[0m\x1b[2m───────────────────\x1b[0m") != line.npos);
}

TEST_CASE("a progress line says no more than is known", "[output]") {
  const double nan = std::nan("");
  CHECK(progress_line({0, 100, {}, nan, nan, "tokens"}, 100) == "step 0/100  0 %");
  CHECK(progress_line({0, 100, {}, 0, 0, "images"}, 100) == "step 0/100  0 %  0 images/s");
  CHECK(progress_line({0, 0, {}, nan, nan, "tokens", 0}, 100) == "step 0/0  100 %  in 0:00");
  CHECK(progress_line({100, 100, {}, 2e6, 10, "tokens", 170}, 100) == "step 100/100  100 %  2.00 M tokens/s  in 2:50");
  const std::array lost = {ProgressValue{"loss", nan}};
  CHECK(progress_line({5, 10, lost, nan, 1, "tokens"}, 100) == "step 5/10  50 %  loss nan  left 0:05");
}

TEST_CASE("a file gets a plain line per interval and the last state", "[output]") {
  Recorded out;
  double now = 100;
  {
    Console console(out.file, kFile);
    Progress progress(console, {.total = 1000, .line_seconds = 10, .clock = [&] { return now; }});
    for (std::int64_t step = 1; step <= 1000; ++step) {
      now += 0.025;
      progress.update(step, step * 256, std::array{ProgressValue{"loss", 2.0 - static_cast<double>(step) / 1000}});
    }
    progress.finish();
    progress.finish();
  }
  CHECK(out.text() ==
        "step 400/1,000  40 %  loss 1.600  10.2 k tokens/s  left 0:15\n"
        "step 800/1,000  80 %  loss 1.200  10.2 k tokens/s  left 0:05\n"
        "step 1,000/1,000  100 %  loss 1.000  10.2 k tokens/s  in 0:25\n");
}

TEST_CASE("a terminal is drawn at most ten times a second", "[output]") {
  Recorded out;
  double now = 0;
  {
    Console console(out.file, kPlainTerminal);
    Progress progress(console, {.first = 500, .total = 1000, .clock = [&] { return now; }});
    for (std::int64_t step = 501; step <= 1000; ++step) {
      now += 0.002;  // one second in all
      progress.update(step, step, {});
    }
  }
  const std::string text = out.text();
  const auto draws = std::count(text.begin(), text.end(), '\r');
  CHECK(draws >= 9);
  CHECK(draws <= 12);
  CHECK(text.rfind("\r\x1b[Kstep 501/1,000", 0) == 0);
  CHECK(text.find("step 1,000/1,000  100 %") != text.npos);
  CHECK(text.back() == '\n');
}

TEST_CASE("the rate is that of the last half minute", "[output]") {
  Recorded out;
  double now = 0;
  Console console(out.file, kFile);
  Progress progress(console, {.total = 1000, .line_seconds = 1000, .clock = [&] { return now; }});
  for (std::int64_t step = 1; step <= 200; ++step) {
    now += step <= 100 ? 10 : 1;  // a slow beginning
    progress.update(step, step * 100, {});
  }
  progress.finish();
  CHECK(out.text().find("  100 tokens/s  left 13:20\n") != std::string::npos);
}

TEST_CASE("lines stand above the status line", "[output]") {
  Recorded out;
  {
    Console console(out.file, kPlainTerminal);
    console.status("step 1");
    console.line("saved");
    console.status("step 2");
    console.status("step 2");
    console.keep_status();
    console.line("done");
  }
  CHECK(out.text() == "\r\x1b[Kstep 1\r\x1b[Ksaved\nstep 1\r\x1b[Kstep 2\ndone\n");
}

TEST_CASE("a file gets no status and no control character", "[output]") {
  Recorded out;
  {
    Console console(out.file, ConsoleTraits::of(out.file));
    CHECK_FALSE(console.terminal());
    console.status("step 1");
    console.line(console.paint(Paint::bad, "error:") + " text");
  }
  CHECK(out.text() == "error: text\n");
}

TEST_CASE("paint is given only where colour is", "[output]") {
  const Console fine(stderr, kFineTerminal), plain(stderr, kPlainTerminal);
  CHECK(fine.paint(Paint::good, "x") == "\x1b[32mx\x1b[0m");
  CHECK(fine.paint(Paint::none, "x") == "x");
  CHECK(plain.paint(Paint::good, "x") == "x");
}
