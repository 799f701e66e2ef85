// YAML as a tree that remembers where each key and value stands, read strictly.
//
// Refused, beyond what YAML forbids: duplicate keys, keys that are not texts, tags, several documents, tabs in the
// indentation, control characters, bytes that are not UTF-8, an alias inside the list or map it names, nesting beyond
// 64, more than 100,000 nodes counting each alias in full, texts beyond 1 MiB.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "train/config/source.h"

namespace tempera {

struct YamlNode;
using YamlTree = std::shared_ptr<const YamlNode>;  // aliases share; nobody changes a node

struct YamlEntry {
  std::string key;
  Place key_place;
  YamlTree value;
};

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  Place place;
  std::string text = {};     // scalar: its value; null: how it was written, perhaps not at all
  bool quoted = false;       // scalar in quotes or a block text: never a number
  bool by_override = false;  // map made for the path of an override
  std::vector<YamlTree> items = {};
  std::vector<YamlEntry> entries = {};

  const YamlEntry* find(std::string_view key) const;
};

// Reads source number `source`; what is wrong is added to `problems`. Null when the text cannot be read to its end.
YamlTree parse_yaml(int source, Problems& problems);

}  // namespace tempera
