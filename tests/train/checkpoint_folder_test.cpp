#include "train/checkpoint_folder.h"

#include <catch2/catch.hpp>

#include "tests/support/folder.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

void make(const TestFolder& folder, const std::string& name, bool complete = true) {
  folder.write(name + "/model.safetensors", "x");
  if (complete) folder.write(name + "/COMPLETE", "");
}

std::vector<std::int64_t> steps(const CheckpointFolder& folder) {
  std::vector<std::int64_t> all;
  for (const CheckpointPath& checkpoint : folder.complete()) all.push_back(checkpoint.step);
  return all;
}

}  // namespace

TEST_CASE("complete checkpoints are found, oldest first", "[checkpoint]") {
  const TestFolder folder;
  const CheckpointFolder checkpoints(folder.path);
  CHECK_FALSE(checkpoints.newest());
  CHECK(CheckpointFolder(folder.path / "nowhere").complete().empty());
  make(folder, "step-000500");
  make(folder, "step-1000000");
  make(folder, "step-999999");
  make(folder, "step-2000000", false);  // cut short
  make(folder, "step-3000000.new");
  make(folder, "step-");
  make(folder, "step--5");
  make(folder, "mine");
  CHECK(steps(checkpoints) == std::vector<std::int64_t>{500, 999999, 1000000});
  CHECK(checkpoints.newest()->path == checkpoints.at(1000000));
  CHECK(checkpoints.at(500) == folder.path / "step-000500");
}

TEST_CASE("the best checkpoint has a name, and outlives the others", "[checkpoint]") {
  const TestFolder folder;
  const CheckpointFolder checkpoints(folder.path);
  for (int step = 1; step <= 5; ++step) make(folder, fmt::format("step-{:06}", step));
  CHECK_FALSE(checkpoints.best());
  checkpoints.set_best(1);
  checkpoints.set_best(2);
  CHECK(checkpoints.best()->step == 2);
  CHECK(checkpoints.best()->path == checkpoints.at(2));
  CHECK(fs::read_symlink(folder.path / "best") == "step-000002");  // relative: the folder may be moved
  CHECK(fs::exists(folder.path / "best/COMPLETE"));
  checkpoints.prune(2);
  CHECK(steps(checkpoints) == std::vector<std::int64_t>{2, 4, 5});
  checkpoints.prune(7);
  CHECK(steps(checkpoints) == std::vector<std::int64_t>{2, 4, 5});
  fs::remove(folder.path / "step-000002/COMPLETE");
  CHECK_FALSE(checkpoints.best());
}

TEST_CASE("what a killed save left is removed, and nothing else", "[checkpoint]") {
  const TestFolder folder;
  make(folder, "step-000001");
  make(folder, "step-000002", false);
  make(folder, ".step-000003.new", false);
  folder.write("mine/file", "");
  folder.write("notes.new", "");
  folder.write(".notes", "");
  const CheckpointFolder checkpoints(folder.path);
  checkpoints.set_best(1);
  fs::create_directory_symlink("step-000001", folder.path / "best.new");
  checkpoints.clean();
  CHECK_FALSE(fs::exists(folder.path / "step-000002"));
  CHECK_FALSE(fs::exists(folder.path / ".step-000003.new"));
  CHECK_FALSE(fs::is_symlink(folder.path / "best.new"));
  CHECK(fs::exists(folder.path / "step-000001/COMPLETE"));
  CHECK(fs::exists(folder.path / "mine/file"));
  CHECK(fs::exists(folder.path / "notes.new"));
  CHECK(fs::exists(folder.path / ".notes"));
  CHECK(checkpoints.best()->step == 1);
  CheckpointFolder(folder.path / "nowhere").clean();
}

TEST_CASE("a link to a folder is no checkpoint, and nothing behind it is removed", "[checkpoint]") {
  const TestFolder folder;
  make(folder, "elsewhere/mine");
  for (int step = 2; step <= 4; ++step) make(folder, fmt::format("run/step-{:06}", step));
  const CheckpointFolder checkpoints(folder.path / "run");
  fs::create_directory_symlink("../elsewhere/mine", checkpoints.at(1));
  CHECK(steps(checkpoints) == std::vector<std::int64_t>{2, 3, 4});
  fs::create_directory_symlink("step-000001", checkpoints.path() / "best");
  CHECK_FALSE(checkpoints.best());
  checkpoints.prune(1);
  checkpoints.clean();
  CHECK(fs::exists(folder.path / "elsewhere/mine/COMPLETE"));
  CHECK(fs::exists(folder.path / "elsewhere/mine/model.safetensors"));
  CHECK(steps(checkpoints) == std::vector<std::int64_t>{4});
}

TEST_CASE("a folder that cannot be written is told", "[checkpoint][errors]") {
  const TestFolder folder;
  CHECK(folder.error_of([&] { CheckpointFolder(folder.path / "nowhere").set_best(1); }) ==
        "replace_file: nowhere/best.new: link failed: No such file or directory");
}
