#include "core/op.h"

#include "core/random.h"

namespace tempera {
namespace {

Tensor draw_input(const Input& input, const Rng& rng, DType dtype) {
  Tensor tensor = Tensor::empty(input.shape, input.draw == Draw::index ? DType::int32 : dtype);
  const auto count = static_cast<std::int32_t>(tensor.size());
  switch (input.draw) {
    case Draw::uniform: rng.fill_uniform(tensor, input.low, input.high); break;
    case Draw::distinct: {
      // Each value has a cell of its own and keeps to the middle half of it.
      const std::vector<std::int32_t> cell = rng.permutation(count);
      const double width = (input.high - input.low) / std::max(1, count);
      for (std::int32_t i = 0; i < count; ++i) {
        const auto index = static_cast<std::uint64_t>(count) + static_cast<std::uint64_t>(i);
        tensor.set(i, input.low + width * (cell[static_cast<std::size_t>(i)] + rng.uniform(index, 0.25, 0.75)));
      }
      break;
    }
    case Draw::index:
      for (std::int32_t i = 0; i < count; ++i)
        tensor.set(i, input.low + static_cast<double>(rng.below(static_cast<std::uint64_t>(i),
                                                                static_cast<std::uint64_t>(input.high - input.low))));
  }
  return tensor;
}

}  // namespace

std::vector<Tensor> draw_inputs(const Example& example, std::uint64_t seed, DType dtype) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < example.inputs.size(); ++i)
    tensors.push_back(draw_input(example.inputs[i], Rng(seed, fmt::format("{}/{}", example.name, i)), dtype));
  return tensors;
}

}  // namespace tempera
