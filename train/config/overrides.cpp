#include "train/config/overrides.h"

#include <algorithm>
#include <span>

namespace tempera {
namespace {

constexpr std::size_t kLongestPath = 64;

// Nodes are shared, so those on the path are copied.
YamlTree replaced(const YamlTree& tree, std::span<const std::string> path, const YamlTree& value) {
  if (path.empty()) return value;
  const Place place = value->place;
  auto node = std::make_shared<YamlNode>(YamlNode{YamlNode::Kind::map, {place.source}});
  node->by_override = true;
  if (tree != nullptr && tree->kind == YamlNode::Kind::map) *node = *tree;
  const auto entry = std::ranges::find(node->entries, path[0], &YamlEntry::key);
  if (entry == node->entries.end()) {
    node->entries.push_back({path[0], {place.source}, replaced(nullptr, path.subspan(1), value)});
  } else {
    entry->value = replaced(entry->value, path.subspan(1), value);
    if (path.size() == 1) entry->key_place = {place.source};
  }
  return node;
}

}  // namespace

YamlTree with_override(const YamlTree& tree, std::string_view argument, Problems& problems) {
  const std::size_t equals = argument.find('=');
  const bool complete = equals != std::string_view::npos;
  const int source = problems.add_source(
      {"command line", std::string(complete ? argument.substr(equals + 1) : ""), std::string(argument)});
  std::vector<std::string> path;
  std::string_view rest = argument.substr(0, equals);
  while (complete && path.size() <= kLongestPath) {
    const std::size_t dot = rest.find('.');
    path.emplace_back(rest.substr(0, dot));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (path.empty() || path.size() > kLongestPath || std::ranges::find(path, "") != path.end()) {
    problems.add({source}, "wanted key=value, the key with dots between sections, as in train.steps=100");
    return tree;
  }
  const YamlTree value = parse_yaml(source, problems);
  return value == nullptr ? tree : replaced(tree, path, value);
}

YamlTree laid_over(const YamlTree& below, const YamlTree& above) {
  if (above->kind == YamlNode::Kind::null && below->kind == YamlNode::Kind::map) return below;  // an empty section
  if (below->kind != YamlNode::Kind::map || above->kind != YamlNode::Kind::map) return above;
  auto node = std::make_shared<YamlNode>(*below);
  for (const YamlEntry& entry : above->entries) {
    const auto same = std::ranges::find(node->entries, entry.key, &YamlEntry::key);
    if (same == node->entries.end()) node->entries.push_back(entry);
    else *same = {entry.key, entry.key_place, laid_over(same->value, entry.value)};
  }
  return node;
}

}  // namespace tempera
