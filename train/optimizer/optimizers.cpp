#include <cmath>

#include "core/lanes.h"
#include "train/optimizer/adam.h"
#include "train/optimizer/lion.h"
#include "train/optimizer/muon.h"
#include "train/optimizer/optimizer.h"
#include "train/optimizer/sgd.h"

namespace tempera {
namespace {

template <class O>
std::unique_ptr<Options> make() {
  return std::make_unique<O>();
}

// '*' stands for any run of characters, '?' for one.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && matches(pattern.substr(1), text.substr(1));
}

bool ends_in_table(std::string_view name) {
  return name.find("embedding") != std::string_view::npos || name.starts_with("head.");
}

}  // namespace

std::span<const Kind> optimizer_kinds() {
  static constexpr Kind kKinds[] = {
      {"sgd", "gradient descent with momentum", &make<SgdOptions>},
      {"adam", "Adam (Kingma & Ba 2015)", &make<AdamOptions>},
      {"adamw", "Adam with decoupled weight decay (Loshchilov & Hutter 2019)", &make<AdamWOptions>},
      {"lion", "sign of an interpolated momentum (Chen et al. 2023)", &make<LionOptions>},
      {"muon", "orthogonalised momentum for hidden matrices (Jordan et al. 2024)", &make<MuonOptions>},
  };
  return kKinds;
}

std::vector<Segment> segments_of(const Parameters& parameters, const std::vector<std::string>& no_decay) {
  std::vector<Segment> segments;
  for (const Parameters::Entry& entry : parameters.entries()) {
    const Parameter& parameter = *entry.parameter;
    if (!parameter.trainable) continue;
    Segment segment;
    segment.offset = entry.offset;
    segment.size = entry.size;
    segment.decay = parameter.decay;
    for (const std::string& pattern : no_decay) segment.decay = segment.decay && !matches(pattern, entry.name);
    const bool matrix = parameter.shape.rank() == 2;
    segment.rows = matrix ? parameter.shape[0] : 1;
    segment.cols = matrix ? parameter.shape[1] : entry.size;
    segment.hidden_matrix = matrix && !ends_in_table(entry.name);
    segments.push_back(segment);
  }
  return segments;
}

double gradient_norm(const Tensor& gradients, std::span<const Segment> segments) {
  double total = 0;
  dispatch(gradients.dtype(), [&]<class T>(Type<T>) {
    const T* g = gradients.data<T>();
    for (const Segment& s : segments) {
      // Eight sums that the compiler keeps in vectors, joined in order.
      double sums[8] = {};
      for (Index i = 0; i < s.size; ++i) {
        const auto x = static_cast<double>(g[s.offset + i]);
        sums[i % 8] += x * x;
      }
      for (const double sum : sums) total += sum;
    }
  });
  return std::sqrt(total);
}

}  // namespace tempera
