#include "train/config/overrides.h"

#include <algorithm>

namespace tempera {
namespace {

constexpr std::size_t kLongestPath = 64;

}  // namespace

// Nodes are shared, so those on the path are copied.
YamlTree with_value(const YamlTree& tree, std::span<const std::string> path, Place place, const YamlTree& value) {
  if (path.empty()) return value;
  auto node = std::make_shared<YamlNode>(YamlNode{YamlNode::Kind::map, place});
  node->by_override = true;
  if (tree != nullptr && tree->kind == YamlNode::Kind::map) *node = *tree;
  const auto entry = std::ranges::find(node->entries, path[0], &YamlEntry::key);
  if (entry == node->entries.end()) {
    node->entries.push_back({path[0], place, with_value(nullptr, path.subspan(1), place, value)});
  } else {
    entry->value = with_value(entry->value, path.subspan(1), place, value);
    if (path.size() == 1) entry->key_place = place;
  }
  return node;
}

std::vector<std::string> path_parts(std::string_view dotted) {
  std::vector<std::string> path;
  while (path.size() <= kLongestPath) {
    const std::size_t dot = dotted.find('.');
    path.emplace_back(dotted.substr(0, dot));
    if (dot == std::string_view::npos) break;
    dotted.remove_prefix(dot + 1);
  }
  if (path.size() > kLongestPath || std::ranges::find(path, "") != path.end()) path.clear();
  return path;
}

YamlTree with_override(const YamlTree& tree, std::string_view argument, Problems& problems) {
  const std::size_t equals = argument.find('=');
  const bool complete = equals != std::string_view::npos;
  const int source = problems.add_source(
      {"command line", std::string(complete ? argument.substr(equals + 1) : ""), std::string(argument)});
  const std::vector<std::string> path = complete ? path_parts(argument.substr(0, equals)) : std::vector<std::string>();
  if (path.empty()) {
    problems.add({source}, "wanted key=value, the key with dots between sections, as in train.steps=100");
    return tree;
  }
  const YamlTree value = parse_yaml(source, problems);
  return value == nullptr ? tree : with_value(tree, path, {source}, value);
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
