// Classification of images.
#pragma once

#include "data/images/formats.h"

namespace tempera {

// What all kinds share. Validation (and the test, where the files bring none) is cut by seed (data/split.h). Empty mean
// and deviation are measured on the training part. form tokens: the brightness of each pixel, row by row, is a token;
// colours are turned grey, and mean and deviation are not looked at.
struct ImageDataOptions : DataOptions {
  std::string form = "image";
  std::vector<double> mean, deviation;
  double valid = 0.1;
  std::uint64_t seed = 0;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;

 protected:
  // The first `given` of the images were meant for training by their maker, the rest for the test; where all are given
  // for training, the fraction `test` of them is held back.
  std::unique_ptr<DataSource> make_from(Images images, Index given, double test) const;
};

// `folder` holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each
// perhaps with .gz. Debian's package dataset-fashion-mnist puts Fashion-MNIST where the default says.
struct IdxDataOptions : ImageDataOptions {
  std::string folder = "/usr/share/datasets/fashion-mnist";
  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

// `folder` holds data_batch_1.bin .. data_batch_5.bin and test_batch.bin.
struct Cifar10DataOptions : ImageDataOptions {
  std::string folder = "cifar-10-batches-bin";
  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

// The 1,797 handwritten digits that come with the repository, 8 x 8 (data/digits.h).
struct DigitsDataOptions : ImageDataOptions {
  std::string file = "data/files/digits.csv";
  double test = 0.2;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// A folder of PNG files for each class.
struct PngDataOptions : ImageDataOptions {
  std::string folder;
  int channels = 3;
  double test = 0.1;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// Training and test images as one set: the second are appended. Throws Error where sizes differ.
Images joined(Images first, const Images& second, std::string_view who);

}  // namespace tempera
