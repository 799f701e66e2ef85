#include "train/config/yaml_tree.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "train/config/yaml_text.h"

namespace tempera {
namespace {

constexpr std::size_t kDeepest = 64;
constexpr std::size_t kMostNodes = 100'000;

// A problem after which reading on makes no sense; thrown through the parser, which holds nothing but vectors.
struct Stop {
  Place place;
  std::string message;
};

// The parser's own words name its inner states; these name the mistake that leads there.
struct Wording {
  std::string_view parser, ours;
};
constexpr std::string_view kListOpen = "end of sequence flow not found";
constexpr std::string_view kSectionOpen = "end of map flow not found";
constexpr std::array kWordings{
    Wording{"illegal map value", "`:` cannot stand here; check the indentation, or quote the text that contains it"},
    Wording{"end of map not found", "this does not belong to the keys above it; check the indentation"},
    Wording{"end of sequence not found", "this does not belong to the list above it; check the indentation"},
    Wording{kListOpen, "the list opened here is not closed; add `]`, or a comma between two entries"},
    Wording{kSectionOpen, "the section opened here is not closed; add `}`, or a comma between two keys"},
    Wording{"illegal EOF in scalar", "a quoted text is not closed"},
    Wording{"illegal block entry", "`-` cannot begin a list here; put each entry on a line of its own"},
    Wording{"illegal flow end", "closes what was not opened"},
    Wording{"unknown token", "no text begins with this character; put the text in quotes"},
    Wording{"the referenced anchor is not defined", "there is no anchor (`&name`) of this name above"},
};

std::string in_our_words(const std::string& message) {
  for (const auto& [parser, ours] : kWordings)
    if (message == parser) return std::string(ours);
  return message;
}

// How far a node reaches, counting aliases in full.
struct Extent {
  std::size_t nodes = 1, height = 1;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(int source, Problems& problems)
      : source_(source), text_(problems.source(source).text), problems_(problems) {}

  YamlTree root() const { return root_; }
  // A mistake that may be the consequence of a bracket not closed, of which the parser only tells at the end.
  const std::optional<Stop>& suspicion() const { return suspicion_; }
  // Where the list or section that the parser waits for the end of was opened.
  Place opened() const { return open_.at(open_.size() - 1).node.place; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw Stop{at(mark), "a second document begins here; a configuration is one"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node{YamlNode::Kind::null, at(mark)};
    for (const std::string_view written : {"null", "Null", "NULL", "~"})
      if (text_.substr(offset(mark)).starts_with(written)) node.text = written;
    if (node.text.empty() && expects_value()) {
      const Place key = open_.back().key->key_place;
      // The parser lets the last line of a section be a word alone; the mark of its value then is that of the key.
      if (node.place == key) suspect(key, "a key without a value; write `key: value`");
      // Where nothing is written the mark lies beyond: on the next key, perhaps lines below.
      node.place = key;
    }
    leaf(std::move(node), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    const bool quoted = tag == "!";
    if (quoted && !quote_is_closed(text_, offset(mark))) throw Stop{at(mark), "a quoted text is not closed"};
    leaf({.kind = YamlNode::Kind::scalar, .place = at(mark), .text = value, .quoted = quoted}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) throw Stop{at(mark), "an alias cannot be a key"};
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end()) throw Stop{at(mark), "an alias stands inside the very list or section it names"};
    attach(target->second.first, target->second.second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    bool is_key = false;
    Extent extent = {};
    std::optional<YamlEntry> key = {};       // read, its value not yet
    std::map<std::string, Place> seen = {};  // the keys so far
  };

  Place at(const YAML::Mark& mark) const { return {source_, mark.line, mark.column}; }
  std::size_t offset(const YAML::Mark& mark) const {
    return std::min(text_.size(), static_cast<std::size_t>(std::max(0, mark.pos)));
  }
  bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::map && !open_.back().key;
  }
  bool expects_value() const { return !open_.empty() && open_.back().key.has_value(); }

  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag != "?" && tag != "!")
      throw Stop{at(mark), "tags (`!...`) are not read; leave the tag out, and quote what shall be a text"};
  }

  void suspect(Place place, std::string message) {
    if (!suspicion_) suspicion_ = Stop{place, std::move(message)};
  }

  void leaf(YamlNode node, YAML::anchor_t anchor) {
    const bool is_key = expects_key();
    const auto tree = std::make_shared<const YamlNode>(std::move(node));
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {tree, Extent{}};
    if (is_key) key(*tree);
    else attach(tree, {});
  }

  void key(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::scalar)
      suspect(node.place, node.text.empty() && node.kind == YamlNode::Kind::null ? "a key is missing here"
                                                                                 : "a key must be a text");
    Open& map = open_.back();
    const auto [first, fresh] = map.seen.try_emplace(node.text, node.place);
    if (!fresh && node.kind == YamlNode::Kind::scalar)
      problems_.add(node.place,
                    fmt::format("duplicate key `{}`; it stands in line {} already", node.text, first->second.line + 1));
    map.key = YamlEntry{node.text, node.place, nullptr};
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_tag(mark, tag);
    if (open_.size() >= kDeepest) throw Stop{at(mark), fmt::format("lists and sections nest beyond {}", kDeepest)};
    open_.push_back({YamlNode{kind, at(mark)}, anchor, expects_key()});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    const auto tree = std::make_shared<const YamlNode>(std::move(done.node));
    if (done.anchor != YAML::NullAnchor) anchors_[done.anchor] = {tree, done.extent};
    if (done.is_key) return key(*tree);
    attach(tree, done.extent);
  }

  void attach(const YamlTree& tree, Extent extent) {
    if (open_.empty()) {
      root_ = tree;
      return;
    }
    Open& parent = open_.back();
    parent.extent.nodes += extent.nodes;
    parent.extent.height = std::max(parent.extent.height, extent.height + 1);
    if (parent.extent.nodes > kMostNodes)
      throw Stop{tree->place, fmt::format("more than {} values, counting each alias in full", kMostNodes)};
    if (parent.extent.height + open_.size() - 1 > kDeepest)
      throw Stop{tree->place, fmt::format("lists and sections nest beyond {}", kDeepest)};
    if (parent.node.kind == YamlNode::Kind::list) {
      parent.node.items.push_back(tree);
    } else {
      parent.key->value = tree;
      // The first of two equal keys stays; the second has been reported.
      if (parent.seen.at(parent.key->key) == parent.key->key_place)
        parent.node.entries.push_back(std::move(*parent.key));
      parent.key.reset();
    }
  }

  int source_;
  std::string_view text_;
  Problems& problems_;
  int documents_ = 0;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, std::pair<YamlTree, Extent>> anchors_;
  YamlTree root_;
  std::optional<Stop> suspicion_;
};

}  // namespace

const YamlEntry* YamlNode::find(std::string_view key) const {
  for (const YamlEntry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

YamlTree parse_yaml(int source, Problems& problems) {
  if (!check_text(source, problems)) return nullptr;
  TreeBuilder builder(source, problems);
  try {
    std::istringstream in(problems.source(source).text);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop& stop) {
    problems.add(stop.place, stop.message);
    return nullptr;
  } catch (const YAML::Exception& error) {
    const Place place{source, std::max(0, error.mark.line), std::max(0, error.mark.column)};
    const bool unclosed = error.msg == kListOpen || error.msg == kSectionOpen;
    problems.add(unclosed ? builder.opened() : place, in_our_words(error.msg));
    return nullptr;
  }
  if (builder.suspicion()) {
    problems.add(builder.suspicion()->place, builder.suspicion()->message);
    return nullptr;
  }
  const YamlTree root = builder.root();
  return root != nullptr ? root : std::make_shared<const YamlNode>(YamlNode{YamlNode::Kind::null, {source, 0, 0}});
}

}  // namespace tempera
