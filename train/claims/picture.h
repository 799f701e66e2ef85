// The picture of a claim: a self-contained SVG that is read on a white card, in light and dark pages.
//
//   bars      of each quantity that is expected: a variant each, mean, 95 % interval, a dot per seed, the number wanted
//   curves    of the recorded metric behind it over the steps: mean over the seeds, interval as a band; of at most
//             eight variants
//   a line    for each variant over the metrics of `plot:`, in place of the rest
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/claims/claim_row.h"
#include "train/claims/experiment_file.h"
#include "train/output/report_data.h"

namespace tempera {

// Curves of one metric, a group for each variant.
struct PictureCurves {
  std::string metric;  // "valid_accuracy"
  bool log_steps = false;
  std::vector<std::string> variants;
  std::vector<Curve> curves;
};

// The curves that the claim's expectations call for: of every steps_to; where there is none, of the first metric, as
// the validation set shows it during the runs. `runs` are the folders of each variant, in the order of claim.variants.
std::vector<PictureCurves> picture_curves(const Claim& claim,
                                          const std::vector<std::vector<std::filesystem::path>>& runs);

std::string claim_picture(const Claim& claim, const ClaimRow& row, const std::vector<PictureCurves>& curves);

}  // namespace tempera
