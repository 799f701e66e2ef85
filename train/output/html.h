// Text into HTML.
#pragma once

#include <string>
#include <string_view>

namespace tempera {

// Harmless wherever text or a quoted attribute stands. Bytes that are no UTF-8 become U+FFFD, control characters but
// line breaks and tabs their pictures (U+2400 and on): a model that writes bytes may write any.
std::string html(std::string_view text);

// JSON inside <script>: no "</script>" or "<!--" can occur, since every < is written \u003c.
std::string script_json(std::string_view json);

}  // namespace tempera
