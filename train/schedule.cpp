#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/kind_of.h"

namespace tempera {
namespace {

void describe_final(Fields& f, double& value) {
  f("final", value, "learning rate at the end, as a share of the peak", between(0, 1));
}

}  // namespace

double ScheduleOptions::factor(std::int64_t step, std::int64_t total) const {
  require(step >= 1 && total >= 1, "schedule", "step {} of {} came; steps are counted from 1", step, total);
  if (step <= warmup) return static_cast<double>(step) / static_cast<double>(warmup);
  return shape(step, total);
}

void ScheduleOptions::describe(Fields& f) {
  f("warmup", warmup, "steps over which the learning rate rises linearly to its peak", at_least(0));
}

double ScheduleOptions::progress(std::int64_t step, std::int64_t total) const {
  if (step >= total) return 1;
  return static_cast<double>(step - warmup) / static_cast<double>(total - warmup);
}

void LinearSchedule::describe(Fields& f) {
  ScheduleOptions::describe(f);
  describe_final(f, final);
}

double LinearSchedule::shape(std::int64_t step, std::int64_t total) const {
  const double u = progress(step, total);
  return 1 - u + final * u;
}

void CosineSchedule::describe(Fields& f) {
  ScheduleOptions::describe(f);
  describe_final(f, final);
}

double CosineSchedule::shape(std::int64_t step, std::int64_t total) const {
  return final + (1 - final) * (1 + std::cos(std::numbers::pi * progress(step, total))) / 2;
}

double InverseSqrtSchedule::shape(std::int64_t step, std::int64_t) const {
  return std::sqrt(static_cast<double>(std::max<std::int64_t>(warmup, 1)) / static_cast<double>(step));
}

void WsdSchedule::describe(Fields& f) {
  ScheduleOptions::describe(f);
  f("decay", decay, "share of all steps over which the learning rate falls", between(0, 1));
  f("form", form, "how it falls: linear, or sqrt for 1 - sqrt(u)", one_of({"linear", "sqrt"}));
  describe_final(f, final);
}

double WsdSchedule::shape(std::int64_t step, std::int64_t total) const {
  const double length = decay * static_cast<double>(total),
               left = static_cast<double>(std::max<std::int64_t>(total - step, 0));
  if (left >= length && left > 0) return 1;
  if (left == 0) return final;
  const double u = 1 - left / length;
  return 1 - (1 - final) * (form == "sqrt" ? std::sqrt(u) : u);
}

std::span<const Kind> schedule_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<ConstantSchedule>("constant", "stays at the peak"),
      kind_of<LinearSchedule>("linear", "falls linearly"),
      kind_of<CosineSchedule>("cosine", "falls along half a cosine"),
      kind_of<InverseSqrtSchedule>("inverse_sqrt", "falls with the square root of the step"),
      kind_of<WsdSchedule>("wsd", "stays at the peak and falls at the end"),
  };
  return kKinds;
}

}  // namespace tempera
