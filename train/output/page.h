// The files that every report carries, embedded at build time (cmake/report_page.cmake).
#pragma once

#include <string_view>

namespace tempera {

std::string_view page_style();     // train/output/page/report.css
std::string_view page_script();    // train/output/page/report.js
std::string_view chart_library();  // Chart.js 3, MIT licence

}  // namespace tempera
