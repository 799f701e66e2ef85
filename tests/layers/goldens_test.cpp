// Modules against PyTorch, in float64, with PyTorch's own parameter names.
#include "data/safetensors.h"
#include "layers/block.h"
#include "layers/gru.h"
#include "layers/stem.h"
#include "tests/support/modules.h"
#include "tests/support/source_file.h"

using namespace tempera;

namespace {

const SafetensorsFile& goldens() {
  static const SafetensorsFile file = read_safetensors(source_file("tests/goldens/layers.safetensors"));
  return file;
}

void compare(Module& module, const std::string& name, const std::function<Var(Context&, const Var&)>& forward) {
  CAPTURE(name);
  const auto golden = [&](const std::string& key) { return goldens().tensors.at(name + "/" + key); };
  Parameters parameters(module, DType::float64, Rng(1, "goldens"));
  for (const Parameters::Entry& entry : parameters.entries())
    entry.parameter->value.copy_from(golden(entry.name).reshaped(entry.parameter->shape));
  Tape tape;
  Context context(tape, parameters, Rng(1, "goldens"));
  const Tensor gradients = parameters.make_flat();
  context.set_gradients(gradients);
  context.begin(0, 0);
  const Var x = tape.leaf(golden("x"));
  const Var y = forward(context, x);
  check_close(y.value(), golden("y"), 1e-12);
  tape.backward(y, golden("w"));
  check_close(tape.grad(x), golden("d/x"), 1e-10);
  for (const Parameters::Entry& entry : parameters.entries()) {
    INFO(entry.name);
    check_close(parameters.view(gradients, entry), golden("d/" + entry.name).reshaped(entry.parameter->shape), 1e-10);
  }
}

}  // namespace

TEST_CASE("modules agree with PyTorch", "[layers][goldens]") {
  GRU gru(5);
  compare(gru, "gru", [&](Context& context, const Var& x) { return gru.forward(context, x, {}); });
  PatchEmbedding patches(2, 2, 3);
  compare(patches, "patches", [&](Context& context, const Var& x) { return patches.forward(context, x); });
  for (const std::string_view kind : MLP::kinds()) {
    MLP mlp(3, {.kind = kind, .hidden = 5});
    compare(mlp, fmt::format("mlp/{}", kind), [&](Context& context, const Var& x) { return mlp.forward(context, x); });
  }
  for (const bool pre : {true, false}) {
    TransformerOptions options;
    options.d_model = 4;
    options.mlp = pre ? "gelu" : "swiglu";
    options.mlp_hidden = 6;
    options.norm = pre ? "layer" : "rms";
    options.pre_norm = pre;
    Block block(options, 1, std::make_unique<MeanMixer>(4));
    compare(block, pre ? "block/pre" : "block/post",
            [&](Context& context, const Var& x) { return block.forward(context, x, {.causal = true}); });
  }
}
