#include "train/checkpoint.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "core/random.h"
#include "tests/support/folder.h"
#include "tests/support/small_run.h"

using namespace tempera;
namespace fs = std::filesystem;

TEST_CASE("a run goes on from a checkpoint bit for bit", "[checkpoint]") {
  const TestFolder folder;
  SmallRun whole(1);
  for (int i = 1; i <= 10; ++i) {
    whole.step(i);
    if (i == 6) {
      CheckpointState state{.step = 6, .seed = 1, .config = "c", .numbers = {{"best", 0.1 + 0.2}, {"worst", INFINITY}}};
      save_checkpoint(folder.path / "step-000006", whole.parameters, whole.optimizer->states(), state);
    }
  }
  SmallRun resumed(2);  // other weights, to be replaced
  CheckpointState state;
  load_checkpoint(folder.path / "step-000006", resumed.parameters, resumed.optimizer->states(), state);
  CHECK(state.step == 6);
  CHECK(state.seed == 1);
  CHECK(state.config == "c");
  CHECK(state.numbers.at("best") == 0.1 + 0.2);
  CHECK(state.numbers.at("worst") == INFINITY);
  for (int i = 7; i <= 10; ++i) resumed.step(i);
  CHECK(weights_hash(resumed.parameters) == weights_hash(whole.parameters));
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);  // nothing lies about
}

TEST_CASE("a checkpoint may be named without a folder above it", "[checkpoint]") {
  const TestFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path);
  const SmallRun run(1);
  for (const char* name : {"points", "points/", "./other"}) save_checkpoint(name, run.parameters, {}, {});
  fs::current_path(before);
  CHECK(fs::exists(folder.path / "points/COMPLETE"));
  CHECK(fs::exists(folder.path / "other/COMPLETE"));
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 2);
}

TEST_CASE("the hash sees every bit and every name", "[checkpoint]") {
  SmallRun a(1), b(1);
  CHECK(weights_hash(a.parameters) == weights_hash(b.parameters));
  b.net.bias.value.set(3, std::nextafter(static_cast<float>(b.net.bias.value.at(3)), 9.F));
  CHECK(weights_hash(a.parameters) != weights_hash(b.parameters));
}

TEST_CASE("a checkpoint that does not fit is refused", "[checkpoint][errors]") {
  const TestFolder folder;
  const fs::path path = folder.path / "step-000001";
  SmallRun run(1);
  CheckpointState state;
  save_checkpoint(path, run.parameters, run.optimizer->states(), state);
  const std::string at = path.string();
  SECTION("without its mark") {
    fs::remove(path / "COMPLETE");
    CHECK_THROWS_WITH(load_checkpoint(path, run.parameters, run.optimizer->states(), state),
                      "checkpoint: " + at + " is not complete; choose an older checkpoint");
  }
  SECTION("of another model") {
    struct Other : Module {
      Parameter weight{{7, 4}, Init::zeros()};
      void visit(ParameterVisitor& v) override { v("layer.weight", weight); }
    } other;
    Parameters parameters(other, DType::float32, Rng(1, "run"));
    CHECK_THROWS_WITH(load_weights(path, parameters), "checkpoint: 'layer.weight' of " + at +
                                                          "/model.safetensors is float32 [7, 5], but the model wants "
                                                          "float32 [7, 4]");
  }
  SECTION("of numbers of another type") {
    Parameters parameters(run.net, DType::float64, Rng(1, "run"));
    CHECK_THROWS_WITH(load_weights(path, parameters),
                      Catch::Contains("is float32 [") && Catch::Contains(", but the model wants float64 ["));
  }
  SECTION("with more than the model has") {
    struct Part : Module {
      Parameter weight{{7, 5}, Init::zeros()};
      void visit(ParameterVisitor& v) override { v("layer.weight", weight); }
    } part;
    Parameters parameters(part, DType::float32, Rng(1, "run"));
    CHECK_THROWS_WITH(load_weights(path, parameters),
                      "checkpoint: " + at +
                          "/model.safetensors holds 'layer.bias', which the model does not have; was it "
                          "made with another configuration?");
  }
  SECTION("with a damaged state") {
    std::ofstream(path / "state.json") << "{\"step\": ";
    CHECK_THROWS_WITH(load_checkpoint(path, run.parameters, run.optimizer->states(), state),
                      "checkpoint: " + at + "/state.json is no state of a checkpoint; it is damaged");
  }
}

TEST_CASE("a stranger's checkpoint leads nobody out of its folder", "[checkpoint][errors]") {
  const TestFolder folder;
  SmallRun run(1);
  CheckpointState state;
  const fs::path path = folder.path / "step-000001";
  save_checkpoint(path, run.parameters, run.optimizer->states(), state);
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "state.json"}) {
    fs::rename(path / name, folder.path / "elsewhere");
    fs::create_symlink("../elsewhere", path / name);
    CHECK(folder.error_of([&] { load_checkpoint(path, run.parameters, run.optimizer->states(), state); }) ==
          fmt::format("checkpoint: step-000001/{} is a link that leads out of its folder; put the file itself there",
                      name));
    fs::remove(path / name);
    fs::rename(folder.path / "elsewhere", path / name);
  }
  load_checkpoint(path, run.parameters, run.optimizer->states(), state);
}

TEST_CASE("a state with values of wrong types is refused", "[checkpoint][errors]") {
  const TestFolder folder;
  folder.write("c/COMPLETE", "");
  for (const char* text : {R"({"step": -1, "seed": 1, "config": "", "numbers": {}})",
                           R"({"step": 1, "seed": "x", "config": "", "numbers": {}})",
                           R"({"step": 1, "seed": 1, "config": "", "numbers": {"a": 3}})",
                           R"({"step": 1, "seed": 1, "config": "", "numbers": {"a": "0x1g"}})"}) {
    folder.write("c/state.json", text);
    CHECK(folder.error_of([&] { read_checkpoint_state(folder.path / "c"); }) ==
          "checkpoint: c/state.json is no state of a checkpoint; it is damaged");
  }
}
