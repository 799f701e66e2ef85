#include "train/profile.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/reductions.h"
#include "tests/support/folder.h"

using namespace tempera;

namespace {

// mean(x W^T + y), x [5, 3], W [4, 3], y [5, 4]: the product in module blocks.<i>.up, the rest outside.
void train(Tape& tape, Profile& profile, int block) {
  tape.reset();
  profile.begin();
  const Var x = tape.constant(Tensor::full({5, 3}, DType::float32, 1));
  const Var w = tape.leaf(Tensor::full({4, 3}, DType::float32, 1)),
            y = tape.leaf(Tensor::zeros({5, 4}, DType::float32));
  Var z;
  {
    const Tape::Scope scope(tape, "blocks." + std::to_string(block));
    const Tape::Scope part(tape, "up");
    z = linear(x, w);
  }
  tape.backward(mean(z + y));
  profile.mark("update");
}

const Profile::Row& find(const Profile& profile, std::string_view operation, std::string_view path, bool backward) {
  for (const Profile::Row& row : profile.rows())
    if (row.operation == operation && row.path == path && row.backward == backward) return row;
  FAIL("no row for " << operation << " in " << path);
  return profile.rows().front();
}

Profile measured() {
  Tape tape;
  Profile profile;
  tape.set_operation_probe(&profile);
  for (const int block : {0, 0, 1}) train(tape, profile, block);
  return profile;
}

}  // namespace

TEST_CASE("a profile counts calls, bytes and arithmetic by operation, module and direction", "[profile]") {
  const Profile profile = measured();
  const auto& up = find(profile, "linear", "blocks.0.up", false);
  CHECK(up.calls == 2);
  CHECK(up.bytes == 2 * 4 * (15 + 12 + 20));
  CHECK(up.flops == 2 * 2 * 5 * 3 * 4);
  const auto& back = find(profile, "linear", "blocks.0.up", true);
  CHECK(back.calls == 2);
  CHECK(back.bytes == 2 * up.bytes);
  CHECK(back.flops == 2 * up.flops);
  CHECK(find(profile, "linear", "blocks.1.up", true).calls == 1);
  CHECK(find(profile, "add", "", false).calls == 3);
  CHECK(find(profile, "update", "", false).calls == 3);
  double sum = 0;
  for (const Profile::Row& row : profile.rows()) {
    CHECK(row.seconds >= 0);
    sum += row.seconds;
  }
  CHECK(profile.seconds() == Approx(sum));
}

TEST_CASE("a profile's tables join the modules that differ in a number", "[profile]") {
  const std::string text = measured().text(100);
  CHECK(text.find("linear, backward") != std::string::npos);
  CHECK(text.find("blocks.*.up") != std::string::npos);
  CHECK(text.find("blocks.0") == std::string::npos);
  CHECK(text.find("(update)") != std::string::npos);
}

TEST_CASE("a profile's trace is JSON with an event for each call", "[profile]") {
  const TestFolder folder;
  const auto file = folder.path / "trace.json";
  measured().write_trace(file);
  const auto trace = nlohmann::json::parse(std::ifstream(file));
  const auto& events = trace.at("traceEvents");
  // linear, add, mean forward and backward, and the update
  CHECK(events.size() == 3 * 7);
  double before = 0;
  for (const auto& event : events) {
    CHECK(event.at("ph") == "X");
    CHECK(event.at("ts").get<double>() >= before);
    before = event.at("ts").get<double>();
    CHECK(event.at("dur").get<double>() >= 0);
  }
  CHECK(events.front().at("args").at("module") == "blocks.0.up");
  CHECK_THROWS_AS(measured().write_trace(folder.path / "missing" / "trace.json"), Error);
}
