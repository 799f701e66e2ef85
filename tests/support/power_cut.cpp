#include "tests/support/power_cut.h"

#include <fcntl.h>
#include <fstream>
#include <set>

#include "core/error.h"
#include "tests/support/folder.h"

namespace tempera {

namespace fs = std::filesystem;

PowerCut::PowerCut(fs::path root) : root_(std::move(root)) {
  live_.push_back({Kind::folder, {}, {}});
  scan(root_, 0);
  disk_ = live_;
}

void PowerCut::scan(const fs::path& path, int node) {
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    int child = 0;
    if (entry.is_symlink()) child = new_node(Kind::link, fs::read_symlink(entry.path()).string());
    else if (entry.is_directory()) scan(entry.path(), child = new_node(Kind::folder));
    else child = new_node(Kind::file, contents_of(entry.path()));
    live_[static_cast<std::size_t>(node)].names[entry.path().filename().string()] = child;
  }
}

int PowerCut::new_node(Kind kind, std::string data) {
  live_.push_back({kind, std::move(data), {}});
  return static_cast<int>(live_.size()) - 1;
}

PowerCut::Place PowerCut::place_of(const char* path) const {
  const fs::path below = fs::path(path).lexically_relative(root_);
  if (below.empty() || *below.begin() == "..") return {-1, {}};
  int folder = 0;
  for (const fs::path& part : below.parent_path()) {
    const auto& names = live_.at(static_cast<std::size_t>(folder)).names;
    const auto found = names.find(part.string());
    if (found == names.end()) return {-1, {}};
    folder = found->second;
  }
  return {folder, below.filename().string()};
}

int PowerCut::node_of(const Place& place) const {
  if (place.folder < 0) return -1;
  if (place.name == ".") return place.folder;
  const auto& names = live_[static_cast<std::size_t>(place.folder)].names;
  const auto found = names.find(place.name);
  return found == names.end() ? -1 : found->second;
}

void PowerCut::keep(Change change) {
  apply(live_, change);
  record_.push_back(std::move(change));
}

void PowerCut::apply(Nodes& nodes, const Change& change, bool half) {
  for (const Name& name : change.names) {
    auto& names = nodes[static_cast<std::size_t>(name.folder)].names;
    if (name.node < 0) names.erase(name.name);
    else names[name.name] = name.node;
  }
  if (change.node < 0 || change.sync) return;
  std::string& data = nodes[static_cast<std::size_t>(change.node)].data;
  if (change.cut) return data.resize(change.offset);
  const std::size_t count = half ? change.bytes.size() / 2 : change.bytes.size();
  if (data.size() < change.offset + count) data.resize(change.offset + count);
  data.replace(change.offset, count, change.bytes, 0, count);
}

int PowerCut::open(const char* path, int flags) {
  const Place place = place_of(path);
  int node = node_of(place);
  const int file = FileSystem::open(path, flags);
  if (file < 0 || place.folder < 0) return file;
  if (node < 0) {
    node = new_node(Kind::file);
    keep({.names = {{place.folder, place.name, node}}, .bytes = {}});
  }
  open_[file] = {node, (flags & O_APPEND) != 0 ? live_[static_cast<std::size_t>(node)].data.size() : 0};
  return file;
}

ssize_t PowerCut::write(int file, const void* bytes, std::size_t count) {
  const ssize_t n = FileSystem::write(file, bytes, count);
  const auto found = open_.find(file);
  if (n <= 0 || found == open_.end()) return n;
  Open& open = found->second;
  keep({.names = {},
        .node = open.node,
        .offset = open.offset,
        .bytes = std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(n))});
  open.offset += static_cast<std::size_t>(n);
  return n;
}

int PowerCut::truncate(int file, off_t size) {
  const int result = FileSystem::truncate(file, size);
  if (const auto found = open_.find(file); result == 0 && found != open_.end()) {
    keep({.names = {}, .node = found->second.node, .offset = static_cast<std::size_t>(size), .bytes = {}, .cut = true});
    found->second.offset = static_cast<std::size_t>(size);
  }
  return result;
}

int PowerCut::sync(int file) {
  if (const auto found = open_.find(file); found != open_.end())
    keep({.names = {}, .node = found->second.node, .sync = true, .bytes = {}});
  return 0;
}

int PowerCut::close(int file) {
  open_.erase(file);
  return FileSystem::close(file);
}

int PowerCut::rename(const char* from, const char* to) {
  const Place a = place_of(from), b = place_of(to);
  const int result = FileSystem::rename(from, to);
  if (result == 0 && a.folder >= 0)
    keep({.names = {{b.folder, b.name, node_of(a)}, {a.folder, a.name, -1}}, .bytes = {}});
  return result;
}

int PowerCut::exchange(const char* one, const char* other) {
  const Place a = place_of(one), b = place_of(other);
  const int result = FileSystem::exchange(one, other);
  if (result == 0 && a.folder >= 0)
    keep({.names = {{b.folder, b.name, node_of(a)}, {a.folder, a.name, node_of(b)}}, .bytes = {}});
  return result;
}

int PowerCut::make_folder(const char* path) {
  const Place place = place_of(path);
  const int result = FileSystem::make_folder(path);
  if (result == 0 && place.folder >= 0)
    keep({.names = {{place.folder, place.name, new_node(Kind::folder)}}, .bytes = {}});
  return result;
}

int PowerCut::link(const char* target, const char* path) {
  const Place place = place_of(path);
  const int result = FileSystem::link(target, path);
  if (result == 0 && place.folder >= 0)
    keep({.names = {{place.folder, place.name, new_node(Kind::link, target)}}, .bytes = {}});
  return result;
}

int PowerCut::remove(const char* path) {
  const Place place = place_of(path);
  const int result = FileSystem::remove(path);
  if (result == 0 && place.folder >= 0) keep({.names = {{place.folder, place.name, -1}}, .bytes = {}});
  return result;
}

// Whether a sync between the change and `end` put it on the disk.
bool PowerCut::synced_before(std::size_t change, std::size_t end) const {
  const Change& c = record_[change];
  for (std::size_t i = change + 1; i < end; ++i) {
    if (!record_[i].sync) continue;
    if (c.node == record_[i].node && c.node >= 0) return true;
    for (const Name& name : c.names)
      if (name.folder == record_[i].node) return true;
  }
  return false;
}

void PowerCut::each_state(const fs::path& place, const std::function<void(std::size_t phase)>& visit,
                          std::size_t most) const {
  std::set<std::string> seen;
  std::size_t phase = 0;
  states = subsets = 0;
  Nodes empty = live_;  // of things that were made after the beginning, nothing is on the disk but what is applied
  for (std::size_t i = 0; i < empty.size(); ++i)
    if (i < disk_.size()) empty[i] = disk_[i];
    else if (empty[i].kind != Kind::link) empty[i].data.clear(), empty[i].names.clear();
  for (std::size_t end = 0; end <= record_.size(); ++end) {
    while (phase < ends_.size() && ends_[phase] <= end) ++phase, seen.clear();
    std::vector<std::size_t> waiting;
    std::vector<bool> on_disk(end);
    for (std::size_t i = 0; i < end; ++i) {
      on_disk[i] = !record_[i].sync && synced_before(i, end);
      if (!record_[i].sync && !on_disk[i]) waiting.push_back(i);
    }
    require(waiting.size() <= most, "power cut", "{} changes wait for the disk after call {}", waiting.size(), end);
    for (std::uint64_t subset = 0; subset < std::uint64_t{1} << waiting.size(); ++subset) {
      std::vector<bool> applied = on_disk;
      std::size_t last_write = end;
      for (std::size_t k = 0; k < waiting.size(); ++k)
        if ((subset >> k & 1) != 0) {
          applied[waiting[k]] = true;
          if (record_[waiting[k]].bytes.size() > 1) last_write = waiting[k];
        }
      for (const std::size_t halved : {end, last_write}) {
        ++subsets;
        Nodes nodes = empty;
        for (std::size_t i = 0; i < end; ++i)
          if (applied[i]) apply(nodes, record_[i], i == halved);
        if (seen.insert(picture(nodes, 0, "")).second) {
          ++states;
          fs::remove_all(place);
          lay_out(nodes, 0, place);
          visit(phase);
        }
        if (last_write == end) break;
      }
    }
  }
}

std::string PowerCut::picture(const Nodes& nodes, int node, const std::string& path) const {
  const Node& n = nodes[static_cast<std::size_t>(node)];
  if (n.kind != Kind::folder) return fmt::format("{} {} {}:{}\n", path, n.kind == Kind::link, n.data.size(), n.data);
  std::string text = path + "/\n";
  for (const auto& [name, child] : n.names) text += picture(nodes, child, path + "/" + name);
  return text;
}

void PowerCut::lay_out(const Nodes& nodes, int node, const fs::path& path) const {
  const Node& n = nodes[static_cast<std::size_t>(node)];
  if (n.kind == Kind::file) {
    std::ofstream(path, std::ios::binary) << n.data;
  } else if (n.kind == Kind::link) {
    fs::create_symlink(n.data, path);
  } else {
    fs::create_directories(path);
    for (const auto& [name, child] : n.names) lay_out(nodes, child, path / name);
  }
}

}  // namespace tempera
