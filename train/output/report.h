// A page about one or several runs: figures, curves, pictures, samples, configuration.
//
// One HTML file that carries all it needs and loads nothing, so it can be sent and opened offline; its own policy
// (Content-Security-Policy) forbids it the network. Runs that differ only by their seed are one curve: their mean, with
// a 95 % interval as a band.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace tempera {

struct ReportOptions {
  std::string title = {};                  // of the page; empty: the name of the run, or of all groups
  std::size_t points = 1000;               // of a curve; longer ones are thinned
  std::vector<std::string> warnings = {};  // told at the top, as that some runs are missing
};

// The page. Throws Error when a run's files are damaged.
std::string report_page(std::span<const std::filesystem::path> runs, const ReportOptions& options = {});

}  // namespace tempera
