// generate RUN [--prompt TEXT]: text that a trained model writes.
#include <iostream>
#include <iterator>

#include "apps/support/exit_code.h"
#include "apps/support/number_option.h"
#include "data/text/number_tokenizer.h"
#include "train/generation.h"
#include "train/open_run.h"

using namespace tempera;

namespace {

struct Arguments {
  std::string run;
  std::optional<std::string> prompt;
  OpenOptions open;
  GenerationOptions write;
  std::optional<int> threads;
  bool bare = false;
};

// Several texts are told apart by a line before each. The first appears as it is written, the others when it is their
// turn: they are written side by side.
class Printer {
 public:
  Printer(std::string prompt, std::int64_t count, bool headings)
      : prompt_(std::move(prompt)), headings_(headings && count > 1), waiting_(static_cast<std::size_t>(count)) {}

  void piece(Index sample, std::string_view text) {
    if (sample > 0) waiting_[static_cast<std::size_t>(sample)] += text;
    else put(0, text);
  }
  void finish() {
    put(0, "");
    for (std::size_t i = 1; i < waiting_.size(); ++i) put(i, waiting_[i]);
    std::fputs("\n", stdout);
  }

 private:
  void put(std::size_t sample, std::string_view text) {
    if (sample >= begun_) {
      if (begun_ > 0) std::fputs("\n", stdout);
      if (headings_) std::printf("--- %zu ---\n", sample + 1);
      std::fwrite(prompt_.data(), 1, prompt_.size(), stdout);
      begun_ = sample + 1;
    }
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  std::string prompt_;
  bool headings_;
  std::size_t begun_ = 0;
  std::vector<std::string> waiting_;
};

int run(Arguments& arguments) {
  if (arguments.threads) arguments.open.overrides.push_back(fmt::format("train.threads={}", *arguments.threads));
  const OpenRun opened = open_run(arguments.run, arguments.open);
  std::fprintf(stderr, "%s\n", opened.title().c_str());
  const DataSource& data = opened.experiment->data();
  const bool answers = data.task == Task::sequence_to_sequence;
  const NumberTokenizer numbers(answers ? data.begin : 0);
  const Tokenizer& tokenizer = data.tokenizer ? *data.tokenizer : numbers;
  std::string prompt;
  const LanguageModel language = blame<SetupError>([&] {
    for (const Problem& problem : arguments.write.problems()) fail("generate", "{}", problem.message);
    const LanguageModel model = opened.experiment->language();
    require(arguments.prompt || !answers, "generate", "this model answers to a source; give it with --prompt");
    prompt = arguments.prompt.value_or("\n");
    if (prompt == "-") prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
    check_prompt(model, tokenizer.encode(prompt));
    return model;
  });
  Printer printer(arguments.bare ? "" : prompt + (answers ? "  \u2192  " : ""), arguments.write.count, !arguments.bare);
  write_text(language, tokenizer, prompt, arguments.write,
             [&](Index sample, std::string_view piece) { printer.piece(sample, piece); });
  printer.finish();
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Writes text with a trained model, to stdout as it comes: a language model goes on from the prompt, one of "
      "sequence "
      "to sequence answers to it.",
      "generate");
  app.footer(
      "Examples:\n"
      "  generate runs/quickstart --prompt \"In the beginning\"\n"
      "  generate quickstart --tokens 500 --temperature 0.7 --top-p 0.9 --seed 3\n"
      "  generate quickstart --prompt \"And God \" --beams 8 --tokens 40\n"
      "  echo -n \"Moses said\" | generate quickstart --prompt - --count 4\n");
  Arguments arguments;
  GenerationOptions& write = arguments.write;
  app.add_option("RUN", arguments.run, "folder or name of a run, a checkpoint's folder, or a .safetensors file")
      ->required()
      ->type_name("");
  app.add_option("key.path=value", arguments.open.overrides, "settings that replace those of the run")->type_name("");
  app.add_option("--prompt", arguments.prompt,
                 "what the text begins with, or the source; - reads it from stdin; default: a new line")
      ->type_name("TEXT");
  const CLI::Validator& not_negative = CLI::NonNegativeNumber;
  const CLI::Range share(1e-12, 1.0);
  number_option(app, "--tokens", write.tokens, "tokens to write", not_negative);
  auto* temperature =
      number_option(app, "--temperature", write.temperature, "of the draws; 0 takes the likeliest token", not_negative);
  auto* top_k =
      number_option(app, "--top-k", write.top_k, "draw among so many of the likeliest tokens; 0: all", not_negative);
  auto* top_p =
      number_option(app, "--top-p", write.top_p, "draw among the likeliest tokens that hold this share", share);
  auto* seed = number_option(app, "--seed", write.seed, "of the draws", not_negative);
  auto* beams = number_option(app, "--beams", write.beams, "beam search with so many texts, in place of draws",
                              CLI::PositiveNumber);
  for (CLI::Option* drawing : {temperature, top_k, top_p, seed}) beams->excludes(drawing);
  number_option(app, "--length-penalty", write.length_penalty, "of beam search; larger ones favour long texts",
                not_negative)
      ->needs(beams);
  number_option(app, "--count", write.count, "texts to write", CLI::PositiveNumber);
  app.add_option("--stop", write.stop, "a text behind which the writing ends")->type_name("TEXT");
  app.add_flag("--bare", arguments.bare, "print neither the prompt nor lines between the texts");
  app.add_option("--checkpoint", arguments.open.checkpoint, "best, last, a step, or the path of one; default: best")
      ->type_name("WHICH");
  app.add_option("--threads", arguments.threads, "in place of train.threads; changes no text")->type_name("NUMBER");
  return run_program(app, argc, argv, [&] { return run(arguments); });
}
