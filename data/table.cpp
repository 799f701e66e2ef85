#include "data/table.h"

#include <array>

#include "data/bigram_backcopy.h"
#include "data/csv.h"
#include "data/generated.h"
#include "data/images/glyphs.h"
#include "data/images/image_data.h"
#include "data/images/pathfinder.h"
#include "data/label_proportions.h"
#include "data/latent_classes.h"
#include "data/latest_symbol.h"
#include "data/listops.h"
#include "data/recall.h"
#include "data/set_max.h"
#include "data/speech.h"
#include "data/sphere_classes.h"
#include "data/text/text_classes.h"
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
      Kind{"text_classes", "texts in files or folders by class: IMDB's reviews, Debian's fortunes",
           options<TextClassesOptions>},
      Kind{"digits", "the handwritten digits of this repository, 8 x 8 pixels", options<DigitsDataOptions>},
      Kind{"idx", "images of the MNIST family", options<IdxDataOptions>},
      Kind{"cifar10", "the 60,000 images of CIFAR-10", options<Cifar10DataOptions>},
      Kind{"png", "a folder of PNG files for each class", options<PngDataOptions>},
      Kind{"csv", "a table in text", options<CsvDataOptions>},
      Kind{"modular", "a op b mod p, over all pairs", options<ModularDataOptions>},
      Kind{"parity", "exclusive or of a few of many bits", options<ParityDataOptions>},
      Kind{"separation", "two classes that linear attention cannot tell apart", options<SeparationDataOptions>},
      Kind{"marked_token", "the class of the one token that bears a mark", options<MarkedTokenDataOptions>},
      Kind{"sequences", "copy, reverse or sort a sequence: sequence to sequence", options<SequenceDataOptions>},
      Kind{"speech", "symbols held among noise, to be written down: vectors to sequence", options<SpeechDataOptions>},
      Kind{"topic_pairs", "do two documents have their topic in common?", options<TopicPairsDataOptions>},
      Kind{"set_max", "the class of the item with the largest number", options<SetMaxDataOptions>},
      Kind{"pair_recall", "which value came with this key? One question", options<PairRecallDataOptions>},
      Kind{"fused_recall", "which value came with each key? For causal models", options<FusedRecallDataOptions>},
      Kind{"associative_recall", "keys and values as tokens, and keys again (MQAR)",
           options<AssociativeRecallDataOptions>},
      Kind{"needle", "a key and its value in a haystack", options<NeedleDataOptions>},
      Kind{"bigram_backcopy", "a language of bigrams in which some tokens say: again",
           options<BigramBackcopyDataOptions>},
      Kind{"latest_symbol", "which symbol came last? For causal models", options<LatestSymbolDataOptions>},
      Kind{"listops", "the value of nested operations on digits, drawn or from files", options<ListOpsDataOptions>},
      Kind{"glyphs", "images of digits among strokes and noise", options<GlyphsDataOptions>},
      Kind{"pathfinder", "are two ends those of one dashed path? Drawn or from files", options<PathfinderDataOptions>},
      Kind{"lattice_paths", "the same on a small lattice", options<LatticePathsDataOptions>},
      Kind{"latent_classes", "Gaussian classes behind a fixed network", options<LatentClassesDataOptions>},
      Kind{"sphere_classes", "many classes around points of a sphere", options<SphereClassesDataOptions>},
      Kind{"label_proportions", "the shares of a document's labels, by its words",
           options<LabelProportionsDataOptions>},
  };
  return kinds;
}

}  // namespace tempera
