// A configuration file with all that it may hold: the settings of an experiment, variants of them, and a claim.
//
//   base: softmax.yaml             settings below those of this file; its own claim is not taken over
//   variants: {NAME: {dotted.key: value, ...}}   as on the command line: a value replaces what stood there
//   quick: {dotted.key: value, ...}              laid over everything where somebody wants a first impression
//   seeds: 5                       train.seed 1 to 5; or a list
//   claim, paper, note, plot, table, expect             train/claims/claim.h
//
// A file without these keys is an experiment as it always was.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/claims/claim.h"
#include "train/config/read_config.h"
#include "train/config/source.h"
#include "train/config/yaml_tree.h"
#include "train/experiment.h"

namespace tempera {

class ExperimentFile {
 public:
  // Checks the whole file, every variant included. `above` is laid over its settings. Throws ConfigError with every
  // mistake at its place; those of a variant stand at its line.
  explicit ExperimentFile(const ConfigText& text, std::span<const ConfigText> above = {});
  explicit ExperimentFile(const std::filesystem::path& path) : ExperimentFile(load_config_text(path)) {}

  // Fills options: settings of the file, of `variant` (kOwn: none), of `quick` where it is wanted, and overrides.
  // Throws ConfigError, also where there is no such variant.
  Origins fill(ExperimentOptions& options, std::span<const std::string> overrides = {}, std::string_view variant = kOwn,
               bool quick = false) const;

  const Claim& claim() const { return claim_; }
  bool has_claim() const { return !claim_.expect.empty(); }
  std::vector<std::string> variants() const;  // all that are written
  bool has_quick() const { return quick_ != nullptr; }

  // Throws ConfigError unless every metric that is expected or plotted is among those that names(variant) gives.
  void check_metrics(const std::function<std::vector<std::string>(const std::string& variant)>& names) const;

  // 16 hexadecimal digits of settings, variants, seeds and expectations as they are written; comments, layout,
  // sentences and figures of the paper count nothing, `quick` where it was used.
  std::string fingerprint(bool quick = false) const { return fingerprints_[static_cast<std::size_t>(quick)]; }

 private:
  struct Variant {
    std::string name;
    Place place;
    YamlTree settings;
  };
  YamlTree load(const ConfigText& text, int depth);
  YamlTree with_base(const YamlTree& tree, const std::string& name, int depth);
  void read_claim(const YamlTree& tree);
  void read_seeds(const YamlNode& node);
  void read_variants(const YamlNode& node);
  void read_expectations(const YamlNode& node);
  void check_variant_name(const YamlTree& item, std::string_view key, const std::string& name);
  void choose_variants();
  YamlTree laid(YamlTree tree, const YamlTree& settings, Problems& problems) const;
  const Variant* find(std::string_view name) const;

  Problems problems_;
  YamlTree settings_, quick_;
  std::vector<Variant> variants_;
  Claim claim_;
  std::vector<Place> plot_places_, table_places_;
  std::array<std::string, 2> fingerprints_;  // without and with `quick`
};

// Keys of a file that are no settings, each with its JSON Schema, and the page about them: what train --schema and
// --reference say beside the options.
std::string experiment_schema();
std::string experiment_reference();

}  // namespace tempera
