#include "tests/fuzz/targets.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <unistd.h>

#include "core/random.h"
#include "data/csv.h"
#include "data/digits.h"
#include "data/images/formats.h"
#include "data/listops.h"
#include "data/safetensors.h"
#include "data/text/text_classes.h"
#include "data/text/text_data.h"
#include "data/text/text_table.h"
#include "data/text/tokenizer.h"
#include "tests/support/sample_options.h"
#include "train/checkpoint.h"
#include "train/config/read_config.h"
#include "train/output/metrics_log.h"
#include "train/output/run_folder.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;

// A folder of this process, for readers that want a file.
struct Scratch {
  fs::path folder = fs::temp_directory_path() / fmt::format("tempera_fuzz_{}", ::getpid());
  Scratch() { fs::create_directories(folder); }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  fs::path file(std::string_view name, std::string_view bytes) const {
    const fs::path path = folder / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
};

const Scratch& scratch() {
  static const Scratch scratch;
  return scratch;
}

// The first byte, which chooses among options, is taken off.
unsigned take_choice(std::string_view& bytes) {
  if (bytes.empty()) return 0;
  const auto choice = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  return choice;
}

void assert_that(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);  // no Error: a defect
}

void read_batches(const DataSource& source) {
  for (const auto& set : {source.train, source.valid, source.test}) {
    if (!set || set->size() == 0) continue;
    Batch batch;
    const std::array<std::int64_t, 2> ids{0, set->size() - 1};
    set->fill(ids, batch);
  }
}

void safetensors(std::string_view bytes) {
  const SafetensorsFile file = parse_safetensors(std::as_bytes(std::span(bytes)), "fuzz");
  const std::vector<std::byte> written = format_safetensors(file);
  const SafetensorsFile again = parse_safetensors(written, "again");
  assert_that(again.tensors.size() == file.tensors.size(), "what was read is written otherwise");
}

void config(std::string_view bytes) {
  SampleOptions options;
  read_config({"fuzz.yaml", std::string(bytes)}, {}, options);
}

void overrides(std::string_view bytes) {
  std::vector<std::string> arguments;
  while (!bytes.empty() && arguments.size() < 8) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    arguments.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(bytes.size(), end + 1));
  }
  SampleOptions options;
  read_config({"fuzz.yaml", "model: {d_model: 8, attention: {type: linear}}\n"}, arguments, options);
}

void tokenizer(std::string_view bytes) {
  const std::unique_ptr<Tokenizer> tokenizer = parse_tokenizer(bytes, "fuzz");
  const std::string again = tokenizer->to_json();
  assert_that(parse_tokenizer(again)->vocab_size() == tokenizer->vocab_size(), "what was read is written otherwise");
  const std::string_view text = " To be, or not to be: caf\xc3\xa9 12.";  // some put a space before what has none
  const std::vector<std::int32_t> tokens = tokenizer->encode(text);
  assert_that(tokenizer->decode(tokens) == text, "the tokens are those of another text");
}

void csv(std::string_view bytes) {
  const unsigned choice = take_choice(bytes);
  parse_csv(bytes, "fuzz", ",\t;"[choice % 3], (choice & 4) != 0, (choice & 8) != 0);
}

void csv_data(std::string_view bytes) {
  const unsigned choice = take_choice(bytes);
  CsvDataOptions options;
  options.path = scratch().file("data.csv", bytes).string();
  options.target = "y";
  options.task = (choice & 1) != 0 ? "regression" : "classification";
  options.missing = (choice & 2) != 0 ? "refuse" : "drop";
  if ((choice & 4) != 0) options.categories = {"x"};
  read_batches(*options.make());
}

void text(std::string_view bytes) {
  const unsigned choice = take_choice(bytes);
  TextDataOptions options;
  options.path = scratch().file("text.txt", bytes).string();
  options.tokenizer.type = std::array{"characters", "bytes", "byte-pairs"}[choice % 3];
  options.tokenizer.vocab_size = 270;
  options.split = (choice & 4) != 0 ? "contiguous" : "documents";
  options.length = 4;
  read_batches(*options.make());
}

void text_table(std::string_view bytes) {
  const unsigned choice = take_choice(bytes);
  TextTableOptions options;
  options.path = scratch().file("table.csv", bytes).string();
  options.tokenizer.type = (choice & 1) != 0 ? "bytes" : "characters";
  options.longer = (choice & 2) != 0 ? "cut" : "refuse";
  if ((choice & 4) != 0) options.second = "second";
  if ((choice & 8) != 0) options.task = "sequence_to_sequence";
  options.length = 8;
  read_batches(*options.make());
}

void text_classes(std::string_view bytes) {
  const unsigned choice = take_choice(bytes);
  const fs::path a = scratch().file("classes/a", bytes);
  scratch().file("classes/b", "one\n%\ntwo\n%\nthree\n%\nfour\n%\nfive\n");
  TextClassesOptions options;
  options.folder = a.parent_path().string();
  options.tokenizer.type = (choice & 1) != 0 ? "bytes" : "characters";
  options.length = 8;
  read_batches(*options.make());
}

void listops(std::string_view bytes) {
  const std::vector<std::int32_t> tokens = listops_tokens(bytes, "fuzz");
  const std::int32_t value = listops_value(tokens);
  assert_that(value >= 0 && value <= 9, "a value that is no digit");
  assert_that(listops_tokens(listops_text(tokens), "again") == tokens, "the text is that of another tree");
}

void listops_files(std::string_view bytes) {
  ListOpsDataOptions options;
  for (const char* part : {"train", "val", "test"})
    options.folder = scratch().file(fmt::format("listops/basic_{}.tsv", part), bytes).parent_path().string();
  read_batches(*options.make());
}

void digits(std::string_view bytes) {
  read_digits(scratch().file("digits.csv", bytes));
}

void idx(std::string_view bytes) {
  const fs::path file = scratch().file((bytes.starts_with("\x1f\x8b")) ? "idx.gz" : "idx", bytes);
  read_idx(file);
}

void cifar10(std::string_view bytes) {
  const std::array files{scratch().file("cifar", bytes)};
  read_cifar10(files);
}

void png(std::string_view bytes) {
  Images images;
  images.channels = 3;
  append_png(scratch().file("a.png", bytes), images);
}

void metrics(std::string_view bytes) {
  const fs::path file = scratch().file("metrics.jsonl", bytes);
  const std::size_t count = read_metrics(file).size();
  MetricsLog log(file, 3);
  log.add(4, 0.5, 1, "train", std::array{Metric{"loss", 0.25}});
  assert_that(read_metrics(file).size() <= count + 1, "a log that grew by more than a line");
}

void checkpoint(std::string_view bytes) {
  scratch().file("checkpoint/state.json", bytes);
  read_checkpoint_state(scratch().file("checkpoint/COMPLETE", "").parent_path());
}

void identity(std::string_view bytes) {
  read_identity(scratch().file("run/run.json", bytes).parent_path());
}

// Errors are answers.
template <void (*read)(std::string_view)>
void answered(std::string_view bytes) {
  try {
    read(bytes);
  } catch (const Error&) {
  }
}

constexpr std::array kTargets{
    FuzzTarget{"safetensors", answered<safetensors>},
    FuzzTarget{"config", answered<config>},
    FuzzTarget{"overrides", answered<overrides>},
    FuzzTarget{"tokenizer", answered<tokenizer>},
    FuzzTarget{"csv", answered<csv>},
    FuzzTarget{"csv_data", answered<csv_data>},
    FuzzTarget{"text", answered<text>},
    FuzzTarget{"text_table", answered<text_table>},
    FuzzTarget{"text_classes", answered<text_classes>},
    FuzzTarget{"listops", answered<listops>},
    FuzzTarget{"listops_files", answered<listops_files>},
    FuzzTarget{"digits", answered<digits>},
    FuzzTarget{"idx", answered<idx>},
    FuzzTarget{"cifar10", answered<cifar10>},
    FuzzTarget{"png", answered<png>},
    FuzzTarget{"metrics", answered<metrics>},
    FuzzTarget{"checkpoint", answered<checkpoint>},
    FuzzTarget{"identity", answered<identity>},
};

}  // namespace

std::span<const FuzzTarget> fuzz_targets() {
  return kTargets;
}

std::string damaged(std::string_view bytes, std::uint64_t seed) {
  const Rng rng(seed, "damage");
  std::string text(bytes);
  std::uint64_t draw = 0;
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(rng.below(draw++, std::max<std::size_t>(n, 1)));
  };
  for (std::size_t edit = 0, edits = 1 + below(4); edit < edits; ++edit) {
    if (text.empty()) text.push_back(static_cast<char>(below(256)));
    const std::size_t at = below(text.size()), length = 1 + below(8);
    switch (below(6)) {
      case 0: text[at] = static_cast<char>(below(256)); break;
      case 1: text.erase(at, length); break;
      case 2: text.insert(below(text.size()), text.substr(at, length)); break;
      case 3: std::swap(text[at], text[below(text.size())]); break;
      case 4:
        text.insert(at, std::array{"9999999999", "-1", "\\u0000", "[[[[", "1e999", "\xff\xff\xff\xff"}[below(6)]);
        break;
      default: text.resize(at);
    }
  }
  return text;
}

}  // namespace tempera
