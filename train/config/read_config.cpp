#include "train/config/read_config.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "train/config/overrides.h"
#include "train/config/section_reader.h"
#include "train/config/yaml_text.h"

namespace tempera {

ConfigText load_config_text(const std::filesystem::path& path) {
  const auto refuse = [&](std::string_view why) { throw ConfigError({{path.string(), 0, 0, std::string(why)}}); };
  if (std::error_code error; std::filesystem::is_directory(path, error)) refuse("is a folder; name a YAML file in it");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) refuse(fmt::format("cannot be opened: {}", std::strerror(errno)));
  ConfigText text{path.string(), {}};
  text.yaml.resize(kMostBytes + 1);  // one more than allowed: the reader says that it is too long
  in.read(text.yaml.data(), static_cast<std::streamsize>(text.yaml.size()));
  if (in.bad()) refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
  text.yaml.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Origins read_config(std::span<const ConfigText> texts, std::span<const std::string> overrides, Options& options) {
  Problems problems;
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  YamlTree tree;
  bool readable = true;
  for (const ConfigText& text : texts) {
    const std::size_t start = text.yaml.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    const YamlTree next = parse_yaml(problems.add_source({text.name, text.yaml.substr(start)}), problems);
    readable = readable && next != nullptr;
    tree = tree == nullptr || next == nullptr ? next : laid_over(tree, next);
  }
  for (const std::string& argument : overrides) tree = with_override(tree, argument, problems);
  // Of half a text one cannot say which keys are missing or wrong.
  if (!readable) throw ConfigError(problems.sorted());
  Origins origins = read_tree(tree, options, problems);
  if (problems.count() > 0) throw ConfigError(problems.sorted());
  return origins;
}

Origins read_config(const ConfigText& text, std::span<const std::string> overrides, Options& options) {
  return read_config(std::span(&text, 1), overrides, options);
}

Origins read_config(const ConfigText& text, std::initializer_list<std::string> overrides, Options& options) {
  return read_config(text, std::span(overrides.begin(), overrides.size()), options);
}

}  // namespace tempera
