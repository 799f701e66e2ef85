// dump_examples FILE: the inputs of every operation's examples, for tests/goldens/make.py.
//
// For each example with a PyTorch expression FILE (safetensors) holds "<op>/<example>/a", ".../b", ...: the inputs for
// seed 7 in float64, indices in int32; ".../w": dL/dy for a random L, where y has a gradient; and the metadata
// "<op>/<example>": the expression. Draws are functions of these names, so an operation added later changes no other.
#include <cstdio>

#include "attention/ops.h"
#include "core/ops/table.h"
#include "core/random.h"
#include "core/tape.h"
#include "data/safetensors.h"

using namespace tempera;

namespace {

constexpr std::uint64_t kSeed = 7;

void dump(const Op& op, const Example& example, SafetensorsFile& file) {
  const std::string name = fmt::format("{}/{}", op.name, example.name);
  require(file.metadata.emplace(name, example.torch).second, "dump_examples", "operation '{}' has two examples '{}'",
          op.name, example.name);
  Tape tape;
  std::vector<Var> inputs;
  char letter = 'a';
  for (const Tensor& input : draw_inputs(example, kSeed, DType::float64)) {
    inputs.push_back(is_floating(input.dtype()) ? tape.leaf(input) : tape.constant(input));
    file.tensors.emplace(fmt::format("{}/{}", name, letter++), input);
  }
  const Var y = example.call(inputs);
  if (!y.requires_grad()) return;
  Tensor w = Tensor::empty(y.shape(), DType::float64);
  Rng(kSeed, name + "/w").fill_uniform(w, -1, 1);
  file.tensors.emplace(name + "/w", w);
}

}  // namespace

int main(int argc, char** argv) try {
  require(argc == 2, "dump_examples", "{} arguments came; wanted: dump_examples FILE", argc - 1);
  SafetensorsFile file;
  for (const auto ops : {all_ops(), attention_ops()})
    for (const Op* op : ops)
      for (const Example& example : op->examples())
        if (!example.torch.empty()) dump(*op, example, file);
  write_safetensors(argv[1], file);
  fmt::print("{} examples in {}\n", file.metadata.size(), argv[1]);
  return 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "{}\n", e.what());
  return 1;
}
