// The rules of the house that a compiler does not hold: who includes whom, how long a file is, which operation is
// listed.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "attention/ops.h"
#include "core/ops/table.h"
#include "tests/support/source_file.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

constexpr int kLongest = 600;  // lines

// Whom the sources of a room may include.
const std::map<std::string, std::set<std::string>, std::less<>> kMayKnow = {
    {"core", {"core"}},
    {"layers", {"core", "layers"}},
    {"attention", {"core", "layers", "attention"}},
    {"losses", {"core", "layers", "losses"}},
    {"data", {"core", "data"}},
    {"train", {"core", "layers", "attention", "losses", "data", "train"}},
    {"apps", {"core", "layers", "attention", "losses", "data", "train", "apps"}},
    {"tests", {"core", "layers", "attention", "losses", "data", "train", "apps", "tests"}},
};

struct Source {
  std::string name, text;  // "core/tensor.h"
  std::string room() const { return name.substr(0, name.find('/')); }
};

std::vector<Source> sources() {
  std::vector<Source> all;
  const fs::path root = source_file("");
  for (const auto& [room, known] : kMayKnow) {
    if (!fs::exists(root / room)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / room)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      all.push_back({fs::relative(entry.path(), root).generic_string(), text.str()});
    }
  }
  return all;
}

std::vector<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
    found.push_back((*match)[1]);
  return found;
}

// The includes of a source that its room may not have.
std::vector<std::string> forbidden_includes(const Source& source) {
  static const std::regex include("(?:^|\n)[ \t]*#[ \t]*include[ \t]*\"([^\"]+)\"");
  std::vector<std::string> found;
  for (const std::string& target : matches(source.text, include)) {
    const std::string room = target.substr(0, target.find('/'));
    // A name without a room would be found relative to the file; whole paths are what we write.
    if (!kMayKnow.at(source.room()).contains(room)) found.push_back(target);
  }
  return found;
}

// The operations that headers declare: the name in the definition, or that of the constant without "_op".
std::vector<std::string> declared_ops(const std::vector<Source>& all) {
  static const std::regex declaration("extern const Op (\\w+);");
  std::vector<std::string> names;
  for (const Source& header : all)
    if (header.room() != "tests")
      for (const std::string& constant : matches(header.text, declaration)) {
        const std::regex definition("const Op " + constant + "\\s*[{(]\\s*\"([^\"]+)\"");
        std::string name = constant.substr(0, constant.rfind("_op"));
        for (const Source& source : all)
          if (source.room() == header.room())
            for (const std::string& written : matches(source.text, definition)) name = written;
        names.push_back(name);
      }
  return names;
}

}  // namespace

TEST_CASE("no include points up the list of rooms", "[house]") {
  const std::vector<Source> all = sources();
  REQUIRE(all.size() > 40);
  for (const Source& source : all)
    for (const std::string& target : forbidden_includes(source))
      FAIL_CHECK(source.name << " includes \"" << target << '"');
}

TEST_CASE("the rule about includes can fail", "[house]") {
  CHECK(forbidden_includes({"core/tensor.h", "#include <Eigen/Core>\n#include \"core/shape.h\"\n"}).empty());
  const Source wrong{"layers/linear.h",
                     "// #include \"train/no.h\"\n#include \"train/config.h\"\n  # include \"data/x.h\""};
  CHECK(forbidden_includes(wrong) == std::vector<std::string>{"train/config.h", "data/x.h"});
  CHECK(forbidden_includes({"data/digits.h", "#include \"layers/module.h\"\n"}).size() == 1);
  CHECK(forbidden_includes({"core/tape.cpp", "#include \"tape.h\"\n"}).size() == 1);
}

TEST_CASE("no source exceeds 600 lines", "[house]") {
  for (const Source& source : sources()) {
    INFO(source.name);
    CHECK(std::count(source.text.begin(), source.text.end(), '\n') <= kLongest);
  }
}

TEST_CASE("what a run saves is written through the file system that tests can let fail", "[house]") {
  const std::regex writer(
      "(std::ofstream|std::fopen|fs::(?:create|rename|remove|copy|resize)\\w*\\(|[^\\w.>]::open\\()");
  // A trace that somebody asked for, the words of another process, a lock.
  const std::set<std::string> others{"train/profile.cpp", "train/ledger/child_process.cpp", "train/ledger/ledger.cpp",
                                     "data/file_system.cpp"};
  for (const Source& source : sources())
    if ((source.room() == "train" || source.room() == "data") && !others.contains(source.name))
      for (const std::string& call : matches(source.text, writer))
        FAIL_CHECK(source.name << " calls " << call << "; data/files.h has what it wants");
}

TEST_CASE("operations are found where they are declared", "[house]") {
  const std::vector<Source> all{{"core/a.h", "extern const Op a_op;\nextern const Op b_op;\n"},
                                {"core/a.cpp", "const Op a_op{\"alpha\", examples};\n"},
                                {"tests/t.cpp", "extern const Op t_op;\n"}};
  CHECK(declared_ops(all) == std::vector<std::string>{"alpha", "b"});
}

TEST_CASE("every operation that a header declares stands in a table", "[house]") {
  const std::vector<std::string> declared = declared_ops(sources());
  REQUIRE(declared.size() >= 3);
  std::set<std::string_view> listed;
  for (const auto table : {all_ops(), attention_ops()})
    for (const Op* op : table) listed.insert(op->name);
  for (const std::string& name : declared) {
    INFO(name);
    CHECK(listed.contains(name));
  }
}
