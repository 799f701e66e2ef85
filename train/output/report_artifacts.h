// The pictures and texts of a report: what runs left under artifacts/.
#pragma once

#include <span>
#include <string>

#include "train/output/report_data.h"

namespace tempera {

struct ArtifactSections {
  std::string html;                 // sections, empty when there is nothing
  std::string attention, matrices;  // JSON arrays for the page's script; the sections refer to their entries
};

// Of pictures the newest of each title, of texts all. Throws Error for a file that is damaged, with what is wrong.
ArtifactSections artifact_sections(std::span<const ReportRun> runs);

}  // namespace tempera
