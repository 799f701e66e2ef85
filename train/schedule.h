// Learning rate schedules: the factor of the peak learning rate as a pure function of the step.
//
// Steps are counted from 1, of `total`. With W warm-up steps the first W rise linearly and step W is at the peak:
//
//   factor(s) = s / W                      for s <= W        (so step 1 has 1 / W, not 0)
//             = shape(s)                   beyond
//
// With u = (s - W) / (total - W), the share of the rest that is done, clamped to [0, 1], and `final` the factor at the
// end (step `total` and whatever lies beyond):
//
//   constant      1
//   linear        1 - (1 - final) u
//   cosine        final + (1 - final) (1 + cos(pi u)) / 2                        (Loshchilov & Hutter 2017)
//   inverse_sqrt  sqrt(max(W, 1) / s)                                            (Vaswani et al. 2017)
//   wsd           1, then over the last `decay` share of all steps from 1 to final, linearly or by 1 - sqrt
//                 (warm-up, stable, decay: Hu et al. 2024; 1 - sqrt: Hägele et al. 2024)
#pragma once

#include "core/fields.h"

namespace tempera {

struct ScheduleOptions : Options {
  std::int64_t warmup = 0;  // W

  // Throws Error unless step >= 1 and total >= 1.
  double factor(std::int64_t step, std::int64_t total) const;
  void describe(Fields& f) override;

 protected:
  // The factor beyond the warm-up.
  virtual double shape(std::int64_t step, std::int64_t total) const = 0;
  double progress(std::int64_t step, std::int64_t total) const;  // u
};

struct ConstantSchedule : ScheduleOptions {
 protected:
  double shape(std::int64_t, std::int64_t) const override { return 1; }
};

struct LinearSchedule : ScheduleOptions {
  double final = 0;
  void describe(Fields& f) override;

 protected:
  double shape(std::int64_t step, std::int64_t total) const override;
};

struct CosineSchedule : ScheduleOptions {
  double final = 0;
  void describe(Fields& f) override;

 protected:
  double shape(std::int64_t step, std::int64_t total) const override;
};

struct InverseSqrtSchedule : ScheduleOptions {
 protected:
  double shape(std::int64_t step, std::int64_t total) const override;
};

struct WsdSchedule : ScheduleOptions {
  double decay = 0.2;  // share of all steps
  std::string form = "linear";
  double final = 0;
  void describe(Fields& f) override;

 protected:
  double shape(std::int64_t step, std::int64_t total) const override;
};

// All schedules, for configurations: "constant", "linear", "cosine", "inverse_sqrt", "wsd".
std::span<const Kind> schedule_kinds();

}  // namespace tempera
