#include "data/table.h"

#include <array>

#include "core/kind_of.h"
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

std::span<const Kind> dataset_kinds() {
  static const std::array kinds = {
      kind_of<TextDataOptions>("text", "a text file, a folder of them, or a corpus from Debian"),
      kind_of<TextTableOptions>("text_table", "texts in the columns of a table: classes, pairs, translations"),
      kind_of<TextClassesOptions>("text_classes",
                                  "texts in files or folders by class: IMDB's reviews, Debian's fortunes"),
      kind_of<DigitsDataOptions>("digits", "the handwritten digits of this repository, 8 x 8 pixels"),
      kind_of<IdxDataOptions>("idx", "images of the MNIST family"),
      kind_of<Cifar10DataOptions>("cifar10", "the 60,000 images of CIFAR-10"),
      kind_of<PngDataOptions>("png", "a folder of PNG files for each class"),
      kind_of<CsvDataOptions>("csv", "a table in text"),
      kind_of<ModularDataOptions>("modular", "a op b mod p, over all pairs"),
      kind_of<ParityDataOptions>("parity", "exclusive or of a few of many bits"),
      kind_of<SeparationDataOptions>("separation", "two classes that linear attention cannot tell apart"),
      kind_of<MarkedTokenDataOptions>("marked_token", "the class of the one token that bears a mark"),
      kind_of<SequenceDataOptions>("sequences", "copy, reverse or sort a sequence: sequence to sequence"),
      kind_of<SpeechDataOptions>("speech", "symbols held among noise, to be written down: vectors to sequence"),
      kind_of<TopicPairsDataOptions>("topic_pairs", "do two documents have their topic in common?"),
      kind_of<SetMaxDataOptions>("set_max", "the class of the item with the largest number"),
      kind_of<PairRecallDataOptions>("pair_recall", "which value came with this key? One question"),
      kind_of<FusedRecallDataOptions>("fused_recall", "which value came with each key? For causal models"),
      kind_of<AssociativeRecallDataOptions>("associative_recall", "keys and values as tokens, and keys again (MQAR)"),
      kind_of<NeedleDataOptions>("needle", "a key and its value in a haystack"),
      kind_of<BigramBackcopyDataOptions>("bigram_backcopy", "a language of bigrams in which some tokens say: again"),
      kind_of<LatestSymbolDataOptions>("latest_symbol", "which symbol came last? For causal models"),
      kind_of<ListOpsDataOptions>("listops", "the value of nested operations on digits, drawn or from files"),
      kind_of<GlyphsDataOptions>("glyphs", "images of digits among strokes and noise"),
      kind_of<PathfinderDataOptions>("pathfinder", "are two ends those of one dashed path? Drawn or from files"),
      kind_of<LatticePathsDataOptions>("lattice_paths", "the same on a small lattice"),
      kind_of<LatentClassesDataOptions>("latent_classes", "Gaussian classes behind a fixed network"),
      kind_of<SphereClassesDataOptions>("sphere_classes", "many classes around points of a sphere"),
      kind_of<LabelProportionsDataOptions>("label_proportions", "the shares of a document's labels, by its words"),
  };
  return kinds;
}

}  // namespace tempera
