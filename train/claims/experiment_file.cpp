#include "train/claims/experiment_file.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/hash.h"
#include "core/nearest.h"
#include "train/config/overrides.h"
#include "train/config/scalar.h"
#include "train/config/section_reader.h"
#include "train/config/words.h"

namespace tempera {
namespace {

constexpr int kDeepest = 8;  // files below files
constexpr std::int64_t kMostSeeds = 1000;
const std::vector<std::string_view> kKeys = {"base",  "claim", "paper",    "note",  "plot",
                                             "table", "seeds", "variants", "quick", "expect"};
// What the runs of a claim differ by besides their variant.
const std::vector<std::string_view> kNotOfVariants = {"name", "folder", "train.seed", "train.threads"};

bool is_claim_key(const YamlEntry& entry) {
  return std::ranges::find(kKeys, entry.key) != kKeys.end();
}

YamlTree map_of(const YamlNode& like, std::vector<YamlEntry> entries) {
  auto node = std::make_shared<YamlNode>(like);
  node->entries = std::move(entries);
  return node;
}

// The entries for which `wanted` holds; a tree that is no map stays as it is.
template <class F>
YamlTree filtered(const YamlTree& tree, F&& wanted) {
  if (tree->kind != YamlNode::Kind::map) return tree;
  std::vector<YamlEntry> kept;
  std::ranges::copy_if(tree->entries, std::back_inserter(kept), wanted);
  return map_of(*tree, std::move(kept));
}

// What is written, without places: the same text for the same values.
std::string canonical(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::null: return "~";
    case YamlNode::Kind::scalar: return fmt::format("{}{}:{}", node.quoted ? "'" : "", node.text.size(), node.text);
    case YamlNode::Kind::list:
      for (const YamlTree& item : node.items) text += canonical(*item) + ',';
      return '[' + text + ']';
    case YamlNode::Kind::map:
      for (const YamlEntry& entry : node.entries) text += entry.key + '=' + canonical(*entry.value) + ',';
      return '{' + text + '}';
  }
  return text;
}

bool is_section(const YamlNode& node) {
  return node.kind == YamlNode::Kind::map || node.kind == YamlNode::Kind::null;
}

// Whether what stands at this key of the file may change a verdict.
bool decides(std::string_view key) {
  constexpr std::string_view kWords[] = {"claim", "paper", "note", "plot", "table", "name", "folder"};
  return std::ranges::find(kWords, key) == std::end(kWords);
}

}  // namespace

ExperimentFile::ExperimentFile(const ConfigText& text, std::span<const ConfigText> above) {
  const YamlTree tree = load(text, 0);
  std::vector<YamlTree> over;
  for (const ConfigText& other : above) over.push_back(load(other, 0));
  const auto missing = [](const YamlTree& t) { return t == nullptr; };
  // Of half a text one cannot say which keys are missing or wrong.
  if (missing(tree) || std::ranges::any_of(over, missing)) throw ConfigError(problems_.sorted());
  settings_ = filtered(tree, std::not_fn(is_claim_key));
  for (const YamlTree& other : over) settings_ = laid_over(settings_, filtered(other, std::not_fn(is_claim_key)));
  read_claim(filtered(tree, is_claim_key));
  for (const bool quick : {false, true})
    fingerprints_[static_cast<std::size_t>(quick)] =
        fmt::format("{:016x}", fnv1a(canonical(*filtered(tree, [&](const YamlEntry& entry) {
                      return decides(entry.key) && (quick || entry.key != "quick");
                    }))));
  Problems found = problems_;
  const auto check = [&](const YamlTree& settings) {
    ExperimentOptions scratch;
    read_tree(laid(settings_, settings, found), scratch, found, {.also_known = kKeys});
  };
  check(nullptr);
  for (const Variant& variant : variants_) check(variant.settings);
  if (quick_) check(quick_);
  if (found.count() > 0) throw ConfigError(found.sorted());
}

YamlTree ExperimentFile::load(const ConfigText& text, int depth) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  const std::size_t start = text.yaml.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  const YamlTree tree = parse_yaml(problems_.add_source({text.name, text.yaml.substr(start)}), problems_);
  return tree == nullptr ? nullptr : with_base(tree, text.name, depth);
}

YamlTree ExperimentFile::with_base(const YamlTree& tree, const std::string& name, int depth) {
  const YamlEntry* base = tree->find("base");
  if (base == nullptr) return tree;
  std::string file;
  std::string wrong = read_scalar(*base->value, file);
  if (wrong.empty() && depth >= kDeepest) wrong = fmt::format("files lie upon files beyond {}", kDeepest);
  if (!wrong.empty()) {
    problems_.add(base->value->place, "base: " + wrong);
    return nullptr;
  }
  try {
    const YamlTree below = load(load_config_text(std::filesystem::path(name).parent_path() / file), depth + 1);
    return below == nullptr ? nullptr : laid_over(filtered(below, std::not_fn(is_claim_key)), tree);
  } catch (const ConfigError& error) {
    problems_.add(base->value->place,
                  fmt::format("base: {} {}", error.problems()[0].source, error.problems()[0].message));
    return nullptr;
  }
}

void ExperimentFile::read_claim(const YamlTree& tree) {
  if (tree->kind != YamlNode::Kind::map) return;
  const auto described = [](const YamlEntry& e) {
    return e.key == "claim" || e.key == "paper" || e.key == "note" || e.key == "plot" || e.key == "table";
  };
  read_tree(filtered(tree, described), claim_, problems_);
  const auto places = [&](const char* key, std::vector<Place>& of_items) {
    if (const YamlEntry* list = tree->find(key))
      for (const YamlTree& item : list->value->items) of_items.push_back(item->place);
  };
  places("plot", plot_places_);
  places("table", table_places_);
  if (const YamlEntry* variants = tree->find("variants")) read_variants(*variants->value);
  if (const YamlEntry* quick = tree->find("quick")) {
    quick_ = quick->value;
    laid(settings_, quick_, problems_);
  }
  if (const YamlEntry* seeds = tree->find("seeds")) read_seeds(*seeds->value);
  if (const YamlEntry* expect = tree->find("expect")) {
    read_expectations(*expect->value);
    if (claim_.claim.empty())
      problems_.add(expect->key_place, "expect: say in a sentence what is expected, `claim: ...`");
  }
  choose_variants();
}

void ExperimentFile::read_seeds(const YamlNode& node) {
  claim_.seeds.clear();
  if (node.kind == YamlNode::Kind::list) {
    for (const YamlTree& item : node.items) {
      std::uint64_t seed = 0;
      const std::string wrong = read_scalar(*item, seed);
      if (!wrong.empty()) problems_.add(item->place, "seeds: " + wrong);
      else if (std::ranges::find(claim_.seeds, seed) != claim_.seeds.end())
        problems_.add(item->place, fmt::format("seeds: {} stands here twice", seed));
      claim_.seeds.push_back(seed);
    }
    if (node.items.empty()) problems_.add(node.place, "seeds: at least one is wanted");
    return;
  }
  std::int64_t count = 0;
  std::string wrong = read_scalar(node, count);
  if (wrong.empty() && (count < 1 || count > kMostSeeds))
    wrong = fmt::format("a count must be between 1 and {}, got {}", kMostSeeds, count);
  if (!wrong.empty()) problems_.add(node.place, fmt::format("seeds: {}; a count or a list of them", wrong));
  for (std::int64_t i = 1; wrong.empty() && i <= count; ++i) claim_.seeds.push_back(static_cast<std::uint64_t>(i));
}

void ExperimentFile::read_variants(const YamlNode& node) {
  if (!is_section(node))
    return problems_.add(node.place, fmt::format("variants: wanted a section, a name and settings each, got {}; write "
                                                 "`NAME: {{key.path: value}}`",
                                                 what_stands(node)));
  for (const YamlEntry& entry : node.entries) {
    const auto harmless = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             c == '.';
    };
    if (entry.key.empty() || !std::ranges::all_of(entry.key, harmless) || entry.key[0] == '.' || entry.key == kOwn)
      problems_.add(
          entry.key_place,
          fmt::format("variants: `{}` cannot be a name; letters, digits, `-`, `_` and `.` can, and `{}` is the "
                      "file as it stands",
                      shortened(entry.key), kOwn));
    variants_.push_back({entry.key, entry.key_place, entry.value});
    laid(settings_, entry.value, problems_);
  }
}

void ExperimentFile::read_expectations(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::list)
    return problems_.add(node.place, fmt::format("expect: wanted a list, got {}; write `- {{metric: test_accuracy, "
                                                 "at_least: 0.9}}`",
                                                 what_stands(node)));
  for (const YamlTree& item : node.items) {
    Expectation expectation;
    read_tree(item, expectation, problems_, {"expect", item->place, {}});
    if (item->kind != YamlNode::Kind::map) continue;
    if (expectation.of.empty()) {
      if (!variants_.empty()) problems_.add(item->place, "expect: of which variant? write `of: NAME`");
      expectation.of = kOwn;
    }
    check_variant_name(item, "of", expectation.of);
    check_variant_name(item, "above", expectation.above);
    check_variant_name(item, "below", expectation.below);
    const YamlEntry* metric = item->find("metric");
    const YamlEntry* steps = item->find("steps_to");
    if (metric == nullptr && steps != nullptr && steps->value->kind == YamlNode::Kind::map)
      metric = steps->value->find("metric");
    claim_.places.push_back(metric != nullptr ? metric->value->place : item->place);
    claim_.expect.push_back(std::move(expectation));
  }
}

void ExperimentFile::check_variant_name(const YamlTree& item, std::string_view key, const std::string& name) {
  const YamlEntry* entry = item->find(key);
  if (entry == nullptr || name.empty() || name == kOwn || find(name) != nullptr) return;
  const std::vector<std::string> written = variants();
  std::vector<std::string_view> known(written.begin(), written.end());
  const std::string meant = did_you_mean(name, known);
  known.push_back(kOwn);
  problems_.add(entry->value->place, fmt::format("expect.{}: there is no variant `{}`{} known variants: {}", key,
                                                 shortened(name), meant.empty() ? ";" : meant, joined(known)));
}

// All that are written; the file as it stands where nothing else is there, or where an expectation names it.
void ExperimentFile::choose_variants() {
  bool own = variants_.empty();
  for (const Expectation& e : claim_.expect) own = own || e.of == kOwn || e.other() == kOwn;
  if (own) claim_.variants.emplace_back(kOwn);
  for (const Variant& variant : variants_) claim_.variants.push_back(variant.name);
}

// The tree with the settings of a variant; what is wrong with their form is added to `problems`.
YamlTree ExperimentFile::laid(YamlTree tree, const YamlTree& settings, Problems& problems) const {
  if (settings == nullptr || settings->kind == YamlNode::Kind::null) return tree;
  if (settings->kind != YamlNode::Kind::map) {
    problems.add(settings->place,
                 fmt::format("wanted settings, `{{key.path: value}}`, got {}", what_stands(*settings)));
    return tree;
  }
  for (const YamlEntry& entry : settings->entries) {
    const std::vector<std::string> path = path_parts(entry.key);
    const auto is_key = [&](std::string_view key) { return entry.key == key; };
    if (path.empty()) {
      problems.add(entry.key_place, "wanted a key with dots between sections, as in train.steps");
    } else if (std::ranges::any_of(kNotOfVariants, is_key)) {
      problems.add(
          entry.key_place,
          fmt::format("`{}` is not for variants: each run has its own, and `seeds` tells the seeds", entry.key));
    } else {
      tree = with_value(tree, path, entry.key_place, entry.value);
    }
  }
  return tree;
}

const ExperimentFile::Variant* ExperimentFile::find(std::string_view name) const {
  const auto found = std::ranges::find(variants_, name, &Variant::name);
  return found == variants_.end() ? nullptr : &*found;
}

std::vector<std::string> ExperimentFile::variants() const {
  std::vector<std::string> names;
  for (const Variant& variant : variants_) names.push_back(variant.name);
  return names;
}

Origins ExperimentFile::fill(ExperimentOptions& options, std::span<const std::string> overrides,
                             std::string_view variant, bool quick) const {
  Problems problems = problems_;
  YamlTree tree = settings_;
  if (variant != kOwn) {
    const Variant* chosen = find(variant);
    if (chosen == nullptr) {
      const std::vector<std::string> written = variants();
      const std::vector<std::string_view> known(written.begin(), written.end());
      const std::string meant = did_you_mean(variant, known);
      throw ConfigError({{problems.source(0).name, 0, 0,
                          known.empty() ? "has no variants"
                                        : fmt::format("there is no variant `{}`{} known variants: {}", variant,
                                                      meant.empty() ? ";" : meant, joined(known))}});
    }
    tree = laid(tree, chosen->settings, problems);
  }
  if (quick) tree = laid(tree, quick_, problems);
  for (const std::string& argument : overrides) tree = with_override(tree, argument, problems);
  Origins origins = read_tree(tree, options, problems, {.also_known = kKeys});
  if (problems.count() > 0) throw ConfigError(problems.sorted());
  return origins;
}

void ExperimentFile::check_metrics(
    const std::function<std::vector<std::string>(const std::string& variant)>& names) const {
  Problems problems = problems_;
  std::map<std::string, std::vector<std::string>> known;
  for (const std::string& variant : claim_.variants) known[variant] = names(variant);
  std::set<Place> told;
  const auto check = [&](Place place, const std::string& metric, const std::string& variant, bool recorded) {
    std::vector<std::string_view> all;
    for (const std::string& name : known[variant])
      if (!recorded || name.starts_with("train") || name.starts_with("valid")) all.push_back(name);
    if (std::ranges::find(all, metric) != all.end() || !told.insert(place).second) return;
    const std::string meant = did_you_mean(metric, all);
    problems.add(place,
                 fmt::format("runs of {} {} no `{}`{} known metrics: {}", variant, recorded ? "record" : "end with",
                             shortened(metric), meant.empty() ? ";" : meant, joined(all)));
  };
  for (std::size_t i = 0; i < claim_.expect.size(); ++i) {
    const Expectation& e = claim_.expect[i];
    const std::string& metric = e.counts_steps() ? e.steps_to.metric : e.metric;
    check(claim_.places[i], metric, e.of, e.counts_steps());
    if (e.compares()) check(claim_.places[i], metric, e.other(), e.counts_steps());
  }
  const auto check_list = [&](const std::vector<std::string>& metrics, const std::vector<Place>& of_items) {
    for (std::size_t i = 0; i < metrics.size(); ++i)
      for (const std::string& variant : claim_.variants) check(of_items[i], metrics[i], variant, false);
  };
  check_list(claim_.plot, plot_places_);
  check_list(claim_.table, table_places_);
  if (problems.count() > 0) throw ConfigError(problems.sorted());
}

}  // namespace tempera
