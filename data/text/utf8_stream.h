// Bytes that come in pieces, given on as whole characters.
#pragma once

#include <string>
#include <string_view>

namespace tempera {

// What push() and finish() return, one after another, is the bytes pushed with whatever is not UTF-8 replaced by
// U+FFFD: one for each longest beginning of a code point that does not go on as one (Unicode 15, chapter 3, "U+FFFD
// Substitution of Maximal Subparts"; Python's errors="replace"). The result does not depend on how the bytes were cut.
class Utf8Stream {
 public:
  // All characters that are complete now; what may still become one waits.
  std::string push(std::string_view bytes);
  // What waits becomes U+FFFD.
  std::string finish();

 private:
  std::string waiting_;  // at most three bytes
};

}  // namespace tempera
