#include "train/config/yaml_text.h"

#include <algorithm>

namespace tempera {

std::size_t utf8_length(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length > bytes.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  if (length < 3) return length;
  const unsigned second = byte(1);
  const bool allowed = !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second >= 0xA0) &&
                       !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second >= 0x90);
  return allowed ? length : 0;
}

bool check_text(int source, Problems& problems) {
  const std::string_view text = problems.source(source).text;
  if (text.size() > kMostBytes) {
    problems.add({source}, fmt::format("is {} bytes long; a configuration has at most {}", text.size(), kMostBytes));
    return false;
  }
  Place here{source, 0, 0};
  bool in_indentation = true;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const char c = text[i];
    if (length == 0) {
      problems.add(here,
                   fmt::format("byte 0x{:02x} is not UTF-8; save the file as UTF-8", static_cast<unsigned char>(c)));
      return false;
    }
    const bool line_end = c == '\n' || (c == '\r' && text.substr(i + 1).starts_with('\n'));
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && !line_end) || c == 0x7f) {
      problems.add(here, fmt::format("control character 0x{:02x}; remove it, or write \"\\x{:02x}\" in a quoted text",
                                     static_cast<int>(c), static_cast<int>(c)));
      return false;
    }
    if (c == '\t' && in_indentation) {
      const std::string_view rest = first_line(text.substr(i));
      const std::size_t word = rest.find_first_not_of(" \t");
      if (word != std::string_view::npos && rest[word] != '#') {
        problems.add(here, "a tab indents this line; indent with spaces");
        return false;
      }
    }
    in_indentation = (in_indentation && (c == ' ' || c == '\t')) || c == '\n';
    here.column += static_cast<int>(length);
    if (c == '\n') here = {source, here.line + 1, 0};
    i += length;
  }
  return true;
}

bool quote_is_closed(std::string_view text, std::size_t offset) {
  text.remove_prefix(std::min(offset, text.size()));
  // An anchor stands before the quote.
  while (!text.empty() && (text[0] == '&' || text[0] == '!' || text[0] == ' ' || text[0] == '\n' || text[0] == '\r')) {
    const bool word = text[0] == '&' || text[0] == '!';
    text.remove_prefix(word ? std::min(text.size(), text.find_first_of(" \r\n\t")) : 1);
  }
  if (text.empty() || (text[0] != '\'' && text[0] != '"')) return true;
  const char quote = text[0];
  for (std::size_t i = 1; i < text.size(); ++i) {
    const bool escape = quote == '"' ? text[i] == '\\' : text.substr(i).starts_with("''");
    if (escape) ++i;
    else if (text[i] == quote) return true;
  }
  return false;
}

}  // namespace tempera
