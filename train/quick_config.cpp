#include <charconv>
#include <set>
#include <yaml-cpp/yaml.h>

#include "train/quick.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "config";

// A value, and where it was written.
struct Entry {
  std::string key, value, where;
  std::filesystem::path folder;  // that a relative path starts from
};

template <class T>
T number(const Entry& e, T low, T high, std::string_view kind) {
  T value{};
  const char *begin = e.value.data(), *end = begin + e.value.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  require(error == std::errc() && stop == end && value >= low && value <= high, kWho,
          "{}: {} is '{}'; {} in [{}, {}] was wanted", e.where, e.key, e.value, kind, low, high);
  return value;
}

std::int64_t integer(const Entry& e, std::int64_t low, std::int64_t high) {
  return number<std::int64_t>(e, low, high, "an integer");
}

DType dtype(const Entry& e) {
  for (const DType known : {DType::float32, DType::float64})
    if (e.value == to_string(known)) return known;
  fail(kWho, "{}: dtype is '{}'; float32 or float64 was wanted", e.where, e.value);
}

struct Field {
  std::string_view key;
  void (*set)(QuickConfig&, const Entry&);
};

constexpr Field kFields[] = {
    {"batch", [](QuickConfig& c, const Entry& e) { c.batch = integer(e, 1, 1000); }},
    {"data", [](QuickConfig& c, const Entry& e) { c.data = e.folder / e.value; }},
    {"dtype", [](QuickConfig& c, const Entry& e) { c.dtype = dtype(e); }},
    {"epochs", [](QuickConfig& c, const Entry& e) { c.epochs = integer(e, 1, 100000); }},
    {"learning_rate", [](QuickConfig& c, const Entry& e) { c.learning_rate = number(e, 0., 10., "a number"); }},
    {"seed", [](QuickConfig& c, const Entry& e) { c.seed = integer(e, 0, std::numeric_limits<std::int64_t>::max()); }},
    {"threads", [](QuickConfig& c, const Entry& e) { c.threads = integer(e, 1, 1024); }},
    {"weight_decay", [](QuickConfig& c, const Entry& e) { c.weight_decay = number(e, 0., 10., "a number"); }},
    {"width", [](QuickConfig& c, const Entry& e) { c.width = integer(e, 1, 65536); }},
};

void set(QuickConfig& config, const Entry& entry) {
  std::string known;
  for (const Field& field : kFields) {
    if (field.key == entry.key) return field.set(config, entry);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", field.key);
  }
  fail(kWho, "{}: unknown key '{}'; known: {}", entry.where, entry.key, known);
}

std::string place(const std::filesystem::path& file, const YAML::Mark& mark) {
  return fmt::format("{}:{}:{}", file.string(), mark.line + 1, mark.column + 1);
}

}  // namespace

std::string QuickConfig::text() const {
  return fmt::format(
      "seed: {}\nepochs: {}\nbatch: {}\nwidth: {}\nlearning_rate: {}\nweight_decay: {}\ndtype: {}\n"
      "threads: {}\n",
      seed, epochs, batch, width, learning_rate, weight_decay, dtype, threads);
}

QuickConfig read_quick_config(const std::filesystem::path& file, std::span<const std::string> overrides) {
  QuickConfig config;
  YAML::Node root;
  try {
    root = YAML::LoadFile(file.string());
  } catch (const YAML::BadFile&) {
    fail(kWho, "'{}' cannot be opened", file.string());
  } catch (const YAML::ParserException& e) {
    fail(kWho, "{}: this is not YAML: {}", place(file, e.mark), e.msg);
  }
  require(root.IsMap(), kWho, "{}: 'key: value' lines were wanted", place(file, root.Mark()));
  std::set<std::string> seen;
  for (const auto& pair : root) {
    const std::string where = place(file, pair.first.Mark());
    require(pair.first.IsScalar() && pair.second.IsScalar(), kWho, "{}: 'key: value' was wanted", where);
    const std::string key = pair.first.Scalar();
    require(seen.insert(key).second, kWho, "{}: key '{}' stands here a second time", where, key);
    set(config, {key, pair.second.Scalar(), where, file.parent_path()});
  }
  for (const std::string& text : overrides) {
    const std::size_t equals = text.find('=');
    require(equals != std::string::npos, kWho, "command line: '{}' came; key=value was wanted", text);
    set(config, {text.substr(0, equals), text.substr(equals + 1), "command line", {}});
  }
  require(!config.data.empty(), kWho, "{}: the key 'data' is missing; it names the file of digits", file.string());
  return config;
}

}  // namespace tempera
