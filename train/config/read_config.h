// A configuration out of YAML and command-line overrides into a described struct.
//
//   ExperimentOptions options;
//   const Origins origins = read_config(load_config_text("configs/mqar.yaml"), {"train.optimizer.lr=3e-4"}, options);
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "core/fields.h"
#include "train/config/config_error.h"

namespace tempera {

// Where a value was given.
struct Origin {
  std::string file = {};  // empty: on the command line
  int line = 0;           // from 1
};
// By dotted path ("train.optimizer.lr", "attention.type"); a value not listed has its default.
using Origins = std::map<std::string, Origin, std::less<>>;

struct ConfigText {
  std::string name;  // stands in messages
  std::string yaml;
};

// Throws ConfigError when there is no such file or it cannot be read.
ConfigText load_config_text(const std::filesystem::path& path);

// Fills `options` by its fields. What the text does not name keeps its value; an empty section (or text) is one without
// keys. Throws ConfigError with every mistake: unknown keys with the nearest known one, types, ranges, and the rules
// between fields (asked only of sections in which all else is right). `options` is half filled then.
Origins read_config(const ConfigText& text, std::span<const std::string> overrides, Options& options);
// Several texts: each is laid over the ones before, key by key through the sections; lists are replaced as a whole.
Origins read_config(std::span<const ConfigText> texts, std::span<const std::string> overrides, Options& options);
Origins read_config(const ConfigText& text, std::initializer_list<std::string> overrides, Options& options);

}  // namespace tempera
