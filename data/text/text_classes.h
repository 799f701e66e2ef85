// Texts in files and folders named after their classes.
#pragma once

#include "data/text/text_data.h"

namespace tempera {

// Each class is a folder, whose files are a text each, or a file with texts between separators. They lie in `folder`,
// and then texts draw their part by seed (data/split.h), or in <folder>/train and <folder>/test, and then the fraction
// `valid` of the former is for validation. So the reviews of IMDB are read as they were published (Maas et al. 2011:
// train/neg/0_3.txt, ...), and the fortunes of Debian, a topic each file.
//
// Texts need not be UTF-8 where tokens are bytes. What is longer than `length` is cut; white space at both ends goes.
struct TextClassesOptions : DataOptions {
  TextClassesOptions() { tokenizer.type = "bytes"; }
  std::string folder;
  std::vector<std::string> classes;
  std::string separator = "\n%\n";
  int shortest = 1;
  TokenizerOptions tokenizer;
  int length = 1000;
  SplitOptions split;

  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
