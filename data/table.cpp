#include "data/table.h"

#include <array>

#include "data/csv.h"
#include "data/generated.h"
#include "data/images/image_data.h"
#include "data/text/text_data.h"
#include "data/text/text_table.h"

namespace tempera {
namespace {

template <class T>
std::unique_ptr<Options> options() {
  return std::make_unique<T>();
}

}  // namespace

std::span<const Kind> dataset_kinds() {
  static const std::array kinds = {
      Kind{"text", "a text file, a folder of them, or a corpus from Debian", options<TextDataOptions>},
      Kind{"text_table", "texts in the columns of a table: classes, pairs, translations", options<TextTableOptions>},
      Kind{"digits", "the handwritten digits of this repository, 8 x 8 pixels", options<DigitsDataOptions>},
      Kind{"idx", "images of the MNIST family", options<IdxDataOptions>},
      Kind{"cifar10", "the 60,000 images of CIFAR-10", options<Cifar10DataOptions>},
      Kind{"png", "a folder of PNG files for each class", options<PngDataOptions>},
      Kind{"csv", "a table in text", options<CsvDataOptions>},
      Kind{"modular", "a op b mod p, over all pairs", options<ModularDataOptions>},
      Kind{"parity", "exclusive or of a few of many bits", options<ParityDataOptions>},
      Kind{"sequences", "copy, reverse or sort a sequence: sequence to sequence", options<SequenceDataOptions>},
      Kind{"topic_pairs", "do two documents have their topic in common?", options<TopicPairsDataOptions>},
  };
  return kinds;
}

}  // namespace tempera
