#include "train/attention_maps.h"

#include <algorithm>

#include "train/single_sample.h"

namespace tempera {
namespace {

constexpr Index kMostTokens = 64;  // of a text

// What the attentions of one side of a model gave for one sample.
struct Side {
  std::string title;
  bool second = false, cross = false;  // rows are those of the second input; columns are the source's
  std::vector<Tensor> layers;          // [1, H, N, M]
};

// "decoder.blocks.0.cross_attention" belongs to the side "decoder cross attention".
class Recorder : public WeightsObserver {
 public:
  std::vector<Side> sides;

  void see(std::string_view path, const Tensor& weights) override {
    const std::size_t blocks = path.find("blocks.");
    std::string title(path.substr(0, std::min(blocks, path.size())));
    std::replace(title.begin(), title.end(), '.', ' ');
    const bool cross = path.ends_with("cross_attention");
    const bool second = title.find("decoder") != title.npos || title.find("second") != title.npos;
    title += cross ? "cross attention" : "attention";
    auto side = std::find_if(sides.begin(), sides.end(), [&](const Side& s) { return s.title == title; });
    if (side == sides.end()) side = sides.insert(sides.end(), {title, second, cross, {}});
    side->layers.push_back(weights.clone());
  }
};

// The grid of tokens that an image becomes: rows and columns in the ratio of its height and width; none where there is
// no such grid.
std::optional<std::pair<Index, Index>> grid_of(const Shape& image, Index tokens) {
  for (Index rows = 1; rows <= tokens; ++rows)
    if (tokens % rows == 0 && rows * image[2] == tokens / rows * image[1]) return {{rows, tokens / rows}};
  return {};
}

// What stands for a token of the first `count` of `inputs` [1, N] or an image [1, C, H, W].
std::vector<std::string> token_labels(const DataSource& data, const Tensor& inputs, Index count) {
  const Description& d = data.train->description();
  std::vector<std::string> labels;
  if (inputs.dtype() == DType::int32) {
    // A class token stands before the others.
    if (count > inputs.dim(1)) labels.emplace_back("class");
    for (Index i = 0; std::ssize(labels) < count; ++i) {
      const auto token = static_cast<std::int32_t>(inputs.at(i));
      if (token == data.begin) labels.emplace_back("begin");
      else if (token == data.end) labels.emplace_back("end");
      else labels.push_back(data.tokenizer ? data.tokenizer->decode(token) : std::to_string(token));
    }
    return labels;
  }
  if (d.inputs.rank() == 3) {
    auto grid = grid_of(d.inputs, count);
    if (!grid && (grid = grid_of(d.inputs, count - 1))) labels.emplace_back("class");
    for (Index i = 0; grid && std::ssize(labels) < count; ++i)
      labels.push_back(fmt::format("{},{}", i / grid->second, i % grid->second));
  }
  for (Index i = std::ssize(labels); i < count; ++i) labels.push_back(std::to_string(i));
  return labels;
}

// The first rows and columns of one head.
std::vector<float> corner(const Tensor& weights, Index head, Index rows, Index columns) {
  std::vector<float> values;
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j)
      values.push_back(static_cast<float>(weights.at((head * weights.dim(2) + i) * weights.dim(3) + j)));
  return values;
}

AttentionMaps maps_of(const DataSource& data, const Side& side, const ModelInput& input) {
  const Tensor& first = side.layers.front();
  AttentionMaps maps;
  maps.tokens = token_labels(data, side.second ? input.second_inputs : input.inputs, first.dim(2));
  if (side.cross) maps.keys = token_labels(data, input.inputs, first.dim(3));
  for (const Tensor& layer : side.layers) {
    auto& heads = maps.layers.emplace_back();
    for (Index h = 0; h < layer.dim(1); ++h) heads.push_back(corner(layer, h, layer.dim(2), layer.dim(3)));
  }
  return maps;
}

}  // namespace

void write_attention_maps(Experiment& experiment, const RunFolder& folder) {
  const DataSource& data = experiment.data();
  const ModelLearner& learner = experiment.learner();
  Tape tape;
  Context context(tape, experiment.trainer().parameters());
  Recorder recorder;
  context.observe_weights(&recorder);
  context.begin(0, 0);
  const ModelInput input = single_sample(learner, *(data.valid ? data.valid : data.train), 0, kMostTokens);
  learner.model().features(context, input);
  for (const Side& side : recorder.sides)
    folder.write_attention(side.title, experiment.trainer().steps_done(), maps_of(data, side, input));
}

}  // namespace tempera
