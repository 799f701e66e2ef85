// What a power cut may leave. A file system that does its work and keeps a record: of every prefix of the record, each
// subset of what was not synced yet may have reached the disk, in any order, and a write by half.
//
// fsync of a file keeps its data, not its name; fsync of a folder keeps the names in it. Renames, and exchanges of two
// names, are one change (as in journaling file systems).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/file_system.h"

namespace tempera {

class PowerCut : public FileSystem {
 public:
  // What lies in `root` now is on the disk. Paths outside of it are not recorded.
  explicit PowerCut(std::filesystem::path root);

  // What was done so far is one phase; another begins.
  void next_phase() { ends_.push_back(record_.size()); }
  // Calls visit(phase) for each different state that a cut in phase 0, 1, ... may leave, laid out in `place`. Throws
  // Error where more than `most` changes wait for the disk at one time.
  void each_state(const std::filesystem::path& place, const std::function<void(std::size_t phase)>& visit,
                  std::size_t most = 14) const;
  // Distinct states, and subsets that were tried, of the last each_state().
  mutable std::size_t states = 0, subsets = 0;

  int open(const char* path, int flags) override;
  ssize_t write(int file, const void* bytes, std::size_t count) override;
  int truncate(int file, off_t size) override;
  int sync(int file) override;
  int close(int file) override;
  int rename(const char* from, const char* to) override;
  int exchange(const char* one, const char* other) override;
  int make_folder(const char* path) override;
  int link(const char* target, const char* path) override;
  int remove(const char* path) override;

 private:
  enum class Kind { file, folder, link };
  struct Node {
    Kind kind = Kind::file;
    std::string data;                  // of a file; the target of a link
    std::map<std::string, int> names;  // of a folder
  };
  using Nodes = std::vector<Node>;
  struct Name {
    int folder;
    std::string name;
    int node;  // below 0: removed
  };
  struct Change {
    std::vector<Name> names;  // set together
    int node = -1;            // whose data change, or what was synced
    bool sync = false;
    std::size_t offset = 0;
    std::string bytes;
    bool cut = false;  // the data end at `offset`
  };
  struct Place {
    int folder;  // below 0: outside of the root
    std::string name;
  };

  void scan(const std::filesystem::path& path, int node);
  Place place_of(const char* path) const;
  int node_of(const Place& place) const;
  int new_node(Kind kind, std::string data = {});
  void keep(Change change);
  static void apply(Nodes& nodes, const Change& change, bool half = false);
  bool synced_before(std::size_t change, std::size_t end) const;
  std::string picture(const Nodes& nodes, int node, const std::string& path) const;
  void lay_out(const Nodes& nodes, int node, const std::filesystem::path& path) const;

  std::filesystem::path root_;
  Nodes disk_, live_;  // at the beginning, and now; the first is the root
  std::vector<Change> record_;
  std::vector<std::size_t> ends_;  // of the phases but the last
  struct Open {
    int node;
    std::size_t offset;
  };
  std::map<int, Open> open_;
};

}  // namespace tempera
