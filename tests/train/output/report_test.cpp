#include "train/output/report.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/support/folder.h"
#include "train/output/html.h"
#include "train/output/metrics_log.h"
#include "train/output/page.h"
#include "train/output/run_folder.h"

using namespace tempera;

namespace {

const std::string kEvil = "</script><b onload='x'>&\"";

std::filesystem::path make_run(const TestFolder& folder, const std::string& where, const std::string& name,
                               const std::string& config, std::int64_t seed, bool artifacts) {
  const RunFolder run(folder.path / where, RunStart::fresh);
  RunIdentity who;
  who.name = name;
  who.seed = seed;
  who.code_version = "0.1.0";
  who.weights_sha256 = "9b1fc07e";
  who.baselines = {{"5-gram", 1.93}};
  run.write_identity(who);
  run.write_config(config);
  MetricsLog log(run.metrics());
  for (int step = 1; step <= 20; ++step) {
    const double loss = 4.0 / step + 0.1 * static_cast<double>(seed);
    log.add(step, step, step, "train", std::array{Metric{"loss", loss}, Metric{"learning_rate", 1e-3}});
    if (step % 5 == 0) log.add(step, step, step, "valid", std::array{Metric{"loss", loss + 1}});
  }
  if (artifacts) {
    run.write_text(kEvil, 10, "To be " + kEvil, "or not \xff\x01");
    run.write_text(kEvil, 20, "", "newest");
    run.write_attention("map", 20, {{"a", kEvil}, {{{1, 0, 0.5f, 0.5f}}}});
    run.write_confusion("digits", 20, {{"0", "1"}, {"0", kEvil}, {90, 10, 5, 95}});
    run.write_matrix("wide", 20, {{"r"}, std::vector<std::string>(40, "c"), std::vector<double>(40, 0.5)});
  }
  return run.path();
}

nlohmann::json data_of(const std::string& page) {
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

// The page without the contents of its scripts and its style.
std::string markup_of(const std::string& page) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t open = std::min(page.find("<script", at), page.find("<style", at));
    const std::size_t inside = page.find('>', open);
    if (open == page.npos) return out + page.substr(at);
    out += page.substr(at, inside + 1 - at);
    at = page.find(page[open + 2] == 'c' ? "</script>" : "</style>", inside);
  }
}

// Empty when every element is closed in order; else what is wrong.
std::string nesting_error(const std::string& markup) {
  static const std::regex tag("<(/?)([a-z0-9]+)((?:\\s+[a-zA-Z-]+(?:=\"[^\"<]*\")?)*)\\s*(/?)>");
  const std::string body = markup.substr(markup.find("<html"));
  std::vector<std::string> open;
  std::size_t end = 0;
  for (std::sregex_iterator match(body.begin(), body.end(), tag), none; match != none; ++match) {
    const std::string between = body.substr(end, static_cast<std::size_t>(match->position()) - end);
    if (between.find_first_of("<>") != between.npos) return "stray: " + between;
    end = static_cast<std::size_t>(match->position() + match->length());
    const std::string name = (*match)[2];
    if (name == "meta" || name == "input" || name == "br" || (*match)[4].length() > 0) continue;
    if ((*match)[1].length() == 0) open.push_back(name);
    else if (open.empty() || open.back() != name) return "closed: " + name;
    else open.pop_back();
  }
  return open.empty() ? "" : "open: " + open.back();
}

const std::string kConfig = "train: {seed: 1}\nmodel: {width: 8}\n";

}  // namespace

TEST_CASE("texts are harmless in HTML and in scripts", "[output]") {
  CHECK(html(kEvil) == "&lt;/script&gt;&lt;b onload=&#39;x&#39;&gt;&amp;&quot;");
  CHECK(html("a\n\tb\x1b\x7f") == "a\n\tb\xe2\x90\x9b\xe2\x90\xa1");
  CHECK(html("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") == "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  const std::string bad = "\xef\xbf\xbd";
  for (const char* bytes : {"\xff", "\xc3", "\xc0", "\x80"}) CHECK(html(bytes) == bad);
  CHECK(html("\xc0\xaf") == bad + bad);             // overlong
  CHECK(html("\xed\xa0\x80") == bad + bad + bad);   // a surrogate
  CHECK(html("\xf4\x90\x80\x80").size() == 4 * 3);  // beyond U+10FFFF
  CHECK(html("\xe2\x82"
             "a") == bad + bad + "a");  // cut short
  CHECK(script_json("{\"a\":\"</script><!--\"}") == "{\"a\":\"\\u003c/script>\\u003c!--\"}");
}

TEST_CASE("what the page embeds does not end its element and loads nothing", "[output]") {
  for (const std::string_view part : {page_style(), page_script(), chart_library()}) {
    CHECK(part.size() > 1000);
    CHECK(part.find("</") == part.npos);
    CHECK(part.find("<!--") == part.npos);
    CHECK(part.find("sourceMappingURL") == part.npos);
  }
  for (const std::string_view part : {page_style(), page_script()})
    for (const char* loads : {"http:", "https:", "url(", "@import", "fetch(", "XMLHttpRequest", "import("})
      CHECK(part.find(loads) == part.npos);
  CHECK(chart_library().find("Released under the MIT License") != std::string_view::npos);
}

TEST_CASE("a page about one run is whole, self-contained and harmless", "[output]") {
  const TestFolder folder;
  const std::array runs = {make_run(folder, "one", kEvil, kConfig + "note: '" + "</pre><i>" + "'\n", 1, true)};
  const std::string page = report_page(runs), markup = markup_of(page);
  CHECK(nesting_error(markup) == "");
  for (const char* loads : {"http:", "https:", "src=", "href=", "<link", "<img", "<iframe", "<b ", "<i>", "onload='"})
    CHECK(markup.find(loads) == markup.npos);
  CHECK(markup.find("default-src 'none'") != markup.npos);
  CHECK(std::regex_search(markup, std::regex("<h1>&lt;/script&gt;&lt;b onload=&#39;x&#39;&gt;&amp;&quot;</h1>")));

  CHECK(markup.find("<div class=\"what\">valid loss</div><div class=\"figure\">1.300</div>") != markup.npos);
  CHECK(markup.find("<summary>Earlier samples</summary>") > markup.find("newest"));
  CHECK(markup.find("or not \xef\xbf\xbd\xe2\x90\x81") != markup.npos);
  CHECK(markup.find("185 of 200 are right, 92.50 %") != markup.npos);
  CHECK(markup.find("<td class=\"deep\" style=\"--v:0.900\">90</td>") != markup.npos);
  CHECK(markup.find("note: &#39;&lt;/pre&gt;&lt;i&gt;&#39;") != markup.npos);
  CHECK(markup.find("not finished") != markup.npos);

  const nlohmann::json data = data_of(page);
  CHECK(data["groups"] == nlohmann::json({kEvil}));
  REQUIRE(data["charts"].size() == 2);
  const nlohmann::json& loss = data["charts"][0];
  CHECK(loss["metric"] == "loss");
  CHECK(loss["baselines"] == nlohmann::json::array({nlohmann::json::array({"5-gram", 1.93})}));
  CHECK(loss["curves"][0]["split"] == "train");
  CHECK(loss["curves"][0]["x"].size() == 20);
  CHECK(loss["curves"][0]["y"][2] == Approx(4.0 / 3 + 0.1).epsilon(1e-5));
  CHECK_FALSE(loss["curves"][0].contains("half"));
  CHECK(data["attention"][0]["tokens"][1] == kEvil);
  CHECK(data["attention"][0]["layers"][0][0]["data"] == "/wCAgA==");  // 255, 0, 128, 128
  CHECK(data["matrices"][0]["values"].size() == 40);
}

TEST_CASE("a page about several runs averages seeds and tells what differs", "[output]") {
  const TestFolder folder;
  std::vector<std::filesystem::path> runs;
  for (int seed = 1; seed <= 3; ++seed) {
    const std::string n = std::to_string(seed);
    runs.push_back(
        make_run(folder, "narrow" + n, "narrow-seed" + n, "train: {seed: " + n + "}\nwidth: 8\n", seed, false));
    runs.push_back(
        make_run(folder, "wide" + n, "wide-seed" + n, "train: {seed: " + n + "}\nwidth: 16\n", seed + 5, false));
  }
  const std::string page = report_page(runs), markup = markup_of(page);
  CHECK(nesting_error(markup) == "");
  CHECK(markup.find("<h1>narrow and wide</h1>") != markup.npos);
  CHECK(markup.find("6 runs of 2 configurations; runs that differ only by the seed are averaged") != markup.npos);
  // Losses at the end 1.3, 1.4, 1.5: mean 1.4, s 0.1, t 4.3027, n 3.
  CHECK(markup.find("<td><b>1.40</b> ± 0.25<small>best and last</small></td>") != markup.npos);
  CHECK(markup.find(">width</th>") != markup.npos);
  CHECK(markup.find(">train.seed</th>") == markup.npos);
  const nlohmann::json data = data_of(page);
  CHECK(data["groups"] == nlohmann::json({"narrow", "wide"}));
  const nlohmann::json& curves = data["charts"][0]["curves"];
  REQUIRE(curves.size() == 4);
  CHECK(curves[0]["half"][0] == Approx(4.3027 * 0.1 / std::sqrt(3.0)).epsilon(1e-4));
  ReportOptions warned;
  warned.warnings = {"<7> failed"};
  CHECK(report_page(runs, warned).find("<p class=\"note warning\">&lt;7&gt; failed</p>") != std::string::npos);
  CHECK(report_page(runs, {.title = "Widths <3"}).find("<title>Widths &lt;3</title>") != std::string::npos);
}

TEST_CASE("a page needs little: a run that only just began", "[output]") {
  const TestFolder folder;
  folder.write("run/metrics.jsonl", "");
  const std::array runs = {folder.path / "run"};
  const std::string page = report_page(runs), markup = markup_of(page);
  CHECK(nesting_error(markup) == "");
  CHECK(markup.find("<h1>run</h1>") != markup.npos);
  CHECK(data_of(page)["charts"].empty());
  CHECK(page.size() < 30000);  // without curves no chart library
}

TEST_CASE("damaged artifacts are told", "[output]") {
  const TestFolder folder;
  folder.write("run/metrics.jsonl", "");
  const std::array runs = {folder.path / "run"};
  const auto error = [&](std::string_view artifact) {
    folder.write("run/artifacts/a.json", artifact);
    return folder.error_of([&] { report_page(runs); });
  };
  CHECK(error("{") == "report: run/artifacts/a.json is damaged: no JSON object");
  CHECK(error("{\"title\":\"x\"}").rfind("report: run/artifacts/a.json is damaged: ", 0) == 0);
  CHECK(error("{\"kind\":\"matrix\",\"rows\":[\"a\"],\"columns\":[\"b\"],\"values\":[[1,2]]}") ==
        "report: run/artifacts/a.json: a row has 2 values for 1 columns");
  CHECK(error("{\"kind\":\"matrix\",\"rows\":[],\"columns\":[\"b\"],\"values\":[[1]]}") ==
        "report: run/artifacts/a.json: 1 rows of values for 0 labels");
  CHECK(error("{\"kind\":\"attention\",\"tokens\":[\"a\"],\"layers\":[{\"heads\":[[[1,2]]]}]}") ==
        "report: run/artifacts/a.json: a head has 2 weights for 1 tokens; 1 were expected");
  CHECK(error("{\"kind\":\"attention\",\"tokens\":[\"a\"]}").rfind("report: run/artifacts/a.json is damaged: ", 0) ==
        0);
}
