#include "data/listops.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/hash.h"
#include "data/csv.h"
#include "data/draw_stream.h"
#include "data/sequences.h"

namespace tempera {
namespace {

constexpr std::array<std::string_view, 15> kWords = {"0", "1", "2",    "3",    "4",    "5",   "6", "7",
                                                     "8", "9", "[MIN", "[MAX", "[MED", "[SM", "]"};
constexpr std::int32_t kFirstOperation = 10, kOperations = 4, kClose = 14;

std::int32_t applied(std::int32_t operation, std::vector<std::int32_t> values) {
  switch (operation - kFirstOperation) {
    case 0: return *std::min_element(values.begin(), values.end());
    case 1: return *std::max_element(values.begin(), values.end());
    case 2: {
      std::sort(values.begin(), values.end());
      return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
    }
    default: {
      std::int32_t sum = 0;
      for (const std::int32_t value : values) sum += value;
      return sum % 10;
    }
  }
}

// Writes random trees, one draw after another.
class Grower {
 public:
  Grower(const ListOpsDataOptions& o, const Rng& draws) : o_(o), draws_(draws) {}

  // The next tree; false where it grew beyond the longest, and was left unfinished.
  bool grow(std::vector<std::int32_t>& tokens) {
    tokens.clear();
    return grow(tokens, 1);
  }

 private:
  bool grow(std::vector<std::int32_t>& tokens, int depth) {
    if (std::ssize(tokens) > o_.longest) return false;
    if (depth >= o_.depth || draws_.uniform() > 0.25) {
      tokens.push_back(draws_.below(10));
      return true;
    }
    const int arguments = 2 + draws_.below(o_.arguments - 1);
    tokens.push_back(kFirstOperation + draws_.below(kOperations));
    for (int i = 0; i < arguments; ++i)
      if (!grow(tokens, depth + 1)) return false;
    tokens.push_back(kClose);
    return true;
  }

  const ListOpsDataOptions& o_;
  DrawStream draws_;
};

std::string_view part_of(const std::vector<std::int32_t>& tokens) {
  std::string bytes;
  for (const std::int32_t token : tokens) bytes.push_back(static_cast<char>(token));
  const std::uint64_t tenth = fnv1a(bytes) % 10;
  return tenth == 0 ? "test" : tenth == 1 ? "valid" : "train";
}

Description description_of(const ListOpsDataOptions& o) {
  Description d{.inputs = {o.longest}, .input_type = DType::int32, .vocabulary = std::ssize(kWords), .classes = 10};
  d.lengths = true;
  return d;
}

void draw_tree(const ListOpsDataOptions& o, std::string_view part, const Rng& draws, Batch& out, Index row) {
  // One tree in thousands is kept at the least; a range that holds none would never end.
  constexpr int kTries = 10'000'000;
  std::vector<std::int32_t> tokens;
  Grower grower(o, draws);
  int tries = 0;
  while (!grower.grow(tokens) || std::ssize(tokens) < o.shortest || std::ssize(tokens) > o.longest ||
         part_of(tokens) != part)
    require(++tries < kTries, "listops",
            "of {} trees none has {} to {} tokens and belongs to the part {}; widen the range, or raise depth or "
            "arguments",
            grouped(kTries), o.shortest, o.longest, part);
  put_tokens(tokens, 0, out.inputs, row);
  out.lengths.data<std::int32_t>()[row] = static_cast<std::int32_t>(tokens.size());
  out.targets.data<std::int32_t>()[row] = listops_value(tokens);
}

std::shared_ptr<const Dataset> read_part(const ListOpsDataOptions& o, const std::string& name) {
  const std::filesystem::path file = std::filesystem::path(o.folder) / ("basic_" + name + ".tsv");
  require(std::filesystem::exists(file), "listops",
          "'{}' is not there; put basic_train.tsv, basic_val.tsv and basic_test.tsv of the Long Range Arena's release "
          "(its folder listops-1000) into '{}', or leave out data.folder to draw trees by the same rules",
          file.string(), o.folder);
  const CsvTable table = read_csv(file, '\t', true);
  const std::vector<std::string> names = column_names(table, file.string());
  const std::size_t source = find_column(names, "Source", file.string()),
                    target = find_column(names, "Target", file.string());
  std::vector<TokenSample> samples;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string where = fmt::format("{}:{}", file.string(), table.lines[i]);
    const std::string& answer = table.rows[i][target];
    require(answer.size() == 1 && answer[0] >= '0' && answer[0] <= '9', "listops",
            "{}: the target is '{}'; a digit was wanted", where, answer);
    TokenSample& sample = samples.emplace_back();
    sample.inputs = listops_tokens(table.rows[i][source], where);
    sample.target = answer[0] - '0';
    require(std::ssize(sample.inputs) <= o.longest, "listops", "{}: the tree has {} tokens; raise longest, which is {}",
            where, sample.inputs.size(), o.longest);
  }
  return std::make_shared<TokenSamples>(std::move(samples), description_of(o));
}

}  // namespace

std::int32_t listops_value(std::span<const std::int32_t> tokens) {
  std::vector<std::pair<std::int32_t, std::vector<std::int32_t>>> open;  // operations that wait for arguments
  std::optional<std::int32_t> value;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::int32_t token = tokens[i];
    require(token >= 0 && token <= kClose && !value, "listops", "token {}, {}, stands behind the end of the tree", i,
            token);
    std::optional<std::int32_t> done;
    if (token < kFirstOperation) done = token;
    else if (token < kClose) open.push_back({token, {}});
    else {
      require(!open.empty() && !open.back().second.empty(), "listops", "token {} closes no operation with arguments",
              i);
      done = applied(open.back().first, std::move(open.back().second));
      open.pop_back();
    }
    if (done && open.empty()) value = done;
    else if (done) open.back().second.push_back(*done);
  }
  require(value.has_value(), "listops", "the tree of {} tokens has no end; {} brackets are open", tokens.size(),
          open.size());
  return *value;
}

std::vector<std::int32_t> listops_tokens(std::string_view text, std::string_view who) {
  std::vector<std::int32_t> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty() || word == "(" || word == ")") continue;
    const auto found = std::find(kWords.begin(), kWords.end(), word);
    require(found != kWords.end(), who, "'{}' is no word of ListOps; digits, [MIN, [MAX, [MED, [SM and ] are", word);
    tokens.push_back(static_cast<std::int32_t>(found - kWords.begin()));
  }
  return tokens;
}

std::string listops_text(std::span<const std::int32_t> tokens) {
  std::string text;
  for (const std::int32_t token : tokens)
    text += fmt::format("{}{}", text.empty() ? "" : " ", kWords.at(static_cast<std::size_t>(token)));
  return text;
}

void ListOpsDataOptions::describe(Fields& f) {
  f("folder", folder, "holds the .tsv files of the Long Range Arena; empty: trees are drawn");
  f("shortest", shortest, "tokens of a tree, at least", between(1, 1 << 20));
  f("longest", longest, "tokens of a tree, at most", between(1, 1 << 20));
  f("depth", depth, "of the digits that lie deepest, the root being 1", between(1, 100));
  f("arguments", arguments, "of an operation, at most", between(2, 100));
  describe_parts(f);
}

std::vector<Problem> ListOpsDataOptions::problems() const {
  std::vector<Problem> found = DrawnSequencesOptions::problems();
  if (depth == 1 && longest > 1 && shortest > 1)
    found.push_back({"depth", "1 gives single digits alone; raise it, or set shortest to 1"});
  return found;
}

std::unique_ptr<DataSource> ListOpsDataOptions::make() const {
  for (const Problem& problem : problems()) fail("listops", "{}: {}", problem.key, problem.message);
  if (folder.empty())
    return make_parts(Task::classification, "data/listops",
                      [&](std::string_view part, std::int64_t size, const Rng& rng) {
                        return std::make_shared<DrawnSet>(
                            size, description_of(*this), rng,
                            [o = *this, name = std::string(part)](const Rng& draws, Batch& out, Index row) {
                              draw_tree(o, name, draws, out, row);
                            });
                      });
  auto source = std::make_unique<DataSource>();
  source->task = Task::classification;
  source->train = read_part(*this, "train");
  source->valid = read_part(*this, "val");
  source->test = read_part(*this, "test");
  return source;
}

}  // namespace tempera
